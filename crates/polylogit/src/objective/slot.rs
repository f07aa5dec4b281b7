//! What passes keep and sum: a slot for each range of blocks, buffers for each thread.

use super::TIMES;
use crate::kernel::{Aligned, Block, Real, RowSums};

/// What is kept of one range of blocks, and its partial sums.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) blocks: std::ops::Range<usize>,
    pub(super) double: Kept<f64>,
    pub(super) single: Kept<f32>,
    pub(super) sum: Vec<f64>,
    /// Σ s n/S x y, while it is summed.
    pub(super) moments: Vec<f64>,
    pub(super) totals: Totals,
}

/// What is kept between passes in one precision.
#[derive(Debug, Default)]
pub(super) struct Kept<T> {
    /// X̃ of all blocks of the range, or empty.
    pub(super) x: Aligned<T>,
    /// Probabilities of all blocks of the range at the point evaluated last, or empty.
    pub(super) p: Aligned<T>,
}

/// The buffers of a thread for the block that it is at.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) double: Scratch<f64>,
    pub(super) single: Scratch<f32>,
}

/// What an evaluation in one precision reads and leaves in a slot.
pub(super) struct Parts<'s, T> {
    pub(super) kept: &'s mut Kept<T>,
    /// Probabilities that are kept in f32 beside an evaluation in f64.
    pub(super) rounded: &'s mut [f32],
    pub(super) sum: &'s mut Vec<f64>,
    pub(super) totals: &'s mut Totals,
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
    pub(super) x: Aligned<T>,
    /// Scores, then probabilities of a block (K columns), where they are not kept.
    pub(super) p: Aligned<T>,
    /// Residuals, or Δz (K columns).
    pub(super) u: Aligned<T>,
    /// s_i n/S; 0 beyond the last row.
    pub(super) weight: Aligned<T>,
    pub(super) rows: RowSums<T>,
    /// y_i·z_i.
    pub(super) label_score: Vec<T>,
    /// Columns for explicit curvature, made on first use.
    pub(super) extra: Aligned<T>,
}

/// A type with a place in slots and in buffers.
pub(super) trait Buffered: Real + Default {
    fn parts(slot: &mut Slot) -> Parts<'_, Self>;
    fn scratch(buffers: &mut Buffers) -> &mut Scratch<Self>;
}

impl Buffered for f64 {
    fn parts(slot: &mut Slot) -> Parts<'_, f64> {
        let Slot { double: kept, single, sum, totals, .. } = slot;
        Parts { kept, rounded: &mut single.p, sum, totals }
    }
    fn scratch(buffers: &mut Buffers) -> &mut Scratch<f64> {
        &mut buffers.double
    }
}

impl Buffered for f32 {
    fn parts(slot: &mut Slot) -> Parts<'_, f32> {
        let Slot { single: kept, sum, totals, .. } = slot;
        Parts { kept, rounded: &mut [], sum, totals }
    }
    fn scratch(buffers: &mut Buffers) -> &mut Scratch<f32> {
        &mut buffers.single
    }
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

    /// Keeps for curvature that all rows have the probabilities `p`.
    pub(super) fn keep_constant(&mut self, block: Block, p: &[f64]) {
        fn fill<T: Real>(kept: &mut [T], block: Block, p: &[f64]) {
            for (column, p) in kept.chunks_exact_mut(block.stride).zip(p.iter().cycle()) {
                column.fill(T::from_f64(*p));
            }
        }
        fill(&mut self.double.p, block, p);
        fill(&mut self.single.p, block, p);
    }
}
