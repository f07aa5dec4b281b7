//! Gradients over all features of a dense design: read, or bounded by what earlier readings tell.
//!
//! ```text
//! r_k = Σ_b a_b r_bk + e_k       r_b: residuals of earlier readings, whose X̃ᵀr_b are kept; a_b leaves the least e
//! |x̃_j·r_k − Σ_b a_b x̃_j·r_bk| ≤ ‖x̃_j‖ ‖e_k‖       Σ_i w_i x̃_ij² and Σ_i e_ik²/w_i under the roots
//! ```
//!
//! Along a path residuals change little and smoothly: most features are known to stay 0 without being read.

use std::collections::VecDeque;
use std::ops::Range;

use super::dense_columns::DenseColumns;
use super::dense_part::Part;
use crate::design::Storage;
use crate::design::rows::Standardise;
use crate::kernel;
use crate::linalg::{Cholesky, Symmetric};
use crate::parallel::Workers;
use crate::scalar::Scalar;

/// Columns that are taken together.
const RUN: usize = 1024;
/// Readings that are kept.
pub(crate) const KEPT: usize = 6;
/// All features are read where more than one in so many is not known.
const UNKNOWN: usize = 32;
/// Readings are nearly alike: their Gram matrix is made positive by this share of its trace.
const ALIKE: f64 = 1e-14;
/// Sums of n products are off by at most this many times n, relative to the norms of their factors; and norms by
/// this share.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
const NORMS: f64 = 1e-8;

/// Tells of a feature and a gradient no less in size than its own whether it surely stays 0.
pub(crate) type Rests<'r> = &'r (dyn Fn(usize, &[f64]) -> bool + Sync);

/// Earlier readings.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// 1/w of each row; 0 where w is.
    inverse: Vec<f64>,
    /// ‖x̃_j‖.
    norms: Vec<f64>,
    kept: VecDeque<Reading>,
}

#[derive(Debug)]
struct Reading {
    /// n × K.
    residuals: Vec<f64>,
    /// Of the features, class by class (K × d).
    gradient: Vec<f64>,
}

impl Readings {
    /// `gradient`: d × K.
    fn keep(&mut self, residuals: Vec<f64>, gradient: &[f64], k: usize) {
        self.kept.truncate(KEPT - 1);
        let gradient = (0..k).flat_map(|class| gradient.iter().skip(class).step_by(k)).copied().collect();
        self.kept.push_front(Reading { residuals, gradient });
    }

    /// Σ_i a_i b_i/w_i of one class.
    fn dot(&self, a: &[f64], b: &[f64], (class, k): (usize, usize)) -> f64 {
        let pairs = a.iter().skip(class).step_by(k).zip(b.iter().skip(class).step_by(k));
        pairs.zip(&self.inverse).map(|((a, b), inverse)| a * b * inverse).sum()
    }

    /// The shares a_b of each reading in the residuals of a class, and by how much a feature of norm 1 may be off.
    fn shares(&self, residuals: &[f64], at: (usize, usize)) -> (Vec<f64>, f64) {
        let kept = self.kept.len();
        let mut gram = Symmetric::zeros(kept);
        let mut shares = Vec::with_capacity(kept);
        for (b, one) in self.kept.iter().enumerate() {
            for (c, other) in self.kept.iter().enumerate() {
                gram.values[b * kept + c] = self.dot(&one.residuals, &other.residuals, at);
            }
            shares.push(self.dot(&one.residuals, residuals, at));
        }
        let squares: Vec<f64> = gram.diagonal().collect();
        let trace: f64 = squares.iter().sum();
        (0..kept).for_each(|b| gram.values[b * (kept + 1)] += ALIKE * trace);
        match Cholesky::new(&gram) {
            Some(factor) => factor.solve_in_place(&mut shares, 1),
            None => shares.fill(0.0),
        }
        // Whatever the shares are, this is what they leave.
        let (class, k) = at;
        let mut rest = 0.0;
        for (row, inverse) in self.inverse.iter().enumerate() {
            let told =
                self.kept.iter().zip(&shares).map(|(of, a)| a * of.residuals[row * k + class]).sum::<f64>();
            rest += (residuals[row * k + class] - told).powi(2) * inverse;
        }
        let known: f64 = shares.iter().zip(&squares).map(|(a, square)| a.abs() * square.sqrt()).sum();
        let rounding = ROUNDING * (self.inverse.len() + kept) as f64;
        (shares, (1.0 + NORMS) * (rest.sqrt() + rounding * known))
    }

