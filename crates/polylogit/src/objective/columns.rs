//! The log-likelihood as coordinate methods see it: column by column, on those columns that are at work.
//!
//! ```text
//! z_i + t Δz_i → p_i, r_i = s_i/S (p_i − y_i)        trial(t), at the price of n softmaxes; commit(t) moves z there
//! g_j = Σ_i x̃_ij r_i                                 gradient of L/S
//! Q(Δ) = ½ Σ_i s_i/S Δz_i·(diag p_i − p_i p_iᵀ) Δz_i    the quadratic model, Δz_i = Σ_j x̃_ij Δ_j
//! ```
//!
//! Feature d is the intercept, a column of ones.

use std::fmt::Debug;

use super::dense_columns::DenseColumns;
use super::kept::Precision;
use super::readings::Rests;
use super::slot::Totals;
use super::sparse_columns::SparseColumns;
use crate::design::rows::Standardise;
use crate::design::{Design, Storage};
use crate::linalg::Symmetric;
use crate::parallel::Workers;
use crate::target::{Labels, Target};

/// Means over the rows, with weights s_i/S.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Means {
    /// L/S.
    pub(crate) nll: f64,
    /// Σ s_i/S H(p_i).
    pub(crate) entropy: f64,
    /// Σ s_i/S ⟨p_i, o_i⟩.
    pub(crate) offset: f64,
}

impl From<Totals> for Means {
    fn from(t: Totals) -> Self {
        Self { nll: t.nll, entropy: t.entropy, offset: t.offset }
    }
}

/// L/S by columns.
/// What is added to the curvature of each weight, so that a step is not too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Damping<'a> {
    /// How many times Σ_i s_i/S x̃_ij² y_ik (1 − p_ik): curvature that rows far from their class do not show before they
    /// come near.
    pub(crate) hidden: f64,
    /// What pulls at each weight (a row of K for each of the features): where that has far more force than the rows that
    /// will resist have now, whose gradient grows exponentially, the curvature is that of the way there.
    pub(crate) forces: &'a [f64],
}

