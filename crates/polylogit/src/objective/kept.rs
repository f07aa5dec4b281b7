//! What an objective keeps between passes over the rows, and in which precision.

use crate::kernel::Block;

/// Bytes of X̃ in f32 that are kept between passes.
const PACKED_SINGLE: usize = 1 << 30;
/// Bytes of X̃ in f64 that are kept between passes: an exact Hessian and a gradient read rows once for much work.
const PACKED_DOUBLE: usize = 1 << 26;
/// Bytes of probabilities that are kept between passes; a quarter of X if that is more.
const PROBABILITIES: usize = 256 << 20;
/// Classes from which on a block costs more than to read it once more: X̃ is not kept.
const MANY_CLASSES: usize = 256;

/// The type that curvature is computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// f32 products, sums over blocks in f64.
    Single,
    /// f64.
    Double,
}

/// How an objective computes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) precision: Precision,
    pub(crate) keep: Keep,
    /// Does F only lead to a start? Then it is computed in the precision of curvature, and no bound is taken.
    pub(crate) leads: bool,
}

/// What may be kept between passes, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keep {
    /// Every product of curvature computes its probabilities anew, half as much again.
    Nothing,
    /// X̃ is read from X: it takes longer to the same bits.
    Probabilities,
    All,
}

/// Bytes that are kept between passes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeptBytes {
    /// X̃ in f64 and in f32.
    pub(crate) double: usize,
    pub(crate) single: usize,
    pub(crate) probabilities: usize,
}

impl KeptBytes {
    /// Of `count` blocks of m columns with K classes; `x` are the bytes of X.
    pub(crate) fn new(block: Block, count: usize, (m, k): (usize, usize), x: usize, mode: Mode) -> Self {
        let all = |columns: usize, width: usize| block.len(columns) * count * width;
        let rows = |width: usize, most: usize| {
            let packed = all(m, width);
            if mode.keep == Keep::All && packed <= most && k < MANY_CLASSES { packed } else { 0 }
        };
        let single = mode.precision == Precision::Single;
        let probabilities = all(k, if single { size_of::<f32>() } else { size_of::<f64>() });
        Self {
            double: if single && mode.leads { 0 } else { rows(size_of::<f64>(), PACKED_DOUBLE) },
            single: if single { rows(size_of::<f32>(), PACKED_SINGLE) } else { 0 },
            probabilities: if mode.keep >= Keep::Probabilities && probabilities <= PROBABILITIES.max(x / 4) {
                probabilities
            } else {
                0
            },
        }
    }
}
