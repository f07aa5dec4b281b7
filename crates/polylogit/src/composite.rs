//! Fits whose penalty is not smooth, or whose coefficients are bounded: from checked options to a proximal Newton
//! method, and back.

use std::sync::Arc;

use crate::certificate::{Certificate, CertificateKind};
use crate::coefficients::Coefficients;
use crate::convention::{Convention, middle_median};
use crate::design::Design;
use crate::design::rows::Standardise;
use crate::design::statistics::ColumnStatistics;
use crate::diagnose::duplicates::duplicate_columns;
use crate::diagnose::{Diagnosis, rank};
use crate::error::Result;
use crate::fit::Fit;
use crate::memory;
use crate::model::Model;
use crate::objective::columns::{self, Columns};
use crate::objective::coordinates;
use crate::objective::groups::Groups;
use crate::objective::penalty::Penalty;
use crate::options::Options;
use crate::parallel::Workers;
use crate::problem;
use crate::solver::descent::Buffers;
use crate::solver::proximal_newton::{DualSide, Ended, Ends, Solver};
use crate::solver::{Muted, Observer};
use crate::target::Target;

/// Share α that λ_max is computed with where the penalty is all ridge, as in glmnet.
const LEAST_ALPHA: f64 = 1e-3;
/// A fit far from λ_max is led to by larger λ, each this share of the one before,
const LADDER: f64 = 0.3;
/// until a step gains less than this share of F.
const LADDER_GAIN: f64 = 1e-2;
/// The null model is solved to this gap, so that λ_max is exact.
const NULL_TOL: f64 = 1e-13;

/// Rows, labels and options, and how columns are scaled and penalised.
#[derive(Debug)]
pub(crate) struct Composite<'p> {
    pub(crate) design: Design<'p>,
    pub(crate) target: &'p Target,
    pub(crate) options: &'p Options,
    pub(crate) statistics: ColumnStatistics,
    pub(crate) diagnosis: Diagnosis,
    standardise: Standardise,
    groups: Option<Arc<Groups>>,
    /// ℓ_j and ρ_j of each feature for λα = 1 and λ(1 − α) = 1.
    unit: (Vec<f64>, Vec<f64>),
    pub(crate) workers: Workers,
}

/// Does this fit need a penalty that is not smooth, or bounds?
pub(crate) fn applies(options: &Options) -> bool {
    options.bounds.is_some() || (options.l1_ratio > 0.0 && options.lambda > 0.0)
}

impl<'p> Composite<'p> {
    pub(crate) fn new(
        design: &Design<'p>,
        target: &'p Target,
        options: &'p Options,
        workers: Workers,
    ) -> Result<Self> {
        let statistics = ColumnStatistics::new(design, target.sample_weights(), &workers)?;
        let mut standardise = problem::standardise(options, &statistics, !design.is_sparse());
        let free: Vec<usize> = (0..design.features())
            .filter(|&j| options.penalty_factors[j] == 0.0 && standardise.factor[j] > 0.0)
            .collect();
        let relations =
            rank::dependent_columns(design, target, &standardise, &free, rank::DEPENDENT, &workers);
        for relation in &relations {
            standardise.factor[relation.column] = 0.0;
        }
        let mut roots = vec![1.0; design.features()];
        let mut members = options.groups.clone();
        for group in &mut members {
            for &j in group.iter() {
                roots[j] = (group.len() as f64).sqrt();
            }
            group.retain(|&j| standardise.factor[j] > 0.0 && options.penalty_factors[j] > 0.0);
            same_scale(group, &mut standardise, options.standardize.then_some(&statistics.sd));
        }
        let groups = Groups::new(members, design.features()).map(Arc::new);
        let unit = |j: usize| {
            let scale = standardise.factor[j] * if options.standardize { statistics.sd[j] } else { 1.0 };
            let (factor, units) = (options.penalty_factors[j], options.units);
            (factor * units.l1 * scale * roots[j], factor * units.ridge * scale * scale)
        };
        let unit = (0..design.features()).map(unit).unzip();
        let diagnosis = Diagnosis {
            constant: (0..design.features()).filter(|&j| statistics.constant[j]).collect(),
            collinear: relations,
            ..Diagnosis::default()
        };
        Ok(Self {
            design: *design,
            target,
            options,
            statistics,
            diagnosis,
            standardise,
            groups,
            unit,
            workers,
        })
    }

    fn classes(&self) -> usize {
        self.target.classes().len()
    }

