//! Marginal effects: what a change of one variable does to the probabilities, and how sure that is.
//!
//! ```text
//! number     ∂p_k/∂v = p_k (η_k − Σ_l p_l η_l)      η_k = Σ_c (∂x_c/∂v) β_kc
//! category   p_k(x at the level) − p_k(x at the base level)
//! ```
//!
//! averaged over the rows (weights s), or at one row. Standard errors by the delta method: with
//! c_ka = −p_k p_a (η_k + η_a − 2 Σ_l p_l η_l) and D_t = ∂x_t/∂v,
//!
//! ```text
//! ∂/∂β_at of ∂p_k/∂v = c_ka x_t − p_k p_a D_t  (a ≠ k),   minus the sum of these over a ≠ k for a = k
//! ∂p_k/∂β_at         = −p_k p_a x_t            (a ≠ k),   likewise
//! ```
//!
//! Sources: Greene, Econometric Analysis (2018), 18.2; Bartus, Estimation of marginal effects using margeff (2005).

use super::distributions::critical;
use super::sheet::Sheet;
use super::summary::{Estimate, Summary};
use crate::design::Design;
use crate::design::rows::Standardise;
use crate::error::{Error, Result};
use crate::kernel::{self, Block, Panels, RowSums};
use crate::target::Target;

/// A value that may depend on the row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// The same in every row.
    Constant(f64),
    /// `factor` times a column of X.
    Column {
        /// Which one.
        column: usize,
        /// The factor.
        factor: f64,
    },
}

/// A change of one variable, as the columns of X feel it.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// ∂x_c/∂v of the columns that depend on a number v: 1 for its own, 2v for its square, the other column for an
    /// interaction.
    Derivative(Vec<(usize, Value)>),
    /// The values of some columns before and after.
    Change {
        /// Before.
        from: Vec<(usize, Value)>,
        /// After.
        to: Vec<(usize, Value)>,
    },
}

/// Pairs k < a of K classes.
fn class_pairs(k: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..k).flat_map(move |a| (a + 1..k).map(move |b| (a, b)))
}

impl Summary {
    /// Effects averaged over rows with the weights of the target: one estimate for each class (K) and effect.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Features`] (of X, or for a column of an effect), [`Error::NotFinite`].
    pub fn average_effects(
        &self,
        x: &Design<'_>,
        target: &Target,
        effects: &[Effect],
    ) -> Result<Vec<Vec<Estimate>>> {
        if x.rows() != target.rows() {
            return Err(Error::Rows { design: x.rows(), target: target.rows() });
        }
        self.effects(x, Some(target), effects)
    }

    /// Effects at one row (d values on the raw scale), for example that of the means.
    ///
    /// # Errors
    /// As [`Summary::average_effects`].
    pub fn effects_at(&self, row: &[f64], effects: &[Effect]) -> Result<Vec<Vec<Estimate>>> {
        self.effects(&Design::dense(row, 1, self.features)?, None, effects)
    }