pub(crate) trait Columns: Debug + Send {
    /// Readies features for work: all that follows but [`Columns::correlations`] is about them (and the intercept).
    fn pack(&mut self, features: &[usize]);
    /// z = X̃θ afresh (θ: m × K), then [`Columns::trial`] at it.
    fn evaluate(&mut self, theta: &[f64]) -> Means;
    /// Probabilities and residuals at z + t Δz.
    fn trial(&mut self, t: f64) -> Means;
    /// z ← z + t Δz; what follows is a new model or a new step.
    fn commit(&mut self, t: f64);
    /// ∂(L/S)/∂θ_j for some features, from the residuals, into their rows of `out` (m × K).
    fn gradient(&mut self, features: &[usize], out: &mut [f64]);
    /// ∂(L/S)/∂θ_j for all features (m × K).
    fn correlations(&mut self, out: &mut [f64]);
    /// ∂(L/S)/∂θ_j for all features (m × K), at the probabilities foreseen last or at those of the last trial; for those that
    /// surely rest, where it is told which do, bounds that are no less in size, `bounded` then (m). Returns the share that was read.
    fn correlations_unless(
        &mut self,
        _rests: Option<Rests<'_>>,
        foreseen: bool,
        out: &mut [f64],
        bounded: &mut [bool],
    ) -> f64 {
        bounded.fill(false);
        if foreseen {
            self.foreseen_correlations(out);
        } else {
            self.correlations(out);
        }
        1.0
    }
    /// (1/S) Σ s_i x̃_ij y_ik (m × K).
    fn moments(&mut self) -> Vec<f64>;
    /// z of all rows, without offsets (n × K).
    fn scores(&self) -> Vec<f64>;
    /// Starts a quadratic model at the probabilities of the last trial.
    fn model(&mut self);
    /// `out` += the model's gradient ∂Q/∂Δ_jk for some classes k.
    fn dots(&mut self, feature: usize, classes: &[u32], out: &mut [f64]);
    /// The model's gradient on some features, all classes (rows as `features`).
    fn model_gradient(&mut self, features: &[usize], out: &mut [f64]);
    /// `h` += ∂²Q/∂Δ_jk∂Δ_jc for some classes, row-major.
    fn curvature(&mut self, feature: usize, classes: &[u32], h: &mut [f64]);
    /// Δ_jk += `delta`.
    fn shift(&mut self, feature: usize, classes: &[u32], delta: &[f64]);
    /// Q(Δ).
    fn model_value(&mut self) -> f64;
    /// ∂²Q over the weights of some features that are `wanted` (a row of K for each), in their order, or over all of them where
    /// that costs little more, `wanted` filled then; `None` where explicit curvature does not pay.
    fn hessian(
        &mut self,
        features: &[usize],
        wanted: &mut [bool],
        precision: Precision,
        sweeps: f64,
    ) -> Option<Symmetric>;
    /// ∂²Q over the weights that are `chosen` (a row of K for each of the features), in their order; `None` where it does
    /// not pay, or [`Columns::hessian`] serves. `damping` is added to the diagonal.
    fn hessian_of(
        &mut self,
        _features: &[usize],
        _chosen: &[bool],
        _damping: Damping<'_>,
    ) -> Option<Symmetric> {
        None
    }
    /// Takes the memory of curvature that served for the next.
    fn recycle(&mut self, _used: Symmetric) {}
    /// Readies [`Columns::product`] on some features, for the weights of them that are `free` (a row of K each).
    fn focus(&mut self, features: &[usize], free: &[bool]);
    /// `out` = ∂²Q v on the features in focus (a row of K numbers each); what is not free is not to be read.
    fn product(&mut self, v: &[f64], out: &mut [f64]);
    /// Δ = `delta` (rows as `features`) in place of what it was.
    fn set_step(&mut self, features: &[usize], delta: &[f64]);
    /// Readies probabilities that are linear in Δ, p + (diag p_i − p_i p_iᵀ) Δz_i with the p_i of the curvature in the
    /// bracket: the gradient there is g + ∂Q/∂Δ, exactly, and where Δ minimises the model it meets the constraints of the
    /// dual. Their entropy and offset; `None` where one is negative, or they are not made.
    fn foresee(&mut self) -> Option<Means> {
        None
    }
    /// ∂(L/S)/∂θ_j at the probabilities foreseen last, for some features, into their rows of `out` (m × K).
    fn foreseen_gradient(&mut self, _features: &[usize], _out: &mut [f64]) {}
    /// ∂(L/S)/∂θ_j at the probabilities foreseen last, for all features (m × K).
    fn foreseen_correlations(&mut self, _out: &mut [f64]) {}
}

/// Of a design; centred columns only where it is dense.
pub(crate) fn of<'a>(
    design: &Design<'a>,
    target: &'a Target,
    standardise: &Standardise,
    intercept: bool,
    workers: &Workers,
) -> Box<dyn Columns + 'a> {
    match design.storage() {
        Storage::Csr(csr) => {
            Box::new(SparseColumns::new(*design, csr, target, standardise, intercept, workers))
        }
        _ => Box::new(DenseColumns::new(*design, target, standardise, intercept, workers)),
    }
}

/// What the dual knows of the labels: their mean entropy, and Σ s_i/S ⟨y_i, o_i⟩.
pub(crate) fn label_means(target: &Target) -> (f64, f64) {
    let k = target.classes().len();
    let total = target.total_weight();
    let (mut entropy, mut offset) = (0.0, 0.0);
    for row in 0..target.rows() {
        let s = target.weight(row) / total;
        let o = target.offsets().map(|o| &o[row * k..(row + 1) * k]);
        match target.labels() {
            Labels::Hard(ids) => offset += o.map_or(0.0, |o| s * o[ids[row] as usize]),
            Labels::Soft(y) => {
                for (c, y) in y[row * k..(row + 1) * k].iter().enumerate().filter(|(_, y)| **y > 0.0) {
                    entropy -= s * y * y.ln();
                    offset += o.map_or(0.0, |o| s * y * o[c]);
                }
            }
        }
    }
    (entropy, offset)
}
