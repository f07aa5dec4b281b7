//! Where a fit starts: from given coefficients, from the space of the rows where columns outnumber them, or from
//! growing samples where rows are many.
//!
//! Samples are nested and stratified: of each class the rows with the smallest hashes of their numbers, each
//! with the weight of those that it stands for, so that the sample's objective is that of all rows in the mean
//! and rare classes keep what they have. Nothing but the row numbers decides; the same table gives the same
//! samples.

use crate::certificate::CertificateKind;
use crate::design::Design;
use crate::design::rows::Standardise;
use crate::design::sample::Gathered;
use crate::objective::kept::{Mode, Precision};
use crate::objective::{self, Point};
use crate::problem::{self, Problem};
use crate::row_space::RowSpace;
use crate::solver::newton_cg::{self, Limits, Outcome};
use crate::solver::{Event, Muted, Observer, Status};
use crate::target::Target;

/// Rows of the first sample for each column,
const ROWS_PER_COLUMN: usize = 20;
/// and for each parameter, up to a share of all; but not below these for each column, nor below one for each
/// parameter: less would be learnt by heart.
const ROWS_PER_PARAMETER: usize = 5;
const LARGEST_FIRST: usize = 16;
const LEAST_PER_COLUMN: usize = 5;
/// Each sample is this many times the one before.
const GROWTH: usize = 4;
/// The last one leaves this many times its rows.
const LAST: usize = 4;
/// Rows of a class that a sample takes at least, as long as there are any.
const OF_EACH_CLASS: usize = 50;
/// A sample is left when a step promises less than this share of F.
const GOOD_ENOUGH: f64 = 1e-3;
/// A sample's optimum where more rows have a mean loss that is so many times its own was learnt by heart: it is farther
/// from theirs than zero is.
const BY_HEART: f64 = 8.0;
/// Steps on a sample, at most.
const STEPS: usize = 50;
/// Down to this tolerance a Gram matrix of products in f32 leads near enough: with C = 1000 it ends at 2e-7, with 1e6 at 3e-7.
const SINGLE: f64 = 5e-7;
/// and from so many rows on it saves something.
const SINGLE_ROWS: usize = 200;
/// Row numbers are hashed to this many values.
const HASHES: u64 = 1 << 52;

/// Where to start from.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) theta: Vec<f64>,
    /// Passes over all rows that it took to get there.
    pub(crate) passes: f64,
    /// How it was found, in words, if it took any.
    pub(crate) reason: Option<String>,
    /// Is it known to be far from the optimum, as one that samples led to?
    pub(crate) far: bool,
    /// How the fit ends if it needs no more, but for θ.
    pub(crate) proven: Option<Outcome>,
}

/// Leads to where a fit starts from.
pub(crate) fn lead(problem: &Problem<'_>, observer: &mut dyn Observer) -> Start {
    let start = Start { theta: problem.start(), passes: 0.0, reason: None, far: false, proven: None };
    if problem.options.warm_start.is_some() {
        return start;
    }
    let Problem { design, standardise, options, workers, .. } = problem;
    let single = options.tol >= SINGLE && design.rows() >= SINGLE_ROWS;
    let ridge = problem.scaled_ridge();
    let (n, d, k) = (design.rows(), design.features(), problem.classes());
    let (mut phi, mut best) = (Vec::new(), None);
    // Where strong factors make rows alike, products in f32 prove too little.
    for precision in [Precision::Single, Precision::Double].into_iter().skip(usize::from(!single)) {
        let Some(space) = RowSpace::new(design, standardise, &ridge, precision, workers) else { break };
        if phi.is_empty() {
            phi.resize(n * k, 0.0);
            phi.extend_from_slice(&start.theta[d * k..]);
        }
        let passes = best.as_ref().map_or(0.0, |start: &Start| start.passes);
        let start = in_row_space(problem, &space, &ridge, &mut phi, passes, observer);
        let ends = start.proven.is_some() || observer.cancelled();
        best = Some(start);
        if ends {
            break;
        }
    }
    best.unwrap_or_else(|| from_samples(problem, start, observer))
}

