//! The fused loop over the row blocks, and what it keeps between passes.
//!
//! For each block of rows: scores Z = X̃θ (+ offsets), probabilities P = softmax(Z), residuals, and their
//! product with X̃ᵀ, while the block is in the core's cache. Only partial sums leave it: one slot of them for
//! each fixed range of blocks, added in a fixed tree.
//!
//! F and its gradient are computed in f64. Curvature may be computed in f32 ([`Precision::Single`]): a step
//! needs a few digits of it only, and they pass through half the memory and twice the lanes. So may F and its gradient
//! far from the optimum.

use super::TIMES;
use super::kept::{KeptBytes, Mode, Precision};
use super::slot::{Buffered, Buffers, Kept, Parts, Scratch, Slot, Totals};
use crate::design::rows::RowBlocks;
use crate::kernel::{self, Aligned, Panels, Real, RowSums};
use crate::target::{Labels, Target};

/// Bytes that a core's caches hold.
const CACHED: usize = 1 << 20;
/// Classes from which on a row's part in the moments is added to its own class alone; products with fewer are as fast.
const MANY_LABELS: usize = 32;

/// A block at hand.
pub(super) struct Hand<'s, T> {
    /// Its number.
    pub(super) b: usize,
    /// X̃ (m columns).
    pub(super) x: &'s [T],
    /// Probabilities (K columns).
    pub(super) p: &'s [T],
    /// s_i n/S; 0 beyond the last row.
    pub(super) weight: &'s [T],
    /// K columns to use.
    pub(super) u: &'s mut Aligned<T>,
    /// Columns to use.
    pub(super) extra: &'s mut Aligned<T>,
    /// The slot's sum.
    pub(super) sum: &'s mut Vec<f64>,
}

/// What every slot reads.
pub(super) struct View<'v> {
    target: &'v Target,
    /// n/S.
    scale: f64,
    pub(super) blocks: &'v RowBlocks<'v>,
}

impl<'v> View<'v> {
    pub(super) fn new(target: &'v Target, blocks: &'v RowBlocks<'v>) -> Self {
        Self { target, scale: blocks.design.rows() as f64 / target.total_weight(), blocks }
    }

    /// Keeps in the slot what passes read and leave and, where bounds are taken, sums its moments Σ s n/S x y: one reading of X.
    pub(super) fn prepare(&self, slot: &mut Slot, buffers: &mut Buffers, mode: Mode) {
        let kept = self.kept(mode);
        self.keep_probabilities(slot, mode);
        let columns = self.blocks.block.len(self.blocks.columns());
        if kept.double > 0 {
            slot.double.x.fit(columns * slot.blocks.len());
        }
        if kept.single > 0 {
            slot.single.x.fit(columns * slot.blocks.len());
        }
        if mode.leads {
            self.load_all(slot.blocks.clone(), &mut slot.double.x);
            self.load_all(slot.blocks.clone(), &mut slot.single.x);
        } else {
            self.load_with_moments(slot, &mut buffers.double);
        }
    }

    /// Keeps in the slot what curvature in f64 leaves, and no longer what it was in f32.
    pub(super) fn sharpen(&self, slot: &mut Slot, mode: Mode) {
        slot.single = Kept::default();
        self.keep_probabilities(slot, mode);
    }

    fn kept(&self, mode: Mode) -> KeptBytes {
        let shape = (self.blocks.columns(), self.target.classes().len());
        KeptBytes::new(self.blocks.block, self.blocks.count(), shape, self.blocks.design.bytes(), mode)
    }

    fn keep_probabilities(&self, slot: &mut Slot, mode: Mode) {
        let numbers = self.blocks.block.len(self.target.classes().len()) * slot.blocks.len();
        match mode.precision {
            _ if self.kept(mode).probabilities == 0 => {}
            Precision::Single => slot.single.p.fit(numbers),
            Precision::Double => slot.double.p.fit(numbers),
        }
    }

