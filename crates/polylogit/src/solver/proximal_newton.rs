//! Proximal Newton on working sets: the method of every fit with a penalty that is not smooth, or with bounds.
//!
//! ```text
//! Δ = argmin { g·Δ + Q(Δ) + h(θ+Δ) }  over the working set          `descent.rs`
//! t = 1, ½, ¼, … until F(θ+tΔ) ≤ F(θ) + 1e-4 t (g·Δ + h(θ+Δ) − h(θ));   θ ← θ + tΔ
//! ```
//!
//! until the duality gap of the working set is small, then one look at all features (`readings.rs`): those whose gradient leaves
//! the ball of h_j join the set (Karush, Kuhn, Tucker), and when the gap over all features is within tol·F the fit
//! ends. The set starts as the features that are not 0 and those that the strong rule keeps,
//! ‖g_j‖ ≥ 2ℓ_j − ℓ_j(before).
//!
//! Sources: Yuan, Ho, Lin, An improved GLMNET for L1-regularized logistic regression (2012); Lee, Sun, Saunders,
//! Proximal Newton-type methods (2014); Tibshirani et al., Strong rules for discarding predictors (2012).

use super::descent::{Buffers, Descent};
use super::quadratic::{Curvature, Model};
use super::{Event, Observer, Status};
use crate::certificate::{Composite, RESTS, composite_gap};
use crate::objective::columns::{Columns, Damping, Means};
use crate::objective::kept::Precision;
use crate::objective::penalty::Penalty;
use crate::objective::readings::Rests;

/// A working set is left when its gap is this share of the one asked for.
const SET_SHARE: f64 = 0.5;
/// Sweeps that a step is expected to take.
pub(crate) const EXPECTED_SWEEPS: f64 = 25.0;
/// A step with the curvature of an earlier point leaves at most this share of the gap, or the next has its own; its
/// model is solved to the other share.
const OLD_GAIN: f64 = 0.2;
const OLD_SHARE: f64 = 0.03;
/// A foreseen end is at this share of the gap that is asked for: θ is known to its root only.
const AHEAD: f64 = 0.1;
/// With less force out of balance (over ℓ) a step may well be the last, and its model is solved to the end.
const FORESEEN: f64 = 0.1;
/// Steps whose curvature may be of products in f32.
const SINGLE_STEPS: usize = 3;
/// A weight is near to moving where its gradient is this share of ℓ.
const NEAR: f64 = 0.9;
/// Steps without a better gap after which float64 has no more to give.
const STALLS: usize = 4;
/// A step that gains less than this share of F leads nowhere if the gap does not shrink either.
const STILL: f64 = 1e-9;

/// What the dual needs besides a point.
#[derive(Debug, Clone)]
pub(crate) struct DualSide {
    pub(crate) intercept: bool,
    /// (1/S) Σ s_i x̃_ij y_ik (m × K).
    pub(crate) moments: Vec<f64>,
    /// 2 Σ_k of their sizes (m).
    pub(crate) spread: Vec<f64>,
    /// (1/S) Σ s_i o_ik (K).
    pub(crate) offsets: Vec<f64>,
    /// The labels' mean entropy, and (1/S) Σ s_i ⟨y_i, o_i⟩.
    pub(crate) labels: (f64, f64),
}

/// A point on the way, kept between fits of a path.
#[derive(Debug)]
pub(crate) struct Solver<'a> {
    pub(crate) columns: Box<dyn Columns + 'a>,
    pub(crate) dual: DualSide,
    /// θ (m × K).
    pub(crate) theta: Vec<f64>,
    /// ∂(L/S)/∂θ (m × K), of all features after a fit.
    pub(crate) gradient: Vec<f64>,
    /// Which features surely stay 0 by bounds of their gradient, that are in its place (m).
    pub(crate) bounded: Vec<bool>,
    pub(crate) means: Means,
    /// Where a fit ended by the probabilities that its last step foresaw: their means; the gradient is theirs.
    pub(crate) ahead: Option<Means>,
    pub(crate) foreseen: Vec<f64>,
    /// The working set of the last fit, ascending: all others are 0.
    pub(crate) set: Vec<usize>,
    /// θ of the features on a step, where it began (m × K), and the step's buffers.
    pub(crate) start: Vec<f64>,
    pub(crate) buffers: Buffers,
    /// Curvature of an earlier point, which serves as long as steps with it gain enough.
    pub(crate) curvature: Option<Curvature>,
    /// How much hidden curvature is added to explicit curvature of chosen weights: more after a step that was too long.
    pub(crate) damping: f64,
    /// Is there memory for the curvature of chosen weights?
    pub(crate) reserve: bool,
    /// Passes over X, of which one is 4·n·d·K flops; descents count as what they read.
    pub(crate) passes: f64,
    pub(crate) steps: usize,
}

