//! The fused loop over the row blocks, and what it keeps between passes.
//!
//! For each block of rows: scores Z = X̃θ (+ offsets), probabilities P = softmax(Z), residuals, and their
//! product with X̃ᵀ, while the block is in the core's cache. Only partial sums leave it: one slot of them for
//! each fixed range of blocks, added in a fixed tree.
//!
//! F and its gradient are computed in f64. Curvature may be computed in f32 ([`Precision::Single`]): a step
//! needs a few digits of it only, and they pass through half the memory and twice the lanes.

use crate::design::Storage;
use crate::design::rows::RowBlocks;
use crate::kernel::{self, Panels, Real, RowSums};
use crate::target::{Labels, Target};

/// Bytes of X̃ in f32 that are kept between passes.
const PACKED_SINGLE: usize = 1 << 30;
/// Bytes of X̃ in f64 that are kept between passes, where curvature is computed from it.
const PACKED_DOUBLE: usize = 1 << 30;
/// …and where it only saves a gradient the reading of rows.
const PACKED_BESIDES: usize = 1 << 25;
/// Bytes of probabilities that are kept between passes; a quarter of X if that is more.
const KEPT: usize = 256 << 20;

/// The type that curvature is computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// f32 products, sums over blocks in f64.
    Single,
    /// f64.
    Double,
}

/// The scratch and the partial sums of one range of blocks.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) blocks: std::ops::Range<usize>,
    double: Scratch<f64>,
    single: Scratch<f32>,
    /// y_i·z_i.
    pub(super) label_score: Vec<f64>,
    pub(super) sum: Vec<f64>,
    pub(super) totals: Totals,
}

/// Scalars summed over rows, with weights s_i n/S.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    pub(super) nll: f64,
    pub(super) entropy: f64,
    pub(super) offset: f64,
    /// The least y_i·p_i.
    pub(super) least: f64,
}

impl Default for Totals {
    fn default() -> Self {
        Self { nll: 0.0, entropy: 0.0, offset: 0.0, least: 1.0 }
    }
}

/// Buffers of one precision.
#[derive(Debug, Clone)]
pub(super) struct Scratch<T> {
    /// X̃ of all blocks of the range, or empty.
    packed: Vec<T>,
    /// Probabilities of all blocks of the range at the point evaluated last, or empty.
    kept: Vec<T>,
    /// X̃ of a block (m columns), where it is not kept.
    x: Vec<T>,
    /// Scores, then probabilities of a block (K columns), where they are not kept.
    p: Vec<T>,
    /// Residuals, or Δz (K columns).
    u: Vec<T>,
    /// s_i n/S; 0 beyond the last row.
    weight: Vec<T>,
    rows: RowSums<T>,
    /// A row of scores, for sparse blocks.
    row: Vec<T>,
    /// Columns for explicit curvature, made on first use.
    extra: Vec<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        let rows = RowSums { max: vec![], sum: vec![], mean: vec![] };
        Self {
            packed: vec![],
            kept: vec![],
            x: vec![],
            p: vec![],
            u: vec![],
            weight: vec![],
            rows,
            row: vec![],
            extra: vec![],
        }
    }
}

/// A block at hand.
pub(super) struct Hand<'s, T> {
    pub(super) index: usize,
    /// X̃ (m columns); empty where stored values are worked on.
    pub(super) x: &'s [T],
    /// Probabilities (K columns).
    pub(super) p: &'s [T],
    /// s_i n/S; 0 beyond the last row.
    pub(super) weight: &'s [T],
    /// K columns to use.
    pub(super) u: &'s mut Vec<T>,
    /// Columns to use.
    pub(super) extra: &'s mut Vec<T>,
    row: &'s mut [T],
    /// The slot's sum.
    pub(super) sum: &'s mut Vec<f64>,
}

/// A type with buffers in a slot.
pub(super) trait Buffered: Real {
    /// Its buffers, the sum and the label scores.
    fn parts(slot: &mut Slot) -> (&mut Scratch<Self>, &mut Vec<f64>);
}

