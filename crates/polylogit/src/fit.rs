//! From checked options to a fitted model.

use crate::certificate::Certificate;
use crate::coefficients::Coefficients;
use crate::design::Design;
use crate::design::statistics::ColumnStatistics;
use crate::diagnose::duplicates::duplicate_columns;
use crate::diagnose::{Diagnosis, rank, separation};
use crate::error::Result;
use crate::lead::lead;
use crate::memory;
use crate::model::Model;
use crate::objective::{Point, coordinates};
use crate::options::Options;
use crate::parallel::Workers;
use crate::problem::Problem;
use crate::solver::newton_cg::{self, Outcome};
use crate::solver::{Event, Observer, Status};
use crate::target::Target;

/// A fitted model, how the fit ended and how good it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fit {
    /// The model; its coefficients are on the raw scale. The ridge, groups and two classes have the zero-sum gauge, other
    /// penalties that of the least penalty (for the lasso the median of a feature's weights is 0); see also
    /// [`LogisticRegression::like`](crate::LogisticRegression::like).
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
    /// v_j (d), as they multiply the penalty of each feature.
    pub penalty_factors: Vec<f64>,
    /// Was ‖W_·j‖₂ penalised in place of ‖W_·j‖₁?
    pub grouped: bool,
    /// The features of each group G that ‖W_·G‖_F was penalised of; the others are groups of their own.
    pub groups: Vec<Vec<usize>>,
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
    /// Bytes beside X and the target that the fit was foreseen to take, see [`Estimate`](crate::memory::Estimate).
    pub memory: u64,
    /// The method that was used.
    pub solver: &'static str,
    /// Why that method.
    pub reason: String,
    /// What was noticed about the columns.
    pub diagnosis: Diagnosis,
    /// The steps as an [`Observer`] heard them: all of them up to 512, beyond evenly thinned, always with the last.
    pub trace: Vec<Event>,
}

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
    let mut problem = Problem::new(design, target, options, &statistics, workers);
    let free = problem.free();
    let relations = rank::dependent_columns(
        design,
        target,
        &problem.standardise,
        &free,
        rank::DEPENDENT,
        &problem.workers,
    );
    for relation in &relations {
        problem.standardise.factor[relation.column] = 0.0;
    }

    let start = lead(&problem, observer);
    let outcome = if let Some(mut proven) = start.proven {
        proven.point.theta = start.theta;
        proven
    } else {
        let mut objective = problem.objective();
        let mut point = Point { theta: start.theta, ..Point::default() };
        let rough = newton_cg::look(&mut *objective, &mut point, start.far);
        newton_cg::minimise_from(&mut *objective, point, rough, problem.limits(), observer)
    };

    if let Some(recession) = &outcome.recession {
        diagnosis.separation = Some(separation::describe(&problem, recession));
    }
    let mut coefficients =
        coordinates::to_coefficients(&outcome.point.theta, k, &problem.standardise, options.intercept)
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
    if options.one_vector(k) {
        coefficients = coefficients.contrasts(0);
    }
    let (lambda, l1_ratio) = options.solved();
    let Outcome { point, status, kind, gap, steps, passes, solver, reason, .. } = outcome;
    Ok(Fit {
        model: Model::new(target.classes().to_vec(), coefficients)?,
        status,
        certificate: Certificate { kind, gap, relative_gap: gap / point.value.max(f64::MIN_POSITIVE) },
        objective: point.value,
        nll_mean: point.nll_mean,
        lambda,
        l1_ratio,
        penalty_factors: options.penalty_factors.clone(),
        grouped: options.grouped,
        groups: options.groups.clone(),
        standardize: options.standardize,
        intercept: options.intercept,
        rows: design.rows(),
        total_weight: target.total_weight(),
        feature_sd: statistics.sd,
        steps,
        passes: start.passes + passes,
        memory: memory::estimate(design, target, options).bytes(),
        solver,
        reason: match start.reason {
            Some(led) if steps == 0 => led,
            Some(led) => format!("{led}; {reason}"),
            None => reason,
        },
        diagnosis,
        trace: Vec::new(),
    })
}
