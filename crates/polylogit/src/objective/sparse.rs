//! L/S + ½ Σ_j λ_j ‖θ_j‖² on the stored values of a sparse design of many columns.
//!
//! Scores run over the rows of X̃ and add rows of θ; gradients run over its columns and add rows of residuals. So
//! every sum has one writer, whatever the number of threads, and nothing of the size of θ is kept a thread.
//! Tables have K numbers a row, padded to whole vectors.

use super::kept::Precision;
use super::pass::View;
use super::slot::Totals;
use super::{Dual, Margins, Objective, Point, TIMES, Tally};
use crate::design::Csr;
use crate::design::lines::Lines;
use crate::design::rows::RowBlocks;
use crate::kernel::{self, Aligned, Real, RowSums};
use crate::linalg::Symmetric;
use crate::parallel::Workers;
use crate::target::Target;
use std::sync::Arc;

/// Ranges that rows, and columns, are shared out to.
const SHARES: usize = 64;
/// Columns whose sums a thread holds at a time.
const TOGETHER: usize = 256;

/// L/S + ½ Σ_j λ_j ‖θ_j‖² by rows and by columns.
#[derive(Debug)]
pub(crate) struct SparseNll<'a> {
    blocks: RowBlocks<'a>,
    target: &'a Target,
    workers: Workers,
    dual: Arc<Dual>,
    precision: Precision,
    /// With features numbered by `order`.
    rows: Lines,
    columns: Lines,
    /// The features by the number of their rows: what is read often lies together.
    order: Vec<u32>,
    /// Shares of the columns.
    column_shares: Vec<std::ops::Range<usize>>,
    double: Tables<f64>,
    single: Tables<f32>,
}

/// What is kept in one precision; tables have `padded(K)` numbers a row.
#[derive(Debug, Default)]
struct Tables<T> {
    /// θ, or a direction (d + 1 rows in `order`; the last is the intercepts).
    theta: Vec<T>,
    /// Probabilities of the point evaluated last, block by block, by columns; empty where curvature is not in T.
    kept: Vec<T>,
    /// Residuals, or weighted differences of scores (n rows).
    residuals: Vec<T>,
}

/// A share of the rows at work: its first block, its part of the kept probabilities and of the residuals.
struct Share<'s, T> {
    first: usize,
    kept: &'s mut [T],
    residuals: &'s mut [T],
    totals: Totals,
}

impl<'a> SparseNll<'a> {
    /// `ridge`: λ_j for each of the m columns of the blocks.
    pub(crate) fn new(
        csr: Csr<'_>,
        blocks: RowBlocks<'a>,
        target: &'a Target,
        ridge: Vec<f64>,
        precision: Precision,
        workers: Workers,
    ) -> Self {
        let d = blocks.design.features();
        let mut rows = Lines::by_rows(csr, blocks.design.rows(), &blocks.standardise.factor);
        let columns = rows.transposed(d);
        let order = columns.by_length();
        rows.renumber(&order);
        let mut this = Self {
            dual: Arc::new(Dual::new(ridge, blocks.intercept, target)),
            target,
            workers,
            precision,
            column_shares: columns.shares(SHARES),
            rows,
            columns,
            order,
            double: Tables::default(),
            single: Tables::default(),
            blocks,
        };
        // (1/S) Σ s x y: the gradient of residuals y.
        let (width, k) = (this.width(), this.classes());
        let view = View::new(target, &this.blocks);
        let mut residuals = vec![0.0; this.rows() * width];
        let block = this.blocks.block;
        let (mut weight, mut u) = (vec![0.0; block.rows], vec![0.0; block.len(k)]);
        for b in 0..this.blocks.count() {
            view.weigh(b, &mut weight);
            u.fill(0.0);
            view.add_labels(b, &weight, &mut u, 1.0);
            let of = this.blocks.rows(b);
            to_rows(&u, block.stride, k, width, &mut residuals[of.start * width..of.end * width]);
        }
        this.double.residuals = residuals;
        let n = this.rows() as f64;
        let mut moments = vec![0.0; this.columns() * k];
        this.gather_gradient::<f64>(false, &mut moments, |_, _, sum| sum / n);
        Arc::make_mut(&mut this.dual).moments = moments;
        this
    }

    fn width(&self) -> usize {
        kernel::padded(self.target.classes().len())
    }

