//! NumPy and SciPy arrays as the engine's borrowed matrices. C-contiguous native float arrays are lent as
//! they are; anything else is copied once, by NumPy.

use numpy::{
    Element, PyArray, PyArray1, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyUntypedArray, PyUntypedArrayMethods,
};
use polylogit::{Coefficients, Csr, CsrIndices, CsrValues, Design, Label, Target};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::error::Error;

/// Probability that stands for "this class has no row here": the engine asks for some of every class, and
/// this much changes no digit of anything.
const TRACE: f64 = 1e-300;

/// A C-contiguous array of `T`, lent by Python.
pub(crate) type Lent<'py, T> = PyReadonlyArrayDyn<'py, T>;

/// `any` as it is if it is a C-contiguous, aligned array of `T`, else a copy that is.
pub(crate) fn lend<'py, T: Element>(any: &Bound<'py, PyAny>) -> PyResult<Lent<'py, T>> {
    if let Ok(array) = any.cast::<PyArrayDyn<T>>()
        && array.is_c_contiguous()
        && array.is_aligned()
    {
        return Ok(array.try_readonly()?);
    }
    let py = any.py();
    let how = PyDict::new(py);
    how.set_item("dtype", numpy::dtype::<T>(py))?;
    how.set_item("order", "C")?;
    let copy = py.import("numpy")?.getattr("array")?.call((any,), Some(&how))?;
    Ok(copy.cast_into::<PyArrayDyn<T>>().map_err(PyErr::from)?.try_readonly()?)
}

/// The values of a lent array. [`lend`] made sure that they lie one after the other.
pub(crate) fn slice<'a, T: Element>(array: &'a Lent<'_, T>) -> PyResult<&'a [T]> {
    Ok(array.as_slice()?)
}

/// A one-dimensional array's values as a vector of the engine's own.
pub(crate) fn vector<T: Element + Copy>(any: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
    Ok(slice(&lend::<T>(any)?)?.to_vec())
}

/// Floats in either precision.
pub(crate) enum Floats<'py> {
    F32(Lent<'py, f32>),
    F64(Lent<'py, f64>),
}

/// float32 stays, everything else becomes float64.
pub(crate) fn floats<'py>(any: &Bound<'py, PyAny>) -> PyResult<Floats<'py>> {
    let single = any
        .cast::<PyUntypedArray>()
        .is_ok_and(|array| array.dtype().kind() == b'f' && array.dtype().itemsize() == 4);
    Ok(if single { Floats::F32(lend(any)?) } else { Floats::F64(lend(any)?) })
}

impl Floats<'_> {
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::F32(a) => a.shape(),
            Self::F64(a) => a.shape(),
        }
    }
}

/// A vector of the engine as an array of `shape`.
pub(crate) fn array<'py, T: Element>(
    py: Python<'py>,
    values: Vec<T>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyArrayDyn<T>>> {
    PyArray::from_vec(py, values).reshape(shape)
}

/// 32- or 64-bit indices, as SciPy has them.
pub(crate) enum Indices<'py> {
    I32(Lent<'py, i32>),
    I64(Lent<'py, i64>),
}

fn indices<'py>(any: &Bound<'py, PyAny>) -> PyResult<Indices<'py>> {
    let long =
        any.cast::<PyUntypedArray>().is_ok_and(|a| a.dtype().kind() == b'i' && a.dtype().itemsize() == 8);
    Ok(if long { Indices::I64(lend(any)?) } else { Indices::I32(lend(any)?) })
}

/// X: a two-dimensional array, or `(data, indices, indptr, n_features)` of compressed sparse rows.
pub(crate) enum Matrix<'py> {
    Dense(Floats<'py>),
    Sparse { values: Floats<'py>, indices: Indices<'py>, indptr: Indices<'py>, features: usize },
}

impl<'py> FromPyObject<'_, 'py> for Matrix<'py> {
    type Error = PyErr;

    fn extract(any: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(parts) = any.cast::<PyTuple>() {
            return Ok(Self::Sparse {
                values: floats(&parts.get_item(0)?)?,
                indices: indices(&parts.get_item(1)?)?,
                indptr: indices(&parts.get_item(2)?)?,
                features: parts.get_item(3)?.extract()?,
            });
        }
        let values = floats(&any)?;
        if values.shape().len() == 2 {
            return Ok(Self::Dense(values));
        }
        Err(PyValueError::new_err(format!("X must have 2 dimensions, got {}", values.shape().len())))
    }
}

impl Matrix<'_> {
    /// d.
    pub(crate) fn features(&self) -> usize {
        match self {
            Self::Dense(values) => values.shape()[1],
            Self::Sparse { features, .. } => *features,
        }
    }

    /// Values that one pass reads.
    pub(crate) fn stored(&self) -> usize {
        match self {
            Self::Dense(values) | Self::Sparse { values, .. } => values.shape().iter().product(),
        }
    }

    /// The engine's view; borrows, copies nothing.
    pub(crate) fn design(&self) -> Result<Design<'_>, Error> {
        match self {
            Self::Dense(values) => {
                let (n, d) = (values.shape()[0], values.shape()[1]);
                Ok(match values {
                    Floats::F32(a) => Design::dense(slice(a)?, n, d)?,
                    Floats::F64(a) => Design::dense(slice(a)?, n, d)?,
                })
            }
            Self::Sparse { values: Floats::F32(a), indices, indptr, features } => {
                Ok(Design::sparse(csr(slice(a)?, indices, indptr)?, *features)?)
            }
            Self::Sparse { values: Floats::F64(a), indices, indptr, features } => {
                Ok(Design::sparse(csr(slice(a)?, indices, indptr)?, *features)?)
            }
        }
    }
}

