//! Statistics of unpenalised fits: standard errors, tests, intervals, marginal effects, influence.
//!
//! A softmax model is a generalised linear model in the log odds β_k = w_k − w_ref against a reference class. At the
//! maximum of the likelihood the covariance of all β is
//!
//! ```text
//! model    V = J⁻¹                           J = Σ s_i (diag p_i − p_i p_iᵀ) ⊗ x_i x_iᵀ   (observed = expected)
//! robust   V = c J⁻¹ B J⁻¹                   B = Σ v_i r_i r_iᵀ ⊗ x_i x_iᵀ,  r = y − p    (HC0: c = 1, HC1: N/(N−p))
//! cluster  the same, B = Σ_g u_g u_gᵀ        u_g = Σ_{i∈g} s_i r_i ⊗ x_i,  c = G/(G−1) · (N−1)/(N−p)
//! ```
//!
//! and the tests are Wald's (βᵀV⁻¹β against χ²) and the likelihood ratio's. Another reference class is a linear map
//! of β and V, not another fit. All of it happens in the solver's coordinates, so columns of any scale go in as
//! they are. `docs/statistics.md` has every formula, convention and source.
//!
//! ```
//! use polylogit::inference::{Inference, Term};
//! use polylogit::{Design, Target};
//! let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
//! let (design, target) = (Design::dense(&x, 8, 1)?, Target::from_labels([0, 0, 1, 0, 1, 0, 1, 1])?);
//! let summary = Inference::new().fit(&design, &target)?;
//! let slope = summary.estimate(1, Term::Column(0)).unwrap();
//! assert!(slope.p_value > 0.05 && slope.low < 0.0 && slope.high > slope.value);
//! # Ok::<(), polylogit::Error>(())
//! ```

mod distributions;
mod effects;
mod firth;
mod hypotheses;
mod likelihood;
mod maximum;
mod memory;
mod moments;
mod predictions;
mod quadratic;
mod sheet;
mod summary;

use crate::design::Design;
use crate::error::{Error, Result, check_len};
use crate::memory::{Estimate as Foreseen, within};
use crate::options::{LogisticRegression, Options};
use crate::solver::{Observer, Silent};
use crate::target::Target;

pub(crate) use distributions::critical;
pub use effects::{Effect, Value};
pub use hypotheses::Test;
pub use likelihood::Likelihood;
pub use predictions::{Influence, Probabilities};
pub use summary::{Estimate, Summary, Term};

/// How the covariance of the estimates is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covariance {
    /// The inverse of the information: right if the model is.
    Model,
    /// White's sandwich, without a correction (Huber 1967, White 1982).
    Hc0,
    /// The same times N/(N − p).
    Hc1,
    /// Rows of one cluster may depend on each other (Liang and Zeger 1986), times G/(G−1) · (N−1)/(N−p).
    Cluster,
}

impl Covariance {
    /// `model`, `hc0`, `hc1` or `cluster`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Hc0 => "hc0",
            Self::Hc1 => "hc1",
            Self::Cluster => "cluster",
        }
    }
}

/// What the sample weights of the target are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WeightKind {
    /// Counts: weight s stands for s equal rows; N = Σ s.
    #[default]
    Frequency,
    /// Inverse probabilities of being in the sample: scaled to N = n, and the covariance must be robust.
    Sampling,
    /// Relative precisions, scaled to N = n.
    Analytic,
}

impl WeightKind {
    /// `frequency`, `sampling` or `analytic`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frequency => "frequency",
            Self::Sampling => "sampling",
            Self::Analytic => "analytic",
        }
    }
}

/// Statistics of a fit: a builder that is checked once, in [`Inference::fit`].
///
/// Defaults: maximum likelihood with intercepts, the first class as reference, the model's covariance (robust HC1
/// for sampling weights), 95 % intervals.
#[derive(Debug, Clone)]
#[must_use]
pub struct Inference {
    regression: LogisticRegression,
    reference: usize,
    covariance: Option<Covariance>,
    clusters: Option<Vec<u32>>,
    weights: WeightKind,
    level: f64,
    despite_penalty: bool,
    firth: bool,
}

