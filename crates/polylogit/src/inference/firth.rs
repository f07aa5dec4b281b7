//! Firth's estimates: the likelihood times Jeffreys' prior, finite even where classes are separated.
//!
//! ```text
//! ℓ*(β) = ℓ(β) + ½ ln |J(β)|
//! U*_a = Σ s_i x_i [ y_ia − p_ia + ½ p_ia (Q_aa − 2 (Qp)_a − Σ_b Q_bb p_b + 2 pᵀQp) ]      Q_ab = x_iᵀ (J⁻¹)_ab x_i
//! β ← β + t J⁻¹ U*                 t halved until ℓ* rises
//! ```
//!
//! mixed with the steps before (Anderson 1965), as J is only near the curvature of ℓ* where classes are separated. The
//! bracket holds the third cumulants of the multinomial, ½ tr(J⁻¹ ∂J/∂β). Tests and intervals are those of the
//! profile: 2 (max ℓ* − max_{β_t = b} ℓ*) against χ²₁, the intervals' ends by Newton on its signed root. A constraint
//! Cβ = b is kept by projecting the step in the metric of J.
//!
//! Sources: Firth, Bias reduction of maximum likelihood estimates (1993); Kosmidis and Firth, Multinomial logit bias
//! reduction (2011); Heinze and Schemper, A solution to the problem of separation (2002).

use super::distributions::{chi_square_tail, critical};
use super::hypotheses::Test;
use super::maximum::{self, invert_with_determinant, product};
use super::moments::{Meat, Moments, Parameters};
use super::quadratic::Quadratic;
use super::sheet::Sheet;
use super::summary::{Estimate, Summary};
use crate::error::{Error, Result};
use crate::kernel;
use crate::linalg::Symmetric;

/// δ·Jδ that ends the iteration.
const SHORT: f64 = 1e-18;
/// Steps, at most.
const STEPS: usize = 500;
/// Standardised coefficients move by this much in a step, at most.
const LONGEST: f64 = 5.0;
/// Halvings of a step, at most.
const HALVINGS: i32 = 30;
/// Earlier steps that are mixed into the next.
const MEMORY: usize = 5;
/// δ·Jδ that rounding may leave.
const ROUNDED: f64 = 1e-10;
/// Share of ℓ* that is rounding.
const ROUNDING: f64 = 1e-13;
/// Values on the way to a constraint, at most.
const MOVES: usize = 50;
/// Steps towards the end of an interval, at most, and how near the root comes to it.
const ENDS: usize = 40;
const AT_END: f64 = 1e-7;

/// The problem at hand.
pub(super) struct Firth<'f> {
    pub(super) sheet: &'f Sheet<'f>,
    pub(super) ids: &'f [u32],
    pub(super) of: &'f Parameters,
}

/// A point with its information.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) beta: Vec<f64>,
    pub(super) loglik: f64,
    pub(super) penalised: f64,
    pub(super) inverse: Symmetric,
    information: Symmetric,
    score: Vec<f64>,
    /// ∂ℓ*/∂b of the first constraint.
    multiplier: f64,
    pub(super) steps: usize,
}

/// cβ = value.
type Constraint = (Vec<f64>, f64);

