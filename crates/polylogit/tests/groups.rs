//! Groups of features: Karush, Kuhn and Tucker, another solver, closed forms, limits.

mod common;

use common::problem::{Problem, Random, problems};
use polylogit::objective::SoftmaxObjective;
use polylogit::solver::Status;
use polylogit::{CertificateKind, Coefficients, Csr, Design, Fit, Lambdas, LogisticRegression};
use proptest::prelude::*;

/// What is penalised how.
#[derive(Debug, Clone)]
struct Penalty {
    lambda: f64,
    alpha: f64,
    standardize: bool,
    intercept: bool,
    /// Of each feature; those of one number are a group.
    labels: Vec<usize>,
    /// Of each label.
    factors: Vec<f64>,
}

impl Penalty {
    /// Up to three groups of up to six features, of which the first may be free.
    fn random(seed: u64, d: usize, free: bool) -> Self {
        let mut random = Random(seed);
        let mut choice = |of: usize| (random.uniform().to_bits() >> 20) as usize % of;
        let factors = [0.5, 1.0, 2.0, if free { 0.0 } else { 1.5 }];
        Self {
            lambda: 10f64.powf(-0.5 - 0.5 * choice(5) as f64),
            alpha: [1.0, 0.9, 0.3][choice(3)],
            standardize: choice(2) == 0,
            intercept: choice(4) > 0,
            labels: (0..d).map(|_| choice(3)).collect(),
            factors: (0..3).map(|_| factors[choice(4)]).collect(),
        }
    }

    fn groups(&self) -> Vec<Vec<usize>> {
        let of = |label| (0..self.labels.len()).filter(|j| self.labels[*j] == label).collect::<Vec<_>>();
        (0..3).map(of).filter(|group| !group.is_empty()).collect()
    }

    fn factor(&self, j: usize) -> f64 {
        self.factors[self.labels[j]]
    }

    fn regression(&self) -> LogisticRegression {
        LogisticRegression::new()
            .lambda(self.lambda)
            .l1_ratio(self.alpha)
            .standardize(self.standardize)
            .intercept(self.intercept)
            .penalty_factors((0..self.labels.len()).map(|j| self.factor(j)).collect())
            .groups(self.groups())
            .tol(1e-11)
    }

    /// ℓ and ρ of a group of raw weights, and how each of its features is scaled.
    fn parts(&self, group: &[usize], sd: &[f64]) -> (f64, f64, Vec<f64>) {
        let scale = |&j: &usize| if self.standardize { sd[j] } else { 1.0 };
        let strength = self.lambda * self.factor(group[0]);
        let l1 = strength * self.alpha * (group.len() as f64).sqrt();
        (l1, strength * (1.0 - self.alpha), group.iter().map(scale).collect())
    }

    fn scaled(c: &Coefficients, group: &[usize], scale: &[f64]) -> Vec<f64> {
        let of = |k: usize| group.iter().zip(scale).map(move |(&j, s)| c.class_weights(k)[j] * s);
        (0..c.classes()).flat_map(of).collect()
    }

    fn value(&self, c: &Coefficients, sd: &[f64]) -> f64 {
        let of = |group: &Vec<usize>| {
            let (l1, ridge, scale) = self.parts(group, sd);
            let square: f64 = Self::scaled(c, group, &scale).iter().map(|u| u * u).sum();
            0.5 * ridge * square + l1 * square.sqrt()
        };
        self.groups().iter().map(of).sum()
    }

    /// The largest violation of the conditions of Karush, Kuhn and Tucker, in units of λ.
    fn violation(&self, problem: &Problem, fit: &Fit) -> f64 {
        let (design, target) = (dense(problem), problem.target());
        let c = fit.model.coefficients();
        let g = SoftmaxObjective::new(&design, &target).unwrap().nll_gradient(c).unwrap();
        let mut worst = 0.0f64;
        for group in self.groups() {
            let (l1, ridge, scale) = self.parts(&group, &fit.feature_sd);
            let u = Self::scaled(c, &group, &scale);
            let length = u.iter().map(|u| u * u).sum::<f64>().sqrt();
            // The gradient with respect to the scaled weights; constant columns have none.
            let inverse: Vec<f64> = scale.iter().map(|s| if *s > 1e-9 { 1.0 / s } else { 0.0 }).collect();
            let force: Vec<f64> = Self::scaled(&g, &group, &inverse);
            let force: Vec<f64> =
                force.iter().zip(&u).map(|(g, u)| g / fit.total_weight + ridge * u).collect();
            let out = if length == 0.0 {
                force.iter().map(|f| f * f).sum::<f64>().sqrt() - l1
            } else {
                force.iter().zip(&u).map(|(f, u)| (f + l1 * u / length).abs()).fold(0.0, f64::max)
            };
            worst = worst.max(out / self.lambda);
        }
        for g in g.intercepts().iter().filter(|_| self.intercept) {
            worst = worst.max(g.abs() / fit.total_weight / self.lambda);
        }
        worst
    }
}

