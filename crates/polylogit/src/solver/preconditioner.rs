//! The metric in which steps are measured, and which one is worth its price.
//!
//! - *exact*: the factored Hessian. Costs about m·K/8 passes; with it a Newton step is one solve.
//! - *lagged*: the exact one of an earlier point; conjugate gradients finish the step.
//! - *shared*: one m × m block for every class (Böhning 1992, with the current weights), m/(4K) passes.
//! - *diagonal*: where m × m does not pay.

use crate::linalg::{Cholesky, Symmetric};
use crate::objective::Objective;

/// Parameters up to which the Hessian is factored at every step.
const ALWAYS_EXACT: usize = 0;
/// Passes that an exact Hessian may cost to be taken at every step.
const CHEAP_PASSES: f64 = 12.0;
/// Parameters up to which an exact Hessian is taken at all (72 MB).
const EXACT: usize = 0;
/// Columns up to which a shared block is factored.
const SHARED: usize = 2500;

/// M⁻¹ of some metric M near the Hessian.
#[derive(Debug)]
enum Metric {
    /// `current`: M is the Hessian of this very point, to rounding.
    Exact {
        factor: Cholesky,
        current: bool,
    },
    Shared(Cholesky),
    Diagonal(Vec<f64>),
}

/// The metric and the policy that renews it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent answers of one cost model")]
pub(super) struct Preconditioner {
    classes: usize,
    metric: Option<Metric>,
    always_exact: bool,
    exact_cost: f64,
    shared_cost: f64,
    may_exact: bool,
    may_share: bool,
    want_exact: bool,
}

impl Preconditioner {
    /// For an objective; `sparse` ones have no dense blocks.
    pub(super) fn new(objective: &dyn Objective, sparse: bool) -> Self {
        let (n, m, k) = (objective.rows() as f64, objective.columns(), objective.classes());
        let parameters = m * k;
        let (mf, p) = (m as f64, parameters as f64);
        // Sums over rows, then the factorisation, in passes of 4·n·m·K flops.
        let exact_cost = p / 8.0 + p * p / (12.0 * n);
        let shared_cost = mf / (4.0 * k as f64) + mf * mf / (12.0 * n * k as f64);
        let may_exact = !sparse && parameters <= EXACT;
        Self {
            classes: k,
            metric: None,
            always_exact: may_exact && (parameters <= ALWAYS_EXACT || exact_cost <= CHEAP_PASSES),
            exact_cost,
            shared_cost,
            may_exact,
            may_share: !sparse && m <= SHARED,
            want_exact: false,
        }
    }

    /// The method's name and the reason for it.
    pub(super) fn explain(&self) -> (&'static str, String) {
        let (exact, shared) = (self.exact_cost, self.shared_cost);
        if self.always_exact {
            ("newton", format!("an exact Hessian costs about {exact:.0} passes here: factored at every step"))
        } else if self.may_share {
            let then = if self.may_exact { ", the exact Hessian when those grow slow" } else { "" };
            let reason = format!(
                "an exact Hessian costs about {exact:.0} passes, one block for all classes {shared:.1}: \
                 conjugate gradients with the block{then}"
            );
            ("newton-cg", reason)
        } else {
            ("newton-cg", "too many columns for a dense block: conjugate gradients with the diagonal".into())
        }
    }

    /// Renews the metric at the point evaluated last; returns the passes that it cost.
    pub(super) fn renew(&mut self, objective: &mut dyn Objective) -> f64 {
        if self.always_exact || self.want_exact {
            self.want_exact = false;
            let mut h = objective.hessian();
            fix_gauge(&mut h, self.classes);
            if let Some(factor) = Cholesky::new(&h) {
                let current = !factor.jittered;
                self.metric = Some(Metric::Exact { factor, current });
                return self.exact_cost;
            }
        }
        match &mut self.metric {
            Some(Metric::Exact { current, .. }) => {
                *current = false;
                0.0
            }
            _ if self.may_share => {
                let factor = Cholesky::new(&objective.shared_block());
                self.metric = factor.map(Metric::Shared);
                self.shared_cost
            }
            _ => {
                let mut diagonal = vec![0.0; objective.columns() * self.classes];
                objective.hessian_diagonal(&mut diagonal);
                let floor = 1e-12 * diagonal.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
                for v in &mut diagonal {
                    *v = v.max(floor);
                }
                self.metric = Some(Metric::Diagonal(diagonal));
                1.0
            }
        }
    }

    /// Hears how many products a step took: a slow one asks for the exact Hessian next time.
    pub(super) fn took(&mut self, products: usize) {
        let slow = match self.metric {
            Some(Metric::Exact { .. }) => self.exact_cost / 4.0,
            _ => self.exact_cost,
        };
        self.want_exact = self.may_exact && products as f64 > slow.max(4.0);
    }

    /// Is the metric the Hessian itself?
    pub(super) fn is_hessian(&self) -> bool {
        matches!(self.metric, Some(Metric::Exact { current: true, .. }))
    }

    /// y = M⁻¹ r.
    pub(super) fn apply(&self, r: &[f64], y: &mut [f64]) {
        y.copy_from_slice(r);
        match &self.metric {
            Some(Metric::Exact { factor, .. }) => factor.solve_in_place(y, 1),
            Some(Metric::Shared(factor)) => factor.solve_in_place(y, self.classes),
            Some(Metric::Diagonal(d)) => {
                for (y, d) in y.iter_mut().zip(d) {
                    *y /= d;
                }
            }
            None => {}
        }
        // Rounding leaves the zero-sum gauge, the diagonal does so outright.
        center_rows(y, self.classes);
    }
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

/// Takes the mean over the classes out of every row.
pub(super) fn center_rows(theta: &mut [f64], k: usize) {
    for row in theta.chunks_exact_mut(k) {
        let mean = row.iter().sum::<f64>() / k as f64;
        for v in row {
            *v -= mean;
        }
    }
}
