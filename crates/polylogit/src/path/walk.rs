//! How a path is walked: from the null model down, or in two legs at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{LARGEST_RATIO, LEAST_COUNT, LEAST_GAIN, Lambdas, Path, PathPoint, STRICT};
use crate::composite::{Composite, NullModel, climb_down};
use crate::design::Design;
use crate::error::Result;
use crate::options::Options;
use crate::parallel::Workers;
use crate::solver::line::Minimiser;
use crate::solver::proximal_newton::{Ended, Ends, Solver};
use crate::solver::{Event, Muted, Observer, Status, Watch};
use crate::target::Target;

/// Paths of at least so many λ are walked in two legs where a pass is of at most so many multiply-adds: with more, each pass has
/// work for all threads.
const LEAST_LEGS: usize = 20;
const LEGS_WORK: f64 = 2e7;
/// Hundredths of the λ that the first leg goes through, with about half the work: those of the second have more weights, but most
/// curvature serves for many of them.
const FIRST_LEG: usize = 54;

/// Fits a path; `visit(index, λ, solver)` sees the solver at each of its points.
pub(crate) fn run<'p>(
    design: &Design<'p>,
    target: &'p Target,
    options: &'p Options,
    lambdas: &Lambdas,
    workers: Workers,
    observer: &mut dyn Observer,
    visit: impl FnMut(usize, f64, &Solver<'p>),
) -> Result<Path> {
    let composite = Composite::new(design, target, options, workers)?;
    let (mut path, sequence, mut leg) = begin(&composite, lambdas, observer);
    leg.lead_to(sequence[0], observer);
    leg.walk(&sequence, observer, visit);
    (path.passes, path.points) = (leg.solver.passes, leg.points);
    Ok(path)
}

/// Is the path of so many multiply-adds a pass walked in two legs? Shapes alone say so.
pub(super) fn has_legs(options: &Options, lambdas: &Lambdas, work: f64) -> bool {
    options.l1_ratio > 0.0 && lambdas.count >= LEAST_LEGS && work <= LEGS_WORK
}

/// As [`run`], in two legs: the second starts in the middle as a fit at one λ does, led there by a few larger ones. Each has a
/// thread where there are two; the observer hears of the second when it is there.
pub(super) fn run_legs(
    design: &Design<'_>,
    target: &Target,
    options: &Options,
    lambdas: &Lambdas,
    workers: &Workers,
    observer: &mut dyn Observer,
) -> Result<Path> {
    let mut composite = Composite::new(design, target, options, workers.clone())?;
    composite.workers = Workers::default();
    let (mut path, sequence, mut upper) = begin(&composite, lambdas, observer);
    let (first, second) = sequence.split_at(FIRST_LEG * sequence.len() / 100);
    let null = NullModel::of(&upper.solver);
    let (mean, early_stop, lambda_max) = (upper.null, lambdas.early_stop, upper.before);
    let lower = |observer: &mut dyn Observer| {
        let mut leg = Leg::new(&composite, composite.another(&null), mean, early_stop, lambda_max);
        leg.lead_to(second[0], observer);
        leg.walk(second, &mut Muted(observer), |_, _, _| {});
        (leg.points, leg.solver.passes)
    };
    let skip = AtomicBool::new(false);
    let skips = || skip.load(Ordering::Relaxed);
    let (goes_on, beside) = workers.beside(
        observer,
        |observer| {
            upper.lead_to(first[0], observer);
            let goes_on = upper.walk(first, observer, |_, _, _| {});
            skip.fetch_or(!goes_on, Ordering::Relaxed);
            goes_on
        },
        || lower(&mut Watch(&skips)),
        |observer| {
            skip.fetch_or(observer.cancelled(), Ordering::Relaxed);
        },
    );
    path.passes = upper.solver.passes;
    path.points = upper.points;
    if !goes_on {
        return Ok(path);
    }
    let (points, passes) = beside.unwrap_or_else(|| lower(observer));
    path.passes += passes;
    for point in points {
        path.points.push(point);
        let event = event(&path.points, path.passes, options.tol);
        if observer.step(&event).is_break() || (early_stop && explains_enough(&path.points)) {
            break;
        }
    }
    Ok(path)
}

/// The path without its points, its λ, and a walk that starts at the null model.
fn begin<'c, 'p>(
    composite: &'c Composite<'p>,
    lambdas: &Lambdas,
    observer: &mut dyn Observer,
) -> (Path, Vec<f64>, Leg<'c, 'p>) {
    let Composite { design, target, options, statistics, .. } = composite;
    let mut solver = composite.solver();
    let null = composite.to_null(&mut solver, &mut Muted(observer));
    let lambda_max = composite.lambda_max(&solver);
    let sequence = lambdas.of(lambda_max, design.rows(), design.features());
    let path = Path {
        classes: target.classes().to_vec(),
        features: design.features(),
        l1_ratio: options.l1_ratio,
        grouped: options.grouped,
        groups: options.groups.clone(),
        standardize: options.standardize,
        lambda_max,
        feature_sd: statistics.sd.clone(),
        null_nll_mean: null,
        passes: 0.0,
        points: Vec::new(),
    };
    let leg = Leg::new(composite, solver, null, lambdas.early_stop, lambda_max.max(sequence[0]));
    (path, sequence, leg)
}

