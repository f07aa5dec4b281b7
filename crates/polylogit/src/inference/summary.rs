//! What came out: estimates against a reference class, and everything that follows from them without the rows.

use super::distributions::{critical, two_sided};
use super::hypotheses::Test;
use super::likelihood::Likelihood;
use super::{Covariance, WeightKind};
use crate::coefficients::Coefficients;
use crate::design::rows::Standardise;
use crate::diagnose::Diagnosis;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::linalg::Symmetric;

/// What a coefficient belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// The intercept.
    Intercept,
    /// A column of X.
    Column(usize),
}

/// A number with its uncertainty: normal theory.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The estimate, for coefficients a log odds ratio against the reference class.
    pub value: f64,
    /// Its standard error.
    pub std_err: f64,
    /// value / standard error; of a contrast (value − the value tested) / standard error.
    pub z: f64,
    /// P(|Z| > |z|); NaN where Firth's profile could not be followed to 0.
    pub p_value: f64,
    /// The lower end of the interval of the summary's level. Of Firth's profiles: −∞ where the likelihood was not seen to
    /// fall enough (about a hundred standard errors away), NaN where it could not be followed.
    pub low: f64,
    /// The upper end; likewise +∞ or NaN.
    pub high: f64,
}

impl Estimate {
    pub(super) fn new(value: f64, variance: f64, critical: f64) -> Self {
        let std_err = variance.max(0.0).sqrt();
        let z = value / std_err;
        let reach = critical * std_err;
        Self { value, std_err, z, p_value: two_sided(z), low: value - reach, high: value + reach }
    }

    /// The same, tested against another value than 0.
    pub(super) fn against(self, value: f64) -> Self {
        let z = (self.value - value) / self.std_err;
        Self { z, p_value: two_sided(z), ..self }
    }

    /// e^value: the relative-risk ratio, by which the odds against the reference class change with the column.
    pub fn ratio(&self) -> f64 {
        self.value.exp()
    }

    /// The interval of [`Estimate::ratio`].
    pub fn ratio_interval(&self) -> (f64, f64) {
        (self.low.exp(), self.high.exp())
    }
}

/// A fit with its statistics. Coefficients are log odds against the reference class, on the raw scale.
#[derive(Debug, Clone)]
pub struct Summary {
    pub(super) classes: Vec<Label>,
    pub(super) reference: usize,
    pub(super) features: usize,
    pub(super) intercept: bool,
    pub(super) rows: usize,
    pub(super) covariance: Covariance,
    pub(super) weights: Option<WeightKind>,
    pub(super) clusters: Option<usize>,
    pub(super) level: f64,
    pub(super) lambda: f64,
    pub(super) steps: usize,
    pub(super) likelihood: Likelihood,
    pub(super) diagnosis: Diagnosis,
    pub(super) standardise: Standardise,
    /// Columns of X̃ that are estimated (the intercept is column d).
    pub(super) kept: Vec<usize>,
    pub(super) mean: Vec<f64>,
    pub(super) sd: Vec<f64>,
    /// β of X̃, class-major over all K classes and the kept columns; 0 for the reference.
    pub(super) beta: Vec<f64>,
    /// Its covariance.
    pub(super) v: Symmetric,
    /// The inverse of the information, which V is unless it is robust.
    pub(super) inverse: Symmetric,
    /// Raw values and variances, class-major over K classes and d + 1 terms, the intercept last.
    pub(super) errors: Vec<(f64, f64)>,
    /// Firth's profiles, in the order of `errors`.
    pub(super) profiles: Option<Vec<Option<Estimate>>>,
    pub(super) firth: Option<Test>,
}

impl Summary {
    /// The K classes.
    pub fn classes(&self) -> &[Label] {
        &self.classes
    }

    /// The reference class.
    pub fn reference(&self) -> usize {
        self.reference
    }

    /// d.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Were intercepts fitted?
    pub fn has_intercept(&self) -> bool {
        self.intercept
    }

