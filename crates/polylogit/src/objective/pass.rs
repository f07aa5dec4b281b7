//! The fused loop over the row blocks, and what it keeps between passes.
//!
//! For each block of rows: scores Z = X̃θ (+ offsets), probabilities P = softmax(Z), residuals, and their
//! product with X̃ᵀ, while the block is in the core's cache. Only partial sums leave it: one slot of them for
//! each fixed range of blocks, added in a fixed tree.
//!
//! F and its gradient are computed in f64. Curvature may be computed in f32 ([`Precision::Single`]): a step
//! needs a few digits of it only, and they pass through half the memory and twice the lanes.

use super::TIMES;
use super::kept::{KeptBytes, Mode, Precision};
use crate::design::rows::RowBlocks;
use crate::kernel::{self, Aligned, Panels, Real, RowSums};
use crate::target::{Labels, Target};

/// Bytes that a core's caches hold.
const CACHED: usize = 1 << 20;

/// What is kept of one range of blocks, and its partial sums.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) blocks: std::ops::Range<usize>,
    double: Kept<f64>,
    single: Kept<f32>,
    pub(super) sum: Vec<f64>,
    /// Σ s n/S x y, while it is summed.
    pub(super) moments: Vec<f64>,
    pub(super) totals: Totals,
}

/// What is kept between passes in one precision.
#[derive(Debug, Default)]
pub(super) struct Kept<T> {
    /// X̃ of all blocks of the range, or empty.
    x: Aligned<T>,
    /// Probabilities of all blocks of the range at the point evaluated last, or empty.
    p: Aligned<T>,
}

/// The buffers of a thread for the block that it is at.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    double: Scratch<f64>,
    single: Scratch<f32>,
    /// y_i·z_i.
    label_score: Vec<f64>,
}

/// Scalars summed over rows, with weights s_i n/S.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    pub(super) nll: f64,
    pub(super) entropy: f64,
    pub(super) offset: f64,
    /// The least y_i·p_i.
    pub(super) least: f64,
    /// Changes of the nll along a step.
    pub(super) along: [f64; TIMES.len()],
}

impl Default for Totals {
    fn default() -> Self {
        Self { nll: 0.0, entropy: 0.0, offset: 0.0, least: 1.0, along: [0.0; TIMES.len()] }
    }
}

/// Buffers of one precision, as long as they have to be once they are used.
#[derive(Debug, Default)]
pub(super) struct Scratch<T> {
    /// X̃ of a block (m columns), where it is not kept.
    x: Aligned<T>,
    /// Scores, then probabilities of a block (K columns), where they are not kept.
    p: Aligned<T>,
    /// Residuals, or Δz (K columns).
    u: Aligned<T>,
    /// s_i n/S; 0 beyond the last row.
    weight: Aligned<T>,
    rows: RowSums<T>,
    /// Columns for explicit curvature, made on first use.
    extra: Aligned<T>,
}

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

/// A type with a place in slots and in buffers.
pub(super) trait Buffered: Real + Default {
    fn kept(slot: &mut Slot) -> (&mut Kept<Self>, &mut Vec<f64>);
    fn scratch(buffers: &mut Buffers) -> &mut Scratch<Self>;
}

impl Buffered for f64 {
    fn kept(slot: &mut Slot) -> (&mut Kept<f64>, &mut Vec<f64>) {
        (&mut slot.double, &mut slot.sum)
    }
    fn scratch(buffers: &mut Buffers) -> &mut Scratch<f64> {
        &mut buffers.double
    }
}

impl Buffered for f32 {
    fn kept(slot: &mut Slot) -> (&mut Kept<f32>, &mut Vec<f64>) {
        (&mut slot.single, &mut slot.sum)
    }
    fn scratch(buffers: &mut Buffers) -> &mut Scratch<f32> {
        &mut buffers.single
    }
}

/// What every slot reads.
pub(super) struct View<'v> {
    target: &'v Target,
    /// n/S.
    scale: f64,
    pub(super) blocks: &'v RowBlocks<'v>,
}

impl Totals {
    pub(super) fn add(&mut self, other: &Self) {
        self.nll += other.nll;
        self.entropy += other.entropy;
        self.offset += other.offset;
        self.least = self.least.min(other.least);
        self.along.iter_mut().zip(other.along).for_each(|(sum, v)| *sum += v);
    }
}

impl Slot {
    pub(super) fn new(blocks: std::ops::Range<usize>) -> Self {
        Self {
            blocks,
            double: Kept::default(),
            single: Kept::default(),
            sum: vec![],
            moments: vec![],
            totals: Totals::default(),
        }
    }

    /// Are probabilities for curvature in f32 kept?
    pub(super) fn keeps_single(&self) -> bool {
        !self.single.p.is_empty()
    }
}

impl<'v> View<'v> {
    pub(super) fn new(target: &'v Target, blocks: &'v RowBlocks<'v>) -> Self {
        Self { target, scale: blocks.design.rows() as f64 / target.total_weight(), blocks }
    }

