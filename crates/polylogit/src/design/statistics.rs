//! Column statistics: one deterministic read of X, which also finds the first value that is not finite.

use super::{Csr, Design, Storage};
use crate::error::{Error, Result};
use crate::kernel;
use crate::parallel::{Workers, tree_reduce};
use crate::scalar::Scalar;

/// Rows whose mean and squared deviations are taken together before they are merged.
const BLOCK: usize = 256;
/// Columns of a block that are taken together: they stay in cache between its mean and its deviations.
const TILE: usize = 512;
/// Most slots that rows are shared out to.
const SLOTS: usize = 16;

/// Weighted moments of the d columns.
#[derive(Debug, Clone)]
pub(crate) struct ColumnStatistics {
    /// Σ s x / S.
    pub(crate) mean: Vec<f64>,
    /// √(Σ s (x − mean)² / S).
    pub(crate) sd: Vec<f64>,
    /// Columns with one value only.
    pub(crate) constant: Vec<bool>,
}

impl ColumnStatistics {
    /// Of X with sample weights s (none: all 1).
    ///
    /// # Errors
    /// [`Error::NotFinite`] at the first value, by rows, that is NaN or infinite.
    pub(crate) fn new(design: &Design<'_>, weights: Option<&[f64]>, workers: &Workers) -> Result<Self> {
        let (n, d) = (design.rows(), design.features());
        let slots = n.div_ceil(BLOCK).min(SLOTS);
        let rows_of = |slot: usize| n * slot / slots..n * (slot + 1) / slots;
        let mut partial: Vec<Moments> = (0..slots).map(|_| Moments::new(d)).collect();
        workers.for_each(&mut partial, |slot, moments| match design.storage() {
            Storage::F64(x) => moments.dense(x, rows_of(slot), weights),
            Storage::F32(x) => moments.dense(x, rows_of(slot), weights),
            Storage::Csr(x) => moments.sparse(x, rows_of(slot), weights),
        });
        if let Some((row, column, value)) = partial.iter().find_map(|m| m.bad) {
            return Err(Error::NotFinite { row, column, value });
        }
        tree_reduce(&mut partial, Moments::merge);
        let m = partial.swap_remove(0);
        let sd = m.squares.iter().map(|q| (q / m.weight).max(0.0).sqrt()).collect();
        let constant = m.min.iter().zip(&m.max).map(|(lo, hi)| lo == hi).collect();
        Ok(Self { mean: m.mean, sd, constant })
    }
}

/// Weight, mean, squared deviations and range of some rows (Chan, Golub, LeVeque 1983).
struct Moments {
    weight: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    bad: Option<(usize, usize, f64)>,
}

impl Moments {
    fn new(d: usize) -> Self {
        Self {
            weight: 0.0,
            mean: vec![0.0; d],
            squares: vec![0.0; d],
            min: vec![f64::INFINITY; d],
            max: vec![f64::NEG_INFINITY; d],
            bad: None,
        }
    }

    fn dense<T: Scalar>(&mut self, x: &[T], rows: std::ops::Range<usize>, weights: Option<&[f64]>) {
        let d = self.mean.len();
        if d == 0 {
            return;
        }
        let mut block = Self::new(d);
        let mut first = rows.start;
        while first < rows.end {
            let last = (first + BLOCK).min(rows.end);
            let weight = |row: usize| weights.map_or(1.0, |s| s[row]);
            block.weight = (first..last).map(weight).sum();
            if block.weight == 0.0 {
                first = last;
                continue;
            }
            block.mean.fill(0.0);
            block.squares.fill(0.0);
            for of in (0..d).step_by(TILE).map(|start| start..(start + TILE).min(d)) {
                let (mean, squares) = (&mut block.mean[of.clone()], &mut block.squares[of.clone()]);
                let (min, max) = (&mut self.min[of.clone()], &mut self.max[of.clone()]);
                let rows = || (first..last).map(|row| (weight(row), &x[row * d..][of.clone()]));
                // Rows of weight 0 are looked at for bad values only.
                rows().for_each(|(s, x)| kernel::add_mean(s / block.weight, x, mean, (min, max)));
                rows().for_each(|(s, x)| kernel::add_squares(s, x, mean, squares));
            }
            // Comparisons skip NaN, sums do not: a mean that is not finite tells of a bad value.
            if block.mean.iter().any(|m| !m.is_finite())
                && let Some(at) = x[first * d..last * d].iter().position(|v| !v.is_finite())
            {
                self.bad = Some((first + at / d, at % d, x[first * d + at].to_f64()));
                return;
            }
            self.merge(&block);
            first = last;
        }
    }

