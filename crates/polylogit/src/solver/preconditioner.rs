//! The metric in which steps are measured, and which one is worth its price.
//!
//! - *exact*: the factored Hessian. Costs about m·K/8 passes; with it a Newton step is one solve.
//! - *sampled*: the Hessian of a share of the rows, or that of an earlier point; conjugate gradients finish
//!   the step.
//! - *shared*: one m × m block A for every class (Böhning 1992, with the current weights), m/(4K) passes, scaled to
//!   each class's own curvature: M_k = S_k A S_k with S_k diagonal such that M has the diagonal of the Hessian.
//! - *diagonal*: where m × m does not pay.
//!
//! Conjugate gradients leave directions s and products y = Hs behind. Some of them, as the pairs of the BFGS formula
//! with M at its heart, improve the metric of the next step (Morales and Nocedal, Automatic preconditioning by limited
//! memory quasi-Newton updating, 2000).

use super::vectors::Vectors;
use crate::linalg::{Cholesky, Symmetric};
use crate::objective::Objective;

/// Parameters up to which the Hessian is factored at every step.
const ALWAYS_EXACT: usize = 160;
/// Passes that an exact Hessian may cost to be taken at every step.
const CHEAP_PASSES: f64 = 12.0;
/// Parameters up to which a Hessian is taken at all (72 MB).
const EXACT: usize = 3000;
/// Columns up to which a shared block is factored.
const SHARED: usize = 2500;
/// Rows for each parameter that a sampled Hessian reads,
const SAMPLE: f64 = 6.0;
/// and rows of the rarest class for each column.
const SAMPLE_RAREST: f64 = 1.0;
/// A Hessian of this cost is taken at once; steps of fewer products are not slow.
const FEW_PRODUCTS: f64 = 4.0;
/// A factorisation, a flop, takes this many times the time of a flop of a pass.
const SEQUENTIAL: f64 = 8.0;
/// Passes that the diagonal of the Hessian costs.
const DIAGONAL_COST: f64 = 1.0;

/// Pairs that are remembered,
pub(super) const PAIRS: usize = 8;
/// as long as they are at most this many numbers (16 MB).
const REMEMBERED: usize = 1 << 21;

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

/// The metric and the policy that renews it.
#[derive(Debug)]
pub(super) struct Preconditioner {
    classes: usize,
    pub(super) vectors: Vectors,
    metric: Option<Metric>,
    hessians: Hessians,
    /// Every how manyth block a sampled Hessian reads, and its cost in passes.
    every: usize,
    hessian_cost: f64,
    shared_cost: f64,
    may_share: bool,
    /// Products that the last step took.
    products: f64,
    pairs: Vec<Pair>,
}

/// When a Hessian is factored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hessians {
    Never,
    /// When the last step was slow.
    IfSlow,
    /// At the next step.
    Next,
    Always,
}

/// Is the Hessian of this shape factored at every step?
pub(crate) fn always_exact(rows: usize, columns: usize, classes: usize) -> bool {
    let parameters = columns * classes;
    parameters <= ALWAYS_EXACT
        || parameters <= EXACT && hessian_cost(rows, columns, classes, 1) <= CHEAP_PASSES
}

/// Passes of 4·n·m·K flops that a factored Hessian of every `every`th block costs.
fn hessian_cost(rows: usize, columns: usize, classes: usize, every: usize) -> f64 {
    let p = (columns * classes) as f64;
    p / (8.0 * every as f64) + SEQUENTIAL * p * p / (12.0 * rows as f64)
}