    /// Keeps in the slot what evaluations read and leave.
    pub(super) fn prepare(&self, slot: &mut Slot, mode: Mode) {
        let kept = self.kept(mode);
        let (rows, probabilities) = (kept.double > 0, kept.probabilities > 0);
        match mode.precision {
            Precision::Single => {
                self.prepare_type::<f64>(slot, rows, false);
                self.prepare_type::<f32>(slot, false, probabilities);
            }
            Precision::Double => {
                self.prepare_type::<f64>(slot, rows, probabilities);
                slot.single = Kept::default();
            }
        }
    }

    /// Keeps the rows that curvature reads, which a fit from a good start may never ask for.
    pub(super) fn prepare_curvature(&self, slot: &mut Slot, mode: Mode) {
        if mode.precision == Precision::Single && slot.single.x.is_empty() && self.kept(mode).single > 0 {
            self.prepare_type::<f32>(slot, true, false);
        }
    }

    fn kept(&self, mode: Mode) -> KeptBytes {
        let shape = (self.blocks.columns(), self.target.classes().len());
        KeptBytes::new(self.blocks.block, self.blocks.count(), shape, self.blocks.design.bytes(), mode)
    }

    fn prepare_type<T: Buffered>(&self, slot: &mut Slot, rows: bool, probabilities: bool) {
        let block = self.blocks.block;
        let (m, k) = (self.blocks.columns(), self.target.classes().len());
        let range = slot.blocks.clone();
        let kept = T::kept(slot).0;
        if probabilities {
            kept.p.fit(block.len(k) * range.len());
        }
        if rows {
            kept.x.fit(block.len(m) * range.len());
            for (b, x) in range.zip(kept.x.chunks_exact_mut(block.len(m).max(1))) {
                self.blocks.load(b, x);
            }
        }
    }

    /// Makes buffers as long as blocks need them.
    fn fit<T: Real>(&self, scratch: &mut Scratch<T>) {
        let block = self.blocks.block;
        scratch.u.fit(block.len(self.target.classes().len()));
        if scratch.weight.is_empty() {
            scratch.weight.fit(block.rows);
            scratch.rows = RowSums::new(block);
        }
    }

    /// Adds F's sums over the slot's blocks to its totals and their gradient to its sum, in f64, and Σ s n/S x y to its
    /// moments where there is room for them; keeps the probabilities for curvature in `precision`.
    pub(super) fn evaluate(
        &self,
        slot: &mut Slot,
        buffers: &mut Buffers,
        theta: &Panels<f64>,
        precision: Precision,
    ) {
        let block = self.blocks.block;
        let columns = block.len(self.blocks.columns());
        let wide = block.len(self.target.classes().len());
        let Buffers { double, label_score, .. } = buffers;
        self.fit(double);
        label_score.resize(block.rows, 0.0);
        for b in slot.blocks.clone() {
            let at = b - slot.blocks.start;
            let Slot { double: kept, single, sum, moments, totals, .. } = slot;
            let Scratch { x, p, u, weight, rows, .. } = &mut *double;
            let x = of_block(&kept.x, x, at, columns, |x| self.blocks.load(b, x));
            // Where the curvature is in f64, too, the probabilities arise where they are kept.
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
            if precision == Precision::Single
                && let Some(kept) = single.p.get_mut(at * wide..(at + 1) * wide)
            {
                for (kept, p) in kept.iter_mut().zip(&*p) {
                    *kept = *p as f32;
                }
            }
            let k = self.target.classes().len();
            kernel::outer(block, x, u, k, sum);
            if !moments.is_empty() {
                u.fill(0.0);
                self.add_labels(b, weight, u, 1.0);
                kernel::outer(block, x, u, k, moments);
            }
        }
    }

    /// From the scores `z` (K columns) of a block without offsets: their softmax in place, the weighted residuals
    /// `u` = w (p − y), and the block's part in the totals (but in `least`).
    #[expect(clippy::too_many_arguments, reason = "buffers of a block, all of one shape")]
    pub(super) fn residuals(
        &self,
        b: usize,
        z: &mut [f64],
        weight: &[f64],
        u: &mut [f64],
        rows: &mut RowSums<f64>,
        label_score: &mut [f64],
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
        self.add_labels(b, weight, u, -1.0);
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
            let (kept, sum) = T::kept(slot);
            let Scratch { x, p, u, weight, rows, extra } = &mut *scratch;
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
    pub(super) fn least_label_probability(&self, b: usize, p: &[f64]) -> f64 {
        let Labels::Hard(ids) = self.target.labels() else { return 1.0 };
        let stride = self.blocks.block.stride;
        let of = |(r, y): (usize, &u32)| p[*y as usize * stride + r];
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
    pub(super) fn add_labels(&self, b: usize, weight: &[f64], u: &mut [f64], sign: f64) {
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
                        u[c * stride + r] += sign * weight[r] * y;
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
    pub(super) fn offset_sum(&self, b: usize, p: &[f64], weight: &[f64]) -> f64 {
        let Some(offsets) = self.target.offsets() else { return 0.0 };
        let k = self.target.classes().len();
        let mut sum = 0.0;
        for (r, row) in self.blocks.rows(b).enumerate() {
            for (c, o) in offsets[row * k..(row + 1) * k].iter().enumerate() {
                sum += weight[r] * o * p[c * self.blocks.block.stride + r];
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