    /// Bounds of the gradient at some residuals (d × K), no less in size than it; `false` where nothing is known.
    fn bound(&self, residuals: &[f64], k: usize, workers: &Workers, out: &mut [f64]) -> bool {
        if self.kept.is_empty() {
            return false;
        }
        let shares: Vec<(Vec<f64>, f64)> = (0..k).map(|class| self.shares(residuals, (class, k))).collect();
        if shares.iter().any(|(_, off)| !off.is_finite()) {
            return false;
        }
        let mut runs: Vec<&mut [f64]> = out.chunks_mut(RUN * k).collect();
        workers.for_each(&mut runs, |at, out| {
            let of = at * RUN..at * RUN + out.len() / k;
            let mut told = vec![0.0; of.len()];
            for (class, (shares, off)) in shares.iter().enumerate() {
                told.fill(0.0);
                for (reading, share) in self.kept.iter().zip(shares) {
                    let g = &reading.gradient[class * self.norms.len()..][of.clone()];
                    kernel::axpy(*share, g, &mut told);
                }
                let out = out.iter_mut().skip(class).step_by(k);
                for ((out, told), norm) in out.zip(&told).zip(&self.norms[of.clone()]) {
                    *out = told + (norm * off).copysign(*told);
                }
            }
        });
        true
    }
}

