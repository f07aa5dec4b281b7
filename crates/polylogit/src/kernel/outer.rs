//! AᵀB for two blocks of the same rows: gradients (XᵀR), Gram matrices and Hessians.

use pulp::{Arch, Simd, WithSimd};

use super::lanes::Real;
use super::{Block, GROUP, even_parts};

/// Columns of B that are kept at hand.
const RESIDENT: usize = 18;

/// `sum[a·columns + b] += Σ_rows A_a B_b`: `a` and `b` are blocks by columns, `sum` is row-major with
/// `columns` columns, as many as `b` has. Products in `T`, sums over blocks in f64.
pub(crate) fn outer<T: Real>(block: Block, a: &[T], b: &[T], columns: usize, sum: &mut [f64]) {
    let rows = sum.len() / columns;
    assert!(sum.len() == rows * columns && a.len() >= block.len(rows) && b.len() >= block.len(columns));
    assert!(block.rows.is_multiple_of(GROUP) && block.stride >= block.rows);
    Arch::new().dispatch(Outer { block, a, b, columns, symmetric: false, sum });
}

/// As [`outer`] where the result is symmetric: only entries with b ≤ a (and some beside them) are summed.
pub(crate) fn outer_lower<T: Real>(block: Block, a: &[T], b: &[T], sum: &mut [f64]) {
    let columns = sum.len().isqrt();
    assert!(sum.len() == columns * columns && a.len() >= block.len(columns) && b.len() >= block.len(columns));
    assert!(block.rows.is_multiple_of(GROUP) && block.stride >= block.rows);
    Arch::new().dispatch(Outer { block, a, b, columns, symmetric: true, sum });
}

struct Outer<'a, T> {
    block: Block,
    a: &'a [T],
    b: &'a [T],
    columns: usize,
    symmetric: bool,
    sum: &'a mut [f64],
}

impl<T: Real> WithSimd for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.sum.len() / self.columns;
        // As many sums as the registers hold beside the operands: 24 + 7 of 32, 12 + 4 of 16.
        let widest = if S::REGISTER_COUNT >= 32 { 6 } else { 3 };
        // Some columns of B stay in the cache while all of A pass.
        for (first, count) in even_parts(self.columns, RESIDENT) {
            // Above the diagonal nothing is wanted.
            let mut i = if self.symmetric { first / 4 * 4 } else { 0 };
            while i < rows {
                let ta = if rows - i >= 4 { 4 } else { 1 };
                let count = if self.symmetric { count.min((i + ta).saturating_sub(first)) } else { count };
                for (j, tb) in even_parts(count, widest) {
                    let j = first + j;
                    match (ta, tb) {
                        (4, 6) => self.tile::<S, 4, 6>(simd, i, j),
                        (4, 5) => self.tile::<S, 4, 5>(simd, i, j),
                        (4, 4) => self.tile::<S, 4, 4>(simd, i, j),
                        (4, 3) => self.tile::<S, 4, 3>(simd, i, j),
                        (4, 2) => self.tile::<S, 4, 2>(simd, i, j),
                        (4, _) => self.tile::<S, 4, 1>(simd, i, j),
                        (_, 6) => self.tile::<S, 1, 6>(simd, i, j),
                        (_, 5) => self.tile::<S, 1, 5>(simd, i, j),
                        (_, 4) => self.tile::<S, 1, 4>(simd, i, j),
                        (_, 3) => self.tile::<S, 1, 3>(simd, i, j),
                        (_, 2) => self.tile::<S, 1, 2>(simd, i, j),
                        _ => self.tile::<S, 1, 1>(simd, i, j),
                    }
                }
                i += ta;
            }
        }
    }
}

impl<T: Real> Outer<'_, T> {
    #[inline(always)]
    fn tile<S: Simd, const A: usize, const B: usize>(&mut self, simd: S, i: usize, j: usize) {
        let Block { rows, stride } = self.block;
        let a: [&[T::Lanes<S>]; A] =
            std::array::from_fn(|t| T::vectors::<S>(&self.a[(i + t) * stride..(i + t) * stride + rows]));
        let b: [&[T::Lanes<S>]; B] =
            std::array::from_fn(|t| T::vectors::<S>(&self.b[(j + t) * stride..(j + t) * stride + rows]));
        let mut sum = [[T::splat(simd, T::ZERO); B]; A];
        let vectors = rows / T::lanes::<S>();
        // Equal lengths, told to the compiler once.
        let a = a.map(|a| &a[..vectors]);
        let b = b.map(|b| &b[..vectors]);
        for v in 0..vectors {
            let b: [T::Lanes<S>; B] = std::array::from_fn(|t| b[t][v]);
            for s in 0..A {
                let a = a[s][v];
                for t in 0..B {
                    sum[s][t] = T::mul_add(simd, a, b[t], sum[s][t]);
                }
            }
        }
        for (s, sum) in sum.iter().enumerate() {
            let out = &mut self.sum[(i + s) * self.columns + j..][..B];
            for (out, sum) in out.iter_mut().zip(sum) {
                *out += T::sum(simd, *sum).to_f64();
            }
        }
    }
}
