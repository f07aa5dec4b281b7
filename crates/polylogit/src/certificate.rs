//! The certificate of a fit: an upper bound on F − F*.

use std::fmt;

use crate::objective::columns::Means;
use crate::objective::penalty::Penalty;
use crate::objective::{Dual, Point};
use crate::parallel::Workers;

/// How the bound was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateKind {
    /// F − D at a feasible dual point: rigorous, whatever the solver did.
    DualityGap,
    /// Half the squared Newton decrement: an estimate, used where no ridge makes the dual finite.
    NewtonDecrement,
    /// First-order terms of the features that have neither a penalty nor bounds, beside a duality gap of the others: an
    /// estimate, used where other features have a penalty that is not smooth, or bounds.
    FirstOrder,
}

impl CertificateKind {
    /// `duality_gap`, `newton_decrement` or `first_order`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DualityGap => "duality_gap",
            Self::NewtonDecrement => "newton_decrement",
            Self::FirstOrder => "first_order",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::DualityGap, Self::NewtonDecrement, Self::FirstOrder]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl fmt::Display for CertificateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An upper bound on F − F*, in nats (the unit of F).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// How the bound was found.
    pub kind: CertificateKind,
    /// The bound.
    pub gap: f64,
    /// The bound over F.
    pub relative_gap: f64,
}

/// F − D(p′) at a dual point made from p = softmax(z), a bound on F − F* whatever the solver did; `None` where a
/// feature has no ridge (its constraint Σ s (p − y) x_j = 0 cannot be repaired).
///
/// For p′ in the simplex with (1/S) Σ s (p′ − y) = 0 (the free intercepts), weak duality gives
/// `D(p′) = (1/S) Σ s [H(p′) + ⟨p′ − y, o⟩] − Σ_j ‖g′_j‖² / (2λ_j) ≤ F*` with g′ the nll gradient at p′. The
/// intercepts' defect δ = (1/S) Σ s (p − y) is repaired by p′ = (1−μ) p + μ c with
/// c = ȳ − δ (1−μ)/μ, which lies in the simplex for μ/(1−μ) ≥ max_k δ_k/ȳ_k; H is concave. F − D is then
/// written without the difference of two large numbers:
/// `Σ_j ‖g_j + λ_j θ_j‖²/(2λ_j)` plus terms of first order in δ.
pub(crate) fn duality_gap(point: &Point, dual: &Dual, workers: &Workers) -> Option<f64> {
    let k = dual.offsets.len();
    let features = dual.ridge.len() - usize::from(dual.intercept);
    let ridge = &dual.ridge[..features];
    if ridge.iter().any(|&l| l <= 0.0) {
        return None;
    }
    let mut gap = ridge_gap(&point.gradient, dual, workers);
    if !dual.intercept {
        return Some(gap);
    }
    let delta = &point.gradient[features * k..];
    let mean = &dual.moments[features * k..];
    let ratio = delta.iter().zip(mean).map(|(d, y)| d / y).fold(0.0, f64::max);
    let mix = ratio / (1.0 + ratio);
    for (d, b) in delta.iter().zip(&point.theta[features * k..]) {
        gap += d * b;
    }
    if mix == 0.0 {
        return Some(gap.max(0.0));
    }
    // max(0): the smallest c_k is 0 up to rounding.
    let constant: Vec<f64> = mean.iter().zip(delta).map(|(y, d)| (y - d / ratio).max(0.0)).collect();
    let entropy: f64 = constant.iter().filter(|c| **c > 0.0).map(|c| -c * c.ln()).sum();
    let offset: f64 = constant.iter().zip(&dual.offsets).map(|(c, o)| c * o).sum();
    gap += mix * (point.entropy_mean - entropy + point.offset_mean - offset);
    gap += workers.sweep(features * k, k, [], |of, []| {
        let (theta, moments) = (&point.theta[of.clone()], &dual.moments[of.clone()]);
        let rows = point.gradient[of.clone()].chunks_exact(k).zip(theta.chunks_exact(k));
        let rows = rows.zip(moments.chunks_exact(k)).zip(&ridge[of.start / k..]);
        let mut sum = 0.0;
        for (((gradient, theta), moments), lambda) in rows {
            let x_mean: f64 = moments.iter().sum();
            for (((g, t), m), c) in gradient.iter().zip(theta).zip(moments).zip(&constant) {
                let g = g - lambda * t;
                let h = c * x_mean - m - g;
                sum += mix * h * (g + 0.5 * mix * h) / lambda;
            }
        }
        sum
    });
    Some(gap.max(0.0))
}

