//! The fit at its maximum, and the covariance there.
//!
//! The solver stops where Newton's decrement is small; the information of the passes that follow takes the last steps,
//! whose length in its own metric, U·J⁻¹U, says how near the maximum is.

use super::distributions::chi_square_tail;
use super::firth::Firth;
use super::hypotheses::Test;
use super::likelihood::{self, Likelihood};
use super::moments::{Meat, Moments, Parameters};
use super::sheet::Sheet;
use super::summary::Summary;
use super::{Covariance, Inference, WeightKind};
use crate::design::Design;
use crate::design::statistics::ColumnStatistics;
use crate::diagnose::alternative::{self, Open};
use crate::diagnose::duplicates::duplicate_columns;
use crate::diagnose::{Diagnosis, rank, separation};
use crate::error::{Error, Result};
use crate::lead::lead;
use crate::linalg::{Cholesky, Symmetric};
use crate::options::Options;
use crate::parallel::Workers;
use crate::problem::Problem;
use crate::solver::newton_cg::{self, Outcome, Recession};
use crate::solver::{Observer, Silent, Status};
use crate::target::Target;

/// Log-likelihood, in nats, that the solver may be away from its maximum.
const NEAR: f64 = 1e-6;
/// The same for restricted fits, which take no further step.
const RATIO: f64 = 1e-9;
/// U·J⁻¹U of the last step, at most: V is that of a point 1e-9 standard errors away, or nearer.
const LAST_STEP: f64 = 1e-18;
/// Steps after those of the solver, at most.
const STEPS: usize = 6;
/// Parameters up to which a covariance is formed (200 MB).
const LARGEST: usize = 5000;

pub(super) fn fit(
    inference: &Inference,
    options: &Options,
    design: &Design<'_>,
    target: &Target,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    let options = Options { tol: (NEAR / target.total_weight()).clamp(1e-16, 0.5), ..options.clone() };
    let classes = target.classes().len();
    let workers = Workers::new(options.threads, design.stored() as f64 * classes as f64);
    let statistics = ColumnStatistics::new(design, target.sample_weights(), &workers)?;
    let mut problem = Problem::new(design, target, &options, &statistics, workers);
    let parameters = (design.features() + 1) * classes;
    if parameters > LARGEST {
        return Err(Error::TooLarge { what: "the covariance of all coefficients" });
    }
    let mut diagnosis = Diagnosis {
        constant: (0..design.features()).filter(|&j| statistics.constant[j]).collect(),
        ..Diagnosis::default()
    };
    let all: Vec<usize> = (0..design.features()).filter(|&j| problem.standardise.factor[j] > 0.0).collect();
    diagnosis.collinear = rank::dependent_columns(
        design,
        target,
        &problem.standardise,
        &all,
        rank::DEPENDENT,
        &problem.workers,
    );
    if options.lambda == 0.0 {
        for relation in &diagnosis.collinear {
            problem.standardise.factor[relation.column] = 0.0;
        }
    }
    diagnosis.duplicates = duplicate_columns(design, &statistics);
    diagnosis.duplicates.retain(|(copy, _)| diagnosis.collinear.iter().all(|r| r.column != *copy));

    let maximum = Maximum { inference, problem: &problem, statistics: &statistics };
    if inference.firth {
        return maximum.firth(diagnosis);
    }
    let theta = lead(&problem, observer).theta;
    let outcome = newton_cg::minimise(&mut *problem.objective(), theta, problem.limits(), observer);
    maximum.summary(&outcome, diagnosis).map_err(|error| match error {
        Error::NoMaximum { .. } | Error::SingularInformation => exactly(&problem, error.clone(), error),
        other => other,
    })
}

/// What is around a solution.
struct Maximum<'m> {
    inference: &'m Inference,
    problem: &'m Problem<'m>,
    statistics: &'m ColumnStatistics,
}

