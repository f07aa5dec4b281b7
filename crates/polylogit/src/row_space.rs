//! A start where columns outnumber rows: the fit in the space of the rows.
//!
//! With every λ_j > 0 the optimum is a combination of rows. Let x′_ij = x̃_ij/√λ_j and X′X′ᵀ = LLᵀ (n × n): with
//! θ′ = X′ᵀ L⁻ᵀ φ the scores are z = Lφ + b and the penalty is ½‖φ‖², so a dense problem of n columns has the same
//! optimum. The way back, θ = X′ᵀa with a = L⁻ᵀφ, is one more product with X′ᵀ. Rows that depend on others (their mean is 0
//! beside an intercept) leave columns of L that are next to 0, and a φ that is.
//!
//! The proof needs the scores X′θ′ of the very θ, which are summed on the way back. With r the residuals at these,
//! ∂F/∂θ′ = X′ᵀ(r + a): its square and all else that the duality gap is made of are forms (r + a)ᵀX′X′ᵀ(r + a), for which
//! LLᵀ will do; by how much it may be off is added.
//!
//! Source: Hastie, Tibshirani, Efficient quadratic regularization for expression arrays (2004).

use std::ops::Range;

use crate::certificate::duality_gap;
use crate::design::rows::Standardise;
use crate::design::{Design, Storage};
use crate::kernel::{self, Block, Panels, Real};
use crate::linalg::{Cholesky, Field, add_products, solve_upper_in_place};
use crate::objective::kept::Precision;
use crate::objective::{Dual, Point};
use crate::parallel::{Spare, Workers, tree_reduce};
use crate::scalar::Scalar;
use crate::softmax::log_softmax_in_place;
use crate::target::{Labels, Target};

/// Rows up to which their Gram matrix is decomposed.
const ROWS: usize = 3000;
/// Columns a row from which on it pays.
const COLUMNS_PER_ROW: usize = 2;
/// Columns whose products are summed before they join the others', and columns of the way back that stay in the cache.
const SUMMED: usize = 512;
const CHUNK: usize = 256;
/// Ranges of columns that are shared out, each with a sum of its own.
pub(crate) const SHARES: usize = 4;
/// What is added to the diagonal of the Gram matrix, as a share of it, so that what rounding leaves of dependent rows can be
/// factored; and by how much products of two rows may be off, that included, relative to their norms.
const RAISED_SINGLE: f64 = 1e-8;
const RAISED_DOUBLE: f64 = 1e-13;
const OFF_SINGLE: f64 = (SUMMED + 8) as f64 / (1 << 24) as f64;
const OFF_DOUBLE: f64 = 1e-12;

/// Does a design have so many columns, and so few rows?
pub(crate) fn pays(design: &Design<'_>) -> bool {
    let (n, d) = (design.rows(), design.features());
    !design.is_sparse() && n <= ROWS && d >= COLUMNS_PER_ROW * n
}

/// The rows of a design in coordinates of their own.
#[derive(Debug)]
pub(crate) struct RowSpace<'a> {
    x: Columns<'a>,
    /// L: the rows in coordinates of their own, row-major (n × n).
    pub(crate) rows: Vec<f64>,
    /// By how much LLᵀ may be off, relative to the norms of two rows; `None` where it is not the Gram matrix.
    off: Option<f64>,
}

/// A point of the row space in the space of the columns.
pub(crate) struct Way {
    /// a (n × K).
    shares: Vec<f64>,
    /// θ (d × K, row-major).
    pub(crate) theta: Vec<f64>,
    /// Its scores without intercepts (n × K).
    scores: Vec<f64>,
}