/// Σ_j ‖g_j‖²/(2λ_j) over the features of a gradient g of F: the gap where the intercepts are at their optimum.
pub(crate) fn ridge_gap(gradient: &[f64], dual: &Dual, workers: &Workers) -> f64 {
    let k = dual.offsets.len();
    let features = dual.ridge.len() - usize::from(dual.intercept);
    workers.sweep(features * k, k, [], |of, []| {
        let rows = gradient[of.clone()].chunks_exact(k).zip(&dual.ridge[of.start / k..]);
        rows.map(|(g, lambda)| g.iter().map(|g| g * g).sum::<f64>() / (2.0 * lambda)).sum()
    })
}

/// Features whose gradient is bounded only have at most this share of ℓ.
pub(crate) const RESTS: f64 = 0.9;

/// A point of a fit with a penalty that is not smooth, and what its dual is made of.
#[derive(Debug)]
pub(crate) struct Composite<'a> {
    pub(crate) penalty: &'a Penalty,
    /// Are the last rows of what follows the intercepts?
    pub(crate) intercept: bool,
    /// θ and ∂(L/S)/∂θ (m × K).
    pub(crate) theta: &'a [f64],
    pub(crate) gradient: &'a [f64],
    /// Of which features is the gradient a bound only, each number no less in size than its own, and within [`RESTS`] of ℓ_j?
    /// These are 0, and in no group or box (m).
    pub(crate) bounded: &'a [bool],
    pub(crate) means: Means,
    /// Are the gradient, the entropy and the offset those of other probabilities than θ's?
    pub(crate) foreseen: bool,
    /// (1/S) Σ s_i x_ij y_ik (m × K).
    pub(crate) moments: &'a [f64],
    /// 2 Σ_k of their sizes (m): c x̄ − m is within, c in the simplex and x̄ the sum of m.
    pub(crate) spread: &'a [f64],
    /// (1/S) Σ s_i o_ik (K).
    pub(crate) offsets: &'a [f64],
    /// The labels' mean entropy, and (1/S) Σ s_i ⟨y_i, o_i⟩.
    pub(crate) labels: (f64, f64),
}

