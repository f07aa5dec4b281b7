//! L/S + ½ Σ_j λ_j ‖θ_j‖² over row blocks: value, gradient, Hessian-vector product.

use super::pass::{Buffered, Precision, Slot, Theta, Totals, View};
use super::{Dual, Margins, Objective, Point};
use crate::design::Storage;
use crate::design::rows::RowBlocks;
use crate::kernel;
use crate::linalg::Symmetric;
use crate::parallel::{Workers, tree_reduce};
use crate::target::{Labels, Target};

/// Most ranges that the blocks are shared out to.
const SLOTS: usize = 16;
/// Partial sums may take this share of X.
const SLOT_SHARE: usize = 2;
/// Sparse designs of at most this many columns are worked on as dense blocks.
pub(crate) const DENSE_COLUMNS: usize = 1024;

/// L/S + ½ Σ_j λ_j ‖θ_j‖² over row blocks.
#[derive(Debug)]
pub(crate) struct RidgeNll<'a> {
    pub(super) blocks: RowBlocks<'a>,
    target: &'a Target,
    workers: Workers,
    pub(super) slots: Vec<Slot>,
    dual: Dual,
    /// Work on stored values only?
    sparse: bool,
    precision: Precision,
    /// The point evaluated last…
    theta: Vec<f64>,
    pub(super) double: Theta<f64>,
    /// …in f32, where curvature is.
    pub(super) single: Theta<f32>,
}

impl<'a> RidgeNll<'a> {
    /// `ridge`: λ_j for each of the m columns of the blocks.
    pub(crate) fn new(
        blocks: RowBlocks<'a>,
        target: &'a Target,
        ridge: Vec<f64>,
        precision: Precision,
        workers: Workers,
    ) -> Self {
        let (m, k) = (blocks.columns(), target.classes().len());
        let count = blocks.count();
        let room = (blocks.design.stored() / SLOT_SHARE).max(1 << 20) / (m * k).max(1);
        let slots = count.min(SLOTS).min(room.max(2)).max(1);
        let sparse = matches!(blocks.design.storage(), Storage::Csr(_)) && m > DENSE_COLUMNS;
        let slot = |s: usize| Slot::new(count * s / slots..count * (s + 1) / slots, m * k);
        let intercept = blocks.intercept;
        let dual = Dual { ridge, intercept, moments: vec![0.0; m * k], offsets: vec![0.0; k] };
        let mut this = Self {
            slots: (0..slots).map(slot).collect(),
            target,
            workers,
            dual,
            sparse,
            precision,
            theta: vec![0.0; m * k],
            double: Theta::default(),
            single: Theta::default(),
            blocks,
        };
        this.prepare();
        this.moments();
        this
    }

    pub(super) fn set_ridge(&mut self, ridge: Vec<f64>) {
        self.dual.ridge = ridge;
    }

    /// May work beyond one pass use dense blocks of this objective?
    pub(crate) fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// n/S.
    fn scale(&self) -> f64 {
        self.blocks.design.rows() as f64 / self.target.total_weight()
    }

    /// Runs `work` on every slot.
    fn for_each_slot(&mut self, work: impl Fn(&View<'_>, &Thetas<'_>, &mut Slot) + Sync + Send) {
        let scale = self.scale();
        let view = View { target: self.target, scale, blocks: &self.blocks, sparse: self.sparse };
        let thetas = Thetas { double: &self.double, single: &self.single };
        self.workers.for_each(&mut self.slots, |_, slot| work(&view, &thetas, slot));
    }

    fn prepare(&mut self) {
        let precision = self.precision;
        self.for_each_slot(|view, _, slot| view.prepare(slot, precision));
    }

    /// (1/S) Σ s x y and the mean offsets.
    fn moments(&mut self) {
        let (zero, k, n) = (self.theta.clone(), self.classes(), self.rows() as f64);
        self.double.set(&zero, k, 1.0, self.sparse);
        let precision = self.precision;
        self.for_each_slot(|view, theta, slot| {
            slot.sum.fill(0.0);
            view.evaluate(slot, theta.double, precision, |view, _, mut hand, _, _| {
                hand.u.fill(0.0);
                view.add_labels(&mut hand, 1.0);
                view.outer(hand);
            });
        });
        tree_reduce(&mut self.slots, |into, from| add(&mut into.sum, &from.sum));
        for (moment, sum) in self.dual.moments.iter_mut().zip(&self.slots[0].sum) {
            *moment = sum / n;
        }
        if let Some(offsets) = self.target.offsets() {
            for (row, o) in offsets.chunks_exact(k).enumerate() {
                let s = self.target.weight(row) / self.target.total_weight();
                for (mean, o) in self.dual.offsets.iter_mut().zip(o) {
                    *mean += s * o;
                }
            }
        }
    }

