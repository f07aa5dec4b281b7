//! Z = Xθ for a block of rows.

use pulp::{Arch, Simd, WithSimd};

use super::lanes::Real;
use super::{Block, GROUP, even_parts};
use crate::scalar::Scalar;

/// Classes whose sums are kept in registers together.
const WIDEST: usize = 6;

/// θ (m × K), a panel of at most six classes after the other: each is one run through memory.
#[derive(Debug, Clone)]
pub(crate) struct Panels<T> {
    features: usize,
    classes: usize,
    values: Vec<T>,
}

impl<T> Default for Panels<T> {
    fn default() -> Self {
        Self { features: 0, classes: 0, values: Vec::new() }
    }
}

impl<T: Real> Panels<T> {
    /// Takes `scale`·θ, row-major (m × K).
    pub(crate) fn pack(&mut self, theta: &[f64], classes: usize, scale: f64) {
        self.features = theta.len() / classes;
        self.classes = classes;
        self.values.clear();
        self.values.reserve(theta.len());
        for (k, width) in even_parts(classes, WIDEST) {
            for row in theta.chunks_exact(classes) {
                self.values.extend(row[k..k + width].iter().map(|t| T::from_f64(scale * t)));
            }
        }
    }
}

/// z_k = Σ_j θ_jk x_j for the rows of a block: `x` (m columns), θ, `z` (K columns).
pub(crate) fn logits<T: Real>(block: Block, x: &[T], theta: &Panels<T>, z: &mut [T]) {
    assert!(theta.values.len() == theta.features * theta.classes);
    assert!(x.len() >= block.len(theta.features) && z.len() >= block.len(theta.classes));
    assert!(block.rows.is_multiple_of(GROUP) && block.stride >= block.rows);
    Arch::new().dispatch(Logits { block, x, theta, z });
}

/// Sums that wait for each other are done side by side.
const BESIDE: usize = 8;

/// z_k = Σ_j w_kj x_j of a row that comes alone, in the order and the rounding of [`logits`]; `weights` (K × d).
pub(crate) fn row_logits<V: Scalar, T: Real>(weights: &[f64], x: &[V], z: &mut [T]) {
    struct Row<'a, V, T>(&'a [f64], &'a [V], &'a mut [T]);
    impl<V: Scalar, T: Real> WithSimd for Row<'_, V, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Row(weights, x, z) = self;
            let d = x.len();
            let mut groups = weights.chunks_exact(BESIDE * d).zip(z.chunks_exact_mut(BESIDE));
            for (weights, z) in groups.by_ref() {
                let w: [&[f64]; BESIDE] = std::array::from_fn(|c| &weights[c * d..(c + 1) * d]);
                let mut sums = [T::ZERO; BESIDE];
                for (j, x) in x.iter().enumerate() {
                    let x = T::from_f64(x.to_f64());
                    for c in 0..BESIDE {
                        sums[c] = T::fma::<S>(T::from_f64(w[c][j]), x, sums[c]);
                    }
                }
                z.copy_from_slice(&sums);
            }
            let done = z.len() / BESIDE * BESIDE;
            for (w, z) in weights[done * d..].chunks_exact(d).zip(&mut z[done..]) {
                *z = w
                    .iter()
                    .zip(x)
                    .fold(T::ZERO, |sum, (w, x)| T::fma::<S>(T::from_f64(*w), T::from_f64(x.to_f64()), sum));
            }
        }
    }
    z.fill(T::ZERO);
    if !x.is_empty() {
        assert_eq!(weights.len(), z.len() * x.len());
        Arch::new().dispatch(Row(weights, x, z));
    }
}

struct Logits<'a, T> {
    block: Block,
    x: &'a [T],
    theta: &'a Panels<T>,
    z: &'a mut [T],
}

impl<T: Real> WithSimd for Logits<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { block, x, theta, z } = self;
        // As many sums as the registers hold beside the operands; a group of rows must be whole.
        let fits = T::lanes::<S>() * 4 <= GROUP;
        let wide = fits && S::REGISTER_COUNT >= 32;
        // A group of rows stays in the cache while all panels pass.
        for rows in (0..block.rows).step_by(GROUP) {
            for (k, width) in even_parts(theta.classes, WIDEST) {
                let panel = &theta.values[k * theta.features..][..width * theta.features];
                let z = &mut z[k * block.stride..][..width * block.stride];
                match (width, wide, fits) {
                    (1, _, true) => tile::<T, S, 1, 4>(simd, block, rows, x, panel, z),
                    (2, _, true) => tile::<T, S, 2, 4>(simd, block, rows, x, panel, z),
                    (3, _, true) => tile::<T, S, 3, 4>(simd, block, rows, x, panel, z),
                    (4, true, _) => tile::<T, S, 4, 4>(simd, block, rows, x, panel, z),
                    (5, true, _) => tile::<T, S, 5, 4>(simd, block, rows, x, panel, z),
                    (6, true, _) => tile::<T, S, 6, 4>(simd, block, rows, x, panel, z),
                    (1, ..) => tile::<T, S, 1, 2>(simd, block, rows, x, panel, z),
                    (2, ..) => tile::<T, S, 2, 2>(simd, block, rows, x, panel, z),
                    (3, ..) => tile::<T, S, 3, 2>(simd, block, rows, x, panel, z),
                    (4, ..) => tile::<T, S, 4, 2>(simd, block, rows, x, panel, z),
                    (5, ..) => tile::<T, S, 5, 2>(simd, block, rows, x, panel, z),
                    _ => tile::<T, S, WIDEST, 2>(simd, block, rows, x, panel, z),
                }
            }
        }
    }
}

/// `K` classes for the group of rows from `first` on, `V` vectors of them at a time.
#[inline(always)]
fn tile<T: Real, S: Simd, const K: usize, const V: usize>(
    simd: S,
    block: Block,
    first: usize,
    x: &[T],
    panel: &[T],
    z: &mut [T],
) {
    let step = V * T::lanes::<S>();
    for row in (first..first + GROUP).step_by(step) {
        let mut sum = [[T::splat(simd, T::ZERO); V]; K];
        for (x, theta) in x.chunks_exact(block.stride).zip(panel.chunks_exact(K)) {
            let x = T::vectors::<S>(&x[row..row + step]);
            // The fewer operands wait in registers, the others pass one by one.
            if K < V {
                let t: [T::Lanes<S>; K] = std::array::from_fn(|c| T::splat(simd, theta[c]));
                for v in 0..V {
                    let x = x[v];
                    for c in 0..K {
                        sum[c][v] = T::mul_add(simd, t[c], x, sum[c][v]);
                    }
                }
            } else {
                let x: [T::Lanes<S>; V] = std::array::from_fn(|v| x[v]);
                for c in 0..K {
                    let t = T::splat(simd, theta[c]);
                    for v in 0..V {
                        sum[c][v] = T::mul_add(simd, t, x[v], sum[c][v]);
                    }
                }
            }
        }
        for (c, sum) in sum.iter().enumerate() {
            let at = c * block.stride + row;
            T::vectors_mut::<S>(&mut z[at..at + step]).copy_from_slice(sum);
        }
    }
}
