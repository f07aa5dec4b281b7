//! How good predictions are: on class ids and probabilities only, with optional sample weights.
//!
//! `truth` holds class ids below K, probabilities are row-major (n × K). Every mean is weighted: Σ s_i m_i / Σ s_i.

mod curves;

use crate::error::{Error, Result, check_len};

pub use curves::{Ranking, Step, histogram};

/// How far a row of probabilities may stray from the sum 1.
const SUM_TOLERANCE: f64 = 1e-6;

pub(crate) fn check(truth: &[u32], weights: Option<&[f64]>, classes: usize) -> Result<f64> {
    if truth.is_empty() {
        return Err(Error::NoRows);
    }
    if let Some(row) = truth.iter().position(|y| *y as usize >= classes) {
        return Err(Error::ClassOutOfRange { row, class: truth[row] as usize, classes });
    }
    let Some(s) = weights else { return Ok(truth.len() as f64) };
    check_len("weights", "rows", truth.len(), s.len())?;
    match s.iter().position(|s| !(s.is_finite() && *s > 0.0)) {
        Some(row) => Err(Error::Weight { row, value: s[row] }),
        None => Ok(s.iter().sum()),
    }
}

pub(crate) fn check_probabilities(p: &[f64], rows: usize, classes: usize) -> Result<()> {
    check_len("probabilities", "rows × classes", rows * classes, p.len())?;
    for (row, p) in p.chunks_exact(classes).enumerate() {
        if let Some(class) = p.iter().position(|p| !(0.0..=1.0).contains(p)) {
            return Err(Error::Probability { row, class, value: p[class] });
        }
        let sum: f64 = p.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(Error::Probability { row, class: 0, value: p[0] });
        }
    }
    Ok(())
}

fn weighted_mean(n: usize, weights: Option<&[f64]>, total: f64, value: impl Fn(usize) -> f64) -> f64 {
    (0..n).map(|row| weights.map_or(1.0, |s| s[row]) * value(row)).sum::<f64>() / total
}

/// Share of rows whose predicted class is the true one.
///
/// # Errors
/// [`Error::NoRows`], [`Error::Shape`], [`Error::Weight`].
pub fn accuracy(predicted: &[usize], truth: &[u32], weights: Option<&[f64]>) -> Result<f64> {
    let total = check(truth, weights, usize::MAX)?;
    check_len("predictions", "rows", truth.len(), predicted.len())?;
    let right = |row: usize| f64::from(u8::from(predicted[row] == truth[row] as usize));
    Ok(weighted_mean(truth.len(), weights, total, right))
}

/// Mean of −ln p_y, in nats, from log-probabilities (n × K), so that no probability rounds to 0.
///
/// # Errors
/// [`Error::NoRows`], [`Error::Shape`], [`Error::ClassOutOfRange`], [`Error::Weight`];
/// [`Error::Probability`] where a log-probability is NaN or positive.
pub fn log_loss(log_p: &[f64], truth: &[u32], weights: Option<&[f64]>, classes: usize) -> Result<f64> {
    let total = check(truth, weights, classes)?;
    check_len("log-probabilities", "rows × classes", truth.len() * classes, log_p.len())?;
    if let Some(at) = log_p.iter().position(|l| l.is_nan() || *l > SUM_TOLERANCE) {
        return Err(Error::Probability { row: at / classes, class: at % classes, value: log_p[at].exp() });
    }
    Ok(weighted_mean(truth.len(), weights, total, |row| -log_p[row * classes + truth[row] as usize]))
}

/// Mean of Σ_k (p_k − y_k)², between 0 and 2 (Brier 1950).
///
/// # Errors
/// As [`log_loss`]; [`Error::Probability`] where a row is no distribution.
pub fn brier(p: &[f64], truth: &[u32], weights: Option<&[f64]>, classes: usize) -> Result<f64> {
    let total = check(truth, weights, classes)?;
    check_probabilities(p, truth.len(), classes)?;
    let score = |row: usize| {
        let p = &p[row * classes..(row + 1) * classes];
        let y = truth[row] as usize;
        p.iter().enumerate().map(|(k, p)| (p - f64::from(u8::from(k == y))).powi(2)).sum()
    };
    Ok(weighted_mean(truth.len(), weights, total, score))
}

