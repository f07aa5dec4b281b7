//! Statistics: a summary of the engine that Python asks for arrays.

use numpy::PyArrayDyn;
use polylogit::inference::{Covariance, Effect, Estimate, Inference, Summary, Term, Test, Value, WeightKind};
use polylogit::{LogisticRegression, Target};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{self, Matrix};
use crate::enter::{Finish as _, Watch, enter};
use crate::error::Error;
use crate::estimator::spare;

type Array<'py> = Bound<'py, PyArrayDyn<f64>>;
/// X, y, weights and offsets.
type Data<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);
/// (statistic, degrees of freedom, p-value)
type Tested = (f64, usize, f64);

/// What to estimate; Python has filled in every field.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Wanted<'py> {
    lambda_: f64,
    fit_intercept: bool,
    max_iter: usize,
    threads: usize,
    start: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    reference: usize,
    covariance: Option<String>,
    clusters: Option<Bound<'py, PyAny>>,
    weight_kind: String,
    level: f64,
    firth: bool,
    despite_penalty: bool,
}

/// The summary of a fit, and how it was asked for.
#[pyclass(frozen, module = "polylogit._core")]
pub(crate) struct Statistics {
    summary: Summary,
    inference: Inference,
}

/// Fits the classes 0..K and its statistics.
#[pyfunction]
pub(crate) fn statistics(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    classes: usize,
    sample_weight: Option<&Bound<'_, PyAny>>,
    offset: Option<&Bound<'_, PyAny>>,
    wanted: Wanted<'_>,
) -> PyResult<Statistics> {
    let target = convert::target(y, classes, sample_weight, offset)?;
    let inference = inference(&wanted)?;
    let matrix: Matrix<'_> = x.extract()?;
    let design = matrix.design()?;
    let mut watch = Watch::new(None);
    let summary = enter(py, || {
        let summary = inference.fit_observed(&design, &target, &mut watch);
        watch.finish()?;
        Ok::<_, Error>(summary)
    })?;
    match summary {
        Ok(summary) => Ok(Statistics { summary, inference }),
        // Python knows the names.
        Err(error @ polylogit::Error::Separated { .. }) => {
            let text = error.to_string();
            let polylogit::Error::Separated { classes, columns, complete } = error else {
                return Err(PyValueError::new_err(text));
            };
            Err(PyValueError::new_err((text, classes, columns, complete)))
        }
        Err(error) => Err(Error::from(error).into()),
    }
}

fn inference(wanted: &Wanted<'_>) -> PyResult<Inference> {
    let mut regression = LogisticRegression::new()
        .lambda(wanted.lambda_)
        .intercept(wanted.fit_intercept)
        .max_steps(wanted.max_iter)
        .threads(wanted.threads);
    if let Some((coef, intercept)) = &wanted.start {
        regression = regression.warm_start(convert::coefficients(coef, intercept)?);
    }
    let mut inference = Inference::new()
        .regression(spare(regression))
        .reference(wanted.reference)
        .level(wanted.level)
        .firth(wanted.firth)
        .despite_penalty(wanted.despite_penalty)
        .weight_kind(match wanted.weight_kind.as_str() {
            "sampling" => WeightKind::Sampling,
            "analytic" => WeightKind::Analytic,
            _ => WeightKind::Frequency,
        });
    if let Some(name) = &wanted.covariance {
        let kinds = [Covariance::Model, Covariance::Hc0, Covariance::Hc1, Covariance::Cluster];
        let kind = kinds.into_iter().find(|k| k.name() == name);
        inference = inference.covariance(kind.ok_or_else(|| PyValueError::new_err(name.clone()))?);
    }
    if let Some(clusters) = &wanted.clusters {
        let ids = convert::vector::<i64>(clusters)?;
        let ids = ids.into_iter().map(u32::try_from).collect::<Result<_, _>>()?;
        inference = inference.clusters(ids);
    }
    Ok(inference)
}

