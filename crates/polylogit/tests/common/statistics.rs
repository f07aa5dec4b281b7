//! Problems for statistics: nothing separated, columns of unequal scale and place.

use super::problem::{Problem, Random};
use polylogit::Design;
use polylogit::inference::{Estimate, Inference, Summary};

pub(crate) fn summary(inference: &Inference, problem: &Problem) -> Summary {
    let design = Design::dense(&problem.x, problem.n, problem.d).unwrap();
    inference.fit(&design, &problem.target()).unwrap()
}

/// Noise in the scores, so that nothing is separated; columns of unequal scale and place.
pub(crate) fn noisy(seed: u64, n: usize, d: usize, k: usize) -> Problem {
    let mut problem = Problem::random(seed, n, d, k);
    let mut random = Random(!seed);
    for id in problem.ids.iter_mut().skip(k) {
        if random.uniform() < 0.4 {
            *id = (random.0 % k as u64) as u32;
        }
    }
    for row in problem.x.chunks_exact_mut(d) {
        for (j, v) in row.iter_mut().enumerate() {
            *v = *v * [1e-3, 1.0, 1e3][j % 3] + j as f64;
        }
    }
    problem
}

pub(crate) fn estimates(summary: &Summary) -> Vec<Estimate> {
    summary.parameters().into_iter().map(|(k, t)| summary.estimate(k, t).unwrap()).collect()
}
