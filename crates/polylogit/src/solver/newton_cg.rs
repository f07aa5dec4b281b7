//! Newton's method in a trust region, its step by conjugate gradients: the method of every smooth fit.
//!
//! ```text
//! s = argmin { g·s + ½ s·∇²F s : ‖s‖_M ≤ Δ }     to a residual of min(0.1, √(‖g‖/‖g₀‖)) · ‖g‖ in M⁻¹
//! ρ = (F(θ) − F(θ+s)) / predicted                 θ ← θ + s if ρ > 1e-4
//! Δ ← 2.5Δ if ρ > ¾ at the boundary and not just cut;  Δ ← ‖s‖/4 if ρ < ¼
//! ```
//!
//! M is the metric of `preconditioner.rs`. Where a step promises much, F at its end is estimated in the precision of
//! curvature; the first that is refused ends this. Ends when the duality gap (with no ridge: half the squared Newton
//! decrement) is within tol·F. Workspace: six vectors of the size of θ, the metric and its pairs.
//!
//! Sources: Steihaug 1983; Lin, Weng, Keerthi, Trust region Newton method for logistic regression (2008).

use super::pcg::{self, Step, Workspace};
use super::preconditioner::Preconditioner;
use super::vectors::Vectors;
use super::{Event, Observer, Status};
use crate::certificate::{self, CertificateKind};
use crate::objective::{Dual, Margins, Objective, Point, TIMES};
use crate::parallel::Workers;

/// A radius that proved too short grows by this factor.
const GROWTH: f64 = 2.5;
/// Steps that lead nowhere in a row after which float64 has no more to give.
const STALLS: usize = 8;
/// Steps after which the decrement should be less than a quarter of what it was, if the metric and curvature are right.
const PATIENCE: usize = 20;
/// A step is solved until the gap that it foresees is this share of the one asked for.
const AMPLE: f64 = 0.3;
/// F is known to this relative accuracy.
const ROUNDING: f64 = 4e-15;
/// Steps that promise less than this share of F are believed to be in the range where F is quadratic.
const ROUNDED: f64 = 1e-6;
/// A step that promises more than this share of F is tried at several lengths,
const FAR: f64 = 1e-3;
/// where rows are long enough for that to be cheap. Beside a whole Hessian it always is.
const LOOK_AHEAD: usize = 200;
/// A step that promises more than this, in nats and as a share of F, ends where an estimate of F and its gradient will do.
const ROUGH: f64 = 1e-5;
/// An estimate errs by less than this, in nats and as a share of F.
const ESTIMATED: f64 = 1e-6;
/// A direction moves scores by more than this although the decrement has vanished: suspect separation.
const SUSPECT: f64 = 0.1;
/// Rows may go against a separating direction by this share of its best row.
const AGAINST: f64 = 1e-3;

/// Where a fit ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) point: Point,
    pub(crate) status: Status,
    pub(crate) kind: CertificateKind,
    pub(crate) gap: f64,
    pub(crate) steps: usize,
    pub(crate) passes: f64,
    pub(crate) solver: &'static str,
    pub(crate) reason: String,
    pub(crate) recession: Option<Recession>,
}

/// A direction along which the likelihood rises for ever.
#[derive(Debug)]
pub(crate) struct Recession {
    pub(crate) direction: Vec<f64>,
    /// Is it strict for every row?
    pub(crate) complete: bool,
    /// The classes that it tells apart from all others; if there is none, those that gain.
    pub(crate) classes: Vec<usize>,
}

impl Recession {
    pub(crate) fn new(direction: &[f64], margins: &Margins) -> Self {
        let complete = margins.low > 0.0;
        let boundary = if complete { 0.0 } else { AGAINST * margins.high };
        let strict = |of: &[f64]| -> Vec<usize> { (0..of.len()).filter(|&c| of[c] > boundary).collect() };
        let apart = strict(&margins.apart);
        let classes = if apart.is_empty() { strict(&margins.gains) } else { apart };
        Self { direction: direction.to_vec(), complete, classes }
    }
}

/// When to stop, and what to look for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) tol: f64,
    /// End when a step promises less than this share of F, or than an estimate of F tells, and take no bounds?
    pub(crate) good_enough: Option<f64>,
    pub(crate) max_steps: usize,
    /// Is nothing penalised, so that separable classes have no finite optimum?
    pub(crate) separable: bool,
    /// May a Hessian be factored when steps grow slow?
    pub(crate) reserve: bool,
    /// Is p > ½ for each row's class proof of separation (hard labels, no offsets)?
    pub(crate) provable: bool,
}