impl Buffered for f64 {
    fn parts(slot: &mut Slot) -> (&mut Scratch<f64>, &mut Vec<f64>) {
        (&mut slot.double, &mut slot.sum)
    }
}

impl Buffered for f32 {
    fn parts(slot: &mut Slot) -> (&mut Scratch<f32>, &mut Vec<f64>) {
        (&mut slot.single, &mut slot.sum)
    }
}

/// What every slot reads.
pub(super) struct View<'v> {
    pub(super) target: &'v Target,
    /// n/S.
    pub(super) scale: f64,
    pub(super) blocks: &'v RowBlocks<'v>,
    /// Work on stored values only?
    pub(super) sparse: bool,
}

impl Slot {
    pub(super) fn new(blocks: std::ops::Range<usize>, parameters: usize) -> Self {
        Self {
            blocks,
            double: Scratch::default(),
            single: Scratch::default(),
            label_score: vec![],
            sum: vec![0.0; parameters],
            totals: Totals::default(),
        }
    }
}

impl View<'_> {
    /// Makes the slot's buffers for gradients, and for curvature in `precision`.
    pub(super) fn prepare(&self, slot: &mut Slot, precision: Precision) {
        slot.label_score.resize(self.blocks.block.rows, 0.0);
        match precision {
            Precision::Single => {
                self.prepare_type::<f64>(slot, PACKED_BESIDES, false);
                self.prepare_type::<f32>(slot, PACKED_SINGLE, true);
            }
            Precision::Double => {
                self.prepare_type::<f64>(slot, PACKED_DOUBLE, true);
                slot.single = Scratch::default();
            }
        }
    }

    fn prepare_type<T: Buffered>(&self, slot: &mut Slot, packed: usize, curvature: bool) {
        let block = self.blocks.block;
        let (m, k) = (self.blocks.columns(), self.target.classes().len());
        let range = slot.blocks.clone();
        let scratch = T::parts(slot).0;
        let bytes = |columns: usize| block.len(columns) * self.blocks.count() * size_of::<T>();
        scratch.u.resize(block.len(k), T::ZERO);
        scratch.weight.resize(block.rows, T::ZERO);
        scratch.rows = RowSums::new(block);
        scratch.row.resize(k, T::ZERO);
        if curvature && bytes(k) <= KEPT.max(self.blocks.design.bytes() / 4) {
            scratch.kept.resize(block.len(k) * range.len(), T::ZERO);
        }
        scratch.p.resize(block.len(k), T::ZERO);
        if self.sparse {
            return;
        }
        if bytes(m) <= packed {
            scratch.packed.resize(block.len(m) * range.len(), T::ZERO);
            for (b, x) in range.zip(scratch.packed.chunks_exact_mut(block.len(m))) {
                self.blocks.load(b, x);
            }
        } else {
            scratch.x.resize(block.len(m), T::ZERO);
        }
    }

    /// Scores, softmax and what `work` makes of them for each block of the slot, in f64; keeps the probabilities
    /// for curvature in `precision`.
    pub(super) fn evaluate(
        &self,
        slot: &mut Slot,
        theta: &Theta<f64>,
        precision: Precision,
        mut work: impl FnMut(&Self, &mut [f64], Hand<'_, f64>, &mut RowSums<f64>, &mut Totals),
    ) {
        let block = self.blocks.block;
        let columns = block.len(self.blocks.columns());
        let wide = block.len(self.target.classes().len());
        for b in slot.blocks.clone() {
            let at = b - slot.blocks.start;
            let Slot { double, single, label_score, sum, totals, .. } = slot;
            self.weigh(b, &mut double.weight);
            let x = of_block(&double.packed, &mut double.x, at, columns, |x| self.load(b, x));
            // Where the curvature is in f64, too, the probabilities arise where they are kept.
            let p = match double.kept.get_mut(at * wide..(at + 1) * wide) {
                Some(kept) => kept,
                None => &mut double.p,
            };
            self.scores(b, x, theta, &mut double.row, p);
            self.add_offsets(b, p);
            self.score_labels(b, p, label_score);
            kernel::softmax_columns(block, p, &mut double.rows);
            if precision == Precision::Single
                && let Some(kept) = single.kept.get_mut(at * wide..(at + 1) * wide)
            {
                for (kept, p) in kept.iter_mut().zip(&*p) {
                    *kept = *p as f32;
                }
            }
            let hand = Hand {
                index: b,
                x,
                p,
                weight: &double.weight,
                u: &mut double.u,
                extra: &mut double.extra,
                row: &mut double.row,
                sum,
            };
            work(self, label_score, hand, &mut double.rows, totals);
        }
    }

    /// Runs `work` on every `every`th block of the slot with its X̃ and its probabilities at θ.
    pub(super) fn each<T: Buffered>(
        &self,
        slot: &mut Slot,
        theta: &Theta<T>,
        every: usize,
        mut work: impl FnMut(&Self, Hand<'_, T>),
    ) {
        let block = self.blocks.block;
        let columns = block.len(self.blocks.columns());
        let wide = block.len(self.target.classes().len());
        for b in slot.blocks.clone().filter(|b| b.is_multiple_of(every)) {
            let at = b - slot.blocks.start;
            let (scratch, sum) = T::parts(slot);
            self.weigh(b, &mut scratch.weight);
            let x = of_block(&scratch.packed, &mut scratch.x, at, columns, |x| self.load(b, x));
            let (row, rows) = (&mut scratch.row, &mut scratch.rows);
            let p = of_block(&scratch.kept, &mut scratch.p, at, wide, |p| {
                self.scores(b, x, theta, row, p);
                self.add_offsets(b, p);
                kernel::softmax_columns(block, p, rows);
            });
            let Scratch { weight, u, extra, row, .. } = scratch;
            work(self, Hand { index: b, x, p, weight, u, extra, row, sum });
        }
    }

    fn load<T: Real>(&self, b: usize, x: &mut [T]) {
        if !self.sparse {
            self.blocks.load(b, x);
        }
    }

    /// s_i n/S of a block.
    fn weigh<T: Real>(&self, b: usize, weight: &mut [T]) {
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

    /// z = X̃θ (K columns).
    pub(super) fn scores<T: Real>(&self, b: usize, x: &[T], theta: &Theta<T>, row: &mut [T], z: &mut [T]) {
        let block = self.blocks.block;
        let k = row.len();
        let csr = match self.blocks.design.storage() {
            Storage::Csr(csr) if self.sparse => csr,
            _ => return kernel::logits(block, x, &theta.panels, z),
        };
        let factor = &self.blocks.standardise.factor;
        z.fill(T::ZERO);
        for (r, of) in self.blocks.rows(b).enumerate() {
            match theta.rows.get(factor.len() * k..) {
                Some(intercepts) if self.blocks.intercept => row.copy_from_slice(intercepts),
                _ => row.fill(T::ZERO),
            }
            for (j, v) in csr.row(of) {
                let v = T::from_f64(v * factor[j]);
                for (z, t) in row.iter_mut().zip(&theta.rows[j * k..(j + 1) * k]) {
                    *z += v * *t;
                }
            }
            for (c, v) in row.iter().enumerate() {
                z[c * block.stride + r] = *v;
            }
        }
    }

    /// sum += X̃ᵀ u.
    pub(super) fn outer<T: Real>(&self, hand: Hand<'_, T>) {
        let block = self.blocks.block;
        let Hand { index, x, u, row, sum, .. } = hand;
        let k = row.len();
        let csr = match self.blocks.design.storage() {
            Storage::Csr(csr) if self.sparse => csr,
            _ => return kernel::outer(block, x, u, k, sum),
        };
        let factor = &self.blocks.standardise.factor;
        for (r, of) in self.blocks.rows(index).enumerate() {
            for (c, v) in row.iter_mut().enumerate() {
                *v = u[c * block.stride + r];
            }
            for (j, v) in csr.row(of) {
                let v = v * factor[j];
                for (g, u) in sum[j * k..(j + 1) * k].iter_mut().zip(&*row) {
                    *g += v * u.to_f64();
                }
            }
            if self.blocks.intercept {
                for (g, u) in sum[factor.len() * k..].iter_mut().zip(&*row) {
                    *g += u.to_f64();
                }
            }
        }
    }

    /// u = X̃ · direction.
    pub(super) fn product_scores<'s, T: Real>(&self, hand: Hand<'s, T>, direction: &Theta<T>) -> Hand<'s, T> {
        self.scores(hand.index, hand.x, direction, hand.row, hand.u);
        hand
    }

    /// The least probability of a row's own class in a block; 1 for soft labels.
    pub(super) fn least_label_probability(&self, hand: &Hand<'_, f64>) -> f64 {
        let Labels::Hard(ids) = self.target.labels() else { return 1.0 };
        let stride = self.blocks.block.stride;
        let of = |(r, y): (usize, &u32)| hand.p[*y as usize * stride + r];
        ids[self.blocks.rows(hand.index)].iter().enumerate().map(of).fold(1.0, f64::min)
    }

    fn add_offsets<T: Real>(&self, b: usize, z: &mut [T]) {
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
    pub(super) fn add_labels(&self, hand: &mut Hand<'_, f64>, sign: f64) {
        let stride = self.blocks.block.stride;
        let rows = self.blocks.rows(hand.index);
        match self.target.labels() {
            Labels::Hard(ids) => {
                for (r, &y) in ids[rows].iter().enumerate() {
                    hand.u[y as usize * stride + r] += sign * hand.weight[r];
                }
            }
            Labels::Soft(y) => {
                let k = self.target.classes().len();
                for (r, y) in y[rows.start * k..rows.end * k].chunks_exact(k).enumerate() {
                    for (c, y) in y.iter().enumerate() {
                        hand.u[c * stride + r] += sign * hand.weight[r] * y;
                    }
                }
            }
        }
    }

    /// `label_score` = y·z.
    pub(super) fn score_labels(&self, b: usize, z: &[f64], label_score: &mut [f64]) {
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
                    label_score[r] = y.iter().enumerate().map(|(c, y)| y * z[c * stride + r]).sum();
                }
            }
        }
    }

    /// Σ s n/S ⟨p, o⟩ over a block.
    pub(super) fn offset_sum(&self, hand: &Hand<'_, f64>) -> f64 {
        let Some(offsets) = self.target.offsets() else { return 0.0 };
        let k = self.target.classes().len();
        let mut sum = 0.0;
        for (r, row) in self.blocks.rows(hand.index).enumerate() {
            for (c, o) in offsets[row * k..(row + 1) * k].iter().enumerate() {
                sum += hand.weight[r] * o * hand.p[c * self.blocks.block.stride + r];
            }
        }
        sum
    }
}

/// The block that is kept, or the one that `fill` makes.
fn of_block<'s, T>(
    kept: &'s [T],
    scratch: &'s mut [T],
    at: usize,
    len: usize,
    fill: impl FnOnce(&mut [T]),
) -> &'s [T] {
    if let Some(kept) = kept.get(at * len..(at + 1) * len) {
        return kept;
    }
    fill(scratch);
    scratch
}

/// Parameters (m × K) as the kernels read them.
#[derive(Debug, Clone)]
pub(super) struct Theta<T> {
    panels: Panels<T>,
    /// Row-major, for sparse rows.
    rows: Vec<T>,
}

impl<T> Default for Theta<T> {
    fn default() -> Self {
        Self { panels: Panels::default(), rows: Vec::new() }
    }
}

impl<T: Real> Theta<T> {
    /// Takes `scale`·θ.
    pub(super) fn set(&mut self, theta: &[f64], classes: usize, scale: f64, sparse: bool) {
        if sparse {
            self.rows.clear();
            self.rows.extend(theta.iter().map(|t| T::from_f64(scale * t)));
        } else {
            self.panels.pack(theta, classes, scale);
        }
    }
}
