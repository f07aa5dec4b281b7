//! Fits of every kind of input and option, and how they end.

mod common;

use std::ops::ControlFlow;

use common::csr;
use common::problem::{Problem, Random, problems};
use polylogit::solver::{Event, Observer, Status};
use polylogit::{Coefficients, Csr, Design, Fit, Label, Lambdas, LogisticRegression, Model, Target};
use proptest::prelude::*;

fn dense(problem: &Problem) -> Design<'_> {
    Design::dense(&problem.x, problem.n, problem.d).unwrap()
}

fn tight() -> LogisticRegression {
    LogisticRegression::new().lambda(0.05).tol(1e-14)
}

fn fit(regression: &LogisticRegression, problem: &Problem) -> Fit {
    regression.fit(&dense(problem), &problem.target()).unwrap()
}

/// The largest difference of two sets of coefficients.
fn difference(a: &Fit, b: &Fit) -> f64 {
    common::difference(a.model.coefficients(), b.model.coefficients())
}

/// How far apart two fits may be by what their certificates promise: ½λ‖W − W*‖² ≤ F − F*, W of the columns that are penalised.
fn promised(a: &Fit, b: &Fit) -> f64 {
    let sd = a.feature_sd.iter().copied().filter(|sd| *sd > 0.0).fold(f64::INFINITY, f64::min);
    let far = |fit: &Fit| (2.0 * fit.certificate.gap / fit.lambda).sqrt();
    1e-8 + (far(a) + far(b)) / if a.standardize { sd } else { 1.0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn dense_sparse_and_their_index_types_agree(mut problem in problems(), seed: u64, intercept: bool) {
        prop_assume!(problem.d > 0);
        let mut random = Random(seed);
        problem.x.iter_mut().for_each(|v| if random.uniform() < 0.6 { *v = 0.0 });
        let regression = tight().intercept(intercept).standardize(seed % 2 == 0);
        let expected = fit(&regression, &problem);
        let (values, indices, indptr) = csr(&problem.x, problem.d);
        let wide: Vec<u64> = indices.iter().map(|i| u64::from(*i)).collect();
        let signed: Vec<i32> = indices.iter().map(|i| i.cast_signed()).collect();
        let signed_wide: Vec<i64> = indices.iter().map(|i| i64::from(*i)).collect();
        let starts: Vec<i32> = indptr.iter().map(|i| *i as i32).collect();
        for csr in [
            Csr::new(&values[..], &indices[..], &indptr[..]),
            Csr::new(&values[..], &wide[..], &indptr[..]),
            Csr::new(&values[..], &signed[..], &starts[..]),
            Csr::new(&values[..], &signed_wide[..], &starts[..]),
        ] {
            let design = Design::sparse(csr, problem.d).unwrap();
            let found = regression.fit(&design, &problem.target()).unwrap();
            let apart = promised(&found, &expected);
            prop_assert!(difference(&found, &expected) <= apart, "{} {apart}", difference(&found, &expected));
            let (a, b) = (found.model.probabilities(&design), expected.model.probabilities(&dense(&problem)));
            let most = problem.x.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
            let off = apart * most * problem.d as f64;
            prop_assert!(a.unwrap().iter().zip(b.unwrap()).all(|(a, b)| (a - b).abs() <= off));
        }
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice(problem in problems()) {
        let mut doubled = problem.clone();
        let mut weighted = problem.clone();
        let half = problem.n / 2;
        weighted.weights = Some((0..problem.n).map(|i| problem.s(i) * if i < half { 2.0 } else { 1.0 }).collect());
        doubled.n += half;
        doubled.x.extend_from_slice(&problem.x[..half * problem.d]);
        doubled.ids.extend_from_slice(&problem.ids[..half]);
        for (into, from, width) in [
            (&mut doubled.soft, &problem.soft, problem.k),
            (&mut doubled.weights, &problem.weights, 1),
            (&mut doubled.offset, &problem.offset, problem.k),
        ] {
            if let (Some(into), Some(from)) = (into, from) {
                into.extend_from_slice(&from[..half * width]);
            }
        }
        prop_assert!(difference(&fit(&tight(), &weighted), &fit(&tight(), &doubled)) <= 1e-8);
    }

    #[test]
    fn the_order_of_rows_columns_and_classes_does_not_matter(problem in problems()) {
        let expected = fit(&tight(), &problem);
        let Problem { n, d, k, .. } = problem;
        let mut turned = problem.clone();
        turned.x = problem.x.chunks_exact(d.max(1)).rev().flat_map(|r| r.iter().rev().copied()).collect();
        turned.ids = problem.ids.iter().rev().map(|c| (k - 1) as u32 - c).collect();
        let rows_of_classes = |v: &Vec<f64>| v.iter().rev().copied().collect::<Vec<f64>>();
        turned.soft = problem.soft.as_ref().map(rows_of_classes);
        turned.offset = problem.offset.as_ref().map(rows_of_classes);
        turned.weights = problem.weights.as_ref().map(rows_of_classes);
        let found = fit(&tight(), &turned);
        let c = found.model.coefficients();
        let back = Coefficients::new(
            k,
            d,
            c.weights().iter().rev().copied().collect(),
            c.intercepts().iter().rev().copied().collect(),
        )
        .unwrap();
        prop_assert_eq!(found.rows, n);
        prop_assert!(common::difference(&back, expected.model.coefficients()) <= 1e-8);
    }

    #[test]
    fn one_hot_soft_labels_are_hard_labels(mut problem in problems()) {
        problem.soft = None;
        let hard = fit(&tight(), &problem);
        let one_hot = (0..problem.n).flat_map(|i| (0..problem.k).map(move |c| (i, c)));
        problem.soft = Some(one_hot.map(|(i, c)| f64::from(problem.ids[i] as usize == c)).collect());
        prop_assert!(difference(&fit(&tight(), &problem), &hard) <= 1e-8);
    }

    #[test]
    fn a_standardised_penalty_is_a_penalty_on_standardised_columns(mut problem in problems(), seed: u64) {
        prop_assume!(problem.d > 0 && problem.n > 2);
        let mut random = Random(seed);
        let scales: Vec<f64> = (0..problem.d).map(|_| 10f64.powf(6.0 * random.uniform() - 3.0)).collect();
        for row in problem.x.chunks_exact_mut(problem.d) {
            row.iter_mut().zip(&scales).for_each(|(x, s)| *x *= s);
        }
        let found = fit(&tight().standardize(true), &problem);
        let mut scaled = problem.clone();
        for row in scaled.x.chunks_exact_mut(problem.d) {
            row.iter_mut().zip(&found.feature_sd).for_each(|(x, sd)| *x /= sd);
        }
        let expected = fit(&tight(), &scaled);
        prop_assert!((found.objective - expected.objective).abs() <= 1e-12);
        for c in 0..problem.k {
            for j in 0..problem.d {
                let found = found.model.coefficients().class_weights(c)[j] * found.feature_sd[j];
                let expected = expected.model.coefficients().class_weights(c)[j];
                prop_assert!((found - expected).abs() <= 1e-8, "{found} {expected}");
            }
        }
    }
}

#[test]
fn raw_scales_do_not_matter_to_the_work() {
    let mut problem = Problem::random(3, 400, 6, 4);
    let plain = fit(&LogisticRegression::new().lambda(1e-9), &problem);
    for row in problem.x.chunks_exact_mut(6) {
        for (x, scale) in row.iter_mut().zip([1e-6, 1e6, 1.0, 1e3, 1e-3, 1e5]) {
            *x = *x * scale + 10.0 * scale;
        }
    }
    let scaled = fit(&LogisticRegression::new().lambda(1e-9), &problem);
    assert!(scaled.status.is_converged());
    assert!(scaled.passes <= 1.5 * plain.passes, "{} passes, {} unscaled", scaled.passes, plain.passes);
}

#[test]
fn f32_is_f64_of_the_same_numbers() {
    let problem = Problem::random(4, 300, 5, 3);
    let x: Vec<f32> = problem.x.iter().map(|v| *v as f32).collect();
    let widened: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
    let single = tight().fit(&Design::dense(&x, 300, 5).unwrap(), &problem.target()).unwrap();
    let double = tight().fit(&Design::dense(&widened, 300, 5).unwrap(), &problem.target()).unwrap();
    assert_eq!(single.model.coefficients(), double.model.coefficients());
    assert_eq!(single.objective, double.objective);
}

#[test]
fn many_sparse_columns() {
    // More columns than are ever made dense.
    let (n, d, k) = (300, 1500, 4);
    let mut problem = Problem::random(5, n, d, k);
    let mut random = Random(6);
    problem.x.iter_mut().for_each(|v| {
        if random.uniform() < 0.97 {
            *v = 0.0;
        }
    });
    let (values, indices, indptr) = csr(&problem.x, d);
    let sparse = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d).unwrap();
    for regression in [tight(), tight().standardize(true), tight().intercept(false)] {
        let (a, b) = (regression.fit(&sparse, &problem.target()).unwrap(), fit(&regression, &problem));
        assert!(a.status.is_converged() && b.status.is_converged(), "{} {}", a.status, b.status);
        assert!((a.objective - b.objective).abs() <= 1e-13 * a.objective, "{} {}", a.objective, b.objective);
        // F is λ-strongly convex in the weights that it penalises: a gap of g leaves ‖W − W*‖ ≤ √(2g/λ).
        let distance: f64 = (0..k * d)
            .map(|at| {
                let sd = if a.standardize { a.feature_sd[at % d] } else { 1.0 };
                let of = |fit: &Fit| fit.model.coefficients().weights()[at];
                (sd * (of(&a) - of(&b))).powi(2)
            })
            .sum::<f64>()
            .sqrt();
        let bound = |fit: &Fit| (2.0 * fit.certificate.gap / fit.lambda).sqrt();
        assert!(distance <= bound(&a) + bound(&b), "{distance:e}");
    }
}

#[test]
fn the_reason_names_the_samples_that_led() {
    let problem = Problem::random(31, 20_000, 8, 3);
    let fit = fit(&LogisticRegression::new().lambda(1e-3), &problem);
    assert!(fit.reason.starts_with("led there by samples of "), "{}", fit.reason);
}

#[test]
fn two_classes_are_half_a_sigmoid() {
    // With W = ±β/2 softmax is the sigmoid of β, and λ_softmax = 2 λ_sigmoid.
    let problem = Problem::random(8, 200, 3, 2);
    let found = fit(&LogisticRegression::new().lambda(0.02).tol(1e-14), &problem);
    let c = found.model.coefficients();
    let beta: Vec<f64> = c.class_weights(1).iter().map(|w| 2.0 * w).collect();
    let b = 2.0 * c.intercepts()[1];
    // The gradient of the sigmoid's objective vanishes: (1/n) Σ (σ − y) x + λ_sigmoid β.
    let mut gradient: Vec<f64> = beta.iter().map(|v| 0.01 * v).chain([0.0]).collect();
    for i in 0..problem.n {
        let x = &problem.x[i * 3..][..3];
        let z = beta.iter().zip(x).map(|(v, x)| v * x).sum::<f64>() + b;
        let residual = (1.0 / (1.0 + (-z).exp()) - f64::from(problem.ids[i])) / problem.n as f64;
        for (g, x) in gradient.iter_mut().zip(x.iter().chain([&1.0])) {
            *g += residual * x;
        }
    }
    assert!(gradient.iter().all(|g| g.abs() <= 1e-8), "{gradient:?}");
    assert_eq!(c.class_weights(0)[0], -c.class_weights(1)[0]);
}

#[test]
fn a_fit_without_columns_gives_the_shares() {
    let target =
        Target::from_labels(["a", "b", "b", "c"]).unwrap().weights(vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let design = Design::dense::<f64>(&[], 4, 0).unwrap();
    for lambda in [0.0, 1.0] {
        let fit = LogisticRegression::new().lambda(lambda).tol(1e-14).fit(&design, &target).unwrap();
        assert!(fit.status.is_converged(), "{}", fit.status);
        let p = fit.model.probabilities(&Design::dense::<f64>(&[], 1, 0).unwrap()).unwrap();
        assert!(p.iter().zip([0.1, 0.5, 0.4]).all(|(a, b)| (a - b).abs() <= 1e-9), "{p:?}");
    }
}

#[test]
fn the_smallest_problem() {
    let target = Target::from_labels([0, 1]).unwrap();
    let fit = LogisticRegression::new().fit(&Design::dense(&[0.0, 1.0], 2, 1).unwrap(), &target).unwrap();
    assert!(fit.status.is_converged());
}

#[test]
fn an_offset_that_is_the_model_leaves_nothing_to_fit() {
    let mut problem = Problem::random(9, 500, 4, 3);
    let first = fit(&LogisticRegression::new().lambda(0.0).tol(1e-14), &problem);
    problem.offset = Some(first.model.logits(&dense(&problem)).unwrap());
    let second = fit(&LogisticRegression::new().lambda(0.0).tol(1e-14), &problem);
    assert!(second.model.coefficients().weights().iter().all(|w| w.abs() <= 1e-6));
    assert!((second.objective - first.objective).abs() <= 1e-12);
}

#[test]
fn penalty_factors_scale_the_penalty_and_zero_frees_a_column() {
    let problem = Problem::random(10, 300, 3, 3);
    let lambda = |l: f64| LogisticRegression::new().lambda(l).tol(1e-14);
    let twice = fit(&lambda(0.05).penalty_factors(vec![2.0; 3]), &problem);
    assert!(difference(&twice, &fit(&lambda(0.1), &problem)) <= 1e-8);
    // A free column has no gradient at the optimum, however strong the rest.
    let free = fit(&lambda(1e3).penalty_factors(vec![1.0, 0.0, 1.0]), &problem);
    let c = free.model.coefficients();
    assert!(free.status.is_converged());
    assert!(c.class_weights(0)[0].abs() < 1e-2 && c.class_weights(0)[1].abs() > 0.1);
    let mut only = problem.clone();
    only.x = problem.x.chunks_exact(3).map(|r| r[1]).collect();
    only.d = 1;
    let alone = fit(&lambda(0.0), &only);
    assert!((alone.model.coefficients().class_weights(0)[0] - c.class_weights(0)[1]).abs() < 1e-2);
}

#[test]
fn a_warm_start_saves_work_and_ends_at_the_same_point() {
    let problem = Problem::random(11, 2000, 10, 5);
    let cold = fit(&tight(), &problem);
    let warm = fit(&tight().warm_start(cold.model.coefficients().clone()), &problem);
    assert!(difference(&warm, &cold) <= 1e-8);
    assert!(warm.passes < cold.passes / 3.0, "{} passes, {} cold", warm.passes, cold.passes);
    // From nonsense, too.
    let far =
        Coefficients::new(5, 10, vec![1e3; 50], (0..5).map(|k| f64::from(k) * 100.0).collect()).unwrap();
    let found = fit(&tight().warm_start(far), &problem);
    assert!(found.status.is_converged() && difference(&found, &cold) <= 1e-8, "{}", found.status);
    let wrong = LogisticRegression::new().warm_start(Coefficients::zeros(3, 10));
    assert!(wrong.fit(&dense(&problem), &problem.target()).is_err());
}

#[test]
fn events_tell_the_way_and_can_end_it() {
    let problem = Problem::random(12, 500, 8, 4);
    let (design, target) = (dense(&problem), problem.target());
    let mut events: Vec<Event> = Vec::new();
    let regression = LogisticRegression::new().lambda(1e-4).tol(1e-12);
    let mut observer = |e: &Event| {
        events.push(*e);
        ControlFlow::Continue(())
    };
    let whole = regression.fit_observed(&design, &target, &mut observer).unwrap();
    assert!(events.len() >= 3);
    assert!(events.windows(2).all(|e| e[1].objective <= e[0].objective && e[1].passes > e[0].passes));
    let last = events.last().unwrap();
    assert_eq!((last.objective, last.passes), (whole.objective, whole.passes));
    assert!(last.relative_gap <= last.tol);
    // Ended at the third event: the model of that point, its bound still true.
    let mut seen = 0;
    let mut stop = |_: &Event| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let part = regression.fit_observed(&design, &target, &mut stop).unwrap();
    assert_eq!(part.status, Status::Cancelled);
    assert_eq!(part.objective, events[2].objective);
    assert!(part.objective - part.certificate.gap <= whole.objective + 1e-14);
}

#[test]
fn a_fit_is_cancelled_inside_a_step() {
    struct Impatient;
    impl Observer for Impatient {
        fn step(&mut self, _: &Event) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
        fn cancelled(&self) -> bool {
            true
        }
    }
    let problem = Problem::random(13, 100, 5, 3);
    let fit =
        LogisticRegression::new().fit_observed(&dense(&problem), &problem.target(), &mut Impatient).unwrap();
    assert_eq!(fit.status, Status::Cancelled);
    assert!(fit.objective <= 3f64.ln() + 1e-12);
}

#[test]
fn steps_run_out() {
    let problem = Problem::random(14, 500, 8, 4);
    let regression = LogisticRegression::new().lambda(1e-4).tol(1e-12);
    let fit = fit(&regression.max_steps(1), &problem);
    assert_eq!((fit.status, fit.steps), (Status::StepLimit, 1));
    assert!(fit.certificate.gap.is_finite());
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    // Large enough that the pool is used: samples, many classes, the space of the rows, stored values.
    let mut sparse = Problem::random(18, 400, 1500, 24);
    for (i, x) in sparse.x.iter_mut().enumerate() {
        *x *= f64::from(i % 29 == 0);
    }
    let tall = Problem::random(15, 20_000, 12, 6);
    let many = Problem::random(16, 3000, 20, 40);
    let wide = Problem::random(17, 300, 2000, 4);
    let stored: Vec<_> = [(&tall, 12), (&sparse, 1500)].map(|(p, d)| (csr(&p.x, d), d, p)).into();
    let mut designs: Vec<(Design<'_>, &Problem)> =
        [&tall, &many, &wide].into_iter().map(|p| (dense(p), p)).collect();
    for ((values, indices, indptr), d, problem) in &stored {
        let csr = Csr::new(&values[..], &indices[..], &indptr[..]);
        designs.push((Design::sparse(csr, *d).unwrap(), problem));
    }
    for (design, problem) in designs {
        let run = |threads| {
            let fit = LogisticRegression::new().lambda(1e-3).threads(threads).fit(&design, &problem.target());
            let fit = fit.unwrap();
            assert!(fit.status.is_converged());
            (fit.model.coefficients().clone(), fit.objective.to_bits(), fit.certificate.gap.to_bits())
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            assert_eq!(run(threads), one, "{threads} threads");
        }
    }
}

#[test]
fn extreme_but_finite_numbers_end_in_a_status() {
    for scale in [1e-300, 1e-150, 1e150, 1e300] {
        let x: Vec<f64> = [1.0, 2.0, 1.5, 3.0, 0.5, 2.5].iter().map(|v| v * scale).collect();
        let target = Target::from_labels([0, 1, 0, 1, 1, 0]).unwrap();
        for regression in [LogisticRegression::new(), LogisticRegression::new().lambda(0.0)] {
            let design = Design::dense(&x, 6, 1).unwrap();
            let fit = regression.fit(&design, &target).unwrap();
            assert!(
                fit.objective.is_finite() && fit.objective <= 2f64.ln() + 1e-12,
                "{scale:e}: {}",
                fit.status
            );
            let p = fit.model.probabilities(&design).unwrap();
            assert!(p.iter().all(|p| p.is_finite()), "{scale:e}");
        }
    }
}

#[test]
fn probabilities_come_into_memory_that_the_caller_has() {
    let problem = Problem::random(12, 700, 9, 5);
    let model = fit(&tight(), &problem).model;
    for rows in [1, 8, 700] {
        let x = Design::dense(&problem.x[..9 * rows], rows, 9).unwrap();
        let (mut p, mut p32) = (vec![f64::NAN; 5 * rows], vec![f32::NAN; 5 * rows]);
        model.probabilities_into(&x, &mut p).unwrap();
        model.probabilities_f32_into(&x, &mut p32).unwrap();
        assert_eq!(p, model.probabilities(&x).unwrap());
        assert_eq!(p32, model.probabilities_f32(&x).unwrap());
        let mut log_p = vec![f64::NAN; 5 * rows];
        model.log_probabilities_into(&x, &mut log_p).unwrap();
        assert_eq!(log_p, model.log_probabilities(&x).unwrap());
        // Scores that neither type can hold.
        let far: Vec<f64> = problem.x[..9 * rows].iter().map(|x| x * 1e307).collect();
        let far = Design::dense(&far, rows, 9).unwrap();
        model.probabilities_f32_into(&far, &mut p32).unwrap();
        assert!(p32.iter().all(|p| (0.0..=1.0).contains(p)));
        let error = model.probabilities_into(&x, &mut p[1..]).unwrap_err();
        assert!(matches!(error, polylogit::Error::Shape { expected, .. } if expected == 5 * rows), "{error}");
        assert!(model.probabilities_f32_into(&x, &mut []).is_err());
    }
}

#[test]
fn a_row_alone_is_predicted_as_among_others() {
    let problem = Problem::random(11, 700, 9, 5);
    let model = fit(&tight(), &problem).model;
    let (p, z) = (model.probabilities(&dense(&problem)).unwrap(), model.logits(&dense(&problem)).unwrap());
    let p32 = model.probabilities_f32(&dense(&problem)).unwrap();
    for (i, row) in problem.x.chunks_exact(9).enumerate() {
        let alone = Design::dense(row, 1, 9).unwrap();
        assert_eq!(model.probabilities(&alone).unwrap(), p[i * 5..(i + 1) * 5]);
        assert_eq!(model.logits(&alone).unwrap(), z[i * 5..(i + 1) * 5]);
        assert_eq!(model.probabilities_f32(&alone).unwrap(), p32[i * 5..(i + 1) * 5]);
    }
    assert!(p.iter().zip(&p32).all(|(p, q)| (p - f64::from(*q)).abs() < 1e-5));
    // A wide model, eight and more scores side by side, and scores that f32 cannot hold.
    let weights = (0..11 * 9).map(|i| f64::from(i).sin()).collect();
    let wide = Model::new(
        (0..11i64).map(Label::from).collect(),
        Coefficients::new(11, 9, weights, vec![0.5; 11]).unwrap(),
    );
    let wide = wide.unwrap();
    let (z, alone) = (wide.logits(&dense(&problem)).unwrap(), Design::dense(&problem.x[..9], 1, 9).unwrap());
    assert_eq!(wide.logits(&alone).unwrap(), z[..11]);
    let far: Vec<f64> = problem.x[..9 * 20].iter().map(|x| x * 1e200).collect();
    let all = Design::dense(&far, 20, 9).unwrap();
    let (p, p32) = (wide.probabilities(&all).unwrap(), wide.probabilities_f32(&all).unwrap());
    assert!(p.iter().zip(&p32).all(|(p, q)| (p - f64::from(*q)).abs() < 1e-7));
    // Scores that f64 cannot hold either: the highest takes all.
    let beyond: Vec<f64> = problem.x[..9 * 20].iter().map(|x| x * 1e307).collect();
    for rows in [1, 20] {
        let beyond = Design::dense(&beyond[..9 * rows], rows, 9).unwrap();
        let (p, log_p) = (wide.probabilities(&beyond).unwrap(), wide.log_probabilities(&beyond).unwrap());
        let near = Design::dense(&far[..9 * rows], rows, 9).unwrap();
        assert_eq!(p, wide.probabilities(&near).unwrap());
        assert!(p.iter().zip(&log_p).all(|(p, l)| p.ln() == *l || (*p == 0.0 && *l < -1e300)));
    }
    let mut bad = problem.x.clone();
    bad[612 * 9 + 3] = f64::NAN;
    let error = model.probabilities(&Design::dense(&bad, 700, 9).unwrap()).unwrap_err();
    assert!(matches!(error, polylogit::Error::NotFinite { row: 612, column: 3, .. }), "{error}");
}

#[test]
fn wide_paths_are_those_of_single_fits_on_any_number_of_threads() {
    let (n, d) = (90, 1500);
    let x: Vec<f64> = (0..n * d).map(|i| ((i * 7919 + i / 17 * 104_729) % 1013) as f64 / 1013.0).collect();
    let design = Design::dense(&x, n, d).unwrap();
    let target = Target::from_labels((0..90i64).map(|i| i * i % 7 % 3)).unwrap();
    for grouped in [false, true] {
        let lasso = LogisticRegression::new().l1_ratio(1.0).standardize(true).grouped(grouped).tol(1e-7);
        let run = |threads: usize| {
            lasso.clone().threads(threads).path(&design, &target, &Lambdas::spaced(25).ratio(0.2)).unwrap()
        };
        let path = run(1);
        for threads in [2, 3, 8] {
            let other = run(threads);
            for (a, b) in path.points.iter().zip(&other.points) {
                assert_eq!((a.objective, a.certificate.gap), (b.objective, b.certificate.gap));
                assert!(a.weights().eq(b.weights()));
            }
        }
        for point in path.points.iter().skip(1).step_by(6) {
            assert!(point.certificate.relative_gap <= 1e-7);
            let exact = lasso.clone().tol(1e-10).lambda(point.lambda).fit(&design, &target).unwrap();
            let over = point.objective - exact.objective;
            assert!(over <= point.certificate.gap + 1e-13 && over >= -1e-10, "{over:e}");
        }
    }
}
