//! The fit: arrays and numbers in, arrays and the record of the fit out.

use numpy::PyArrayDyn;
use polylogit::diagnose::Diagnosis;
use polylogit::solver::Observer;
use polylogit::{Convention, Fit, LogisticRegression, Target};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{self, Matrix};
use crate::enter::{Finish, Watch, enter, enter_aside};
use crate::error::Error;

/// Multiply-adds of a pass from which on a thread of its own costs nothing beside it.
const LONG: usize = 2_000_000;

/// How to fit; Python has filled in every field.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options<'py> {
    /// The package whose numbers these are, where they are not the engine's.
    like: Option<String>,
    lambda_: f64,
    l1_ratio: f64,
    grouped: bool,
    groups: Vec<Vec<usize>>,
    standardize: bool,
    penalty_factors: Option<Bound<'py, PyAny>>,
    /// Lower and upper, of shape (K, d) each.
    bounds: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    fit_intercept: bool,
    tol: f64,
    max_iter: usize,
    threads: usize,
    memory_limit: Option<u64>,
    start: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    callback: Option<Py<PyAny>>,
}

/// What the artefact keeps of a fit beside its coefficients; see `polylogit_model::Record`.
#[derive(FromPyObject, IntoPyObject, Clone)]
#[pyo3(from_item_all)]
pub(crate) struct Record<'py> {
    pub(crate) lambda_: f64,
    pub(crate) l1_ratio: f64,
    /// Empty where all are 1.
    pub(crate) penalty_factors: Vec<f64>,
    pub(crate) grouped: bool,
    pub(crate) groups: Vec<Vec<usize>>,
    pub(crate) standardize: bool,
    pub(crate) fit_intercept: bool,
    pub(crate) objective: f64,
    pub(crate) nll_mean: f64,
    pub(crate) certificate: (String, f64, f64),
    pub(crate) status: String,
    pub(crate) rows: usize,
    pub(crate) total_weight: f64,
    pub(crate) steps: usize,
    pub(crate) passes: f64,
    pub(crate) seconds: f64,
    pub(crate) solver: String,
    pub(crate) reason: String,
    pub(crate) version: String,
    pub(crate) feature_sd: Bound<'py, PyArrayDyn<f64>>,
}

impl Options<'_> {
    /// As the engine's.
    pub(crate) fn builder(&self) -> PyResult<LogisticRegression> {
        let mut builder = LogisticRegression::new();
        if let Some(name) = &self.like {
            let like = Convention::named(name)
                .ok_or_else(|| PyValueError::new_err(format!("unknown package {name:?}")))?;
            builder = builder.like(like);
        }
        builder = builder
            .lambda(self.lambda_)
            .l1_ratio(self.l1_ratio)
            .grouped(self.grouped)
            .groups(self.groups.clone())
            .standardize(self.standardize)
            .intercept(self.fit_intercept)
            .tol(self.tol)
            .max_steps(self.max_iter)
            .threads(self.threads);
        if let Some(limit) = self.memory_limit {
            builder = builder.memory_limit(limit);
        }
        if let Some(factors) = &self.penalty_factors {
            builder = builder.penalty_factors(convert::vector(factors)?);
        }
        if let Some((lower, upper)) = &self.bounds {
            builder = builder.bounds(convert::vector(lower)?, convert::vector(upper)?);
        }
        if let Some((coef, intercept)) = &self.start {
            builder = builder.warm_start(convert::coefficients(coef, intercept)?);
        }
        Ok(builder)
    }

    /// May the machine's spare memory be the limit?
    pub(crate) fn is_unlimited(&self) -> bool {
        self.memory_limit.is_none()
    }

    pub(crate) fn callback(&mut self) -> Option<Py<PyAny>> {
        self.callback.take()
    }
}

/// Within what the machine has to spare.
pub(crate) fn spare(builder: LogisticRegression) -> LogisticRegression {
    match polylogit_data::spare_memory() {
        Some(limit) => builder.memory_limit(limit),
        None => builder,
    }
}

