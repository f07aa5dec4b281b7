//! F, its gradient and its curvature: against the formulas, against differences, against each other.

mod common;

use common::problem::{Problem, Random, problems};
use polylogit::objective::SoftmaxObjective;
use polylogit::{Coefficients, Design, Target};
use proptest::prelude::*;

/// Options of the objective.
#[derive(Debug, Clone, Copy)]
struct Options {
    lambda: f64,
    factors: bool,
    standardize: bool,
    intercept: bool,
}

fn options() -> impl Strategy<Value = Options> {
    (prop_oneof![Just(0.0), 0.001..2.0f64], any::<[bool; 3]>()).prop_map(
        |(lambda, [factors, standardize, intercept])| Options { lambda, factors, standardize, intercept },
    )
}

fn factors(d: usize) -> Vec<f64> {
    (0..d).map(|j| [0.0, 1.0, 2.5][j % 3]).collect()
}

fn objective<'a>(design: &Design<'a>, target: &'a Target, o: Options) -> SoftmaxObjective<'a> {
    let objective = SoftmaxObjective::new(design, target).unwrap().lambda(o.lambda).unwrap();
    let objective = objective.standardize(o.standardize).intercept(o.intercept);
    if o.factors { objective.penalty_factors(factors(design.features())).unwrap() } else { objective }
}

/// F by its definition.
fn value(problem: &Problem, o: Options, at: &Coefficients) -> f64 {
    let at = if o.intercept {
        at.clone()
    } else {
        Coefficients::new(problem.k, problem.d, at.weights().to_vec(), vec![0.0; problem.k]).unwrap()
    };
    let total: f64 = (0..problem.n).map(|i| problem.s(i)).sum();
    let mut loss = 0.0;
    for i in 0..problem.n {
        let p = problem.p(&at, i);
        loss -= problem.s(i) * (0..problem.k).map(|c| problem.y(i, c) * p[c].ln()).sum::<f64>();
    }
    let factors = if o.factors { factors(problem.d) } else { vec![1.0; problem.d] };
    let mut penalty = 0.0;
    for j in 0..problem.d {
        let mean = (0..problem.n).map(|i| problem.s(i) * problem.x[i * problem.d + j]).sum::<f64>() / total;
        let square = |i: usize| problem.s(i) * (problem.x[i * problem.d + j] - mean).powi(2);
        let variance = (0..problem.n).map(square).sum::<f64>() / total;
        let scale = if o.standardize { variance } else { 1.0 };
        let norm: f64 = (0..problem.k).map(|c| at.class_weights(c)[j].powi(2)).sum();
        penalty += factors[j] * scale * norm;
    }
    loss / total + o.lambda / 2.0 * penalty
}

fn flat(c: &Coefficients) -> Vec<f64> {
    (0..c.classes()).flat_map(|k| c.class_weights(k).iter().copied().chain([c.intercepts()[k]])).collect()
}

fn unflat(v: &[f64], classes: usize) -> Coefficients {
    let rows = || v.chunks_exact(v.len() / classes);
    let weights = rows().flat_map(|r| r[..r.len() - 1].to_vec()).collect();
    let intercepts = rows().map(|r| r[r.len() - 1]).collect();
    Coefficients::new(classes, v.len() / classes - 1, weights, intercepts).unwrap()
}

fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    let scale = b.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * scale)
}