impl Maximum<'_> {
    fn summary(&self, outcome: &Outcome, diagnosis: Diagnosis) -> Result<Summary> {
        let Self { inference, problem, .. } = self;
        let Problem { design, target, options, standardise, workers, .. } = *problem;
        check(problem, outcome)?;
        let of = parameters(problem, inference.reference);
        let sheet = Sheet::new(*design, standardise, options.intercept, of.classes, workers.clone())
            .with_target(target);
        let ids = target.ids().unwrap_or_default();
        let covariance = inference.chosen();
        let counts = inference.weights == WeightKind::Frequency;
        let (groups, group_count) = inference.clusters.as_deref().map(numbered).unwrap_or_default();
        let meat = match covariance {
            Covariance::Model => Meat::None,
            Covariance::Cluster => Meat::Groups(&groups, group_count),
            Covariance::Hc0 | Covariance::Hc1 if counts => Meat::Counts,
            Covariance::Hc0 | Covariance::Hc1 => Meat::Squares,
        };
        let mut beta = against_reference(&outcome.point.theta, &of);
        let mut left = STEPS;
        let (moments, information, bread, length) = loop {
            let mut moments = Moments::new(&sheet, &of.theta(&beta), ids, &of, meat);
            let information = moments.information.clone();
            add_penalty(problem, &of, &beta, &mut moments);
            let bread = invert(&moments.information).ok_or(Error::SingularInformation)?;
            let step = product(&bread, &moments.score);
            let length: f64 = step.iter().zip(&moments.score).map(|(s, u)| s * u).sum();
            beta.iter_mut().zip(&step).for_each(|(b, s)| *b += s);
            left -= 1;
            if length <= LAST_STEP {
                break (moments, information, bread, length);
            }
            if left == 0 || length.is_nan() {
                return Err(Error::NoMaximum { decrement: length });
            }
        };

        let n = target.total_weight();
        let p = of.count() as f64;
        let correction = match covariance {
            Covariance::Model | Covariance::Hc0 => 1.0,
            Covariance::Hc1 => n / (n - p),
            Covariance::Cluster => {
                let g = group_count as f64;
                g / (g - 1.0) * (n - 1.0) / (n - p)
            }
        };
        if !(correction > 0.0 && correction.is_finite()) {
            return Err(Error::TooFewRows { rows: n, parameters: of.count() });
        }
        // A penalty is known, so the score varies by the information alone.
        let meat = moments.meat.or_else(|| (options.lambda > 0.0).then_some(information));
        let mut v = meat.map_or_else(|| bread.clone(), |meat| sandwich(&bread, &meat));
        v.values.iter_mut().for_each(|v| *v *= correction);

        let ordinary = options.lambda == 0.0
            && (target.sample_weights().is_none() || inference.weights != WeightKind::Sampling);
        let groups = inference.clusters.as_ref().map(|_| group_count);
        let found =
            Found { of, beta, v, inverse: bread, loglik: moments.loglik + 0.5 * length, ordinary, groups };
        self.assemble(found, outcome.steps, diagnosis)
    }

    /// Firth's estimates.
    fn firth(&self, diagnosis: Diagnosis) -> Result<Summary> {
        let Problem { design, target, options, standardise, workers, .. } = self.problem;
        let of = parameters(self.problem, self.inference.reference);
        let sheet = Sheet::new(*design, standardise, options.intercept, of.classes, workers.clone())
            .with_target(target);
        let firth = Firth { sheet: &sheet, ids: target.ids().unwrap_or_default(), of: &of };
        let (best, test) = firth.fit(options.intercept.then_some(design.features()))?;
        let found = Found {
            of: of.clone(),
            beta: best.beta.clone(),
            v: best.inverse.clone(),
            inverse: best.inverse.clone(),
            loglik: best.loglik,
            ordinary: false,
            groups: None,
        };
        let mut summary = self.assemble(found, best.steps, diagnosis)?;
        summary.firth = Some(test);
        firth.profiles(&best, &mut summary)?;
        Ok(summary)
    }

    fn assemble(&self, found: Found, steps: usize, diagnosis: Diagnosis) -> Result<Summary> {
        let Self { inference, problem, statistics } = self;
        let Problem { design, target, options, standardise, .. } = *problem;
        let Found { of, beta, v, inverse, loglik, ordinary, groups } = found;
        let (null, null_parameters) = likelihood::null(problem)?;
        let (observations, parameters) = (target.total_weight(), of.count());
        let mut summary = Summary {
            classes: target.classes().to_vec(),
            reference: inference.reference,
            features: design.features(),
            intercept: options.intercept,
            rows: design.rows(),
            covariance: inference.chosen(),
            weights: target.sample_weights().map(|_| inference.weights),
            clusters: groups,
            level: inference.level,
            lambda: options.solved().0,
            steps,
            likelihood: Likelihood { loglik, null, parameters, null_parameters, observations, ordinary },
            diagnosis,
            standardise: standardise.clone(),
            kept: of.kept.clone(),
            mean: statistics.mean.clone(),
            sd: statistics.sd.clone(),
            beta: vec![],
            v: Symmetric::default(),
            inverse: Symmetric::default(),
            errors: vec![],
            profiles: None,
            firth: None,
        };
        (_, summary.inverse) = widen(&of, &beta, &inverse);
        (summary.beta, summary.v) = widen(&of, &beta, &v);
        summary.measure();
        Ok(summary)
    }
}