    /// Writes blocks into `x`, if there is room.
    fn load_all<T: Real>(&self, blocks: std::ops::Range<usize>, x: &mut [T]) {
        let columns = self.blocks.block.len(self.blocks.columns()).max(1);
        for (b, x) in blocks.zip(x.chunks_exact_mut(columns)) {
            self.blocks.load(b, x);
        }
    }

    /// Reads X for what the slot keeps of it in either type, and for its moments.
    fn load_with_moments(&self, slot: &mut Slot, scratch: &mut Scratch<f64>) {
        let (m, k) = (self.blocks.columns(), self.target.classes().len());
        let columns = self.blocks.block.len(m);
        self.fit(scratch);
        let Scratch { x: scratch, u, weight, .. } = scratch;
        slot.moments.resize(m * k, 0.0);
        for (at, b) in slot.blocks.clone().enumerate() {
            let of = at * columns..(at + 1) * columns;
            let x = slot.double.x.get_mut(of.clone()).unwrap_or_else(|| {
                scratch.fit(columns);
                &mut *scratch
            });
            self.blocks.load(b, x);
            if let Some(single) = slot.single.x.get_mut(of) {
                single.iter_mut().zip(&*x).for_each(|(single, x)| *single = *x as f32);
            }
            self.weigh(b, weight);
            self.add_moments(b, x, weight, u, &mut slot.moments);
        }
    }

    /// Makes buffers as long as blocks need them.
    fn fit<T: Real>(&self, scratch: &mut Scratch<T>) {
        let block = self.blocks.block;
        scratch.u.fit(block.len(self.target.classes().len()));
        if scratch.weight.is_empty() {
            scratch.weight.fit(block.rows);
            scratch.rows = RowSums::new(block);
            scratch.label_score.resize(block.rows, T::ZERO);
        }
    }

    /// Adds F's sums over the slot's blocks to its totals and their gradient to its sum, products in `T`; keeps the probabilities
    /// for curvature.
    pub(super) fn evaluate<T: Buffered>(&self, slot: &mut Slot, buffers: &mut Buffers, theta: &Panels<T>) {
        let block = self.blocks.block;
        let (columns, k) = (block.len(self.blocks.columns()), self.target.classes().len());
        let wide = block.len(k);
        let scratch = T::scratch(buffers);
        self.fit(scratch);
        for b in slot.blocks.clone() {
            let at = b - slot.blocks.start;
            let Parts { kept, rounded, sum, totals, .. } = T::parts(slot);
            let Scratch { x, p, u, weight, rows, label_score, .. } = &mut *scratch;
            let x = of_block(&kept.x, x, at, columns, |x| self.blocks.load(b, x));
            // Where the curvature is in the same type, the probabilities arise where they are kept.
            let p = if let Some(kept) = kept.p.get_mut(at * wide..(at + 1) * wide) {
                kept
            } else {
                p.fit(wide);
                p
            };
            kernel::logits(block, x, theta, p);
            self.weigh(b, weight);
            self.residuals(b, p, weight, u, rows, label_score, totals);
            totals.least = totals.least.min(self.least_label_probability(b, p));
            if let Some(rounded) = rounded.get_mut(at * wide..(at + 1) * wide) {
                rounded.iter_mut().zip(&*p).for_each(|(rounded, p)| *rounded = p.to_f64() as f32);
            }
            kernel::outer(block, x, u, k, sum);
        }
    }

    /// Adds Σ s n/S x y of a block to `moments`; `u` is scratch (K columns).
    fn add_moments(&self, b: usize, x: &[f64], weight: &[f64], u: &mut [f64], moments: &mut [f64]) {
        let block = self.blocks.block;
        let k = self.target.classes().len();
        match self.target.labels() {
            // Every row adds to the sums of its own class alone.
            Labels::Hard(ids) if k >= MANY_LABELS => {
                let ids = &ids[self.blocks.rows(b)];
                for (x, moments) in x.chunks_exact(block.stride).zip(moments.chunks_exact_mut(k)) {
                    for ((x, w), y) in x.iter().zip(weight).zip(ids) {
                        moments[*y as usize] += w * x;
                    }
                }
            }
            _ => {
                u.fill(0.0);
                self.add_labels(b, weight, u, 1.0);
                kernel::outer(block, x, u, k, moments);
            }
        }
    }