/// Minimises from `theta`.
pub(crate) fn minimise(
    objective: &mut dyn Objective,
    theta: Vec<f64>,
    limits: Limits,
    observer: &mut dyn Observer,
) -> Outcome {
    let mut start = Point { theta, ..Point::default() };
    objective.evaluate(&mut start);
    minimise_from(objective, start, false, limits, observer)
}

/// Evaluates, or estimates where that will do (`roughly`); was it estimated?
pub(crate) fn look(objective: &mut dyn Objective, point: &mut Point, roughly: bool) -> bool {
    if roughly {
        return objective.estimate(point);
    }
    objective.evaluate(point);
    false
}

/// Minimises from the point that was evaluated last; `rough`: that is, estimated.
#[expect(clippy::too_many_lines, reason = "the loop reads top to bottom as the method")]
pub(crate) fn minimise_from(
    objective: &mut dyn Objective,
    mut point: Point,
    mut rough: bool,
    limits: Limits,
    observer: &mut dyn Observer,
) -> Outcome {
    let mut metric = Preconditioner::new(objective, limits.reserve);
    let (solver, reason) = metric.explain();
    let mut trial = point.clone();
    let (mut work, mut step) = (Workspace::default(), Step::default());
    let (mut radius, mut first_norm, mut last_norm) = (None, None, None::<f64>);
    let (mut passes, mut steps, mut stalls) = (1.0, 0, 0);
    let (mut recession, mut lower) = (None, f64::NEG_INFINITY);
    // The decrement by quarters, and the step that had it.
    let (mut least, mut since) = (f64::INFINITY, 0);
    let mut stale = true; // Is the metric that of another point?
    let mut retry = false; // Was the last step refused?
    let bounded = limits.good_enough.is_none();
    let bound = |objective: &dyn Objective, point: &Point| {
        bounded.then(|| certificate::duality_gap(point, objective.dual(), objective.workers())).flatten()
    };
    let mut trusted = bounded; // Do estimates lead on?
    let (status, kind, mut gap) = loop {
        // A bound from below holds for every point: the best one so far counts.
        let certified = bound(objective, &point).map(|gap| {
            let own = point.value - gap;
            if rough {
                gap
            } else if own >= lower {
                lower = own;
                gap
            } else {
                point.value - lower + ROUNDING * point.value.abs()
            }
        });
        let separate = limits.separable && limits.provable && point.least_label_probability > 0.5;
        if rough && (separate || certified.is_some_and(|gap| gap <= limits.tol * point.value)) {
            objective.evaluate(&mut point);
            passes += 1.0;
            rough = false;
            continue;
        }
        if let Some(gap) = certified {
            if tell(observer, steps, passes, &point, gap, limits.tol) {
                break (Status::Cancelled, CertificateKind::DualityGap, gap);
            }
            if gap <= limits.tol * point.value {
                break (Status::Converged, CertificateKind::DualityGap, gap);
            }
        }
        if separate {
            recession = objective.margins(&point.theta).map(|m| Recession::new(&point.theta, &m));
            break (Status::Separated, CertificateKind::NewtonDecrement, point.value);
        }
        if stale {
            passes += metric.renew(objective);
            stale = false;
        }
        let asked = std::cell::Cell::new(false);
        let retried = retry;
        let shortened = retry && radius.is_some_and(|radius| step.shorten(radius));
        if !shortened {
            let first = first_norm;
            let forcing = move |norm: f64| first.map_or(0.1, |f: f64| (norm / f).sqrt().min(0.1)).max(1e-6);
            let (dual, workers) = (objective.dual().clone(), &metric.vectors.workers);
            pcg::solve(
                objective,
                &metric,
                &point.gradient,
                // The length of a step by the Hessian itself is looked for along it.
                if metric.is_hessian() && !retry { Some(f64::INFINITY) } else { radius },
                forcing,
                |norm, s, residual| match (certified, last_norm) {
                    (Some(gap), Some(last)) => {
                        // What the model leaves out shrinks with the square of the step, the gap with its square.
                        let aim = AMPLE * limits.tol * point.value;
                        gap * (norm / last).powi(4) <= aim
                            && certificate::ridge_gap(residual, &dual, workers) <= aim
                            && foreseen_gap(&point, &dual, s, residual, &mut trial, workers) <= aim
                    }
                    _ => false,
                },
                &|| {
                    asked.set(asked.get() || observer.cancelled());
                    asked.get()
                },
                &mut work,
                &mut step,
            );
        }
        passes += step.products as f64;
        if !shortened {
            metric.took(step.products);
            metric.remember(&mut work.pairs);
        }
        first_norm = first_norm.or(Some(step.gradient_norm));
        let decrement = step.predicted.max(0.0);
        if decrement < 0.25 * least {
            (least, since) = (decrement, steps);
        }
        let open = certified.unwrap_or(decrement);
        let kind =
            if certified.is_some() { CertificateKind::DualityGap } else { CertificateKind::NewtonDecrement };
        if asked.get() {
            break (Status::Cancelled, kind, open);
        }
        let good_enough = |share: f64| decrement <= (share * point.value).max(ESTIMATED);
        if !step.boundary && limits.good_enough.is_some_and(good_enough) {
            break (Status::Converged, kind, open);
        }
        if certified.is_none() {
            if tell(observer, steps, passes, &point, decrement, limits.tol) {
                break (Status::Cancelled, kind, open);
            }
            if !step.boundary && decrement <= limits.tol * point.value {
                if rough {
                    objective.evaluate(&mut point);
                    passes += 1.0;
                    rough = false;
                    continue;
                }
                match objective.margins(&step.s) {
                    Some(margins) if limits.separable && margins.high > SUSPECT => {
                        if margins.low >= -AGAINST * margins.high {
                            recession = Some(Recession::new(&step.s, &margins));
                            break (Status::Separated, kind, open);
                        }
                    }
                    _ => break (Status::Converged, kind, open),
                }
            }
        }
        if steps >= limits.max_steps {
            break (Status::StepLimit, kind, open);
        }
        // Many steps that gain a little each: their metric is a poor one, or they follow the rounding of curvature.
        if bounded && steps >= since + PATIENCE {
            since = steps;
            let insists = metric.insist(passes);
            if objective.sharpen() || insists {
                objective.evaluate(&mut point);
                passes += 1.0;
                (rough, stale, retry) = (false, true, false);
                continue;
            }
        }
        let slope = -metric.vectors.dot(&point.gradient, &step.s);
        let far = if metric.is_hessian() { ROUNDED } else { FAR };
        let cheap = metric.is_hessian() || objective.columns() >= LOOK_AHEAD;
        let time = if cheap && decrement > far * point.value {
            passes += 0.5;
            best_time(objective, &point.theta, &step.s, &metric.vectors)
        } else {
            1.0
        };
        metric.vectors.moved(&mut trial.theta, &point.theta, time, &step.s);
        let roughly = trusted && decrement > ROUGH * point.value.max(1.0);
        let estimated = look(objective, &mut trial, roughly);
        passes += 1.0;
        steps += 1;
        let gained = point.value - trial.value;
        // Near the optimum F is all rounding; the gap (or the gradient) still tells better from worse.
        let flat =
            decrement <= if rough { ESTIMATED * point.value.max(1.0) } else { ROUNDING * point.value.abs() };
        let better = if flat {
            let gap = bound(objective, &trial);
            let square = |v: &[f64]| metric.vectors.dot(v, v);
            gap.zip(certified)
                .map_or_else(|| square(&trial.gradient) < square(&point.gradient), |(new, old)| new < old)
        } else {
            gained > 1e-4 * time * slope
        };
        let better = better && trial.value.is_finite() && trial.gradient.iter().all(|g| g.is_finite());
        if !flat {
            let ratio = gained / decrement;
            let now = radius.unwrap_or(step.gradient_norm);
            radius = Some(if time != 1.0 && better {
                // The best length is known within a factor of two.
                step.length * if time < 1.0 { 2.0 * time } else { time }
            } else if ratio > 0.75 && step.boundary {
                if retried { now } else { GROWTH * now }
            } else if ratio < 0.25 || !ratio.is_finite() {
                step.length / 4.0
            } else {
                now
            });
        }
        last_norm = (better && !step.boundary && time == 1.0 && gained > 0.5 * decrement)
            .then_some(step.gradient_norm);
        if better {
            std::mem::swap(&mut point, &mut trial);
            rough = estimated;
            stale = true;
            retry = false;
            stalls = 0;
        } else {
            // That a small step fails may be the fault of an estimate, or of rounded curvature.
            let misled = rough && flat;
            let sharpened = !rough && decrement <= ROUNDED * point.value.abs() && objective.sharpen();
            stale |= sharpened;
            retry = !sharpened && !misled;
            stalls += 1;
            // The next product needs the probabilities of this point again.
            objective.evaluate(&mut point);
            passes += 1.0;
            (rough, trusted) = (false, false);
            if (flat && !sharpened && !misled) || stalls >= STALLS * 4 || step.length == 0.0 {
                break (Status::PrecisionLimit, kind, open);
            }
        }
    };
    if rough {
        objective.evaluate(&mut point);
        passes += 1.0;
        if kind == CertificateKind::DualityGap {
            gap = certificate::duality_gap(&point, objective.dual(), objective.workers()).unwrap_or(gap);
        }
    }
    Outcome { point, status, kind, gap, steps, passes, solver, reason, recession }
}