impl<'a> RowSpace<'a> {
    /// `None` where it does not pay or does not hold. `ridge`: λ_j of x̃_j; `precision`: that of the Gram matrix.
    pub(crate) fn new(
        design: &'a Design<'a>,
        standardise: &'a Standardise,
        ridge: &[f64],
        precision: Precision,
        workers: &Workers,
    ) -> Option<Self> {
        let free = ridge.iter().zip(&standardise.factor).any(|(l, f)| *l <= 0.0 && *f > 0.0);
        if free || !pays(design) {
            return None;
        }
        let mut scale: Vec<f64> = ridge.iter().map(|l| if *l > 0.0 { 1.0 / l.sqrt() } else { 0.0 }).collect();
        let unit = scale.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for s in &mut scale {
            *s /= unit;
        }
        let x = Columns { design, standardise, scale, unit };
        let (mut gram, raised, off) = match precision {
            Precision::Single => (x.gram::<f32>(workers), RAISED_SINGLE, OFF_SINGLE),
            Precision::Double => (x.gram::<f64>(workers), RAISED_DOUBLE, OFF_DOUBLE),
        };
        let n = design.rows();
        for v in &mut gram {
            *v *= unit * unit;
        }
        (0..n).for_each(|i| gram[i * (i + 3) / 2] *= 1.0 + raised);
        let factor = Cholesky::of_triangle(n, &gram)?;
        Some(Self { x, rows: factor.lower(), off: (!factor.jittered).then_some(off) })
    }

    /// The way back of φ (n × K), in one reading of X.
    pub(crate) fn back(&self, phi: &[f64], classes: usize, workers: &Workers) -> Way {
        let mut shares = phi.to_vec();
        solve_upper_in_place(&self.rows, &mut shares, classes);
        let mut panels = Panels::<f64>::default();
        panels.pack(&shares, classes, 1.0);
        let (n, d, unit) = (self.x.design.rows(), self.x.scale.len(), self.x.unit * self.x.unit);
        let mut theta = vec![0.0; d * classes];
        let mut ranges: Vec<(&mut [f64], Vec<f64>)> = Vec::new();
        let mut rest = &mut theta[..];
        for of in ranges_of(d) {
            let (own, others) = rest.split_at_mut(of.len() * classes);
            rest = others;
            ranges.push((own, vec![0.0; n * classes]));
        }
        workers.for_each(&mut ranges, |range, (theta, scores)| {
            let block = Block::new(CHUNK);
            let mut x = vec![0.0; block.len(n)];
            let mut back = vec![0.0; block.len(classes)];
            let first = ranges_of(d)[range].start;
            for (start, out) in (first..).step_by(CHUNK).zip(theta.chunks_mut(CHUNK * classes)) {
                self.x.load(start..(start + CHUNK).min(d), block.stride, &mut x);
                kernel::logits(block, &x, &panels, &mut back);
                kernel::outer(block, &x, &back, classes, scores);
                for (j, out) in out.chunks_exact_mut(classes).enumerate() {
                    for (c, out) in out.iter_mut().enumerate() {
                        // θ = θ′/√λ.
                        *out = back[c * block.stride + j] * self.x.scale[start + j] * unit;
                    }
                }
            }
        });
        tree_reduce(&mut ranges, |into, from| {
            into.1.iter_mut().zip(&from.1).for_each(|(into, from)| *into += from);
        });
        let scores = ranges[0].1.iter().map(|z| z * unit).collect();
        Way { shares, theta, scores }
    }

