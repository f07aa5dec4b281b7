//! Weights W (K × d) and intercepts b (K) on the raw scale of the columns, and their gauge.

use crate::error::{Error, Result, check_len};

/// The coefficients of a softmax regression: scores z = W x + b.
///
/// Adding one vector to every row of W (and one number to every b) changes no probability; see
/// [`Coefficients::center`] and [`Coefficients::contrasts`] for the two usual ways to fix that.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    classes: usize,
    features: usize,
    weights: Vec<f64>,
    intercepts: Vec<f64>,
}

impl Coefficients {
    /// From row-major `weights` (K × d) and `intercepts` (K; zeros for a model without).
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths do not fit, [`Error::Coefficient`] if one is not finite.
    pub fn new(classes: usize, features: usize, weights: Vec<f64>, intercepts: Vec<f64>) -> Result<Self> {
        check_len("weights", "classes × features", classes.saturating_mul(features), weights.len())?;
        check_len("intercepts", "classes", classes, intercepts.len())?;
        for (k, &value) in intercepts.iter().enumerate() {
            if !value.is_finite() {
                return Err(Error::Coefficient { what: "the intercept".into(), class: k, value });
            }
        }
        if let Some(at) = weights.iter().position(|w| !w.is_finite()) {
            return Err(Error::Coefficient {
                what: format!("the weight of feature {}", at % features),
                class: at / features,
                value: weights[at],
            });
        }
        Ok(Self { classes, features, weights, intercepts })
    }

    /// K classes and d features, all zero: the uniform distribution.
    pub fn zeros(classes: usize, features: usize) -> Self {
        Self { classes, features, weights: vec![0.0; classes * features], intercepts: vec![0.0; classes] }
    }

    /// K.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// d.
    pub fn features(&self) -> usize {
        self.features
    }

    /// W, row-major (K × d).
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// b (K).
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// w_k (d).
    pub fn class_weights(&self, class: usize) -> &[f64] {
        &self.weights[class * self.features..(class + 1) * self.features]
    }

    /// The zero-sum gauge: every feature's weights, and the intercepts, sum to 0 over the classes.
    #[must_use]
    pub fn center(mut self) -> Self {
        let k = self.classes as f64;
        for j in 0..self.features {
            let mean = (0..self.classes).map(|c| self.weights[c * self.features + j]).sum::<f64>() / k;
            for c in 0..self.classes {
                self.weights[c * self.features + j] -= mean;
            }
        }
        let mean = self.intercepts.iter().sum::<f64>() / k;
        for b in &mut self.intercepts {
            *b -= mean;
        }
        self
    }

    /// Contrasts against `reference`: log odds w_k − w_reference, b_k − b_reference; that class's row is 0.
    #[must_use]
    pub fn contrasts(mut self, reference: usize) -> Self {
        let w = self.class_weights(reference).to_vec();
        let b = self.intercepts[reference];
        for k in 0..self.classes {
            for (value, r) in self.weights[k * self.features..(k + 1) * self.features].iter_mut().zip(&w) {
                *value -= r;
            }
            self.intercepts[k] -= b;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_keep_differences() {
        let c = Coefficients::new(2, 2, vec![1.0, 2.0, 3.0, 5.0], vec![0.5, -1.5]).unwrap();
        let zero_sum = c.clone().center();
        assert_eq!(zero_sum.weights(), [-1.0, -1.5, 1.0, 1.5]);
        assert_eq!(zero_sum.intercepts(), [1.0, -1.0]);
        let odds = c.contrasts(0);
        assert_eq!(odds.weights(), [0.0, 0.0, 2.0, 3.0]);
        assert_eq!(odds.intercepts(), [0.0, -2.0]);
    }

    #[test]
    fn shapes_and_values_are_checked() {
        assert!(matches!(Coefficients::new(2, 2, vec![0.0; 3], vec![0.0; 2]), Err(Error::Shape { .. })));
        let bad = Coefficients::new(2, 2, vec![0.0, 0.0, 0.0, f64::NAN], vec![0.0; 2]);
        assert_eq!(
            bad.unwrap_err().to_string(),
            "the weight of feature 1 of class 1 is NaN: coefficients must be finite"
        );
    }
}
