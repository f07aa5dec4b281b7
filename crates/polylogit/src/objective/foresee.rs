//! The probabilities that a Newton step foresees, and what the dual wants of them.
//!
//! ```text
//! p′ = p + (diag p̄ − p̄p̄ᵀ) Δz        w p̄ = q, the probabilities of the curvature
//! r′ = r + (diag q − q p̄ᵀ) Δz         X̃ᵀr′ = g + ∂Q/∂Δ
//! ```
//!
//! Where Δ minimises the model, g + ∂Q/∂Δ meets the constraints of the dual: p′ is a point of it, and as those that are
//! active hold with equality its distance from the dual's maximum is of second order in Δ − Δ*, as that of F(θ + Δ) is from F*.
//! At the softmax of θ + Δ constraints are violated by the first order, and so is the gap.

use super::pass::{Totals, View};

/// A block of rows at a step; tables of K columns.
pub(super) struct Step<'s> {
    pub(super) k: usize,
    /// s/S; 0 beyond the last row.
    pub(super) w: &'s [f64],
    pub(super) p: &'s [f64],
    pub(super) q: &'s [f64],
    pub(super) r: &'s [f64],
    pub(super) dz: &'s [f64],
}

impl Step<'_> {
    /// p′ and r′ (`out`), and into the totals the entropy and offset of p′ and its least number. `scratch`: two columns.
    pub(super) fn foresee(
        &self,
        (view, b): (&View<'_>, usize),
        (mean, inverse): (&mut [f64], &mut [f64]),
        (next, residuals): (&mut [f64], &mut [f64]),
        totals: &mut Totals,
    ) {
        let Self { k, w, p, q, r, dz } = self;
        let block = view.blocks.block;
        let of = |c: usize| c * block.stride..c * block.stride + block.rows;
        // Where w is 0 nothing changes.
        for (inverse, w) in inverse.iter_mut().zip(*w) {
            *inverse = if *w > 0.0 { 1.0 / w } else { 0.0 };
        }
        mean.fill(0.0);
        for c in 0..*k {
            for ((mean, q), dz) in mean.iter_mut().zip(&q[of(c)]).zip(&dz[of(c)]) {
                *mean += q * dz;
            }
        }
        mean.iter_mut().zip(&*inverse).for_each(|(mean, inverse)| *mean *= inverse);
        for c in 0..*k {
            let out = next[of(c)].iter_mut().zip(&mut residuals[of(c)]);
            let from = p[of(c)].iter().zip(&r[of(c)]).zip(&q[of(c)]).zip(&dz[of(c)]);
            for (((next, ahead), (((p, r), q), dz)), (mean, inverse)) in
                out.zip(from).zip(mean.iter().zip(&*inverse))
            {
                let change = q * (dz - mean);
                *ahead = r + change;
                *next = p + inverse * change;
            }
        }
        totals.offset += view.offset_sum(b, next, w);
        let logs = inverse;
        for c in 0..*k {
            let p = &next[of(c)][..view.blocks.rows(b).len()];
            totals.least = p.iter().fold(totals.least, |least, p| least.min(*p));
            // −ln p = ln 1/p.
            logs.iter_mut().zip(p).for_each(|(log, p)| *log = 1.0 / p.clamp(f64::MIN_POSITIVE, 1.0));
            crate::kernel::ln_in_place(logs);
            totals.entropy += w.iter().zip(p).zip(&*logs).map(|((w, p), log)| w * p * log).sum::<f64>();
        }
    }
}
