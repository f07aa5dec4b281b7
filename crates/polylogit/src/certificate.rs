//! The certificate of a fit: an upper bound on F − F*.

use std::fmt;

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
}

impl CertificateKind {
    /// `duality_gap` or `newton_decrement`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DualityGap => "duality_gap",
            Self::NewtonDecrement => "newton_decrement",
        }
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
/// intercepts' defect δ = (1/S) Σ s (p − y) is repaired by p′ = (1−θ) p + θ c with
/// c = ȳ − δ (1−θ)/θ, which lies in the simplex for θ/(1−θ) ≥ max_k δ_k/ȳ_k; H is concave. F − D is then
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
    let delta = &point.nll_gradient[features * k..];
    let mean = &dual.moments[features * k..];
    let ratio = delta.iter().zip(mean).map(|(d, y)| d / y).fold(0.0, f64::max);
    let theta = ratio / (1.0 + ratio);
    for (d, b) in delta.iter().zip(&point.theta[features * k..]) {
        gap += d * b;
    }
    if theta == 0.0 {
        return Some(gap.max(0.0));
    }
    // max(0): the smallest c_k is 0 up to rounding.
    let constant: Vec<f64> = mean.iter().zip(delta).map(|(y, d)| (y - d / ratio).max(0.0)).collect();
    let entropy: f64 = constant.iter().filter(|c| **c > 0.0).map(|c| -c * c.ln()).sum();
    let offset: f64 = constant.iter().zip(&dual.offsets).map(|(c, o)| c * o).sum();
    gap += theta * (point.entropy_mean - entropy + point.offset_mean - offset);
    gap += workers.sweep(features * k, k, [], |of, []| {
        let (nll, moments) = (&point.nll_gradient[of.clone()], &dual.moments[of.clone()]);
        let rows = nll.chunks_exact(k).zip(moments.chunks_exact(k)).zip(&ridge[of.start / k..]);
        let mut sum = 0.0;
        for ((nll, moments), lambda) in rows {
            let x_mean: f64 = moments.iter().sum();
            for ((g, m), c) in nll.iter().zip(moments).zip(&constant) {
                let h = c * x_mean - m - g;
                sum += theta * h * (g + 0.5 * theta * h) / lambda;
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