    /// Sums over the slots what `work` adds to `hand.sum` (`len` numbers) for every `every`th block, with the
    /// block's probabilities at the point evaluated last; over the weight of these blocks.
    pub(super) fn sum_blocks<T: WithTheta>(
        &mut self,
        len: usize,
        every: usize,
        work: impl Fn(&View<'_>, super::pass::Hand<'_, T>) + Sync + Send,
    ) -> &[f64] {
        self.for_each_slot(|view, theta, slot| {
            slot.sum.clear();
            slot.sum.resize(len, 0.0);
            view.each(slot, T::theta(theta), every, |view, hand| work(view, hand));
        });
        tree_reduce(&mut self.slots, |into, from| add(&mut into.sum, &from.sum));
        let rows = (0..self.blocks.count()).step_by(every).flat_map(|b| self.blocks.rows(b));
        let weight: f64 = match self.target.sample_weights() {
            None => rows.count() as f64,
            Some(s) if every > 1 => rows.map(|row| s[row]).sum::<f64>() * self.scale(),
            Some(_) => self.rows() as f64,
        };
        let sum = &mut self.slots[0].sum;
        sum.iter_mut().for_each(|v| *v /= weight);
        sum
    }

    fn product<T: WithTheta>(&mut self, v: &[f64], out: &mut [f64]) {
        // Whatever the length of v, its products stay in the range of f32.
        let largest = v.iter().fold(0.0f64, |a, v| a.max(v.abs()));
        if largest == 0.0 || !largest.is_finite() {
            out.fill(if largest == 0.0 { 0.0 } else { f64::NAN });
            return;
        }
        let mut direction = Theta::<T>::default();
        direction.set(v, self.classes(), 1.0 / largest, self.sparse);
        let k = self.classes();
        let sum = self.sum_blocks(v.len(), 1, |view, hand: super::pass::Hand<'_, T>| {
            let hand = view.product_scores(hand, &direction);
            kernel::covariance_columns(view.blocks.block, hand.p, hand.weight, hand.u);
            view.outer(hand);
        });
        for (out, sum) in out.iter_mut().zip(sum) {
            *out = sum * largest;
        }
        for ((out, v), lambda) in out.chunks_exact_mut(k).zip(v.chunks_exact(k)).zip(&self.dual.ridge) {
            for (out, v) in out.iter_mut().zip(v) {
                *out += lambda * v;
            }
        }
    }
}

/// The point evaluated last, in both types.
pub(super) struct Thetas<'t> {
    double: &'t Theta<f64>,
    single: &'t Theta<f32>,
}

/// A type that curvature can be computed in.
pub(super) trait WithTheta: Buffered {
    fn theta<'t>(thetas: &Thetas<'t>) -> &'t Theta<Self>;
}

impl WithTheta for f64 {
    fn theta<'t>(thetas: &Thetas<'t>) -> &'t Theta<f64> {
        thetas.double
    }
}

impl WithTheta for f32 {
    fn theta<'t>(thetas: &Thetas<'t>) -> &'t Theta<f32> {
        thetas.single
    }
}

