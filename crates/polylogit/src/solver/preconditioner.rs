//! The metric in which steps are measured; `plan.rs` says which one is worth its price.
//!
//! - *exact*: the factored Hessian. Costs about m·K/8 passes; with it a Newton step is one solve.
//! - *sampled*: the Hessian of a share of the rows, or that of an earlier point; conjugate gradients finish
//!   the step.
//! - *shared*: one m × m block A for every class (Böhning 1992, with the current weights), m/(4K) passes or those of a share
//!   of the rows, scaled to each class's own curvature: M_k = S_k A S_k with S_k diagonal such that M has the diagonal of
//!   the Hessian.
//! - *diagonal*: where m × m does not pay, or not before steps grow slow.
//!
//! Conjugate gradients leave directions s and products y = Hs behind. Some of them, as the pairs of the BFGS formula
//! with M at its heart, improve the metric of the next step (Morales and Nocedal, Automatic preconditioning by limited
//! memory quasi-Newton updating, 2000).

use super::plan::{Hessians, Plan};
use super::vectors::Vectors;
use crate::linalg::{Cholesky, Symmetric};
use crate::objective::Objective;

/// Passes that the diagonal of the Hessian costs.
const DIAGONAL_COST: f64 = 1.0;
/// A step by a block or a diagonal is slow if it takes this share of the products that a Hessian costs: others will follow.
const SLOW: f64 = 0.25;
/// Steps of fewer products never are.
const FEW_PRODUCTS: f64 = 4.0;

/// Pairs that are remembered,
pub(super) const PAIRS: usize = 8;
/// as long as they are at most this many numbers (8 MB), and not only one.
const REMEMBERED: usize = 1 << 20;

/// M⁻¹ of some metric M near the Hessian.
#[derive(Debug)]
enum Metric {
    /// `current`: M is the Hessian of this very point, to rounding.
    Exact {
        factor: Cholesky,
        current: bool,
    },
    /// The factor of A, and S⁻¹.
    Shared(Cholesky, Vec<f64>),
    Diagonal(Vec<f64>),
}

/// A direction s of conjugate gradients, y = Hs and ρ = 1/(s·y).
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) s: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) rho: f64,
}

/// How many pairs of so many parameters are worth their memory.
pub(crate) fn room(parameters: usize) -> usize {
    let room = PAIRS.min(REMEMBERED / (2 * parameters.max(1)));
    if room < 2 { 0 } else { room }
}

/// The metric and the policy that renews it.
#[derive(Debug)]
pub(super) struct Preconditioner {
    classes: usize,
    pub(super) vectors: Vectors,
    metric: Option<Metric>,
    plan: Plan,
    /// Products that the last step took.
    products: f64,
    pairs: Vec<Pair>,
}

impl Preconditioner {
    /// `reserve`: may a Hessian, or a dear block, be factored when steps grow slow?
    pub(super) fn new(objective: &dyn Objective, reserve: bool) -> Self {
        let (n, m, k) = (objective.rows(), objective.columns(), objective.classes());
        let mut plan = Plan::new(n, m, k, objective.rarest(), objective.is_dense());
        if plan.hessians == Hessians::IfSlow && !reserve {
            plan.hessians = Hessians::Never;
        }
        plan.may_share &= reserve || plan.shares_after(0.0);
        Self {
            classes: k,
            vectors: Vectors { workers: objective.workers().clone(), classes: k },
            metric: None,
            plan,
            products: 0.0,
            pairs: Vec::new(),
        }
    }

    /// The method's name and the reason for it.
    pub(super) fn explain(&self) -> (&'static str, String) {
        self.plan.explain()
    }

