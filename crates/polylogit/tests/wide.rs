//! More columns than rows: fits by way of the space of the rows.

mod common;

use std::ops::ControlFlow;

use common::problem::{Problem, Random};
use polylogit::inference::{Inference, Term};
use polylogit::solver::{Event, Status};
use polylogit::{CertificateKind, Design, Fit, LogisticRegression};

fn design(problem: &Problem) -> Design<'_> {
    Design::dense(&problem.x, problem.n, problem.d).unwrap()
}

#[test]
fn more_columns_than_rows() {
    // The Gram matrix of the rows is in f32 for many of them and the first tolerance; what λ multiplies is no matter of its range.
    for (rows, columns) in [(30, 200), (210, 450)] {
        let problem = Problem::random(7, rows, columns, 3);
        for tol in [1e-6, 1e-9] {
            for lambda in [1e-6, 1e-2, 10.0, 1e30] {
                let builder = LogisticRegression::new().lambda(lambda).tol(tol);
                let fit = builder.fit(&design(&problem), &problem.target()).unwrap();
                let Fit { status, certificate, steps, .. } = &fit;
                assert!(status.is_converged() && certificate.relative_gap <= tol, "λ={lambda}: {status}");
                assert_eq!(certificate.kind, CertificateKind::DualityGap);
                assert!(fit.reason.starts_with("columns outnumber rows: solved in the space of the rows"));
                // A loss of 4e-5 nats is not proven to 1e-9 at once.
                let hard = rows > 200 && lambda < 1e-2;
                assert!(*steps == 0 || hard, "λ={lambda} tol={tol}: {steps} steps from there");
            }
        }
    }
}

/// As of gene expressions: a Gram matrix in f32 proves nothing of such rows, the one in f64 does, and no step of all columns is
/// taken.
#[test]
fn strong_factors_make_rows_alike() {
    let (n, d, factors) = (220, 500, 4);
    let mut random = Random(9);
    let (scores, loadings) = (random.normals(n * factors), random.normals(factors * d));
    let mut problem = Problem::random(9, n, d, 3);
    for (x, scores) in problem.x.chunks_exact_mut(d).zip(scores.chunks_exact(factors)) {
        for (j, x) in x.iter_mut().enumerate() {
            *x += (0..factors).map(|f| 20.0 / (f + 1) as f64 * scores[f] * loadings[f * d + j]).sum::<f64>();
        }
    }
    let fit = |tol: f64| {
        let builder = LogisticRegression::new().lambda(1e-3).tol(tol);
        builder.fit(&design(&problem), &problem.target()).unwrap()
    };
    let (loose, tight) = (fit(1e-6), fit(1e-11));
    assert!(loose.status.is_converged() && loose.steps == 0, "{}: {} steps", loose.status, loose.steps);
    let above = loose.objective - tight.objective;
    assert!((-tight.certificate.gap..=loose.certificate.gap).contains(&above), "{above:e}");
}

/// The bound holds for soft labels, weights and offsets, too, with a Gram matrix in f32 and in f64.
#[test]
fn the_proof_holds() {
    let mut random = Random(5);
    for (seed, n, standardize) in [(1, 40, false), (2, 210, true), (3, 210, false)] {
        let mut problem = Problem::random(seed, n, 450, 4);
        problem.weights = Some((0..n).map(|_| 0.5 + random.uniform()).collect());
        problem.offset = Some(random.normals(4 * n));
        if seed == 3 {
            let rows = (0..n).flat_map(|_| {
                let y: Vec<f64> = (0..4).map(|_| random.uniform()).collect();
                let sum: f64 = y.iter().sum();
                y.into_iter().map(move |y| y / sum)
            });
            problem.soft = Some(rows.collect());
        }
        let builder = LogisticRegression::new().lambda(1e-3).standardize(standardize);
        let fit = |tol: f64| builder.clone().tol(tol).fit(&design(&problem), &problem.target()).unwrap();
        let best = fit(1e-13);
        for tol in [1e-2, 1e-5, 1e-9] {
            let fit = fit(tol);
            assert!(fit.certificate.relative_gap <= tol && fit.status == Status::Converged);
            let above = fit.objective - best.objective;
            assert!((-best.certificate.gap..=fit.certificate.gap).contains(&above), "{above:e}");
        }
    }
}

#[test]
fn statistics_beside_a_penalty() {
    let problem = Problem::random(61, 20, 45, 3);
    let (design, target) = (design(&problem), problem.target());
    let ridge = LogisticRegression::new().lambda(0.1).standardize(true);
    let found =
        Inference::new().regression(ridge.clone()).despite_penalty(true).fit(&design, &target).unwrap();
    let fit = ridge.tol(1e-12).fit(&design, &target).unwrap();
    let weights = |class: usize| fit.model.coefficients().class_weights(class).to_vec();
    for (j, (first, second)) in weights(0).into_iter().zip(weights(1)).enumerate() {
        let estimate = found.estimate(1, Term::Column(j)).unwrap();
        assert!((estimate.value - (second - first)).abs() <= 1e-6 && estimate.std_err > 0.0, "{j}");
    }
}

#[test]
fn an_observer_hears_of_it_and_may_end_it() {
    let problem = Problem::random(9, 30, 200, 3);
    let mut heard = vec![];
    let fit = LogisticRegression::new()
        .lambda(0.01)
        .fit_observed(&design(&problem), &problem.target(), &mut |event: &Event| {
            heard.push(*event);
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!((fit.status, heard.len()), (Status::Cancelled, 1));
    assert_eq!(heard[0].objective, fit.objective);
    assert!(heard[0].relative_gap <= heard[0].tol, "{:?}", heard[0]);
}
