//! X as blocks of rows: standardised, in f64, stored by columns, with a column of ones for the intercept.

use super::{Design, Storage};
use crate::kernel::{self, Block, GROUP, Real};
use crate::scalar::Scalar;

/// Rows of a block,
const ROWS: usize = 256;
/// or fewer where it would have more numbers than these.
const NUMBERS: usize = 1 << 20;
/// Numbers that are read before they are turned into columns: they stay in the cache beside what becomes of them.
const PART: usize = 1 << 14;

/// x̃_j = (x_j − shift_j) · factor_j.
#[derive(Debug, Clone)]
pub(crate) struct Standardise {
    pub(crate) shift: Vec<f64>,
    pub(crate) factor: Vec<f64>,
}

impl Standardise {
    /// Leaves d columns as they are.
    pub(crate) fn identity(d: usize) -> Self {
        Self { shift: vec![0.0; d], factor: vec![1.0; d] }
    }
}

/// Blocks of n rows with so many columns.
pub(crate) fn block(n: usize, columns: usize) -> Block {
    let rows = (NUMBERS / columns).clamp(GROUP, ROWS) / GROUP * GROUP;
    Block::new(rows.min(n))
}

/// The row blocks of a design. Its m columns are the d features and, where there is one, the intercept.
#[derive(Debug, Clone)]
pub(crate) struct RowBlocks<'a> {
    pub(crate) design: Design<'a>,
    pub(crate) standardise: Standardise,
    pub(crate) intercept: bool,
    pub(crate) block: Block,
}

impl<'a> RowBlocks<'a> {
    /// Blocks that are worked on beside `extra` more columns each.
    pub(crate) fn new(design: Design<'a>, standardise: Standardise, intercept: bool, extra: usize) -> Self {
        let columns = design.features() + usize::from(intercept) + extra;
        Self { design, standardise, intercept, block: block(design.rows(), columns) }
    }

    /// m.
    pub(crate) fn columns(&self) -> usize {
        self.design.features() + usize::from(self.intercept)
    }

    /// Number of blocks.
    pub(crate) fn count(&self) -> usize {
        self.design.rows().div_ceil(self.block.rows)
    }

    /// The rows of block `index`.
    pub(crate) fn rows(&self, index: usize) -> std::ops::Range<usize> {
        index * self.block.rows..((index + 1) * self.block.rows).min(self.design.rows())
    }

    /// Writes block `index` into `x` (m columns); rows beyond the last are 0.
    pub(crate) fn load<T: Real>(&self, index: usize, x: &mut [T]) {
        match self.design.storage() {
            Storage::F64(values) => self.load_dense(index, values, x),
            Storage::F32(values) => self.load_dense(index, values, x),
            Storage::Csr(csr) => {
                let rows = self.rows(index);
                let Standardise { shift, factor } = &self.standardise;
                for (j, column) in x.chunks_exact_mut(self.block.stride).take(shift.len()).enumerate() {
                    column[..rows.len()].fill(T::from_f64(-shift[j] * factor[j]));
                    column[rows.len()..].fill(T::ZERO);
                }
                for (r, row) in rows.enumerate() {
                    for (j, v) in csr.row(row) {
                        x[j * self.block.stride + r] = T::from_f64((v - shift[j]) * factor[j]);
                    }
                }
            }
        }
        if self.intercept {
            let rows = self.rows(index).len();
            let ones = &mut x[self.block.len(self.design.features())..][..self.block.stride];
            ones[..rows].fill(T::ONE);
            ones[rows..].fill(T::ZERO);
        }
    }

    fn load_dense<V: Scalar, T: Real>(&self, index: usize, values: &[V], x: &mut [T]) {
        let (d, stride) = (self.design.features(), self.block.stride);
        let rows = self.rows(index);
        let values = &values[rows.start * d..rows.end * d];
        let Standardise { shift, factor } = &self.standardise;
        let part = (PART / d.max(1)).next_multiple_of(kernel::SIDE);
        for (first, values) in (0..).step_by(part).zip(values.chunks((part * d).max(1))) {
            kernel::touch(values);
            kernel::turn(values, (&shift[..d], &factor[..d]), stride, &mut x[first..]);
        }
        for column in x.chunks_exact_mut(stride).take(d) {
            column[rows.len()..].fill(T::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::NonZeros;

    #[test]
    fn dense_and_sparse_blocks_are_the_standardised_rows() {
        let (n, d) = (300, 3);
        let x: Vec<f64> = (0..n * d).map(|i| if i % 4 == 0 { i as f64 } else { 0.0 }).collect();
        let stored = NonZeros::of(&x, d);
        let standardise = Standardise { shift: vec![1.0, -2.0, 0.5], factor: vec![2.0, 0.1, 0.0] };
        let sparse = Design::sparse(stored.csr(), d).unwrap();
        for design in [Design::dense(&x, n, d).unwrap(), sparse] {
            let blocks = RowBlocks::new(design, standardise.clone(), true, 2);
            let Block { rows, stride } = blocks.block;
            let mut out = vec![f64::NAN; blocks.block.len(4)];
            for b in 0..blocks.count() {
                blocks.load(b, &mut out);
                for r in 0..rows {
                    let row = b * rows + r;
                    for j in 0..d {
                        let expected = if row < n {
                            (x[row * d + j] - standardise.shift[j]) * standardise.factor[j]
                        } else {
                            0.0
                        };
                        assert!((out[j * stride + r] - expected).abs() < 1e-12);
                    }
                    assert_eq!(out[d * stride + r], f64::from(row < n));
                }
            }
        }
    }
}