#[pymethods]
impl Statistics {
    /// The index of the reference class.
    #[getter]
    fn reference(&self) -> usize {
        self.summary.reference()
    }

    /// The terms that are estimated: -1 for the intercept, then columns.
    #[getter]
    fn terms(&self) -> Vec<i64> {
        let column = |term| match term {
            Term::Column(j) => i64::try_from(j).unwrap_or(i64::MAX),
            Term::Intercept => -1,
        };
        self.summary.terms().into_iter().map(column).collect()
    }

    /// (estimate, standard error, z, p-value, low, high) of each parameter: (K - 1, terms, 6).
    fn estimates<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        let parameters = self.summary.parameters();
        let of = |(class, term): &(usize, Term)| self.summary.estimate(*class, *term);
        let estimates: Vec<Estimate> = parameters.iter().filter_map(of).collect();
        numbers(py, &estimates, &[self.summary.classes().len() - 1, self.summary.terms().len(), 6])
    }

    /// V in the order of the estimates.
    fn covariance_matrix<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        let p = self.summary.parameters().len();
        convert::array(py, self.summary.covariance_matrix(), &[p, p])
    }

    /// Log-likelihoods and what is made of them.
    fn likelihood<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let likelihood = self.summary.likelihood();
        let out = PyDict::new(py);
        out.set_item("loglik", likelihood.loglik)?;
        out.set_item("loglik_null", likelihood.null)?;
        out.set_item("parameters", likelihood.parameters)?;
        out.set_item("nobs", likelihood.observations)?;
        out.set_item("lr_test", likelihood.ratio_test().or(self.summary.firth()).map(tested))?;
        out.set_item("mcfadden_r2", likelihood.mcfadden())?;
        out.set_item("cox_snell_r2", likelihood.cox_snell())?;
        out.set_item("nagelkerke_r2", likelihood.nagelkerke())?;
        out.set_item("aic", likelihood.aic())?;
        out.set_item("bic", likelihood.bic())?;
        out.set_item("covariance", self.summary.covariance().name())?;
        out.set_item("clusters", self.summary.clusters())?;
        out.set_item("condition_number", self.summary.condition_number())?;
        Ok(out)
    }

    /// Columns without an estimate: constant ones, and (column, [(other, coefficient)]) for dependent ones.
    #[expect(clippy::type_complexity, reason = "Python unpacks it at once")]
    fn left_out(&self) -> (Vec<usize>, Vec<(usize, Vec<(usize, f64)>)>) {
        let found = self.summary.diagnosis();
        (found.constant.clone(), found.collinear.iter().map(|c| (c.column, c.on.clone())).collect())
    }

    fn with_reference(&self, reference: usize) -> PyResult<Self> {
        let summary = self.summary.with_reference(reference).map_err(Error::from)?;
        Ok(Self { summary, inference: self.inference.clone().reference(reference) })
    }

    /// Wald's test of all coefficients of some columns.
    fn wald_columns(&self, columns: Vec<usize>) -> PyResult<Tested> {
        Ok(tested(self.summary.wald_columns(&columns).map_err(Error::from)?))
    }

    /// Wald's test that contrasts have values: of each (class, term, weight), the intercept being term -1.
    fn wald(&self, contrasts: Vec<Vec<(usize, i64, f64)>>, values: Vec<f64>) -> PyResult<Tested> {
        let contrasts: Vec<_> = contrasts.into_iter().map(terms).collect();
        Ok(tested(self.summary.wald(&contrasts, &values).map_err(Error::from)?))
    }

    /// (estimate, standard error, z, p-value, low, high) of a contrast, tested against a value.
    fn contrast(&self, of: Vec<(usize, i64, f64)>, value: f64) -> PyResult<[f64; 6]> {
        Ok(six(&self.summary.contrast(&terms(of), value).map_err(Error::from)?))
    }

    /// The likelihood-ratio test of some columns.
    fn likelihood_ratio(&self, py: Python<'_>, data: Data<'_>, columns: Vec<usize>) -> PyResult<Tested> {
        let (matrix, target) = self.data(&data)?;
        let design = matrix.design()?;
        enter(py, || self.inference.likelihood_ratio(&design, &target, &self.summary, &columns)).map(tested)
    }

    /// Probabilities, standard errors, lower and upper ends: (4, n, K).
    fn probabilities<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Array<'py>> {
        let matrix: Matrix<'_> = x.extract()?;
        let design = matrix.design()?;
        let p = enter(py, || self.summary.probabilities(&design))?;
        let k = self.summary.classes().len();
        let n = p.value.len() / k;
        convert::array(py, [p.value, p.std_err, p.low, p.high].concat(), &[4, n, k])
    }

    /// Effects of columns, (effects, K, 6): averaged over the data, or at one row. Each is a number's column, or one
    /// of several columns of 0 and 1 that belong together: (column, None) or (column, those columns).
    fn effects<'py>(
        &self,
        py: Python<'py>,
        data: Data<'_>,
        row: Option<Bound<'_, PyAny>>,
        of: Vec<(usize, Option<Vec<usize>>)>,
    ) -> PyResult<Array<'py>> {
        let effects: Vec<Effect> = of.into_iter().map(effect).collect();
        let found = if let Some(row) = row {
            let row = convert::vector::<f64>(&row)?;
            if row.len() != self.summary.features() {
                return Err(PyIndexError::new_err("a row has one value for each column"));
            }
            enter(py, || self.summary.effects_at(&row, &effects))?
        } else {
            let (matrix, target) = self.data(&data)?;
            let design = matrix.design()?;
            enter(py, || self.summary.average_effects(&design, &target, &effects))?
        };
        let shape = [effects.len(), self.summary.classes().len(), 6];
        numbers(py, &found.concat(), &shape)
    }

    /// Leverage and Cook's distance: (2, n).
    fn influence<'py>(&self, py: Python<'py>, data: Data<'_>) -> PyResult<Array<'py>> {
        let (matrix, target) = self.data(&data)?;
        let design = matrix.design()?;
        let found = enter(py, || self.summary.influence(&design, &target))?;
        let n = found.leverage.len();
        convert::array(py, [found.leverage, found.cook].concat(), &[2, n])
    }

    /// Weighted means of the columns.
    fn means<'py>(&self, py: Python<'py>) -> PyResult<Array<'py>> {
        convert::array(py, self.summary.column_means().to_vec(), &[self.summary.features()])
    }
}

