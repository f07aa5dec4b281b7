//! What a fit solves, in the coordinates of its solver: X̃ = (X − shift)·factor and λ_j of each θ_j.

use crate::design::Design;
use crate::design::rows::Standardise;
use crate::design::statistics::ColumnStatistics;
use crate::objective::kept::{Mode, Precision};
use crate::objective::{self, DENSE_COLUMNS, Objective, coordinates};
use crate::options::Options;
use crate::parallel::Workers;
use crate::solver::newton_cg::Limits;
use crate::solver::plan;
use crate::target::Target;

/// Rows, labels and options, and how columns are scaled and penalised.
#[derive(Debug, Clone)]
pub(crate) struct Problem<'p> {
    pub(crate) design: Design<'p>,
    pub(crate) target: &'p Target,
    pub(crate) options: &'p Options,
    pub(crate) standardise: Standardise,
    /// λ_j on the raw weights W_·j.
    pub(crate) ridge: Vec<f64>,
    pub(crate) workers: Workers,
    /// Does it only lead to a start?
    pub(crate) leads: bool,
}

impl<'p> Problem<'p> {
    pub(crate) fn new(
        design: &Design<'p>,
        target: &'p Target,
        options: &'p Options,
        statistics: &ColumnStatistics,
        workers: Workers,
    ) -> Self {
        let dense = !(design.is_sparse() && design.features() > DENSE_COLUMNS);
        let standardise = standardise(options, statistics, dense);
        let ridge = ridge(options, statistics);
        Self { design: *design, target, options, standardise, ridge, workers, leads: false }
    }

    /// K.
    pub(crate) fn classes(&self) -> usize {
        self.target.classes().len()
    }

    /// Columns without a penalty that are not left out.
    pub(crate) fn free(&self) -> Vec<usize> {
        let factor = &self.standardise.factor;
        (0..factor.len()).filter(|&j| self.ridge[j] == 0.0 && factor[j] > 0.0).collect()
    }

    /// λ_j of the solver's θ_j. Columns left out keep a unit ridge: their θ stays 0 and nothing is singular.
    pub(crate) fn scaled_ridge(&self) -> Vec<f64> {
        let scaled =
            |(lambda, factor): (&f64, &f64)| if *factor > 0.0 { lambda * factor * factor } else { 1.0 };
        self.ridge.iter().zip(&self.standardise.factor).map(scaled).collect()
    }

    pub(crate) fn objective(&self) -> Box<dyn Objective + 'p> {
        let mut ridge = self.scaled_ridge();
        if self.options.intercept {
            ridge.push(0.0);
        }
        let precision = precision(self.design.rows(), ridge.len(), self.classes());
        let mode = Mode { precision, keep: self.options.keep, leads: self.leads };
        objective::of(
            &self.design,
            self.target,
            self.standardise.clone(),
            self.options.intercept,
            ridge,
            mode,
            self.workers.clone(),
        )
    }

    /// When a solver is done with all of it.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            tol: self.options.tol,
            good_enough: None,
            max_steps: self.options.max_steps,
            separable: self.ridge.iter().all(|&l| l == 0.0) && self.design.features() > 0,
            reserve: self.options.reserve,
            provable: self.target.ids().is_some() && self.target.offsets().is_none(),
        }
    }

    /// The given start, or weights of 0 and the log frequencies of the classes.
    pub(crate) fn start(&self) -> Vec<f64> {
        let Options { intercept, warm_start, .. } = self.options;
        if let Some(c) = warm_start {
            return coordinates::to_theta(c, &self.standardise, *intercept);
        }
        let (d, k) = (self.design.features(), self.classes());
        let mut theta = vec![0.0; (d + usize::from(*intercept)) * k];
        if *intercept && self.target.offsets().is_none() {
            let logs: Vec<f64> = self.target.class_weights().iter().map(|w| w.ln()).collect();
            let mean = logs.iter().sum::<f64>() / k as f64;
            for (b, log) in theta[d * k..].iter_mut().zip(logs) {
                *b = log - mean;
            }
        }
        theta
    }
}

/// The type that curvature is computed in: where every step factors the Hessian, it is wanted to rounding.
pub(crate) fn precision(rows: usize, columns: usize, classes: usize) -> Precision {
    if plan::always_exact(rows, columns, classes) { Precision::Double } else { Precision::Single }
}

fn ridge(options: &Options, statistics: &ColumnStatistics) -> Vec<f64> {
    let scale = |j: usize| if options.standardize { statistics.sd[j].powi(2) } else { 1.0 };
    let lambda = options.lambda * options.units.ridge;
    options.penalty_factors.iter().enumerate().map(|(j, v)| lambda * v * scale(j)).collect()
}

/// Centres where an intercept takes it up and zeros need not stay zeros (`dense`); scales always. A constant column is
/// left out where the intercept does its work.
pub(crate) fn standardise(options: &Options, statistics: &ColumnStatistics, dense: bool) -> Standardise {
    let d = statistics.mean.len();
    let center = options.intercept && dense;
    let mut s = Standardise::identity(d);
    for j in 0..d {
        let (mean, sd) = (statistics.mean[j], statistics.sd[j]);
        let rms = mean.hypot(sd);
        let scale = if center { sd } else { rms };
        if center {
            s.shift[j] = mean;
        }
        let idle = if options.intercept { statistics.constant[j] } else { rms == 0.0 };
        s.factor[j] = if idle || !scale.is_normal() { 0.0 } else { 1.0 / scale };
    }
    s
}
