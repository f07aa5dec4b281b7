//! Options in the numbers of other packages, and their coefficients' gauge.
//!
//! ```text
//! λ [ (1−α)/2 ‖sd·β‖² + α ‖sd·β‖₁ ]      K = 2: there one vector β = w_1 − w_0, here W = ±β/2 in the minimum:
//!                                           ‖β‖² = 2‖W‖², ‖β‖₁ = ‖W‖₁
//! sd² with 1/S weights                      glmnet; ours
//! sd² · S/(S − Σ s_i²/S)                    Spark: the unbiased variance, n/(n − 1) times ours for weights of 1
//! v_j d / Σ v                               glmnet's penalty factors
//! ```
//!
//! So the L1 part and the ridge part are each multiplied by a number. Sources: glmnet 4.1's `glmnet` and `lognet`
//! (function `elc` fixes the gauge); Spark 3's `LogisticRegression.scala` and `Summarizer.scala`; scikit-learn 1.9's
//! `_linear_loss.py`.

use crate::error::{Error, Result};
use crate::target::Target;

/// Whose numbers the options are in: see [`LogisticRegression::like`](crate::LogisticRegression::like).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Convention {
    /// R's glmnet; for two classes `family = "binomial"`.
    Glmnet,
    /// scikit-learn's `LogisticRegression`.
    ScikitLearn,
    /// Spark's `ml.classification.LogisticRegression` with `family = "auto"`.
    Spark,
}

impl Convention {
    /// `glmnet`, `scikit-learn` or `spark`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Glmnet => "glmnet",
            Self::ScikitLearn => "scikit-learn",
            Self::Spark => "spark",
        }
    }

    /// The convention of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Glmnet, Self::ScikitLearn, Self::Spark].into_iter().find(|c| c.name() == name)
    }

    /// Does it standardise by default?
    pub fn standardizes(self) -> bool {
        self != Self::ScikitLearn
    }

    /// Its share of L1 by default.
    pub fn l1_ratio(self) -> f64 {
        if self == Self::Glmnet { 1.0 } else { 0.0 }
    }

    /// What the parts of its penalty are multiplied with.
    pub(crate) fn units(self, target: &Target, standardize: bool) -> Units {
        let mut units = Units::default();
        if target.classes().len() == 2 {
            units.ridge = 2.0;
        }
        if self == Self::Spark && standardize {
            let total = target.total_weight();
            let square: f64 = (0..target.rows()).map(|row| target.weight(row).powi(2)).sum();
            let ratio = total / (total - square / total);
            units.ridge *= ratio;
            units.l1 *= ratio.sqrt();
        }
        units
    }

    /// Penalty factors as it takes them.
    pub(crate) fn factors(self, mut factors: Vec<f64>) -> Result<Vec<f64>> {
        let sum: f64 = factors.iter().sum();
        if self == Self::Glmnet && !factors.is_empty() {
            if sum <= 0.0 {
                let (option, range) = ("the sum of glmnet's penalty factors", "greater than 0");
                return Err(Error::Option { option, value: sum.to_string(), range });
            }
            let rescale = factors.len() as f64 / sum;
            for v in &mut factors {
                *v *= rescale;
            }
        }
        Ok(factors)
    }
}

/// What the L1 part and the ridge part of a penalty are multiplied with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Units {
    pub(crate) l1: f64,
    pub(crate) ridge: f64,
}

impl Default for Units {
    fn default() -> Self {
        Self { l1: 1.0, ridge: 1.0 }
    }
}

impl Units {
    /// Our λ and α for theirs.
    pub(crate) fn ours(self, lambda: f64, alpha: f64) -> (f64, f64) {
        if self == Self::default() {
            return (lambda, alpha);
        }
        let (l1, ridge) = (alpha * self.l1, (1.0 - alpha) * self.ridge);
        (lambda * (l1 + ridge), l1 / (l1 + ridge))
    }
}

/// glmnet's median of an even number of values: the middle between the two middle ones.
pub(crate) fn middle_median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { 0.5 * (sorted[half - 1] + sorted[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_hand() {
        let two = Target::from_labels([0, 1, 0, 1, 1]).unwrap();
        let (lambda, alpha) = Convention::ScikitLearn.units(&two, false).ours(0.1, 0.5);
        assert!((lambda - 0.15).abs() < 1e-16 && (alpha - 1.0 / 3.0).abs() < 1e-16);
        let three = Target::from_labels([0, 1, 2, 1, 1]).unwrap();
        assert_eq!(Convention::Glmnet.units(&three, true).ours(0.1, 0.5), (0.1, 0.5));
        let spark = Convention::Spark.units(&three, true);
        assert!((spark.ridge - 1.25).abs() < 1e-15 && (spark.l1 - 1.25f64.sqrt()).abs() < 1e-15);
        assert_eq!(Convention::Spark.units(&three, false), Units::default());
        let weighted = three.clone().weights(vec![1.0, 1.0, 1.0, 1.0, 2.0]).unwrap();
        // S = 6, Σ s² = 8
        assert!((Convention::Spark.units(&weighted, true).ridge - 6.0 / (6.0 - 8.0 / 6.0)).abs() < 1e-15);
        assert_eq!(Convention::Glmnet.factors(vec![0.0, 1.0, 3.0]).unwrap(), [0.0, 0.75, 2.25]);
        assert_eq!(Convention::Spark.factors(vec![0.0, 1.0, 3.0]).unwrap(), [0.0, 1.0, 3.0]);
        let message = Convention::Glmnet.factors(vec![0.0; 2]).unwrap_err().to_string();
        assert_eq!(message, "the sum of glmnet's penalty factors is 0: it must be greater than 0");
    }

    #[test]
    fn names_and_medians() {
        for of in [Convention::Glmnet, Convention::ScikitLearn, Convention::Spark] {
            assert_eq!(Convention::named(of.name()), Some(of));
        }
        assert_eq!(Convention::named("sklearn"), None);
        assert_eq!(middle_median(&[3.0, -1.0, 0.0, 1.0]), 0.5);
        assert_eq!(middle_median(&[3.0, -1.0, 0.0]), 0.0);
    }
}