/// The t of [`TIMES`] with the least F(θ + t·s).
fn best_time(objective: &mut dyn Objective, theta: &[f64], s: &[f64], vectors: &Vectors) -> f64 {
    let along = objective.nll_along(s);
    let ridge = &objective.dual().ridge;
    let along_ridge = |a: &[f64]| vectors.weighted_dot(ridge, a, s);
    let (first, second) = (along_ridge(theta), along_ridge(s));
    let change = |at: usize| along[at] + TIMES[at] * (first + 0.5 * TIMES[at] * second);
    TIMES[(0..TIMES.len()).min_by(|a, b| change(*a).total_cmp(&change(*b))).unwrap_or_default()]
}

/// The duality gap at θ + s if the gradient there is `gradient`; `ahead` is scratch.
fn foreseen_gap(
    point: &Point,
    dual: &Dual,
    s: &[f64],
    gradient: &[f64],
    ahead: &mut Point,
    workers: &Workers,
) -> f64 {
    ahead.theta.clone_from(&point.theta);
    ahead.theta.iter_mut().zip(s).for_each(|(t, s)| *t += s);
    ahead.gradient.clear();
    ahead.gradient.extend_from_slice(gradient);
    ahead.entropy_mean = point.entropy_mean;
    ahead.offset_mean = point.offset_mean;
    certificate::duality_gap(ahead, dual, workers).unwrap_or(f64::INFINITY)
}