    /// n.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How V was estimated.
    pub fn covariance(&self) -> Covariance {
        self.covariance
    }

    /// What the weights were, if there were any.
    pub fn weight_kind(&self) -> Option<WeightKind> {
        self.weights
    }

    /// The number of clusters, if there were any.
    pub fn clusters(&self) -> Option<usize> {
        self.clusters
    }

    /// The level of intervals.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// λ; 0 for maximum likelihood.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// For Firth's estimates the test that no column has an effect, by ℓ*.
    pub fn firth(&self) -> Option<Test> {
        self.firth
    }

    /// Steps that the fit took.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Log-likelihoods and what is made of them.
    pub fn likelihood(&self) -> &Likelihood {
        &self.likelihood
    }

    /// What was noticed about the columns. Constant and collinear ones have no estimate.
    pub fn diagnosis(&self) -> &Diagnosis {
        &self.diagnosis
    }

    /// Weighted means of the columns (d).
    pub fn column_means(&self) -> &[f64] {
        &self.mean
    }

    /// Standard deviations of the columns, with weights s_i/S (d).
    pub fn column_sd(&self) -> &[f64] {
        &self.sd
    }

    /// The terms that are estimated: the intercept first, then columns.
    pub fn terms(&self) -> Vec<Term> {
        let columns = self.kept.iter().filter(|j| **j < self.features).map(|j| Term::Column(*j));
        self.intercept.then_some(Term::Intercept).into_iter().chain(columns).collect()
    }

    /// The coefficient of a term for a class; `None` for the reference class, and for columns that are not estimated.
    pub fn estimate(&self, class: usize, term: Term) -> Option<Estimate> {
        if class == self.reference || class >= self.classes.len() || !self.terms().contains(&term) {
            return None;
        }
        let at = class * (self.features + 1) + self.place(term);
        if let Some(profile) = self.profiles.as_ref().and_then(|p| p[at]) {
            return Some(profile);
        }
        let (value, variance) = self.errors[at];
        Some(Estimate::new(value, variance, critical(self.level)))
    }

    /// All contrasts against the reference class; its row, and columns that are not estimated, are 0.
    pub fn coefficients(&self) -> Coefficients {
        let (k, d) = (self.classes.len(), self.features);
        let value = |at: usize| self.errors[at].0;
        let weights = (0..k * d).map(|at| value(at / d * (d + 1) + at % d)).collect();
        let intercepts = (0..k).map(|c| value(c * (d + 1) + d)).collect();
        Coefficients::new(k, d, weights, intercepts).unwrap_or_else(|_| Coefficients::zeros(k, d))
    }

    /// The parameters in the order of [`Summary::covariance_matrix`]: class by class without the reference, in each
    /// the [terms](Summary::terms).
    pub fn parameters(&self) -> Vec<(usize, Term)> {
        let classes = (0..self.classes.len()).filter(|&k| k != self.reference);
        classes.flat_map(|k| self.terms().into_iter().map(move |t| (k, t))).collect()
    }

    /// V on the raw scale, row-major (p × p), in the order of [`Summary::parameters`].
    pub fn covariance_matrix(&self) -> Vec<f64> {
        let parameters = self.parameters();
        let p = parameters.len();
        let terms = self.terms();
        let mut out = vec![0.0; p * p];
        let classes: Vec<usize> = (0..self.classes.len()).filter(|&k| k != self.reference).collect();
        for (a, &k) in classes.iter().enumerate() {
            for (b, &l) in classes.iter().enumerate() {
                let block = self.raw_block(k, l);
                for (i, s) in terms.iter().enumerate() {
                    for (j, t) in terms.iter().enumerate() {
                        out[(a * terms.len() + i) * p + b * terms.len() + j] =
                            block[self.place(*s) * (self.features + 1) + self.place(*t)];
                    }
                }
            }
        }
        out
    }