proptest! {
    #[test]
    fn the_value_is_that_of_the_definition(problem in problems(), o in options(), seed: u64) {
        let (design, target) = (Design::dense(&problem.x, problem.n, problem.d).unwrap(), problem.target());
        let at = Random(seed).coefficients(problem.k, problem.d);
        let expected = value(&problem, o, &at);
        let mut f = objective(&design, &target, o);
        prop_assert!((f.value(&at).unwrap() - expected).abs() <= 1e-12 * expected.abs().max(1.0));
        let total = target.total_weight();
        let bare = value(&problem, Options { lambda: 0.0, ..o }, &at) * total;
        prop_assert!((f.nll(&at).unwrap() - bare).abs() <= 1e-12 * bare.abs().max(1.0));
    }

    #[test]
    fn the_nll_gradient_is_the_sum_of_residuals_times_rows(problem in problems(), seed: u64) {
        let (design, target) = (Design::dense(&problem.x, problem.n, problem.d).unwrap(), problem.target());
        let at = Random(seed).coefficients(problem.k, problem.d);
        let m = problem.d + 1;
        let mut expected = vec![0.0; problem.k * m];
        for i in 0..problem.n {
            let p = problem.p(&at, i);
            for k in 0..problem.k {
                let residual = problem.s(i) * (p[k] - problem.y(i, k));
                for j in 0..m {
                    let x = if j < problem.d { problem.x[i * problem.d + j] } else { 1.0 };
                    expected[k * m + j] += residual * x;
                }
            }
        }
        let found = SoftmaxObjective::new(&design, &target).unwrap().nll_gradient(&at).unwrap();
        prop_assert!(close(&flat(&found), &expected, 1e-12));
    }

    #[test]
    fn the_gradient_is_the_difference_of_values(problem in problems(), o in options(), seed: u64) {
        let (design, target) = (Design::dense(&problem.x, problem.n, problem.d).unwrap(), problem.target());
        let mut f = objective(&design, &target, o);
        let at = flat(&Random(seed).coefficients(problem.k, problem.d));
        let gradient = flat(&f.gradient(&unflat(&at, problem.k)).unwrap());
        let step = 1e-5;
        let mut difference = Vec::new();
        for j in 0..at.len() {
            let mut moved = |by: f64| {
                let mut at = at.clone();
                at[j] += by;
                f.value(&unflat(&at, problem.k)).unwrap()
            };
            difference.push((moved(step) - moved(-step)) / (2.0 * step));
        }
        prop_assert!(close(&gradient, &difference, 1e-8), "{gradient:?} {difference:?}");
    }

    #[test]
    fn the_hessian_is_the_difference_of_gradients(problem in problems(), o in options(), seed: u64) {
        let (design, target) = (Design::dense(&problem.x, problem.n, problem.d).unwrap(), problem.target());
        let mut f = objective(&design, &target, o);
        let mut random = Random(seed);
        let at = flat(&random.coefficients(problem.k, problem.d));
        let size = at.len();
        let h = f.hessian(&unflat(&at, problem.k)).unwrap();
        let step = 1e-5;
        for j in 0..size {
            let mut moved = |by: f64| {
                let mut at = at.clone();
                at[j] += by;
                flat(&f.gradient(&unflat(&at, problem.k)).unwrap())
            };
            let (up, down) = (moved(step), moved(-step));
            let difference: Vec<f64> = up.iter().zip(&down).map(|(u, d)| (u - d) / (2.0 * step)).collect();
            let column: Vec<f64> = (0..size).map(|i| h[i * size + j]).collect();
            prop_assert!(close(&column, &difference, 1e-8), "{column:?} {difference:?}");
            prop_assert!((0..size).all(|i| (h[i * size + j] - h[j * size + i]).abs() <= 1e-14));
        }
        // And the product is the matrix times the vector.
        let v = flat(&random.coefficients(problem.k, problem.d));
        let expected: Vec<f64> =
            h.chunks_exact(size).map(|row| row.iter().zip(&v).map(|(h, v)| h * v).sum()).collect();
        let found = f.hessian_vector_product(&unflat(&at, problem.k), &unflat(&v, problem.k)).unwrap();
        let found = flat(&found);
        prop_assert!(close(&found, &expected, 1e-12), "{found:?} {expected:?}");
        // Convex: no direction curves down.
        let curvature: f64 = found.iter().zip(&v).map(|(h, v)| h * v).sum();
        prop_assert!(curvature >= -1e-12);
    }
}

#[test]
fn shapes_are_checked() {
    let problem = Problem::random(1, 10, 2, 3);
    let (design, target) = (Design::dense(&problem.x, 10, 2).unwrap(), problem.target());
    let mut f = SoftmaxObjective::new(&design, &target).unwrap();
    assert!(f.value(&Coefficients::zeros(3, 3)).is_err());
    assert!(f.value(&Coefficients::zeros(2, 2)).is_err());
    assert!(f.hessian_vector_product(&Coefficients::zeros(3, 2), &Coefficients::zeros(3, 1)).is_err());
    let short = Design::dense(&problem.x[..18], 9, 2).unwrap();
    assert!(SoftmaxObjective::new(&short, &target).is_err());
    assert!(SoftmaxObjective::new(&design, &target).unwrap().lambda(-1.0).is_err());
    assert!(SoftmaxObjective::new(&design, &target).unwrap().penalty_factors(vec![1.0]).is_err());
    assert!(SoftmaxObjective::new(&design, &target).unwrap().penalty_factors(vec![1.0, -1.0]).is_err());
}