/// Estimates over the free classes and the kept columns.
struct Found {
    of: Parameters,
    beta: Vec<f64>,
    v: Symmetric,
    inverse: Symmetric,
    loglik: f64,
    ordinary: bool,
    /// Clusters.
    groups: Option<usize>,
}

/// Did the solver arrive?
fn check(problem: &Problem<'_>, outcome: &Outcome) -> Result<()> {
    match outcome.status {
        Status::Separated => {
            let otherwise = match &outcome.recession {
                Some(recession) => named(problem, recession, recession.complete),
                None => Error::NoMaximum { decrement: outcome.gap },
            };
            Err(exactly(problem, otherwise, Error::NoMaximum { decrement: outcome.gap }))
        }
        Status::Cancelled => Err(Error::Cancelled),
        Status::StepLimit => Err(Error::NoMaximum { decrement: outcome.gap }),
        _ => Ok(()),
    }
}

/// Is it separation? By the exact check; `otherwise` where that is too expensive, `overlap` where classes overlap.
fn exactly(problem: &Problem<'_>, otherwise: Error, overlap: Error) -> Error {
    match alternative::separation(problem) {
        Err(Open) => otherwise,
        Ok(None) => overlap,
        Ok(Some(rule)) => match problem.objective().margins(&rule.direction) {
            Some(margins) => named(problem, &Recession::new(&rule.direction, &margins), rule.complete),
            None => otherwise,
        },
    }
}

fn named(problem: &Problem<'_>, recession: &Recession, complete: bool) -> Error {
    let found = separation::describe(problem, recession);
    Error::Separated { classes: found.classes, columns: found.columns, complete }
}

/// All classes but the reference, all columns that are not left out.
fn parameters(problem: &Problem<'_>, reference: usize) -> Parameters {
    let (classes, d) = (problem.classes(), problem.design.features());
    let intercept = problem.options.intercept;
    let kept =
        (0..d).filter(|&j| problem.standardise.factor[j] > 0.0).chain(intercept.then_some(d)).collect();
    let free = (0..classes).filter(|&k| k != reference).collect();
    Parameters { classes, columns: d + usize::from(intercept), free, kept }
}

/// β_k = θ_k − θ_ref, class-major over the free classes and the kept columns.
fn against_reference(theta: &[f64], of: &Parameters) -> Vec<f64> {
    let reference = (0..of.classes).find(|k| !of.free.contains(k)).unwrap_or_default();
    let k = of.classes;
    let of_class = |&c: &usize| of.kept.iter().map(move |j| theta[j * k + c] - theta[j * k + reference]);
    of.free.iter().flat_map(of_class).collect()
}

/// Adds the ridge's curvature and gradient: Σ_k ‖w_k‖² in the zero-sum gauge is βᵀ(I − 11ᵀ/K)β.
fn add_penalty(problem: &Problem<'_>, of: &Parameters, beta: &[f64], moments: &mut Moments) {
    if problem.options.lambda == 0.0 {
        return;
    }
    let (f, mk) = (of.free.len(), of.kept.len());
    let (s, k) = (problem.target.total_weight(), of.classes as f64);
    let ridge = problem.scaled_ridge();
    for (i, &j) in of.kept.iter().enumerate().filter(|(_, j)| **j < ridge.len()) {
        for a in 0..f {
            for b in 0..f {
                let curvature = s * ridge[j] * (f64::from(u8::from(a == b)) - 1.0 / k);
                moments.information.values[(a * mk + i) * f * mk + b * mk + i] += curvature;
                moments.score[a * mk + i] -= curvature * beta[b * mk + i];
            }
        }
    }
}

/// A⁻¹ by Cholesky of the matrix with unit diagonal; `None` if it is singular to rounding.
pub(super) fn invert(a: &Symmetric) -> Option<Symmetric> {
    invert_with_determinant(a).map(|(inverse, _)| inverse)
}

/// A⁻¹ and ln |A|.
pub(super) fn invert_with_determinant(a: &Symmetric) -> Option<(Symmetric, f64)> {
    let n = a.n;
    let scale: Vec<f64> = a.diagonal().map(|v| 1.0 / v.sqrt()).collect();
    if scale.iter().any(|s| !s.is_finite()) {
        return None;
    }
    let mut unit = a.clone();
    for (i, row) in unit.values.chunks_exact_mut(n.max(1)).enumerate() {
        for (v, s) in row.iter_mut().zip(&scale) {
            *v *= scale[i] * s;
        }
    }
    let factor = Cholesky::new(&unit).filter(|f| !f.jittered)?;
    let mut inverse = Symmetric::zeros(n);
    for i in 0..n {
        inverse.values[i * (n + 1)] = 1.0;
    }
    factor.solve_in_place(&mut inverse.values, n);
    for i in 0..n {
        for j in 0..=i {
            let v = 0.5 * (inverse.values[i * n + j] + inverse.values[j * n + i]) * scale[i] * scale[j];
            (inverse.values[i * n + j], inverse.values[j * n + i]) = (v, v);
        }
    }
    let ln_determinant = factor.log_determinant() - 2.0 * scale.iter().map(|s| s.ln()).sum::<f64>();
    Some((inverse, ln_determinant))
}