    /// The same fit against another reference class: β_k − β_r and its covariance, a linear map.
    ///
    /// # Errors
    /// [`Error::Option`] if there is no such class, and for Firth's estimates: their profiles belong to one reference.
    pub fn with_reference(&self, reference: usize) -> Result<Self> {
        if reference >= self.classes.len() {
            let value = reference.to_string();
            return Err(Error::Option { option: "reference", value, range: "the index of a class" });
        }
        if self.firth.is_some() && reference != self.reference {
            let (value, range) = (reference.to_string(), "chosen before a fit by Firth's method");
            return Err(Error::Option { option: "reference", value, range });
        }
        let mk = self.kept.len();
        let mut other = self.clone();
        other.reference = reference;
        for (at, beta) in other.beta.iter_mut().enumerate() {
            *beta -= self.beta[reference * mk + at % mk];
        }
        other.v = rebased(&self.v, mk, reference);
        other.inverse = rebased(&self.inverse, mk, reference);
        other.measure();
        Ok(other)
    }

    /// The column of a term among d + 1.
    pub(super) fn place(&self, term: Term) -> usize {
        match term {
            Term::Intercept => self.features,
            Term::Column(j) => j,
        }
    }

    /// Raw values and variances from those of X̃.
    pub(super) fn measure(&mut self) {
        let (k, d, mk) = (self.classes.len(), self.features, self.kept.len());
        let mut errors = vec![(0.0, 0.0); k * (d + 1)];
        for class in 0..k {
            let block = self.raw_block(class, class);
            let errors = &mut errors[class * (d + 1)..][..=d];
            for (i, &j) in self.kept.iter().enumerate() {
                let b = self.beta[class * mk + i];
                if j < d {
                    let raw = b * self.standardise.factor[j];
                    errors[j].0 = raw;
                    errors[d].0 -= raw * self.standardise.shift[j];
                } else {
                    errors[d].0 += b;
                }
            }
            for (j, error) in errors.iter_mut().enumerate() {
                error.1 = block[j * (d + 1) + j];
            }
        }
        self.errors = errors;
    }

    /// Cov(w_k, w_l) on the raw scale, (d + 1) × (d + 1), the intercept last: T V Tᵀ with
    /// w_j = f_j β_j and b = β_d − Σ shift_j f_j β_j.
    pub(super) fn raw_block(&self, k: usize, l: usize) -> Vec<f64> {
        let (d, mk, n) = (self.features, self.kept.len(), self.v.n);
        let Standardise { shift, factor } = &self.standardise;
        let w = d + 1;
        let mut out = vec![0.0; w * w];
        for (i, &s) in self.kept.iter().enumerate() {
            let row = &self.v.values[(k * mk + i) * n + l * mk..][..mk];
            let fs = if s < d { factor[s] } else { 1.0 };
            for (&t, v) in self.kept.iter().zip(row) {
                out[s * w + t] = fs * v * if t < d { factor[t] } else { 1.0 };
            }
        }
        if self.intercept {
            // Columns, then rows, of the intercept.
            for s in 0..w {
                let moved: f64 = (0..d).map(|t| out[s * w + t] * shift[t]).sum();
                out[s * w + d] -= moved;
            }
            for t in 0..w {
                let moved: f64 = (0..d).map(|s| shift[s] * out[s * w + t]).sum();
                out[d * w + t] -= moved;
            }
        }
        out
    }
}

/// The covariance of β_k − β_r: v_kl − v_rl − v_kr + v_rr.
fn rebased(v: &Symmetric, kept: usize, reference: usize) -> Symmetric {
    let n = v.n;
    let mut out = Symmetric::zeros(n);
    for row in 0..n {
        let base = reference * kept + row % kept;
        for column in 0..n {
            let other = reference * kept + column % kept;
            let of = |i: usize, j: usize| v.values[i * n + j];
            out.values[row * n + column] =
                (of(row, column) - of(base, column)) - (of(row, other) - of(base, other));
        }
    }
    out
}
