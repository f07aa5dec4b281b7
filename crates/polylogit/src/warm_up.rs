//! A start from growing samples: where rows are many, a share of them leads most of the way.
//!
//! Samples are nested and stratified: of each class the rows with the smallest hashes of their numbers, each
//! with the weight of those that it stands for, so that the sample's objective is that of all rows in the mean
//! and rare classes keep what they have. Nothing but the row numbers decides; the same table gives the same
//! samples.

use crate::design::Design;
use crate::design::rows::Standardise;
use crate::design::sample::Gathered;
use crate::fit;
use crate::options::Options;
use crate::parallel::Workers;
use crate::solver::newton_cg::{self, Limits};
use crate::solver::{Observer, Status};
use crate::target::Target;

/// Rows of the first sample for each column,
const ROWS_PER_COLUMN: usize = 20;
/// and for each parameter, up to a share of all.
const ROWS_PER_PARAMETER: usize = 5;
const LARGEST_FIRST: usize = 16;
/// Each sample is this many times the one before.
const GROWTH: usize = 4;
/// The last one leaves this many times its rows.
const LAST: usize = 4;
/// Rows of a class that a sample takes at least, as long as there are any.
const OF_EACH_CLASS: usize = 50;
/// A sample is left when a step promises less than this share of F.
const GOOD_ENOUGH: f64 = 1e-3;

/// Where the samples lead from `theta`, and the passes over all rows that they cost.
pub(crate) fn warm_up(
    design: &Design<'_>,
    target: &Target,
    options: &Options,
    standardise: &Standardise,
    ridge: &[f64],
    workers: &Workers,
    observer: &mut dyn Observer,
    mut theta: Vec<f64>,
) -> (Vec<f64>, f64) {
    let (n, m, k) = (design.rows(), design.features() + 1, target.classes().len());
    if m > n {
        return (theta, 0.0);
    }
    let first =
        (ROWS_PER_COLUMN * m).max(ROWS_PER_PARAMETER * m * k).min(n / LARGEST_FIRST).max(OF_EACH_CLASS * k);
    let (mut rows, mut passes) = (first, 0.0);
    while rows * LAST <= n && !observer.cancelled() {
        let Some((sampled, weights)) = sample(target, rows) else { break };
        let gathered = Gathered::new(design, &sampled);
        let Ok(part) = gathered.design(sampled.len(), design.features()) else { break };
        let labels = target.subset(&sampled, weights);
        let columns = design.features() + usize::from(options.intercept);
        let precision = fit::precision(sampled.len(), columns, k);
        let mut objective =
            fit::objective(&part, &labels, options, standardise.clone(), ridge, precision, workers);
        let limits = Limits {
            tol: options.tol,
            good_enough: Some(GOOD_ENOUGH),
            max_steps: options.max_steps,
            separable: false,
            provable: false,
        };
        let outcome = newton_cg::minimise(&mut *objective, theta.clone(), limits, &mut Muted(observer));
        passes += outcome.passes * sampled.len() as f64 / n as f64;
        if outcome.status == Status::Cancelled {
            break;
        }
        theta = outcome.point.theta;
        rows *= GROWTH;
    }
    (theta, passes)
}

/// About `rows` rows with the weights of those that they stand for; `None` for soft labels.
fn sample(target: &Target, rows: usize) -> Option<(Vec<usize>, Vec<f64>)> {
    let ids = target.ids()?;
    let k = target.classes().len();
    let mut counts = vec![0usize; k];
    ids.iter().for_each(|y| counts[*y as usize] += 1);
    let share = rows as f64 / ids.len() as f64;
    let limits: Vec<u64> = counts
        .iter()
        .map(|&count| {
            let share = share.max(OF_EACH_CLASS as f64 / count as f64);
            if share >= 1.0 { u64::MAX } else { (share * u64::MAX as f64) as u64 }
        })
        .collect();
    let sampled: Vec<usize> = (0..ids.len()).filter(|&i| hash(i as u64) <= limits[ids[i] as usize]).collect();
    let mut taken = vec![0usize; k];
    sampled.iter().for_each(|&i| taken[ids[i] as usize] += 1);
    if taken.contains(&0) {
        return None;
    }
    let stands_for = |i: usize| counts[ids[i] as usize] as f64 / taken[ids[i] as usize] as f64;
    let weights = sampled.iter().map(|&i| target.weight(i) * stands_for(i)).collect();
    Some((sampled, weights))
}

/// SplitMix64 (Steele, Lea, Flood 2014): row numbers to evenly spread ones.
fn hash(row: u64) -> u64 {
    let mut z = row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Hears no steps (they are those of another objective), but may still stop the work.
pub(crate) struct Muted<'o>(pub(crate) &'o mut dyn Observer);

impl Observer for Muted<'_> {
    fn step(&mut self, _: &crate::solver::Event) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_nested_stratified_and_stand_for_all_rows() {
        let ids: Vec<i64> = (0..20_000).map(|i| if i % 1000 == 0 { 2 } else { i % 2 }).collect();
        let target = Target::from_labels(ids.iter().copied()).unwrap();
        let (small, weights) = sample(&target, 500).unwrap();
        let (large, _) = sample(&target, 2000).unwrap();
        assert!(small.iter().all(|i| large.binary_search(i).is_ok()));
        assert!((400..700).contains(&small.len()), "{}", small.len());
        assert_eq!(small.iter().filter(|i| ids[**i] == 2).count(), 20);
        for class in 0..3 {
            let of: f64 = small.iter().zip(&weights).filter(|(i, _)| ids[**i] == class).map(|(_, w)| w).sum();
            let all = ids.iter().filter(|y| **y == class).count() as f64;
            assert!((of - all).abs() < 1e-6 * all);
        }
    }
}