impl Objective for RidgeNll<'_> {
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
        let (k, n, precision) = (self.classes(), self.rows() as f64, self.precision);
        self.theta.copy_from_slice(&point.theta);
        self.double.set(&point.theta, k, 1.0, self.sparse);
        if precision == Precision::Single {
            self.single.set(&point.theta, k, 1.0, self.sparse);
        }
        self.for_each_slot(|view, theta, slot| {
            slot.sum.clear();
            slot.sum.resize(point.theta.len(), 0.0);
            slot.totals = Totals::default();
            view.evaluate(slot, theta.double, precision, |view, label_score, mut hand, rows, totals| {
                let of = 0..view.blocks.rows(hand.index).len();
                // nll = ln Σ e^(z − m) + m − y·z,  entropy = ln Σ e^(z − m) − Σ p (z − m).
                kernel::ln_in_place(&mut rows.sum);
                for r in of {
                    let nll = rows.sum[r] + (rows.max[r] - label_score[r]);
                    totals.nll += hand.weight[r] * nll;
                    totals.entropy += hand.weight[r] * (rows.sum[r] - rows.mean[r]);
                }
                totals.least = totals.least.min(view.least_label_probability(&hand));
                totals.offset += view.offset_sum(&hand);
                kernel::weighted_columns(view.blocks.block, hand.p, hand.weight, hand.u);
                view.add_labels(&mut hand, -1.0);
                view.outer(hand);
            });
        });
        tree_reduce(&mut self.slots, |into, from| {
            add(&mut into.sum, &from.sum);
            into.totals.nll += from.totals.nll;
            into.totals.entropy += from.totals.entropy;
            into.totals.offset += from.totals.offset;
            into.totals.least = into.totals.least.min(from.totals.least);
        });
        let Slot { sum, totals, .. } = &self.slots[0];
        point.nll_gradient.clear();
        point.nll_gradient.extend(sum.iter().map(|g| g / n));
        point.gradient.clone_from(&point.nll_gradient);
        point.nll_mean = totals.nll / n;
        point.entropy_mean = totals.entropy / n;
        point.offset_mean = totals.offset / n;
        point.least_label_probability = totals.least;
        let mut penalty = 0.0;
        for (j, &lambda) in self.dual.ridge.iter().enumerate() {
            for (g, t) in point.gradient[j * k..(j + 1) * k].iter_mut().zip(&point.theta[j * k..]) {
                *g += lambda * t;
                penalty += 0.5 * lambda * t * t;
            }
        }
        point.value = point.nll_mean + penalty;
    }

    fn hessian_vector_product(&mut self, v: &[f64], out: &mut [f64]) {
        match self.precision {
            Precision::Single => self.product::<f32>(v, out),
            Precision::Double => self.product::<f64>(v, out),
        }
    }

    fn hessian(&mut self, every: usize) -> Symmetric {
        match self.precision {
            Precision::Single => self.full_hessian::<f32>(every),
            Precision::Double => self.full_hessian::<f64>(every),
        }
    }

    fn rarest(&self) -> f64 {
        self.target.class_weights().iter().copied().fold(f64::INFINITY, f64::min) / self.target.total_weight()
    }

    fn shared_block(&mut self) -> Symmetric {
        match self.precision {
            Precision::Single => self.shared_gram::<f32>(),
            Precision::Double => self.shared_gram::<f64>(),
        }
    }

    fn hessian_diagonal(&mut self, out: &mut [f64]) {
        match self.precision {
            Precision::Single => self.diagonal::<f32>(out),
            Precision::Double => self.diagonal::<f64>(out),
        }
    }

    fn sharpen(&mut self) -> bool {
        let sharpened = self.precision == Precision::Single;
        if sharpened {
            self.precision = Precision::Double;
            self.prepare();
        }
        sharpened
    }

    fn margins(&mut self, direction: &[f64]) -> Option<Margins> {
        let Labels::Hard(ids) = self.target.labels() else { return None };
        let k = self.classes();
        let stride = self.blocks.block.stride;
        let mut margins = Margins {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            apart: vec![f64::INFINITY; k],
            gains: vec![f64::NEG_INFINITY; k],
        };
        let mut along = Theta::<f64>::default();
        along.set(direction, k, 1.0, self.sparse);
        let view = View { target: self.target, scale: 1.0, blocks: &self.blocks, sparse: self.sparse };
        let (mut x, mut row) = (Vec::new(), vec![0.0; k]);
        let mut z = vec![0.0; self.blocks.block.len(k)];
        if !self.sparse {
            x.resize(self.blocks.block.len(self.blocks.columns()), 0.0);
        }
        for b in 0..self.blocks.count() {
            if !self.sparse {
                self.blocks.load(b, &mut x);
            }
            view.scores(b, &x, &along, &mut row, &mut z);
            for (r, of) in self.blocks.rows(b).enumerate() {
                let y = ids[of] as usize;
                let mut least = f64::INFINITY;
                for c in (0..k).filter(|c| *c != y) {
                    let margin = z[y * stride + r] - z[c * stride + r];
                    margins.apart[c] = margins.apart[c].min(margin);
                    least = least.min(margin);
                }
                margins.apart[y] = margins.apart[y].min(least);
                margins.gains[y] = margins.gains[y].max(least);
                margins.low = margins.low.min(least);
                margins.high = margins.high.max(least);
            }
        }
        Some(margins)
    }

    fn dual(&self) -> &Dual {
        &self.dual
    }
}

pub(super) fn add(into: &mut [f64], from: &[f64]) {
    for (a, b) in into.iter_mut().zip(from) {
        *a += b;
    }
}
