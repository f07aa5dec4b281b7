//! The builder: options as a sentence, checked once.

use crate::coefficients::Coefficients;
use crate::composite;
use crate::convention::{Convention, Units};
use crate::design::Design;
use crate::error::{Error, Result};
use crate::fit::{self, Fit};
use crate::memory;
use crate::objective::kept::Keep;
use crate::solver::trace::Recorder;
use crate::solver::{Observer, Silent};
use crate::target::Target;

/// Inverse strength that is used when neither `c` nor `lambda` is given, as in scikit-learn.
pub(crate) const DEFAULT_C: f64 = 1.0;
/// Relative certified gap that ends a fit.
pub(crate) const DEFAULT_TOL: f64 = 1e-6;
/// Steps after which a fit ends in any case.
pub(crate) const DEFAULT_MAX_STEPS: usize = 1000;

/// How to fit: a builder that is checked once, in [`LogisticRegression::fit`].
///
/// ```
/// use polylogit::{Design, LogisticRegression, Target};
/// # let x = [0.0, 1.0, 2.0, 3.0];
/// # let (design, target) = (Design::dense(&x, 4, 1)?, Target::from_labels([0, 1, 0, 1])?);
/// let fit = LogisticRegression::new().lambda(0.01).standardize(true).tol(1e-9).fit(&design, &target)?;
/// # assert!(fit.status.is_converged());
/// # Ok::<(), polylogit::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LogisticRegression {
    strength: Strength,
    like: Option<Convention>,
    l1_ratio: f64,
    intercept: bool,
    standardize: bool,
    penalty_factors: Option<Vec<f64>>,
    grouped: bool,
    groups: Vec<Vec<usize>>,
    bounds: Option<(Vec<f64>, Vec<f64>)>,
    tol: f64,
    max_steps: usize,
    threads: Option<usize>,
    warm_start: Option<Coefficients>,
    memory_limit: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Strength {
    C(f64),
    Lambda(f64),
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self::new()
    }
}

impl LogisticRegression {
    /// C = 1, ridge, with intercept, raw scale, tol 1e-6.
    pub fn new() -> Self {
        Self {
            strength: Strength::C(DEFAULT_C),
            like: None,
            l1_ratio: 0.0,
            intercept: true,
            standardize: false,
            penalty_factors: None,
            grouped: false,
            groups: Vec::new(),
            bounds: None,
            tol: DEFAULT_TOL,
            max_steps: DEFAULT_MAX_STEPS,
            threads: None,
            warm_start: None,
            memory_limit: None,
        }
    }

    /// Takes the options in the numbers of another package, and gives the coefficients in its gauge; sets its share of
    /// L1 and whether it standardises, so call it first.
    ///
    /// Two classes have one vector β in all of them: W is then (0, β), bounds (d values) are those of β, and `grouped` has
    /// no effect. [`Fit::lambda`](crate::Fit::lambda) and [`Fit::l1_ratio`](crate::Fit::l1_ratio) are those of F as it
    /// stands here; a path's λ and α are the package's own.
    ///
    /// ```
    /// use polylogit::{Convention, Design, LogisticRegression, Target};
    /// # let x = [0.0, 1.0, 2.0, 3.0];
    /// # let (design, target) = (Design::dense(&x, 4, 1)?, Target::from_labels([0, 1, 0, 1])?);
    /// // glmnet(x, y, family = "binomial", alpha = 0.5, lambda = 0.1)
    /// let fit = LogisticRegression::new().like(Convention::Glmnet).l1_ratio(0.5).lambda(0.1).fit(&design, &target)?;
    /// assert_eq!(fit.model.coefficients().class_weights(0), [0.0]);
    /// assert!((fit.lambda - 0.15).abs() < 1e-12);
    /// # Ok::<(), polylogit::Error>(())
    /// ```
    pub fn like(mut self, convention: Convention) -> Self {
        self.like = Some(convention);
        self.l1_ratio = convention.l1_ratio();
        self.standardize = convention.standardizes();
        self
    }

    /// Inverse strength as in scikit-learn: λ = 1/(C·S). Greater than 0; infinite means λ = 0.
    pub fn c(mut self, c: f64) -> Self {
        self.strength = Strength::C(c);
        self
    }

    /// Strength λ ≥ 0 of the penalty on the mean loss, as in glmnet and Spark.
    pub fn lambda(mut self, lambda: f64) -> Self {
        self.strength = Strength::Lambda(lambda);
        self
    }