impl Firth<'_> {
    fn at(&self, beta: Vec<f64>) -> Option<State> {
        let moments = Moments::new(self.sheet, &self.of.theta(&beta), self.ids, self.of, Meat::None);
        let (inverse, ln_determinant) = invert_with_determinant(&moments.information)?;
        let penalised = moments.loglik + 0.5 * ln_determinant;
        penalised.is_finite().then_some(State {
            beta,
            loglik: moments.loglik,
            penalised,
            inverse,
            information: moments.information,
            score: moments.score,
            multiplier: 0.0,
            steps: 0,
        })
    }

    /// U*.
    fn score(&self, state: &State) -> Vec<f64> {
        let (f, m) = (self.of.free.len(), self.sheet.columns());
        let quadratic = Quadratic::new(&state.inverse, m, &self.of.kept);
        let sums = self.sheet.sum(&self.of.theta(&state.beta), m * f, |hand, sum| {
            let block = hand.block;
            hand.extra.resize(block.len(quadratic.pairs()), 0.0);
            quadratic.columns(block, hand.x, hand.extra, hand.u);
            let mut u = vec![0.0; block.len(f)];
            for r in 0..hand.rows.len() {
                let p = |a: usize| hand.p[self.of.free[a] * block.stride + r];
                let q = |a: usize, b: usize| hand.extra[quadratic.place(a, b) * block.stride + r];
                let qp = |a: usize| (0..f).map(|b| q(a, b) * p(b)).sum::<f64>();
                let common: f64 = (0..f).map(|a| p(a) * (2.0 * qp(a) - q(a, a))).sum();
                for a in 0..f {
                    u[a * block.stride + r] = 0.5 * hand.weight[r] * p(a) * (q(a, a) - 2.0 * qp(a) + common);
                }
            }
            kernel::outer(block, hand.x, &u, f, sum);
        });
        self.of.select(&sums).iter().zip(&state.score).map(|(a, u)| a + u).collect()
    }

    /// The maximum of ℓ* under constraints, from a point that need not keep them.
    fn maximise(&self, mut state: State, constraints: &[Constraint]) -> Result<State> {
        let mut past: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        for step in 0..=STEPS {
            let u = self.score(&state);
            let mut delta = product(&state.inverse, &u);
            state.multiplier = project(&state, constraints, &mut delta);
            let length = dot(&product(&state.information, &delta), &delta);
            state.steps = step;
            if length <= SHORT || step == STEPS && length <= ROUNDED {
                return Ok(state);
            }
            let longest = delta.iter().fold(0.0f64, |a, d| a.max(d.abs()));
            let scale = (LONGEST / longest).min(1.0);
            let halved = (0..HALVINGS).map(|h| {
                let t = scale * 0.5f64.powi(h);
                delta.iter().map(|d| t * d).collect::<Vec<f64>>()
            });
            let far = |d: &Vec<f64>| d.iter().all(|d| d.abs() <= 4.0 * LONGEST);
            let mixed = mixed(&state, &delta, &past).filter(far);
            // A step that mends a broken constraint may lower ℓ*.
            let kept =
                constraints.iter().all(|(c, v)| (dot(c, &state.beta) - v).abs() <= 1e-9 * (1.0 + v.abs()));
            let floor = state.penalised - ROUNDING * state.penalised.abs();
            let next = mixed.into_iter().chain(halved).find_map(|d| {
                let next = self.at(state.beta.iter().zip(&d).map(|(b, d)| b + d).collect())?;
                (!kept || next.penalised >= floor).then_some(next)
            });
            past.push((state.beta.clone(), delta));
            if past.len() > MEMORY {
                past.remove(0);
            }
            match next {
                Some(next) => state = next,
                // No step is better: what is left is rounding, if it is little.
                None if length <= ROUNDED => return Ok(state),
                None => return Err(Error::NoMaximum { decrement: length }),
            }
        }
        Err(Error::NoMaximum { decrement: f64::NAN })
    }

    /// The maximum, and the test that all columns but the intercept have no effect.
    pub(super) fn fit(&self, intercept: Option<usize>) -> Result<(State, Test)> {
        let start = self.at(vec![0.0; self.of.count()]).ok_or(Error::SingularInformation)?;
        let best = self.maximise(start, &[])?;
        let mk = self.of.kept.len();
        let slopes = (0..self.of.count()).filter(|at| Some(self.of.kept[at % mk]) != intercept);
        let test = self.test(&best, slopes.collect())?;
        Ok((best, test))
    }

    /// The maximum where cβ = b, from one where it is another value: as far at a time as the information stays regular.
    fn moved(&self, mut state: State, c: &[f64], b: f64) -> Result<State> {
        for _ in 0..MOVES {
            let way = product(&state.inverse, c);
            let gap = b - dot(c, &state.beta);
            let step = |share: f64| {
                let by = share * gap / dot(c, &way);
                let beta: Vec<f64> = state.beta.iter().zip(&way).map(|(x, d)| x + by * d).collect();
                Some((share, self.at(beta)?))
            };
            let shares = (0..HALVINGS).map(|h| 0.5f64.powi(h));
            let (share, start) = shares.into_iter().find_map(step).ok_or(Error::SingularInformation)?;
            let to = if share == 1.0 { b } else { dot(c, &start.beta) };
            state = self.maximise(start, &[(c.to_vec(), to)])?;
            if share == 1.0 {
                return Ok(state);
            }
        }
        Err(Error::NoMaximum { decrement: f64::NAN })
    }

    /// Profile interval and test of cβ.
    fn profile(&self, best: &State, c: &[f64], level: f64) -> Estimate {
        let value = dot(c, &best.beta);
        let se = dot(c, &product(&best.inverse, c)).sqrt();
        let z = critical(level);
        let from = |state: &State, b: f64| self.moved(state.clone(), c, b);
        let root = |state: &State| (2.0 * (best.penalised - state.penalised)).max(0.0).sqrt();
        // Infinite if the root stays below z as far as it was followed, NaN if it could not be followed.
        let end = |sign: f64| {
            let (mut at, mut state, mut unreached) = (value, best.clone(), sign * f64::INFINITY);
            let mut b = value + sign * z * se;
            for _ in 0..ENDS {
                let Ok(next) = from(&state, b) else {
                    unreached = b;
                    b = f64::midpoint(at, b);
                    continue;
                };
                (at, state) = (b, next);
                let r = root(&state);
                if (r - z).abs() <= AT_END {
                    return b;
                }
                // d(root)/db = −multiplier/root; where that is of no use, the normal's 1/se.
                let slope = (-state.multiplier / r) * sign;
                let slope = if slope.is_finite() && slope > 0.05 / se { slope } else { 1.0 / se };
                b += sign * ((z - r) / slope).clamp(-2.0 * se, 4.0 * se);
                if sign * b >= sign * unreached {
                    b = f64::midpoint(at, unreached);
                }
            }
            if unreached.is_finite() { f64::NAN } else { sign * f64::INFINITY }
        };
        let (low, high) = (end(-1.0), end(1.0));
        let r = from(best, 0.0).map_or(f64::NAN, |at_0| root(&at_0));
        let p_value = chi_square_tail(r * r, 1);
        Estimate { value, std_err: se, z: r.copysign(value), p_value, low, high }
    }

    /// The penalised likelihood-ratio test that the parameters at these places are 0: ℓ* of the whole model, under the
    /// constraint.
    fn test(&self, best: &State, places: Vec<usize>) -> Result<Test> {
        let zero = self.at(vec![0.0; self.of.count()]).ok_or(Error::SingularInformation)?;
        let none: Vec<Constraint> = places.into_iter().map(|at| (unit(self.of.count(), at), 0.0)).collect();
        let null = self.maximise(zero, &none)?;
        let (statistic, df) = ((2.0 * (best.penalised - null.penalised)).max(0.0), none.len());
        Ok(Test { statistic, df, p_value: chi_square_tail(statistic, df) })
    }

    /// The test that the given columns of X̃ have no effect on any class, from the estimates (K × kept) of a fit.
    pub(super) fn columns(&self, estimates: &[f64], columns: &[usize]) -> Result<Test> {
        let mk = self.of.kept.len();
        let beta = self.of.free.iter().flat_map(|k| &estimates[k * mk..(k + 1) * mk]).copied().collect();
        let best = self.at(beta).ok_or(Error::SingularInformation)?;
        let places = (0..self.of.count()).filter(|at| columns.contains(&self.of.kept[at % mk]));
        self.test(&best, places.collect())
    }

    /// Replaces Wald's tests and intervals of a summary by those of the profile.
    pub(super) fn profiles(&self, best: &State, summary: &mut Summary) -> Result<()> {
        let mk = self.of.kept.len();
        let mut profiles = vec![None; summary.errors.len()];
        for (class, term) in summary.parameters() {
            let wide = summary.vector(&[(class, term, 1.0)])?;
            let c: Vec<f64> = self.of.free.iter().flat_map(|k| wide[k * mk..(k + 1) * mk].to_vec()).collect();
            let at = class * (summary.features + 1) + summary.place(term);
            profiles[at] = Some(self.profile(best, &c, summary.level));
        }
        summary.profiles = Some(profiles);
        Ok(())
    }
}

