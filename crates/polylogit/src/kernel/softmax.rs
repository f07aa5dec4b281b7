//! The softmax of a block by columns, and the products of its Jacobian.

use pulp::{Arch, Simd, WithSimd};

use super::lanes::Real;
use super::{Block, GROUP, exp};

/// Rows that are worked on together: their sums stay in registers.
const TOGETHER: usize = 16;
/// Numbers that are summed side by side,
const LANES: usize = 8;
/// and of which logarithms are taken at once.
const AT_ONCE: usize = 64;

/// What [`softmax_columns`] knows of each row besides its probabilities.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowSums<T> {
    /// m = max_k z_k.
    pub(crate) max: Vec<T>,
    /// Σ_k e^(z_k − m), at least 1.
    pub(crate) sum: Vec<T>,
    /// Σ_k p_k (z_k − m): the entropy is ln(sum) − mean.
    pub(crate) mean: Vec<T>,
}

impl<T: Real> RowSums<T> {
    pub(crate) fn new(block: Block) -> Self {
        let zeros = || vec![T::ZERO; block.rows];
        Self { max: zeros(), sum: zeros(), mean: zeros() }
    }
}

/// Replaces the scores `z` (K columns) of a block by their softmax.
pub(crate) fn softmax_columns<T: Real>(block: Block, z: &mut [T], rows: &mut RowSums<T>) {
    assert!(block.rows.is_multiple_of(TOGETHER) && z.len().is_multiple_of(block.stride));
    assert!(rows.max.len() == block.rows && block.rows <= block.stride);
    Arch::new().dispatch(Softmax { block, z, rows });
}

struct Softmax<'a, T> {
    block: Block,
    z: &'a mut [T],
    rows: &'a mut RowSums<T>,
}

impl<T: Real> WithSimd for Softmax<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { block, z, rows } = self;
        for first in (0..block.rows).step_by(TOGETHER) {
            let mut max = [T::NEG_INFINITY; TOGETHER];
            for z in z.chunks_exact(block.stride) {
                let z = &z[first..first + TOGETHER];
                for r in 0..TOGETHER {
                    max[r] = if z[r] > max[r] { z[r] } else { max[r] };
                }
            }
            let (mut sum, mut mean) = ([T::ZERO; TOGETHER], [T::ZERO; TOGETHER]);
            for z in z.chunks_exact_mut(block.stride) {
                let z = &mut z[first..first + TOGETHER];
                for r in 0..TOGETHER {
                    let t = z[r] - max[r];
                    let e = T::exp_negative::<S>(t);
                    z[r] = e;
                    sum[r] += e;
                    // e·t → 0 as t → −∞; the product alone would be NaN there.
                    mean[r] = T::fma::<S>(e, if t < T::UNDERFLOW { T::ZERO } else { t }, mean[r]);
                }
            }
            let mut scale = [T::ONE; TOGETHER];
            for r in 0..TOGETHER {
                scale[r] = T::ONE / sum[r];
                mean[r] = mean[r] * scale[r];
            }
            for z in z.chunks_exact_mut(block.stride) {
                let z = &mut z[first..first + TOGETHER];
                for r in 0..TOGETHER {
                    z[r] = z[r] * scale[r];
                }
            }
            let of = first..first + TOGETHER;
            rows.max[of.clone()].copy_from_slice(&max);
            rows.sum[of.clone()].copy_from_slice(&sum);
            rows.mean[of].copy_from_slice(&mean);
        }
    }
}

/// Replaces each normal x > 0 by ln x.
pub(crate) fn ln_in_place(x: &mut [f64]) {
    struct Ln<'a>(&'a mut [f64]);
    impl WithSimd for Ln<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for x in self.0 {
                *x = exp::ln(*x, f64::fma::<S>);
            }
        }
    }
    Arch::new().dispatch(Ln(x));
}

/// Σ w (ln sum + m − y·z) and Σ w (ln sum − mean), the negative log-likelihood and the entropy, over as many rows as `w` has.
/// `label_score`: y·z.
pub(crate) fn losses<T: Real>(rows: &RowSums<T>, label_score: &[T], w: &[T]) -> (f64, f64) {
    let RowSums { max, sum, mean } = rows;
    let (mut nll, mut entropy) = ([0.0; LANES], [0.0; LANES]);
    let mut logs = [0.0; AT_ONCE];
    for first in (0..w.len()).step_by(AT_ONCE) {
        let of = first..(first + AT_ONCE).min(w.len());
        let (w, label, sum) = (&w[of.clone()], &label_score[of.clone()], &sum[of.clone()]);
        let (max, mean) = (&max[of.clone()], &mean[of]);
        let logs = &mut logs[..w.len()];
        logs.iter_mut().zip(sum).for_each(|(log, sum)| *log = sum.to_f64());
        ln_in_place(logs);
        Arch::new().dispatch(|| {
            let mut add = |lane: usize, r: usize| {
                let (w, max, log) = (w[r].to_f64(), max[r].to_f64(), logs[r]);
                nll[lane] += w * (log + (max - label[r].to_f64()));
                entropy[lane] += w * (log - mean[r].to_f64());
            };
            let whole = w.len() / LANES * LANES;
            for first in (0..whole).step_by(LANES) {
                (0..LANES).for_each(|lane| add(lane, first + lane));
            }
            (whole..w.len()).for_each(|r| add(r - whole, r));
        });
    }
    (nll.iter().sum(), entropy.iter().sum())
}