/// Tells the observer; `true` if it asks to stop.
fn tell(observer: &mut dyn Observer, step: usize, passes: f64, point: &Point, gap: f64, tol: f64) -> bool {
    let event = Event { step, passes, objective: point.value, relative_gap: gap / point.value, tol };
    observer.step(&event).is_break() || observer.cancelled()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::kept::{Keep, Mode, Precision};
    use crate::objective::of;
    use crate::solver::Silent;
    use crate::{Design, Target, design::rows::Standardise};

    /// Even where the start is so good that an estimate tells nothing of what is left, with labels that columns tell (F is small)
    /// and that they do not.
    #[test]
    fn a_fit_from_an_estimate_ends_as_proven_as_any() {
        let (n, d, k) = (2500, 30, 6);
        let x: Vec<f64> =
            (0..n * d).map(|i| ((i * 7919 + i / 31 * 104_729) % 1013) as f64 / 300.0 - 1.7).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let best = |i: usize| (0..k).max_by(|a, b| x[i * d + a].total_cmp(&x[i * d + b]));
        for (told, ridge) in [(true, 1e-5), (false, 1e-3), (false, 1e-7), (false, 0.0)] {
            let label = |i: usize| if told { best(i).unwrap_or(0) } else { i * i % k + i % 2 };
            let target = Target::from_labels((0..n).map(|i| label(i).to_string())).unwrap();
            let k = target.classes().len();
            let mode = Mode { precision: Precision::Single, keep: Keep::All, leads: false };
            let ridge = (0..=d).map(|j| if j < d { ridge } else { 0.0 }).collect();
            let mut f = of(&design, &target, Standardise::identity(d), true, ridge, mode, Workers::default());
            let limits = Limits {
                tol: 1e-9,
                good_enough: None,
                max_steps: 200,
                separable: false,
                reserve: true,
                provable: false,
            };
            let exact = minimise(&mut *f, vec![0.0; (d + 1) * k], limits, &mut Silent).point;
            let near =
                |share: f64| exact.theta.iter().enumerate().map(move |(i, t)| t + share * (i as f64).sin());
            for theta in [near(0.0), near(1e-6), near(1e-3), near(1.0)] {
                let mut start = Point { theta: theta.collect(), ..Point::default() };
                assert!(f.estimate(&mut start));
                let end = minimise_from(&mut *f, start, true, limits, &mut Silent);
                assert_eq!(end.status, Status::Converged);
                assert!(end.gap <= limits.tol * end.point.value);
                assert!((end.point.value - exact.value).abs() <= 2.0 * limits.tol * exact.value);
                let mut again = Point { theta: end.point.theta.clone(), ..Point::default() };
                f.evaluate(&mut again);
                assert_eq!(again.value, end.point.value);
            }
        }
    }
}