    fn effects(
        &self,
        x: &Design<'_>,
        target: Option<&Target>,
        effects: &[Effect],
    ) -> Result<Vec<Vec<Estimate>>> {
        let workers = self.check_rows(x)?;
        let used = effects.iter().flat_map(|e| match e {
            Effect::Derivative(d) => d.iter().chain(&[]),
            Effect::Change { from, to } => from.iter().chain(to),
        });
        for (column, value) in used {
            let source = if let Value::Column { column, .. } = value { *column } else { 0 };
            let largest = (*column).max(source);
            if largest >= self.features {
                return Err(Error::Features { expected: self.features, found: largest + 1 });
            }
        }
        let k = self.classes.len();
        // Columns without an estimate stand in values all the same.
        let mut standardise = self.standardise.clone();
        standardise.factor.iter_mut().filter(|f| **f == 0.0).for_each(|f| *f = 1.0);
        let mut sheet = Sheet::new(*x, &standardise, self.intercept, k, workers);
        if let Some(target) = target {
            sheet = sheet.with_target(target);
        }
        let m = sheet.columns();
        let theta = self.theta();
        let mut panels = Panels::default();
        panels.pack(&theta, k, 1.0);
        let plans: Vec<Plan<'_>> = effects.iter().map(|e| Plan::new(e, self, &standardise, m)).collect();
        let pairs = k * (k - 1) / 2;
        // Σ s, then Σ s p_k p_a and Σ s p_k p_a x for pairs, then for each effect its sum and that of its gradient.
        let (common, each) = (1 + pairs + m * pairs, k + m * pairs);
        let sums = sheet.sum(&theta, common + plans.len() * each, |hand, sum| {
            let block = hand.block;
            hand.u.resize(block.len(pairs.max(k)), 0.0);
            for (at, ((a, b), q)) in class_pairs(k).zip(hand.u.chunks_exact_mut(block.stride)).enumerate() {
                let (pa, pb) = (&hand.p[a * block.stride..], &hand.p[b * block.stride..]);
                for (((q, pa), pb), w) in q.iter_mut().zip(pa).zip(pb).zip(hand.weight) {
                    *q = w * pa * pb;
                }
                sum[1 + at] += q[..block.rows].iter().sum::<f64>();
            }
            sum[0] += hand.weight.iter().sum::<f64>();
            let (of_pairs, of_effects) = sum.split_at_mut(common);
            kernel::outer(block, hand.x, hand.u, pairs, &mut of_pairs[1 + pairs..]);
            for (plan, sum) in plans.iter().zip(of_effects.chunks_exact_mut(each)) {
                let (value, gradient) = sum.split_at_mut(k);
                match plan.effect {
                    Effect::Derivative(_) => {
                        let block = Rows { block, x: hand.x, weight: hand.weight };
                        derivative(&block, plan, hand.p, value, gradient);
                    }
                    Effect::Change { from, to } => {
                        for (setting, sign) in [(from, -1.0), (to, 1.0)] {
                            hand.extra.clear();
                            hand.extra.extend_from_slice(hand.x);
                            set(block, hand.x, &standardise, setting, hand.rows.len(), hand.extra);
                            let rows = Rows { block, x: hand.extra, weight: hand.weight };
                            let offsets = |z: &mut [f64]| sheet.add_offsets(hand.rows.clone(), z);
                            changed(&rows, &panels, sign, offsets, value, gradient);
                        }
                    }
                }
            }
        });
        let (total, z) = (sums[0], critical(self.level));
        let of = |(plan, sum): (&Plan<'_>, &[f64])| {
            let (value, gradient) = sum.split_at(k);
            let gradient = plan.gradient(gradient, &sums[1..common], pairs);
            let estimate = |class: usize| {
                let g = self.of_class(&gradient, class, pairs);
                let variance: f64 = g.iter().zip(self.times_v(&g)).map(|(a, b)| a * b).sum();
                Estimate::new(value[class] / total, variance / (total * total), z)
            };
            (0..k).map(estimate).collect()
        };
        Ok(plans.iter().zip(sums[common..].chunks_exact(each)).map(of).collect())
    }

    /// The gradient of one class's effect with respect to β (as V has it), from that of pairs of classes (m × pairs).
    fn of_class(&self, gradient: &[f64], class: usize, pairs: usize) -> Vec<f64> {
        let mk = self.kept.len();
        let mut g = vec![0.0; self.beta.len()];
        for (pair, (a, b)) in class_pairs(self.classes.len()).enumerate() {
            if a != class && b != class {
                continue;
            }
            let other = if a == class { b } else { a };
            for (i, &t) in self.kept.iter().enumerate() {
                g[other * mk + i] += gradient[t * pairs + pair];
                g[class * mk + i] -= gradient[t * pairs + pair];
            }
        }
        g
    }
}

/// Rows of a block.
struct Rows<'r> {
    block: Block,
    x: &'r [f64],
    weight: &'r [f64],
}

/// An effect in the coordinates of X̃.
struct Plan<'e> {
    effect: &'e Effect,
    /// η_k = Σ_t θ′_tk x̃_t + constant_k (K classes).
    slopes: Panels<f64>,
    constant: Vec<f64>,
    /// D̃_t of the columns that depend on the variable: (t, constant, source, factor).
    depends: Vec<(usize, f64, usize, f64)>,
}

impl<'e> Plan<'e> {
    fn new(effect: &'e Effect, summary: &Summary, standardise: &Standardise, m: usize) -> Self {
        let (k, mk) = (summary.classes.len(), summary.kept.len());
        let (mut theta, mut constant, mut depends) = (vec![0.0; m * k], vec![0.0; k], Vec::new());
        if let Effect::Derivative(columns) = effect {
            for (column, value) in columns {
                let Some(at) = summary.kept.iter().position(|j| j == column) else { continue };
                let own = standardise.factor[*column];
                // D = c + factor · x_source, x_source = x̃_source/f + shift.
                let (c, source, factor) = match *value {
                    Value::Constant(c) => (c, 0, 0.0),
                    Value::Column { column: s, factor } => {
                        (factor * standardise.shift[s], s, factor / standardise.factor[s])
                    }
                };
                depends.push((*column, own * c, source, own * factor));
                for class in 0..k {
                    let beta = summary.beta[class * mk + at] * own;
                    constant[class] += c * beta;
                    if factor != 0.0 {
                        theta[source * k + class] += factor * beta;
                    }
                }
            }
        }
        let mut slopes = Panels::default();
        slopes.pack(&theta, k, 1.0);
        Self { effect, slopes, constant, depends }
    }

