//! Regularisation paths in two legs: the same points as fits one by one, on any threads, ended anywhere.

mod common;

use std::cell::Cell;
use std::ops::ControlFlow;

use common::csr;
use common::problem::Problem;
use polylogit::solver::{Event, Observer, Status};
use polylogit::{Csr, Design, Lambdas, LogisticRegression, Path, Target};

const COUNT: usize = 30;

fn assert_same_bits(a: &Path, b: &Path) {
    assert_eq!(a.points.len(), b.points.len());
    for (a, b) in a.points.iter().zip(&b.points) {
        assert_eq!((a.lambda, a.objective, a.certificate.gap), (b.lambda, b.objective, b.certificate.gap));
        assert!(a.intercepts() == b.intercepts() && a.weights().eq(b.weights()));
    }
}

/// Paths as they are, and in parts too short for legs.
fn assert_walked(regression: &LogisticRegression, design: &Design<'_>, target: &Target, ratio: f64) {
    let run = |threads: usize, lambdas: &Lambdas| {
        regression.clone().threads(threads).path(design, target, lambdas).unwrap()
    };
    let lambdas = Lambdas::spaced(COUNT).ratio(ratio).early_stop(false);
    let path = run(1, &lambdas);
    assert_eq!(path.points.len(), COUNT);
    for threads in [2, 3] {
        assert_same_bits(&path, &run(threads, &lambdas));
    }
    let sequence: Vec<f64> = path.points.iter().map(|p| p.lambda).collect();
    for part in sequence.chunks(10) {
        let alone = run(2, &Lambdas::given(part.to_vec()));
        for (a, b) in alone.points.iter().zip(path.points.iter().filter(|p| p.lambda <= part[0])) {
            assert!(b.status == Status::Converged && b.certificate.relative_gap <= 1e-10);
            let apart = (a.objective - b.objective).abs();
            assert!(a.lambda == b.lambda && apart <= 2.0 * (a.certificate.gap + b.certificate.gap) + 1e-14);
            assert!((a.deviance_ratio - b.deviance_ratio).abs() <= 1e-6);
        }
    }
}

#[test]
fn legs_are_the_fits_of_shorter_paths() {
    let problem = Problem::random(3, 80, 12, 3);
    let (design, target) = (Design::dense(&problem.x, 80, 12).unwrap(), problem.target());
    let base = LogisticRegression::new().l1_ratio(1.0).tol(1e-10);
    assert_walked(&base, &design, &target, 0.01);
    assert_walked(&base.clone().grouped(true).standardize(true), &design, &target, 0.01);
    let factors = (0..12).map(|j| f64::from(j % 3)).collect();
    assert_walked(&base.clone().l1_ratio(0.5).penalty_factors(factors), &design, &target, 0.01);
    let boxes = base.clone().bounds(vec![-0.2; 36], vec![0.3; 36]);
    assert_walked(&boxes, &design, &target, 0.01);
    // Groups whose members interleave.
    let groups = vec![vec![0, 5, 9], vec![2, 3], vec![1, 11]];
    assert_walked(&base.clone().grouped(true).groups(groups), &design, &target, 0.01);
    let offsets = (0..240).map(|i| 0.3 * f64::from(i).sin()).collect();
    assert_walked(&base, &design, &problem.target().offset(offsets).unwrap(), 0.01);
}

#[test]
fn legs_are_walked_on_sparse_and_wide_designs() {
    let (n, d) = (60, 400);
    let x: Vec<f64> = (0..n * d)
        .map(|i| if i * 7919 % 11 < 3 { ((i * 7919) % 1013) as f64 / 1013.0 } else { 0.0 })
        .collect();
    let target = Target::from_labels((0..60i64).map(|i| i * i % 7 % 3)).unwrap();
    let base = LogisticRegression::new().l1_ratio(1.0).tol(1e-10);
    assert_walked(&base, &Design::dense(&x, n, d).unwrap(), &target, 0.05);
    let (values, indices, indptr) = csr(&x, d);
    let sparse = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d).unwrap();
    assert_walked(&base, &sparse, &target, 0.05);
}

