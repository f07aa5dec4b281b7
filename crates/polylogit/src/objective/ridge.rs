//! L/S + ½ Σ_j λ_j ‖θ_j‖² over dense row blocks: value, gradient, Hessian-vector product.

use super::kept::{Mode, Precision};
use super::pass::{Hand, View};
use super::slot::{Buffered, Buffers, Slot, Totals};
use super::{Dual, Margins, Objective, Point, TIMES, Tally};
use crate::design::rows::RowBlocks;
use crate::kernel::{self, Panels};
use crate::linalg::Symmetric;
use crate::parallel::{Spare, Workers, tree_reduce};
use crate::softmax::softmax;
use crate::target::Target;
use std::sync::Arc;

/// Most ranges that the blocks are shared out to.
pub(crate) const SLOTS: usize = 16;
/// Partial sums may take this share of X.
const SLOT_SHARE: usize = 4;

/// How many ranges `count` blocks are shared out to, each with a sum of `parameters` numbers; `stored` are those of X.
pub(crate) fn ranges(count: usize, stored: usize, parameters: usize) -> usize {
    let room = (stored / SLOT_SHARE).max(1 << 20) / parameters.max(1);
    count.min(SLOTS).min(room.max(2)).max(1)
}

/// L/S + ½ Σ_j λ_j ‖θ_j‖² over row blocks.
#[derive(Debug)]
pub(crate) struct RidgeNll<'a> {
    blocks: RowBlocks<'a>,
    target: &'a Target,
    workers: Workers,
    slots: Vec<Slot>,
    buffers: Spare<Buffers>,
    dual: Arc<Dual>,
    mode: Mode,
    thetas: Thetas,
}

impl<'a> RidgeNll<'a> {
    /// `ridge`: λ_j for each of the m columns of the blocks.
    pub(crate) fn new(
        blocks: RowBlocks<'a>,
        target: &'a Target,
        ridge: Vec<f64>,
        mode: Mode,
        workers: Workers,
    ) -> Self {
        let (m, k) = (blocks.columns(), target.classes().len());
        let count = blocks.count();
        let slots = ranges(count, blocks.design.stored(), m * k);
        let slot = |s: usize| Slot::new(count * s / slots..count * (s + 1) / slots);
        let mut this = Self {
            slots: (0..slots).map(slot).collect(),
            buffers: Spare::default(),
            dual: Arc::new(Dual::new(ridge, blocks.intercept, target)),
            target,
            workers,
            mode,
            thetas: Thetas::default(),
            blocks,
        };
        this.for_each_slot(|view, _, slot, buffers| view.prepare(slot, buffers, mode));
        if !mode.leads {
            this.reduce();
            let n = this.rows() as f64;
            Arc::make_mut(&mut this.dual).moments = this.slots[0].moments.iter().map(|sum| sum / n).collect();
            this.slots.iter_mut().for_each(|slot| slot.moments = vec![]);
        }
        this
    }

