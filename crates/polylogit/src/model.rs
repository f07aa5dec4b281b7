//! A fitted model: classes and coefficients; scores, probabilities, predictions.

use crate::coefficients::Coefficients;
use crate::design::Design;
use crate::error::{Error, Result, check_len};
use crate::label::Label;

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
        let _ = (x, Error::NoRows);
        unimplemented!()
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
