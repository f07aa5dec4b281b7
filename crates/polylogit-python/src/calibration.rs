//! Calibration: scalings of scores, and tables of reliability.

use numpy::PyArrayDyn;
use polylogit::Label;
use polylogit::calibration::{Bins, Method, Scaling as Found, Table, reliability as tables};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert;
use crate::enter::enter;
use crate::error::Error;

/// A scaling as Python keeps it; see [`polylogit::calibration::Scaling`].
#[derive(FromPyObject, IntoPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Scaling {
    method: String,
    scale: Vec<f64>,
    shift: Vec<f64>,
    rows: usize,
    total_weight: f64,
    log_loss_before: f64,
    log_loss: f64,
    gap: f64,
}

impl From<&Found> for Scaling {
    fn from(found: &Found) -> Self {
        Self {
            method: found.method.name().to_owned(),
            scale: found.scale.clone(),
            shift: found.shift.clone(),
            rows: found.rows,
            total_weight: found.total_weight,
            log_loss_before: found.log_loss_before,
            log_loss: found.log_loss,
            gap: found.gap,
        }
    }
}

impl Scaling {
    pub(crate) fn unpack(self) -> PyResult<Found> {
        let Self { method, scale, shift, rows, total_weight, log_loss_before, log_loss, gap } = self;
        let method = named(&method)?;
        Ok(Found { method, scale, shift, rows, total_weight, log_loss_before, log_loss, gap })
    }
}

fn named(method: &str) -> PyResult<Method> {
    let unknown =
        || PyValueError::new_err(format!("method must be 'temperature' or 'vector', got {method:?}"));
    Method::ALL.into_iter().find(|m| m.name() == method).ok_or_else(unknown)
}

/// Fits a scaling to scores (n, K) of classes `ids`; gives W and b with it, and the scaling.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "Python unpacks it at once")]
pub(crate) fn calibrate<'py>(
    py: Python<'py>,
    method: &str,
    model: (Bound<'py, PyAny>, Bound<'py, PyAny>, Vec<String>),
    scores: &Bound<'py, PyAny>,
    ids: &Bound<'py, PyAny>,
    weights: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyArrayDyn<f64>>, Bound<'py, PyArrayDyn<f64>>, Scaling)> {
    let (coef, intercept, labels) = model;
    let (method, before) = (named(method)?, convert::coefficients(&coef, &intercept)?);
    let labels: Vec<Label> = labels.into_iter().map(Label::from).collect();
    let (scores, ids) = (convert::vector::<f64>(scores)?, convert::vector::<u32>(ids)?);
    let weights = weights.map(convert::vector::<f64>).transpose()?;
    let (after, found) = enter(py, || {
        let found = Found::fit(method, &scores, &ids, weights.as_deref(), &labels)?;
        Ok::<_, Error>((found.apply(&before)?, found))
    })?;
    let (coef, intercept) = convert::arrays(py, &after)?;
    Ok((coef, intercept, Scaling::from(&found)))
}

/// The tables of probabilities (n, K) and classes `ids`: that of the predicted class first, then those of the classes.
#[pyfunction]
pub(crate) fn reliability<'py>(
    py: Python<'py>,
    p: &Bound<'py, PyAny>,
    ids: &Bound<'py, PyAny>,
    weights: Option<&Bound<'py, PyAny>>,
    classes: usize,
    bins: (bool, usize),
    level: f64,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let (p, ids) = (convert::vector::<f64>(p)?, convert::vector::<u32>(ids)?);
    let weights = weights.map(convert::vector::<f64>).transpose()?;
    let (equal_width, count) = bins;
    let bins = if equal_width { Bins::EqualWidth(count) } else { Bins::EqualMass(count) };
    let found = enter(py, || tables(&p, &ids, weights.as_deref(), classes, bins))?;
    std::iter::once(&found.top_label).chain(&found.classes).map(|table| document(py, table, level)).collect()
}

fn document<'py>(py: Python<'py>, table: &Table, level: f64) -> PyResult<Bound<'py, PyDict>> {
    let bins = &table.bins;
    let out = PyDict::new(py);
    let column = |name: &str, of: &dyn Fn(&polylogit::calibration::Bin) -> f64| {
        out.set_item(name, convert::array(py, bins.iter().map(of).collect(), &[bins.len()])?)
    };
    column("low", &|bin| bin.low)?;
    column("high", &|bin| bin.high)?;
    column("rows", &|bin| bin.rows as f64)?;
    column("weight", &|bin| bin.weight)?;
    column("confidence", &|bin| bin.confidence)?;
    column("frequency", &|bin| bin.frequency)?;
    column("frequency_low", &|bin| bin.interval(level).0)?;
    column("frequency_high", &|bin| bin.interval(level).1)?;
    out.set_item("error", table.error())?;
    out.set_item("error_by_chance", table.error_by_chance())?;
    out.set_item("maximum_error", table.maximum_error())?;
    out.set_item("squared_error", table.squared_error())?;
    Ok(out)
}