    /// h at λ and α (in the units of the options), in the coordinates of the solver.
    pub(crate) fn penalty(&self, lambda: f64, alpha: f64) -> Penalty {
        let (d, k, options) = (self.design.features(), self.classes(), self.options);
        // Columns left out stay at 0, and nothing is singular.
        let of = |unit: &[f64], strength: f64| {
            let mut values = Vec::with_capacity(d + 1);
            let units = unit.iter().zip(&self.standardise.factor);
            values.extend(units.map(|(v, factor)| if *factor > 0.0 { strength * v } else { 1.0 }));
            values
        };
        let mut l1 = of(&self.unit.0, lambda * alpha);
        let mut ridge = of(&self.unit.1, lambda * (1.0 - alpha));
        let mut bounds = options.bounds.as_ref().map(|(low, high)| {
            let scaled = |b: &[f64]| -> Vec<f64> {
                // Feature-major; a column left out has no room to move.
                (0..d * k)
                    .map(|at| match self.standardise.factor[at / k] {
                        0.0 => 0.0,
                        factor => b[at % k * d + at / k] / factor,
                    })
                    .collect()
            };
            (scaled(low), scaled(high))
        });
        if options.intercept {
            l1.push(0.0);
            ridge.push(0.0);
            if let Some((low, high)) = &mut bounds {
                low.extend(std::iter::repeat_n(f64::NEG_INFINITY, k));
                high.extend(std::iter::repeat_n(f64::INFINITY, k));
            }
        }
        let groups = self.groups.clone().filter(|_| lambda * alpha > 0.0);
        for group in groups.iter().flat_map(|groups| groups.each()) {
            for &j in group {
                // The same to the last bit.
                (l1[j], ridge[j]) = (l1[group[0]], ridge[group[0]]);
            }
        }
        Penalty { classes: k, l1, ridge, grouped: options.grouped, groups, bounds }
    }

