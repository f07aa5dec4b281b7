//! Regularisation paths: the fits at a falling sequence of λ, each from the one before.

pub(crate) mod walk;

use crate::certificate::Certificate;
use crate::coefficients::Coefficients;
use crate::composite::Sparse;
use crate::design::Design;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::memory;
use crate::model::Model;
use crate::objective::kept::Keep;
use crate::options::LogisticRegression;
use crate::parallel::Workers;
use crate::solver::{Observer, Silent, Status};
use crate::target::Target;

/// λ of a path.
const COUNT: usize = 100;
/// The least λ over λ_max where rows outnumber columns, and where they do not, as in glmnet.
const RATIO_TALL: f64 = 1e-4;
const RATIO_WIDE: f64 = 1e-2;
/// A path ends where the deviance ratio grows by less than this from one λ to the next, or passes the other; but not
/// before some λ. As in glmnet.
const LEAST_GAIN: f64 = 1e-5;
const LARGEST_RATIO: f64 = 0.999;
const LEAST_COUNT: usize = 5;
/// Who asks for less than this gap wants weights to as many digits: fits go on until the gradient itself tells.
const STRICT: f64 = 1e-8;
/// Passes of a path, about: what says if it is worth a thread.
const PASSES: f64 = 100.0;

/// Which λ a path goes through.
///
/// ```
/// use polylogit::Lambdas;
/// let default = Lambdas::default(); // 100 of them from λ_max to 1e-4 of it (1e-2 where d ≥ n), ending early
/// let fewer = Lambdas::spaced(20).ratio(0.01).early_stop(false);
/// let given = Lambdas::given(vec![0.1, 0.03, 0.01]);
/// # let _ = (default, fewer, given);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Lambdas {
    given: Option<Vec<f64>>,
    count: usize,
    ratio: Option<f64>,
    early_stop: bool,
}

impl Default for Lambdas {
    fn default() -> Self {
        Self::spaced(COUNT)
    }
}

impl Lambdas {
    /// So many from λ_max down, evenly spaced in ln λ. λ_max is the least λ that keeps every penalised weight at 0
    /// (for α < 0.001 that of α = 0.001, as in glmnet).
    pub fn spaced(count: usize) -> Self {
        Self { given: None, count, ratio: None, early_stop: true }
    }

    /// These, in falling order; all of them are fitted.
    pub fn given(mut lambdas: Vec<f64>) -> Self {
        lambdas.sort_by(|a, b| b.total_cmp(a));
        Self { count: lambdas.len(), given: Some(lambdas), ratio: None, early_stop: false }
    }

    /// The least λ over λ_max, between 0 and 1. Default: 1e-4, or 1e-2 where d ≥ n.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    /// End where smaller λ explain no more: the deviance ratio grows by less than 1e-5, or passes 0.999. Default: yes
    /// for spaced λ.
    pub fn early_stop(mut self, early_stop: bool) -> Self {
        self.early_stop = early_stop;
        self
    }

    fn check(&self) -> Result<()> {
        let bad = |option, value: f64, range| Err(Error::Option { option, value: value.to_string(), range });
        if self.count == 0 {
            return bad("the number of lambdas", 0.0, "at least 1");
        }
        if let Some(ratio) = self.ratio.filter(|r| !(*r > 0.0 && *r < 1.0)) {
            return bad("the ratio of lambdas", ratio, "between 0 and 1, both excluded");
        }
        match self.given.iter().flatten().find(|l| !(l.is_finite() && **l > 0.0)) {
            Some(lambda) => bad("a lambda", *lambda, "finite and greater than 0"),
            None => Ok(()),
        }
    }

    /// The sequence for a λ_max.
    fn of(&self, lambda_max: f64, rows: usize, features: usize) -> Vec<f64> {
        if let Some(given) = &self.given {
            return given.clone();
        }
        let ratio = self.ratio.unwrap_or(if features < rows { RATIO_TALL } else { RATIO_WIDE });
        // Where nothing is penalised there is nothing to vary.
        let largest = if lambda_max > 0.0 { lambda_max } else { f64::MIN_POSITIVE };
        let step = if self.count > 1 { ratio.ln() / (self.count - 1) as f64 } else { 0.0 };
        (0..self.count).map(|i| if i == 0 { largest } else { largest * (step * i as f64).exp() }).collect()
    }
}

/// The fit at one λ of a [`Path`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PathPoint {
    /// λ.
    pub lambda: f64,
    /// F, the penalised mean form.
    pub objective: f64,
    /// L/S, the mean negative log-likelihood, in nats.
    pub nll_mean: f64,
    /// 1 − (L − L_sat)/(L_null − L_sat): the share of the null model's deviance that is explained; L_sat is the
    /// entropy of soft labels, 0 for hard ones.
    pub deviance_ratio: f64,
    /// Features with a weight that is not 0.
    pub nonzero_features: usize,
    /// Weights that are not 0.
    pub nonzero_weights: usize,
    /// An upper bound on F − F*.
    pub certificate: Certificate,
    /// How the fit ended.
    pub status: Status,
    /// Newton steps taken at this λ.
    pub steps: usize,
    weights: Sparse,
}

impl PathPoint {
    /// b (K), summing to 0.
    pub fn intercepts(&self) -> &[f64] {
        &self.weights.intercepts
    }

    /// The features with a weight that is not 0, ascending, and for each its K weights on the raw scale.
    pub fn weights(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let k = self.weights.intercepts.len();
        self.weights.features.iter().copied().zip(self.weights.values.chunks_exact(k))
    }
}