    /// Sums of the stored values; the zeros between them count for mean, deviation and range.
    fn sparse(&mut self, x: Csr<'_>, rows: std::ops::Range<usize>, weights: Option<&[f64]>) {
        let mut stored = vec![0usize; self.mean.len()];
        let mut n = 0;
        for row in rows {
            let s = weights.map_or(1.0, |s| s[row]);
            self.weight += s;
            n += usize::from(s > 0.0);
            for (j, v) in x.row(row) {
                if !v.is_finite() {
                    self.bad = Some((row, j, v));
                    return;
                }
                self.mean[j] += s * v;
                self.squares[j] += s * v * v;
                if s > 0.0 {
                    self.min[j] = self.min[j].min(v);
                    self.max[j] = self.max[j].max(v);
                    stored[j] += 1;
                }
            }
        }
        if self.weight == 0.0 {
            return;
        }
        for (j, stored) in stored.into_iter().enumerate() {
            self.mean[j] /= self.weight;
            self.squares[j] -= self.weight * self.mean[j] * self.mean[j];
            if stored < n {
                self.min[j] = self.min[j].min(0.0);
                self.max[j] = self.max[j].max(0.0);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        let total = self.weight + other.weight;
        if other.weight == 0.0 {
            return;
        }
        let share = other.weight / total;
        for j in 0..self.mean.len() {
            let e = other.mean[j] - self.mean[j];
            self.mean[j] += share * e;
            self.squares[j] += other.squares[j] + self.weight * share * e * e;
            self.min[j] = self.min[j].min(other.min[j]);
            self.max[j] = self.max[j].max(other.max[j]);
        }
        self.weight = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(x: &[f64], n: usize, d: usize, s: Option<&[f64]>) -> Result<ColumnStatistics> {
        ColumnStatistics::new(&Design::dense(x, n, d)?, s, &Workers::default())
    }

    #[test]
    fn moments_are_those_of_the_textbook() {
        let x: Vec<f64> = (0..3000).flat_map(|i| [1e9 + f64::from(i % 7), 5.0]).collect();
        let m = statistics(&x, 3000, 2, None).unwrap();
        let mean = (0..3000).map(|i| f64::from(i % 7)).sum::<f64>() / 3000.0;
        let var = (0..3000).map(|i| (f64::from(i % 7) - mean).powi(2)).sum::<f64>() / 3000.0;
        assert!((m.mean[0] - 1e9 - mean).abs() < 1e-6);
        assert!((m.sd[0] - var.sqrt()).abs() < 1e-6);
        assert_eq!(m.constant, [false, true]);
    }

    #[test]
    fn sparse_counts_the_zeros() {
        let (values, indices, indptr) = ([2.0, 4.0, 1.0], [0i32, 0, 1], [0i64, 1, 2, 3]);
        let sparse = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), 3).unwrap();
        let s = [1.0, 2.0, 1.0];
        let a = ColumnStatistics::new(&sparse, Some(&s), &Workers::default()).unwrap();
        let b = statistics(&[2.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3, 3, Some(&s)).unwrap();
        for j in 0..3 {
            assert!((a.mean[j] - b.mean[j]).abs() < 1e-15 && (a.sd[j] - b.sd[j]).abs() < 1e-15);
        }
        assert_eq!(a.constant, [false, false, true]);
    }

    #[test]
    fn the_first_bad_value_is_named() {
        let mut x = vec![1.0; 2000];
        x[1501] = f64::NAN;
        x[777] = f64::INFINITY;
        let error = statistics(&x, 1000, 2, None).unwrap_err();
        assert_eq!(error, Error::NotFinite { row: 388, column: 1, value: f64::INFINITY });
    }
}
