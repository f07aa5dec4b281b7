//! Cross-validation of whole paths: mean and standard error of a score at every λ, the best λ and the most
//! parsimonious one within a standard error of it.
//!
//! The rows of a fold are held out by giving them weight 0, so that all folds share one table, uncopied, and the
//! scores of the held-out rows come along in every pass. Folds run in parallel, each on one thread.

use crate::design::Design;
use crate::error::{Error, Result};
use crate::folds::{NEVER, Split};
use crate::memory;
use crate::options::{LogisticRegression, Options};
use crate::parallel::{Workers, at_work};
use crate::path::{Lambdas, Path, walk};
use crate::solver::Watch;
use crate::target::{Labels, Target};

/// Folds unless asked otherwise, as in cv.glmnet.
const FOLDS: usize = 10;
/// Passes of a fold's path, about: what says if it is worth a thread.
const PASSES: usize = 100;

/// What held-out rows are scored with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Score {
    /// Mean of −ln p_y in nats; less is better.
    #[default]
    LogLoss,
    /// Share of rows whose most probable class is theirs; more is better.
    Accuracy,
    /// Mean of Σ_k (p_k − y_k)²; less is better.
    Brier,
}

impl Score {
    /// `log_loss`, `accuracy` or `brier`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogLoss => "log_loss",
            Self::Accuracy => "accuracy",
            Self::Brier => "brier",
        }
    }

    /// As a loss: less is better.
    fn loss(self, value: f64) -> f64 {
        if self == Self::Accuracy { -value } else { value }
    }

    /// Of one row: its log-probabilities and its labels.
    fn of(self, log_p: &[f64], y: impl Fn(usize) -> f64) -> f64 {
        match self {
            Self::LogLoss => {
                let part = |(k, l): (usize, &f64)| if y(k) > 0.0 { -y(k) * l } else { 0.0 };
                log_p.iter().enumerate().map(part).sum()
            }
            Self::Accuracy => y(crate::softmax::argmax(log_p).unwrap_or(0)),
            Self::Brier => log_p.iter().enumerate().map(|(k, l)| (l.exp() - y(k)).powi(2)).sum(),
        }
    }
}

/// Cross-validation: a builder, run by [`CrossValidation::run`].
///
/// ```
/// use polylogit::{CrossValidation, Design, LogisticRegression, Target};
/// # let x: Vec<f64> = (0..120).map(|i| ((i * 7919) % 101) as f64 / 101.0 + f64::from(i % 6 / 2)).collect();
/// # let ids: Vec<i64> = (0..40).map(|i| i % 3).collect();
/// # let (design, target) = (Design::dense(&x, 40, 3)?, Target::from_labels(ids)?);
/// let lasso = LogisticRegression::new().l1_ratio(1.0).standardize(true);
/// let found = CrossValidation::new(5).seed(1).run(&lasso, &design, &target)?;
/// let chosen = found.one_se; // or found.best
/// let model = found.curves[chosen.curve].path.model(chosen.point)?;
/// # assert_eq!(model.classes().len(), 3);
/// # Ok::<(), polylogit::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CrossValidation {
    folds: usize,
    seed: u64,
    split: Split,
    score: Score,
    lambdas: Lambdas,
    l1_ratios: Option<Vec<f64>>,
}

impl Default for CrossValidation {
    fn default() -> Self {
        Self::new(FOLDS)
    }
}

impl CrossValidation {
    /// So many stratified folds: of each class as many rows in each fold, give or take one. The only row of a class is
    /// never held out, so no class is ever unknown.
    pub fn new(folds: usize) -> Self {
        let (split, score) = (Split::Stratified, Score::default());
        Self { folds, seed: 0, split, score, lambdas: Lambdas::default(), l1_ratios: None }
    }

    /// The seed of the folds. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Rows of one group (n values) stay in one fold; folds of about equal size.
    pub fn groups(mut self, groups: Vec<u64>) -> Self {
        self.split = Split::Groups(groups);
        self
    }

    /// The fold of each row (n values), counted from 0; `u32::MAX` for rows that are never held out.
    pub fn given(mut self, folds: Vec<u32>) -> Self {
        let last = folds.iter().filter(|f| **f != NEVER).max();
        self.folds = last.map_or(0, |f| *f as usize + 1);
        self.split = Split::Given(folds);
        self
    }

    /// The score. Default: log loss.
    pub fn score(mut self, score: Score) -> Self {
        self.score = score;
        self
    }

    /// The λ. Default: those of a path on all rows.
    pub fn lambdas(mut self, lambdas: Lambdas) -> Self {
        self.lambdas = lambdas;
        self
    }

    /// The shares α to try, each with a path of its own. Default: that of the regression.
    pub fn l1_ratios(mut self, ratios: Vec<f64>) -> Self {
        self.l1_ratios = Some(ratios);
        self
    }

