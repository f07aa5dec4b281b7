//! The certificate is a true bound, and a tight one.

mod common;

use common::problem::{Problem, Random, problems};
use polylogit::objective::SoftmaxObjective;
use polylogit::solver::Status;
use polylogit::{CertificateKind, Coefficients, Design, Fit, LogisticRegression};
use proptest::prelude::*;

/// What is penalised how.
#[derive(Debug, Clone, Copy)]
struct Penalty {
    lambda: f64,
    /// Factors 0.3, 1, 2.5 in turn.
    factors: bool,
    standardize: bool,
    intercept: bool,
}

fn penalty() -> impl Strategy<Value = Penalty> {
    ((-4.0..1.0f64), any::<[bool; 3]>()).prop_map(|(exponent, [factors, standardize, intercept])| Penalty {
        lambda: 10f64.powf(exponent),
        factors,
        standardize,
        intercept,
    })
}

fn factors(d: usize) -> Vec<f64> {
    (0..d).map(|j| [0.3, 1.0, 2.5][j % 3]).collect()
}

fn fit(problem: &Problem, penalty: Penalty, tol: f64, steps: usize) -> Fit {
    let design = Design::dense(&problem.x, problem.n, problem.d).unwrap();
    let mut regression = LogisticRegression::new()
        .lambda(penalty.lambda)
        .standardize(penalty.standardize)
        .intercept(penalty.intercept)
        .tol(tol)
        .max_steps(steps);
    if penalty.factors {
        regression = regression.penalty_factors(factors(problem.d));
    }
    regression.fit(&design, &problem.target()).unwrap()
}

/// F at other coefficients.
fn values(problem: &Problem, penalty: Penalty, at: &[Coefficients]) -> Vec<f64> {
    let (design, target) = (Design::dense(&problem.x, problem.n, problem.d).unwrap(), problem.target());
    let f = SoftmaxObjective::new(&design, &target).unwrap().lambda(penalty.lambda).unwrap();
    let f = f.standardize(penalty.standardize).intercept(penalty.intercept);
    let mut f = if penalty.factors { f.penalty_factors(factors(problem.d)).unwrap() } else { f };
    at.iter().map(|c| f.value(c).unwrap()).collect()
}

/// Points near and far from a fit.
fn others(fit: &Fit, seed: u64) -> Vec<Coefficients> {
    let c = fit.model.coefficients();
    let mut random = Random(seed);
    let mut out = vec![Coefficients::zeros(c.classes(), c.features())];
    for size in [1e-8, 1e-6, 1e-4, 1e-2, 1.0, 10.0] {
        let mut moved = |v: &[f64]| v.iter().map(|v| v + size * random.normal()).collect::<Vec<f64>>();
        let (w, b) = (moved(c.weights()), moved(c.intercepts()));
        out.push(Coefficients::new(c.classes(), c.features(), w, b).unwrap());
    }
    out
}

proptest! {
    #[test]
    fn no_point_is_better_than_the_bound(
        problem in problems(),
        penalty in penalty(),
        loose in prop_oneof![Just(0.5), Just(1e-2), Just(1e-6)],
        steps in prop_oneof![1usize..4, Just(1000)],
        seed: u64,
    ) {
        let found = fit(&problem, penalty, loose, steps);
        let best = fit(&problem, penalty, 1e-13, 1000);
        prop_assert!(found.certificate.gap >= 0.0);
        let mut points = others(&found, seed);
        points.extend(others(&best, seed));
        points.push(best.model.coefficients().clone());
        // What rounding does to F itself.
        let rounding = 1e-14 * found.objective;
        if found.certificate.kind == CertificateKind::DualityGap {
            for value in values(&problem, penalty, &points) {
                prop_assert!(
                    value >= found.objective - found.certificate.gap - rounding,
                    "{value} is below {} − {}", found.objective, found.certificate.gap
                );
            }
        }
        // The objective of a fit is F at its coefficients.
        let own = values(&problem, penalty, &[found.model.coefficients().clone()])[0];
        prop_assert!((own - found.objective).abs() <= 1e-12 * found.objective.max(1.0));
    }

    #[test]
    fn a_penalised_fit_converges_to_a_duality_gap(problem in problems(), penalty in penalty()) {
        let found = fit(&problem, penalty, 1e-6, 1000);
        prop_assert!(found.status.is_converged(), "{:?}", found.status);
        prop_assert_eq!(found.certificate.kind, CertificateKind::DualityGap);
        prop_assert!(found.certificate.relative_gap <= 1e-6);
    }
}

#[test]
fn the_bound_is_true_and_tight_on_the_references() {
    for (name, data) in common::reference("l2.json").as_object().unwrap() {
        let t = common::table(data["file"].as_str().unwrap(), data["target"].as_str().unwrap());
        let design = Design::dense(&t.x, t.n, t.d).unwrap();
        for reference in data["fits"].as_array().unwrap() {
            let lambda = reference["lambda"].as_f64().unwrap();
            let best = reference["objective"].as_f64().unwrap();
            // F* itself is known to some ulps only.
            let rounding = 1e-14 * best.max(1.0);
            for tol in [1e-3, 1e-6, 1e-12] {
                let fit = LogisticRegression::new().lambda(lambda).tol(tol).fit(&design, &t.target).unwrap();
                let (gap, above) = (fit.certificate.gap, fit.objective - best);
                assert!(gap >= above - rounding, "{name} λ={lambda:e}: {gap:e} is no bound on {above:e}");
                assert!(gap <= tol * fit.objective, "{name} λ={lambda:e} tol={tol:e}: {gap:e}");
                if tol == 1e-12 {
                    assert!(
                        gap <= 10.0 * above.max(0.0) + 1e-12,
                        "{name} λ={lambda:e}: {gap:e} for {above:e}"
                    );
                }
            }
        }
    }
}

/// Far from the optimum F is estimated in f32: what is reported of a point is F all the same.
#[test]
fn a_fit_that_stops_early_reports_the_value_of_its_point() {
    let problem = Problem::random(16, 3000, 20, 40);
    let penalty = Penalty { lambda: 1e-4, factors: false, standardize: true, intercept: true };
    let optimum =
        values(&problem, penalty, &[fit(&problem, penalty, 1e-10, 1000).model.coefficients().clone()])[0];
    for steps in 1..5 {
        let stopped = fit(&problem, penalty, 1e-10, steps);
        assert_eq!(stopped.status, Status::StepLimit);
        let value = values(&problem, penalty, &[stopped.model.coefficients().clone()])[0];
        assert!((stopped.objective - value).abs() <= 1e-13 * value, "{steps}: {} {value}", stopped.objective);
        assert!(value - stopped.certificate.gap <= optimum && stopped.certificate.gap > 0.0);
    }
    // A tolerance that a first step meets is met by F itself.
    for tol in [0.5, 1e-1, 1e-2] {
        let loose = fit(&problem, penalty, tol, 1000);
        let value = values(&problem, penalty, &[loose.model.coefficients().clone()])[0];
        assert_eq!(loose.status, Status::Converged);
        assert!((loose.objective - value).abs() <= 1e-13 * value);
        assert!(loose.certificate.gap <= tol * value && value - loose.certificate.gap <= optimum);
    }
}