    /// Renews the metric at the point evaluated last; returns the passes that it cost.
    pub(super) fn renew(&mut self, objective: &mut dyn Objective) -> f64 {
        if matches!(self.plan.hessians, Hessians::Always | Hessians::Next) {
            if self.plan.hessians == Hessians::Next {
                self.plan.hessians = Hessians::IfSlow;
            }
            let factor = objective.hessian(self.plan.every).and_then(|mut h| {
                fix_gauge(&mut h, self.classes);
                Cholesky::new(&h)
            });
            if let Some(factor) = factor {
                let current = !factor.jittered && self.plan.every == 1;
                self.metric = Some(Metric::Exact { factor, current });
                return self.plan.hessian_cost;
            }
            self.plan.hessians = Hessians::Never;
        }
        if let Some(Metric::Exact { current, .. }) = &mut self.metric {
            *current = false;
            return 0.0;
        }
        if matches!(self.metric, Some(Metric::Shared(..))) && self.products < self.plan.shared_cost {
            // Another block costs more than it can save.
            return 0.0;
        }
        if self.plan.shares_after(self.products) {
            if let Some(block) = self.block(objective)
                && let Some(factor) = Cholesky::new(&block)
            {
                let mut unscale = diagonal(objective);
                for (row, a) in
                    unscale.chunks_exact_mut(self.classes).zip(block.values.iter().step_by(block.n + 1))
                {
                    for h in row {
                        *h = (a / *h).sqrt();
                    }
                }
                self.metric = Some(Metric::Shared(factor, unscale));
                return self.plan.shared_cost + DIAGONAL_COST;
            }
            self.plan.may_share = false;
        }
        self.metric = Some(Metric::Diagonal(diagonal(objective)));
        DIAGONAL_COST
    }

    /// The block for all classes. That of a share of the rows has no curvature for a column where all of them are certain of
    /// their class or weigh nothing: then of all rows, from now on.
    fn block(&mut self, objective: &mut dyn Objective) -> Option<Symmetric> {
        let block = objective.shared_block(self.plan.shared_every)?;
        if self.plan.shared_every == 1 || block.diagonal().all(|a| a > 0.0) {
            return Some(block);
        }
        self.plan.shared_every = 1;
        objective.shared_block(1)
    }

    /// How many pairs are remembered.
    pub(super) fn room(&self, parameters: usize) -> usize {
        if self.plan.hessians == Hessians::Always { 0 } else { room(parameters) }
    }

    /// Takes the pairs of the last step in place of those before.
    pub(super) fn remember(&mut self, pairs: &mut Vec<Pair>) {
        if !pairs.is_empty() {
            std::mem::swap(&mut self.pairs, pairs);
        }
    }

    /// Hears how many products a step took: a slow one asks for a Hessian next time.
    pub(super) fn took(&mut self, products: usize) {
        self.products = products as f64;
        let slow = match self.metric {
            Some(Metric::Exact { .. }) => self.plan.hessian_cost,
            _ => SLOW * self.plan.hessian_cost,
        };
        if self.plan.hessians == Hessians::IfSlow && products as f64 > slow.max(FEW_PRODUCTS) {
            self.plan.hessians = Hessians::Next;
            // A sample misses what rare values and rare classes hold.
            if matches!(self.metric, Some(Metric::Exact { .. })) && self.products > self.plan.whole_cost {
                self.plan.read_all();
            }
        }
    }

    /// Hears that many steps led nowhere: the Hessian of all rows is factored at each from now on, where it may be and costs
    /// less than what has been `spent` in passes; `false` if nothing changes.
    pub(super) fn insist(&mut self, spent: f64) -> bool {
        let may =
            matches!(self.plan.hessians, Hessians::IfSlow | Hessians::Next) && self.plan.whole_cost < spent;
        if may {
            self.plan.read_all();
            self.plan.hessians = Hessians::Always;
        }
        may
    }

    /// Is the metric the Hessian itself?
    pub(super) fn is_hessian(&self) -> bool {
        matches!(self.metric, Some(Metric::Exact { current: true, .. }))
    }