    /// F at θ, and a bound on F − F*. `phi`: where the way began (n × K), and intercepts; `dual`: of the problem in the
    /// coordinates of the rows; `ridge`: λ_j of x̃_j. `None` where LLᵀ is not the Gram matrix.
    pub(crate) fn prove(
        &self,
        way: &Way,
        phi: &[f64],
        (target, dual, ridge): (&Target, &Dual, &[f64]),
        workers: &Workers,
    ) -> Option<(Point, f64)> {
        let off = self.off?;
        let k = dual.offsets.len();
        let (n, total) = (target.rows(), target.total_weight());
        let (mut residuals, mut point) =
            (way.scores.clone(), Point { theta: phi.to_vec(), ..Point::default() });
        for (row, z) in residuals.chunks_exact_mut(k).enumerate() {
            let share = target.weight(row) / total;
            let o = target.offsets().map(|o| &o[row * k..(row + 1) * k]);
            z.iter_mut().zip(&phi[n * k..]).for_each(|(z, b)| *z += b);
            z.iter_mut().zip(o.unwrap_or_default()).for_each(|(z, o)| *z += o);
            log_softmax_in_place(z);
            for (c, z) in z.iter_mut().enumerate() {
                let y = match target.labels() {
                    Labels::Hard(ids) => f64::from(u8::from(ids[row] as usize == c)),
                    Labels::Soft(y) => y[row * k + c],
                };
                let p = z.exp();
                point.nll_mean -= if y > 0.0 { share * y * *z } else { 0.0 };
                point.entropy_mean -= if p > 0.0 { share * p * *z } else { 0.0 };
                point.offset_mean += o.map_or(0.0, |o| share * p * o[c]);
                *z = share * (p - y);
            }
        }
        // Lᵀ(r + a), and the sums of r.
        point.gradient = vec![0.0; phi.len()];
        let (gradient, defect) = point.gradient.split_at_mut(n * k);
        let balance: Vec<f64> = residuals.iter().zip(&way.shares).map(|(r, a)| r + a).collect();
        for (i, (r, balance)) in residuals.chunks_exact(k).zip(balance.chunks_exact(k)).enumerate() {
            for (l, g) in self.rows[i * n..=i * n + i].iter().zip(gradient.chunks_exact_mut(k)) {
                g.iter_mut().zip(balance).for_each(|(g, b)| *g += l * b);
            }
            defect.iter_mut().zip(r).for_each(|(d, r)| *d += r);
        }
        let squares =
            way.theta.chunks_exact(k).zip(ridge).map(|(t, l)| l * t.iter().map(|t| t * t).sum::<f64>());
        point.value = point.nll_mean + 0.5 * squares.sum::<f64>();
        let gap = duality_gap(&point, dual, workers)?;
        // |ρᵀ(X′X′ᵀ − LLᵀ)ρ| ≤ off (Σ_i |ρ_i| ‖L_i‖)² for ρ = r + a, and what the repair of the intercepts adds:
        // μη·(r + ½μη) with |η_i| = s_i/S |c − p_i| ≤ 2 s_i/S.
        let (mut unbalanced, mut residual, mut weighted) = (0.0, 0.0, 0.0);
        for (i, row) in self.rows.chunks_exact(n).enumerate() {
            let norm = row.iter().map(|l| l * l).sum::<f64>().sqrt();
            let sizes = |of: &[f64]| of[i * k..(i + 1) * k].iter().map(|v| v.abs()).sum::<f64>();
            unbalanced += norm * sizes(&balance);
            residual += norm * sizes(&residuals);
            weighted += norm * target.weight(i) / total;
        }
        let (defect, frequencies) = (&point.gradient[n * k..], &dual.moments[n * k..]);
        let mix = defect.iter().zip(frequencies).map(|(d, y)| d / y).fold(0.0, f64::max);
        let repair = 2.0 * mix * weighted * (residual + mix * weighted);
        let off = off * (0.5 * unbalanced * unbalanced + repair);
        Some((point, gap + off))
    }
}

/// d columns, shared out.
fn ranges_of(d: usize) -> Vec<Range<usize>> {
    let sums = d.div_ceil(SUMMED);
    let shares = SHARES.min(sums);
    let start = |s: usize| (sums * s / shares * SUMMED).min(d);
    (0..shares).map(|s| start(s)..start(s + 1)).collect()
}

/// X′/u, read by columns.
#[derive(Debug)]
struct Columns<'a> {
    design: &'a Design<'a>,
    /// x̃_j = (x_j − shift_j) · factor_j, and 1/(u√λ_j).
    standardise: &'a Standardise,
    scale: Vec<f64>,
    /// u, the largest 1/√λ_j: no product leaves the range of f32 whatever λ is.
    unit: f64,
}

