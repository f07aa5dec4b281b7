//! The step of a proximal Newton method: the penalised quadratic model, by block coordinate descent.
//!
//! ```text
//! min over Δ:  g·Δ + Q(Δ) + Σ_j h_j(θ_j + Δ_j)
//! ```
//!
//! Where curvature is explicit a factor of the weights at work comes first (`face.rs`): as a rule it ends the descent. Else a
//! block is a feature with those of its classes that are not 0 or must move; its curvature is the true one. A sweep over
//! all features finds the active ones, sweeps over these follow until they have settled; extrapolation (Anderson) takes
//! over where sweeps converge slowly. After each block the gauge of its feature is set to that
//! of the least penalty, which changes no probability and which no single class could do. Groups of features are
//! visited as one (`group.rs`).
//!
//! The model's gradient is updated from explicit curvature where that is cheaper, and computed from the columns
//! where not.
//!
//! Sources: Friedman, Hastie, Tibshirani 2010; Bertrand, Massias, Anderson acceleration of coordinate descent (2021).

use super::block::Block;
use super::quadratic::Model;
use crate::linalg::Symmetric;
use crate::objective::penalty::Penalty;

/// Sweeps over the active features before all are looked at again.
const SWEEPS: usize = 300;
/// Looks at all features.
const LOOKS: usize = 20;
/// Sweeps without less force out of balance after which the last digits are rounding.
const PATIENCE: usize = 12;
/// Sweeps that are combined.
const MEMORY: usize = 6;
/// Sweeps between two solves for the weights that are not 0 (`face.rs`).
const BETWEEN: usize = 3;

/// The descent on a model: θ moves, g stays that of the model's point.
pub(crate) struct Descent<'d> {
    pub(crate) model: Model<'d>,
    pub(crate) penalty: &'d Penalty,
    pub(crate) features: &'d [usize],
    /// ∂(L/S)/∂θ at the model's point (m × K).
    pub(crate) gradient: &'d [f64],
    /// θ at the model's point, and as it moves (m × K).
    pub(crate) start: &'d [f64],
    pub(crate) theta: &'d mut [f64],
    /// The unit of forces on features without ℓ.
    pub(crate) unit: f64,
    /// The positions of the features that the one at each position leads, where there are groups.
    pub(crate) members: Vec<Vec<usize>>,
    pub(crate) sweeps: usize,
    /// May a factor come before any sweep? Strict fits, which end near to rounding, begin with sweeps.
    pub(crate) jumps: bool,
    pub(crate) buffers: Buffers,
}

/// Memory that one descent leaves to the next.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Curvature of each block as it was used last, and of which classes.
    pub(super) cache: Vec<(Vec<u32>, Vec<f64>)>,
    /// Which weights are not 0, or would move (rows as the features), and the forces by which they are told.
    pub(super) open: Vec<bool>,
    force: Vec<f64>,
    work: Work,
}