    /// At θ = 0 and the log frequencies of the classes; the gradient is still to be looked at.
    pub(crate) fn solver(&self) -> Solver<'p> {
        let (d, k, intercept) = (self.design.features(), self.classes(), self.options.intercept);
        let mut columns = self.columns();
        let mut theta = vec![0.0; (d + usize::from(intercept)) * k];
        if intercept && self.target.offsets().is_none() {
            let logs: Vec<f64> = self.target.class_weights().iter().map(|w| w.ln()).collect();
            let mean = logs.iter().sum::<f64>() / k as f64;
            theta[d * k..].iter_mut().zip(logs).for_each(|(b, log)| *b = log - mean);
        }
        let dual = self.dual(&mut *columns);
        let gradient = vec![0.0; theta.len()];
        self.solver_at(columns, &NullModel { dual, theta, gradient })
    }

    fn columns(&self) -> Box<dyn Columns + 'p> {
        columns::of(&self.design, self.target, &self.standardise, self.options.intercept, &self.workers)
    }

    /// Another one at a null model.
    pub(crate) fn another(&self, null: &NullModel) -> Solver<'p> {
        let mut columns = self.columns();
        let k = self.classes();
        let free = |j: &usize| null.theta[j * k..(j + 1) * k].iter().any(|t| *t != 0.0);
        columns.pack(&(0..self.design.features()).filter(free).collect::<Vec<usize>>());
        self.solver_at(columns, null)
    }

    fn solver_at(&self, mut columns: Box<dyn Columns + 'p>, null: &NullModel) -> Solver<'p> {
        let NullModel { dual, theta, gradient } = null.clone();
        let means = columns.evaluate(&theta);
        Solver {
            columns,
            bounded: vec![false; dual.spread.len()],
            dual,
            theta,
            gradient,
            means,
            ahead: None,
            foreseen: Vec::new(),
            set: Vec::new(),
            start: Vec::new(),
            buffers: Buffers::default(),
            curvature: None,
            damping: 1.0,
            reserve: self.options.reserve,
            passes: 0.5,
            steps: 0,
        }
    }

    /// What the dual needs of rows and labels.
    fn dual(&self, columns: &mut dyn Columns) -> DualSide {
        let k = self.classes();
        let total = self.target.total_weight();
        let mut offsets = vec![0.0; k];
        for (row, o) in self.target.offsets().unwrap_or_default().chunks_exact(k).enumerate() {
            let s = self.target.weight(row) / total;
            offsets.iter_mut().zip(o).for_each(|(mean, o)| *mean += s * o);
        }
        let labels = columns::label_means(self.target);
        let moments = columns.moments();
        let spread = moments.chunks_exact(k).map(|m| 2.0 * m.iter().map(|m| m.abs()).sum::<f64>()).collect();
        DualSide { intercept: self.options.intercept, moments, spread, offsets, labels }
    }

    /// Takes a solver to the null model, of intercepts and unpenalised features; the mean log-likelihood of the
    /// intercepts alone.
    pub(crate) fn to_null(&self, solver: &mut Solver<'_>, observer: &mut dyn Observer) -> f64 {
        let penalty = self.penalty(1.0, 1.0);
        let ends = Ends { tol: NULL_TOL, max_steps: self.options.max_steps, least_gain: 0.0, strict: true };
        let free: Vec<usize> = (0..self.design.features()).filter(|&j| penalty.l1[j] == 0.0).collect();
        if self.target.offsets().is_some() || !free.is_empty() {
            solver.refresh();
        }
        if self.target.offsets().is_some() {
            solver.on_set(&penalty, &[], ends, &mut Muted(observer));
        }
        let null = solver.means.nll;
        if !free.is_empty() {
            solver.on_set(&penalty, &free, ends, &mut Muted(observer));
        }
        solver.columns.correlations(&mut solver.gradient);
        solver.bounded.fill(false);
        solver.passes += 0.5;
        null
    }

    /// The least λ that keeps every penalised weight at 0, from a solver at the null model.
    pub(crate) fn lambda_max(&self, solver: &Solver<'_>) -> f64 {
        let unit = self.penalty(1.0, self.options.l1_ratio.max(LEAST_ALPHA));
        let at = |j: usize| unit.reach(j, &unit.rows(j, &solver.gradient)) / unit.l1[j];
        (0..self.design.features()).filter(|&j| unit.l1[j] > 0.0 && unit.leads(j)).map(at).fold(0.0, f64::max)
    }

    /// θ of raw coefficients, in the boxes.
    pub(crate) fn theta(&self, c: &Coefficients, penalty: &Penalty) -> Vec<f64> {
        let (k, d) = (self.classes(), self.design.features());
        let mut theta = coordinates::to_theta_as_is(c, &self.standardise, self.options.intercept);
        if penalty.bounds.is_some() {
            for j in 0..d {
                for c in 0..k {
                    let (low, high) = penalty.limits(j, c);
                    theta[j * k + c] = theta[j * k + c].clamp(low, high);
                }
            }
        }
        theta
    }

    /// Raw coefficients of θ, of which all but these features are 0: those that are 0 stay 0, the intercepts sum to 0.
    /// Two classes share the weights out evenly
    /// where nothing bounds them, as the ridge does; in the gauge of another package where the options ask for it.
    pub(crate) fn coefficients(&self, theta: &[f64], features: &[usize]) -> Sparse {
        let (d, k) = (self.design.features(), self.classes());
        let Standardise { shift, factor } = &self.standardise;
        let mut sparse = Sparse {
            intercepts: vec![0.0; k],
            features: Vec::with_capacity(features.len()),
            values: Vec::with_capacity(features.len() * k),
        };
        if self.options.intercept {
            sparse.intercepts.copy_from_slice(&theta[d * k..]);
        }
        for j in features.iter().copied().filter(|&j| factor[j] > 0.0) {
            let u = &theta[j * k..(j + 1) * k];
            if u.iter().all(|u| *u == 0.0) {
                continue;
            }
            let shared = self.shared(u);
            sparse.features.push(j);
            for (u, b) in u.iter().zip(&mut sparse.intercepts) {
                let w = (u - shared) * factor[j];
                sparse.values.push(w);
                *b -= w * shift[j];
            }
        }
        let shared = if self.options.one_vector(k) {
            sparse.intercepts[0]
        } else {
            sparse.intercepts.iter().sum::<f64>() / k as f64
        };
        if self.options.intercept {
            sparse.intercepts.iter_mut().for_each(|b| *b -= shared);
        }
        sparse
    }

    /// What a feature's weights have in common beyond the gauge of the solver.
    fn shared(&self, u: &[f64]) -> f64 {
        let (k, options) = (u.len(), self.options);
        if options.one_vector(k) {
            return u[0];
        }
        if options.bounds.is_some() {
            return 0.0;
        }
        let lasso = options.l1_ratio == 1.0 && !options.grouped;
        match options.like {
            _ if k == 2 => 0.5 * (u[0] + u[1]),
            Some(Convention::Glmnet) if lasso => middle_median(u),
            _ => 0.0,
        }
    }

    /// The bound of an ended fit.
    pub(crate) fn certificate(ended: &Ended) -> Certificate {
        let kind = if ended.estimated { CertificateKind::FirstOrder } else { CertificateKind::DualityGap };
        Certificate { kind, gap: ended.gap, relative_gap: ended.gap / ended.value.max(f64::MIN_POSITIVE) }
    }
}

/// Scales the columns of a group so that its norm in the solver's coordinates is a multiple of the one that is penalised:
/// that of the weights of raw columns, or of columns of deviation 1.
fn same_scale(group: &[usize], standardise: &mut Standardise, sd: Option<&Vec<f64>>) {
    let unit = |j: usize| sd.map_or(1.0, |sd| sd[j]);
    let square: f64 = group.iter().map(|&j| (standardise.factor[j] * unit(j)).powi(-2)).sum();
    let scale = (group.len() as f64 / square).sqrt();
    for &j in group.iter().filter(|_| group.len() > 1) {
        standardise.factor[j] = scale / unit(j);
    }
}

