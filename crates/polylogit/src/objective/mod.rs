//! The objective F(W, b): what solvers see of it; `at_coefficients.rs` is the public view on raw coefficients.

mod at_coefficients;
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
mod slot;
mod sparse;
mod sparse_columns;
mod sparse_focus;
pub(crate) mod sparse_hessian;

use crate::design::rows::{RowBlocks, Standardise};
use crate::design::{Design, Storage};
use crate::linalg::Symmetric;
use crate::parallel::Workers;
use crate::target::Target;
use std::sync::Arc;

pub use at_coefficients::SoftmaxObjective;
use kept::Mode;
use ridge::RidgeNll;
use slot::Totals;
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
    /// (1/S) Σ s_i x_ij y_ik (m × K), or none where no bound is taken; its last row is ȳ where there are intercepts.
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
    /// The same in the precision of curvature; `false` if that is no less. Far from the optimum it will do; no bound is taken
    /// from it.
    fn estimate(&mut self, point: &mut Point) -> bool {
        self.evaluate(point);
        false
    }
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
    /// every class (Böhning 1992, with the current weights), estimated from every `every`th block of rows.
    /// `None` where X has too many columns for it.
    fn shared_block(&mut self, every: usize) -> Option<Symmetric>;
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

#[cfg(test)]
mod tests {
    use super::kept::{Keep, Precision};
    use super::*;
    use crate::design::NonZeros;

