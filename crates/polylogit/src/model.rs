//! A fitted model: classes and coefficients; scores, probabilities, predictions.

use crate::coefficients::Coefficients;
use crate::design::{Design, Storage};
use crate::error::{Error, Result, check_len};
use crate::label::Label;
use crate::scalar::Scalar;

/// Classes and coefficients. Predicts with z = W x + b and p = softmax(z).
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    classes: Vec<Label>,
    coefficients: Coefficients,
}

impl Model {
    /// From K labels and coefficients of K classes.
    ///
    /// # Errors
    /// [`Error::Shape`] if their numbers differ.
    pub fn new(classes: Vec<Label>, coefficients: Coefficients) -> Result<Self> {
        check_len("classes", "classes", coefficients.classes(), classes.len())?;
        Ok(Self { classes, coefficients })
    }

    /// The K class labels.
    pub fn classes(&self) -> &[Label] {
        &self.classes
    }

    /// W and b.
    pub fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// The scores z = W x + b, row-major (n × K).
    ///
    /// # Errors
    /// [`Error::Features`] if X has another width, [`Error::NotFinite`] where X is NaN or infinite.
    pub fn logits(&self, x: &Design<'_>) -> Result<Vec<f64>> {
        let (k, d) = (self.coefficients.classes(), self.coefficients.features());
        if x.features() != d {
            return Err(Error::Features { expected: d, found: x.features() });
        }
        let mut z = vec![0.0; x.rows() * k];
        match x.storage() {
            Storage::F64(values) => self.dense_logits(values, &mut z)?,
            Storage::F32(values) => self.dense_logits(values, &mut z)?,
            Storage::Csr(csr) => {
                // Feature-major weights: each stored value meets the K weights of its column in a row.
                let w: Vec<f64> =
                    (0..k * d).map(|at| self.coefficients.weights()[at % k * d + at / k]).collect();
                for (row, z) in z.chunks_exact_mut(k).enumerate() {
                    z.copy_from_slice(self.coefficients.intercepts());
                    for (j, v) in csr.row(row) {
                        check_finite(row, j, v)?;
                        for (z, w) in z.iter_mut().zip(&w[j * k..(j + 1) * k]) {
                            *z += v * w;
                        }
                    }
                }
            }
        }
        Ok(z)
    }

    fn dense_logits<T: Scalar>(&self, values: &[T], z: &mut [f64]) -> Result<()> {
        let c = &self.coefficients;
        for (row, z) in z.chunks_exact_mut(c.classes()).enumerate() {
            let x = &values[row * c.features()..(row + 1) * c.features()];
            if let Some(j) = x.iter().position(|v| !v.is_finite()) {
                check_finite(row, j, x[j].to_f64())?;
            }
            for (class, z) in z.iter_mut().enumerate() {
                let dot: f64 = c.class_weights(class).iter().zip(x).map(|(w, x)| w * x.to_f64()).sum();
                *z = dot + c.intercepts()[class];
            }
        }
        Ok(())
    }

    /// p(y|x) = softmax(W x + b), row-major (n × K).
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn probabilities(&self, x: &Design<'_>) -> Result<Vec<f64>> {
        let mut z = self.logits(x)?;
        crate::softmax::softmax_rows_in_place(&mut z, self.classes.len())?;
        Ok(z)
    }

    /// ln p(y|x) by log-sum-exp, row-major (n × K): finite wherever the scores are.
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn log_probabilities(&self, x: &Design<'_>) -> Result<Vec<f64>> {
        let mut z = self.logits(x)?;
        crate::softmax::log_softmax_rows_in_place(&mut z, self.classes.len())?;
        Ok(z)
    }

    /// The class of the highest score for each row (the first of equals), as an index into the classes.
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn predict(&self, x: &Design<'_>) -> Result<Vec<usize>> {
        let z = self.logits(x)?;
        Ok(z.chunks_exact(self.classes.len()).map(|row| crate::softmax::argmax(row).unwrap_or(0)).collect())
    }
}

fn check_finite(row: usize, column: usize, value: f64) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::NotFinite { row, column, value }) }
}
