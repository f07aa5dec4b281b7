//! The probabilities that a Newton step foresees in a block (`objective/foresee.rs`), their entropy and the least of them.

use pulp::{Arch, Simd, WithSimd};

use super::lanes::Real;
use super::{Block, exp};

/// Numbers that are summed side by side.
const LANES: usize = 8;

/// A block at a step; tables of K columns.
pub(crate) struct Step<'s> {
    pub(crate) block: Block,
    pub(crate) k: usize,
    /// s/S; 0 beyond the last row.
    pub(crate) w: &'s [f64],
    pub(crate) p: &'s [f64],
    /// w p̄
    pub(crate) q: &'s [f64],
    pub(crate) r: &'s [f64],
    pub(crate) dz: &'s [f64],
}

/// `next = p + q (Δz − s)/w` and `residuals = r + q (Δz − s)` with `s = Σ_k q_k Δz_k / w`; where w is 0 nothing changes.
/// `scratch`: two columns.
pub(crate) fn foresee(
    of: &Step<'_>,
    (mean, inverse): (&mut [f64], &mut [f64]),
    (next, residuals): (&mut [f64], &mut [f64]),
) {
    let Step { block: Block { rows, stride }, k, w, p, q, r, dz } = *of;
    let (mean, inverse, w) = (&mut mean[..rows], &mut inverse[..rows], &w[..rows]);
    let column = |c: usize| c * stride..c * stride + rows;
    Arch::new().dispatch(|| {
        mean.fill(0.0);
        for c in 0..k {
            let (q, dz) = (&q[column(c)], &dz[column(c)]);
            for i in 0..rows {
                mean[i] += q[i] * dz[i];
            }
        }
        for i in 0..rows {
            inverse[i] = if w[i] > 0.0 { 1.0 / w[i] } else { 0.0 };
            mean[i] *= inverse[i];
        }
        for c in 0..k {
            let (p, q, r, dz) = (&p[column(c)], &q[column(c)], &r[column(c)], &dz[column(c)]);
            let (next, residuals) = (&mut next[column(c)], &mut residuals[column(c)]);
            for i in 0..rows {
                let change = q[i] * (dz[i] - mean[i]);
                residuals[i] = r[i] + change;
                next[i] = p[i] + inverse[i] * change;
            }
        }
    });
}

/// Σ w p ln 1/p, p no less than 0 and no more than 1, and the least p.
pub(crate) fn entropy(w: &[f64], p: &[f64]) -> (f64, f64) {
    Arch::new().dispatch(Entropy { w: &w[..p.len()], p })
}

struct Entropy<'a> {
    w: &'a [f64],
    p: &'a [f64],
}

impl WithSimd for Entropy<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (f64, f64) {
        let (mut sums, mut least) = ([0.0; LANES], [f64::INFINITY; LANES]);
        let (w, w_rest) = self.w.as_chunks::<LANES>();
        let (p, p_rest) = self.p.as_chunks::<LANES>();
        let ln = |p: f64| exp::ln(p.clamp(f64::MIN_POSITIVE, 1.0), f64::fma::<S>);
        for (w, p) in w.iter().zip(p) {
            for i in 0..LANES {
                sums[i] -= w[i] * p[i] * ln(p[i]);
                least[i] = if p[i] < least[i] { p[i] } else { least[i] };
            }
        }
        for (i, (w, p)) in w_rest.iter().zip(p_rest).enumerate() {
            sums[i] -= w * p * ln(*p);
            least[i] = if *p < least[i] { *p } else { least[i] };
        }
        (sums.iter().sum(), least.into_iter().fold(f64::INFINITY, f64::min))
    }
}
