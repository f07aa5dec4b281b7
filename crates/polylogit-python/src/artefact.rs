//! Models as the files that the command reads and writes.

use std::path::PathBuf;

use numpy::PyArrayDyn;
use polylogit::solver::Status;
use polylogit::{Certificate, CertificateKind, Label, Model};
use polylogit_data::{Column, Kind, Schema};
use polylogit_model::Artefact;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::calibration::Scaling;
use crate::convert;
use crate::enter::enter;
use crate::error::Error;
use crate::estimator::Record;

/// A class label: bool, int, float or str.
#[derive(FromPyObject, IntoPyObject)]
pub(crate) enum Class {
    // The order is the order of the attempts: a bool is an int in Python, an int extracts as a float.
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

/// Writes a model of number columns: JSON where the name ends in `.json`, else safetensors.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the parts of a model")]
pub(crate) fn save(
    py: Python<'_>,
    path: PathBuf,
    classes: Vec<Class>,
    coef: &Bound<'_, PyAny>,
    intercept: &Bound<'_, PyAny>,
    target: String,
    columns: Vec<(String, f64)>,
    record: Record<'_>,
    calibration: Option<Scaling>,
) -> PyResult<()> {
    let labels = classes.into_iter().map(|class| match class {
        Class::Bool(v) => Label::Bool(v),
        Class::Int(v) => Label::Int(v),
        Class::Float(v) => Label::Float(v),
        Class::Text(v) => Label::Text(v),
    });
    let model = Model::new(labels.collect(), convert::coefficients(coef, intercept)?).map_err(Error::from)?;
    let columns =
        columns.into_iter().map(|(name, mean)| Column { name, kind: Kind::Number { mean } }).collect();
    let schema = Schema { target, weight: None, columns };
    let mut artefact = Artefact::new(model, schema, unpack(record)?).map_err(Error::from)?;
    if let Some(scaling) = calibration {
        artefact = artefact.including(scaling.unpack()?).map_err(Error::from)?;
    }
    enter(py, || {
        let json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
        if json { artefact.save_json(&path) } else { artefact.save(&path) }
    })
}

/// Reads either format: `(classes, W, b, target, feature names, means or None, record, calibration)`.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "Python unpacks it at once")]
pub(crate) fn load(
    py: Python<'_>,
    path: PathBuf,
) -> PyResult<(
    Vec<Class>,
    Bound<'_, PyArrayDyn<f64>>,
    Bound<'_, PyArrayDyn<f64>>,
    String,
    Vec<String>,
    Option<Vec<f64>>,
    Record<'_>,
    Option<Scaling>,
)> {
    let artefact = enter(py, || Artefact::load(&path))?;
    let classes = artefact.model().classes().iter().map(|label| match label {
        Label::Bool(v) => Class::Bool(*v),
        Label::Int(v) => Class::Int(*v),
        Label::Float(v) => Class::Float(*v),
        Label::Text(v) => Class::Text(v.clone()),
    });
    let schema = artefact.schema();
    let means = schema.columns.iter().map(|column| match column.kind {
        Kind::Number { mean } => Some(mean),
        _ => None,
    });
    let (weights, intercepts) = convert::arrays(py, artefact.model().coefficients())?;
    Ok((
        classes.collect(),
        weights,
        intercepts,
        schema.target.clone(),
        schema.feature_names(),
        means.collect(),
        pack(py, artefact.record())?,
        artefact.calibration().map(Scaling::from),
    ))
}

fn unpack(record: Record<'_>) -> PyResult<polylogit_model::Record> {
    let unknown = |what: &str, name: &str| PyValueError::new_err(format!("unknown {what} {name:?}"));
    let (kind, gap, relative_gap) = record.certificate;
    let kind = CertificateKind::named(&kind).ok_or_else(|| unknown("certificate kind", &kind))?;
    let status =
        [Status::Converged, Status::Separated, Status::Cancelled, Status::StepLimit, Status::PrecisionLimit];
    Ok(polylogit_model::Record {
        lambda: record.lambda_,
        l1_ratio: record.l1_ratio,
        penalty_factors: record.penalty_factors,
        grouped: record.grouped,
        groups: record.groups,
        standardize: record.standardize,
        fit_intercept: record.fit_intercept,
        objective: record.objective,
        nll_mean: record.nll_mean,
        certificate: Certificate { kind, gap, relative_gap },
        status: status
            .into_iter()
            .find(|s| s.name() == record.status)
            .ok_or_else(|| unknown("status", &record.status))?,
        rows: record.rows,
        total_weight: record.total_weight,
        steps: record.steps,
        passes: record.passes,
        seconds: record.seconds,
        solver: record.solver,
        reason: record.reason,
        version: record.version,
        feature_sd: convert::vector(record.feature_sd.as_any())?,
        trace: None,
        validation: None,
    })
}

fn pack<'py>(py: Python<'py>, record: &polylogit_model::Record) -> PyResult<Record<'py>> {
    let Certificate { kind, gap, relative_gap } = record.certificate;
    Ok(Record {
        lambda_: record.lambda,
        l1_ratio: record.l1_ratio,
        penalty_factors: record.penalty_factors.clone(),
        grouped: record.grouped,
        groups: record.groups.clone(),
        standardize: record.standardize,
        fit_intercept: record.fit_intercept,
        objective: record.objective,
        nll_mean: record.nll_mean,
        certificate: (kind.name().to_owned(), gap, relative_gap),
        status: record.status.name().to_owned(),
        rows: record.rows,
        total_weight: record.total_weight,
        steps: record.steps,
        passes: record.passes,
        seconds: record.seconds,
        solver: record.solver.clone(),
        reason: record.reason.clone(),
        version: record.version.clone(),
        feature_sd: convert::array(py, record.feature_sd.clone(), &[record.feature_sd.len()])?,
    })
}