fn csr<'a>(values: impl CsrValues<'a>, at: &'a Indices<'_>, rows: &'a Indices<'_>) -> PyResult<Csr<'a>> {
    fn with<'a>(
        values: impl CsrValues<'a>,
        at: impl CsrIndices<'a>,
        rows: &'a Indices<'_>,
    ) -> PyResult<Csr<'a>> {
        Ok(match rows {
            Indices::I32(rows) => Csr::new(values, at, slice(rows)?),
            Indices::I64(rows) => Csr::new(values, at, slice(rows)?),
        })
    }
    match at {
        Indices::I32(at) => with(values, slice(at)?, rows),
        Indices::I64(at) => with(values, slice(at)?, rows),
    }
}

/// The target of a fit over the classes 0..K: class ids (n) or distributions (n, K), weights (n), offsets (n, K).
///
/// Classes without rows get a trace of probability in the first row.
pub(crate) fn target(
    y: &Bound<'_, PyAny>,
    classes: usize,
    weights: Option<&Bound<'_, PyAny>>,
    offset: Option<&Bound<'_, PyAny>>,
) -> Result<Target, Error> {
    let labels = (0..).take(classes).map(Label::Int).collect::<Vec<_>>();
    let dimensions = y.cast::<PyUntypedArray>().map_or(1, PyUntypedArrayMethods::ndim);
    let mut target = if dimensions == 1 {
        let ids = lend::<i64>(y)?;
        let mut seen = vec![false; classes];
        let mut checked = Vec::with_capacity(ids.len());
        for (row, &id) in slice(&ids)?.iter().enumerate() {
            let class = usize::try_from(id).ok().filter(|&class| class < classes).ok_or_else(|| {
                PyValueError::new_err(format!(
                    "row {row} has class {id}, but classes are 0 to {}",
                    classes - 1
                ))
            })?;
            seen[class] = true;
            checked.push(class as u32);
        }
        if seen.iter().all(|s| *s) {
            Target::from_classes(labels, checked)?
        } else {
            let mut soft = vec![0.0; checked.len() * classes];
            for (row, &id) in soft.chunks_exact_mut(classes).zip(&checked) {
                row[id as usize] = 1.0;
            }
            trace(&mut soft, &seen);
            Target::soft(labels, soft)?
        }
    } else if dimensions == 2 {
        let distributions = lend::<f64>(y)?;
        if distributions.shape()[1] != classes {
            let found = distributions.shape()[1];
            return Err(PyValueError::new_err(format!("y has {found} columns for {classes} classes")).into());
        }
        let mut soft = slice(&distributions)?.to_vec();
        let seen: Vec<bool> =
            (0..classes).map(|k| soft.iter().skip(k).step_by(classes).any(|p| *p != 0.0)).collect();
        trace(&mut soft, &seen);
        Target::soft(labels, soft)?
    } else {
        return Err(PyTypeError::new_err("y must have 1 or 2 dimensions").into());
    };
    if let Some(weights) = weights {
        target = target.weights(vector(weights)?)?;
    }
    if let Some(offset) = offset {
        target = target.offset(vector(offset)?)?;
    }
    Ok(target)
}

fn trace(soft: &mut [f64], seen: &[bool]) {
    for (p, seen) in soft.iter_mut().zip(seen) {
        if !seen {
            *p = TRACE;
        }
    }
}

/// The sorted distinct values of whole-number labels, and the index of each row's own; `None` where they lie too
/// far apart to be counted.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a pair of arrays")]
pub(crate) fn class_ids<'py>(
    py: Python<'py>,
    y: &Bound<'py, PyAny>,
) -> PyResult<Option<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>)>> {
    let y = lend::<i64>(y)?;
    let y = slice(&y)?;
    let (Some(&low), Some(&high)) = (y.iter().min(), y.iter().max()) else { return Ok(None) };
    let Some(range) = high.checked_sub(low).and_then(|r| usize::try_from(r).ok()) else { return Ok(None) };
    if range > 4 * y.len() + 1024 {
        return Ok(None);
    }
    let at = |label: i64| usize::try_from(label - low).unwrap_or_default(); // it is in 0..=range
    let mut ids = vec![-1; range + 1];
    for &label in y {
        ids[at(label)] = 0;
    }
    let mut classes = Vec::new();
    for (label, id) in (low..=high).zip(&mut ids) {
        if *id == 0 {
            *id = i64::try_from(classes.len())?;
            classes.push(label);
        }
    }
    let rows = y.iter().map(|&label| ids[at(label)]).collect();
    Ok(Some((PyArray::from_vec(py, classes), PyArray::from_vec(py, rows))))
}

/// W (K, d) and b (K) as the engine's coefficients.
pub(crate) fn coefficients(
    weights: &Bound<'_, PyAny>,
    intercepts: &Bound<'_, PyAny>,
) -> Result<Coefficients, Error> {
    let weights = lend::<f64>(weights)?;
    let &[k, d] = weights.shape() else {
        return Err(PyValueError::new_err("coef must have shape (n_classes, n_features)").into());
    };
    Ok(Coefficients::new(k, d, slice(&weights)?.to_vec(), vector(intercepts)?)?)
}

/// Coefficients as the arrays W (K, d) and b (K).
#[expect(clippy::type_complexity, reason = "a pair of arrays")]
pub(crate) fn arrays<'py>(
    py: Python<'py>,
    c: &Coefficients,
) -> PyResult<(Bound<'py, PyArrayDyn<f64>>, Bound<'py, PyArrayDyn<f64>>)> {
    let (k, d) = (c.classes(), c.features());
    Ok((array(py, c.weights().to_vec(), &[k, d])?, array(py, c.intercepts().to_vec(), &[k])?))
}