impl Default for Inference {
    fn default() -> Self {
        Self::new()
    }
}

impl Inference {
    /// Maximum likelihood.
    pub fn new() -> Self {
        Self {
            regression: LogisticRegression::new().lambda(0.0),
            reference: 0,
            covariance: None,
            clusters: None,
            weights: WeightKind::default(),
            level: 0.95,
            despite_penalty: false,
            firth: false,
        }
    }

    /// How to fit: intercepts, threads, steps, a warm start, a penalty. Its `tol` is not used: statistics want the
    /// optimum to rounding.
    pub fn regression(mut self, regression: LogisticRegression) -> Self {
        self.regression = regression;
        self
    }

    /// The class that the others are compared with, an index. Default: the first.
    pub fn reference(mut self, class: usize) -> Self {
        self.reference = class;
        self
    }

    /// How covariances are estimated.
    pub fn covariance(mut self, covariance: Covariance) -> Self {
        self.covariance = Some(covariance);
        self
    }

    /// The cluster of each row (n), numbered from 0; asks for [`Covariance::Cluster`] unless another is chosen.
    pub fn clusters(mut self, clusters: Vec<u32>) -> Self {
        self.clusters = Some(clusters);
        self
    }

    /// What the target's weights are.
    pub fn weight_kind(mut self, kind: WeightKind) -> Self {
        self.weights = kind;
        self
    }

    /// The share of intervals that shall cover the truth. Default: 0.95.
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Give standard errors of a penalised fit although they leave out its bias: V = A⁻¹ J A⁻¹, A = J + the
    /// penalty's curvature.
    pub fn despite_penalty(mut self, yes: bool) -> Self {
        self.despite_penalty = yes;
        self
    }

    /// Firth's estimates in place of maximum likelihood: finite for separated classes, less biased for few rows.
    /// Tests and intervals are those of the penalised profile likelihood; with the model's covariance only, without a
    /// ridge.
    pub fn firth(mut self, yes: bool) -> Self {
        self.firth = yes;
        self
    }

    /// Fits.
    ///
    /// # Errors
    /// What is wrong with the input, as in [`LogisticRegression::fit`], and where statistics have no answer:
    /// [`Error::Separated`], [`Error::Penalised`], [`Error::SoftStatistics`], [`Error::SamplingCovariance`],
    /// [`Error::Clusters`], [`Error::NoMaximum`], [`Error::SingularInformation`].
    pub fn fit(&self, design: &Design<'_>, target: &Target) -> Result<Summary> {
        self.fit_observed(design, target, &mut Silent)
    }

    /// How much memory [`Inference::fit`] takes beside X and the target, without starting it: the fit, the information and
    /// the covariance. More than the [`memory_limit`](LogisticRegression::memory_limit) of its regression is refused.
    ///
    /// # Errors
    /// Options out of range, shapes that do not fit.
    pub fn memory(&self, design: &Design<'_>, target: &Target) -> Result<Foreseen> {
        let options = self.check(design, target)?;
        Ok(self.foresee(design, target, &options))
    }

    fn foresee(&self, design: &Design<'_>, target: &Target, options: &Options) -> Foreseen {
        let robust = matches!(self.chosen(), Covariance::Hc0 | Covariance::Hc1);
        let clusters = self.clusters.as_deref().map_or(0, distinct);
        memory::estimate(design, target, options, (robust, clusters))
    }

    /// Fits; `observer` hears of every step.
    ///
    /// # Errors
    /// As [`Inference::fit`].
    pub fn fit_observed(
        &self,
        design: &Design<'_>,
        target: &Target,
        observer: &mut dyn Observer,
    ) -> Result<Summary> {
        let options = self.check(design, target)?;
        let options = within(options, design, target, 1)?;
        self.foresee(design, target, &options).keep(options.memory_limit)?;
        let scaled = self.scaled(target)?;
        maximum::fit(self, &options, design, scaled.as_ref().unwrap_or(target), observer)
    }

