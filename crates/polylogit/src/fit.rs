//! From checked options to a fitted model.

use crate::certificate::Certificate;
use crate::coefficients::Coefficients;
use crate::design::Design;
use crate::design::rows::Standardise;
use crate::design::statistics::ColumnStatistics;
use crate::diagnose::duplicates::duplicate_columns;
use crate::diagnose::{Diagnosis, rank, separation};
use crate::error::Result;
use crate::model::Model;
use crate::objective::coordinates;
use crate::objective::pass::Precision;
use crate::objective::{self, DENSE_COLUMNS, Objective};
use crate::options::Options;
use crate::parallel::Workers;
use crate::row_space::RowSpace;
use crate::solver::newton_cg::{self, Limits, Outcome};
use crate::solver::preconditioner;
use crate::solver::{Observer, Status};
use crate::target::Target;
use crate::warm_up::{Muted, warm_up};

/// A fitted model, how the fit ended and how good it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fit {
    /// The model; its coefficients are on the raw scale, in the zero-sum gauge.
    pub model: Model,
    /// How the fit ended.
    pub status: Status,
    /// An upper bound on F − F*.
    pub certificate: Certificate,
    /// F, the penalised mean form.
    pub objective: f64,
    /// L/S, the mean negative log-likelihood, in nats.
    pub nll_mean: f64,
    /// λ.
    pub lambda: f64,
    /// α.
    pub l1_ratio: f64,
    /// Was sd_j·W_·j penalised?
    pub standardize: bool,
    /// Were intercepts fitted?
    pub intercept: bool,
    /// n.
    pub rows: usize,
    /// S.
    pub total_weight: f64,
    /// Standard deviations of the columns, with weights s_i/S (d).
    pub feature_sd: Vec<f64>,
    /// Steps taken.
    pub steps: usize,
    /// Passes over X taken: one is X·Wᵀ and Xᵀ·R for all rows.
    pub passes: f64,
    /// The method that was used.
    pub solver: &'static str,
    /// Why that method.
    pub reason: String,
    /// What was noticed about the columns.
    pub diagnosis: Diagnosis,
}

/// Remaining squared length (1 − R²) below which an unpenalised column counts as dependent.
const DEPENDENT: f64 = 1e-13;