/// Weight of rows by true class (rows) and predicted class (columns), row-major (K × K).
///
/// # Errors
/// [`Error::NoRows`], [`Error::Shape`], [`Error::ClassOutOfRange`], [`Error::Weight`].
pub fn confusion_matrix(
    predicted: &[usize],
    truth: &[u32],
    weights: Option<&[f64]>,
    classes: usize,
) -> Result<Vec<f64>> {
    check(truth, weights, classes)?;
    check_len("predictions", "rows", truth.len(), predicted.len())?;
    let mut matrix = vec![0.0; classes * classes];
    for (row, (&k, &y)) in predicted.iter().zip(truth).enumerate() {
        if k >= classes {
            return Err(Error::ClassOutOfRange { row, class: k, classes });
        }
        matrix[y as usize * classes + k] += weights.map_or(1.0, |s| s[row]);
    }
    Ok(matrix)
}

/// Precision, recall and F1 of one class; `None` where the share is 0/0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScores {
    /// Of the rows predicted as this class, the share that is.
    pub precision: Option<f64>,
    /// Of the rows of this class, the share predicted so.
    pub recall: Option<f64>,
    /// 2 · right / (rows + predictions), the harmonic mean of the two.
    pub f1: Option<f64>,
    /// Weight of the rows of this class.
    pub support: f64,
}

/// The scores of each class (K) from a confusion matrix (K × K).
///
/// # Errors
/// [`Error::Shape`] if the matrix is not K × K.
pub fn class_scores(confusion: &[f64], classes: usize) -> Result<Vec<ClassScores>> {
    check_len("confusion matrix", "classes × classes", classes * classes, confusion.len())?;
    let share = |part: f64, of: f64| (of > 0.0).then(|| part / of);
    let score = |k: usize| {
        let right = confusion[k * classes + k];
        let support: f64 = confusion[k * classes..(k + 1) * classes].iter().sum();
        let predicted: f64 = confusion.iter().skip(k).step_by(classes).sum();
        ClassScores {
            precision: share(right, predicted),
            recall: share(right, support),
            f1: share(2.0 * right, support + predicted),
            support,
        }
    };
    Ok((0..classes).map(score).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: [f64; 8] = [0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.2, 0.8];
    const TRUTH: [u32; 4] = [0, 1, 1, 1];
    const PREDICTED: [usize; 4] = [0, 0, 1, 1];

    #[test]
    fn by_hand() {
        assert_eq!(accuracy(&PREDICTED, &TRUTH, None).unwrap(), 0.75);
        let log_p: Vec<f64> = P.iter().map(|p| p.ln()).collect();
        let loss = -(0.9f64.ln() + 0.4f64.ln() + 0.7f64.ln() + 0.8f64.ln()) / 4.0;
        assert!((log_loss(&log_p, &TRUTH, None, 2).unwrap() - loss).abs() < 1e-15);
        assert!((brier(&P, &TRUTH, None, 2).unwrap() - (0.02 + 0.72 + 0.18 + 0.08) / 4.0).abs() < 1e-15);
        let confusion = confusion_matrix(&PREDICTED, &TRUTH, None, 2).unwrap();
        assert_eq!(confusion, [1.0, 0.0, 1.0, 2.0]);
        let scores = class_scores(&confusion, 2).unwrap();
        assert_eq!(scores[0].precision, Some(0.5));
        assert_eq!(scores[1].recall, Some(2.0 / 3.0));
        assert_eq!(scores[1].f1, Some(0.8));
        assert_eq!(class_scores(&[0.0; 4], 2).unwrap()[0].precision, None);
    }

    #[test]
    fn weight_two_is_a_row_twice() {
        let twice: Vec<f64> = [&P[..2], &P[..]].concat();
        let truth = [0, 0, 1, 1, 1];
        let s = [2.0, 1.0, 1.0, 1.0];
        let close = |a: Result<f64>, b: Result<f64>| assert!((a.unwrap() - b.unwrap()).abs() < 1e-15);
        close(brier(&P, &TRUTH, Some(&s), 2), brier(&twice, &truth, None, 2));
        close(accuracy(&PREDICTED, &TRUTH, Some(&s)), accuracy(&[0, 0, 0, 1, 1], &truth, None));
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(brier(&P, &[0, 1, 1, 2], None, 2), Err(Error::ClassOutOfRange { row: 3, .. })));
        assert!(matches!(brier(&P[1..], &TRUTH, None, 2), Err(Error::Shape { .. })));
        assert!(matches!(brier(&[0.5, 0.6], &[0], None, 2), Err(Error::Probability { row: 0, .. })));
        assert!(matches!(brier(&[1.5, -0.5], &[0], None, 2), Err(Error::Probability { .. })));
        assert!(matches!(log_loss(&[f64::NAN, 0.0], &[0], None, 2), Err(Error::Probability { .. })));
        assert!(matches!(accuracy(&[0], &[0], Some(&[0.0])), Err(Error::Weight { row: 0, .. })));
        assert!(matches!(accuracy(&[], &[], None), Err(Error::NoRows)));
    }
}