/// How a fit at one penalty ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) status: Status,
    /// F.
    pub(crate) value: f64,
    pub(crate) gap: f64,
    /// Is the gap an estimate, because free features are constraints of the dual?
    pub(crate) estimated: bool,
}

/// When a fit ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) tol: f64,
    pub(crate) max_steps: usize,
    /// A step that gains less than this share of F is the last; 0 for none.
    pub(crate) least_gain: f64,
    /// Must the gradient itself be as close as tol tells? Else F only.
    pub(crate) strict: bool,
}

impl Solver<'_> {
    pub(super) fn features(&self) -> usize {
        self.dual.moments.len() / self.dual.offsets.len() - usize::from(self.dual.intercept)
    }

    pub(super) fn row(&self, j: usize) -> std::ops::Range<usize> {
        let k = self.dual.offsets.len();
        j * k..(j + 1) * k
    }

    /// Is θ_j not 0?
    pub(crate) fn is_active(&self, j: usize) -> bool {
        self.theta[self.row(j)].iter().any(|t| *t != 0.0)
    }

    /// z, probabilities and the gradient of all features afresh.
    pub(crate) fn refresh(&mut self) {
        let active: Vec<usize> = (0..self.features()).filter(|&j| self.is_active(j)).collect();
        self.columns.pack(&active);
        self.means = self.columns.evaluate(&self.theta);
        self.columns.correlations(&mut self.gradient);
        self.bounded.fill(false);
        self.ahead = None;
        self.passes += 1.0;
    }

    /// The gap over some features, all others taken to be 0 and feasible.
    fn gap(&self, penalty: &Penalty, features: &[usize]) -> (f64, bool) {
        self.gap_at(penalty, features, &self.gradient, self.ahead)
    }

    /// The gap by a gradient, of the probabilities that have been foreseen or of θ's.
    fn gap_at(
        &self,
        penalty: &Penalty,
        features: &[usize],
        gradient: &[f64],
        ahead: Option<Means>,
    ) -> (f64, bool) {
        let at = Composite {
            penalty,
            intercept: self.dual.intercept,
            theta: &self.theta,
            gradient,
            bounded: &self.bounded,
            means: ahead.map_or(self.means, |ahead| Means { nll: self.means.nll, ..ahead }),
            foreseen: ahead.is_some(),
            moments: &self.dual.moments,
            spread: &self.dual.spread,
            offsets: &self.dual.offsets,
            labels: self.dual.labels,
        };
        composite_gap(&at, features)
    }

    /// Minimises from where it is, with `set` as the first working set.
    pub(crate) fn minimise(
        &mut self,
        penalty: &Penalty,
        mut set: Vec<usize>,
        ends: Ends,
        observer: &mut dyn Observer,
    ) -> Ended {
        let ended = self.on_sets(penalty, &mut set, ends, observer);
        self.set = set;
        ended
    }

    /// On working sets, each with the features that the one before lacked.
    fn on_sets(
        &mut self,
        penalty: &Penalty,
        set: &mut Vec<usize>,
        ends: Ends,
        observer: &mut dyn Observer,
    ) -> Ended {
        let all: Vec<usize> = (0..self.features()).collect();
        let first = self.steps;
        let mut share = SET_SHARE;
        let mut best = f64::INFINITY;
        let mut stalls = 0;
        loop {
            set.sort_unstable();
            let inner = Ends {
                tol: share * ends.tol,
                least_gain: ends.least_gain,
                max_steps: (first + ends.max_steps).saturating_sub(self.steps),
                strict: ends.strict,
            };
            let status = self.on_set(penalty, set, inner, observer);
            if set.len() < all.len() {
                self.look(penalty);
            }
            let (gap, estimated) = self.gap(penalty, &all);
            let value = self.means.nll + penalty.total(set, &self.theta);
            let ended = |status| Ended { status, value, gap, estimated };
            if gap <= ends.tol * value {
                return ended(Status::Converged);
            }
            if matches!(status, Status::Cancelled | Status::StepLimit) {
                return ended(status);
            }
            let joined = self.join(penalty, set);
            if joined == 0 && ends.least_gain > 0.0 {
                return ended(Status::Converged);
            }
            if joined == 0 {
                if status == Status::PrecisionLimit {
                    stalls += 1;
                }
                stalls += usize::from(gap >= 0.9 * best);
                if stalls >= STALLS {
                    return ended(Status::PrecisionLimit);
                }
                share *= 0.2;
            }
            best = best.min(gap);
        }
    }

    /// The gradient of some features, which are packed.
    pub(super) fn look_at(&mut self, features: &[usize]) {
        self.columns.gradient(features, &mut self.gradient);
        for &j in features {
            self.bounded[j] = false;
        }
    }

    /// The gradient of all features, or its bounds.
    fn look(&mut self, penalty: &Penalty) {
        let foreseen = self.ahead.is_some();
        // Of groups, and in boxes, no feature is told from its own numbers' sizes.
        let alone = penalty.groups.is_none() && penalty.bounds.is_none();
        let rests = |j: usize, g: &[f64]| penalty.reach(j, g) <= RESTS * penalty.l1[j];
        let rests: Option<Rests<'_>> = if alone { Some(&rests) } else { None };
        let (gradient, bounded) = (&mut self.gradient, &mut self.bounded);
        self.passes += 0.5 * self.columns.correlations_unless(rests, foreseen, gradient, bounded);
    }

    /// What pulls at each weight of some features (a row of K for each): −∂F, the least in size where F has several. For
    /// groups nothing is told.
    fn forces(&self, penalty: &Penalty, features: &[usize]) -> Vec<f64> {
        let of = |&j: &usize| {
            let (l1, ridge) = (penalty.l1[j], penalty.ridge[j]);
            self.row(j).map(move |at| {
                let (u, pull) = (self.theta[at], -self.gradient[at] - ridge * self.theta[at]);
                match u {
                    _ if penalty.grouped => 0.0,
                    0.0 => pull - pull.clamp(-l1, l1),
                    _ => pull - l1 * u.signum(),
                }
            })
        };
        features.iter().flat_map(of).collect()
    }

    /// Newton steps on a working set until its gap is within tol·F.
    pub(crate) fn on_set(
        &mut self,
        penalty: &Penalty,
        set: &[usize],
        ends: Ends,
        observer: &mut dyn Observer,
    ) -> Status {
        let mut features = set.to_vec();
        if self.dual.intercept {
            features.push(self.features());
        }
        self.columns.pack(set);
        if self.ahead.take().is_some() || features.iter().any(|&j| self.bounded[j]) {
            self.look_at(&features);
        }
        let heaviest = features.iter().map(|&j| penalty.l1[j]).fold(0.0, f64::max);
        let unit = if heaviest > 0.0 {
            heaviest
        } else {
            features.iter().map(|&j| penalty.ridge[j]).fold(1e-3, f64::max)
        };
        let (mut best, mut last) = (f64::INFINITY, f64::INFINITY);
        let mut stalls = 0;
        // Is the curvature that of an earlier point?
        let mut old = false;
        let mut before = f64::INFINITY;
        for step in 0.. {
            let value = self.means.nll + penalty.total(&features, &self.theta);
            let (gap, _) = self.gap(penalty, set);
            let event = Event {
                step: self.steps,
                passes: self.passes,
                objective: value,
                relative_gap: gap / value,
                tol: ends.tol,
            };
            if observer.step(&event).is_break() || observer.cancelled() {
                return Status::Cancelled;
            }
            // An F that rises is rounding, and ends nothing.
            let little = ends.least_gain > 0.0 && before - value < ends.least_gain * value;
            if gap <= ends.tol * value || little {
                return Status::Converged;
            }
            if step >= ends.max_steps {
                return Status::StepLimit;
            }
            // The gap may wait long for an F that falls.
            stalls = if gap > 0.5 * best && before - value <= STILL * value { stalls + 1 } else { 0 };
            before = value;
            best = best.min(gap);
            self.leave(&features);
            let classes = self.dual.offsets.len();
            // New curvature is that of weights near to moving, too, so that it serves for longer.
            let moving = self.wanted(penalty, &features, 1.0);
            let known = self.curvature.as_ref().is_some_and(|c| c.covers(&features, &moving, classes));
            let poor = old && gap > OLD_GAIN * last;
            old = known && !poor;
            if !old {
                // With the accuracy of F alone; but not for long.
                let single = !ends.strict && step < SINGLE_STEPS;
                self.renew(penalty, &features, if single { Precision::Single } else { Precision::Double });
            }
            last = gap;
            let explicit = self.curvature.is_some();
            let mut descent = Descent {
                model: Model::new(&mut *self.columns, &features, classes, self.curvature.as_mut()),
                penalty,
                features: &features,
                gradient: &self.gradient,
                start: &self.start,
                theta: &mut self.theta,
                unit,
                members: vec![],
                sweeps: 0,
                jumps: !ends.strict,
                buffers: std::mem::take(&mut self.buffers),
            };
            let least = 0.2 * ends.tol;
            // What is foreseen is known as well as the model is solved.
            let whole = explicit && !ends.strict;
            let share = |first: f64| match () {
                () if whole && first < FORESEEN => 0.0,
                () if old => OLD_SHARE,
                () => first.min(0.1),
            };
            descent.run(share, if whole { AHEAD * least } else { least });
            let delta = descent.delta();
            let Descent { sweeps, buffers, .. } = descent;
            self.buffers = buffers;
            if explicit {
                self.columns.set_step(&features, &delta);
            }
            self.passes += if explicit { 1.0 } else { 0.5 * sweeps as f64 } * features.len() as f64
                / (self.features() + 1) as f64;
            self.steps += 1;
            let ahead = self.foresee(&features, ends);
            let length = self.search(penalty, &features, &delta, value);
            self.damp(length);
            if length == Some(1.0) && self.ends_ahead(penalty, set, ahead, ends.tol) {
                return Status::Converged;
            }
            self.columns.gradient(&features, &mut self.gradient);
            if length.is_none() || stalls >= STALLS * 2 {
                return Status::PrecisionLimit;
            }
        }
        Status::StepLimit
    }

    /// Curvature at this point, of the weights that move or nearly do, where it pays to have it explicit.
    fn renew(&mut self, penalty: &Penalty, features: &[usize], precision: Precision) {
        let forces = self.forces(penalty, features);
        let damping = self.reserve.then_some(Damping { hidden: self.damping, forces: &forces });
        let wanted = self.wanted(penalty, features, NEAR);
        // Not both at a time.
        if let Some(used) = self.curvature.take() {
            self.columns.recycle(used.into_memory());
        }
        self.curvature =
            Curvature::new(&mut *self.columns, features, &wanted, damping, precision, EXPECTED_SWEEPS);
    }

    /// The dual's point that the step foresees, and its gradient on some features.
    fn foresee(&mut self, features: &[usize], ends: Ends) -> Option<Means> {
        let ahead = if ends.strict { None } else { self.columns.foresee() }?;
        self.foreseen.resize(self.gradient.len(), 0.0);
        self.columns.foreseen_gradient(features, &mut self.foreseen);
        Some(ahead)
    }

    /// Is the gap small enough by the dual's point that was foreseen? The gradient is its then.
    fn ends_ahead(&mut self, penalty: &Penalty, set: &[usize], ahead: Option<Means>, tol: f64) -> bool {
        let value = self.means.nll + penalty.total(set, &self.theta);
        let ends =
            ahead.is_some() && self.gap_at(penalty, set, &self.foreseen, ahead).0 <= AHEAD * tol * value;
        if ends {
            std::mem::swap(&mut self.gradient, &mut self.foreseen);
            self.ahead = ahead;
        }
        ends
    }
}
