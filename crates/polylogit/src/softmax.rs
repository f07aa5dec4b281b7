//! The formula: softmax, log-sum-exp, their derivatives, in plain loops.

use crate::error::Result;
use crate::scalar::Scalar;

/// softmax of each row of a row-major (n × `classes`) batch, in place.
///
/// # Errors
/// Shape.
pub fn softmax_rows_in_place<T: Scalar>(_z: &mut [T], _classes: usize) -> Result<()> {
    unimplemented!()
}

/// `log_softmax` of each row of a row-major (n × `classes`) batch, in place.
///
/// # Errors
/// Shape.
pub fn log_softmax_rows_in_place<T: Scalar>(_z: &mut [T], _classes: usize) -> Result<()> {
    unimplemented!()
}

/// The first index of the largest entry.
pub fn argmax<T: Scalar>(_z: &[T]) -> Option<usize> {
    unimplemented!()
}
