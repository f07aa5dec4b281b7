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

use super::pass::View;
use super::slot::Totals;
use crate::kernel::{self, Step};

/// p′ and r′ of block b (`out`), and into the totals the entropy and offset of p′ and its least number. `scratch`: two columns.
pub(super) fn foresee(
    of: &Step<'_>,
    (view, b): (&View<'_>, usize),
    (mean, inverse): (&mut [f64], &mut [f64]),
    (next, residuals): (&mut [f64], &mut [f64]),
    totals: &mut Totals,
) {
    kernel::foresee(of, (mean, inverse), (next, residuals));
    totals.offset += view.offset_sum(b, next, of.w);
    for next in next.chunks_exact(of.block.stride).take(of.k) {
        let (entropy, least) = kernel::entropy(of.w, &next[..view.blocks.rows(b).len()]);
        totals.entropy += entropy;
        totals.least = totals.least.min(least);
    }
}