#[test]
fn paths_end_early_in_either_leg() {
    // Separable: the deviance is soon explained; in the other case there is no more to explain.
    let (n, d) = (90, 4);
    let x: Vec<f64> = (0..n * d)
        .map(|i| (1.3 * i as f64).sin() + if i % d == 0 { (i / d % 3) as f64 } else { 0.0 })
        .collect();
    let design = Design::dense(&x, n, d).unwrap();
    let separable = Target::from_labels((0..90i64).map(|i| i % 3)).unwrap();
    let noise = Target::from_labels((0..90i64).map(|i| i * i % 7 % 3)).unwrap();
    let base = LogisticRegression::new().l1_ratio(1.0).tol(1e-8);
    let mut ends = vec![];
    for (target, ratio) in [(&separable, 1e-4), (&noise, 1e-4), (&noise, 1e-8), (&separable, 1e-8)] {
        let lambdas = |early| Lambdas::spaced(COUNT).ratio(ratio).early_stop(early);
        let whole = base.path(&design, target, &lambdas(false)).unwrap();
        for threads in [1, 2] {
            let path = base.clone().threads(threads).path(&design, target, &lambdas(true)).unwrap();
            let enough = |i: &usize| {
                let (now, before) = (whole.points[*i].deviance_ratio, whole.points[i - 1].deviance_ratio);
                *i >= 4 && (now - before < 1e-5 || now > 0.999)
            };
            let expected = (1..COUNT).find(enough).map_or(COUNT, |i| i + 1);
            assert_eq!(path.points.len(), expected);
            assert_eq!(path.points[expected - 1].objective, whole.points[expected - 1].objective);
            ends.push(expected);
        }
    }
    // Of 30, the first leg has 15.
    assert!(ends.iter().any(|end| *end < 15) && ends.iter().any(|end| (17..30).contains(end)), "{ends:?}");
}

/// Cancels after so many looks.
struct Impatient {
    looks: Cell<usize>,
}

impl Observer for Impatient {
    fn step(&mut self, _: &Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn cancelled(&self) -> bool {
        self.looks.set(self.looks.get().saturating_sub(1));
        self.looks.get() == 0
    }
}

#[test]
fn observers_hear_of_every_point_and_end_paths_in_either_leg() {
    let problem = Problem::random(4, 70, 8, 3);
    let (design, target) = (Design::dense(&problem.x, 70, 8).unwrap(), problem.target());
    let lambdas = Lambdas::spaced(COUNT).ratio(0.01).early_stop(false);
    for threads in [1, 2] {
        let base = LogisticRegression::new().l1_ratio(1.0).threads(threads);
        let whole = base.path(&design, &target, &lambdas).unwrap();
        for last in [1, 7, 15, 16, 25, COUNT] {
            let mut heard = vec![];
            let mut observer = |event: &Event| {
                heard.push((event.step, event.objective));
                if event.step == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let path = base.path_observed(&design, &target, &lambdas, &mut observer).unwrap();
            let expected: Vec<(usize, f64)> =
                whole.points[..last].iter().enumerate().map(|(i, p)| (i + 1, p.objective)).collect();
            assert_eq!((path.points.len(), heard), (last, expected));
        }
        for looks in [1, 20, 60] {
            let mut observer = Impatient { looks: Cell::new(looks) };
            let path = base.path_observed(&design, &target, &lambdas, &mut observer).unwrap();
            assert!(path.points.len() < COUNT, "{looks}");
        }
    }
}

#[test]
fn short_of_memory_one_leg_follows_the_other() {
    let problem = Problem::random(5, 3000, 20, 3);
    let (design, target) = (Design::dense(&problem.x, 3000, 20).unwrap(), problem.target());
    let base = LogisticRegression::new().l1_ratio(1.0).threads(2);
    let lambdas = Lambdas::spaced(COUNT).ratio(0.1);
    let needed = base.memory(&design, &target).unwrap().bytes();
    let path = |regression: &LogisticRegression| regression.path(&design, &target, &lambdas);
    let free = path(&base).unwrap();
    for limit in [needed, 2 * needed] {
        assert_same_bits(&free, &path(&base.clone().memory_limit(limit)).unwrap());
    }
    assert!(path(&base.memory_limit(needed - 1)).is_err());
}
