//! A fitted model: classes and coefficients; scores, probabilities, predictions.

use crate::coefficients::Coefficients;
use crate::design::rows::{RowBlocks, Standardise};
use crate::design::{Design, Storage};
use crate::error::{Error, Result, check_len};
use crate::kernel::{self, Aligned, Block, Panels, Real, RowSums};
use crate::label::Label;
use crate::objective::DENSE_COLUMNS;
use crate::parallel::Workers;
use crate::scalar::Scalar;

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
        self.by_blocks::<f64>(x, |_, _, _| {})
    }

    /// The scores of all rows in `T`, row-major, after `finish` has made of each block (K columns) what is asked for.
    fn by_blocks<T: Real>(
        &self,
        x: &Design<'_>,
        finish: impl Fn(Block, &mut [T], &mut RowSums<T>) + Sync + Send,
    ) -> Result<Vec<T>> {
        let (k, d) = (self.coefficients.classes(), self.coefficients.features());
        if x.features() != d {
            return Err(Error::Features { expected: d, found: x.features() });
        }
        match x.storage() {
            Storage::F64(values) if x.rows() <= FEW => return self.few(x, values, finish),
            Storage::F32(values) if x.rows() <= FEW => return self.few(x, values, finish),
            _ => {}
        }
        let sparse = x.is_sparse() && d > DENSE_COLUMNS;
        let blocks = RowBlocks::new(*x, Standardise::identity(d), false, 2 * k);
        let block = blocks.block;
        // Feature-major: θ_jk = W_kj.
        let weights: Vec<f64> =
            (0..k * d).map(|at| self.coefficients.weights()[at % k * d + at / k]).collect();
        let mut theta = Panels::<T>::default();
        if !sparse {
            theta.pack(&weights, k, 1.0);
        }
        let intercepts: Vec<T> = self.coefficients.intercepts().iter().map(|b| T::from_f64(*b)).collect();
        let mut out = vec![T::ZERO; x.rows() * k];
        let shares = blocks.count().min(SHARES);
        let bounds: Vec<usize> = (0..=shares).map(|s| blocks.count() * s / shares).collect();
        let mut rest = &mut out[..];
        let mut work = Vec::with_capacity(shares);
        for bounds in bounds.windows(2) {
            let rows = blocks.rows(bounds[1] - 1).end - blocks.rows(bounds[0]).start;
            let (own, others) = std::mem::take(&mut rest).split_at_mut(rows * k);
            rest = others;
            work.push((bounds[0], own, None));
        }
        let workers = Workers::new(None, x.stored() as f64 * k as f64);
        workers.for_each(&mut work, |_, (first, out, bad)| {
            let mut values = Aligned::zeros(if sparse { 0 } else { block.len(d) });
            let (mut z, mut sums) = (Aligned::zeros(block.len(k)), RowSums::new(block));
            for (b, out) in (*first..).zip(out.chunks_mut(block.rows * k)) {
                if sparse {
                    sparse_scores(x, blocks.rows(b), &weights, block, &mut z);
                } else {
                    blocks.load(b, &mut values);
                    kernel::logits(block, &values, &theta, &mut z);
                }
                // One value that is not finite makes its row's scores so, whatever the weights.
                if z.iter().any(|z| !z.is_finite()) && bad.is_none() {
                    *bad = x.not_finite(blocks.rows(b));
                }
                for (column, intercept) in z.chunks_exact_mut(block.stride).zip(&intercepts) {
                    for z in column {
                        *z += *intercept;
                    }
                }
                finish(block, &mut z, &mut sums);
                for (r, row) in out.chunks_exact_mut(k).enumerate() {
                    for (c, out) in row.iter_mut().enumerate() {
                        *out = z[c * block.stride + r];
                    }
                }
            }
        });
        match work.into_iter().find_map(|(_, _, bad)| bad) {
            Some((row, column, value)) => Err(Error::NotFinite { row, column, value }),
            None => Ok(out),
        }
    }

    /// [`Model::by_blocks`] for a few dense rows, to the same bits: nothing is rearranged for them.
    fn few<V: Scalar, T: Real>(
        &self,
        x: &Design<'_>,
        values: &[V],
        finish: impl Fn(Block, &mut [T], &mut RowSums<T>),
    ) -> Result<Vec<T>> {
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
        finish(block, &mut z, &mut RowSums::new(block));
        Ok((0..x.rows() * k).map(|at| z[at % k * block.stride + at / k]).collect())
    }

    /// p(y|x) = softmax(W x + b), row-major (n × K).
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn probabilities(&self, x: &Design<'_>) -> Result<Vec<f64>> {
        self.by_blocks::<f64>(x, kernel::softmax_columns)
    }

    /// p(y|x) computed in f32, row-major (n × K): about twice as fast, and as exact as scores are in f32, whose error
    /// is some 1e-7 · Σ_j |w_j x_j|.
    ///
    /// # Errors
    /// As [`Model::logits`].
    pub fn probabilities_f32(&self, x: &Design<'_>) -> Result<Vec<f32>> {
        let p = self.by_blocks::<f32>(x, kernel::softmax_columns)?;
        if p.iter().all(|p| p.is_finite()) {
            return Ok(p);
        }
        // Scores beyond the range of f32.
        Ok(self.probabilities(x)?.into_iter().map(|p| p as f32).collect())
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

/// z = Wx of sparse rows (K columns of a block): each stored value meets the K weights of its column in a row.
fn sparse_scores<T: Real>(
    x: &Design<'_>,
    rows: std::ops::Range<usize>,
    weights: &[f64],
    block: Block,
    z: &mut [T],
) {
    let Storage::Csr(csr) = x.storage() else { return };
    let k = z.len() / block.stride;
    let mut sums = vec![0.0; k];
    z.fill(T::ZERO);
    for (r, row) in rows.enumerate() {
        sums.fill(0.0);
        for (j, v) in csr.row(row) {
            for (sum, w) in sums.iter_mut().zip(&weights[j * k..(j + 1) * k]) {
                *sum += v * w;
            }
        }
        for (c, sum) in sums.iter().enumerate() {
            z[c * block.stride + r] = T::from_f64(*sum);
        }
    }
}