/// The step of Anderson's mixing: β + δ less the combination of earlier differences that makes δ shortest in J.
fn mixed(state: &State, delta: &[f64], past: &[(Vec<f64>, Vec<f64>)]) -> Option<Vec<f64>> {
    let minus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
    let changes: Vec<Vec<f64>> = past.iter().map(|(_, d)| minus(delta, d)).collect();
    let measured: Vec<Vec<f64>> = changes.iter().map(|d| product(&state.information, d)).collect();
    let n = past.len();
    let mut gram = Symmetric::zeros(n);
    for (i, a) in changes.iter().enumerate() {
        for (j, b) in measured.iter().enumerate() {
            gram.values[i * n + j] = dot(a, b);
        }
    }
    let right: Vec<f64> = measured.iter().map(|m| dot(m, delta)).collect();
    let weights = product(&maximum::invert(&gram).filter(|_| n > 0)?, &right);
    let mut step = delta.to_vec();
    for (((beta, _), change), w) in past.iter().zip(&changes).zip(&weights) {
        for ((s, moved), c) in step.iter_mut().zip(minus(&state.beta, beta)).zip(change) {
            *s -= w * (moved + c);
        }
    }
    step.iter().all(|s| s.is_finite()).then_some(step)
}

/// Takes out of δ what leads away from Cβ = b: δ ← δ − V Cᵀ (C V Cᵀ)⁻¹ (Cδ − (b − Cβ)). Gives the first multiplier.
fn project(state: &State, constraints: &[Constraint], delta: &mut [f64]) -> f64 {
    let n = constraints.len();
    if n == 0 {
        return 0.0;
    }
    let vc: Vec<Vec<f64>> = constraints.iter().map(|(c, _)| product(&state.inverse, c)).collect();
    let mut gram = Symmetric::zeros(n);
    for (i, (c, _)) in constraints.iter().enumerate() {
        for (j, v) in vc.iter().enumerate() {
            gram.values[i * n + j] = dot(c, v);
        }
    }
    let right: Vec<f64> =
        constraints.iter().map(|(c, b)| dot(c, delta) - (b - dot(c, &state.beta))).collect();
    let Some(inverse) = maximum::invert(&gram) else { return f64::NAN };
    let multipliers = product(&inverse, &right);
    for (v, m) in vc.iter().zip(&multipliers) {
        delta.iter_mut().zip(v).for_each(|(d, v)| *d -= m * v);
    }
    multipliers[0]
}

fn unit(n: usize, at: usize) -> Vec<f64> {
    let mut c = vec![0.0; n];
    c[at] = 1.0;
    c
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