    /// The likelihood-ratio test that the given columns have no effect on any class: the model is fitted again
    /// without them. For Firth's estimates by the penalised likelihood of the whole model, with their coefficients at 0
    /// (Heinze and Schemper 2002).
    ///
    /// # Errors
    /// As [`Inference::fit`]; [`Error::Penalised`] and [`Error::SamplingCovariance`] where there is no likelihood
    /// ratio, [`Error::Features`] for a column that is not there.
    pub fn likelihood_ratio(
        &self,
        design: &Design<'_>,
        target: &Target,
        summary: &Summary,
        columns: &[usize],
    ) -> Result<Test> {
        let options = self.check(design, target)?;
        let scaled = self.scaled(target)?;
        maximum::likelihood_ratio(self, &options, design, scaled.as_ref().unwrap_or(target), summary, columns)
    }

    /// The covariance that is meant.
    fn chosen(&self) -> Covariance {
        self.covariance.unwrap_or(match (&self.clusters, self.weights) {
            (Some(_), _) => Covariance::Cluster,
            (None, WeightKind::Sampling) => Covariance::Hc1,
            (None, _) => Covariance::Model,
        })
    }

    fn check(&self, design: &Design<'_>, target: &Target) -> Result<Options> {
        let options = self.regression.check(design, target)?;
        if options.lambda > 0.0 && options.l1_ratio > 0.0 {
            let (value, range) =
                (options.l1_ratio.to_string(), "0: estimates that are chosen have no such errors");
            return Err(Error::Option { option: "l1_ratio", value, range });
        }
        if options.bounds.is_some() {
            let (value, range) = ("on".to_owned(), "off: an estimate at its bound has no standard error");
            return Err(Error::Option { option: "bounds", value, range });
        }
        let classes = target.classes().len();
        if self.reference >= classes {
            let value = self.reference.to_string();
            return Err(Error::Option { option: "reference", value, range: "the index of a class" });
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            let (value, range) = (self.level.to_string(), "between 0 and 1, both excluded");
            return Err(Error::Option { option: "level", value, range });
        }
        if target.ids().is_none() {
            return Err(Error::SoftStatistics);
        }
        if options.lambda > 0.0 && !self.despite_penalty {
            return Err(Error::Penalised { lambda: options.lambda });
        }
        if self.firth && (options.lambda > 0.0 || self.chosen() != Covariance::Model) {
            let (value, range) = ("on".to_owned(), "off with a ridge, clusters or a robust covariance");
            return Err(Error::Option { option: "firth", value, range });
        }
        let weighted = target.sample_weights().is_some();
        if weighted && self.weights == WeightKind::Sampling && self.chosen() == Covariance::Model {
            return Err(Error::SamplingCovariance);
        }
        match (&self.clusters, self.chosen()) {
            (None, Covariance::Cluster) => return Err(Error::Clusters { found: 0 }),
            (Some(clusters), _) => {
                check_len("clusters", "rows", design.rows(), clusters.len())?;
                let found = distinct(clusters);
                if found < 2 {
                    return Err(Error::Clusters { found });
                }
            }
            _ => {}
        }
        Ok(options)
    }

    /// The target with weights that sum to n, where they are no counts.
    fn scaled(&self, target: &Target) -> Result<Option<Target>> {
        let Some(weights) = target.sample_weights().filter(|_| self.weights != WeightKind::Frequency) else {
            return Ok(None);
        };
        let scale = target.rows() as f64 / target.total_weight();
        target.clone().weights(weights.iter().map(|w| w * scale).collect()).map(Some)
    }
}

/// How many different numbers there are.
fn distinct(clusters: &[u32]) -> usize {
    let mut seen = clusters.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}