    /// Runs `work` on the scores X̃θ (K columns) of each block, θ that of `T`'s tables.
    ///
    /// `work(view, b, z, u, kept, scratch)` leaves in `u` (K columns) what the block's residuals shall be.
    fn by_rows<T: Tabled>(
        &mut self,
        work: impl Fn(&View<'_>, usize, &mut [T], &mut [T], &mut [T], &mut Scratch<T>, &mut Totals) + Sync + Send,
    ) -> Totals {
        let (k, width, n) = (self.classes(), self.width(), self.rows());
        let (block, count) = (self.blocks.block, self.blocks.count());
        let intercept = self.blocks.intercept;
        let d = self.blocks.design.features();
        let mut tables = std::mem::take(T::tables(self));
        tables.residuals.resize(n * width, T::ZERO);
        let shares = count.min(SHARES);
        let mut work_shares = Vec::with_capacity(shares);
        let (mut kept, mut residuals) = (&mut tables.kept[..], &mut tables.residuals[..]);
        let has_kept = !kept.is_empty();
        for s in 0..shares {
            let (first, last) = (count * s / shares, count * (s + 1) / shares);
            let of_kept = if has_kept { block.len(k) * (last - first) } else { 0 };
            let rows = self.blocks.rows(last - 1).end - self.blocks.rows(first).start;
            let (mine, rest) = std::mem::take(&mut kept).split_at_mut(of_kept);
            kept = rest;
            let (own, rest) = std::mem::take(&mut residuals).split_at_mut(rows * width);
            residuals = rest;
            work_shares.push(Share { first, kept: mine, residuals: own, totals: Totals::default() });
        }
        let view = View::new(self.target, &self.blocks);
        let (theta, lines) = (&tables.theta, &self.rows);
        self.workers.for_each(&mut work_shares, |_, share| {
            let mut scratch = Scratch::new(&view);
            let (mut z, mut u) = (vec![T::ZERO; block.len(k)], vec![T::ZERO; block.len(k)]);
            let mut rows = vec![T::ZERO; block.rows * width];
            let mut kept = share.kept.chunks_exact_mut(block.len(k));
            let residuals = share.residuals.chunks_mut(block.rows * width);
            for (b, residuals) in (share.first..).zip(residuals) {
                let of = view.blocks.rows(b);
                let rows = &mut rows[..of.len() * width];
                for row in rows.chunks_exact_mut(width) {
                    if intercept {
                        row.copy_from_slice(&theta[d * width..]);
                    } else {
                        row.fill(T::ZERO);
                    }
                }
                kernel::gather(lines.of(of), &theta[..d * width], width, rows);
                z.fill(T::ZERO);
                for (r, row) in rows.chunks_exact(width).enumerate() {
                    for (c, v) in row[..k].iter().enumerate() {
                        z[c * block.stride + r] = *v;
                    }
                }
                let kept = kept.next().unwrap_or_default();
                work(&view, b, &mut z, &mut u, kept, &mut scratch, &mut share.totals);
                to_rows(&u, block.stride, k, width, residuals);
            }
        });
        let mut totals = Totals::default();
        for share in &work_shares {
            totals.add(&share.totals);
        }
        *T::tables(self) = tables;
        totals
    }

    /// `out` (m × K) = `each(at, j, sum)` of every entry (j, k) of X̃ᵀ residuals, or of that of the squares of X̃.
    fn gather_gradient<T: Tabled>(
        &mut self,
        squared: bool,
        out: &mut [f64],
        each: impl Fn(usize, usize, f64) -> f64 + Sync + Send,
    ) {
        let (k, width, d) = (self.classes(), self.width(), self.blocks.design.features());
        let (columns, residuals) = (&self.columns, &T::tables_of(&self.double, &self.single).residuals);
        let finish = |first: usize, sums: &[T], out: &mut [f64]| {
            for ((j, sums), out) in (first..).zip(sums.chunks_exact(width)).zip(out.chunks_exact_mut(k)) {
                for (at, (sum, out)) in (j * k..).zip(sums.iter().zip(out)) {
                    *out = each(at, j, sum.to_f64());
                }
            }
        };
        let (mut rest, of_intercept) = out.split_at_mut(d * k);
        let mut shares = Vec::with_capacity(self.column_shares.len());
        for range in &self.column_shares {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(range.len() * k);
            rest = others;
            shares.push((range.clone(), own));
        }
        self.workers.for_each(&mut shares, |_, (range, out)| {
            let mut sums = Vec::new();
            for (first, out) in range.clone().step_by(TOGETHER).zip(out.chunks_mut(TOGETHER * k)) {
                sums.clear();
                sums.resize(out.len() / k * width, T::ZERO);
                let lines = kernel::Lines { squared, ..columns.of(first..first + out.len() / k) };
                kernel::gather(lines, residuals, width, &mut sums);
                finish(first, &sums, out);
            }
        });
        if self.blocks.intercept {
            let mut ones = vec![0.0; width];
            for row in residuals.chunks_exact(width) {
                for (sum, v) in ones.iter_mut().zip(row) {
                    *sum += v.to_f64();
                }
            }
            let ones: Vec<T> = ones.into_iter().map(T::from_f64).collect();
            finish(d, &ones, of_intercept);
        }
    }

    fn set_theta<T: Tabled>(&mut self, theta: &[f64], scale: f64) {
        let (k, width, d) = (self.classes(), self.width(), self.blocks.design.features());
        let mut table = std::mem::take(&mut T::tables(self).theta);
        table.resize((d + 1) * width, T::ZERO);
        let (features, intercepts) = table.split_at_mut(d * width);
        let fill = |table: &mut [T], row: &[f64]| {
            for (out, v) in table.iter_mut().zip(row) {
                *out = T::from_f64(scale * v);
            }
        };
        let mut parts: Vec<_> =
            features.chunks_mut(TOGETHER * width).zip(self.order.chunks(TOGETHER)).collect();
        self.workers.for_each(&mut parts, |_, (table, order)| {
            for (out, j) in table.chunks_exact_mut(width).zip(*order) {
                fill(out, &theta[*j as usize * k..][..k]);
            }
        });
        fill(intercepts, &theta[d * k..]);
        T::tables(self).theta = table;
    }

    /// Makes room for the probabilities where curvature is computed.
    fn make_room(&mut self) {
        let len = self.blocks.block.len(self.classes()) * self.blocks.count();
        let single = self.precision == Precision::Single;
        self.single.kept.resize(if single { len } else { 0 }, 0.0);
        self.double.kept.resize(if single { 0 } else { len }, 0.0);
    }

    fn product<T: Tabled>(&mut self, v: &[f64], out: &mut [f64]) {
        let Some(scale) = super::unit_scale(v, out) else { return };
        self.set_theta::<T>(v, scale);
        self.by_rows::<T>(|view, b, z, u, kept, scratch, _| {
            view.weigh(b, &mut scratch.weight);
            kernel::covariance_columns(view.blocks.block, kept, &scratch.weight, z);
            u.copy_from_slice(z);
        });
        let (dual, unscale) = (self.dual.clone(), 1.0 / (scale * self.rows() as f64));
        self.gather_gradient::<T>(false, out, |at, j, sum| unscale * sum + dual.ridge[j] * v[at]);
    }

    fn along<T: Tabled>(&mut self, s: &[f64]) -> [f64; TIMES.len()] {
        self.set_theta::<T>(s, 1.0);
        let totals = self.by_rows::<T>(|view, b, z, _, kept, scratch, totals| {
            view.weigh(b, &mut scratch.weight);
            view.add_along(b, kept, z, &scratch.weight, &mut scratch.extra, &mut totals.along);
        });
        totals.along.map(|sum| sum / self.rows() as f64)
    }

    fn diagonal<T: Tabled>(&mut self, out: &mut [f64]) {
        let zero = vec![0.0; out.len()];
        self.set_theta::<T>(&zero, 1.0);
        self.by_rows::<T>(|view, b, _, u, kept, scratch, _| {
            view.weigh(b, &mut scratch.weight);
            let stride = view.blocks.block.stride;
            for (u, p) in u.chunks_exact_mut(stride).zip(kept.chunks_exact(stride)) {
                for ((u, p), w) in u.iter_mut().zip(p).zip(&scratch.weight) {
                    *u = *w * *p * (T::ONE - *p);
                }
            }
        });
        let (dual, n) = (self.dual.clone(), self.rows() as f64);
        self.gather_gradient::<T>(true, out, |_, j, sum| sum / n + dual.ridge[j]);
    }
}

/// A thread's buffers for a block.
struct Scratch<T> {
    weight: Vec<T>,
    rows: RowSums<T>,
    label_score: Vec<T>,
    extra: Aligned<T>,
}

impl<T: Real> Scratch<T> {
    fn new(view: &View<'_>) -> Self {
        let block = view.blocks.block;
        let zeros = || vec![T::ZERO; block.rows];
        Self { weight: zeros(), rows: RowSums::new(block), label_score: zeros(), extra: Aligned::default() }
    }
}

/// K columns of a block as rows of `width`.
fn to_rows<T: Real>(u: &[T], stride: usize, k: usize, width: usize, rows: &mut [T]) {
    for (r, row) in rows.chunks_exact_mut(width).enumerate() {
        for (c, out) in row[..k].iter_mut().enumerate() {
            *out = u[c * stride + r];
        }
    }
}

/// A type with tables.
trait Tabled: Real + Default {
    fn tables<'s>(of: &'s mut SparseNll<'_>) -> &'s mut Tables<Self>;
    fn tables_of<'s>(double: &'s Tables<f64>, single: &'s Tables<f32>) -> &'s Tables<Self>;
}

impl Tabled for f64 {
    fn tables<'s>(of: &'s mut SparseNll<'_>) -> &'s mut Tables<f64> {
        &mut of.double
    }
    fn tables_of<'s>(double: &'s Tables<f64>, _: &'s Tables<f32>) -> &'s Tables<f64> {
        double
    }
}

impl Tabled for f32 {
    fn tables<'s>(of: &'s mut SparseNll<'_>) -> &'s mut Tables<f32> {
        &mut of.single
    }
    fn tables_of<'s>(_: &'s Tables<f64>, single: &'s Tables<f32>) -> &'s Tables<f32> {
        single
    }
}

impl Objective for SparseNll<'_> {
    fn classes(&self) -> usize {
        self.target.classes().len()
    }

