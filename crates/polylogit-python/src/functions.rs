//! The formula and its derivatives on arrays: what `polylogit.softmax` … are made of.

use numpy::{Element, PyArrayDyn, PyArrayMethods};
use polylogit::objective::SoftmaxObjective;
use polylogit::{Coefficients, Design, Label, Model, Scalar, softmax as formula};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::{self, Floats, Matrix};
use crate::enter::enter;

/// Applies a function of whole batches to arrays of either precision; the result has the shape `$out`.
macro_rules! on_rows {
    ($py:expr, $z:expr, |$shape:ident| $out:expr, $f:expr) => {{
        let z = convert::floats($z)?;
        let $shape = z.shape();
        let Some(&classes) = $shape.last() else {
            return Err(PyValueError::new_err("scores need at least one dimension"));
        };
        let out: Vec<usize> = $out;
        match &z {
            Floats::F32(z) => {
                let z = convert::slice(z)?;
                let values = enter($py, || $f(z, classes))?;
                Ok(convert::array($py, values, &out)?.into_any())
            }
            Floats::F64(z) => {
                let z = convert::slice(z)?;
                let values = enter($py, || $f(z, classes))?;
                Ok(convert::array($py, values, &out)?.into_any())
            }
        }
    }};
}

/// softmax over the last axis.
#[pyfunction]
pub(crate) fn softmax<'py>(py: Python<'py>, z: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    on_rows!(py, z, |shape| shape.to_vec(), formula::softmax_rows)
}

/// ln softmax over the last axis.
#[pyfunction]
pub(crate) fn log_softmax<'py>(py: Python<'py>, z: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    on_rows!(py, z, |shape| shape.to_vec(), formula::log_softmax_rows)
}

/// ln Σ exp over the last axis.
#[pyfunction]
pub(crate) fn logsumexp<'py>(py: Python<'py>, z: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    on_rows!(py, z, |shape| shape[..shape.len() - 1].to_vec(), formula::logsumexp_rows)
}

/// The Jacobian of softmax at scores z: (…, K) gives (…, K, K).
#[pyfunction]
pub(crate) fn softmax_jacobian<'py>(py: Python<'py>, z: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    fn rows<T: Scalar>(z: &[T], classes: usize) -> polylogit::Result<Vec<T>> {
        let p = formula::softmax_rows(z, classes)?;
        Ok(p.chunks_exact(classes.max(1)).flat_map(formula::jacobian).collect())
    }
    on_rows!(py, z, |shape| [shape, &shape[shape.len() - 1..]].concat(), rows)
}

/// The Jacobian of softmax at scores z, times v; of its transpose too, for it is symmetric.
#[pyfunction]
pub(crate) fn softmax_jvp<'py>(
    py: Python<'py>,
    z: &Bound<'py, PyAny>,
    v: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    fn rows<T: Scalar>(z: &[T], v: &[T], classes: usize) -> polylogit::Result<Vec<T>> {
        formula::jacobian_vector_product_rows(&formula::softmax_rows(z, classes)?, v, classes)
    }
    let z = convert::floats(z)?;
    let shape = z.shape().to_vec();
    let Some(&classes) = shape.last() else {
        return Err(PyValueError::new_err("scores need at least one dimension"));
    };
    match &z {
        Floats::F32(z) => {
            let v = convert::lend::<f32>(v)?;
            let (z, v) = (convert::slice(z)?, convert::slice(&v)?);
            Ok(convert::array(py, enter(py, || rows(z, v, classes))?, &shape)?.into_any())
        }
        Floats::F64(z) => {
            let v = convert::lend::<f64>(v)?;
            let (z, v) = (convert::slice(z)?, convert::slice(&v)?);
            Ok(convert::array(py, enter(py, || rows(z, v, classes))?, &shape)?.into_any())
        }
    }
}

/// softmax(XWᵀ + b), (n, K), in float32 or float64.
#[pyfunction]
pub(crate) fn probabilities<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    coef: &Bound<'py, PyAny>,
    intercept: &Bound<'py, PyAny>,
    single: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if single {
        Ok(predict(py, &x, coef, intercept, Model::probabilities_f32_into)?.into_any())
    } else {
        Ok(predict(py, &x, coef, intercept, Model::probabilities_into)?.into_any())
    }
}