impl DenseColumns<'_> {
    /// X̃ᵀr of all features.
    pub(super) fn correlations_of(
        &mut self,
        out: &mut [f64],
        r: impl Fn(&Part) -> &[f64] + Sync + Send + Copy,
    ) {
        if self.packed.len() >= self.blocks.columns() {
            let all: Vec<usize> = (0..self.blocks.columns()).collect();
            return self.gradient_of(&all, out, r);
        }
        let rows = self.by_rows(r);
        self.read(&rows, r, out);
    }

    fn read(&mut self, rows: &[f64], r: impl Fn(&Part) -> &[f64] + Sync + Send + Copy, out: &mut [f64]) {
        self.correlate(rows, out);
        self.of_packed(out, r);
    }

    /// The packed ones are known to the last bit of their centred columns.
    fn of_packed(&mut self, out: &mut [f64], r: impl Fn(&Part) -> &[f64] + Sync + Send + Copy) {
        let packed = self.packed.clone();
        self.gradient_of(&packed, out, r);
    }

    /// As [`DenseColumns::correlations_of`], but bounds where those show that a feature rests; which these are. The share of
    /// the features that were read.
    pub(super) fn correlations_unless(
        &mut self,
        rests: Option<Rests<'_>>,
        out: &mut [f64],
        bounded: &mut [bool],
        r: impl Fn(&Part) -> &[f64] + Sync + Send + Copy,
    ) -> f64 {
        let (k, d) = (self.classes(), self.blocks.design.features());
        bounded.fill(false);
        let Some(rests) = rests.filter(|_| self.packed.len() < self.blocks.columns()) else {
            self.correlations_of(out, r);
            return 1.0;
        };
        let rows = self.by_rows(r);
        let workers = self.workers.clone();
        if self.readings.bound(&rows, k, &workers, &mut out[..d * k]) {
            let unknown: Vec<usize> =
                (0..d).filter(|&j| !self.is_packed(j) && !rests(j, &out[j * k..(j + 1) * k])).collect();
            if unknown.len() * UNKNOWN <= d {
                (0..d).for_each(|j| bounded[j] = !self.is_packed(j));
                for &j in &unknown {
                    bounded[j] = false;
                }
                self.correlate_few(&unknown, &rows, out);
                self.of_packed(out, r);
                return (unknown.len() + self.packed.len()) as f64 / d as f64;
            }
        }
        if self.readings.norms.is_empty() {
            let weights = self.weights();
            self.readings.norms = self.norms(&weights);
            self.readings.inverse = weights.iter().map(|w| if *w > 0.0 { 1.0 / w } else { 0.0 }).collect();
        }
        self.read(&rows, r, out);
        self.readings.keep(rows, &out[..d * k], k);
        (0..d).for_each(|j| bounded[j] = !self.is_packed(j) && rests(j, &out[j * k..(j + 1) * k]));
        1.0
    }

    /// Σ r x̃ of few features.
    fn correlate_few(&self, features: &[usize], r: &[f64], out: &mut [f64]) {
        let (k, Standardise { shift, factor }) = (self.classes(), &self.blocks.standardise);
        let mut sums = vec![0.0; features.len() * k];
        match self.blocks.design.storage() {
            Storage::F64(x) => add_few(x, features, shift, r, &mut sums),
            Storage::F32(x) => add_few(x, features, shift, r, &mut sums),
            Storage::Csr(_) => {}
        }
        for (i, &j) in features.iter().enumerate() {
            for (c, out) in out[j * k..(j + 1) * k].iter_mut().enumerate() {
                *out = factor[j] * sums[c * features.len() + i];
            }
        }
    }

    /// w of all rows.
    fn weights(&self) -> Vec<f64> {
        let parts = self.slots.iter().flat_map(|slot| &slot.parts);
        parts.flat_map(|part| &part.w[..self.blocks.rows(part.index).len()]).copied().collect()
    }

    /// ‖x̃_j‖ of all features.
    fn norms(&self, weights: &[f64]) -> Vec<f64> {
        let Standardise { shift, factor } = &self.blocks.standardise;
        let mut norms = vec![0.0; self.blocks.design.features()];
        let mut runs: Vec<&mut [f64]> = norms.chunks_mut(RUN).collect();
        self.workers.for_each(&mut runs, |at, out| {
            let of = at * RUN..at * RUN + out.len();
            match self.blocks.design.storage() {
                Storage::F64(x) => add_squares(x, of.clone(), (&shift[of.clone()], weights), out),
                Storage::F32(x) => add_squares(x, of.clone(), (&shift[of.clone()], weights), out),
                Storage::Csr(_) => {}
            }
            out.iter_mut().zip(&factor[of]).for_each(|(out, factor)| *out = out.sqrt() * factor);
        });
        norms
    }

    /// Σ r x̃ of all features from residuals (n × K, by rows), column by column.
    fn correlate(&self, r: &[f64], out: &mut [f64]) {
        let (k, d) = (self.classes(), self.blocks.design.features());
        let Standardise { shift, factor } = &self.blocks.standardise;
        let mut runs: Vec<&mut [f64]> = out[..d * k].chunks_mut(RUN * k).collect();
        self.workers.for_each(&mut runs, |at, out| {
            let of = at * RUN..at * RUN + out.len() / k;
            let mut sums = vec![0.0; out.len()];
            match self.blocks.design.storage() {
                Storage::F64(x) => add_rows(x, d, of.clone(), &shift[of.clone()], r, k, &mut sums),
                Storage::F32(x) => add_rows(x, d, of.clone(), &shift[of.clone()], r, k, &mut sums),
                Storage::Csr(_) => {}
            }
            for (i, out) in out.chunks_exact_mut(k).enumerate() {
                for (c, out) in out.iter_mut().enumerate() {
                    *out = factor[of.start + i] * sums[c * of.len() + i];
                }
            }
        });
        if self.blocks.intercept {
            for (c, out) in out[d * k..].iter_mut().enumerate() {
                *out = r.iter().skip(c).step_by(k).sum();
            }
        }
    }
}