    /// With −Σ s p_k p_a D̃_t added, from the sums over pairs and over pairs times x̃.
    fn gradient(&self, sums: &[f64], common: &[f64], pairs: usize) -> Vec<f64> {
        let (plain, times_x) = common.split_at(pairs);
        let mut out = sums.to_vec();
        for &(t, constant, source, factor) in &self.depends {
            for pair in 0..pairs {
                let moved = if factor == 0.0 { 0.0 } else { factor * times_x[source * pairs + pair] };
                out[t * pairs + pair] -= constant * plain[pair] + moved;
            }
        }
        out
    }
}

/// Adds Σ s p_k (η_k − η̄) to `value` and Σ s c_ka x̃ to `gradient`.
fn derivative(rows: &Rows<'_>, plan: &Plan<'_>, p: &[f64], value: &mut [f64], gradient: &mut [f64]) {
    let Rows { block, x, weight } = *rows;
    let k = value.len();
    let pairs = k * (k - 1) / 2;
    let mut eta = vec![0.0; block.len(k)];
    kernel::logits(block, x, &plan.slopes, &mut eta);
    let mut mean = vec![0.0; block.stride];
    for ((eta, p), c) in
        eta.chunks_exact_mut(block.stride).zip(p.chunks_exact(block.stride)).zip(&plan.constant)
    {
        for ((eta, p), mean) in eta.iter_mut().zip(p).zip(&mut mean) {
            *eta += c;
            *mean += p * *eta;
        }
    }
    for (class, value) in value.iter_mut().enumerate() {
        let at = class * block.stride;
        *value += (0..block.rows).map(|r| weight[r] * p[at + r] * (eta[at + r] - mean[r])).sum::<f64>();
    }
    let mut columns = vec![0.0; block.len(pairs)];
    for ((a, b), c) in class_pairs(k).zip(columns.chunks_exact_mut(block.stride)) {
        let (a, b) = (a * block.stride, b * block.stride);
        for r in 0..block.rows {
            c[r] = -weight[r] * p[a + r] * p[b + r] * (eta[a + r] + eta[b + r] - 2.0 * mean[r]);
        }
    }
    kernel::outer(block, x, &columns, pairs, gradient);
}

/// Adds ±Σ s p_k to `value` and ∓Σ s p_k p_a x̃ to `gradient`, p at these rows.
fn changed(
    rows: &Rows<'_>,
    theta: &Panels<f64>,
    sign: f64,
    offsets: impl Fn(&mut [f64]),
    value: &mut [f64],
    gradient: &mut [f64],
) {
    let Rows { block, x, weight } = *rows;
    let k = value.len();
    let pairs = k * (k - 1) / 2;
    let mut p = vec![0.0; block.len(k)];
    kernel::logits(block, x, theta, &mut p);
    offsets(&mut p);
    kernel::softmax_columns(block, &mut p, &mut RowSums::new(block));
    for (value, p) in value.iter_mut().zip(p.chunks_exact(block.stride)) {
        *value += sign * weight.iter().zip(p).map(|(w, p)| w * p).sum::<f64>();
    }
    let mut columns = vec![0.0; block.len(pairs)];
    for ((a, b), c) in class_pairs(k).zip(columns.chunks_exact_mut(block.stride)) {
        for r in 0..block.rows {
            c[r] = -sign * weight[r] * p[a * block.stride + r] * p[b * block.stride + r];
        }
    }
    kernel::outer(block, x, &columns, pairs, gradient);
}

/// Writes the values of a setting into `out`, a copy of the block `x`.
fn set(
    block: Block,
    x: &[f64],
    standardise: &Standardise,
    setting: &[(usize, Value)],
    rows: usize,
    out: &mut [f64],
) {
    let Standardise { shift, factor } = standardise;
    for &(column, value) in setting {
        let scaled = |raw: f64| (raw - shift[column]) * factor[column];
        let to = &mut out[column * block.stride..][..rows];
        match value {
            Value::Constant(c) => to.fill(scaled(c)),
            Value::Column { column: s, factor: by } => {
                for (to, x) in to.iter_mut().zip(&x[s * block.stride..]) {
                    *to = scaled(by * (x / factor[s] + shift[s]));
                }
            }
        }
    }
}
