//! Regularisation paths: arrays and numbers in, the points as arrays out.

use polylogit::{Lambdas, LogisticRegression, Path, Target};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{self, Matrix};
use crate::enter::{Finish, Watch, enter, enter_aside};
use crate::error::Error;
use crate::estimator::{Options, spare};
use polylogit::solver::Observer;

/// Which λ; Python has filled in every field.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Sequence {
    given: Option<Vec<f64>>,
    count: usize,
    ratio: Option<f64>,
    early_stop: bool,
}

impl Sequence {
    fn lambdas(self) -> Lambdas {
        if let Some(given) = self.given {
            return Lambdas::given(given);
        }
        let lambdas = Lambdas::spaced(self.count).early_stop(self.early_stop);
        match self.ratio {
            Some(ratio) => lambdas.ratio(ratio),
            None => lambdas,
        }
    }
}

/// Fits the path of the classes 0..K, as a dictionary of arrays.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the parts of a problem")]
pub(crate) fn path<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    classes: usize,
    sample_weight: Option<&Bound<'py, PyAny>>,
    offset: Option<&Bound<'py, PyAny>>,
    mut options: Options<'py>,
    sequence: Sequence,
) -> PyResult<Bound<'py, PyDict>> {
    let target = convert::target(y, classes, sample_weight, offset)?;
    let (mut builder, lambdas) = (options.builder()?, sequence.lambdas());
    if options.is_unlimited() {
        builder = spare(builder);
    }
    let path = match options.callback() {
        None => {
            let x = x.clone().unbind();
            enter_aside(py, move |py, stop| {
                solve(py, &x.bind(py).extract()?, &target, &builder, &lambdas, stop)
            })?
        }
        callback => solve(py, &x.extract()?, &target, &builder, &lambdas, Watch::new(callback))?,
    };
    arrays(py, path)
}

fn solve(
    py: Python<'_>,
    x: &Matrix<'_>,
    target: &Target,
    builder: &LogisticRegression,
    lambdas: &Lambdas,
    mut watch: impl Observer + Finish + Send,
) -> PyResult<Path> {
    let design = x.design()?;
    enter(py, || {
        let path = builder.path_observed(&design, target, lambdas, &mut watch)?;
        watch.finish()?;
        Ok::<_, Error>(path)
    })
}

/// The weights of point i are the rows starts[i] to starts[i + 1] of `values`, K for each of `indices`.
fn arrays(py: Python<'_>, path: Path) -> PyResult<Bound<'_, PyDict>> {
    let (count, k) = (path.points.len(), path.classes.len());
    let out = PyDict::new(py);
    let put = |name: &str, values: Vec<f64>, shape: &[usize]| -> PyResult<()> {
        out.set_item(name, convert::array(py, values, shape)?)
    };
    let each = |of: fn(&polylogit::PathPoint) -> f64| path.points.iter().map(of).collect::<Vec<f64>>();
    put("lambdas", each(|p| p.lambda), &[count])?;
    put("objective", each(|p| p.objective), &[count])?;
    put("nll_mean", each(|p| p.nll_mean), &[count])?;
    put("deviance_ratio", each(|p| p.deviance_ratio), &[count])?;
    put("relative_gap", each(|p| p.certificate.relative_gap), &[count])?;
    put("intercepts", path.points.iter().flat_map(|p| p.intercepts().to_vec()).collect(), &[count, k])?;
    let (mut starts, mut indices, mut values) = (vec![0u64], vec![], vec![]);
    for point in &path.points {
        for (j, weights) in point.weights() {
            indices.push(j as u64);
            values.extend_from_slice(weights);
        }
        starts.push(indices.len() as u64);
    }
    let rows = indices.len();
    put("values", values, &[rows, k])?;
    out.set_item("starts", convert::array(py, starts, &[count + 1])?)?;
    out.set_item("indices", convert::array(py, indices, &[rows])?)?;
    out.set_item("status", path.points.iter().map(|p| p.status.name()).collect::<Vec<_>>())?;
    out.set_item("lambda_max", path.lambda_max)?;
    out.set_item("null_nll_mean", path.null_nll_mean)?;
    Ok(out)
}