/// A x.
pub(super) fn product(a: &Symmetric, x: &[f64]) -> Vec<f64> {
    a.values.chunks_exact(a.n.max(1)).map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
}

/// A B A.
fn sandwich(a: &Symmetric, b: &Symmetric) -> Symmetric {
    let n = a.n;
    let times = |a: &[f64], b: &[f64]| {
        let mut out = vec![0.0; n * n];
        for (row, out) in a.chunks_exact(n.max(1)).zip(out.chunks_exact_mut(n.max(1))) {
            for (v, b) in row.iter().zip(b.chunks_exact(n)) {
                for (out, b) in out.iter_mut().zip(b) {
                    *out += v * b;
                }
            }
        }
        out
    };
    let mut out = Symmetric { n, values: times(&times(&a.values, &b.values), &a.values) };
    for i in 0..n {
        for j in 0..i {
            out.values[j * n + i] = out.values[i * n + j];
        }
    }
    out
}

/// β and V over all K classes, zeros for the reference.
fn widen(of: &Parameters, beta: &[f64], v: &Symmetric) -> (Vec<f64>, Symmetric) {
    let mk = of.kept.len();
    let n = of.classes * mk;
    let (mut wide, mut matrix) = (vec![0.0; n], Symmetric::zeros(n));
    for (a, &k) in of.free.iter().enumerate() {
        for i in 0..mk {
            wide[k * mk + i] = beta[a * mk + i];
            for (b, &l) in of.free.iter().enumerate() {
                let row = &v.values[(a * mk + i) * v.n + b * mk..][..mk];
                matrix.values[(k * mk + i) * n + l * mk..][..mk].copy_from_slice(row);
            }
        }
    }
    (wide, matrix)
}

/// Clusters numbered from 0 without gaps, in order of appearance of their numbers.
fn numbered(clusters: &[u32]) -> (Vec<u32>, usize) {
    let mut places = std::collections::HashMap::new();
    let ids = clusters
        .iter()
        .map(|c| {
            let next = places.len() as u32;
            *places.entry(*c).or_insert(next)
        })
        .collect();
    (ids, places.len())
}

pub(super) fn likelihood_ratio(
    inference: &Inference,
    options: &Options,
    design: &Design<'_>,
    target: &Target,
    summary: &Summary,
    columns: &[usize],
) -> Result<Test> {
    if options.lambda > 0.0 {
        return Err(Error::Penalised { lambda: options.lambda });
    }
    if target.sample_weights().is_some() && inference.weights == WeightKind::Sampling {
        return Err(Error::SamplingCovariance);
    }
    if let Some(&bad) = columns.iter().find(|j| **j >= summary.features) {
        return Err(Error::Features { expected: summary.features, found: bad + 1 });
    }
    let options = Options { tol: (RATIO / target.total_weight()).clamp(1e-16, 0.5), ..options.clone() };
    let workers = Workers::new(options.threads, design.stored() as f64 * summary.classes.len() as f64);
    let statistics = ColumnStatistics::new(design, target.sample_weights(), &workers)?;
    let mut problem = Problem::new(design, target, &options, &statistics, workers);
    problem.standardise = summary.standardise.clone();
    let gone: Vec<usize> = columns.iter().copied().filter(|j| summary.kept.contains(j)).collect();
    if inference.firth {
        let of = parameters(&problem, summary.reference);
        let sheet =
            Sheet::new(*design, &problem.standardise, options.intercept, of.classes, problem.workers.clone())
                .with_target(target);
        let firth = Firth { sheet: &sheet, ids: target.ids().unwrap_or_default(), of: &of };
        return firth.columns(&summary.beta, &gone);
    }
    let start = summary.constrained_start(&gone);
    for &j in &gone {
        problem.standardise.factor[j] = 0.0;
    }
    let outcome = newton_cg::minimise(&mut *problem.objective(), start, problem.limits(), &mut Silent);
    check(&problem, &outcome)?;
    let restricted = -outcome.point.nll_mean * target.total_weight();
    let statistic = (2.0 * (summary.likelihood.loglik - restricted)).max(0.0);
    let df = gone.len() * (summary.classes.len() - 1);
    Ok(Test { statistic, df, p_value: chi_square_tail(statistic, df) })
}
