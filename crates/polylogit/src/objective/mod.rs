//! The objective F(W, b): what solvers see of it, and the public view on raw coefficients.

mod chosen;
pub(crate) mod columns;
pub(crate) mod coordinates;
pub(crate) mod curvature;
pub(crate) mod dense_columns;
mod dense_hessian;
mod dense_part;
mod foresee;
pub(crate) mod groups;
pub(crate) mod kept;
pub(crate) mod pass;
pub(crate) mod penalty;
pub(crate) mod readings;
pub(crate) mod ridge;
mod sparse;
mod sparse_columns;
mod sparse_focus;
pub(crate) mod sparse_hessian;

use crate::coefficients::Coefficients;
use crate::design::rows::{RowBlocks, Standardise};
use crate::design::statistics::ColumnStatistics;
use crate::design::{Design, Storage};
use crate::error::{Error, Result, check_len};
use crate::linalg::Symmetric;
use crate::parallel::Workers;
use crate::target::Target;
use std::sync::Arc;

use kept::{Keep, Mode, Precision};
use pass::Totals;
use ridge::RidgeNll;
use sparse::SparseNll;

/// F and what comes with it at one θ, as a value that is passed on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Point {
    /// The parameters (m × K, row-major): one row a feature, the last one the intercepts.
    pub(crate) theta: Vec<f64>,
    /// F.
    pub(crate) value: f64,
    /// L/S.
    pub(crate) nll_mean: f64,
    /// (1/S) Σ s_i H(p_i).
    pub(crate) entropy_mean: f64,
    /// (1/S) Σ s_i ⟨p_i, o_i⟩, o the offsets.
    pub(crate) offset_mean: f64,
    /// The least probability of a row's own class (1 for soft labels).
    pub(crate) least_label_probability: f64,
    /// ∂F/∂θ (m × K); that of L/S is λ_j θ_j less.
    pub(crate) gradient: Vec<f64>,
}

/// What the dual of F is made of besides a [`Point`].
#[derive(Debug, Clone)]
pub(crate) struct Dual {
    /// λ_j of each row of θ; 0 for the intercepts.
    pub(crate) ridge: Vec<f64>,
    /// Is the last row of θ the intercepts?
    pub(crate) intercept: bool,
    /// (1/S) Σ s_i x_ij y_ik (m × K), from the first evaluation on; its last row is ȳ where there are intercepts.
    pub(crate) moments: Vec<f64>,
    /// (1/S) Σ s_i o_ik (K); zeros without offsets.
    pub(crate) offsets: Vec<f64>,
}

/// Differences Δz_y − Δz_k between a row's own class y and others, along a direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Margins {
    /// The least and the largest over the rows of min_{k ≠ y}.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// For each class the least of those that it has part in: as y, or as k.
    pub(crate) apart: Vec<f64>,
    /// For each class the largest over its own rows of min_{k ≠ y}.
    pub(crate) gains: Vec<f64>,
}

/// Lengths of a step at which F is looked at before one is taken.
pub(crate) const TIMES: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];