    /// The same rows dense and sparse, wide enough for the objective of stored values.
    #[test]
    fn the_nll_along_a_step_is_that_of_moved_parameters() {
        let (n, d, k) = (300, DENSE_COLUMNS + 50, 3);
        let mut x = vec![0.0; n * d];
        for (row, x) in x.chunks_exact_mut(d).enumerate() {
            for e in 0..4 {
                x[(row * 7 + e * 211) % d] = 1.0 + (row + e) as f64 % 3.0;
            }
        }
        let stored = NonZeros::of(&x, d);
        let target = Target::from_labels((0..300i64).map(|i| i * i % 3 % 2 + i % 2)).unwrap();
        let sparse = Design::sparse(stored.csr(), d).unwrap();
        let theta: Vec<f64> = (0..(d + 1) * k).map(|i| (i as f64).sin()).collect();
        let s: Vec<f64> = (0..(d + 1) * k).map(|i| 0.1 * (1.7 * i as f64).cos()).collect();
        for design in [Design::dense(&x, n, d).unwrap(), sparse] {
            for precision in [Precision::Double, Precision::Single] {
                let standardise = Standardise::identity(d);
                let ridge = vec![0.1; d + 1];
                let workers = Workers::default();
                let mode = Mode { precision, keep: Keep::All, leads: false };
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

    /// Where θ has intercepts alone, sums over the rows are not taken; from 32 classes on moments are added row by row. A tiny
    /// weight of a feature that is 0 everywhere takes the general way to the same.
    #[test]
    fn a_point_of_intercepts_alone_is_like_any_other() {
        let (n, d) = (500, 6);
        let x: Vec<f64> = (0..n * d)
            .map(|i| if i % d == 0 { 0.0 } else { (i as f64 * 0.7).sin() + (i % d) as f64 })
            .collect();
        let design = Design::dense(&x, n, d).unwrap();
        for (k, intercept) in [(3, true), (40, true), (40, false)] {
            let classes: Vec<_> = (0i64..).map(crate::Label::from).take(k).collect();
            let ids = (0..n).map(|i| (i * 7 % k) as u32).collect();
            let hard = Target::from_classes(classes.clone(), ids).unwrap();
            let share = |i: usize| (1 + i * 7 % 5) as f64;
            let row =
                |i: usize| (0..k).map(|c| share(i + c) / (0..k).map(|c| share(i + c)).sum::<f64>()).collect();
            let soft = Target::soft(classes, (0..n).flat_map(|i| -> Vec<f64> { row(i) }).collect()).unwrap();
            for target in [hard, soft] {
                let target = target.weights((0..n).map(share).collect()).unwrap();
                let m = d + usize::from(intercept);
                let mut theta = vec![0.0; m * k];
                theta[d * k..].iter_mut().enumerate().for_each(|(c, b)| *b = (c as f64).cos());
                for precision in [Precision::Double, Precision::Single] {
                    let mode = Mode { precision, keep: Keep::All, leads: false };
                    let (standardise, ridge) = (Standardise::identity(d), vec![0.1; m]);
                    let mut f = of(&design, &target, standardise, intercept, ridge, mode, Workers::default());
                    let mut run = |theta: Vec<f64>| {
                        let mut point = Point { theta, ..Point::default() };
                        f.evaluate(&mut point);
                        let direction: Vec<f64> = (0..m * k).map(|i| (i as f64).sin()).collect();
                        let mut product = vec![0.0; m * k];
                        f.hessian_vector_product(&direction, &mut product);
                        (point, product)
                    };
                    let mut general = theta.clone();
                    general[0] = 1e-200;
                    let ((a, ha), (b, hb)) = (run(theta.clone()), run(general));
                    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{k} {intercept}: {a} {b}");
                    let scalars = |p: &Point| [p.value, p.nll_mean, p.entropy_mean];
                    scalars(&a).into_iter().zip(scalars(&b)).for_each(|(a, b)| close(a, b));
                    close(a.least_label_probability, b.least_label_probability);
                    a.gradient.iter().zip(&b.gradient).for_each(|(a, b)| close(*a, *b));
                    ha.iter().zip(&hb).for_each(|(a, b)| close(*a, *b));
                }
            }
        }
    }

    /// It computes in f32, knows no moments and so no bounds, and keeps its rows in f32 alone.
    #[test]
    fn an_objective_that_leads_is_near_the_other() {
        let (n, d) = (700, 12);
        let x: Vec<f64> = (0..n * d).map(|i| (i as f64 * 0.7).sin() + (i % 7) as f64 * 0.1).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let target = Target::from_labels((0i64..).map(|i| i * i % 5).take(n)).unwrap();
        let k = target.classes().len();
        for (precision, tolerance) in [(Precision::Single, 2e-6), (Precision::Double, 1e-13)] {
            for theta in [vec![0.0; (d + 1) * k], (0..(d + 1) * k).map(|i| (i as f64).sin()).collect()] {
                let [leading, other] = [true, false].map(|leads| {
                    let mode = Mode { precision, keep: Keep::All, leads };
                    let (standardise, ridge) = (Standardise::identity(d), vec![0.1; d + 1]);
                    let mut f = of(&design, &target, standardise, true, ridge, mode, Workers::default());
                    assert_eq!(f.dual().moments.is_empty(), leads);
                    let mut point = Point { theta: theta.clone(), ..Point::default() };
                    f.evaluate(&mut point);
                    let mut product = vec![0.0; theta.len()];
                    f.hessian_vector_product(&point.gradient, &mut product);
                    [vec![point.value, point.least_label_probability], point.gradient, product].concat()
                });
                leading.iter().zip(&other).for_each(|(a, b)| assert!((a - b).abs() <= tolerance, "{a} {b}"));
            }
        }
    }

    #[test]
    fn an_estimate_is_near_the_value_and_leaves_its_curvature() {
        let (n, d, k) = (400, 30, 5);
        let x: Vec<f64> = (0..n * d).map(|i| (i as f64 * 0.7).sin() + (i % 7) as f64 * 0.1).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let target = Target::from_labels((0i64..).map(|i| i * i % k).take(n)).unwrap();
        let k = target.classes().len();
        let offsets = (0..n * k).map(|i| (i as f64 * 0.3).cos()).collect();
        for target in [target.clone(), target.offset(offsets).unwrap()] {
            for (precision, tolerance) in [(Precision::Double, 0.0), (Precision::Single, 2e-6)] {
                for keep in [Keep::All, Keep::Nothing] {
                    let mode = Mode { precision, keep, leads: false };
                    let (standardise, ridge) = (Standardise::identity(d), vec![0.1; d + 1]);
                    let mut f = of(&design, &target, standardise, true, ridge, mode, Workers::default());
                    let theta: Vec<f64> = (0..(d + 1) * k).map(|i| 0.2 * (i as f64).sin()).collect();
                    let mut start = Point { theta: vec![0.0; (d + 1) * k], ..Point::default() };
                    f.evaluate(&mut start);
                    let v: Vec<f64> = (0..(d + 1) * k).map(|i| (1.3 * i as f64).cos()).collect();
                    let (mut exact, mut rough) = (
                        Point { theta: theta.clone(), ..Point::default() },
                        Point { theta, ..Point::default() },
                    );
                    let (mut of_exact, mut of_rough) = (vec![0.0; v.len()], vec![0.0; v.len()]);
                    f.evaluate(&mut exact);
                    f.hessian_vector_product(&v, &mut of_exact);
                    f.evaluate(&mut start);
                    f.estimate(&mut rough);
                    f.hessian_vector_product(&v, &mut of_rough);
                    let close =
                        |a: f64, b: f64| assert!((a - b).abs() <= tolerance, "{precision:?}: {a} {b}");
                    close(exact.value, rough.value);
                    exact.gradient.iter().zip(&rough.gradient).for_each(|(a, b)| close(*a, *b));
                    of_exact.iter().zip(&of_rough).for_each(|(a, b)| close(*a, *b));
                }
            }
        }
    }
}