/// ln softmax(XWᵀ + b), (n, K), in float64.
#[pyfunction]
pub(crate) fn log_probabilities<'py>(
    py: Python<'py>,
    x: Matrix<'py>,
    coef: &Bound<'py, PyAny>,
    intercept: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
    predict(py, &x, coef, intercept, Model::log_probabilities_into)
}

/// What a model of the classes 0..K says of rows, (n, K). The array is NumPy's own: it asks the system for large pages,
/// of which a large answer takes a few hundred times fewer.
fn predict<'py, T: Element + Send>(
    py: Python<'py>,
    x: &Matrix<'py>,
    coef: &Bound<'py, PyAny>,
    intercept: &Bound<'py, PyAny>,
    what: impl FnOnce(&Model, &Design<'_>, &mut [T]) -> polylogit::Result<()> + Send,
) -> PyResult<Bound<'py, PyArrayDyn<T>>> {
    let at = convert::coefficients(coef, intercept)?;
    let k = at.classes();
    let design = x.design()?;
    let labels = (0..).take(k).map(Label::Int).collect();
    let array = PyArrayDyn::zeros(py, [design.rows(), k].as_slice(), false);
    let mut lent = array.readwrite();
    let out = lent.as_slice_mut()?;
    enter(py, || what(&Model::new(labels, at)?, &design, out))?;
    drop(lent);
    Ok(array)
}

/// A point and the data that L is taken on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Problem<'py> {
    x: Matrix<'py>,
    y: Bound<'py, PyAny>,
    sample_weight: Option<Bound<'py, PyAny>>,
    offset: Option<Bound<'py, PyAny>>,
    coef: Bound<'py, PyAny>,
    intercept: Bound<'py, PyAny>,
}

impl Problem<'_> {
    /// Evaluates `what` on the unpenalised objective at the point.
    fn evaluate<T: Send>(
        &self,
        py: Python<'_>,
        what: impl FnOnce(&mut SoftmaxObjective<'_>, &Coefficients, f64) -> polylogit::Result<T> + Send,
    ) -> PyResult<T> {
        let at = convert::coefficients(&self.coef, &self.intercept)?;
        let target =
            convert::target(&self.y, at.classes(), self.sample_weight.as_ref(), self.offset.as_ref())?;
        let design = self.x.design()?;
        enter(py, || {
            let mut objective = SoftmaxObjective::new(&design, &target)?;
            what(&mut objective, &at, target.total_weight())
        })
    }
}

/// L, the negative log-likelihood in the sum form.
#[pyfunction]
pub(crate) fn nll(py: Python<'_>, problem: Problem<'_>) -> PyResult<f64> {
    problem.evaluate(py, |objective, at, _| objective.nll(at))
}

/// ∂L in the shapes of W and b.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a pair of arrays")]
pub(crate) fn nll_gradient<'py>(
    py: Python<'py>,
    problem: Problem<'py>,
) -> PyResult<(Bound<'py, PyArrayDyn<f64>>, Bound<'py, PyArrayDyn<f64>>)> {
    let gradient = problem.evaluate(py, |objective, at, _| objective.nll_gradient(at))?;
    convert::arrays(py, &gradient)
}

/// ∇²L times (V, v), in the shapes of W and b.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a pair of arrays")]
pub(crate) fn nll_hessian_vector_product<'py>(
    py: Python<'py>,
    problem: Problem<'py>,
    coef: &Bound<'py, PyAny>,
    intercept: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyArrayDyn<f64>>, Bound<'py, PyArrayDyn<f64>>)> {
    let v = convert::coefficients(coef, intercept)?;
    let product = problem.evaluate(py, |objective, at, weight| {
        let mean = objective.hessian_vector_product(at, &v)?;
        // The objective is the mean, L the sum.
        let scaled = |of: &[f64]| of.iter().map(|value| weight * value).collect();
        Coefficients::new(mean.classes(), mean.features(), scaled(mean.weights()), scaled(mean.intercepts()))
    })?;
    convert::arrays(py, &product)
}