    /// Fits the path on all rows and on the rows outside of each fold.
    ///
    /// # Errors
    /// As [`LogisticRegression::path`]; [`Error::Option`] if there are fewer than 2 folds or more than rows,
    /// [`Error::FoldWithoutClass`] if a class has rows in one fold only.
    pub fn run(
        &self,
        regression: &LogisticRegression,
        design: &Design<'_>,
        target: &Target,
    ) -> Result<Validated> {
        self.run_watched(regression, design, target, &|| false)
    }

    /// As [`CrossValidation::run`]; where `cancelled` says so, fits end early and the outcome has what there is.
    ///
    /// # Errors
    /// As [`CrossValidation::run`].
    pub fn run_watched(
        &self,
        regression: &LogisticRegression,
        design: &Design<'_>,
        target: &Target,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Validated> {
        let options = regression.check(design, target)?;
        let work = (self.folds * PASSES) as f64 * design.stored() as f64 * target.classes().len() as f64;
        let at_once = at_work(options.threads, work).min(self.folds);
        let options = memory::within(options, design, target, at_once)?;
        let fold_of = self.split.folds(target, self.folds, self.seed)?;
        let trained: Vec<Target> = (0..self.folds).map(|f| held_out(target, &fold_of, f)).collect();
        for (fold, target) in trained.iter().enumerate() {
            if let Some(k) = target.class_weights().iter().position(|w| *w <= 0.0) {
                return Err(Error::FoldWithoutClass { fold, class: target.classes()[k].to_string() });
            }
        }
        let ratios = self.l1_ratios.clone().unwrap_or_else(|| vec![options.l1_ratio]);
        if ratios.is_empty() {
            let range = "at least 1";
            return Err(Error::Option { option: "the number of l1 ratios", value: "0".into(), range });
        }
        let workers = Workers::new(options.threads, work);
        let mut curves = Vec::with_capacity(ratios.len());
        for ratio in ratios {
            let alpha = regression.clone().l1_ratio(ratio);
            let options = alpha.check(design, target)?;
            let mut watch = Watch(cancelled);
            let path = alpha.path_observed(design, target, &self.lambdas, &mut watch)?;
            let lambdas: Vec<f64> = path.points.iter().map(|p| p.lambda).collect();
            let mut slots: Vec<Result<Vec<f64>>> = (0..self.folds).map(|_| Ok(vec![])).collect();
            workers.for_each(&mut slots, |fold, out| {
                let fold =
                    Fold { design, all: target, trained: &trained[fold], assigned: &fold_of, index: fold };
                *out = fold.scores(&options, &lambdas, self.score, cancelled);
            });
            let scores = slots.into_iter().collect::<Result<Vec<_>>>()?;
            curves.push(Curve::new(path, &scores, &weights(target, &fold_of, self.folds)));
        }
        let best = best(&curves, self.score);
        Ok(Validated {
            score: self.score,
            folds: self.folds,
            fold_of,
            one_se: one_se(&curves, best, self.score),
            best,
            curves,
        })
    }
}

/// The target with weight 0 on a fold's rows.
fn held_out(target: &Target, fold_of: &[u32], fold: usize) -> Target {
    let weight = |row: usize| if fold_of[row] as usize == fold { 0.0 } else { target.weight(row) };
    target.reweighted((0..target.rows()).map(weight).collect())
}

/// The weight of each fold's rows.
fn weights(target: &Target, fold_of: &[u32], folds: usize) -> Vec<f64> {
    let mut weights = vec![0.0; folds];
    for (row, &fold) in fold_of.iter().enumerate().filter(|(_, f)| **f != NEVER) {
        weights[fold as usize] += target.weight(row);
    }
    weights
}

/// One fold at work.
struct Fold<'f> {
    design: &'f Design<'f>,
    all: &'f Target,
    trained: &'f Target,
    /// The fold of each row.
    assigned: &'f [u32],
    index: usize,
}

impl Fold<'_> {
    /// The held-out rows' mean score at each λ.
    fn scores(
        &self,
        options: &Options,
        lambdas: &[f64],
        score: Score,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<f64>> {
        let k = self.all.classes().len();
        let rows: Vec<usize> =
            (0..self.assigned.len()).filter(|&row| self.assigned[row] as usize == self.index).collect();
        let total: f64 = rows.iter().map(|&row| self.all.weight(row)).sum();
        let mut scores = Vec::with_capacity(lambdas.len());
        let mut watch = Watch(cancelled);
        let given = Lambdas::given(lambdas.to_vec());
        let workers = Workers::default();
        walk::run(self.design, self.trained, options, &given, workers, &mut watch, |_, _, solver| {
            let mut z = solver.columns.scores();
            if let Some(offsets) = self.all.offsets() {
                z.iter_mut().zip(offsets).for_each(|(z, o)| *z += o);
            }
            let mut sum = 0.0;
            for &row in &rows {
                let z = &mut z[row * k..(row + 1) * k];
                let log_sum = crate::softmax::logsumexp(z);
                for z in &mut *z {
                    *z -= log_sum;
                }
                let y = |c: usize| match self.all.labels() {
                    Labels::Hard(ids) => f64::from(u8::from(ids[row] as usize == c)),
                    Labels::Soft(y) => y[row * k + c],
                };
                sum += self.all.weight(row) * score.of(z, y);
            }
            scores.push(sum / total);
        })?;
        Ok(scores)
    }
}