    /// From the scores `z` (K columns) of a block without offsets: their softmax in place, the weighted residuals
    /// `u` = w (p − y), and the block's part in the totals (but in `least`).
    #[expect(clippy::too_many_arguments, reason = "buffers of a block, all of one shape")]
    pub(super) fn residuals<T: Real>(
        &self,
        b: usize,
        z: &mut [T],
        weight: &[T],
        u: &mut [T],
        rows: &mut RowSums<T>,
        label_score: &mut [T],
        totals: &mut Totals,
    ) {
        let block = self.blocks.block;
        self.add_offsets(b, z);
        self.score_labels(b, z, label_score);
        kernel::softmax_columns(block, z, rows);
        let (nll, entropy) = kernel::losses(rows, label_score, &weight[..self.blocks.rows(b).len()]);
        totals.nll += nll;
        totals.entropy += entropy;
        totals.offset += self.offset_sum(b, z, weight);
        kernel::weighted_columns(block, z, weight, u);
        self.add_labels(b, weight, u, T::from_f64(-1.0));
    }

    /// Runs `work` on every `every`th block of the slot with its X̃ and its probabilities at θ.
    pub(super) fn each<T: Buffered>(
        &self,
        slot: &mut Slot,
        buffers: &mut Buffers,
        theta: &Panels<T>,
        every: usize,
        mut work: impl FnMut(&Self, Hand<'_, T>),
    ) {
        let block = self.blocks.block;
        let columns = block.len(self.blocks.columns());
        let wide = block.len(self.target.classes().len());
        let scratch = T::scratch(buffers);
        self.fit(scratch);
        for b in slot.blocks.clone().filter(|b| b.is_multiple_of(every)) {
            let at = b - slot.blocks.start;
            let Parts { kept, sum, .. } = T::parts(slot);
            let Scratch { x, p, u, weight, rows, extra, .. } = &mut *scratch;
            self.weigh(b, weight);
            let x = of_block(&kept.x, x, at, columns, |x| self.blocks.load(b, x));
            let p = of_block(&kept.p, p, at, wide, |p| {
                kernel::logits(block, x, theta, p);
                self.add_offsets(b, p);
                kernel::softmax_columns(block, p, rows);
            });
            work(self, Hand { b, x, p, weight, u, extra, sum });
        }
    }

    /// s_i n/S of a block.
    pub(super) fn weigh<T: Real>(&self, b: usize, weight: &mut [T]) {
        let rows = self.blocks.rows(b);
        let (inside, beyond) = weight.split_at_mut(rows.len());
        match self.target.sample_weights() {
            None => inside.fill(T::ONE),
            Some(s) => {
                for (w, s) in inside.iter_mut().zip(&s[rows]) {
                    *w = T::from_f64(s * self.scale);
                }
            }
        }
        beyond.fill(T::ZERO);
    }

    /// The least probability of a row's own class in a block; 1 for soft labels.
    pub(super) fn least_label_probability<T: Real>(&self, b: usize, p: &[T]) -> f64 {
        let Labels::Hard(ids) = self.target.labels() else { return 1.0 };
        let stride = self.blocks.block.stride;
        let of = |(r, y): (usize, &u32)| p[*y as usize * stride + r].to_f64();
        ids[self.blocks.rows(b)].iter().enumerate().map(of).fold(1.0, f64::min)
    }

    pub(super) fn add_offsets<T: Real>(&self, b: usize, z: &mut [T]) {
        if let Some(offsets) = self.target.offsets() {
            let k = self.target.classes().len();
            for (r, row) in self.blocks.rows(b).enumerate() {
                for (c, o) in offsets[row * k..(row + 1) * k].iter().enumerate() {
                    z[c * self.blocks.block.stride + r] += T::from_f64(*o);
                }
            }
        }
    }

    /// u += sign · s n/S · y.
    pub(super) fn add_labels<T: Real>(&self, b: usize, weight: &[T], u: &mut [T], sign: T) {
        let stride = self.blocks.block.stride;
        let rows = self.blocks.rows(b);
        match self.target.labels() {
            Labels::Hard(ids) => {
                for (r, &y) in ids[rows].iter().enumerate() {
                    u[y as usize * stride + r] += sign * weight[r];
                }
            }
            Labels::Soft(y) => {
                let k = self.target.classes().len();
                for (r, y) in y[rows.start * k..rows.end * k].chunks_exact(k).enumerate() {
                    for (c, y) in y.iter().enumerate() {
                        u[c * stride + r] += sign * weight[r] * T::from_f64(*y);
                    }
                }
            }
        }
    }

    /// `label_score` = y·z.
    fn score_labels<T: Real>(&self, b: usize, z: &[T], label_score: &mut [T]) {
        let stride = self.blocks.block.stride;
        let rows = self.blocks.rows(b);
        match self.target.labels() {
            Labels::Hard(ids) => {
                for (r, &y) in ids[rows].iter().enumerate() {
                    label_score[r] = z[y as usize * stride + r];
                }
            }
            Labels::Soft(y) => {
                let k = self.target.classes().len();
                for (r, y) in y[rows.start * k..rows.end * k].chunks_exact(k).enumerate() {
                    label_score[r] = y
                        .iter()
                        .enumerate()
                        .fold(T::ZERO, |sum, (c, y)| sum + T::from_f64(*y) * z[c * stride + r]);
                }
            }
        }
    }

    /// Adds to `along` how the nll of a block changes when t·u is added to its scores, at probabilities `p`.
    pub(super) fn add_along<T: Real>(
        &self,
        b: usize,
        p: &[T],
        u: &[T],
        weight: &[T],
        extra: &mut Aligned<T>,
        along: &mut [f64; TIMES.len()],
    ) {
        let block = self.blocks.block;
        let times = TIMES.map(T::from_f64);
        extra.fit(block.len(TIMES.len() + 2));
        let (sums, rest) = extra.split_at_mut(block.len(TIMES.len()));
        let (max, label) = rest.split_at_mut(block.stride);
        kernel::moved_sums(block, p, u, &times, max, sums);
        self.score_labels(b, u, label);
        let rows = self.blocks.rows(b).len();
        let mut ln = [0.0; 64];
        for ((t, sums), along) in TIMES.iter().zip(sums.chunks_exact(block.stride)).zip(along) {
            for first in (0..rows).step_by(ln.len()) {
                let of = first..(first + ln.len()).min(rows);
                // −ln of a sum ≤ 1.
                let ln = &mut ln[..of.len()];
                ln.iter_mut()
                    .zip(&sums[of.clone()])
                    .for_each(|(ln, s)| *ln = 1.0 / s.to_f64().max(f64::MIN_POSITIVE));
                kernel::ln_in_place(ln);
                for (r, ln) in of.zip(ln) {
                    *along += weight[r].to_f64() * (t * (max[r].to_f64() - label[r].to_f64()) - *ln);
                }
            }
        }
    }

    /// Σ s n/S ⟨p, o⟩ over a block.
    pub(super) fn offset_sum<T: Real>(&self, b: usize, p: &[T], weight: &[T]) -> f64 {
        let Some(offsets) = self.target.offsets() else { return 0.0 };
        let k = self.target.classes().len();
        let mut sum = 0.0;
        for (r, row) in self.blocks.rows(b).enumerate() {
            for (c, o) in offsets[row * k..(row + 1) * k].iter().enumerate() {
                sum += weight[r].to_f64() * o * p[c * self.blocks.block.stride + r].to_f64();
            }
        }
        sum
    }
}

/// The block that is kept, or the one that `fill` makes.
fn of_block<'s, T: Real>(
    kept: &'s [T],
    scratch: &'s mut Aligned<T>,
    at: usize,
    len: usize,
    fill: impl FnOnce(&mut [T]),
) -> &'s [T] {
    let all = size_of_val(kept);
    if let Some(kept) = kept.get(at * len..(at + 1) * len) {
        if all > CACHED {
            kernel::touch(kept);
        }
        return kept;
    }
    scratch.fit(len);
    fill(scratch);
    scratch
}