/// Fits the classes 0..K: `(W, b, record, diagnosis)`.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "Python unpacks it at once")]
pub(crate) fn fit<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    classes: usize,
    sample_weight: Option<&Bound<'py, PyAny>>,
    offset: Option<&Bound<'py, PyAny>>,
    options: Options<'py>,
) -> PyResult<(
    Bound<'py, PyArrayDyn<f64>>,
    Bound<'py, PyArrayDyn<f64>>,
    Record<'py>,
    Option<Bound<'py, PyDict>>,
)> {
    let target = convert::target(y, classes, sample_weight, offset)?;
    let mut builder = options.builder()?;
    let matrix: Matrix<'_> = x.extract()?;
    let long = matrix.stored().saturating_mul(classes) > LONG;
    if options.is_unlimited() && (long || matrix.features().saturating_mul(classes) > LONG) {
        builder = spare(builder);
    }
    let (fit, seconds) = if long && options.callback.is_none() {
        drop(matrix);
        let x = x.clone().unbind();
        enter_aside(py, move |py, stop| solve(py, &x.bind(py).extract()?, &target, &builder, stop))?
    } else {
        // Callbacks expect the thread that called: scikit-learn keeps its configuration by thread.
        solve(py, &matrix, &target, &builder, Watch::new(options.callback))?
    };
    let (weights, intercepts) = convert::arrays(py, fit.model.coefficients())?;
    let diagnosis = diagnosis(py, &fit.diagnosis)?;
    Ok((weights, intercepts, record(py, fit, seconds)?, diagnosis))
}

/// Fits, and how many seconds it took.
fn solve(
    py: Python<'_>,
    x: &Matrix<'_>,
    target: &Target,
    builder: &LogisticRegression,
    mut watch: impl Observer + Finish + Send,
) -> PyResult<(Fit, f64)> {
    let design = x.design()?;
    enter(py, || {
        let start = now();
        let fit = builder.fit_observed(&design, target, &mut watch)?;
        watch.finish()?;
        Ok::<_, Error>((fit, start.elapsed().as_secs_f64()))
    })
}

fn record(py: Python<'_>, fit: Fit, seconds: f64) -> PyResult<Record<'_>> {
    let d = fit.feature_sd.len();
    Ok(Record {
        lambda_: fit.lambda,
        l1_ratio: fit.l1_ratio,
        penalty_factors: polylogit_model::Record::factors(&fit),
        grouped: fit.grouped,
        groups: fit.groups,
        standardize: fit.standardize,
        fit_intercept: fit.intercept,
        objective: fit.objective,
        nll_mean: fit.nll_mean,
        certificate: (
            fit.certificate.kind.name().to_owned(),
            fit.certificate.gap,
            fit.certificate.relative_gap,
        ),
        status: fit.status.name().to_owned(),
        rows: fit.rows,
        total_weight: fit.total_weight,
        steps: fit.steps,
        passes: fit.passes,
        seconds,
        solver: fit.solver.to_owned(),
        reason: fit.reason,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        feature_sd: convert::array(py, fit.feature_sd, &[d])?,
    })
}

/// What was noticed about the columns, as a dictionary of indices; `None` where there is nothing to say.
fn diagnosis<'py>(py: Python<'py>, found: &Diagnosis) -> PyResult<Option<Bound<'py, PyDict>>> {
    if *found == Diagnosis::default() {
        return Ok(None);
    }
    let out = PyDict::new(py);
    out.set_item("constant", &found.constant)?;
    out.set_item("duplicates", &found.duplicates)?;
    out.set_item("collinear", found.collinear.iter().map(|c| (c.column, &c.on)).collect::<Vec<_>>())?;
    if let Some(separation) = &found.separation {
        out.set_item("separated_classes", &separation.classes)?;
        out.set_item("separating_columns", &separation.columns)?;
        out.set_item("separation_complete", separation.complete)?;
    }
    Ok(Some(out))
}

#[expect(clippy::disallowed_methods, reason = "the binding has a clock: a record says how long its fit took")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
