//! AᵀB for two blocks of the same rows: gradients (XᵀR), Gram matrices and Hessians.

use pulp::{Arch, Simd, WithSimd};

use super::{Block, GROUP};

/// `sum[a·columns + b] += Σ_rows A_a B_b`: `a` and `b` are blocks by columns, `sum` is row-major with
/// `columns` columns, as many as `b` has.
pub(crate) fn outer(block: Block, a: &[f64], b: &[f64], columns: usize, sum: &mut [f64]) {
    let na = sum.len() / columns;
    assert!(sum.len() == na * columns && a.len() >= block.len(na) && b.len() >= block.len(columns));
    assert!(block.rows.is_multiple_of(GROUP) && block.stride >= block.rows);
    Arch::new().dispatch(Outer { block, a, b, columns, sum });
}

struct Outer<'a> {
    block: Block,
    a: &'a [f64],
    b: &'a [f64],
    columns: usize,
    sum: &'a mut [f64],
}

impl WithSimd for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let na = self.sum.len() / self.columns;
        let mut i = 0;
        while i < na {
            let ta = if na - i >= 4 { 4 } else { 1 };
            let mut j = 0;
            while j < self.columns {
                let left = self.columns - j;
                let tb = left.min(if S::REGISTER_COUNT >= 32 { 4 } else { 2 });
                match (ta, tb) {
                    (4, 4) => self.tile::<S, 4, 4>(simd, i, j),
                    (4, 3) => self.tile::<S, 4, 3>(simd, i, j),
                    (4, 2) => self.tile::<S, 4, 2>(simd, i, j),
                    (4, _) => self.tile::<S, 4, 1>(simd, i, j),
                    (_, 4) => self.tile::<S, 1, 4>(simd, i, j),
                    (_, 3) => self.tile::<S, 1, 3>(simd, i, j),
                    (_, 2) => self.tile::<S, 1, 2>(simd, i, j),
                    _ => self.tile::<S, 1, 1>(simd, i, j),
                }
                j += tb;
            }
            i += ta;
        }
    }
}

impl Outer<'_> {
    #[inline(always)]
    fn tile<S: Simd, const A: usize, const B: usize>(&mut self, simd: S, i: usize, j: usize) {
        let Block { rows, stride } = self.block;
        let a: [&[S::f64s]; A] =
            std::array::from_fn(|t| S::as_simd_f64s(&self.a[(i + t) * stride..(i + t) * stride + rows]).0);
        let b: [&[S::f64s]; B] =
            std::array::from_fn(|t| S::as_simd_f64s(&self.b[(j + t) * stride..(j + t) * stride + rows]).0);
        let mut acc = [[simd.splat_f64s(0.0); B]; A];
        let vectors = rows / S::F64_LANES;
        // Equal lengths, told to the compiler once.
        let a = a.map(|a| &a[..vectors]);
        let b = b.map(|b| &b[..vectors]);
        for v in 0..vectors {
            for s in 0..A {
                for t in 0..B {
                    acc[s][t] = simd.mul_add_e_f64s(a[s][v], b[t][v], acc[s][t]);
                }
            }
        }
        for (s, acc) in acc.iter().enumerate() {
            for (t, acc) in acc.iter().enumerate() {
                self.sum[(i + s) * self.columns + j + t] += simd.reduce_sum_f64s(*acc);
            }
        }
    }
}

/// `out_c = q ∘ x_c` for each column c of a block: `x` and `out` have the same number of columns.
pub(crate) fn weighted_columns(block: Block, x: &[f64], q: &[f64], out: &mut [f64]) {
    assert_eq!(x.len(), out.len());
    Arch::new().dispatch(|| {
        let q = &q[..block.rows];
        for (x, out) in x.chunks_exact(block.stride).zip(out.chunks_exact_mut(block.stride)) {
            for ((o, x), q) in out.iter_mut().zip(x).zip(q) {
                *o = x * q;
            }
        }
    });
}

/// `u_k ← w p_k (u_k − Σ_l p_l u_l)` for each row: the softmax's Jacobian times u, weighted. `p` and `u` have K
/// columns, `mean` is scratch for a number a row.
pub(crate) fn covariance_columns(block: Block, p: &[f64], w: &[f64], u: &mut [f64], mean: &mut [f64]) {
    let n = block.rows;
    let (w, mean) = (&w[..n], &mut mean[..n]);
    Arch::new().dispatch(|| {
        mean.fill(0.0);
        for (p, u) in p.chunks_exact(block.stride).zip(u.chunks_exact(block.stride)) {
            for ((m, p), u) in mean.iter_mut().zip(p).zip(u) {
                *m += p * u;
            }
        }
        for (p, u) in p.chunks_exact(block.stride).zip(u.chunks_exact_mut(block.stride)) {
            for (((u, p), m), w) in u.iter_mut().zip(p).zip(&*mean).zip(w) {
                *u = w * p * (*u - m);
            }
        }
    });
}