    /// Runs `work` on every slot.
    fn for_each_slot(&mut self, work: impl Fn(&View<'_>, &Thetas, &mut Slot, &mut Buffers) + Sync + Send) {
        let view = View::new(self.target, &self.blocks);
        let (thetas, spare) = (&self.thetas, &self.buffers);
        self.workers.for_each(&mut self.slots, |_, slot| {
            let mut buffers = spare.take().unwrap_or_default();
            work(&view, thetas, slot, &mut buffers);
            spare.put(buffers);
        });
    }

    /// The slots' sums, added.
    fn reduce(&mut self) -> &mut [f64] {
        tree_reduce(&mut self.slots, |into, from| {
            for (into, from) in [(&mut into.sum, &from.sum), (&mut into.moments, &from.moments)] {
                into.iter_mut().zip(from).for_each(|(a, b)| *a += b);
            }
            into.totals.add(&from.totals);
        });
        &mut self.slots[0].sum
    }

    /// Sums over the slots what `work` adds to `hand.sum` (`len` numbers) for every `every`th block, with the
    /// block's probabilities at the point evaluated last; over the weight of these blocks.
    pub(super) fn sum_blocks<T: WithTheta>(
        &mut self,
        len: usize,
        every: usize,
        work: impl Fn(&View<'_>, Hand<'_, T>) + Sync + Send,
    ) -> &[f64] {
        self.for_each_slot(|view, theta, slot, buffers| {
            slot.sum.clear();
            slot.sum.resize(len, 0.0);
            view.each(slot, buffers, T::theta(theta), every, |view, hand| work(view, hand));
        });
        let rows = (0..self.blocks.count()).step_by(every).flat_map(|b| self.blocks.rows(b));
        let weight: f64 = match self.target.sample_weights() {
            Some(s) if every > 1 => {
                rows.map(|row| s[row]).sum::<f64>() * self.rows() as f64 / self.target.total_weight()
            }
            Some(_) => self.rows() as f64,
            None => rows.count() as f64,
        };
        let sum = self.reduce();
        for v in sum.iter_mut() {
            *v /= weight;
        }
        sum
    }

    /// Packs θ for an evaluation in `T`, and for curvature in f32 where that computes its probabilities anew.
    fn set_theta<T: WithTheta>(&mut self, theta: &[f64]) {
        let k = self.classes();
        T::theta_mut(&mut self.thetas).pack(theta, k, 1.0);
        if self.mode.precision == Precision::Single && !self.slots.iter().all(Slot::keeps_single) {
            self.thetas.single.pack(theta, k, 1.0);
        }
    }

    /// F and its gradient at `point`, products in `T`.
    fn evaluate_in<T: WithTheta>(&mut self, point: &mut Point) {
        let n = self.rows() as f64;
        self.set_theta::<T>(&point.theta);
        let parameters = point.theta.len();
        self.for_each_slot(|view, theta, slot, buffers| {
            slot.sum.clear();
            slot.sum.resize(parameters, 0.0);
            slot.totals = Totals::default();
            view.evaluate(slot, buffers, T::theta(theta));
        });
        point.gradient.clear();
        point.gradient.extend(self.reduce().iter().map(|g| g / n));
        self.dual.complete(point, &self.slots[0].totals, n, &self.workers);
    }

    /// The probabilities of each row, where θ has nothing but intercepts, as at the start of a fit.
    fn common_probabilities(&self, theta: &[f64]) -> Option<Vec<f64>> {
        let k = self.classes();
        let (features, intercepts) = theta.split_at(self.blocks.design.features() * k);
        let same = !self.dual.moments.is_empty()
            && self.target.offsets().is_none()
            && features.iter().all(|t| *t == 0.0);
        same.then(|| if intercepts.is_empty() { softmax(&vec![0.0; k]) } else { softmax(intercepts) })
    }

    /// F and its gradient where each row has the probabilities `p`: the sums over the rows are those of the moments.
    ///
    /// `L/S = −Σ_k ȳ_k ln p_k` and `∂(L/S)/∂θ_jk = p_k x̄_j − m_jk` with m the moments and x̄_j = Σ_k m_jk.
    fn evaluate_at(&mut self, point: &mut Point, p: &[f64]) {
        let (k, n) = (self.classes(), self.rows() as f64);
        self.set_theta::<f64>(&point.theta);
        let block = self.blocks.block;
        self.for_each_slot(|_, _, slot, _| slot.keep_constant(block, p));
        point.gradient.clear();
        for m in self.dual.moments.chunks_exact(k) {
            let mean: f64 = m.iter().sum();
            point.gradient.extend(m.iter().zip(p).map(|(m, p)| p * mean - m));
        }
        let cross = |y: &[f64]| -> f64 {
            let there = y.iter().zip(p).filter(|(y, _)| **y > 0.0);
            -there.map(|(y, p)| y * p.ln()).sum::<f64>()
        };
        let labels =
            self.target.class_weights().iter().map(|w| w / self.target.total_weight()).collect::<Vec<_>>();
        let least = if self.target.ids().is_some() { p.iter().copied().fold(1.0, f64::min) } else { 1.0 };
        let totals = Totals { nll: n * cross(&labels), entropy: n * cross(p), least, ..Totals::default() };
        self.dual.complete(point, &totals, n, &self.workers);
    }

    fn product<T: WithTheta>(&mut self, v: &[f64], out: &mut [f64]) {
        let k = self.classes();
        let Some(scale) = super::unit_scale(v, out) else { return };
        let mut direction = Panels::<T>::default();
        direction.pack(v, k, scale);
        let sum = self.sum_blocks(v.len(), 1, |view, hand: Hand<'_, T>| {
            let block = view.blocks.block;
            kernel::logits(block, hand.x, &direction, hand.u);
            kernel::covariance_columns(block, hand.p, hand.weight, hand.u);
            kernel::outer(block, hand.x, hand.u, k, hand.sum);
        });
        for (out, sum) in out.iter_mut().zip(sum) {
            *out = sum / scale;
        }
        super::add_ridge(&self.dual.ridge, k, v, out);
    }

