//! What led to a model, kept to be drawn: the steps of the fit, the cross-validation that chose its penalty.
//!
//! Both are optional parts of the record, of a length that is checked, and change nothing about predictions.

use crate::error::{Error, Result};
use polylogit::solver::Event;
use polylogit::{Choice, Curve, Validated};
use serde::{Deserialize, Serialize};

/// Steps of a trace at most.
const STEPS: usize = 4096;
/// Curves of a validation at most, and points of all curves together.
const CURVES: usize = 256;
const POINTS: usize = 1 << 16;

/// F and the certified gap on the way, a value for each step that was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Passes over X so far.
    pub passes: Vec<f64>,
    /// F of the best point so far.
    pub objective: Vec<f64>,
    /// The bound on F − F*, relative to F; `None` where there was none yet.
    pub relative_gap: Vec<Option<f64>>,
    /// The bound that was to end the fit.
    pub tol: f64,
}

impl Trace {
    /// The steps as a fit left them; `None` if there are none.
    pub fn new(events: &[Event]) -> Option<Self> {
        let finite = |v: f64| v.is_finite().then_some(v);
        Some(Self {
            passes: events.iter().map(|e| e.passes).collect(),
            objective: events.iter().map(|e| e.objective).collect(),
            relative_gap: events.iter().map(|e| finite(e.relative_gap)).collect(),
            tol: events.last()?.tol,
        })
    }

    pub(crate) fn check(&self) -> Result<()> {
        let n = self.passes.len();
        limit("steps of the trace", n, STEPS)?;
        same("trace.objective", n, self.objective.len())?;
        same("trace.relative_gap", n, self.relative_gap.len())?;
        at_least_0("trace.passes", self.passes.iter().copied())?;
        at_least_0("trace.objective", self.objective.iter().copied())?;
        at_least_0("trace.relative_gap", self.relative_gap.iter().flatten().copied())?;
        at_least_0("trace.tol", [self.tol])
    }
}

/// A cross-validation: the score of held-out rows along λ, for each α.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// `log_loss`, `accuracy` or `brier`.
    pub score: String,
    /// Number of folds.
    pub folds: usize,
    /// One for each α.
    pub curves: Vec<ValidationCurve>,
    /// The best mean.
    pub best: Point,
    /// The largest λ within one standard error of it.
    pub one_se: Point,
    /// Which of the two was taken: `best` or `1se`.
    pub chosen: String,
}

/// The curve of one α.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationCurve {
    /// α.
    pub l1_ratio: f64,
    /// λ, falling.
    pub lambda: Vec<f64>,
    /// Mean score over the folds.
    pub mean: Vec<f64>,
    /// Its standard error.
    pub standard_error: Vec<f64>,
    /// Features with a weight that is not 0, on all rows.
    pub nonzero_features: Vec<usize>,
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Which curve.
    pub curve: usize,
    /// Which of its λ.
    pub point: usize,
}

impl From<Choice> for Point {
    fn from(choice: Choice) -> Self {
        Self { curve: choice.curve, point: choice.point }
    }
}

impl From<&Curve> for ValidationCurve {
    fn from(curve: &Curve) -> Self {
        // A path that was ended early has more points than every fold came to.
        let points = &curve.path.points[..curve.mean.len()];
        Self {
            l1_ratio: curve.l1_ratio,
            lambda: points.iter().map(|p| p.lambda).collect(),
            mean: curve.mean.clone(),
            standard_error: curve.standard_error.clone(),
            nonzero_features: points.iter().map(|p| p.nonzero_features).collect(),
        }
    }
}

impl Validation {
    /// What was found, of which `chosen` (`best` or `1se`) was taken.
    pub fn new(found: &Validated, chosen: &str) -> Self {
        Self {
            score: found.score.name().to_owned(),
            folds: found.folds,
            curves: found.curves.iter().map(ValidationCurve::from).collect(),
            best: found.best.into(),
            one_se: found.one_se.into(),
            chosen: chosen.to_owned(),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        limit("curves of the validation", self.curves.len(), CURVES)?;
        limit("points of the validation", self.curves.iter().map(|c| c.lambda.len()).sum(), POINTS)?;
        for curve in &self.curves {
            let n = curve.lambda.len();
            same("validation.mean", n, curve.mean.len())?;
            same("validation.standard_error", n, curve.standard_error.len())?;
            same("validation.nonzero_features", n, curve.nonzero_features.len())?;
            at_least_0("validation.l1_ratio", [curve.l1_ratio])?;
            at_least_0("validation.lambda", curve.lambda.iter().copied())?;
            at_least_0("validation.mean", curve.mean.iter().copied())?;
            at_least_0("validation.standard_error", curve.standard_error.iter().copied())?;
        }
        for at in [self.best, self.one_se] {
            if self.curves.get(at.curve).is_none_or(|c| at.point >= c.lambda.len()) {
                return Err(Error::Record { field: "validation.best", value: at.point as f64 });
            }
        }
        Ok(())
    }
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<()> {
    if found > limit {
        return Err(Error::Limit { what, found: found as u64, limit: limit as u64 });
    }
    Ok(())
}

fn same(name: &'static str, expected: usize, found: usize) -> Result<()> {
    if found != expected {
        return Err(Error::Shape { name, expected: vec![expected], found: vec![found] });
    }
    Ok(())
}

fn at_least_0(field: &'static str, values: impl IntoIterator<Item = f64>) -> Result<()> {
    match values.into_iter().find(|v| !(v.is_finite() && *v >= 0.0)) {
        Some(value) => Err(Error::Record { field, value }),
        None => Ok(()),
    }
}