    /// Share α of the L1 norm in the penalty λ [ (1−α)/2 ‖W‖² + α ‖W‖₁ ]: 0 the ridge (default), 1 the lasso, between
    /// them the elastic net.
    pub fn l1_ratio(mut self, alpha: f64) -> Self {
        self.l1_ratio = alpha;
        self
    }

    /// Fit intercepts b (never penalised)? Default: yes.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// Penalise sd_j·W_·j in place of W_·j (sd with 1/S weights)? The coefficients are on the raw scale
    /// either way. Default: no.
    pub fn standardize(mut self, standardize: bool) -> Self {
        self.standardize = standardize;
        self
    }

    /// A factor v_j ≥ 0 on the penalty of each feature (d values); 0 leaves a feature unpenalised.
    pub fn penalty_factors(mut self, factors: Vec<f64>) -> Self {
        self.penalty_factors = Some(factors);
        self
    }

    /// Penalise α Σ_j ‖W_·j‖₂ in place of α ‖W‖₁, so that a feature's weights are 0 for all classes or for none
    /// (the grouped lasso over the classes)? Default: no.
    pub fn grouped(mut self, grouped: bool) -> Self {
        self.grouped = grouped;
        self
    }

    /// Groups of features that are 0 all together or not at all, for all classes (the group lasso): penalises
    /// α v_G ‖W_·G‖_F, v_G = √|G| times their factor, for each group G. It takes in all class weights of its features as
    /// they are penalised, without making its columns orthogonal. A feature in no group is one of its own, as in
    /// [`LogisticRegression::grouped`], which this implies unless it is empty.
    ///
    /// ```
    /// use polylogit::{Design, LogisticRegression, Target};
    /// # let x: Vec<f64> = (0..60).map(|i| ((i * 7919) % 101) as f64 / 101.0).collect();
    /// # let (design, target) = (Design::dense(&x, 20, 3)?, Target::from_labels((0..20).map(|i| i % 2))?);
    /// let lasso = LogisticRegression::new().l1_ratio(1.0).lambda(0.01).groups(vec![vec![0, 2]]);
    /// let fit = lasso.fit(&design, &target)?;
    /// # assert!(fit.status.is_converged());
    /// # Ok::<(), polylogit::Error>(())
    /// ```
    pub fn groups(mut self, groups: Vec<Vec<usize>>) -> Self {
        self.groups = groups;
        self
    }

    /// Bounds lower ≤ 0 and upper ≥ 0 of the weights on the raw scale: d values for all classes alike, or K·d of them
    /// as W (K × d); infinite ones bound nothing.
    pub fn bounds(mut self, lower: Vec<f64>, upper: Vec<f64>) -> Self {
        self.bounds = Some((lower, upper));
        self
    }

    /// The certified relative gap that ends the fit. Default: 1e-6.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// Steps after which the fit ends in any case. Default: 1000.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// Threads to use; the result is the same for any number. Default: all cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Bytes that a fit may take beside the data. One that needs more, as far as [`LogisticRegression::memory`] can tell,
    /// keeps no copy of the rows, which changes nothing but its time; then factors no Hessian when steps grow slow; and
    /// is refused if that is not enough. Default: no limit.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Coefficients to start from, on the raw scale.
    pub fn warm_start(mut self, coefficients: Coefficients) -> Self {
        self.warm_start = Some(coefficients);
        self
    }

    /// Fits.
    ///
    /// # Errors
    /// Options out of range, shapes that do not fit, values that are not finite, too little memory: see [`Error`].
    pub fn fit(&self, design: &Design<'_>, target: &Target) -> Result<Fit> {
        self.fit_observed(design, target, &mut Silent)
    }

    /// Fits; `observer` hears of every step and may end the fit.
    ///
    /// # Errors
    /// As [`LogisticRegression::fit`].
    pub fn fit_observed(
        &self,
        design: &Design<'_>,
        target: &Target,
        observer: &mut dyn Observer,
    ) -> Result<Fit> {
        let options = memory::within(self.check(design, target)?, design, target, 1)?;
        let mut recorder = Recorder::new(observer);
        let fit = if composite::applies(&options) {
            composite::fit(design, target, &options, &mut recorder)
        } else {
            fit::fit(design, target, &options, &mut recorder)
        };
        Ok(Fit { trace: recorder.into_events(), ..fit? })
    }