impl Columns<'_> {
    /// X′X′ᵀ/u²: products in `T`, sums in f64; its lower triangle by rows.
    fn gram<T: Real + Field>(&self, workers: &Workers) -> Vec<f64> {
        let (n, ranges) = (self.design.rows(), ranges_of(self.scale.len()));
        let spare = Spare::default();
        let mut grams = vec![Vec::new(); ranges.len()];
        workers.for_each(&mut grams, |s, gram: &mut Vec<f64>| {
            // Written before it is read: pages of zeros that are read first are mapped twice.
            gram.resize(n * (n + 1) / 2, 0.0);
            let (mut x, mut products) =
                spare.take().unwrap_or_else(|| (vec![T::ZERO; n * SUMMED], vec![T::ZERO; n * n]));
            for start in ranges[s].clone().step_by(SUMMED) {
                self.load(start..(start + SUMMED).min(ranges[s].end), SUMMED, &mut x);
                add_products(&x, n, &mut products, gram);
            }
            spare.put((x, products));
        });
        tree_reduce(&mut grams, |into, from| into.iter_mut().zip(from).for_each(|(a, b)| *a += b));
        grams.swap_remove(0)
    }

    /// X′/u of some columns: a run of `stride` numbers for each row.
    fn load<T: Real>(&self, of: Range<usize>, stride: usize, x: &mut [T]) {
        match self.design.storage() {
            Storage::F64(values) => self.load_dense(values, of, stride, x),
            Storage::F32(values) => self.load_dense(values, of, stride, x),
            Storage::Csr(_) => {}
        }
    }

    fn load_dense<V: Scalar, T: Real>(&self, values: &[V], of: Range<usize>, stride: usize, x: &mut [T]) {
        let Standardise { shift, factor } = self.standardise;
        let factor = factor[of.clone()].iter().zip(&self.scale[of.clone()]);
        let (shift, factor) = (&shift[of.clone()], factor.map(|(f, scale)| f * scale).collect::<Vec<f64>>());
        kernel::standardise(values, (self.scale.len(), of), (shift, &factor), stride, x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::kept::{Keep, Mode};
    use crate::objective::{self, Objective};
    use crate::solver::Silent;
    use crate::solver::newton_cg::{Limits, minimise};

    fn objective_of<'a>(
        design: &Design<'a>,
        target: &'a Target,
        standardise: Standardise,
        ridge: &[f64],
    ) -> Box<dyn Objective + 'a> {
        let ridge = ridge.iter().copied().chain([0.0]).collect();
        let mode = Mode { precision: Precision::Double, keep: Keep::All, leads: false };
        objective::of(design, target, standardise, true, ridge, mode, Workers::default())
    }

    #[test]
    fn the_proof_is_that_of_all_columns() {
        let (n, d, k) = (40, 600, 3);
        let x: Vec<f64> =
            (0..n * d).map(|i| ((i * 7919 + i / 31 * 104_729) % 1013) as f64 / 1013.0).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let target = Target::from_labels((0..40i64).map(|i| i * i % 7 % 3)).unwrap();
        let target = target.weights((0..n).map(|i| (1 + i % 4) as f64).collect()).unwrap();
        let target = target.offset((0..n * k).map(|i| 0.3 * (1.7 * i as f64).sin()).collect()).unwrap();
        let standardise =
            Standardise { shift: vec![0.49; d], factor: (0..d).map(|j| 1.0 + (j % 3) as f64).collect() };
        let ridge: Vec<f64> = (0..d).map(|j| 0.01 * (1 + j % 5) as f64).collect();
        let workers = Workers::default();
        let mut all = objective_of(&design, &target, standardise.clone(), &ridge);
        for precision in [Precision::Double, Precision::Single] {
            let space = RowSpace::new(&design, &standardise, &ridge, precision, &workers).unwrap();
            let rows = Design::dense(&space.rows, n, n).unwrap();
            let mut inner = objective_of(&rows, &target, Standardise::identity(n), &vec![1.0; n]);
            for (tol, moved) in [(1e-1, 0.0), (1e-3, 0.2), (1e-9, 0.0), (1e-9, 1e-4)] {
                let limits = Limits {
                    tol,
                    good_enough: None,
                    max_steps: 100,
                    separable: false,
                    reserve: true,
                    provable: false,
                };
                let mut phi = minimise(&mut *inner, vec![0.0; (n + 1) * k], limits, &mut Silent).point.theta;
                phi[n * k] += moved;
                let way = space.back(&phi[..n * k], k, &workers);
                let (point, gap) =
                    space.prove(&way, &phi, (&target, &**inner.dual(), &ridge), &workers).unwrap();
                let theta = way.theta.iter().chain(&phi[n * k..]).copied().collect();
                let mut there = Point { theta, ..Point::default() };
                all.evaluate(&mut there);
                let expected = duality_gap(&there, all.dual(), &workers).unwrap();
                assert!((point.value - there.value).abs() <= 1e-14 * there.value);
                assert!((point.nll_mean - there.nll_mean).abs() <= 1e-14);
                assert!(gap >= expected - 1e-15, "{gap} {expected}");
                let most = match precision {
                    Precision::Double => 1.0 + 1e-7,
                    Precision::Single if moved == 0.0 => 1.03,
                    Precision::Single => 1.5,
                };
                assert!(gap <= most * expected + 1e-14, "{moved}: {gap} {expected}");
            }
        }
    }
}