fn add_rows<V: Scalar>(
    x: &[V],
    d: usize,
    of: Range<usize>,
    shift: &[f64],
    r: &[f64],
    k: usize,
    sums: &mut [f64],
) {
    for (x, r) in x.chunks(d * kernel::ROWS).zip(r.chunks(k * kernel::ROWS)) {
        kernel::add_rows(x, d, of.start, shift, r, sums);
    }
}

/// Σ_i r_ik (x_ij − shift_j) of some features, class by class.
fn add_few<V: Scalar>(x: &[V], features: &[usize], shift: &[f64], r: &[f64], sums: &mut [f64]) {
    if features.is_empty() {
        return;
    }
    let (d, count) = (shift.len(), features.len());
    let mut values = vec![0.0; count];
    for (x, r) in x.chunks_exact(d).zip(r.chunks_exact(sums.len() / count)) {
        values.iter_mut().zip(features).for_each(|(value, &j)| *value = x[j].to_f64() - shift[j]);
        for (sums, r) in sums.chunks_exact_mut(count).zip(r) {
            kernel::axpy(*r, &values, sums);
        }
    }
}

/// Σ_i w_i (x_ij − shift_j)² of a run of columns.
fn add_squares<V: Scalar>(x: &[V], of: Range<usize>, (shift, w): (&[f64], &[f64]), out: &mut [f64]) {
    for (x, w) in x.chunks_exact(x.len() / w.len()).zip(w) {
        for ((out, x), shift) in out.iter_mut().zip(&x[of.clone()]).zip(shift) {
            *out += w * (x.to_f64() - shift).powi(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::design::Design;
    use crate::design::rows::Standardise;
    use crate::objective::columns;
    use crate::parallel::Workers;
    use crate::target::Target;

    #[test]
    fn bounds_are_no_less_than_what_is_read() {
        let (n, d, k) = (300, 2000, 3);
        let x: Vec<f64> =
            (0..n * d).map(|i| ((i * 7919 + i / 17 * 104_729) % 1013) as f64 / 1013.0).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let target = Target::from_labels((0..300i64).map(|i| i * i % 7 % 3)).unwrap();
        let target = target.reweighted((0..n).map(|i| (i % 4) as f64).collect());
        let standardise =
            Standardise { shift: vec![0.49; d], factor: (0..d).map(|j| 1.0 + (j % 3) as f64).collect() };
        let mut columns = columns::of(&design, &target, &standardise, true, &Workers::default());
        let mut theta = vec![0.0; (d + 1) * k];
        columns.pack(&[3, 5]);
        let (mut told, mut read) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
        let mut bounded = vec![false; d + 1];
        let mut unread = 0;
        for step in 0..6 {
            theta[3 * k] = 0.03 * f64::from(step);
            theta[5 * k + 1] = -0.005 * f64::from(step * step);
            theta[d * k + 2] = 0.3;
            columns.evaluate(&theta);
            columns.correlations(&mut read);
            let largest = read[..d * k].iter().fold(0.0, |most: f64, g| most.max(g.abs()));
            let rests = |_: usize, g: &[f64]| g.iter().all(|g| g.abs() < 0.9 * largest);
            let share = columns.correlations_unless(Some(&rests), false, &mut told, &mut bounded);
            let rest = bounded.iter().filter(|b| **b).count();
            assert!(rest > d / 2, "{rest}");
            unread += usize::from(share < 1.0);
            for (j, (told, read)) in told.chunks_exact(k).zip(read.chunks_exact(k)).enumerate() {
                for (told, read) in told.iter().zip(read) {
                    if bounded[j] {
                        assert!(told.abs() >= read.abs() && told.abs() < 0.9 * largest, "{j}: {told} {read}");
                    } else {
                        assert!((told - read).abs() <= 1e-14, "{j}: {told} {read}");
                    }
                }
            }
        }
        assert!((2..6).contains(&unread), "{unread}");
    }
}