    pub(crate) fn check(&self, design: &Design<'_>, target: &Target) -> Result<Options> {
        let d = design.features();
        if design.rows() != target.rows() {
            return Err(Error::Rows { design: design.rows(), target: target.rows() });
        }
        let lambda = match self.strength {
            Strength::C(c) if c > 0.0 => 1.0 / (c * target.total_weight()),
            Strength::C(c) => return Err(out_of_range("C", c, "greater than 0")),
            Strength::Lambda(l) if l >= 0.0 && l.is_finite() => l,
            Strength::Lambda(l) => return Err(out_of_range("lambda", l, "finite and at least 0")),
        };
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return Err(out_of_range("l1_ratio", self.l1_ratio, "between 0 and 1"));
        }
        if !(self.tol > 0.0 && self.tol < 1.0) {
            return Err(out_of_range("tol", self.tol, "between 0 and 1, both excluded"));
        }
        if self.threads == Some(0) {
            return Err(out_of_range("threads", 0.0, "at least 1"));
        }
        let penalty_factors = match &self.penalty_factors {
            None => vec![1.0; d],
            Some(v) => {
                crate::error::check_len("penalty factors", "features", d, v.len())?;
                if let Some(bad) = v.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
                    return Err(out_of_range("a penalty factor", *bad, "finite and at least 0"));
                }
                self.like.map_or_else(|| Ok(v.clone()), |like| like.factors(v.clone()))?
            }
        };
        let k = target.classes().len();
        let one_vector = self.like.is_some() && k == 2;
        let groups = check_groups(&self.groups, &penalty_factors)?;
        let mut units = self.like.map_or_else(Units::default, |like| like.units(target, self.standardize));
        if one_vector && !groups.is_empty() {
            // ‖β_G‖ of W = ±β/2.
            units.l1 *= 2f64.sqrt();
        }
        let bounds = self.bounds.as_ref().map(|b| check_bounds(b, d, k, one_vector)).transpose()?;
        if let Some(c) = &self.warm_start {
            if c.features() != d {
                return Err(Error::Features { expected: c.features(), found: d });
            }
            crate::error::check_len("warm start", "classes", k, c.classes())?;
        }
        Ok(Options {
            lambda,
            like: self.like,
            units,
            l1_ratio: self.l1_ratio,
            intercept: self.intercept,
            standardize: self.standardize,
            penalty_factors,
            grouped: !groups.is_empty() || (self.grouped && !one_vector),
            groups,
            bounds,
            tol: self.tol,
            max_steps: self.max_steps,
            threads: self.threads,
            warm_start: self.warm_start.clone(),
            memory_limit: self.memory_limit,
            keep: Keep::All,
            reserve: true,
        })
    }
}

/// Groups in order; each feature in one at most, and of one factor in each.
fn check_groups(groups: &[Vec<usize>], factors: &[f64]) -> Result<Vec<Vec<usize>>> {
    let mut of = vec![None; factors.len()];
    for (group, features) in groups.iter().enumerate() {
        let bad = |problem| Err(Error::Group { group, problem });
        let Some(&first) = features.first() else { return bad("it has no features".to_owned()) };
        for &j in features {
            match of.get(j) {
                None => return bad(format!("there is no feature {j} (of {})", of.len())),
                Some(Some(other)) if *other == group => return bad(format!("it has feature {j} twice")),
                Some(Some(other)) => return bad(format!("feature {j} is in group {other}, too")),
                Some(None) => of[j] = Some(group),
            }
            let (a, b) = (factors[first], factors[j]);
            if a != b {
                let factors = format!("that of feature {first} is {a}, that of feature {j} is {b}");
                return bad(format!("its features must have one penalty factor ({factors})"));
            }
        }
    }
    let sorted = |group: &Vec<usize>| {
        let mut group = group.clone();
        group.sort_unstable();
        group
    };
    Ok(groups.iter().map(sorted).collect())
}

fn out_of_range(option: &'static str, value: f64, range: &'static str) -> Error {
    Error::Option { option, value: value.to_string(), range }
}

/// The bounds of all weights (K × d), or of the `one_vector` w_1 − w_0 as those of ±β/2.
fn check_bounds(
    (lower, upper): &(Vec<f64>, Vec<f64>),
    d: usize,
    k: usize,
    one_vector: bool,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let wide = |b: &[f64], what| -> Result<Vec<f64>> {
        if one_vector {
            crate::error::check_len(what, "features", d, b.len())?;
            return Ok(b.to_vec());
        }
        if b.len() == d {
            return Ok(b.repeat(k));
        }
        crate::error::check_len(what, "features, or classes × features", k * d, b.len())?;
        Ok(b.to_vec())
    };
    let (low, high) = (wide(lower, "lower bounds")?, wide(upper, "upper bounds")?);
    if let Some(bad) = low.iter().find(|b| b.is_nan() || **b > 0.0) {
        return Err(out_of_range("a lower bound", *bad, "at most 0"));
    }
    if let Some(bad) = high.iter().find(|b| b.is_nan() || **b < 0.0) {
        return Err(out_of_range("an upper bound", *bad, "at least 0"));
    }
    if one_vector {
        let halves = |first: &[f64], second: &[f64]| -> Vec<f64> {
            first.iter().map(|b| -0.5 * b).chain(second.iter().map(|b| 0.5 * b)).collect()
        };
        return Ok((halves(&high, &low), halves(&low, &high)));
    }
    Ok((low, high))
}

