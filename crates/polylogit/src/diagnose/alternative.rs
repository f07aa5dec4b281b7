//! Is there a rule that separates classes? Decided exactly, by a theorem of the alternative.
//!
//! With a_ik = (e_{y_i} − e_k) ⊗ x_i for each row i and class k ≠ y_i, a rule B has margins ⟨a_ik, B⟩. Either all
//! margins of some B are ≥ 0 and not all are 0 (separation), or there are λ > 0 with Σ λ a = 0 (overlap; Stiemke 1915).
//! The linear program is solved as non-negative least squares,
//!
//! ```text
//! min ‖Σ (1 + μ) a‖²  over μ ≥ 0         B = Σ (1 + μ) a at the minimum: 0, or a rule (its margins are the dual's signs)
//! ```
//!
//! by the active-set method of Lawson and Hanson (1974), which ends after finitely many steps. For a rule that is strict in every row (complete
//! separation, Gordan 1873) the same with λ ≥ 0, Σ λ = 1 in place of 1 + μ.
//!
//! Sources: Albert and Anderson, Biometrika 71 (1984); Konis, Linear programming algorithms for detecting separated
//! data (2007).

use crate::design::rows::RowBlocks;
use crate::kernel::{self, Panels};
use crate::linalg::{Cholesky, Symmetric};
use crate::problem::Problem;

/// Multiply-adds that a check may cost about.
const WORK: f64 = 2e11;
/// Margins of unit vectors below this are 0.
const ZERO: f64 = 1e-9;

/// Rows as margins, in the solver's coordinates.
struct Margins<'m> {
    blocks: RowBlocks<'m>,
    ids: &'m [u32],
    classes: usize,
}

/// A row and another class than its own.
type Pair = (usize, usize);

/// A separating rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    /// B (m × K, row-major).
    pub(crate) direction: Vec<f64>,
    /// Is it strict in every row?
    pub(crate) complete: bool,
}

/// The check is too expensive, or rounding leaves it open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open;

/// The rule that separates classes, if there is one.
pub(crate) fn separation(problem: &Problem<'_>) -> Result<Option<Rule>, Open> {
    let ids = problem.target.ids().ok_or(Open)?;
    let Problem { design, standardise, options, .. } = problem;
    let classes = problem.classes();
    let blocks = RowBlocks::new(*design, standardise.clone(), options.intercept, 2 * classes);
    let p = (blocks.columns() * classes) as f64;
    if 3.0 * p * design.rows() as f64 * p > WORK {
        return Err(Open);
    }
    let margins = Margins { blocks, ids, classes };
    let Some(direction) = margins.rule(false)? else { return Ok(None) };
    Ok(Some(match margins.rule(true)? {
        Some(direction) => Rule { direction, complete: true },
        None => Rule { direction, complete: false },
    }))
}