/// `u_k ← w p_k (u_k − Σ_l p_l u_l)` for each row: the softmax's Jacobian times u, weighted. `p` and `u` have K
/// columns.
pub(crate) fn covariance_columns<T: Real>(block: Block, p: &[T], w: &[T], u: &mut [T]) {
    assert!(block.rows.is_multiple_of(GROUP) && w.len() >= block.rows && p.len() == u.len());
    Arch::new().dispatch(Covariance { block, p, w, u });
}

struct Covariance<'a, T> {
    block: Block,
    p: &'a [T],
    w: &'a [T],
    u: &'a mut [T],
}

impl<T: Real> WithSimd for Covariance<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { block, p, w, u } = self;
        // Two vectors side by side: sums over classes wait for each other.
        let step = 2 * T::lanes::<S>();
        for first in (0..block.rows).step_by(step) {
            let of = first..first + step;
            let mut mean = [T::splat(simd, T::ZERO); 2];
            for (p, u) in p.chunks_exact(block.stride).zip(u.chunks_exact(block.stride)) {
                let (p, u) = (T::vectors::<S>(&p[of.clone()]), T::vectors::<S>(&u[of.clone()]));
                for v in 0..2 {
                    mean[v] = T::mul_add(simd, p[v], u[v], mean[v]);
                }
            }
            let w = T::vectors::<S>(&w[of.clone()]);
            for (p, u) in p.chunks_exact(block.stride).zip(u.chunks_exact_mut(block.stride)) {
                let (p, u) = (T::vectors::<S>(&p[of.clone()]), T::vectors_mut::<S>(&mut u[of.clone()]));
                for v in 0..2 {
                    u[v] =
                        T::mul_lanes(simd, T::mul_lanes(simd, w[v], p[v]), T::sub_lanes(simd, u[v], mean[v]));
                }
            }
        }
    }
}

/// `sum_t = Σ_k p_k e^{t (u_k − m)}` and m = max_k u_k for each row and each t ≥ 0 of `times`: how the sum of a
/// softmax p changes when t·u is added to its scores. `p` and `u` have K columns, `sums` one for each t.
pub(crate) fn moved_sums<T: Real>(
    block: Block,
    p: &[T],
    u: &[T],
    times: &[T],
    max: &mut [T],
    sums: &mut [T],
) {
    assert!(block.rows.is_multiple_of(TOGETHER) && p.len() == u.len() && max.len() >= block.rows);
    assert!(sums.len() >= block.len(times.len()));
    Arch::new().dispatch(Moved { block, p, u, times, max, sums });
}

struct Moved<'a, T> {
    block: Block,
    p: &'a [T],
    u: &'a [T],
    times: &'a [T],
    max: &'a mut [T],
    sums: &'a mut [T],
}

impl<T: Real> WithSimd for Moved<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { block: Block { rows, stride }, p, u, times, max, sums } = self;
        for first in (0..rows).step_by(TOGETHER) {
            let of = first..first + TOGETHER;
            let mut most = [T::NEG_INFINITY; TOGETHER];
            for u in u.chunks_exact(stride) {
                let u = &u[of.clone()];
                for r in 0..TOGETHER {
                    most[r] = if u[r] > most[r] { u[r] } else { most[r] };
                }
            }
            for (t, sums) in times.iter().zip(sums.chunks_exact_mut(stride)) {
                let mut sum = [T::ZERO; TOGETHER];
                for (p, u) in p.chunks_exact(stride).zip(u.chunks_exact(stride)) {
                    let (p, u) = (&p[of.clone()], &u[of.clone()]);
                    for r in 0..TOGETHER {
                        sum[r] = T::fma::<S>(p[r], T::exp_negative::<S>(*t * (u[r] - most[r])), sum[r]);
                    }
                }
                sums[of.clone()].copy_from_slice(&sum);
            }
            max[of].copy_from_slice(&most);
        }
    }
}

/// `out_c = q ∘ x_c` for each column c of a block: `x` and `out` have the same number of columns.
pub(crate) fn weighted_columns<T: Real>(block: Block, x: &[T], q: &[T], out: &mut [T]) {
    assert_eq!(x.len(), out.len());
    Arch::new().dispatch(|| {
        let q = &q[..block.rows];
        for (x, out) in x.chunks_exact(block.stride).zip(out.chunks_exact_mut(block.stride)) {
            for ((o, x), q) in out.iter_mut().zip(x).zip(q) {
                *o = *x * *q;
            }
        }
    });
}