/// A smooth convex function of θ (m × K) as solvers see it. Curvature is that at the point evaluated last.
pub(crate) trait Objective: std::fmt::Debug + Send {
    /// K.
    fn classes(&self) -> usize;
    /// m.
    fn columns(&self) -> usize;
    /// n.
    fn rows(&self) -> usize;
    /// F, its gradient and the certificate's sums at `point.theta`. One pass.
    fn evaluate(&mut self, point: &mut Point);
    /// out = ∇²F v. One pass.
    fn hessian_vector_product(&mut self, v: &[f64], out: &mut [f64]);
    /// ∇²F, rows and columns in the order of θ (index j·K + k), estimated from every `every`th block of rows
    /// (1: all). About m·K/8 passes over the rows that it reads. `None` where X has too many columns for it.
    fn hessian(&mut self, every: usize) -> Option<Symmetric>;
    /// Is there explicit curvature beyond the diagonal?
    fn is_dense(&self) -> bool;
    /// The weight of the rarest class as a share of S.
    fn rarest(&self) -> f64;
    /// (1/S) Σ s_i q_i x_i x_iᵀ + diag(λ_j) with q_i = mean_k p_ik (1 − p_ik) (m × m): one block that serves
    /// every class (Böhning 1992, with the current weights).
    /// `None` where X has too many columns for it.
    fn shared_block(&mut self) -> Option<Symmetric>;
    /// The diagonal of ∇²F (m × K).
    fn hessian_diagonal(&mut self, out: &mut [f64]);
    /// L/S at θ + t·s less that at θ, for each t of [`TIMES`], in the precision of curvature. Half a pass, and six
    /// exponentials for each row and class.
    fn nll_along(&mut self, s: &[f64]) -> [f64; TIMES.len()];
    /// Computes curvature in f64 from now on, from the next evaluation; `false` if it does so already.
    fn sharpen(&mut self) -> bool;
    /// How far apart `direction` moves the scores of the classes; `None` for soft labels.
    fn margins(&mut self, direction: &[f64]) -> Option<Margins>;
    /// Other λ_j.
    fn set_ridge(&mut self, ridge: Vec<f64>);
    /// What the certificate needs.
    fn dual(&self) -> &Arc<Dual>;
    /// Whom vectors of the size of θ are shared out to.
    fn workers(&self) -> &Workers;
}

impl Dual {
    /// All but the moments.
    fn new(ridge: Vec<f64>, intercept: bool, target: &Target) -> Self {
        let k = target.classes().len();
        let mut offsets = vec![0.0; k];
        for (row, o) in target.offsets().unwrap_or_default().chunks_exact(k).enumerate() {
            let s = target.weight(row) / target.total_weight();
            for (mean, o) in offsets.iter_mut().zip(o) {
                *mean += s * o;
            }
        }
        Self { ridge, intercept, moments: Vec::new(), offsets }
    }

    /// From sums over rows, and ∂(L/S)/∂θ in the place of the gradient: F and its gradient.
    fn complete(&self, point: &mut Point, totals: &Totals, n: f64, workers: &Workers) {
        point.nll_mean = totals.nll / n;
        point.entropy_mean = totals.entropy / n;
        point.offset_mean = totals.offset / n;
        point.least_label_probability = totals.least;
        let k = self.offsets.len();
        let theta = &point.theta;
        let penalty = workers.sweep(theta.len(), k, [&mut point.gradient], |of, [gradient]| {
            let (theta, ridge) = (&theta[of.clone()], &self.ridge[of.start / k..]);
            add_ridge(ridge, k, theta, gradient);
            let rows = theta.chunks_exact(k).zip(ridge);
            rows.map(|(t, lambda)| 0.5 * lambda * t.iter().map(|t| t * t).sum::<f64>()).sum()
        });
        point.value = point.nll_mean + penalty;
    }
}

/// out_j += λ_j v_j for rows of K numbers.
fn add_ridge(ridge: &[f64], k: usize, v: &[f64], out: &mut [f64]) {
    for ((out, v), lambda) in out.chunks_exact_mut(k).zip(v.chunks_exact(k)).zip(ridge) {
        for (out, v) in out.iter_mut().zip(v) {
            *out += lambda * v;
        }
    }
}

