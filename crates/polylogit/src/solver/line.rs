//! How far a step of the proximal Newton method goes, and where a path goes on.

use super::proximal_newton::Solver;
use crate::objective::penalty::Penalty;

/// The damping of a step after one that was too long is this many times as much (more if only a small share of it was
/// taken) and at least so much; after others as many times less, below this none.
const DAMPING: f64 = 4.0;
const DAMPING_SHORT: f64 = 64.0;
const SHORT: f64 = 0.2;
const DAMPED: f64 = 0.06;
const UNDAMPED: f64 = 0.01;
/// F is known to this relative accuracy,
const ROUNDING: f64 = 1e-14;
/// and no better than this: rows that are all but certain are 1 + e in the logarithm, however small their loss.
const ABSOLUTE: f64 = 1e-15;
/// Halvings of a step.
const HALVINGS: usize = 40;

/// θ of the features of a working set, ascending, and of the intercepts; all others are 0.
#[derive(Debug)]
pub(crate) struct Minimiser {
    features: Vec<usize>,
    rows: Vec<f64>,
}

impl Minimiser {
    /// θ_j, or nothing where it is 0.
    fn row(&self, j: usize) -> Option<&[f64]> {
        let k = self.rows.len() / self.features.len().max(1);
        self.features.binary_search(&j).ok().map(|at| &self.rows[at * k..(at + 1) * k])
    }
}

impl Solver<'_> {
    /// Where the last fit ended.
    pub(crate) fn minimiser(&self) -> Minimiser {
        let mut features = self.set.clone();
        features.extend(self.dual.intercept.then_some(self.features()));
        let mut rows = Vec::with_capacity(features.len() * self.dual.offsets.len());
        for &j in &features {
            rows.extend_from_slice(&self.theta[self.row(j)]);
        }
        Minimiser { features, rows }
    }

    /// Goes on in the direction it came from, `share` times as far: where the minimiser of a penalty before was `before`, the
    /// path of minimisers is smooth as long as no weight reaches 0. Only if F is lower there; `set` has all features that
    /// are not 0.
    pub(crate) fn extrapolate(&mut self, penalty: &Penalty, set: &[usize], before: &Minimiser, share: f64) {
        let k = self.dual.offsets.len();
        let mut features: Vec<usize> = set.iter().copied().filter(|&j| self.is_moving(penalty, j)).collect();
        if self.dual.intercept {
            features.push(self.features());
        }
        let mut delta = Vec::with_capacity(features.len() * k);
        for &j in &features {
            let before = before.row(j);
            for (c, at) in self.row(j).enumerate() {
                let (low, high) = penalty.limits(j, c);
                let (now, before) = (self.theta[at], before.map_or(0.0, |row| row[c]));
                let next = now + share * (now - before);
                let stays = penalty.l1[j] > 0.0 && (now * before <= 0.0 || now * next <= 0.0);
                delta.push(if stays { 0.0 } else { next.clamp(low, high) - now });
            }
        }
        let value = self.means.nll + penalty.total(&features, &self.theta);
        self.leave(&features);
        for (&j, delta) in features.iter().zip(delta.chunks_exact(k)) {
            self.theta[j * k..(j + 1) * k].iter_mut().zip(delta).for_each(|(t, d)| *t += d);
        }
        self.columns.pack(set);
        self.columns.set_step(&features, &delta);
        let means = self.columns.trial(1.0);
        self.passes += features.len() as f64 / (self.features() + 1) as f64;
        if means.nll + penalty.total(&features, &self.theta) < value {
            self.columns.commit(1.0);
            self.means = means;
            features = set.to_vec();
            if self.dual.intercept {
                features.push(self.features());
            }
            self.look_at(&features);
            self.ahead = None;
        } else {
            self.go_back(&features);
            self.columns.commit(0.0);
            self.columns.trial(0.0);
        }
    }

    /// Goes along Δ as far as F falls enough, and tells how far; `None` if it falls nowhere.
    pub(super) fn search(
        &mut self,
        penalty: &Penalty,
        features: &[usize],
        delta: &[f64],
        value: f64,
    ) -> Option<f64> {
        let k = self.dual.offsets.len();
        let rows = || features.iter().zip(delta.chunks_exact(k));
        let linear: f64 = rows()
            .map(|(&j, d)| self.gradient[self.row(j)].iter().zip(d).map(|(g, d)| g * d).sum::<f64>())
            .sum();
        let before = penalty.total(features, &self.start);
        // A step that rounding made one uphill must fall all the same.
        let slope = (linear + penalty.total(features, &self.theta) - before).min(0.0);
        let rounding = ROUNDING * value + ABSOLUTE;
        let flat = -slope <= rounding;
        let mut t = 1.0;
        for _ in 0..HALVINGS {
            let means = self.columns.trial(t);
            let after = means.nll + penalty.total(features, &self.theta);
            if after.is_finite() && (after - value <= 1e-4 * t * slope || (flat && after <= value + rounding))
            {
                self.columns.commit(t);
                self.means = means;
                return Some(t);
            }
            t *= 0.5;
            for (&j, d) in rows() {
                for (at, d) in (j * k..).zip(d) {
                    self.theta[at] = self.start[at] + t * d;
                }
            }
        }
        self.go_back(features);
        self.columns.commit(0.0);
        self.means = self.columns.trial(0.0);
        None
    }

    /// Remembers θ of some features, which are about to move.
    pub(super) fn leave(&mut self, features: &[usize]) {
        self.start.resize(self.theta.len(), 0.0);
        for &j in features {
            let of = self.row(j);
            self.start[of.clone()].copy_from_slice(&self.theta[of]);
        }
    }

    /// To where they were left.
    fn go_back(&mut self, features: &[usize]) {
        for &j in features {
            let of = self.row(j);
            self.theta[of.clone()].copy_from_slice(&self.start[of]);
        }
    }

    /// More damping after a step that was too long, less after others.
    pub(super) fn damp(&mut self, length: Option<f64>) {
        self.damping = match length {
            Some(1.0) if self.damping < UNDAMPED => 0.0,
            Some(1.0) => self.damping / DAMPING,
            Some(t) if t > SHORT => (self.damping * DAMPING).max(DAMPED),
            _ => (self.damping * DAMPING_SHORT).max(DAMPED),
        };
    }
}
