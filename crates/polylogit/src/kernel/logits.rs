//! Z = Xθ for a block of rows.

use pulp::{Arch, Simd, WithSimd};

use super::{Block, GROUP};

/// z_k = Σ_j θ_jk x_j for the rows of a block: `x` (m columns), `theta` (m × K, row-major), `z` (K columns).
pub(crate) fn logits(block: Block, x: &[f64], theta: &[f64], classes: usize, z: &mut [f64]) {
    let m = theta.len() / classes;
    assert!(theta.len() == m * classes && x.len() >= block.len(m) && z.len() >= block.len(classes));
    assert!(block.rows.is_multiple_of(GROUP) && block.stride >= block.rows);
    Arch::new().dispatch(Logits { block, x, theta, classes, z });
}

struct Logits<'a> {
    block: Block,
    x: &'a [f64],
    theta: &'a [f64],
    classes: usize,
    z: &'a mut [f64],
}

impl WithSimd for Logits<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // As many accumulators as the registers hold beside the operands.
        let wide = if S::REGISTER_COUNT >= 32 { 8 } else { 4 };
        let mut k = 0;
        while k < self.classes {
            let tile = wide.min(self.classes - k);
            match tile {
                1 => self.tile::<S, 1, 4>(simd, k),
                2 => self.tile::<S, 2, 4>(simd, k),
                3 => self.tile::<S, 3, 2>(simd, k),
                4 => self.tile::<S, 4, 2>(simd, k),
                5 => self.tile::<S, 5, 2>(simd, k),
                6 => self.tile::<S, 6, 2>(simd, k),
                7 => self.tile::<S, 7, 2>(simd, k),
                _ => self.tile::<S, 8, 2>(simd, k),
            }
            k += tile;
        }
    }
}

impl Logits<'_> {
    /// `K` classes from `k` on, `V` vectors of rows at a time.
    #[inline(always)]
    fn tile<S: Simd, const K: usize, const V: usize>(&mut self, simd: S, k: usize) {
        let Block { rows, stride } = self.block;
        let step = V * S::F64_LANES;
        let mut row = 0;
        while row < rows {
            let mut acc = [[simd.splat_f64s(0.0); V]; K];
            for (x, theta) in self.x.chunks_exact(stride).zip(self.theta.chunks_exact(self.classes)) {
                let (x, _) = S::as_simd_f64s(&x[row..row + step]);
                let theta = &theta[k..k + K];
                for c in 0..K {
                    let t = simd.splat_f64s(theta[c]);
                    for v in 0..V {
                        acc[c][v] = simd.mul_add_e_f64s(t, x[v], acc[c][v]);
                    }
                }
            }
            for (c, acc) in acc.iter().enumerate() {
                let at = (k + c) * stride + row;
                let (z, _) = S::as_mut_simd_f64s(&mut self.z[at..at + step]);
                z.copy_from_slice(acc);
            }
            row += step;
        }
    }
}
