//! From checked options to a fitted model.

use crate::certificate::Certificate;
use crate::design::Design;
use crate::diagnose::Diagnosis;
use crate::error::Result;
use crate::model::Model;
use crate::options::Options;
use crate::solver::{Observer, Status};
use crate::target::Target;

/// A fitted model, how the fit ended and how good it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fit {
    /// The model; its coefficients are on the raw scale, in the zero-sum gauge.
    pub model: Model,
    /// How the fit ended.
    pub status: Status,
    /// An upper bound on F − F*.
    pub certificate: Certificate,
    /// F, the penalised mean form.
    pub objective: f64,
    /// L/S, the mean negative log-likelihood, in nats.
    pub nll_mean: f64,
    /// λ.
    pub lambda: f64,
    /// α.
    pub l1_ratio: f64,
    /// Was sd_j·W_·j penalised?
    pub standardize: bool,
    /// Were intercepts fitted?
    pub intercept: bool,
    /// n.
    pub rows: usize,
    /// S.
    pub total_weight: f64,
    /// Steps taken.
    pub steps: usize,
    /// Passes over X taken: one is X·Wᵀ and Xᵀ·R for all rows.
    pub passes: f64,
    /// The method that was used.
    pub solver: &'static str,
    /// Why that method.
    pub reason: String,
    /// What was noticed about the columns.
    pub diagnosis: Diagnosis,
}

pub(crate) fn fit(
    _design: &Design<'_>,
    _target: &Target,
    _options: &Options,
    _observer: &mut dyn Observer,
) -> Result<Fit> {
    unimplemented!()
}
