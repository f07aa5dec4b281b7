//! The formula: softmax, log-sum-exp, the Jacobian and its products, in plain loops.
//!
//! ```text
//! softmax(z)_k = exp(z_k) / Σ_l exp(z_l)          logsumexp(z) = max z + ln Σ_l exp(z_l − max z)
//! J_kj = ∂softmax(z)_k/∂z_j = p_k (1[k=j] − p_j)    Jv = p ∘ (v − p·v)
//! ```
//!
//! The largest score is taken out first, so no finite input overflows. Special values: −∞ is an impossible class
//! (p = 0, ln p = −∞). NaN, +∞, or −∞ everywhere have no answer: the whole row comes out NaN. Empty slices stay
//! empty; their `logsumexp` is −∞.
//!
//! Order: z_a > z_b gives p_a ≥ p_b, and p_a > p_b unless rounding leaves no choice: (z_a − z_b) below
//! 4ε·max(1, max z − z_b), or both probabilities below the smallest normal number.

use crate::error::{Error, Result};
use crate::scalar::Scalar;

/// Takes the maximum out and sums: `(max, Σ_{l ≠ argmax} exp(z_l − max))`. NaN where there is no answer.
fn max_and_rest<T: Scalar>(z: &[T]) -> (T, T) {
    let Some(top) = argmax(z) else { return (T::NEG_INFINITY, T::ZERO) };
    let max = z[top];
    if !max.is_finite() || z.iter().any(|v| v.is_nan()) {
        return (T::NAN, T::NAN);
    }
    let mut rest = T::ZERO;
    for (l, v) in z.iter().enumerate() {
        if l != top {
            rest += (*v - max).exp();
        }
    }
    (max, rest)
}

/// ln Σ_k exp(z_k), in nats.
///
/// ```
/// # use polylogit::softmax::logsumexp;
/// assert!((logsumexp(&[1000.0, 1000.0]) - (1000.0 + 2f64.ln())).abs() < 1e-12);
/// ```
pub fn logsumexp<T: Scalar>(z: &[T]) -> T {
    let (max, rest) = max_and_rest(z);
    max + rest.ln_1p()
}

/// Replaces scores (K) by softmax(z).
pub fn softmax_in_place<T: Scalar>(z: &mut [T]) {
    let (max, rest) = max_and_rest(z);
    let sum = T::ONE + rest;
    for v in z {
        *v = (*v - max).exp() / sum;
    }
}

/// softmax(z) of scores (K): non-negative, at most 1, sums to 1, keeps order.
///
/// ```
/// # use polylogit::softmax::softmax;
/// let p = softmax(&[0.0, 3f64.ln()]);
/// assert!((p[0] - 0.25).abs() < 1e-15 && (p[1] - 0.75).abs() < 1e-15);
/// ```
#[must_use]
pub fn softmax<T: Scalar>(z: &[T]) -> Vec<T> {
    let mut p = z.to_vec();
    softmax_in_place(&mut p);
    p
}

/// Replaces scores (K) by ln softmax(z) = z − logsumexp(z): finite for finite scores.
pub fn log_softmax_in_place<T: Scalar>(z: &mut [T]) {
    let (max, rest) = max_and_rest(z);
    let log_sum = rest.ln_1p();
    for v in z {
        *v = (*v - max) - log_sum;
    }
}

/// ln softmax(z) of scores (K), in nats.
///
/// ```
/// # use polylogit::softmax::log_softmax;
/// let log_p = log_softmax(&[0.0, -1000.0]);
/// assert_eq!(log_p, [0.0, -1000.0]); // ln of the probability itself would be −∞
/// ```
#[must_use]
pub fn log_softmax<T: Scalar>(z: &[T]) -> Vec<T> {
    let mut log_p = z.to_vec();
    log_softmax_in_place(&mut log_p);
    log_p
}

/// The first index of the largest entry; NaN counts as smallest; `None` for an empty slice.
pub fn argmax<T: Scalar>(z: &[T]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (k, v) in z.iter().enumerate() {
        let better = match best {
            None => true,
            Some(b) => *v > z[b] || (z[b].is_nan() && !v.is_nan()),
        };
        if better {
            best = Some(k);
        }
    }
    best
}

/// The rows of a row-major (n × `classes`) batch.
fn rows<T>(values: &mut [T], classes: usize) -> Result<std::slice::ChunksExactMut<'_, T>> {
    check_rows(values.len(), classes)?;
    Ok(values.chunks_exact_mut(classes.max(1)))
}

