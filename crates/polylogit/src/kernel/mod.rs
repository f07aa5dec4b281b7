//! The inner loops, vectorised for the machine they run on (AVX-512, AVX2, NEON or portable, found at run
//! time by pulp).
//!
//! `runs` and `scores` read numbers as they lie in memory; all others work on a block of rows that is stored by columns ([`Block`]): the lanes of a vector are
//! rows, so that every loop is full whatever the number of classes or features. Each kernel has a plain twin
//! in `plain.rs` that tests compare it with.

mod aligned;
mod coordinate;
mod exp;
mod foresee;
mod gather;
mod lanes;
mod logits;
mod outer;
#[cfg(test)]
mod plain;
mod runs;
mod scores;
mod softmax;
mod turn;

pub(crate) use aligned::{Aligned, touch};
pub(crate) use coordinate::{
    Curved, ROWS, add_rows, axpy, curvatures, curved_dots, mean_columns, moved, shift_scores,
};
pub(crate) use foresee::{Step, entropy, foresee};
pub(crate) use gather::{Lines, gather, padded};
pub(crate) use lanes::Real;
pub(crate) use logits::{Panels, logits, row_logits};
pub(crate) use outer::{outer, outer_lower};
pub(crate) use runs::{add_deviations, dot, standardise};
pub(crate) use scores::{ByFeature, into_columns, into_rows, padded_classes, scores_from_memory};
pub(crate) use softmax::{
    RowSums, covariance_columns, ln_in_place, losses, moved_sums, softmax_columns, weighted_columns,
};
pub(crate) use turn::{SIDE, turn};

/// Lanes are processed in groups of this many rows; a block has a multiple of it.
pub(crate) const GROUP: usize = 32;

/// Parts (first, length) of 0..n of at most `most`, as equal as can be.
#[inline(always)]
fn even_parts(n: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = n.div_ceil(most);
    let bound = move |i: usize| i * n / count;
    (0..count).map(move |i| (bound(i), bound(i + 1) - bound(i)))
}

/// How a block lies in memory: `columns` runs of `stride` numbers, of which the first `rows` are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Rows, padded to a multiple of [`GROUP`].
    pub(crate) rows: usize,
    /// Distance between columns: whole lines of the cache, or vectors would cross them, and no power of two, or
    /// neighbouring columns would fall into the same cache sets.
    pub(crate) stride: usize,
}

impl Block {
    /// For at most `rows` rows.
    pub(crate) fn new(rows: usize) -> Self {
        let rows = rows.next_multiple_of(GROUP);
        Self { rows, stride: rows + 16 }
    }

    /// Numbers that `columns` columns take.
    pub(crate) fn len(self, columns: usize) -> usize {
        self.stride * columns
    }
}