/// Options that were checked.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "options are on or off")]
pub(crate) struct Options {
    /// λ and α as they were given; what they are multiplied with.
    pub(crate) lambda: f64,
    pub(crate) l1_ratio: f64,
    pub(crate) units: Units,
    pub(crate) like: Option<Convention>,
    pub(crate) intercept: bool,
    pub(crate) standardize: bool,
    pub(crate) penalty_factors: Vec<f64>,
    pub(crate) grouped: bool,
    /// Ascending, no two of them overlap.
    pub(crate) groups: Vec<Vec<usize>>,
    /// Lower and upper bounds, as W (K × d).
    pub(crate) bounds: Option<(Vec<f64>, Vec<f64>)>,
    pub(crate) tol: f64,
    pub(crate) max_steps: usize,
    pub(crate) threads: Option<usize>,
    pub(crate) warm_start: Option<Coefficients>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) keep: Keep,
    /// May a Hessian be factored when steps grow slow?
    pub(crate) reserve: bool,
}

impl Options {
    /// λ and α of F as it stands in the design.
    pub(crate) fn solved(&self) -> (f64, f64) {
        self.units.ours(self.lambda, self.l1_ratio)
    }

    /// Do two classes have one vector β, so that W = (0, β)?
    pub(crate) fn one_vector(&self, classes: usize) -> bool {
        self.like.is_some() && classes == 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_named() {
        let x = [0.0, 1.0, 2.0];
        let design = Design::dense(&x, 3, 1).unwrap();
        let target = Target::from_labels([0, 1, 0]).unwrap();
        let message = |builder: LogisticRegression| builder.check(&design, &target).unwrap_err().to_string();
        let new = LogisticRegression::new;
        assert_eq!(message(new().lambda(-1.0)), "lambda is -1: it must be finite and at least 0");
        assert_eq!(message(new().lambda(f64::NAN)), "lambda is NaN: it must be finite and at least 0");
        assert_eq!(message(new().c(0.0)), "C is 0: it must be greater than 0");
        assert_eq!(message(new().l1_ratio(1.5)), "l1_ratio is 1.5: it must be between 0 and 1");
        assert_eq!(message(new().tol(0.0)), "tol is 0: it must be between 0 and 1, both excluded");
        assert_eq!(message(new().threads(0)), "threads is 0: it must be at least 1");
        assert!(
            message(new().penalty_factors(vec![1.0, 1.0])).contains("penalty factors has 2 values where 1")
        );
        assert!(message(new().penalty_factors(vec![-1.0])).contains("a penalty factor is -1"));
        let bounds = |low, high| message(new().bounds(vec![low], vec![high]));
        assert_eq!(bounds(0.5, 1.0), "a lower bound is 0.5: it must be at most 0");
        assert_eq!(bounds(-1.0, f64::NAN), "an upper bound is NaN: it must be at least 0");
        assert!(message(new().bounds(vec![0.0; 3], vec![0.0])).contains("lower bounds has 3 values where 2"));
        let like = new().like(Convention::Glmnet);
        let both = like.clone().bounds(vec![-1.0; 2], vec![1.0; 2]);
        assert!(message(both).contains("lower bounds has 2 values where 1"));
        assert!(
            message(like.penalty_factors(vec![0.0])).contains("the sum of glmnet's penalty factors is 0")
        );
        assert!(message(new().warm_start(Coefficients::zeros(2, 2))).contains("2 features"));
        assert!(message(new().warm_start(Coefficients::zeros(3, 1))).contains("warm start"));
        let short = Design::dense(&x[..2], 2, 1).unwrap();
        assert_eq!(new().check(&short, &target).unwrap_err(), Error::Rows { design: 2, target: 3 });
        assert!((new().c(2.0).check(&design, &target).unwrap().lambda - 1.0 / 6.0).abs() < 1e-16);
        assert_eq!(new().c(f64::INFINITY).check(&design, &target).unwrap().lambda, 0.0);
    }
}