/// Solves in the coordinates of the rows from `phi` (n × K, and intercepts), which becomes the solution; `scaled`: λ_j of x̃_j;
/// `passes`: those before.
fn in_row_space(
    problem: &Problem<'_>,
    space: &RowSpace<'_>,
    scaled: &[f64],
    phi: &mut Vec<f64>,
    passes: f64,
    observer: &mut dyn Observer,
) -> Start {
    let Problem { design, target, options, workers, .. } = problem;
    let (n, d, k) = (design.rows(), design.features(), problem.classes());
    // The Gram matrix and the way back with its scores, as passes of 4·n·d·K flops.
    let passes = passes + n as f64 / (4.0 * k as f64) + 1.0;
    let reason = Some("columns outnumber rows: solved in the space of the rows".to_string());
    let Ok(rows) = Design::dense(&space.rows, n, n) else {
        return Start { theta: problem.start(), passes, reason: None, far: false, proven: None };
    };
    let mut ridge = vec![1.0; n];
    ridge.extend(options.intercept.then_some(0.0));
    let mode = Mode { precision: problem::precision(n, ridge.len(), k), keep: options.keep, leads: false };
    let identity = Standardise::identity(n);
    let mut objective =
        objective::of(&rows, target, identity, options.intercept, ridge, mode, workers.clone());
    // What is lost on the way back is small beside the rest of the gap.
    let limits = Limits { tol: 0.1 * options.tol, ..problem.limits() };
    let outcome = newton_cg::minimise(&mut *objective, std::mem::take(phi), limits, &mut Muted(observer));
    *phi = outcome.point.theta;
    let passes = passes + outcome.passes * n as f64 / d as f64;
    let way = space.back(&phi[..n * k], k, workers);
    let proof = space.prove(&way, phi, (target, &**objective.dual(), scaled), workers);
    let mut theta = way.theta;
    theta.extend_from_slice(&phi[n * k..]);
    let mut start = Start { theta, passes, reason, far: false, proven: None };
    if let Some((point, gap)) = proof.filter(|(point, gap)| *gap <= options.tol * point.value) {
        let event = Event {
            step: 0,
            passes,
            objective: point.value,
            relative_gap: gap / point.value,
            tol: options.tol,
        };
        let cancelled = observer.step(&event).is_break() || observer.cancelled();
        start.proven = Some(Outcome {
            point: Point { theta: Vec::new(), gradient: Vec::new(), ..point },
            status: if cancelled { Status::Cancelled } else { Status::Converged },
            kind: CertificateKind::DualityGap,
            gap,
            steps: 0,
            passes: 0.0,
            solver: outcome.solver,
            reason: String::new(),
            recession: None,
        });
    }
    start
}

/// Solves growing samples, each from where the one before led.
fn from_samples(problem: &Problem<'_>, mut start: Start, observer: &mut dyn Observer) -> Start {
    let Problem { design, target, standardise, workers, .. } = problem;
    let (n, m, k) = (design.rows(), design.features() + 1, problem.classes());
    let limits = problem.limits();
    // Without a penalty a sample may be separable although the whole is not, and leads nowhere.
    if m > n || limits.separable {
        return start;
    }
    let limits = Limits { good_enough: Some(GOOD_ENOUGH), max_steps: STEPS.min(limits.max_steps), ..limits };
    let mut sizes = Vec::new();
    let mut learnt = f64::INFINITY; // F on the sample before, at its end
    // Samples are nested: the largest one has them all.
    let (Some(classes), Some(most)) = (Classes::new(target), sample_sizes(n, m, k).last()) else {
        return start;
    };
    let largest = classes.sample(0..n, most);
    for rows in sample_sizes(n, m, k) {
        if observer.cancelled() {
            break;
        }
        let sampled = classes.sample(largest.iter().copied(), rows);
        let Some(weights) = classes.weights(&sampled) else { break };
        let gathered = Gathered::new(design, &sampled, standardise, workers);
        let Ok((part, standardise)) = gathered.design(sampled.len(), standardise) else { break };
        let labels = target.subset(&sampled, weights);
        let part = Problem {
            design: part,
            target: &labels,
            standardise,
            // Dense rows come standardised: their λ is the one of x̃.
            ridge: if design.is_sparse() { problem.ridge.clone() } else { problem.scaled_ridge() },
            leads: true,
            ..problem.clone()
        };
        let mut objective = part.objective();
        let share = sampled.len() as f64 / n as f64;
        let mut point = Point { theta: start.theta.clone(), ..Point::default() };
        objective.evaluate(&mut point);
        if point.value > BY_HEART * learnt {
            start.passes += share;
            start.theta = problem.start();
            sizes.clear();
            break;
        }
        let outcome = newton_cg::minimise_from(&mut *objective, point, false, limits, &mut Muted(observer));
        learnt = outcome.point.value;
        start.passes += outcome.passes * share;
        if outcome.status == Status::Cancelled {
            break;
        }
        start.theta = outcome.point.theta;
        sizes.push(sampled.len().to_string());
    }
    if !sizes.is_empty() {
        start.far = true;
        start.reason = Some(format!("led there by samples of {} rows", sizes.join(", ")));
    }
    start
}