    fn along<T: WithTheta>(&mut self, s: &[f64]) -> [f64; TIMES.len()] {
        let mut direction = Panels::<T>::default();
        direction.pack(s, self.classes(), 1.0);
        let sums = self.sum_blocks(TIMES.len(), 1, |view, hand: Hand<'_, T>| {
            let block = view.blocks.block;
            kernel::logits(block, hand.x, &direction, hand.u);
            let mut along = [0.0; TIMES.len()];
            let u = &hand.u[..hand.p.len()];
            view.add_along(hand.b, hand.p, u, hand.weight, hand.extra, &mut along);
            hand.sum.iter_mut().zip(along).for_each(|(sum, v)| *sum += v);
        });
        std::array::from_fn(|t| sums[t])
    }
}

/// The point evaluated last, in the types that passes read.
#[derive(Debug, Default)]
pub(super) struct Thetas {
    double: Panels<f64>,
    single: Panels<f32>,
}

/// A type that curvature can be computed in.
pub(super) trait WithTheta: Buffered {
    fn theta(thetas: &Thetas) -> &Panels<Self>;
    fn theta_mut(thetas: &mut Thetas) -> &mut Panels<Self>;
}

impl WithTheta for f64 {
    fn theta(thetas: &Thetas) -> &Panels<f64> {
        &thetas.double
    }
    fn theta_mut(thetas: &mut Thetas) -> &mut Panels<f64> {
        &mut thetas.double
    }
}

impl WithTheta for f32 {
    fn theta(thetas: &Thetas) -> &Panels<f32> {
        &thetas.single
    }
    fn theta_mut(thetas: &mut Thetas) -> &mut Panels<f32> {
        &mut thetas.single
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
        let Mode { precision, leads, .. } = self.mode;
        match (self.common_probabilities(&point.theta), precision) {
            (Some(p), _) => self.evaluate_at(point, &p),
            (None, Precision::Single) if leads => self.evaluate_in::<f32>(point),
            (None, _) => self.evaluate_in::<f64>(point),
        }
    }

    fn estimate(&mut self, point: &mut Point) -> bool {
        let single = self.mode.precision == Precision::Single;
        if single {
            self.evaluate_in::<f32>(point);
        } else {
            self.evaluate(point);
        }
        single
    }

    fn hessian_vector_product(&mut self, v: &[f64], out: &mut [f64]) {
        match self.mode.precision {
            Precision::Single => self.product::<f32>(v, out),
            Precision::Double => self.product::<f64>(v, out),
        }
    }

    fn hessian(&mut self, every: usize) -> Option<Symmetric> {
        Some(match self.mode.precision {
            Precision::Single => self.full_hessian::<f32>(every),
            Precision::Double => self.full_hessian::<f64>(every),
        })
    }

    fn shared_block(&mut self, every: usize) -> Option<Symmetric> {
        Some(match self.mode.precision {
            Precision::Single => self.shared_gram::<f32>(every),
            Precision::Double => self.shared_gram::<f64>(every),
        })
    }

    fn hessian_diagonal(&mut self, out: &mut [f64]) {
        match self.mode.precision {
            Precision::Single => self.diagonal::<f32>(out),
            Precision::Double => self.diagonal::<f64>(out),
        }
    }

    fn nll_along(&mut self, s: &[f64]) -> [f64; TIMES.len()] {
        match self.mode.precision {
            Precision::Single => self.along::<f32>(s),
            Precision::Double => self.along::<f64>(s),
        }
    }

    fn sharpen(&mut self) -> bool {
        let sharpened = self.mode.precision == Precision::Single;
        if sharpened {
            self.mode.precision = Precision::Double;
            let mode = self.mode;
            self.for_each_slot(|view, _, slot, _| view.sharpen(slot, mode));
        }
        sharpened
    }

    fn margins(&mut self, direction: &[f64]) -> Option<Margins> {
        let ids = self.target.ids()?;
        let (k, block) = (self.classes(), self.blocks.block);
        let mut along = Panels::<f64>::default();
        along.pack(direction, k, 1.0);
        let mut x = vec![0.0; block.len(self.blocks.columns())];
        let mut z = vec![0.0; block.len(k)];
        let mut tally = Tally::new(k);
        for b in 0..self.blocks.count() {
            self.blocks.load(b, &mut x);
            kernel::logits(block, &x, &along, &mut z);
            for (r, row) in self.blocks.rows(b).enumerate() {
                tally.add(ids[row] as usize, |c| z[c * block.stride + r]);
            }
        }
        Some(tally.0)
    }

    fn is_dense(&self) -> bool {
        true
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