    fn columns(&self) -> usize {
        self.blocks.columns()
    }

    fn rows(&self) -> usize {
        self.blocks.design.rows()
    }

    fn evaluate(&mut self, point: &mut Point) {
        self.make_room();
        self.set_theta::<f64>(&point.theta, 1.0);
        // The f32 copy of the probabilities is made by the shares that compute them.
        let block = self.blocks.block;
        let len = block.len(self.classes());
        let mut single = std::mem::take(&mut self.single.kept);
        let copies: Vec<std::sync::Mutex<&mut [f32]>> =
            single.chunks_exact_mut(len).map(std::sync::Mutex::new).collect();
        let totals = self.by_rows::<f64>(|view, b, z, u, kept, scratch, totals| {
            let Scratch { weight, rows, label_score, .. } = scratch;
            view.weigh(b, weight);
            view.residuals(b, z, weight, u, rows, label_score, totals);
            totals.least = totals.least.min(view.least_label_probability(b, z));
            match copies.get(b) {
                Some(copy) => {
                    let mut copy = copy.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    copy.iter_mut().zip(&*z).for_each(|(copy, p)| *copy = *p as f32);
                }
                None => kept.copy_from_slice(z),
            }
        });
        drop(copies);
        self.single.kept = single;
        let n = self.rows() as f64;
        point.gradient.resize(point.theta.len(), 0.0);
        self.gather_gradient::<f64>(false, &mut point.gradient, |_, _, sum| sum / n);
        self.dual.complete(point, &totals, n, &self.workers);
    }