    /// y = M⁻¹ r, M with the pairs.
    pub(super) fn apply(&self, r: &[f64], y: &mut [f64]) {
        y.copy_from_slice(r);
        if self.is_hessian() {
            return self.solve(y);
        }
        let mut taken = [0.0; PAIRS];
        for (Pair { s, y: hs, rho }, taken) in self.pairs.iter().zip(&mut taken).rev() {
            *taken = rho * self.vectors.dot(s, y);
            self.vectors.add(y, -*taken, hs);
        }
        self.solve(y);
        for (Pair { s, y: hs, rho }, taken) in self.pairs.iter().zip(taken) {
            let back = taken - rho * self.vectors.dot(hs, y);
            self.vectors.add(y, back, s);
        }
    }

    /// y ← M⁻¹ y, M without the pairs.
    fn solve(&self, y: &mut [f64]) {
        match &self.metric {
            Some(Metric::Exact { factor, .. }) => factor.solve_in_place(y, 1),
            Some(Metric::Shared(factor, unscale)) => {
                y.iter_mut().zip(unscale).for_each(|(y, s)| *y *= s);
                factor.solve_in_place(y, self.classes);
                y.iter_mut().zip(unscale).for_each(|(y, s)| *y *= s);
            }
            Some(Metric::Diagonal(d)) => {
                self.vectors.workers.sweep(d.len(), self.classes, [&mut *y], |of, [y]| {
                    y.iter_mut().zip(&d[of]).for_each(|(y, d)| *y /= d);
                    0.0
                });
            }
            None => {}
        }
        // Rounding leaves the zero-sum gauge, the diagonal does so outright.
        self.vectors.center(y);
    }
}

/// The diagonal of the Hessian, kept from 0.
fn diagonal(objective: &mut dyn Objective) -> Vec<f64> {
    let mut diagonal = vec![0.0; objective.columns() * objective.classes()];
    objective.hessian_diagonal(&mut diagonal);
    let floor = 1e-12 * diagonal.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    for v in &mut diagonal {
        *v = v.max(floor);
    }
    diagonal
}

/// Adds τ11ᵀ to each feature's K × K block: the Hessian is 0 along constants over the classes where no ridge
/// holds them, and steps never go there.
fn fix_gauge(h: &mut Symmetric, k: usize) {
    let n = h.n;
    for j in 0..n / k {
        let block = j * k;
        let mean = (0..k).map(|c| h.values[(block + c) * (n + 1)]).sum::<f64>() / k as f64;
        for a in block..block + k {
            for b in block..block + k {
                h.values[a * n + b] += mean / k as f64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::kept::{Keep, Mode, Precision};
    use crate::objective::{Point, of};
    use crate::parallel::Workers;
    use crate::{Design, Target, design::rows::Standardise};

    /// Where the rows that a block would be estimated from weigh nothing, as rows that a fold holds out.
    #[test]
    fn a_block_is_made_of_rows_that_tell_something() {
        let (n, d, k) = (6000, 20, 40);
        let x: Vec<f64> = (0..n * d).map(|i| (i as f64 * 0.37).sin()).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let target = Target::from_labels((0i64..).map(|i| i % k).take(n)).unwrap();
        let weights = |idle: fn(usize) -> bool| (0..n).map(|row| f64::from(u8::from(!idle(row)))).collect();
        let all = target.reweighted(weights(|_| false));
        let held_out = target.reweighted(weights(|row| (row / 256).is_multiple_of(4)));
        for (target, every) in [(all, 4), (held_out, 1)] {
            let mode = Mode { precision: Precision::Single, keep: Keep::All, leads: false };
            let (standardise, ridge) = (Standardise::identity(d), vec![0.0; d + 1]);
            let mut f = of(&design, &target, standardise, true, ridge, mode, Workers::default());
            let mut metric = Preconditioner::new(&*f, false);
            f.evaluate(&mut Point { theta: vec![0.0; (d + 1) * target.classes().len()], ..Point::default() });
            metric.renew(&mut *f);
            assert_eq!(metric.plan.shared_every, every);
            assert!(matches!(metric.metric, Some(Metric::Shared(..))));
        }
    }
}