fn check_rows(found: usize, classes: usize) -> Result<()> {
    if found.checked_rem(classes).unwrap_or(found) == 0 {
        return Ok(());
    }
    let expected = found.checked_div(classes).map_or(0, |n| (n + 1) * classes);
    Err(Error::Shape { what: "batch", shape: "rows × classes", expected, found })
}

/// softmax of each row of a row-major (n × `classes`) batch, in place.
///
/// # Errors
/// [`Error::Shape`] if the length is no multiple of `classes`.
pub fn softmax_rows_in_place<T: Scalar>(z: &mut [T], classes: usize) -> Result<()> {
    rows(z, classes)?.for_each(softmax_in_place);
    Ok(())
}

/// softmax of each row of a row-major (n × `classes`) batch.
///
/// # Errors
/// As [`softmax_rows_in_place`].
pub fn softmax_rows<T: Scalar>(z: &[T], classes: usize) -> Result<Vec<T>> {
    let mut p = z.to_vec();
    softmax_rows_in_place(&mut p, classes)?;
    Ok(p)
}

/// ln softmax of each row of a row-major (n × `classes`) batch, in place.
///
/// # Errors
/// As [`softmax_rows_in_place`].
pub fn log_softmax_rows_in_place<T: Scalar>(z: &mut [T], classes: usize) -> Result<()> {
    rows(z, classes)?.for_each(log_softmax_in_place);
    Ok(())
}

/// ln softmax of each row of a row-major (n × `classes`) batch.
///
/// # Errors
/// As [`softmax_rows_in_place`].
pub fn log_softmax_rows<T: Scalar>(z: &[T], classes: usize) -> Result<Vec<T>> {
    let mut log_p = z.to_vec();
    log_softmax_rows_in_place(&mut log_p, classes)?;
    Ok(log_p)
}

/// logsumexp of each row of a row-major (n × `classes`) batch (n).
///
/// # Errors
/// As [`softmax_rows_in_place`].
pub fn logsumexp_rows<T: Scalar>(z: &[T], classes: usize) -> Result<Vec<T>> {
    check_rows(z.len(), classes)?;
    Ok(z.chunks_exact(classes.max(1)).map(logsumexp).collect())
}

/// The Jacobian J_kj = p_k (1[k=j] − p_j) at probabilities p (K), row-major (K × K): symmetric, positive
/// semidefinite, rows that sum to 0.
///
/// ```
/// # use polylogit::softmax::jacobian;
/// assert_eq!(jacobian(&[0.5, 0.5]), [0.25, -0.25, -0.25, 0.25]);
/// ```
#[must_use]
pub fn jacobian<T: Scalar>(p: &[T]) -> Vec<T> {
    let k = p.len();
    let mut out = vec![T::ZERO; k * k];
    for a in 0..k {
        let mut others = T::ZERO;
        for b in 0..k {
            if a != b {
                out[a * k + b] = -(p[a] * p[b]);
                others += p[a] * p[b];
            }
        }
        // p_a (1 − p_a) = p_a Σ_{b≠a} p_b, without the cancellation near p_a = 1.
        out[a * k + a] = others;
    }
    out
}

/// Jv = p ∘ (v − p·v) at probabilities p (K), v (K).
///
/// # Errors
/// [`Error::Shape`] if the lengths differ.
pub fn jacobian_vector_product<T: Scalar>(p: &[T], v: &[T]) -> Result<Vec<T>> {
    crate::error::check_len("v", "classes", p.len(), v.len())?;
    let mut mean = T::ZERO;
    for (p, v) in p.iter().zip(v) {
        mean += *p * *v;
    }
    Ok(p.iter().zip(v).map(|(p, v)| *p * (*v - mean)).collect())
}

/// vᵀJ, the same as Jv: the Jacobian is symmetric. What reverse-mode differentiation asks for.
///
/// # Errors
/// As [`jacobian_vector_product`].
pub fn vector_jacobian_product<T: Scalar>(v: &[T], p: &[T]) -> Result<Vec<T>> {
    jacobian_vector_product(p, v)
}

/// Jv for each row of two row-major (n × `classes`) batches.
///
/// # Errors
/// [`Error::Shape`] if the batches differ or are no multiple of `classes`.
pub fn jacobian_vector_product_rows<T: Scalar>(p: &[T], v: &[T], classes: usize) -> Result<Vec<T>> {
    check_rows(p.len(), classes)?;
    crate::error::check_len("v", "rows × classes", p.len(), v.len())?;
    let mut out = Vec::with_capacity(p.len());
    for (p, v) in p.chunks_exact(classes.max(1)).zip(v.chunks_exact(classes.max(1))) {
        out.extend(jacobian_vector_product(p, v)?);
    }
    Ok(out)
}