fn dense(problem: &Problem) -> Design<'_> {
    Design::dense(&problem.x, problem.n, problem.d).unwrap()
}

/// Stored values of the same numbers.
struct Stored {
    values: Vec<f64>,
    indices: Vec<u32>,
    indptr: Vec<u64>,
    d: usize,
}

impl Stored {
    fn new(problem: &Problem) -> Self {
        let mut this = Self { values: vec![], indices: vec![], indptr: vec![0], d: problem.d };
        for row in problem.x.chunks_exact(problem.d) {
            for (j, v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                this.values.push(*v);
                this.indices.push(j as u32);
            }
            this.indptr.push(this.values.len() as u64);
        }
        this
    }

    fn design(&self) -> Design<'_> {
        Design::sparse(Csr::new(&self.values[..], &self.indices[..], &self.indptr[..]), self.d).unwrap()
    }
}

/// Sets a share of the values to 0.
fn thin(problem: &mut Problem, seed: u64) {
    let mut random = Random(seed);
    problem.x.iter_mut().filter(|_| random.uniform() < 0.4).for_each(|v| *v = 0.0);
}

/// Accelerated proximal gradients with restarts (Beck, Teboulle 2009), plain, from 0: F to rounding.
fn fista(problem: &Problem, penalty: &Penalty, sd: &[f64]) -> f64 {
    let (design, target) = (dense(problem), problem.target());
    let mut f = SoftmaxObjective::new(&design, &target).unwrap().intercept(penalty.intercept);
    let (k, d) = (problem.k, problem.d);
    let total: f64 = (0..problem.n).map(|i| problem.s(i)).sum();
    let mut at = |w: &[f64]| {
        let c = Coefficients::new(k, d, w[..k * d].to_vec(), w[k * d..].to_vec()).unwrap();
        let g = f.nll_gradient(&c).unwrap();
        let smooth = f.nll(&c).unwrap() / total;
        let b = g.intercepts().iter().map(|g| if penalty.intercept { g / total } else { 0.0 });
        let g: Vec<f64> = g.weights().iter().map(|g| g / total).chain(b).collect();
        (smooth, smooth + penalty.value(&c, sd), g)
    };
    // Steps in the scale of the penalty: u = scale·w.
    let scale: Vec<f64> =
        (0..k * d).map(|at| if penalty.standardize { sd[at % d] } else { 1.0 }).chain(vec![1.0; k]).collect();
    let prox = |y: &[f64], g: &[f64], step: f64| {
        let mut u: Vec<f64> = (0..y.len()).map(|i| y[i] * scale[i] - step * g[i] / scale[i]).collect();
        for group in penalty.groups() {
            let (l1, ridge, _) = penalty.parts(&group, sd);
            let of: Vec<usize> = (0..k).flat_map(|c| group.iter().map(move |j| c * d + j)).collect();
            let length = of.iter().map(|i| u[*i] * u[*i]).sum::<f64>().sqrt();
            let shrink =
                if length > step * l1 { (1.0 - step * l1 / length) / (1.0 + step * ridge) } else { 0.0 };
            for i in of {
                u[i] *= shrink;
            }
        }
        u.iter().zip(&scale).map(|(u, s)| u / s).collect::<Vec<f64>>()
    };
    let (mut w, mut step) = (vec![0.0; k * (d + 1)], 1.0);
    let (mut y, mut t, mut value) = (w.clone(), 1.0f64, at(&w).1);
    let mut still = 0;
    for _ in 0..200_000 {
        let (smooth, _, g) = at(&y);
        let (next, reached) = loop {
            let next = prox(&y, &g, step);
            let (new, reached, _) = at(&next);
            let moved = || (0..y.len()).map(|i| next[i] - y[i]);
            let model: f64 =
                moved().enumerate().map(|(i, m)| g[i] * m + (scale[i] * m).powi(2) / (2.0 * step)).sum();
            if new <= smooth + model + 1e-14 {
                break (next, reached);
            }
            step *= 0.7;
        };
        if reached > value {
            (y, t) = (w.clone(), 1.0);
            still += 1;
        } else {
            let ahead = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
            y = (0..w.len()).map(|i| next[i] + (t - 1.0) / ahead * (next[i] - w[i])).collect();
            still = if value - reached > 1e-15 * value { 0 } else { still + 1 };
            (w, t, value) = (next, ahead, reached);
        }
        if still > 50 {
            break;
        }
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn fits_meet_the_conditions_of_karush_kuhn_and_tucker(
        mut problem in problems(), seed: u64, free: bool, sparse: bool,
    ) {
        prop_assume!(problem.d > 0);
        // Free columns of few rows separate their classes.
        let penalty = Penalty::random(seed, problem.d, free && problem.n > 40);
        if sparse {
            thin(&mut problem, seed);
        }
        let stored = Stored::new(&problem);
        let design = if sparse { stored.design() } else { dense(&problem) };
        let found = penalty.regression().fit(&design, &problem.target()).unwrap();
        let estimated = penalty.labels.iter().any(|label| penalty.factors[*label] == 0.0);
        // Free weights grow large where classes are all but separated, and what rounding leaves of forces pulls at each.
        let c = found.model.coefficients();
        let largest = |of: &[f64]| of.iter().fold(0.0f64, |most, v| most.max(v.abs()));
        let logits = largest(&found.model.logits(&design).unwrap());
        let rounding = f64::EPSILON * logits * largest(c.weights()) * c.weights().len() as f64 / found.objective;
        let limited = estimated && found.status == Status::PrecisionLimit;
        let ended = found.status.is_converged() || (limited && found.certificate.relative_gap <= rounding);
        prop_assert!(ended, "{:?} {:?}, {rounding:e}", found.status, found.certificate);
        prop_assert_eq!(found.certificate.kind == CertificateKind::FirstOrder, estimated);
        let value = found.nll_mean + penalty.value(found.model.coefficients(), &found.feature_sd);
        prop_assert!((value - found.objective).abs() <= 1e-12 * value.max(1.0));
        // A gap of 1e-11 F leaves forces of about its root.
        let violation = penalty.violation(&problem, &found);
        prop_assert!(violation <= 1e-4, "{violation:e} {:?}", found.model.coefficients());
        for group in penalty.groups() {
            let (_, _, scale) = penalty.parts(&group, &found.feature_sd);
            let u = Penalty::scaled(found.model.coefficients(), &group, &scale);
            let varies = group.iter().all(|j| found.feature_sd[*j] > 0.0);
            prop_assert!(!varies || u.iter().all(|u| *u == 0.0) || u.iter().all(|u| *u != 0.0));
        }
    }

    #[test]
    fn no_fit_is_better_than_the_bound(
        problem in problems(), seed: u64, loose in prop_oneof![Just(0.3), Just(1e-2), Just(1e-5)], steps in 0usize..4,
    ) {
        prop_assume!(problem.d > 0);
        let penalty = Penalty::random(seed, problem.d, false);
        let (design, target) = (dense(&problem), problem.target());
        let best = penalty.regression().fit(&design, &target).unwrap();
        for steps in [steps, 1000] {
            let found = penalty.regression().tol(loose).max_steps(steps).fit(&design, &target).unwrap();
            prop_assert_eq!(found.certificate.kind, CertificateKind::DualityGap);
            let bound = found.objective - found.certificate.gap;
            prop_assert!(best.objective >= bound - 1e-13 * bound.abs(), "{} {bound}", best.objective);
        }
    }

    #[test]
    fn a_group_of_one_is_a_feature(problem in problems(), seed: u64) {
        prop_assume!(problem.d > 0);
        let penalty = Penalty::random(seed, problem.d, false);
        let (design, target) = (dense(&problem), problem.target());
        let grouped = penalty.regression().groups(vec![]).grouped(true).fit(&design, &target).unwrap();
        let all = penalty.regression().groups((0..problem.d).map(|j| vec![j]).collect()).fit(&design, &target).unwrap();
        let some = penalty.regression().groups(vec![vec![problem.d - 1]]).fit(&design, &target).unwrap();
        prop_assert_eq!(all.model.coefficients(), grouped.model.coefficients());
        prop_assert_eq!(some.model.coefficients(), grouped.model.coefficients());
        prop_assert!(all.grouped && all.groups.len() == problem.d);
    }

    #[test]
    fn bounds_hold_and_a_wide_box_changes_nothing(problem in problems(), seed: u64) {
        prop_assume!(problem.d > 0);
        let penalty = Penalty::random(seed, problem.d, false);
        let (design, target) = (dense(&problem), problem.target());
        let free = penalty.regression().fit(&design, &target).unwrap();
        let boxed = |low: f64, high: f64| {
            let bounds = penalty.regression().bounds(vec![low; problem.d], vec![high; problem.d]);
            bounds.tol(1e-9).fit(&design, &target).unwrap()
        };
        let wide = boxed(-1e3, 1e3);
        prop_assert!(wide.status.is_converged(), "{:?} {:?}", wide.status, wide.certificate);
        prop_assert!((wide.objective - free.objective).abs() <= 1.1e-9 * free.objective);
        let narrow = boxed(-0.1, 0.2);
        prop_assert!(narrow.status.is_converged(), "{:?} {:?}", narrow.status, narrow.certificate);
        prop_assert!(narrow.model.coefficients().weights().iter().all(|w| (-0.1 - 1e-15..=0.2 + 1e-15).contains(w)));
        prop_assert!(narrow.objective >= free.objective * (1.0 - 1e-9));
    }
}

#[test]
fn another_solver_comes_to_the_same() {
    for (seed, k) in [(1, 2), (2, 3), (3, 2), (4, 3)] {
        let mut problem = Problem::random(seed, 90, 7, k);
        let mut random = Random(seed);
        problem.weights = Some((0..90).map(|_| 0.2 + 2.0 * random.uniform()).collect());
        for seed in 0..4 {
            let penalty = Penalty { factors: vec![1.0, 0.5, 2.0], ..Penalty::random(seed, 7, false) };
            let found = penalty.regression().fit(&dense(&problem), &problem.target()).unwrap();
            let expected = fista(&problem, &penalty, &found.feature_sd);
            let difference = (found.objective - expected).abs() / expected;
            assert!(difference <= 1e-8, "{difference:e} {penalty:?}");
        }
    }
}

#[test]
fn a_whole_group_enters_at_lambda_max() {
    let mut problem = Problem::random(5, 80, 12, 4);
    for sparse in [false, true] {
        if sparse {
            thin(&mut problem, 1);
        }
        let stored = Stored::new(&problem);
        let design = if sparse { stored.design() } else { dense(&problem) };
        let target = problem.target();
        for standardize in [false, true] {
            let base = LogisticRegression::new().l1_ratio(0.7).standardize(standardize);
            let base = base.groups(vec![vec![8, 0, 4], vec![1, 2, 3, 5], vec![11, 10]]);
            let path = base.path(&design, &target, &Lambdas::spaced(5)).unwrap();
            assert_eq!(path.points[0].nonzero_features, 0);
            let at = |share: f64| base.clone().lambda(share * path.lambda_max).fit(&design, &target).unwrap();
            assert!(at(1.0 + 1e-9).model.coefficients().weights().iter().all(|w| *w == 0.0));
            // Tight: at a hair below, so little is gained that a loose fit stays where it is.
            let below =
                base.clone().tol(1e-13).lambda(0.999 * path.lambda_max).fit(&design, &target).unwrap();
            let w = below.model.coefficients();
            let entered: Vec<usize> = (0..12).filter(|j| w.class_weights(0)[*j] != 0.0).collect();
            let units = [vec![0, 4, 8], vec![1, 2, 3, 5], vec![10, 11], vec![6], vec![7], vec![9]];
            assert!(units.contains(&entered), "{entered:?}");
        }
    }
}

#[test]
fn orthogonal_columns_have_the_closed_form_of_one_group() {
    // All 2³ sign patterns, with soft labels p(1) = σ(Σ a_j x_j): the fit without penalty is a itself.
    let a = [0.8, -0.5, 0.3];
    let x: Vec<f64> =
        (0..8).flat_map(|i| (0..3).map(move |j| if i >> j & 1 == 0 { 1.0 } else { -1.0 })).collect();
    let y: Vec<f64> = x
        .chunks_exact(3)
        .flat_map(|x| {
            let z: f64 = x.iter().zip(a).map(|(x, a)| x * a).sum();
            let p = 1.0 / (1.0 + (-z).exp());
            [1.0 - p, p]
        })
        .collect();
    let target = polylogit::Target::soft(vec![0.into(), 1.into()], y.clone()).unwrap();
    let design = Design::dense(&x, 8, 3).unwrap();
    let base = LogisticRegression::new().l1_ratio(1.0).groups(vec![vec![0, 1, 2]]).tol(1e-13);
    // At W = 0 the gradient of L/S with respect to w_k is mean (½ − y_k) x: λ_max √3 is its norm over both classes.
    let mean = |j: usize| (0..8).map(|i| (0.5 - y[2 * i + 1]) * x[3 * i + j]).sum::<f64>() / 8.0;
    let norm = (2.0 * (0..3).map(|j| mean(j).powi(2)).sum::<f64>()).sqrt();
    let path = base.path(&design, &target, &Lambdas::spaced(3)).unwrap();
    assert!((path.lambda_max - norm / 3f64.sqrt()).abs() <= 1e-12);
    // The unpenalised fit is a: as λ → 0, w_1 − w_0 → a.
    let weak = base.clone().lambda(1e-9).fit(&design, &target).unwrap();
    for (j, a) in a.iter().enumerate() {
        let w = weak.model.coefficients();
        assert!((w.class_weights(1)[j] - w.class_weights(0)[j] - a).abs() < 1e-5);
    }
    // Just below λ_max, W is along −g; the curvature of L/S at 0 is ½ there, the same for all of the orthonormal columns.
    let share = 1e-4;
    let near = base.lambda((1.0 - share) * path.lambda_max).fit(&design, &target).unwrap();
    for j in 0..3 {
        let expected = 2.0 * share * mean(j);
        let w = near.model.coefficients().class_weights(0)[j];
        assert!((w - expected).abs() <= 1e-3 * expected.abs(), "{w} {expected}");
    }
}

#[test]
fn large_groups_and_paths_converge() {
    let problem = Problem::random(9, 150, 120, 3);
    let (design, target) = (dense(&problem), problem.target());
    for size in [5, 40, 120] {
        let groups: Vec<Vec<usize>> = (0..120 / size).map(|g| (g * size..(g + 1) * size).collect()).collect();
        let base = LogisticRegression::new().l1_ratio(0.9).groups(groups).standardize(true);
        let path = base.path(&design, &target, &Lambdas::spaced(15).ratio(0.05).early_stop(false)).unwrap();
        for point in &path.points {
            assert!(point.status.is_converged(), "{size} {point:?}");
            assert_eq!(point.nonzero_features % size, 0);
        }
        let last = path.points.last().unwrap();
        let alone = base.lambda(last.lambda).fit(&design, &target).unwrap();
        assert!((alone.objective - last.objective).abs() <= 2e-6 * alone.objective);
    }
}

#[test]
fn bad_groups_are_named() {
    let problem = Problem::random(1, 20, 4, 2);
    let message = |groups: Vec<Vec<usize>>| {
        let regression = LogisticRegression::new().l1_ratio(1.0).penalty_factors(vec![1.0, 1.0, 1.0, 2.0]);
        regression.groups(groups).fit(&dense(&problem), &problem.target()).unwrap_err().to_string()
    };
    assert_eq!(message(vec![vec![0, 1], vec![2, 0]]), "group 1: feature 0 is in group 0, too");
    assert_eq!(message(vec![vec![0, 4]]), "group 0: there is no feature 4 (of 4)");
    assert_eq!(message(vec![vec![1], vec![]]), "group 1: it has no features");
    assert_eq!(message(vec![vec![1, 1]]), "group 0: it has feature 1 twice");
    assert_eq!(
        message(vec![vec![3, 2]]),
        "group 0: its features must have one penalty factor (that of feature 3 is 2, that of feature 2 is 1)"
    );
}