/// A walk along falling λ, each fit from the one before.
struct Leg<'c, 'p> {
    composite: &'c Composite<'p>,
    solver: Solver<'p>,
    /// The null model's mean negative log-likelihood.
    null: f64,
    early_stop: bool,
    /// The λ whose minimum the solver is at, about.
    before: f64,
    /// The first working set, where the strong rule does not tell it.
    set: Option<Vec<usize>>,
    points: Vec<PathPoint>,
}

impl<'c, 'p> Leg<'c, 'p> {
    /// One that starts at the null model.
    fn new(
        composite: &'c Composite<'p>,
        solver: Solver<'p>,
        null: f64,
        early_stop: bool,
        lambda_max: f64,
    ) -> Self {
        Self { composite, solver, null, early_stop, before: lambda_max, set: None, points: Vec::new() }
    }

    /// Goes to a λ by way of larger ones.
    fn lead_to(&mut self, lambda: f64, observer: &mut dyn Observer) {
        let options = self.composite.options;
        if options.l1_ratio > 0.0 && lambda < self.before {
            self.set = Some(climb_down(self.composite, &mut self.solver, lambda, ends(options), observer));
            self.before = lambda;
        }
    }

    /// Goes along; does the path go on after it?
    fn walk(
        &mut self,
        sequence: &[f64],
        observer: &mut dyn Observer,
        mut visit: impl FnMut(usize, f64, &Solver<'p>),
    ) -> bool {
        let options = self.composite.options;
        let mut above = self.composite.penalty(self.before, options.l1_ratio);
        let mut earlier: Option<(f64, Minimiser)> = None;
        for (index, &lambda) in sequence.iter().enumerate() {
            let penalty = self.composite.penalty(lambda, options.l1_ratio);
            let set = match self.set.take() {
                Some(set) => set,
                None => self.solver.candidates(&penalty, Some(&above), |j| 2.0 * penalty.l1[j] - above.l1[j]),
            };
            let first = self.solver.steps;
            let now = (index > 0).then(|| ((self.before / lambda).ln(), self.solver.minimiser()));
            if let Some((log_ratio, theta)) = earlier.filter(|(log_ratio, _)| *log_ratio > 0.0) {
                self.solver.extrapolate(&penalty, &set, &theta, (self.before / lambda).ln() / log_ratio);
            }
            earlier = now;
            let ended = self.solver.minimise(&penalty, set, ends(options), &mut Muted(observer));
            self.points.push(self.point(lambda, &ended, self.solver.steps - first));
            visit(index, lambda, &self.solver);
            let event = event(&self.points, self.solver.passes, options.tol);
            let cancelled = ended.status == Status::Cancelled || observer.step(&event).is_break();
            if cancelled || (self.early_stop && explains_enough(&self.points)) {
                return false;
            }
            (self.before, above) = (lambda, penalty);
        }
        true
    }

    /// Where the solver is.
    fn point(&self, lambda: f64, ended: &Ended, steps: usize) -> PathPoint {
        let weights = self.composite.coefficients(&self.solver.theta, &self.solver.set);
        let (nll, saturated) = (self.solver.means.nll, self.solver.dual.labels.0);
        PathPoint {
            lambda,
            objective: ended.value,
            nll_mean: nll,
            deviance_ratio: 1.0 - (nll - saturated) / (self.null - saturated),
            nonzero_features: weights.features.len(),
            nonzero_weights: weights.values.iter().filter(|w| **w != 0.0).count(),
            certificate: Composite::certificate(ended),
            status: ended.status,
            steps,
            weights,
        }
    }
}

/// When the fit at a λ ends.
fn ends(options: &Options) -> Ends {
    let Options { tol, max_steps, .. } = *options;
    Ends { tol, max_steps, least_gain: 0.0, strict: tol < STRICT }
}

/// What is told of the last point.
fn event(points: &[PathPoint], passes: f64, tol: f64) -> Event {
    let (objective, relative_gap) =
        points.last().map_or((0.0, 0.0), |p| (p.objective, p.certificate.relative_gap));
    Event { step: points.len(), passes, objective, relative_gap, tol }
}

/// Do smaller λ explain no more than the last point?
fn explains_enough(points: &[PathPoint]) -> bool {
    let [.., before, last] = points else { return false };
    let gain = last.deviance_ratio - before.deviance_ratio;
    points.len() >= LEAST_COUNT && (gain < LEAST_GAIN || last.deviance_ratio > LARGEST_RATIO)
}
