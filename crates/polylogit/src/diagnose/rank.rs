//! Unpenalised columns that depend on others: found before the fit, named, and solved by minimum norm.

use super::Collinear;
use crate::coefficients::Coefficients;
use crate::design::Design;
use crate::design::rows::{RowBlocks, Standardise};
use crate::kernel;
use crate::linalg::{Cholesky, Symmetric, independent_columns};
use crate::parallel::{Workers, tree_reduce};
use crate::target::Target;

/// Columns up to which the Gram matrix is formed.
pub(crate) const COLUMNS: usize = 3000;
/// Remaining squared length (1 − R²) below which an unpenalised column counts as dependent.
pub(crate) const DEPENDENT: f64 = 1e-13;
/// Coefficients on unit columns below this are rounding.
const ROUNDING: f64 = 1e-9;

/// The columns among `free` that are linear combinations of others there (and of a constant), with the
/// relation on the raw scale. Beyond 3000 columns nothing is looked for.
pub(crate) fn dependent_columns(
    design: &Design<'_>,
    target: &Target,
    standardise: &Standardise,
    free: &[usize],
    tolerance: f64,
    workers: &Workers,
) -> Vec<Collinear> {
    if free.len() < 2 || design.features() > COLUMNS {
        return Vec::new();
    }
    let gram = gram(design, target, standardise, free, workers);
    let found = independent_columns(&gram, tolerance);
    let factor = &standardise.factor;
    let relation = |(column, on): &(usize, Vec<f64>)| {
        let column = free[*column];
        let on = found.columns.iter().map(|&c| free[c]).zip(on);
        let mut on: Vec<(usize, f64)> = on
            .filter(|(_, a)| a.abs() > ROUNDING)
            .map(|(other, a)| (other, a * factor[other] / factor[column]))
            .collect();
        on.sort_by_key(|(other, _)| *other);
        Collinear { column, on }
    };
    let mut relations: Vec<Collinear> = found.dependent.iter().map(relation).collect();
    relations.sort_by_key(|r| r.column);
    relations
}

/// Correlations of the standardised columns.
fn gram(
    design: &Design<'_>,
    target: &Target,
    standardise: &Standardise,
    free: &[usize],
    workers: &Workers,
) -> Symmetric {
    let m = design.features();
    let blocks = RowBlocks::new(*design, standardise.clone(), false, m);
    let slots = blocks.count().min(16);
    let mut sums = vec![vec![0.0; m * m]; slots];
    workers.for_each(&mut sums, |s, sum| {
        let (mut x, mut weighted) = (vec![0.0; blocks.block.len(m)], vec![0.0; blocks.block.len(m)]);
        for b in blocks.count() * s / slots..blocks.count() * (s + 1) / slots {
            blocks.load(b, &mut x);
            let mut w = vec![0.0; blocks.block.rows];
            for (w, row) in w.iter_mut().zip(blocks.rows(b)) {
                *w = target.weight(row);
            }
            kernel::weighted_columns(blocks.block, &x, &w, &mut weighted);
            kernel::outer(blocks.block, &weighted, &x, m, sum);
        }
    });
    tree_reduce(&mut sums, |into, from| into.iter_mut().zip(from).for_each(|(a, b)| *a += b));
    let mut gram = Symmetric::zeros(free.len());
    for (a, &i) in free.iter().enumerate() {
        for (b, &j) in free.iter().enumerate() {
            gram.values[a * free.len() + b] =
                sums[0][i * m + j] / (sums[0][i * m + i] * sums[0][j * m + j]).sqrt();
        }
    }
    gram
}

/// Among all weights with the same scores, those of least Σ_j metric_j ‖W_·j‖²: the limit of a vanishing
/// ridge. Each relation x_c = a₀ + Σ a_j x_j gives a null direction e_c − Σ a_j e_j, taken out by projection.
pub(crate) fn minimum_norm(
    c: &Coefficients,
    relations: &[Collinear],
    mean: &[f64],
    metric: &[f64],
    intercept: bool,
) -> Coefficients {
    let (k, d, r) = (c.classes(), c.features(), relations.len());
    let null: Vec<Vec<f64>> = relations
        .iter()
        .map(|relation| {
            let mut v = vec![0.0; d];
            v[relation.column] = 1.0;
            for (j, a) in &relation.on {
                v[*j] -= a;
            }
            v
        })
        .collect();
    // Unpenalised features of a penalised fit have no metric of their own.
    let weight = |j: usize| if metric[j] > 0.0 { metric[j] } else { 1.0 };
    let product = |a: &[f64], b: &[f64]| (0..d).map(|j| weight(j) * a[j] * b[j]).sum::<f64>();
    let scale: Vec<f64> = null.iter().map(|v| product(v, v).sqrt()).collect();
    let mut normal = Symmetric::zeros(r);
    for a in 0..r {
        for b in 0..r {
            normal.values[a * r + b] = product(&null[a], &null[b]) / (scale[a] * scale[b]);
        }
    }
    let Some(factor) = Cholesky::new(&normal) else { return c.clone() };
    let mut weights = c.weights().to_vec();
    let mut intercepts = c.intercepts().to_vec();
    for class in 0..k {
        let w = &mut weights[class * d..(class + 1) * d];
        let mut t: Vec<f64> = null.iter().zip(&scale).map(|(v, s)| product(v, w) / s).collect();
        factor.solve_in_place(&mut t, 1);
        for ((v, t), s) in null.iter().zip(&t).zip(&scale) {
            for j in 0..d {
                w[j] -= t / s * v[j];
                if intercept {
                    intercepts[class] += t / s * v[j] * mean[j];
                }
            }
        }
    }
    Coefficients::new(k, d, weights, intercepts).map_or_else(|_| c.clone(), Coefficients::center)
}