impl Descent<'_> {
    /// Sweeps until forces are in balance to `share` of what they were, or to `least`, relative to ℓ_j. Returns how
    /// much out of balance they were.
    pub(crate) fn run(&mut self, share: impl Fn(f64) -> f64, least: f64) -> f64 {
        self.buffers.cache.resize_with(self.features.len(), Default::default);
        self.buffers.cache.iter_mut().for_each(|(known, _)| known.clear());
        self.members = self.members();
        let first = self.open(true);
        let enough = (share(first) * first).max(least);
        // Mostly signs are known, and a factor tells the minimum at once.
        if self.jumps && self.jump() && self.open(false) <= enough {
            return first;
        }
        let all: Vec<usize> = (0..self.features.len()).collect();
        let mut last = f64::INFINITY;
        for _ in 0..LOOKS {
            self.sweep(&all, true);
            let k = self.penalty.classes;
            let active: Vec<usize> = all
                .iter()
                .copied()
                .filter(|&i| {
                    let j = self.features[i];
                    let moves = |&j: &usize| self.theta[j * k..(j + 1) * k].iter().any(|t| *t != 0.0);
                    self.penalty.l1[j] == 0.0 || self.penalty.members(&j).iter().any(moves)
                })
                .collect();
            let found = self.settle(&active, 0.5 * enough).unwrap_or_else(|| self.open(false));
            if found <= enough || (found >= 0.5 * last && found < 1e-4 * first) {
                break;
            }
            last = found;
        }
        first
    }

    /// Sweeps over the active features; the largest force out of balance on all, if it was looked at.
    fn settle(&mut self, active: &[usize], enough: f64) -> Option<f64> {
        // A factor tells the minimum at once where the signs stay.
        if self.newton_known(active) {
            let found = self.open(false);
            if found <= enough {
                return Some(found);
            }
        }
        let mut history: Vec<Vec<f64>> = vec![self.iterate(active)];
        let (mut best, mut since) = (f64::INFINITY, 0);
        for sweep in 1..SWEEPS {
            let found = self.sweep(active, false);
            since = if found < 0.8 * best { 0 } else { since + 1 };
            best = best.min(found);
            if found <= enough || since >= PATIENCE {
                return None;
            }
            if sweep % BETWEEN == 0 && self.newton(active, enough) {
                history = vec![self.iterate(active)];
                continue;
            }
            history.push(self.iterate(active));
            if history.len() > MEMORY {
                self.extrapolate(active, &history);
                history = vec![self.iterate(active)];
            }
        }
        None
    }

    /// θ of the active features.
    pub(super) fn iterate(&self, active: &[usize]) -> Vec<f64> {
        let k = self.penalty.classes;
        let mut iterate = Vec::with_capacity(active.len() * k);
        for &i in active {
            iterate.extend_from_slice(&self.theta[self.features[i] * k..][..k]);
        }
        iterate
    }

    /// Goes to the affine combination of iterates whose differences cancel best, if the model is lower there.
    fn extrapolate(&mut self, active: &[usize], history: &[Vec<f64>]) {
        let count = history.len() - 1;
        let difference = |t: usize| history[t + 1].iter().zip(&history[t]).map(|(a, b)| a - b);
        let differences: Vec<Vec<f64>> = (0..count).map(|t| difference(t).collect()).collect();
        let Some(weights) = anderson(&differences) else { return };
        let now = &history[count];
        let mut target = vec![0.0; now.len()];
        for (weight, iterate) in weights.iter().zip(&history[1..]) {
            target.iter_mut().zip(iterate).for_each(|(t, v)| *t += weight * v);
        }
        let before = self.value(active, now, &self.delta());
        if !self.try_target(active, now, target, before) {
            self.go(active, now);
        }
    }

    /// Goes from `now` to `target`, where zeros stay zeros and nothing changes its sign or leaves its box; `false` if the
    /// model is not lower than `before` there.
    pub(super) fn try_target(
        &mut self,
        active: &[usize],
        now: &[f64],
        mut target: Vec<f64>,
        before: f64,
    ) -> bool {
        let k = self.penalty.classes;
        for (at, (target, now)) in target.iter_mut().zip(now).enumerate() {
            let j = self.features[active[at / k]];
            let (low, high) = self.penalty.limits(j, at % k);
            let crossed = self.penalty.l1[j] > 0.0 && !self.penalty.grouped && *target * now <= 0.0;
            *target = if crossed { 0.0 } else { target.clamp(low, high) };
        }
        self.go(active, &target) < before
    }

    /// Sets θ of the active features; the [`Descent::value`] there.
    pub(super) fn go(&mut self, active: &[usize], iterate: &[f64]) -> f64 {
        let k = self.penalty.classes;
        for (&i, u) in active.iter().zip(iterate.chunks_exact(k)) {
            self.theta[self.features[i] * k..][..k].copy_from_slice(u);
        }
        let delta = self.delta();
        self.model.set_step(self.features, &delta);
        self.value(active, iterate, &delta)
    }

    /// Δ (rows as the features).
    pub(crate) fn delta(&self) -> Vec<f64> {
        let k = self.penalty.classes;
        let mut delta = Vec::with_capacity(self.features.len() * k);
        for &j in self.features {
            let of = j * k..(j + 1) * k;
            delta.extend(self.theta[of.clone()].iter().zip(&self.start[of]).map(|(a, b)| a - b));
        }
        delta
    }

    /// The model at θ (`iterate` of the active features), up to what features that are not active add.
    pub(super) fn value(&mut self, active: &[usize], iterate: &[f64], delta: &[f64]) -> f64 {
        let k = self.penalty.classes;
        let mut value = self.model.value(delta);
        for (&i, u) in active.iter().zip(iterate.chunks_exact(k)) {
            let j = self.features[i];
            let linear: f64 =
                self.gradient[j * k..][..k].iter().zip(&delta[i * k..]).map(|(g, d)| g * d).sum();
            value += linear + if self.members.is_empty() { self.penalty.value(j, u) } else { 0.0 };
        }
        if !self.members.is_empty() {
            let features: Vec<usize> = active.iter().map(|&i| self.features[i]).collect();
            value += self.penalty.total(&features, self.theta);
        }
        value
    }

    /// Looks which weights are [open](Buffers::open); the largest force out of balance. `still`: Δ = 0.
    fn open(&mut self, still: bool) -> f64 {
        let k = self.penalty.classes;
        let Buffers { open, force, .. } = &mut self.buffers;
        let (mut open, mut force) = (std::mem::take(open), std::mem::take(force));
        force.clear();
        force.resize(self.features.len() * k, 0.0);
        if !still {
            self.model.gradient(self.features, &mut force);
        }
        open.clear();
        open.resize(force.len(), false);
        let rows = force.chunks_exact_mut(k).zip(open.chunks_exact_mut(k));
        for ((i, &j), (force, open)) in self.features.iter().enumerate().zip(rows) {
            let of = j * k..(j + 1) * k;
            force.iter_mut().zip(&self.gradient[of.clone()]).for_each(|(force, g)| *force += g);
            let l1 = self.penalty.l1[j];
            let theta = &self.theta[of];
            if l1 == 0.0 || self.penalty.grouped {
                // A group is open as a whole: its visit looks whether it moves.
                let alone = self.members.get(i).is_none_or(|members| members.len() == 1);
                let moves = !alone
                    || l1 == 0.0
                    || theta.iter().any(|t| *t != 0.0)
                    || self.penalty.reach(j, force) > l1;
                open.fill(moves && self.model.has(i, 0));
                continue;
            }
            for (c, open) in open.iter_mut().enumerate() {
                *open = theta[c] != 0.0 || (self.penalty.pulls(j, c, force[c]) && self.model.has(i, c));
            }
        }
        let found = self.imbalance(&force);
        (self.buffers.open, self.buffers.force) = (open, force);
        found
    }

    /// The largest force out of balance, of forces on all features.
    fn imbalance(&self, force: &[f64]) -> f64 {
        let k = self.penalty.classes;
        let row = |i: usize| &force[i * k..(i + 1) * k];
        let mut largest = 0.0f64;
        for (i, &j) in self.features.iter().enumerate() {
            let of_group: Vec<f64>;
            let force = match self.members.get(i) {
                None => row(i),
                // Another feature leads it.
                Some(members) if members.is_empty() => continue,
                Some(members) => {
                    of_group = members.iter().flat_map(|i| row(*i)).copied().collect();
                    &of_group
                }
            };
            let l1 = self.penalty.l1[j];
            let found = self.penalty.imbalance(j, force, &self.penalty.rows(j, self.theta));
            largest = largest.max(found / if l1 > 0.0 { l1 } else { self.unit });
        }
        largest
    }

    /// Visits blocks in turn; the largest force out of balance that was met. `open`: also weights that are 0 and [open](Buffers::open).
    fn sweep(&mut self, blocks: &[usize], open: bool) -> f64 {
        self.sweeps += 1;
        let k = self.penalty.classes;
        let mut largest = 0.0f64;
        let mut work = std::mem::take(&mut self.buffers.work);
        for &i in blocks {
            let j = self.features[i];
            let theta = &self.theta[j * k..(j + 1) * k];
            let whole = self.penalty.l1[j] == 0.0 || self.penalty.grouped;
            let takes = |c: usize| if open { self.buffers.open[i * k + c] } else { whole || theta[c] != 0.0 };
            work.classes.clear();
            work.classes.extend((0..k as u32).filter(|c| takes(*c as usize)));
            if !work.classes.is_empty() {
                let found = match self.members.get(i) {
                    Some(members) if members.len() != 1 => self.visit_group(i),
                    _ => self.visit(i, &mut work),
                };
                largest = largest.max(found);
            }
        }
        self.buffers.work = work;
        largest
    }

    /// One block; the force that was out of balance.
    fn visit(&mut self, i: usize, work: &mut Work) -> f64 {
        let (j, k) = (self.features[i], self.penalty.classes);
        let (l1, ridge, grouped) = (self.penalty.l1[j], self.penalty.ridge[j], self.penalty.grouped);
        let Work { classes, g, u, low, high, before, forces } = work;
        let theta = &mut self.theta[j * k..(j + 1) * k];
        g.clear();
        g.extend(classes.iter().map(|c| self.gradient[j * k + *c as usize]));
        self.model.dots(i, j, classes, g);
        u.clear();
        u.extend(classes.iter().map(|c| theta[*c as usize]));
        if grouped && l1 > 0.0 && u.iter().all(|u| *u == 0.0) && self.penalty.reach(j, g) <= l1 {
            return 0.0;
        }
        if l1 > 0.0 && !grouped {
            // Classes that stay 0 take no part.
            let mut kept = 0;
            for at in 0..classes.len() {
                if u[at] != 0.0 || self.penalty.pulls(j, classes[at] as usize, g[at]) {
                    (classes[kept], g[kept], u[kept]) = (classes[at], g[at], u[at]);
                    kept += 1;
                }
            }
            classes.truncate(kept);
            g.truncate(kept);
            u.truncate(kept);
            if kept == 0 {
                return 0.0;
            }
        }
        let (known, h) = &mut self.buffers.cache[i];
        if known != classes {
            known.clone_from(classes);
            h.clear();
            h.resize(classes.len() * classes.len(), 0.0);
            self.model.curvature(i, j, classes, h);
        }
        low.clear();
        high.clear();
        for c in classes.iter() {
            let (least, most) = self.penalty.limits(j, *c as usize);
            low.push(least);
            high.push(most);
        }
        before.clone_from(u);
        forces.clone_from(g);
        Block { h, l1, ridge, low, high, grouped }.minimise(u, g);
        // How much the gradient had to change is how much it was out of balance.
        let mut force = 0.0f64;
        for at in 0..u.len() {
            let moved = u[at] - before[at];
            force = force.max((g[at] - forces[at]).abs() + ridge * moved.abs());
            theta[classes[at] as usize] = u[at];
            before[at] = moved;
        }
        if before.iter().any(|d| *d != 0.0) {
            self.model.shift(i, j, classes, before);
        }
        self.set_gauge(i);
        force / if l1 > 0.0 { l1 } else { self.unit }
    }

    /// Sets the gauge of a feature. The model, whose curvature may be damped, is not told: no probability changes.
    pub(super) fn set_gauge(&mut self, i: usize) {
        let (j, k) = (self.features[i], self.penalty.classes);
        let theta = &mut self.theta[j * k..(j + 1) * k];
        if let Some(shift) = self.penalty.gauge(j, theta).filter(|s| *s != 0.0)
            && (0..k).all(|c| self.model.has(i, c))
        {
            for t in theta {
                *t -= shift;
            }
        }
    }
}

/// A block's.
#[derive(Debug, Default)]
struct Work {
    classes: Vec<u32>,
    g: Vec<f64>,
    u: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    before: Vec<f64>,
    forces: Vec<f64>,
}

/// Weights that sum to 1 and make ‖Σ_t c_t (x_{t+1} − x_t)‖ least. `None` where the differences are too alike.
fn anderson(differences: &[Vec<f64>]) -> Option<Vec<f64>> {
    let m = differences.len();
    let mut gram = Symmetric::zeros(m);
    for a in 0..m {
        for b in 0..m {
            gram.values[a * m + b] = differences[a].iter().zip(&differences[b]).map(|(x, y)| x * y).sum();
        }
    }
    let trace: f64 = gram.diagonal().sum();
    for a in 0..m {
        gram.values[a * (m + 1)] += 1e-12 * trace;
    }
    let mut c = vec![1.0; m];
    crate::linalg::Cholesky::new(&gram)?.solve_in_place(&mut c, 1);
    let sum: f64 = c.iter().sum();
    (sum.is_finite() && sum.abs() > 0.0).then(|| c.iter().map(|c| c / sum).collect())
}
