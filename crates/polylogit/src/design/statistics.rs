//! Column statistics: one deterministic read of X, which also finds the first value that is not finite.

use super::{Csr, Design, Storage};
use crate::error::{Error, Result};
use crate::kernel;
use crate::parallel::{Workers, tree_reduce};
use crate::scalar::Scalar;

/// Rows whose deviations are taken from the heaviest of them. That is no more than √`BLOCK` standard deviations from their
/// mean, so what is subtracted is no more than `BLOCK` variances.
const BLOCK: usize = 256;
const ONES: [f64; BLOCK] = [1.0; BLOCK];
/// Most slots that rows are shared out to.
const SLOTS: usize = 16;

/// Weighted moments of the d columns.
#[derive(Debug, Clone)]
pub(crate) struct ColumnStatistics {
    /// Σ s x / S.
    pub(crate) mean: Vec<f64>,
    /// √(Σ s (x − mean)² / S).
    pub(crate) sd: Vec<f64>,
    /// Columns with one value only, or none whose squared distance from another is above 0 in float64.
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
        Ok(Self { mean: m.mean, sd, constant: m.varies.iter().map(|varies| !varies).collect() })
    }
}

/// Weight, mean and squared deviations of some rows (Chan, Golub, LeVeque 1983).
struct Moments {
    weight: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
    /// Columns with more than one value.
    varies: Vec<bool>,
    bad: Option<(usize, usize, f64)>,
}

impl Moments {
    fn new(d: usize) -> Self {
        Self { weight: 0.0, mean: vec![0.0; d], squares: vec![0.0; d], varies: vec![false; d], bad: None }
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
            let s = weights.map_or(&ONES[..last - first], |s| &s[first..last]);
            block.weight = s.iter().sum();
            // The heaviest row, the first of such. Rows of weight 0 are only looked at for bad values.
            let heaviest = (0..s.len()).rev().max_by(|a, b| s[*a].total_cmp(&s[*b])).unwrap_or_default();
            let (x, from) = (&x[first * d..last * d], &x[(first + heaviest) * d..][..d]);
            block.mean.fill(0.0);
            block.squares.fill(0.0);
            kernel::add_deviations(x, s, from, &mut block.mean, &mut block.squares);
            // A sum that is not finite tells of a bad value, or of values too far apart for float64.
            if block.mean.iter().any(|sum| !sum.is_finite())
                && let Some(at) = x.iter().position(|v| !v.is_finite())
            {
                self.bad = Some((first + at / d, at % d, x[at].to_f64()));
                return;
            }
            if block.weight > 0.0 {
                block.settle(from);
                self.merge(&block);
            }
            first = last;
        }
    }

    /// Sums of deviations `from` one row, in place of the mean, become the mean, and squares those from the mean.
    fn settle<T: Scalar>(&mut self, from: &[T]) {
        for (j, from) in from.iter().enumerate() {
            let (e, squares) = (self.mean[j] / self.weight, self.squares[j]);
            self.varies[j] = squares > 0.0;
            self.mean[j] = from.to_f64() + if e.is_finite() { e } else { 0.0 };
            self.squares[j] =
                if squares.is_finite() { (squares - self.weight * e * e).max(0.0) } else { squares };
        }
    }

    /// Sums of the stored values; the zeros between them count for mean, deviation and range.
    fn sparse(&mut self, x: Csr<'_>, rows: std::ops::Range<usize>, weights: Option<&[f64]>) {
        let d = self.mean.len();
        let (mut stored, mut min, mut max) =
            (vec![0usize; d], vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d]);
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
                    min[j] = min[j].min(v);
                    max[j] = max[j].max(v);
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
                min[j] = min[j].min(0.0);
                max[j] = max[j].max(0.0);
            }
            self.varies[j] = min[j] < max[j];
            if !self.varies[j] {
                // To the bit: parts are compared by it.
                (self.mean[j], self.squares[j]) = (min[j], 0.0);
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
            self.varies[j] |= other.varies[j] || (self.weight > 0.0 && e != 0.0);
            self.mean[j] += share * e;
            self.squares[j] += other.squares[j] + self.weight * share * e * e;
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
    fn outliers_and_weights_leave_the_variance_exact() {
        // The first row is far out, and weighs little.
        let x: Vec<f64> = (0..700).map(|i| if i == 0 { 1e8 } else { f64::from(i * 7 % 11) }).collect();
        for s in
            [None, Some((0..700).map(|i| if i == 0 { 1e-6 } else { f64::from(i % 3) }).collect::<Vec<_>>())]
        {
            let m = statistics(&x, 700, 1, s.as_deref()).unwrap();
            let s = s.unwrap_or_else(|| vec![1.0; 700]);
            let total: f64 = s.iter().sum();
            let mean = x.iter().zip(&s).map(|(x, s)| s * x).sum::<f64>() / total;
            let var = x.iter().zip(&s).map(|(x, s)| s * (x - mean).powi(2)).sum::<f64>() / total;
            assert!((m.mean[0] - mean).abs() <= 1e-13 * mean, "{} {mean}", m.mean[0]);
            assert!((m.sd[0].powi(2) - var).abs() <= 1e-12 * var, "{} {var}", m.sd[0].powi(2));
        }
    }

    #[test]
    fn constant_columns_are_found_across_parts() {
        // 0.1: sums of it are rounded. The second column changes where a part of the rows ends.
        let x: Vec<f64> =
            (0..3000).flat_map(|i| [0.1, if i < 1536 { 0.1 } else { 0.1f64.next_up() }, -1e300]).collect();
        let m = statistics(&x, 3000, 3, None).unwrap();
        assert_eq!((m.mean[0], m.sd[0], m.constant), (0.1, 0.0, vec![true, false, true]));
        let (indices, indptr): (Vec<i32>, Vec<i64>) =
            ((0..9000).map(|i| i % 3).collect(), (0..=3000).map(|i| 3 * i).collect());
        let sparse = Design::sparse(Csr::new(&x[..], &indices[..], &indptr[..]), 3).unwrap();
        assert_eq!(
            ColumnStatistics::new(&sparse, None, &Workers::default()).unwrap().constant,
            [true, false, true]
        );
    }

    #[test]
    fn values_too_far_apart_for_float64_are_finite() {
        let m = statistics(&[f64::MAX, -f64::MAX, f64::MAX], 3, 1, None).unwrap();
        assert!(m.mean[0].is_finite() && !m.sd[0].is_normal() && !m.constant[0]);
    }

    #[test]
    fn the_first_bad_value_is_named() {
        let mut x = vec![1.0; 2000];
        x[1501] = f64::NAN;
        x[777] = f64::INFINITY;
        let error = statistics(&x, 1000, 2, None).unwrap_err();
        assert_eq!(error, Error::NotFinite { row: 388, column: 1, value: f64::INFINITY });
        // Rows of weight 0 are looked at, too.
        assert_eq!(statistics(&x, 1000, 2, Some(&[0.0; 1000])).unwrap_err(), error);
    }
}