/// What v is multiplied with so that its products stay in the range of f32, whatever its length. `None` where
/// there is nothing to compute: then `out` is 0, or NaN if v is not finite.
fn unit_scale(v: &[f64], out: &mut [f64]) -> Option<f64> {
    let largest = v.iter().fold(0.0f64, |a, v| if v.is_nan() { f64::NAN } else { a.max(v.abs()) });
    if largest > 0.0 && largest.is_finite() {
        return Some(1.0 / largest);
    }
    out.fill(if largest == 0.0 { 0.0 } else { f64::NAN });
    None
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

/// The weight of the rarest class as a share of S.
fn rarest(target: &Target) -> f64 {
    target.class_weights().iter().copied().fold(f64::INFINITY, f64::min) / target.total_weight()
}

/// Margins while rows are counted in.
struct Tally(Margins);

impl Tally {
    fn new(classes: usize) -> Self {
        Self(Margins {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            apart: vec![f64::INFINITY; classes],
            gains: vec![f64::NEG_INFINITY; classes],
        })
    }

    /// A row of class y with scores Δz.
    fn add(&mut self, y: usize, z: impl Fn(usize) -> f64) {
        let margins = &mut self.0;
        let mut least = f64::INFINITY;
        for c in (0..margins.apart.len()).filter(|c| *c != y) {
            let margin = z(y) - z(c);
            margins.apart[c] = margins.apart[c].min(margin);
            least = least.min(margin);
        }
        margins.apart[y] = margins.apart[y].min(least);
        margins.gains[y] = margins.gains[y].max(least);
        margins.low = margins.low.min(least);
        margins.high = margins.high.max(least);
    }
}

/// Sparse designs of at most this many columns are worked on as dense blocks.
pub(crate) const DENSE_COLUMNS: usize = 1024;

/// The objective of a design: dense blocks, or stored values. `ridge`: λ_j for each of the m columns.
pub(crate) fn of<'a>(
    design: &Design<'a>,
    target: &'a Target,
    standardise: Standardise,
    intercept: bool,
    ridge: Vec<f64>,
    mode: Mode,
    workers: Workers,
) -> Box<dyn Objective + 'a> {
    let blocks = RowBlocks::new(*design, standardise, intercept, 3 * target.classes().len());
    match design.storage() {
        Storage::Csr(csr) if blocks.columns() > DENSE_COLUMNS => {
            Box::new(SparseNll::new(csr, blocks, target, ridge, mode.precision, workers))
        }
        _ => Box::new(RidgeNll::new(blocks, target, ridge, mode, workers)),
    }
}

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
                Mode { precision: Precision::Double, keep: Keep::All },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Csr;

    /// The same rows dense and sparse, wide enough for the objective of stored values.
    #[test]
    fn the_nll_along_a_step_is_that_of_moved_parameters() {
        let (n, d, k) = (300, DENSE_COLUMNS + 50, 3);
        let (mut x, mut values, mut indices, mut indptr) = (vec![0.0; n * d], vec![], vec![], vec![0u64]);
        for row in 0..n {
            for e in 0..4 {
                let (j, v) = ((row * 7 + e * 211) % d, 1.0 + (row + e) as f64 % 3.0);
                x[row * d + j] = v;
            }
            for (j, v) in x[row * d..(row + 1) * d].iter().enumerate().filter(|(_, v)| **v != 0.0) {
                values.push(*v);
                indices.push(j as u32);
            }
            indptr.push(values.len() as u64);
        }
        let target = Target::from_labels((0..300i64).map(|i| i * i % 3 % 2 + i % 2)).unwrap();
        let sparse = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d).unwrap();
        let theta: Vec<f64> = (0..(d + 1) * k).map(|i| (i as f64).sin()).collect();
        let s: Vec<f64> = (0..(d + 1) * k).map(|i| 0.1 * (1.7 * i as f64).cos()).collect();
        for design in [Design::dense(&x, n, d).unwrap(), sparse] {
            for precision in [Precision::Double, Precision::Single] {
                let standardise = Standardise::identity(d);
                let ridge = vec![0.1; d + 1];
                let workers = Workers::default();
                let mode = Mode { precision, keep: Keep::All };
                let mut f = of(&design, &target, standardise, true, ridge, mode, workers);
                let mut point = Point { theta: theta.clone(), ..Point::default() };
                f.evaluate(&mut point);
                let along = f.nll_along(&s);
                for (t, change) in TIMES.iter().zip(along) {
                    let moved = theta.iter().zip(&s).map(|(a, s)| a + t * s).collect();
                    let mut moved = Point { theta: moved, ..Point::default() };
                    f.evaluate(&mut moved);
                    let tolerance = if precision == Precision::Double { 1e-13 } else { 1e-5 };
                    assert!((moved.nll_mean - point.nll_mean - change).abs() < tolerance, "{t}: {change}");
                }
            }
        }
    }
}
