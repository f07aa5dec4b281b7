//! A fitted model: classes and coefficients; scores, probabilities, predictions.

use crate::coefficients::Coefficients;
use crate::design::rows::block;
use crate::design::{Design, Storage};
use crate::error::{Error, Result, check_len};
use crate::kernel::{self, Aligned, Block, ByFeature, Real, RowSums};
use crate::label::Label;
use crate::objective::DENSE_COLUMNS;
use crate::parallel::Workers;
use crate::scalar::{Scalar, Slice};
use std::ops::Range;

/// Rows for which weights are not worth rearranging.
const FEW: usize = 8;
/// Ranges of rows that are shared out.
const SHARES: usize = 32;

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
        let mut z = self.room_for(x);
        self.by_blocks(x, &mut z, |_, _, _| {})?;
        Ok(z)
    }

    /// n × K zeros.
    fn room_for<T: Real>(&self, x: &Design<'_>) -> Vec<T> {
        vec![T::ZERO; x.rows() * self.classes.len()]
    }

    /// Writes the scores of all rows in `T` to `out`, row-major, after `finish` has made of each block (K columns) what is
    /// asked for; tells whether all scores are finite.
    fn by_blocks<T: Real>(
        &self,
        x: &Design<'_>,
        out: &mut [T],
        finish: impl Fn(Block, &mut [T], &mut RowSums<T>) + Sync + Send,
    ) -> Result<bool> {
        let (k, d) = (self.coefficients.classes(), self.coefficients.features());
        if x.features() != d {
            return Err(Error::Features { expected: d, found: x.features() });
        }
        check_len("the answer", "rows × classes", x.rows() * k, out.len())?;
        match x.storage() {
            Storage::F64(values) if x.rows() <= FEW => return self.few(x, values, out, finish),
            Storage::F32(values) if x.rows() <= FEW => return self.few(x, values, out, finish),
            _ => {}
        }
        let sparse = x.is_sparse() && d > DENSE_COLUMNS;
        let block = block(x.rows(), d + 2 * k);
        let count = x.rows().div_ceil(block.rows);
        let dense = if sparse { &[] } else { self.coefficients.weights() };
        let (dense, width) = (ByFeature::<T>::new(dense, k), kernel::padded_classes(k));
        // Feature-major: θ_jk = W_kj.
        let stored: Vec<f64> = match self.coefficients.weights() {
            w if sparse => (0..k * d).map(|at| w[at % k * d + at / k]).collect(),
            _ => Vec::new(),
        };
        let intercepts: Vec<T> = self.coefficients.intercepts().iter().map(|b| T::from_f64(*b)).collect();
        let shares = count.min(SHARES);
        let of_share = |s: usize| (count * s / shares * block.rows).min(x.rows());
        let mut rest = out;
        let mut work = Vec::with_capacity(shares);
        for s in 0..shares {
            let rows = of_share(s)..of_share(s + 1);
            let (own, others) = std::mem::take(&mut rest).split_at_mut(rows.len() * k);
            rest = others;
            work.push((rows.start, own, true, None));
        }
        let workers = Workers::new(None, x.stored() as f64 * k as f64);
        workers.for_each(&mut work, |_, (first, out, finite, bad)| {
            let (mut rows, mut scores) = (Vec::new(), Aligned::zeros(block.rows * width));
            let (mut z, mut sums) = (Aligned::zeros(block.len(k)), RowSums::new(block));
            for (first, out) in (*first..).step_by(block.rows).zip(out.chunks_mut(block.rows * k)) {
                let of = first..first + out.len() / k;
                if sparse {
                    sparse_scores(x, of.clone(), &stored, &mut scores);
                } else {
                    let rows = row_major(x, of.clone(), &mut rows);
                    kernel::scores_from_memory(rows, &dense, &mut scores);
                }
                // One value that is not finite makes its row's scores so, whatever the weights.
                if !kernel::into_columns(&scores, width, &intercepts, block, &mut z) {
                    *finite = false;
                    if bad.is_none() {
                        *bad = x.not_finite(of);
                    }
                }
                finish(block, &mut z, &mut sums);
                kernel::into_rows(block, &z, out);
            }
        });
        if let Some((row, column, value)) = work.iter().find_map(|(.., bad)| *bad) {
            return Err(Error::NotFinite { row, column, value });
        }
        Ok(work.iter().all(|(_, _, finite, _)| *finite))
    }

    /// [`Model::by_blocks`] for a few dense rows, to the same bits: nothing is rearranged for them.
    fn few<V: Scalar, T: Real>(
        &self,
        x: &Design<'_>,
        values: &[V],
        out: &mut [T],
        finish: impl Fn(Block, &mut [T], &mut RowSums<T>),
    ) -> Result<bool> {
        if let Some((row, column, value)) = x.not_finite(0..x.rows()) {
            return Err(Error::NotFinite { row, column, value });
        }
        let (c, k, d) = (&self.coefficients, self.classes.len(), x.features());
        let block = Block::new(x.rows());
        let (mut z, mut scores) = (vec![T::ZERO; block.len(k)], vec![T::ZERO; k]);
        for r in 0..x.rows() {
            kernel::row_logits(c.weights(), &values[r * d..(r + 1) * d], &mut scores);
            for (class, (score, intercept)) in scores.iter().zip(c.intercepts()).enumerate() {
                z[class * block.stride + r] = *score + T::from_f64(*intercept);
            }
        }
        let finite = z.iter().all(|z| z.is_finite());
        finish(block, &mut z, &mut RowSums::new(block));
        kernel::into_rows(block, &z, out);
        Ok(finite)
    }

    /// p(y|x) = softmax(W x + b), row-major (n × K).
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn probabilities(&self, x: &Design<'_>) -> Result<Vec<f64>> {
        let mut p = self.room_for(x);
        self.probabilities_into(x, &mut p)?;
        Ok(p)
    }

    /// [`Model::probabilities`] into memory that the caller has (n · K numbers), for who predicts batch after batch: the
    /// pages of a new answer of a million rows of seven classes take the system a third of the time.
    ///
    /// ```
    /// # use polylogit::{Coefficients, Design, Label, Model};
    /// let model = Model::new(vec![Label::Int(0), Label::Int(1)], Coefficients::zeros(2, 3))?;
    /// let mut p = vec![0.0; 2 * 2];
    /// for batch in [[1.0; 6], [2.0; 6]] {
    ///     model.probabilities_into(&Design::dense(&batch, 2, 3)?, &mut p)?;
    ///     assert_eq!(p, [0.5; 4]);
    /// }
    /// # Ok::<(), polylogit::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::logits`], and [`Error::Shape`] if `out` has another length. What is in `out` after an error is not said.
    pub fn probabilities_into(&self, x: &Design<'_>, out: &mut [f64]) -> Result<()> {
        if !self.by_blocks(x, out, kernel::softmax_columns)? {
            self.answer_overflows(x, out);
        }
        Ok(())
    }

    /// Answers rows whose scores went beyond f64, NaN in `p`: at such a distance the highest score takes all. Scores whose
    /// terms cancel to the last bit count as equal.
    fn answer_overflows(&self, x: &Design<'_>, p: &mut [f64]) {
        // Products of numbers so scaled stay in range, and so do their sums; intercepts are nothing beside them.
        let small = f64::from_bits((1023 - 600) << 52); // 2⁻⁶⁰⁰
        let mut scratch = Vec::new();
        for (row, p) in p.chunks_exact_mut(self.classes.len()).enumerate() {
            if p.iter().all(|p| !p.is_nan()) {
                continue;
            }
            let x = row_major::<f64>(x, row..row + 1, &mut scratch);
            for (w, p) in self.coefficients.weights().chunks_exact(x.len()).zip(p.iter_mut()) {
                *p = w.iter().zip(x).map(|(w, x)| (w * small) * (x * small)).sum();
            }
            let top = p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let share = 1.0 / p.iter().filter(|z| **z == top).count() as f64;
            for p in p {
                *p = if *p == top { share } else { 0.0 };
            }
        }
    }

    /// p(y|x) computed in f32, row-major (n × K): about twice as fast, and as exact as scores are in f32, whose error
    /// is some 1e-7 · Σ_j |w_j x_j|.
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn probabilities_f32(&self, x: &Design<'_>) -> Result<Vec<f32>> {
        let mut p = self.room_for(x);
        self.probabilities_f32_into(x, &mut p)?;
        Ok(p)
    }

    /// [`Model::probabilities_f32`] into memory that the caller has (n · K numbers).
    ///
    /// # Errors
    /// As [`Model::probabilities_into`].
    pub fn probabilities_f32_into(&self, x: &Design<'_>, out: &mut [f32]) -> Result<()> {
        if !self.by_blocks(x, out, kernel::softmax_columns)? {
            // Scores beyond the range of f32.
            let p = self.probabilities(x)?;
            out.iter_mut().zip(p).for_each(|(out, p)| *out = p as f32);
        }
        Ok(())
    }

    /// ln p(y|x) by log-sum-exp, row-major (n × K): finite wherever the scores are.
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn log_probabilities(&self, x: &Design<'_>) -> Result<Vec<f64>> {
        let mut log_p = self.room_for(x);
        self.log_probabilities_into(x, &mut log_p)?;
        Ok(log_p)
    }

    /// [`Model::log_probabilities`] into memory that the caller has (n · K numbers).
    ///
    /// # Errors
    /// As [`Model::probabilities_into`].
    pub fn log_probabilities_into(&self, x: &Design<'_>, out: &mut [f64]) -> Result<()> {
        self.by_blocks(x, out, |_, _, _| {})?;
        crate::softmax::log_softmax_rows_in_place(out, self.classes.len())?;
        if out.iter().any(|z| z.is_nan()) {
            let p = self.probabilities(x)?;
            out.iter_mut().zip(p).filter(|(z, _)| z.is_nan()).for_each(|(z, p)| *z = p.ln());
        }
        Ok(())
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

/// Some rows of X (rows × d) where they lie, or in `scratch` if they are stored otherwise.
fn row_major<'s, T: Real>(x: &Design<'s>, rows: Range<usize>, scratch: &'s mut Vec<T>) -> &'s [T] {
    let d = x.features();
    let values = match x.storage() {
        Storage::F64(values) => Slice::F64(&values[rows.start * d..rows.end * d]),
        Storage::F32(values) => Slice::F32(&values[rows.start * d..rows.end * d]),
        Storage::Csr(csr) => {
            scratch.clear();
            scratch.resize(rows.len() * d, T::ZERO);
            for (r, row) in rows.enumerate() {
                for (j, v) in csr.row(row) {
                    scratch[r * d + j] = T::from_f64(v);
                }
            }
            return scratch;
        }
    };
    if let Some(own) = T::own(values) {
        return own;
    }
    scratch.clear();
    match values {
        Slice::F32(values) => scratch.extend(values.iter().map(|v| T::from_f64(v.to_f64()))),
        Slice::F64(values) => scratch.extend(values.iter().map(|v| T::from_f64(*v))),
    }
    scratch
}

/// z = Wx of sparse rows (rows of padded scores): each stored value meets the K `weights` of its column in a row.
fn sparse_scores<T: Real>(x: &Design<'_>, rows: Range<usize>, weights: &[f64], z: &mut [T]) {
    let Storage::Csr(csr) = x.storage() else { return };
    let k = weights.len() / x.features();
    let mut sums = vec![0.0; k];
    let width = kernel::padded_classes(k);
    for (row, z) in rows.zip(z.chunks_exact_mut(width)) {
        sums.fill(0.0);
        for (j, v) in csr.row(row) {
            for (sum, w) in sums.iter_mut().zip(&weights[j * k..(j + 1) * k]) {
                *sum += v * w;
            }
        }
        for (z, sum) in z.iter_mut().zip(&sums) {
            *z = T::from_f64(*sum);
        }
    }
}
