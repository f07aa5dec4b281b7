//! What columns of a dense design hold of a block of rows, and of a range of blocks.

use super::slot::Totals;
use crate::design::rows::{RowBlocks, Standardise};
use crate::kernel::{Aligned, Block, Curved, RowSums};
use crate::scalar::Scalar;

/// A range of blocks and its partial sums.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) parts: Vec<Part>,
    pub(super) sum: Vec<f64>,
    pub(super) totals: Totals,
}

/// A block of rows: the packed columns, and tables of K columns.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) index: usize,
    pub(super) x: Aligned<f64>,
    /// s/S; 0 beyond the last row.
    pub(super) w: Aligned<f64>,
    pub(super) z: Aligned<f64>,
    pub(super) p: Aligned<f64>,
    /// w p at the point of the curvature.
    pub(super) q: Aligned<f64>,
    /// w (p − y).
    pub(super) r: Aligned<f64>,
    /// w (p′ − y) of the probabilities foreseen.
    pub(super) ahead: Aligned<f64>,
    pub(super) dz: Aligned<f64>,
    /// Σ_k p_k Δz_k.
    pub(super) s: Aligned<f64>,
    pub(super) label_score: Vec<f64>,
    pub(super) rows: RowSums<f64>,
    /// The columns in focus, and K columns for their products.
    pub(super) focused: Aligned<f64>,
    pub(super) u: Aligned<f64>,
}

impl Part {
    pub(super) fn append<V: Scalar>(&mut self, blocks: &RowBlocks<'_>, values: &[V], features: &[usize]) {
        let (d, block) = (blocks.design.features(), blocks.block);
        let Standardise { shift, factor } = &blocks.standardise;
        let before = self.x.len();
        self.x.grow(before + block.len(features.len()));
        let rows = blocks.rows(self.index);
        for (column, &j) in self.x[before..].chunks_exact_mut(block.stride).zip(features) {
            for (out, row) in column.iter_mut().zip(rows.clone()) {
                *out = if j == d { 1.0 } else { (values[row * d + j].to_f64() - shift[j]) * factor[j] };
            }
        }
    }

    /// The columns at `positions`, side by side.
    pub(super) fn collect(&self, block: Block, positions: &[usize], out: &mut Aligned<f64>) {
        out.fit(block.len(positions.len()));
        for (out, at) in out.chunks_exact_mut(block.stride).zip(positions) {
            out.copy_from_slice(&self.x[at * block.stride..(at + 1) * block.stride]);
        }
    }

    pub(super) fn curved(&self, block: Block) -> Curved<'_> {
        Curved { block, p: &self.p, q: &self.q }
    }

    pub(super) fn column(&self, block: Block, position: usize) -> &[f64] {
        &self.x[position * block.stride..][..block.rows]
    }
}