/// Rows of the samples, about, of a problem of n rows, m columns and K classes; the last has the most.
pub(crate) fn sample_sizes(n: usize, m: usize, k: usize) -> impl Iterator<Item = usize> {
    let wanted = (ROWS_PER_COLUMN * m).max(ROWS_PER_PARAMETER * m * k);
    let least = (LEAST_PER_COLUMN * m).max(OF_EACH_CLASS * k).max(m * k);
    let first = wanted.min(n / LARGEST_FIRST).max(least);
    std::iter::successors(Some(first), |rows| Some(rows * GROWTH)).take_while(move |rows| rows * LAST <= n)
}

/// The classes of all rows, which samples are stratified by.
struct Classes<'t> {
    target: &'t Target,
    ids: &'t [u32],
    /// Rows of each class.
    counts: Vec<usize>,
}

impl<'t> Classes<'t> {
    /// `None` for soft labels.
    fn new(target: &'t Target) -> Option<Self> {
        let ids = target.ids()?;
        let mut counts = vec![0; target.classes().len()];
        for y in ids {
            counts[*y as usize] += 1;
        }
        Some(Self { target, ids, counts })
    }

    /// Those of `among` that a sample of about `rows` rows has.
    fn sample(&self, among: impl Iterator<Item = usize>, rows: usize) -> Vec<usize> {
        let share = rows as f64 / self.ids.len() as f64;
        #[expect(clippy::cast_sign_loss, reason = "shares are positive; those above 1 take all rows")]
        let limit = |&count: &usize| (share.max(OF_EACH_CLASS as f64 / count as f64) * HASHES as f64) as u64;
        let limits: Vec<u64> = self.counts.iter().map(limit).collect();
        among.filter(|&i| hash(i as u64) % HASHES < limits[self.ids[i] as usize]).collect()
    }

    /// The weights of sampled rows, each with those that it stands for; `None` where a class has no row.
    fn weights(&self, sampled: &[usize]) -> Option<Vec<f64>> {
        let mut taken = vec![0usize; self.counts.len()];
        for &i in sampled {
            taken[self.ids[i] as usize] += 1;
        }
        let stands_for = |y: u32| self.counts[y as usize] as f64 / taken[y as usize] as f64;
        let weight = |&i: &usize| self.target.weight(i) * stands_for(self.ids[i]);
        (!taken.contains(&0)).then(|| sampled.iter().map(weight).collect())
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): row numbers to evenly spread ones.
fn hash(row: u64) -> u64 {
    let mut z = row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_nested_stratified_and_stand_for_all_rows() {
        let ids: Vec<i64> = (0..20_000).map(|i| if i % 1000 == 0 { 2 } else { i % 2 }).collect();
        let target = Target::from_labels(ids.iter().copied()).unwrap();
        let of = Classes::new(&target).unwrap();
        let large = of.sample(0..20_000, 2000);
        let small = of.sample(large.iter().copied(), 500);
        assert_eq!(small, of.sample(0..20_000, 500));
        let weights = of.weights(&small).unwrap();
        assert!(small.iter().all(|i| large.binary_search(i).is_ok()));
        assert!(of.weights(&small[..1]).is_none());
        assert!((400..700).contains(&small.len()), "{}", small.len());
        assert_eq!(small.iter().filter(|i| ids[**i] == 2).count(), 20);
        for class in 0..3 {
            let of: f64 = small.iter().zip(&weights).filter(|(i, _)| ids[**i] == class).map(|(_, w)| w).sum();
            let all = ids.iter().filter(|y| **y == class).count() as f64;
            assert!((of - all).abs() < 1e-6 * all);
        }
    }
}