/// Fits along a falling sequence of λ; λ and α as they are given, see [`LogisticRegression::like`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Path {
    /// The K class labels.
    pub classes: Vec<Label>,
    /// d.
    pub features: usize,
    /// α.
    pub l1_ratio: f64,
    /// Was ‖W_·j‖₂ penalised in place of ‖W_·j‖₁?
    pub grouped: bool,
    /// The features of each group that was penalised as one.
    pub groups: Vec<Vec<usize>>,
    /// Was sd_j·W_·j penalised?
    pub standardize: bool,
    /// The least λ that keeps every penalised weight at 0.
    pub lambda_max: f64,
    /// Standard deviations of the columns, with weights s_i/S (d).
    pub feature_sd: Vec<f64>,
    /// L/S of the model of intercepts (and offsets) alone.
    pub null_nll_mean: f64,
    /// Passes over X taken.
    pub passes: f64,
    /// The fits, λ falling.
    pub points: Vec<PathPoint>,
}

impl Path {
    /// W and b at a point.
    ///
    /// # Errors
    /// [`Error::Coefficient`] if one is not finite.
    pub fn coefficients(&self, point: usize) -> Result<Coefficients> {
        self.points[point].weights.dense(self.features)
    }

    /// The model at a point.
    ///
    /// # Errors
    /// As [`Path::coefficients`].
    pub fn model(&self, point: usize) -> Result<Model> {
        Model::new(self.classes.clone(), self.coefficients(point)?)
    }

    /// W and b at any λ, linear in λ between the two points around it; beyond the ends those of the end. An exact fit
    /// at λ is [`LogisticRegression::fit`] with these as its warm start.
    ///
    /// # Errors
    /// [`Error::Option`] if λ is negative or not finite or the path is empty.
    pub fn interpolate(&self, lambda: f64) -> Result<Coefficients> {
        if !(lambda.is_finite() && lambda >= 0.0) || self.points.is_empty() {
            let range = "finite and at least 0, on a path that is not empty";
            return Err(Error::Option { option: "lambda", value: lambda.to_string(), range });
        }
        let below = self.points.partition_point(|p| p.lambda > lambda);
        if below == 0 {
            return self.coefficients(0);
        }
        if below == self.points.len() {
            return self.coefficients(below - 1);
        }
        let (high, low) = (&self.points[below - 1], &self.points[below]);
        let share = (lambda - low.lambda) / (high.lambda - low.lambda);
        let (a, b) = (self.coefficients(below - 1)?, self.coefficients(below)?);
        let mixed =
            |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| share * a + (1.0 - share) * b).collect();
        Coefficients::new(
            a.classes(),
            self.features,
            mixed(a.weights(), b.weights()),
            mixed(a.intercepts(), b.intercepts()),
        )
    }
}

impl LogisticRegression {
    /// Fits the whole regularisation path; the strength of this builder is not used.
    ///
    /// Each point is proven to be within tol of the least F, most of them little closer: weights and deviance ratios are known to
    /// about √tol. Below tol = 1e-8, as a fit at one λ always, a point is left only when its own gradient tells, and is closer.
    /// The path of a small table is walked in two legs at once, which takes twice the memory of a fit where the limit allows it.
    ///
    /// ```
    /// use polylogit::{Design, Lambdas, LogisticRegression, Target};
    /// # let x = [0.1, 1.0, 0.9, 2.0, 2.2, 3.0, 3.1, 0.5, 4.2, 1.0, 4.9, 2.0];
    /// # let (design, target) = (Design::dense(&x, 6, 2)?, Target::from_labels([0, 0, 1, 1, 2, 2])?);
    /// let path = LogisticRegression::new().l1_ratio(1.0).path(&design, &target, &Lambdas::spaced(10))?;
    /// assert_eq!(path.points[0].nonzero_features, 0); // λ_max
    /// let model = path.model(path.points.len() - 1)?;
    /// # assert_eq!(model.classes().len(), 3);
    /// # Ok::<(), polylogit::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`LogisticRegression::fit`], and for λ out of range.
    pub fn path(&self, design: &Design<'_>, target: &Target, lambdas: &Lambdas) -> Result<Path> {
        self.path_observed(design, target, lambdas, &mut Silent)
    }

    /// Fits the path; `observer` hears of every λ (its event's `step` counts them) and may end the path there.
    ///
    /// # Errors
    /// As [`LogisticRegression::path`].
    pub fn path_observed(
        &self,
        design: &Design<'_>,
        target: &Target,
        lambdas: &Lambdas,
        observer: &mut dyn Observer,
    ) -> Result<Path> {
        lambdas.check()?;
        let options = self.check(design, target)?;
        let work = design.stored() as f64 * target.classes().len() as f64;
        if walk::has_legs(&options, lambdas, work) {
            let workers = Workers::new(options.threads, PASSES * work);
            // Short of memory one leg comes after the other.
            let (options, workers) = match memory::within(options.clone(), design, target, 2) {
                Ok(both) if both.keep == Keep::All && both.reserve => (both, workers),
                _ => (memory::within(options, design, target, 1)?, Workers::default()),
            };
            return walk::run_legs(design, target, &options, lambdas, &workers, observer);
        }
        let options = memory::within(options, design, target, 1)?;
        let workers = Workers::new(options.threads, work);
        walk::run(design, target, &options, lambdas, workers, observer, |_, _, _| {})
    }
}