impl Statistics {
    fn data<'py>(&self, (x, y, weights, offset): &Data<'py>) -> PyResult<(Matrix<'py>, Target)> {
        let classes = self.summary.classes().len();
        let target = convert::target(y, classes, weights.as_ref(), offset.as_ref())?;
        Ok((x.extract()?, target))
    }
}

fn effect((column, together): (usize, Option<Vec<usize>>)) -> Effect {
    let Some(together) = together else { return Effect::Derivative(vec![(column, Value::Constant(1.0))]) };
    let at = |level: Option<usize>| {
        let value = |&c: &usize| (c, Value::Constant(f64::from(u8::from(Some(c) == level))));
        together.iter().map(value).collect()
    };
    Effect::Change { from: at(None), to: at(Some(column)) }
}

fn terms(of: Vec<(usize, i64, f64)>) -> Vec<(usize, Term, f64)> {
    let term = |t: i64| usize::try_from(t).map_or(Term::Intercept, Term::Column);
    of.into_iter().map(|(class, t, weight)| (class, term(t), weight)).collect()
}

fn six(e: &Estimate) -> [f64; 6] {
    [e.value, e.std_err, e.z, e.p_value, e.low, e.high]
}

fn tested(test: Test) -> Tested {
    (test.statistic, test.df, test.p_value)
}

fn numbers<'py>(py: Python<'py>, estimates: &[Estimate], shape: &[usize]) -> PyResult<Array<'py>> {
    convert::array(py, estimates.iter().flat_map(six).collect(), shape)
}
