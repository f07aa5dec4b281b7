//! F at raw coefficients, for who has them: values, gradients, curvature.

use super::kept::{Keep, Mode, Precision};
use super::{Objective, Point, of};
use crate::coefficients::Coefficients;
use crate::design::Design;
use crate::design::rows::Standardise;
use crate::design::statistics::ColumnStatistics;
use crate::error::{Error, Result, check_len};
use crate::linalg::Symmetric;
use crate::parallel::Workers;
use crate::target::Target;

/// F(W, b) = L/S + (λ/2) Σ_j v_j ‖W_·j‖² at any coefficients: values, gradients, curvature.
///
/// L = Σ_i s_i [ logsumexp(z_i) − y_i·z_i ] is the negative log-likelihood in nats, S = Σ s_i.
///
/// ```
/// use polylogit::objective::SoftmaxObjective;
/// use polylogit::{Coefficients, Design, Target};
/// let x = [0.5, -1.0, 2.0];
/// let (design, target) = (Design::dense(&x, 3, 1)?, Target::from_labels(["a", "b", "c"])?);
/// let mut f = SoftmaxObjective::new(&design, &target)?.lambda(0.1)?;
/// let at = Coefficients::zeros(3, 1);
/// assert!((f.nll(&at)? - 3.0 * 3f64.ln()).abs() < 1e-14); // every class has p = 1/3
/// # Ok::<(), polylogit::Error>(())
/// ```
#[derive(Debug)]
pub struct SoftmaxObjective<'a> {
    objective: Box<dyn Objective + 'a>,
    total_weight: f64,
    sd: Vec<f64>,
    factors: Vec<f64>,
    lambda: f64,
    standardize: bool,
    intercept: bool,
}

impl<'a> SoftmaxObjective<'a> {
    /// Unpenalised, with intercepts.
    ///
    /// # Errors
    /// [`Error::Rows`] if X and the target differ, [`Error::NotFinite`] where X is NaN or infinite.
    pub fn new(design: &Design<'a>, target: &'a Target) -> Result<Self> {
        if design.rows() != target.rows() {
            return Err(Error::Rows { design: design.rows(), target: target.rows() });
        }
        let work = design.stored() as f64 * target.classes().len() as f64;
        let workers = Workers::new(None, work);
        let statistics = ColumnStatistics::new(design, target.sample_weights(), &workers)?;
        let d = design.features();
        Ok(Self {
            objective: of(
                design,
                target,
                Standardise::identity(d),
                true,
                vec![0.0; d + 1],
                Mode { precision: Precision::Double, keep: Keep::All, leads: false },
                workers,
            ),
            total_weight: target.total_weight(),
            sd: statistics.sd,
            factors: vec![1.0; d],
            lambda: 0.0,
            standardize: false,
            intercept: true,
        })
    }

    /// With λ ≥ 0.
    ///
    /// # Errors
    /// [`Error::Option`] if λ is negative or not finite.
    pub fn lambda(mut self, lambda: f64) -> Result<Self> {
        if !(lambda >= 0.0 && lambda.is_finite()) {
            let range = "finite and at least 0";
            return Err(Error::Option { option: "lambda", value: lambda.to_string(), range });
        }
        self.lambda = lambda;
        self.set_ridge();
        Ok(self)
    }