    fn hessian_vector_product(&mut self, v: &[f64], out: &mut [f64]) {
        match self.precision {
            Precision::Single => self.product::<f32>(v, out),
            Precision::Double => self.product::<f64>(v, out),
        }
    }

    fn hessian(&mut self, _: usize) -> Option<Symmetric> {
        None
    }

    fn shared_block(&mut self, _: usize) -> Option<Symmetric> {
        None
    }

    fn hessian_diagonal(&mut self, out: &mut [f64]) {
        match self.precision {
            Precision::Single => self.diagonal::<f32>(out),
            Precision::Double => self.diagonal::<f64>(out),
        }
    }

    fn nll_along(&mut self, s: &[f64]) -> [f64; TIMES.len()] {
        match self.precision {
            Precision::Single => self.along::<f32>(s),
            Precision::Double => self.along::<f64>(s),
        }
    }

    fn sharpen(&mut self) -> bool {
        let sharpened = self.precision == Precision::Single;
        self.precision = Precision::Double;
        sharpened
    }

    fn margins(&mut self, direction: &[f64]) -> Option<Margins> {
        let ids = self.target.ids()?;
        self.set_theta::<f64>(direction, 1.0);
        self.by_rows::<f64>(|_, _, z, u, _, _, _| u.copy_from_slice(z));
        let mut tally = Tally::new(self.classes());
        for (y, z) in ids.iter().zip(self.double.residuals.chunks_exact(self.width())) {
            tally.add(*y as usize, |c| z[c]);
        }
        Some(tally.0)
    }

    fn is_dense(&self) -> bool {
        false
    }

    fn rarest(&self) -> f64 {
        super::rarest(self.target)
    }

    fn set_ridge(&mut self, ridge: Vec<f64>) {
        Arc::make_mut(&mut self.dual).ridge = ridge;
    }

    fn dual(&self) -> &Arc<Dual> {
        &self.dual
    }

    fn workers(&self) -> &Workers {
        &self.workers
    }
}