/// F − D(p″), a bound on F − F* for any penalty h; all features but `features` are 0 and taken to be feasible.
///
/// p″ = y + τ (p′ − y) with p′ the repaired p of [`duality_gap`] is a distribution that meets the intercepts'
/// constraint for every τ in [0, 1]; its gradient is τg′. By the concavity of H,
/// `D(p″) ≥ τ [(1−μ) H(p) + μ H(c)] + (1−τ) H(y) + ⟨p″ − y, o⟩ − Σ_j h_j*(−τ g′_j)` in the mean, and since
/// `L/S − H(p) − ⟨p − y, o⟩ = Σ_j g_j·θ_j + δ·b`, F − D is made of small terms. τ is the largest that leaves
/// every h_j* finite, or the largest that brings each g′_j into its ball, whichever is better. Any p bounds F*, not only
/// θ's own: for another the sum is not made of small terms, L/S − H(p) − ⟨p − y, o⟩ is taken as it is.
///
/// Features without penalty and bounds are constraints that are not repaired: for them the bound is an estimate,
/// which holds if their optimum is no farther from θ_jk than |θ_jk| or 1 (a unit of the scaled column) if that is more. The second value tells whether there
/// are any.
///
/// Sources: Ndiaye, Fercoq, Gramfort, Salmon, Gap safe screening rules for sparsity enforcing penalties (2017).
pub(crate) fn composite_gap(at: &Composite<'_>, features: &[usize]) -> (f64, bool) {
    let Composite { penalty, theta, gradient, bounded, means, foreseen, moments, offsets, labels, .. } = at;
    let k = penalty.classes;
    let d = penalty.l1.len() - usize::from(at.intercept);
    let row = |j: usize| j * k..(j + 1) * k;
    let (mut mix, mut constant, mut first_order) = (0.0, vec![], 0.0);
    if at.intercept {
        let (delta, mean) = (&gradient[row(d)], &moments[row(d)]);
        let ratio = delta.iter().zip(mean).map(|(d, y)| d / y).fold(0.0, f64::max);
        mix = ratio / (1.0 + ratio);
        first_order = delta.iter().zip(&theta[row(d)]).map(|(d, b)| d * b).sum();
        if mix > 0.0 {
            constant = mean.iter().zip(delta).map(|(y, d)| (y - d / ratio).max(0.0)).collect();
        }
    }
    // Appends those of the features that j leads.
    let repair = |j: usize, out: &mut Vec<f64>| {
        for &j in penalty.members(&j) {
            let first = out.len();
            out.extend_from_slice(&gradient[row(j)]);
            if mix > 0.0 {
                let x_mean: f64 = moments[row(j)].iter().sum();
                for ((g, m), c) in out[first..].iter_mut().zip(&moments[row(j)]).zip(&constant) {
                    let other = c * x_mean - m;
                    *g = if bounded[j] {
                        (1.0 - mix) * g.abs() + mix * other.abs()
                    } else {
                        *g + mix * (other - *g)
                    };
                }
            }
        }
    };
    let (mut needed, mut inside) = (1.0f64, 1.0f64);
    let mut estimated = false;
    // Features that are 0 and strictly feasible add nothing to any bound.
    let mut open = Vec::with_capacity(features.len());
    let mut repaired = Vec::with_capacity(features.len() * k);
    for j in features.iter().copied().filter(|j| penalty.leads(*j)) {
        if bounded[j] {
            // ‖(1−μ) g + μ (c x̄ − m)‖
            if mix * at.spread[j] <= (1.0 - RESTS) * penalty.l1[j] {
                continue;
            }
        }
        let first = repaired.len();
        repair(j, &mut repaired);
        let (g, l1) = (&repaired[first..], penalty.l1[j]);
        if penalty.is_free(j) {
            estimated = true;
        } else if l1 > 0.0 {
            let share = l1 / penalty.unbounded_reach(j, g);
            inside = inside.min(share);
            if penalty.ridge[j] == 0.0 {
                needed = needed.min(share);
            }
            if penalty.rows(j, theta).iter().all(|u| *u == 0.0) && penalty.reach(j, g) <= l1 {
                repaired.truncate(first);
                continue;
            }
        }
        open.push(j);
    }
    let entropy: f64 = constant.iter().filter(|c| **c > 0.0).map(|c| -c * c.ln()).sum();
    let of_constant = constant.iter().zip(*offsets).map(|(c, o)| c * o).sum::<f64>() - labels.1;
    let own = means.entropy + means.offset - labels.1;
    if *foreseen {
        first_order = means.nll * (1.0 + 1e-14) - own;
    }
    let bound = |tau: f64| {
        let mut gap = first_order + own * (1.0 - tau * (1.0 - mix)) - (1.0 - tau) * labels.0;
        if mix > 0.0 {
            gap -= tau * mix * (entropy + of_constant);
        }
        let mut dual = Vec::with_capacity(k);
        let mut rest = &*repaired;
        for &j in &open {
            let u = &*penalty.rows(j, theta);
            let own;
            (own, rest) = rest.split_at(u.len());
            dual.clear();
            dual.extend(own.iter().map(|g| -tau * g));
            gap += penalty.value(j, u);
            if !foreseen {
                gap += penalty.rows(j, gradient).iter().zip(u).map(|(g, u)| g * u).sum::<f64>();
            }
            gap += if penalty.is_free(j) {
                dual.iter().zip(u).map(|(g, u)| g.abs() * (u.abs() + u.abs().max(1.0))).sum()
            } else {
                penalty.conjugate(j, &dual)
            };
        }
        gap.max(0.0)
    };
    // A hair of rounding must not make a conjugate infinite.
    let shrink = |tau: f64| if tau < 1.0 { tau * (1.0 - 1e-15) } else { 1.0 };
    let gap = bound(shrink(needed));
    if inside < needed { (gap.min(bound(shrink(inside))), estimated) } else { (gap, estimated) }
}