/// What a solver starts from.
#[derive(Debug, Clone)]
pub(crate) struct NullModel {
    dual: DualSide,
    theta: Vec<f64>,
    gradient: Vec<f64>,
}

impl NullModel {
    /// Where a solver is.
    pub(crate) fn of(solver: &Solver<'_>) -> Self {
        let Solver { dual, theta, gradient, .. } = solver;
        Self { dual: dual.clone(), theta: theta.clone(), gradient: gradient.clone() }
    }
}

/// Weights of the features that are not 0, and the intercepts; on the raw scale.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sparse {
    pub(crate) intercepts: Vec<f64>,
    pub(crate) features: Vec<usize>,
    /// K numbers for each of the features.
    pub(crate) values: Vec<f64>,
}

impl Sparse {
    /// As W (K × d) and b.
    pub(crate) fn dense(&self, features: usize) -> Result<Coefficients> {
        let k = self.intercepts.len();
        let mut weights = vec![0.0; k * features];
        for (&j, u) in self.features.iter().zip(self.values.chunks_exact(k)) {
            for (c, u) in u.iter().enumerate() {
                weights[c * features + j] = *u;
            }
        }
        Coefficients::new(k, features, weights, self.intercepts.clone())
    }
}

/// One fit.
pub(crate) fn fit(
    design: &Design<'_>,
    target: &Target,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Fit> {
    let k = target.classes().len();
    let workers = Workers::new(options.threads, design.stored() as f64 * k as f64);
    let composite = Composite::new(design, target, options, workers)?;
    let mut solver = composite.solver();
    let penalty = composite.penalty(options.lambda, options.l1_ratio);
    let ends = Ends { tol: options.tol, max_steps: options.max_steps, least_gain: 0.0, strict: true };
    let set = if let Some(start) = &options.warm_start {
        solver.theta = composite.theta(start, &penalty);
        solver.refresh();
        solver.candidates(&penalty, None, |j| penalty.l1[j])
    } else if options.l1_ratio == 0.0 || options.lambda == 0.0 {
        solver.refresh();
        (0..design.features()).collect()
    } else {
        composite.to_null(&mut solver, observer);
        climb_down(&composite, &mut solver, options.lambda, ends, observer)
    };
    let ended = solver.minimise(&penalty, set, ends, observer);
    let coefficients = composite.coefficients(&solver.theta, &solver.set).dense(design.features())?;
    let mut diagnosis = composite.diagnosis.clone();
    diagnosis.duplicates = duplicate_columns(design, &composite.statistics);
    let certificate = Composite::certificate(&ended);
    let (lambda, l1_ratio) = options.solved();
    let active = solver.set.iter().filter(|&&j| solver.is_active(j)).count();
    Ok(Fit {
        model: Model::new(target.classes().to_vec(), coefficients)?,
        status: ended.status,
        certificate,
        objective: ended.value,
        nll_mean: solver.means.nll,
        lambda,
        l1_ratio,
        penalty_factors: options.penalty_factors.clone(),
        grouped: options.grouped,
        groups: options.groups.clone(),
        standardize: options.standardize,
        intercept: options.intercept,
        rows: design.rows(),
        total_weight: target.total_weight(),
        feature_sd: composite.statistics.sd,
        steps: solver.steps,
        passes: solver.passes,
        memory: memory::estimate(design, target, options).bytes(),
        solver: "proximal newton",
        reason: format!(
            "the penalty is not smooth or bounded; {active} of {} features are not 0",
            design.features()
        ),
        diagnosis,
        trace: Vec::new(),
    })
}

/// Leads from the null model to λ by way of larger ones; the set to start with there.
pub(crate) fn climb_down(
    composite: &Composite<'_>,
    solver: &mut Solver<'_>,
    least: f64,
    ends: Ends,
    observer: &mut dyn Observer,
) -> Vec<usize> {
    let options = composite.options;
    let mut above = composite.lambda_max(solver).max(least);
    loop {
        let lambda = (above * LADDER).max(least);
        let now = composite.penalty(lambda, options.l1_ratio);
        // More features than rows are not at work at the end.
        let most = composite.design.rows();
        let set = solver.nearest(&now, (2.0 - above / lambda).max(0.5), most);
        if lambda <= least || observer.cancelled() {
            return set;
        }
        let ends = Ends { least_gain: LADDER_GAIN, ..ends };
        solver.minimise(&now, set, ends, &mut Muted(observer));
        above = lambda;
    }
}