    /// With a factor v_j ≥ 0 on each feature's penalty.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not d, [`Error::Option`] if one is negative or not finite.
    pub fn penalty_factors(mut self, factors: Vec<f64>) -> Result<Self> {
        check_len("penalty factors", "features", self.factors.len(), factors.len())?;
        if let Some(bad) = factors.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
            let range = "finite and at least 0";
            return Err(Error::Option { option: "a penalty factor", value: bad.to_string(), range });
        }
        self.factors = factors;
        self.set_ridge();
        Ok(self)
    }

    /// Penalising sd_j·W_·j in place of W_·j?
    #[must_use]
    pub fn standardize(mut self, standardize: bool) -> Self {
        self.standardize = standardize;
        self.set_ridge();
        self
    }

    /// With intercepts? Without, those of the coefficients are ignored and their derivatives are 0.
    #[must_use]
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    fn set_ridge(&mut self) {
        let ridge = (0..self.factors.len()).map(|j| {
            let sd = if self.standardize { self.sd[j] } else { 1.0 };
            self.lambda * self.factors[j] * sd * sd
        });
        let ridge = ridge.chain([0.0]).collect();
        self.objective.set_ridge(ridge);
    }

    fn theta(&self, c: &Coefficients) -> Result<Vec<f64>> {
        let (k, d) = (self.objective.classes(), self.factors.len());
        check_len("coefficients", "classes", k, c.classes())?;
        if c.features() != d {
            return Err(Error::Features { expected: c.features(), found: d });
        }
        let mut theta = vec![0.0; (d + 1) * k];
        for class in 0..k {
            for (j, w) in c.class_weights(class).iter().enumerate() {
                theta[j * k + class] = *w;
            }
            theta[d * k + class] = if self.intercept { c.intercepts()[class] } else { 0.0 };
        }
        Ok(theta)
    }

    fn coefficients(&self, theta: &[f64], scale: f64) -> Result<Coefficients> {
        let (k, d) = (self.objective.classes(), self.factors.len());
        let weights = (0..k * d).map(|at| scale * theta[at % d * k + at / d]).collect();
        let free = if self.intercept { scale } else { 0.0 };
        Coefficients::new(k, d, weights, theta[d * k..].iter().map(|b| free * b).collect())
    }

    fn point(&mut self, at: &Coefficients) -> Result<Point> {
        let mut point = Point { theta: self.theta(at)?, ..Point::default() };
        self.objective.evaluate(&mut point);
        Ok(point)
    }

    /// L, the negative log-likelihood in the sum form.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Features`] if the coefficients have other shapes.
    pub fn nll(&mut self, at: &Coefficients) -> Result<f64> {
        Ok(self.point(at)?.nll_mean * self.total_weight)
    }

    /// ∂L/∂w_k = Σ_i s_i (p_ik − y_ik) x_i and ∂L/∂b_k = Σ_i s_i (p_ik − y_ik), in the shape of the
    /// coefficients.
    ///
    /// # Errors
    /// As [`SoftmaxObjective::nll`].
    pub fn nll_gradient(&mut self, at: &Coefficients) -> Result<Coefficients> {
        let ridge = self.objective.dual().ridge.clone();
        self.objective.set_ridge(vec![0.0; ridge.len()]);
        let point = self.point(at);
        self.objective.set_ridge(ridge);
        self.coefficients(&point?.gradient, self.total_weight)
    }

    /// F, the penalised mean form.
    ///
    /// # Errors
    /// As [`SoftmaxObjective::nll`].
    pub fn value(&mut self, at: &Coefficients) -> Result<f64> {
        Ok(self.point(at)?.value)
    }

    /// ∂F, in the shape of the coefficients.
    ///
    /// # Errors
    /// As [`SoftmaxObjective::nll`].
    pub fn gradient(&mut self, at: &Coefficients) -> Result<Coefficients> {
        let point = self.point(at)?;
        self.coefficients(&point.gradient, 1.0)
    }

    /// ∇²F(at)·v, in the shape of the coefficients.
    ///
    /// # Errors
    /// As [`SoftmaxObjective::nll`].
    pub fn hessian_vector_product(&mut self, at: &Coefficients, v: &Coefficients) -> Result<Coefficients> {
        self.point(at)?;
        let v = self.theta(v)?;
        let mut out = vec![0.0; v.len()];
        self.objective.hessian_vector_product(&v, &mut out);
        self.coefficients(&out, 1.0)
    }

    /// ∇²F(at), row-major, (K·(d+1))²: the parameters class by class, each w_k then b_k. Meant for small
    /// K·d: it takes 8·(K·(d+1))² bytes.
    ///
    /// # Errors
    /// As [`SoftmaxObjective::nll`].
    pub fn hessian(&mut self, at: &Coefficients) -> Result<Vec<f64>> {
        self.point(at)?;
        let h = self.objective.hessian(1).unwrap_or_else(|| by_products(&mut *self.objective));
        let (k, m) = (self.objective.classes(), self.factors.len() + 1);
        let index = |p: usize| p % m * k + p / m;
        let fixed = |p: usize| !self.intercept && p % m == m - 1;
        let entry = |p: usize, q: usize| {
            if fixed(p) || fixed(q) { 0.0 } else { h.values[index(p) * h.n + index(q)] }
        };
        Ok((0..h.n * h.n).map(|at| entry(at / h.n, at % h.n)).collect())
    }
}

/// ∇²F column by column.
fn by_products(objective: &mut dyn Objective) -> Symmetric {
    let p = objective.columns() * objective.classes();
    let mut h = Symmetric::zeros(p);
    let mut unit = vec![0.0; p];
    for (at, column) in h.values.chunks_exact_mut(p.max(1)).enumerate() {
        unit[at] = 1.0;
        objective.hessian_vector_product(&unit, column);
        unit[at] = 0.0;
    }
    h
}