impl Margins<'_> {
    /// Σ a/‖a‖ over all pairs.
    fn total(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.blocks.columns() * self.classes];
        let mut x = vec![0.0; self.blocks.block.len(self.blocks.columns())];
        for b in 0..self.blocks.count() {
            self.blocks.load(b, &mut x);
            for (r, row) in self.blocks.rows(b).enumerate() {
                for class in (0..self.classes).filter(|&k| k != self.ids[row] as usize) {
                    self.add(&x, r, (row, class), 1.0, &mut sum);
                }
            }
        }
        sum
    }

    /// sum += weight · a/‖a‖ of a row of a block.
    fn add(&self, x: &[f64], r: usize, (row, class): Pair, weight: f64, sum: &mut [f64]) {
        let (k, stride) = (self.classes, self.blocks.block.stride);
        let norm = self.norm(x, r);
        if norm == 0.0 {
            return;
        }
        for j in 0..self.blocks.columns() {
            let v = weight * x[j * stride + r] / norm;
            sum[j * k + self.ids[row] as usize] += v;
            sum[j * k + class] -= v;
        }
    }

    /// ‖a‖ = √2 ‖x‖.
    fn norm(&self, x: &[f64], r: usize) -> f64 {
        let stride = self.blocks.block.stride;
        (2.0 * (0..self.blocks.columns()).map(|j| x[j * stride + r].powi(2)).sum::<f64>()).sqrt()
    }

    /// a/‖a‖ of a pair.
    fn vector(&self, pair: Pair) -> Vec<f64> {
        let mut x = vec![0.0; self.blocks.block.len(self.blocks.columns())];
        let b = pair.0 / self.blocks.block.rows;
        self.blocks.load(b, &mut x);
        let mut a = vec![0.0; self.blocks.columns() * self.classes];
        self.add(&x, pair.0 - self.blocks.rows(b).start, pair, 1.0, &mut a);
        a
    }

    /// The pair with the least margin ⟨a/‖a‖, B⟩.
    fn least(&self, direction: &[f64]) -> (f64, Pair) {
        let (block, k) = (self.blocks.block, self.classes);
        let mut panels = Panels::default();
        panels.pack(direction, k, 1.0);
        let (mut x, mut z) = (vec![0.0; block.len(self.blocks.columns())], vec![0.0; block.len(k)]);
        let mut least = (f64::INFINITY, (0, 0));
        for b in 0..self.blocks.count() {
            self.blocks.load(b, &mut x);
            kernel::logits(block, &x, &panels, &mut z);
            for (r, row) in self.blocks.rows(b).enumerate() {
                let own = z[self.ids[row] as usize * block.stride + r];
                let norm = self.norm(&x, r);
                for class in (0..k).filter(|&c| c != self.ids[row] as usize) {
                    let margin = if norm > 0.0 { (own - z[class * block.stride + r]) / norm } else { 0.0 };
                    if margin < least.0 {
                        least = (margin, (row, class));
                    }
                }
            }
        }
        least
    }

    /// A rule with margins ≥ 0, or with all margins > 0 (`strict`). Lawson and Hanson: `active` holds the pairs with
    /// weights above 0.
    fn rule(&self, strict: bool) -> Result<Option<Vec<f64>>, Open> {
        let base = if strict { Vec::new() } else { self.total() };
        let n = self.blocks.columns() * self.classes;
        let mut active: Vec<(Pair, Vec<f64>, f64)> = Vec::new();
        let mut direction = if strict { vec![0.0; n] } else { base.clone() };
        let scale = if strict { 1.0 } else { norm(&base).max(1.0) };
        for _ in 0..20 * n + 100 {
            // Where all weights are 0, any pair starts the strict search.
            let first = strict && active.is_empty();
            let (margin, pair) = if first { (-1.0, (0, self.other(0))) } else { self.least(&direction) };
            let size = norm(&direction);
            if size <= ZERO * scale && !first {
                return Ok(None);
            }
            // Strictly: the nearest point of the hull supports it, ⟨a, B⟩ ≥ ‖B‖² for all pairs.
            let floor = if strict { size * size } else { 0.0 };
            if margin >= floor - ZERO * size || active.iter().any(|(p, ..)| *p == pair) {
                let enough = if strict { margin > 0.0 } else { margin >= -ZERO * size };
                return if enough { Ok(Some(direction)) } else { Err(Open) };
            }
            active.push((pair, self.vector(pair), 0.0));
            loop {
                let wanted = solve(&active, &base, strict).ok_or(Open)?;
                if wanted.iter().all(|w| *w > 0.0) {
                    active.iter_mut().zip(&wanted).for_each(|(a, w)| a.2 = *w);
                    break;
                }
                // As far as weights stay ≥ 0, then without those that reached 0.
                let share = active
                    .iter()
                    .zip(&wanted)
                    .filter(|(_, w)| **w <= 0.0)
                    .map(|(a, w)| a.2 / (a.2 - w))
                    .fold(1.0, f64::min);
                active.iter_mut().zip(&wanted).for_each(|(a, w)| a.2 += share * (w - a.2));
                let before = active.len();
                let tiny = 1e-14 * active.iter().fold(0.0f64, |m, a| m.max(a.2));
                active.retain(|a| a.2 > tiny);
                if active.len() == before || active.is_empty() {
                    break;
                }
            }
            direction = if strict { vec![0.0; n] } else { base.clone() };
            for (_, a, w) in &active {
                direction.iter_mut().zip(a).for_each(|(d, a)| *d += w * a);
            }
        }
        Err(Open)
    }

    /// A class other than a row's own.
    fn other(&self, row: usize) -> usize {
        usize::from(self.ids[row] == 0)
    }
}

/// The weights of least ‖base + Σ w a‖; strictly of least ‖Σ w a‖ with Σ w = 1. `None` if they are not unique.
fn solve(active: &[(Pair, Vec<f64>, f64)], base: &[f64], strict: bool) -> Option<Vec<f64>> {
    let n = active.len();
    let mut gram = Symmetric::zeros(n);
    for (i, (_, a, _)) in active.iter().enumerate() {
        for (j, (_, b, _)) in active.iter().enumerate() {
            // min ‖Σ w a‖² + (Σ w − 1)² has the same direction as the one with the constraint.
            gram.values[i * n + j] = dot(a, b) + f64::from(u8::from(strict));
        }
    }
    let mut w: Vec<f64> = active.iter().map(|(_, a, _)| if strict { 1.0 } else { -dot(a, base) }).collect();
    let factor = Cholesky::new(&gram)?;
    factor.solve_in_place(&mut w, 1);
    let total: f64 = w.iter().sum();
    if strict && total > 0.0 {
        for w in &mut w {
            *w /= total;
        }
    }
    Some(w)
}

fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