pub(crate) fn fit(
    design: &Design<'_>,
    target: &Target,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Fit> {
    let k = target.classes().len();
    let workers = Workers::new(options.threads, design.stored() as f64 * k as f64);
    let statistics = ColumnStatistics::new(design, target.sample_weights(), &workers)?;
    let mut diagnosis = Diagnosis {
        constant: (0..design.features()).filter(|&j| statistics.constant[j]).collect(),
        ..Diagnosis::default()
    };
    let ridge = ridge(options, &statistics);
    let mut standardise = standardise(design, options, &statistics);
    let free: Vec<usize> =
        (0..design.features()).filter(|&j| ridge[j] == 0.0 && standardise.factor[j] > 0.0).collect();
    let relations = rank::dependent_columns(design, target, &standardise, &free, DEPENDENT, &workers);
    for relation in &relations {
        standardise.factor[relation.column] = 0.0;
    }

    let (theta, start_passes) = lead(design, target, options, &standardise, &ridge, &workers, observer);
    let columns = design.features() + usize::from(options.intercept);
    let precision = precision(design.rows(), columns, k);
    let mut objective = objective(design, target, options, standardise.clone(), &ridge, precision, &workers);
    let limits = Limits {
        tol: options.tol,
        good_enough: None,
        max_steps: options.max_steps,
        separable: ridge.iter().all(|&l| l == 0.0) && design.features() > 0,
        provable: target.ids().is_some() && target.offsets().is_none(),
    };
    let outcome = newton_cg::minimise(&mut *objective, theta, limits, observer);

    if let Some(recession) = &outcome.recession {
        diagnosis.separation = Some(separation::describe(design, target, options, &standardise, recession));
    }
    let mut coefficients =
        coordinates::to_coefficients(&outcome.point.theta, k, &standardise, options.intercept)
            .unwrap_or_else(|| Coefficients::zeros(k, design.features()));
    if !relations.is_empty() {
        let metric: Vec<f64> = (0..design.features())
            .map(|j| {
                options.penalty_factors[j] * if options.standardize { statistics.sd[j].powi(2) } else { 1.0 }
            })
            .collect();
        coefficients =
            rank::minimum_norm(&coefficients, &relations, &statistics.mean, &metric, options.intercept);
    }
    diagnosis.duplicates = duplicate_columns(design, &statistics);
    diagnosis.duplicates.retain(|(copy, _)| relations.iter().all(|r| r.column != *copy));
    diagnosis.collinear = relations;
    let Outcome { point, status, kind, gap, steps, passes, solver, reason, .. } = outcome;
    Ok(Fit {
        model: Model::new(target.classes().to_vec(), coefficients)?,
        status,
        certificate: Certificate { kind, gap, relative_gap: gap / point.value.max(f64::MIN_POSITIVE) },
        objective: point.value,
        nll_mean: point.nll_mean,
        lambda: options.lambda,
        l1_ratio: options.l1_ratio,
        standardize: options.standardize,
        intercept: options.intercept,
        rows: design.rows(),
        total_weight: target.total_weight(),
        feature_sd: statistics.sd,
        steps,
        passes: start_passes + passes,
        solver,
        reason,
        diagnosis,
    })
}

/// Where to start from, and the passes over X that it cost: the given coefficients, or what the row space or growing
/// samples lead to.
fn lead(
    design: &Design<'_>,
    target: &Target,
    options: &Options,
    standardise: &Standardise,
    ridge: &[f64],
    workers: &Workers,
    observer: &mut dyn Observer,
) -> (Vec<f64>, f64) {
    let k = target.classes().len();
    let theta = start(options, target, standardise, k);
    if options.warm_start.is_some() {
        return (theta, 0.0);
    }
    let scaled = scaled_ridge(ridge, standardise);
    let Some(space) = RowSpace::new(design, standardise, &scaled, workers) else {
        return warm_up(design, target, options, standardise, ridge, workers, observer, theta);
    };
    let (n, d) = (design.rows(), design.features());
    // The Gram matrix and the way back, as passes of 4·n·d·K flops.
    let passes = n as f64 / (4.0 * k as f64) + 1.0;
    let Ok(rows) = Design::dense(&space.rows, n, space.rank) else { return (theta, passes) };
    let mut ones = vec![1.0; space.rank];
    let mut start = vec![0.0; space.rank * k];
    if options.intercept {
        ones.push(0.0);
        start.extend_from_slice(&theta[d * k..]);
    }
    let identity = Standardise::identity(space.rank);
    let precision = precision(n, ones.len(), k);
    let mut objective =
        objective::of(&rows, target, identity, options.intercept, ones, precision, workers.clone());
    let limits = Limits {
        tol: 0.1 * options.tol,
        good_enough: None,
        max_steps: options.max_steps,
        separable: false,
        provable: false,
    };
    let outcome = newton_cg::minimise(&mut *objective, start, limits, &mut Muted(observer));
    let (phi, intercepts) = outcome.point.theta.split_at(space.rank * k);
    let mut theta = space.theta(design, phi, k, workers);
    theta.extend_from_slice(intercepts);
    (theta, passes + outcome.passes * space.rank as f64 / d as f64)
}

/// Where every step factors the Hessian, it is wanted to rounding.
pub(crate) fn precision(rows: usize, columns: usize, classes: usize) -> Precision {
    if preconditioner::always_exact(rows, columns, classes) { Precision::Double } else { Precision::Single }
}

/// λ_j on the raw weights W_·j.
fn ridge(options: &Options, statistics: &ColumnStatistics) -> Vec<f64> {
    let scale = |j: usize| if options.standardize { statistics.sd[j].powi(2) } else { 1.0 };
    options.penalty_factors.iter().enumerate().map(|(j, v)| options.lambda * v * scale(j)).collect()
}

/// Centres where an intercept takes it up and zeros need not stay zeros; scales always. A constant column is
/// left out where the intercept does its work.
fn standardise(design: &Design<'_>, options: &Options, statistics: &ColumnStatistics) -> Standardise {
    let d = design.features();
    let center = options.intercept && !(design.is_sparse() && d > DENSE_COLUMNS);
    let mut s = Standardise::identity(d);
    for j in 0..d {
        let (mean, sd) = (statistics.mean[j], statistics.sd[j]);
        let rms = mean.hypot(sd);
        let scale = if center { sd } else { rms };
        if center {
            s.shift[j] = mean;
        }
        let idle = if options.intercept { statistics.constant[j] } else { rms == 0.0 };
        s.factor[j] = if idle || !scale.is_normal() { 0.0 } else { 1.0 / scale };
    }
    s
}

/// λ_j of the solver's θ_j. Columns left out keep a unit ridge: their θ stays 0 and nothing is singular.
fn scaled_ridge(ridge: &[f64], standardise: &Standardise) -> Vec<f64> {
    let scaled = |(lambda, factor): (&f64, &f64)| if *factor > 0.0 { lambda * factor * factor } else { 1.0 };
    ridge.iter().zip(&standardise.factor).map(scaled).collect()
}

pub(crate) fn objective<'a>(
    design: &Design<'a>,
    target: &'a Target,
    options: &Options,
    standardise: Standardise,
    ridge: &[f64],
    precision: Precision,
    workers: &Workers,
) -> Box<dyn Objective + 'a> {
    let mut ridge = scaled_ridge(ridge, &standardise);
    if options.intercept {
        ridge.push(0.0);
    }
    objective::of(design, target, standardise, options.intercept, ridge, precision, workers.clone())
}

/// The given start, or weights of 0 and the log frequencies of the classes.
pub(crate) fn start(options: &Options, target: &Target, standardise: &Standardise, k: usize) -> Vec<f64> {
    if let Some(c) = &options.warm_start {
        return coordinates::to_theta(c, standardise, options.intercept);
    }
    let d = standardise.shift.len();
    let mut theta = vec![0.0; (d + usize::from(options.intercept)) * k];
    if options.intercept && target.offsets().is_none() {
        let logs: Vec<f64> = target.class_weights().iter().map(|w| w.ln()).collect();
        let mean = logs.iter().sum::<f64>() / k as f64;
        for (b, log) in theta[d * k..].iter_mut().zip(logs) {
            *b = log - mean;
        }
    }
    theta
}