/// The path on all rows at one α, and how its λ did on held-out rows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Curve {
    /// α.
    pub l1_ratio: f64,
    /// The path on all rows.
    pub path: Path,
    /// The mean over the folds, weighted by their rows, at each λ.
    pub mean: Vec<f64>,
    /// Its standard error, √(Σ_f w_f (score_f − mean)² / (folds − 1)) with w_f the folds' shares, as in cv.glmnet.
    pub standard_error: Vec<f64>,
    /// The score of each fold at each λ (λ × folds, row-major).
    pub by_fold: Vec<f64>,
}

impl Curve {
    /// `scores`: of each fold, at each λ. A path that was ended early counts as far as every fold came.
    fn new(path: Path, scores: &[Vec<f64>], weights: &[f64]) -> Self {
        let count = scores.iter().map(Vec::len).min().unwrap_or(0);
        let total: f64 = weights.iter().sum();
        let (mut mean, mut standard_error, mut by_fold) = (vec![], vec![], vec![]);
        // Folds without a held-out row say nothing.
        let folds: Vec<usize> = (0..scores.len()).filter(|&f| weights[f] > 0.0).collect();
        for point in 0..count {
            let average = folds.iter().map(|&f| weights[f] / total * scores[f][point]).sum::<f64>();
            let square: f64 =
                folds.iter().map(|&f| weights[f] / total * (scores[f][point] - average).powi(2)).sum();
            mean.push(average);
            standard_error.push((square / (folds.len().max(2) - 1) as f64).sqrt());
            by_fold.extend(scores.iter().map(|s| s[point]));
        }
        Self { l1_ratio: path.l1_ratio, path, mean, standard_error, by_fold }
    }
}

/// A point of one of the curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Which curve.
    pub curve: usize,
    /// Which point of its path.
    pub point: usize,
}

/// What cross-validation found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Validated {
    /// The score.
    pub score: Score,
    /// Number of folds.
    pub folds: usize,
    /// The fold of each row; `u32::MAX` for rows that are never held out.
    pub fold_of: Vec<u32>,
    /// One for each α.
    pub curves: Vec<Curve>,
    /// The best mean; of equals the larger λ.
    pub best: Choice,
    /// The largest λ of the best curve whose mean is within one standard error of the best.
    pub one_se: Choice,
}

fn best(curves: &[Curve], score: Score) -> Choice {
    let mut best = (f64::INFINITY, Choice { curve: 0, point: 0 });
    for (curve, c) in curves.iter().enumerate() {
        for (point, mean) in c.mean.iter().enumerate() {
            if score.loss(*mean) < best.0 {
                best = (score.loss(*mean), Choice { curve, point });
            }
        }
    }
    best.1
}

fn one_se(curves: &[Curve], best: Choice, score: Score) -> Choice {
    let curve = &curves[best.curve];
    let Some(mean) = curve.mean.get(best.point) else { return best };
    let limit = score.loss(*mean) + curve.standard_error[best.point];
    let within = curve.mean.iter().position(|m| score.loss(*m) <= limit);
    Choice { point: within.unwrap_or(best.point), ..best }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_by_hand() {
        let target = Target::from_labels([0, 1, 0, 1]).unwrap();
        let x = [0.0, 1.0, 0.5, 2.0];
        let design = Design::dense(&x, 4, 1).unwrap();
        let lasso = LogisticRegression::new().l1_ratio(1.0);
        let path = lasso.path(&design, &target, &Lambdas::given(vec![0.3, 0.2, 0.1])).unwrap();
        let scores = [vec![0.7, 0.5, 0.6], vec![0.9, 0.9, 0.6]];
        let curve = Curve::new(path, &scores, &[1.0, 1.0]);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(&curve.mean, &[0.8, 0.7, 0.6]));
        assert!(close(&curve.standard_error, &[0.1, 0.2, 0.0]));
        let curves = [curve];
        let best = best(&curves, Score::LogLoss);
        assert_eq!((best.point, one_se(&curves, best, Score::LogLoss).point), (2, 2));
        assert_eq!(super::best(&curves, Score::Accuracy).point, 0);
    }
}