impl Preconditioner {
    pub(super) fn new(objective: &dyn Objective) -> Self {
        let (n, m, k) = (objective.rows(), objective.columns(), objective.classes());
        let parameters = m * k;
        let sample = (SAMPLE * parameters as f64).max(SAMPLE_RAREST * m as f64 / objective.rarest());
        #[expect(clippy::cast_sign_loss, reason = "both are positive")]
        let every = if always_exact(n, m, k) { 1 } else { ((n as f64 / sample) as usize).max(1) };
        let mf = m as f64;
        let hessian_cost = hessian_cost(n, m, k, every);
        let hessians = if always_exact(n, m, k) {
            Hessians::Always
        } else if parameters > EXACT || !objective.is_dense() {
            Hessians::Never
        } else if hessian_cost <= FEW_PRODUCTS {
            Hessians::Next
        } else {
            Hessians::IfSlow
        };
        Self {
            classes: k,
            vectors: Vectors { workers: objective.workers().clone(), classes: k },
            metric: None,
            hessians,
            every,
            hessian_cost,
            shared_cost: mf / (4.0 * k as f64) + SEQUENTIAL * mf * mf / (12.0 * n as f64 * k as f64),
            may_share: m <= SHARED && objective.is_dense(),
            products: 0.0,
            pairs: Vec::new(),
        }
    }

    /// The method's name and the reason for it.
    pub(super) fn explain(&self) -> (&'static str, String) {
        let (hessian, shared) = (self.hessian_cost, self.shared_cost);
        if self.hessians == Hessians::Always {
            (
                "newton",
                format!("an exact Hessian costs about {hessian:.0} passes here: factored at every step"),
            )
        } else if self.may_share {
            let of = if self.every > 1 {
                format!("the Hessian of 1/{} of the rows", self.every)
            } else {
                "an exact Hessian".into()
            };
            let reason = if self.hessians == Hessians::Next {
                format!("{of} costs about {hessian:.1} passes: conjugate gradients with it")
            } else {
                let then =
                    if self.hessians == Hessians::IfSlow { ", the Hessian when those grow slow" } else { "" };
                format!(
                    "{of} costs about {hessian:.0} passes, one block for all classes {shared:.1}: conjugate gradients \
                     with the block{then}"
                )
            };
            ("newton-cg", reason)
        } else {
            ("newton-cg", "too many columns for a dense block: conjugate gradients with the diagonal".into())
        }
    }

    /// Renews the metric at the point evaluated last; returns the passes that it cost.
    pub(super) fn renew(&mut self, objective: &mut dyn Objective) -> f64 {
        if matches!(self.hessians, Hessians::Always | Hessians::Next) {
            if self.hessians == Hessians::Next {
                self.hessians = Hessians::IfSlow;
            }
            let factor = objective.hessian(self.every).and_then(|mut h| {
                fix_gauge(&mut h, self.classes);
                Cholesky::new(&h)
            });
            if let Some(factor) = factor {
                let current = !factor.jittered && self.every == 1;
                self.metric = Some(Metric::Exact { factor, current });
                return self.hessian_cost;
            }
            self.hessians = Hessians::Never;
        }
        if let Some(Metric::Exact { current, .. }) = &mut self.metric {
            *current = false;
            return 0.0;
        }
        if matches!(self.metric, Some(Metric::Shared(..))) && self.products < self.shared_cost {
            // Another block costs more than it can save.
            return 0.0;
        }
        if self.may_share
            && let Some(block) = objective.shared_block()
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
            return self.shared_cost + DIAGONAL_COST;
        }
        self.may_share = false;
        self.metric = Some(Metric::Diagonal(diagonal(objective)));
        DIAGONAL_COST
    }

    /// How many pairs of so many parameters are worth their memory.
    pub(super) fn room(&self, parameters: usize) -> usize {
        if self.hessians == Hessians::Always { 0 } else { PAIRS.min(REMEMBERED / (2 * parameters.max(1))) }
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
            Some(Metric::Exact { .. }) => self.hessian_cost,
            _ => 1.5 * self.hessian_cost,
        };
        if self.hessians == Hessians::IfSlow && products as f64 > slow.max(FEW_PRODUCTS) {
            self.hessians = Hessians::Next;
        }
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
