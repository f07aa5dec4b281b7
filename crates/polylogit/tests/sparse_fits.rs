//! Fits with penalties that keep weights at zero, and with bounds: Karush, Kuhn and Tucker, laws, limits.

mod common;

use common::problem::{Problem, Random, problems};
use polylogit::objective::SoftmaxObjective;
use polylogit::solver::Status;
use polylogit::{CertificateKind, Coefficients, Csr, Design, Fit, Lambdas, LogisticRegression, Target};
use proptest::prelude::*;

fn dense(problem: &Problem) -> Design<'_> {
    Design::dense(&problem.x, problem.n, problem.d).unwrap()
}

/// What is penalised how.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
struct Penalty {
    lambda: f64,
    alpha: f64,
    grouped: bool,
    standardize: bool,
    intercept: bool,
    /// Weights within [−0.1, 0.3] (feature 0 in [0, ∞)).
    bounded: bool,
    /// Factors 0.3, 1, 2.5 in turn.
    factors: bool,
}

fn penalty() -> impl Strategy<Value = Penalty> {
    let alpha = prop_oneof![Just(1.0), Just(0.95), 0.05..1.0f64];
    ((-3.5..0.0f64), alpha, any::<[bool; 5]>()).prop_map(|(exponent, alpha, flags)| {
        let [grouped, standardize, intercept, bounded, factors] = flags;
        Penalty { lambda: 10f64.powf(exponent), alpha, grouped, standardize, intercept, bounded, factors }
    })
}

impl Penalty {
    fn factor(&self, j: usize) -> f64 {
        if self.factors { [0.3, 1.0, 2.5][j % 3] } else { 1.0 }
    }

    fn limits(&self, j: usize) -> (f64, f64) {
        match (self.bounded, j) {
            (false, _) => (f64::NEG_INFINITY, f64::INFINITY),
            (true, 0) => (0.0, f64::INFINITY),
            (true, _) => (-0.1, 0.3),
        }
    }

    fn regression(&self, d: usize) -> LogisticRegression {
        let regression = LogisticRegression::new()
            .lambda(self.lambda)
            .l1_ratio(self.alpha)
            .grouped(self.grouped)
            .standardize(self.standardize)
            .intercept(self.intercept)
            .penalty_factors((0..d).map(|j| self.factor(j)).collect());
        if self.bounded {
            let (low, high) = (0..d).map(|j| self.limits(j)).unzip();
            regression.bounds(low, high)
        } else {
            regression
        }
    }

    /// The penalty of raw weights by its definition; `sd` (d).
    fn value(&self, c: &Coefficients, sd: &[f64]) -> f64 {
        (0..c.features())
            .map(|j| {
                let scale = if self.standardize { sd[j] } else { 1.0 };
                let u: Vec<f64> = (0..c.classes()).map(|k| scale * c.class_weights(k)[j]).collect();
                let square: f64 = u.iter().map(|u| u * u).sum();
                let norm = if self.grouped { square.sqrt() } else { u.iter().map(|u| u.abs()).sum() };
                self.lambda * self.factor(j) * ((1.0 - self.alpha) / 2.0 * square + self.alpha * norm)
            })
            .sum()
    }

    /// The least relative gap that float64 can be asked for: logits are rounded, by that the forces are, and a dual point
    /// is shrunk by as much as its forces exceed ℓ.
    fn rounding(&self, problem: &Problem, fit: &Fit) -> f64 {
        let logits = fit.model.logits(&dense(problem)).unwrap();
        let largest = logits.iter().fold(0.0f64, |most, eta| most.max(eta.abs()));
        let least =
            (0..problem.d).map(|j| self.lambda * self.factor(j) * self.alpha).fold(f64::INFINITY, f64::min);
        f64::EPSILON * largest / least
    }

    /// The largest violation of the conditions of Karush, Kuhn and Tucker, in units of λ.
    fn violation(&self, problem: &Problem, fit: &Fit) -> f64 {
        let (design, target) = (dense(problem), problem.target());
        let mut f = SoftmaxObjective::new(&design, &target).unwrap();
        let c = fit.model.coefficients();
        let g = f.nll_gradient(c).unwrap();
        let total = fit.total_weight;
        let mut worst = 0.0f64;
        for j in 0..problem.d {
            let scale = if self.standardize { fit.feature_sd[j] } else { 1.0 };
            let (l1, ridge) = (
                self.lambda * self.factor(j) * self.alpha * scale,
                self.lambda * self.factor(j) * (1.0 - self.alpha) * scale * scale,
            );
            let (low, high) = self.limits(j);
            let u: Vec<f64> = (0..problem.k).map(|k| c.class_weights(k)[j]).collect();
            // Forces that the L1 part must hold.
            let force: Vec<f64> =
                (0..problem.k).map(|k| g.class_weights(k)[j] / total + ridge * u[k]).collect();
            let length = u.iter().map(|u| u * u).sum::<f64>().sqrt();
            let unit = self.lambda * scale.max(1e-300);
            if self.grouped && length == 0.0 {
                let free = |f: &&f64| (**f < 0.0 && high > 0.0) || (**f > 0.0 && low < 0.0);
                let norm = force.iter().filter(free).map(|f| f * f).sum::<f64>().sqrt();
                worst = worst.max((norm - l1) / unit);
                continue;
            }
            for (u, f) in u.iter().zip(&force) {
                let slope = if self.grouped { f + l1 * u / length } else { f + l1 * u.signum() };
                let out = if *u == 0.0 && !self.grouped {
                    let (up, down) = (-f - l1, f - l1);
                    (if high > 0.0 { up } else { 0.0 }).max(if low < 0.0 { down } else { 0.0 })
                } else if *u >= high * (1.0 - 1e-12) && high.is_finite() {
                    slope
                } else if *u <= low * (1.0 - 1e-12) && low.is_finite() {
                    -slope
                } else {
                    slope.abs()
                };
                worst = worst.max(out / unit);
            }
        }
        for g in g.intercepts().iter().filter(|_| self.intercept) {
            worst = worst.max(g.abs() / total / self.lambda);
        }
        worst
    }
}

fn tight(regression: LogisticRegression, problem: &Problem) -> Fit {
    regression.tol(1e-11).fit(&dense(problem), &problem.target()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn fits_meet_the_conditions_of_karush_kuhn_and_tucker(problem in problems(), penalty in penalty()) {
        prop_assume!(problem.d > 0);
        // A gap of 1e-12 F leaves forces of about its root, which λ may be near to: 1e-11 is not enough for 1e-4 λ.
        let regression = penalty.regression(problem.d).tol(1e-12);
        let found = regression.fit(&dense(&problem), &problem.target()).unwrap();
        // Groups in boxes alone come to what float64 can tell.
        let limited = penalty.grouped && penalty.bounded && found.status == Status::PrecisionLimit;
        prop_assert!(
            found.status.is_converged()
                || (limited && found.certificate.relative_gap <= penalty.rounding(&problem, &found)),
            "{:?} {:?}", found.status, found.certificate
        );
        prop_assert_eq!(found.certificate.kind, CertificateKind::DualityGap);
        let violation = penalty.violation(&problem, &found);
        prop_assert!(violation <= 1e-4, "{violation:e} {:?}", found.model.coefficients());
        for j in 0..problem.d {
            let (low, high) = penalty.limits(j);
            for k in 0..problem.k {
                let w = found.model.coefficients().class_weights(k)[j];
                prop_assert!(w >= low - 1e-15 && w <= high + 1e-15);
            }
        }
    }

    #[test]
    fn no_point_is_better_than_the_bound(
        problem in problems(),
        penalty in penalty(),
        loose in prop_oneof![Just(0.5), Just(1e-2), Just(1e-6)],
        steps in prop_oneof![0usize..3, Just(1000)],
        seed: u64,
    ) {
        prop_assume!(problem.d > 0);
        let (design, target) = (dense(&problem), problem.target());
        let regression = penalty.regression(problem.d);
        let found = regression.clone().tol(loose).max_steps(steps).fit(&design, &target).unwrap();
        let best = tight(regression, &problem);
        let mut f = SoftmaxObjective::new(&design, &target).unwrap().intercept(penalty.intercept);
        let mut value = |c: &Coefficients| {
            f.nll(c).unwrap() / found.total_weight + penalty.value(c, &found.feature_sd)
        };
        let own = value(found.model.coefficients());
        prop_assert!((own - found.objective).abs() <= 1e-12 * found.objective.max(1.0), "{own} {}", found.objective);
        let mut random = Random(seed);
        let mut points = vec![best.model.coefficients().clone(), Coefficients::zeros(problem.k, problem.d)];
        for size in [1e-6, 1e-3, 1.0] {
            let c = best.model.coefficients();
            let mut w: Vec<f64> = c.weights().iter().map(|w| w + size * random.normal()).collect();
            for (at, w) in w.iter_mut().enumerate() {
                let (low, high) = penalty.limits(at % problem.d);
                *w = w.clamp(low, high);
            }
            let b = c.intercepts().iter().map(|b| b + size * random.normal()).collect();
            points.push(Coefficients::new(problem.k, problem.d, w, b).unwrap());
        }
        for point in points {
            let other = value(&point);
            prop_assert!(
                other >= found.objective - found.certificate.gap - 1e-13 * found.objective,
                "{other} is below {} − {}", found.objective, found.certificate.gap
            );
        }
    }

    #[test]
    fn dense_sparse_and_single_precision_agree(mut problem in problems(), penalty in penalty(), seed: u64) {
        prop_assume!(problem.d > 0);
        let mut random = Random(seed);
        problem.x.iter_mut().for_each(|v| {
            *v = if random.uniform() < 0.5 { 0.0 } else { f64::from(*v as f32) };
        });
        let expected = tight(penalty.regression(problem.d), &problem);
        let (mut values, mut indices, mut indptr) = (vec![], vec![], vec![0u64]);
        for row in problem.x.chunks_exact(problem.d) {
            for (j, v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                values.push(*v);
                indices.push(j as u32);
            }
            indptr.push(values.len() as u64);
        }
        let sparse = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), problem.d).unwrap();
        let single: Vec<f32> = problem.x.iter().map(|v| *v as f32).collect();
        let single = Design::dense(&single, problem.n, problem.d).unwrap();
        for design in [sparse, single] {
            let found = penalty.regression(problem.d).tol(1e-11).fit(&design, &problem.target()).unwrap();
            prop_assert!(found.status.is_converged());
            let difference = (found.objective - expected.objective).abs();
            prop_assert!(difference <= 1.1e-11 * expected.objective, "{difference:e}");
            let (a, b) = (found.model.probabilities(&design), expected.model.probabilities(&dense(&problem)));
            let worst = a.unwrap().iter().zip(b.unwrap()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            prop_assert!(worst <= 1e-4, "{worst:e}");
        }
    }

    #[test]
    fn a_ridge_with_wide_bounds_is_the_ridge(problem in problems(), standardize: bool, exponent in -3.0..0.0f64) {
        prop_assume!(problem.d > 0);
        let ridge = LogisticRegression::new().lambda(10f64.powf(exponent)).standardize(standardize);
        let expected = tight(ridge.clone(), &problem);
        let wide = ridge.bounds(vec![f64::NEG_INFINITY; problem.d], vec![1e6; problem.d]);
        let found = tight(wide, &problem);
        prop_assert!(found.status.is_converged(), "{:?} {:?}", found.status, found.certificate);
        prop_assert!((found.objective - expected.objective).abs() <= 1.1e-11 * expected.objective);
        let difference = common::difference(found.model.coefficients(), expected.model.coefficients());
        prop_assert!(difference <= 1e-3, "{difference:e}");
    }

    #[test]
    fn threads_do_not_change_a_bit(seed: u64, grouped: bool) {
        let problem = Problem::random(seed, 700, 30, 3);
        let regression = LogisticRegression::new().lambda(0.01).l1_ratio(0.9).grouped(grouped);
        let expected = regression.clone().threads(1).fit(&dense(&problem), &problem.target()).unwrap();
        for threads in [2, 5] {
            let found = regression.clone().threads(threads).fit(&dense(&problem), &problem.target()).unwrap();
            prop_assert_eq!(found.model.coefficients(), expected.model.coefficients());
        }
    }
}

#[test]
fn a_vanishing_l1_share_meets_the_ridge() {
    let t = common::table("glass.csv", "type");
    let design = Design::dense(&t.x, t.n, t.d).unwrap();
    let regression = LogisticRegression::new().lambda(1e-3).standardize(true).tol(1e-12);
    let ridge = regression.fit(&design, &t.target).unwrap();
    let mut last = f64::INFINITY;
    for alpha in [1e-2, 1e-4, 1e-6] {
        let found = regression.clone().l1_ratio(alpha).fit(&design, &t.target).unwrap();
        assert!(found.status.is_converged());
        let difference = common::difference(found.model.coefficients(), ridge.model.coefficients());
        assert!(difference < last, "{alpha}: {difference:e}");
        last = difference;
    }
    // The weights move in proportion to α.
    assert!(last < 1e-4, "{last:e}");
}

#[test]
fn two_classes_share_their_weights_out_as_the_ridge_does() {
    let problem = Problem::random(7, 120, 5, 2);
    for grouped in [false, true] {
        for alpha in [1.0, 0.5] {
            let regression = LogisticRegression::new().lambda(0.02).l1_ratio(alpha).grouped(grouped);
            let found = tight(regression, &problem);
            let c = found.model.coefficients();
            assert!(found.status.is_converged());
            for j in 0..5 {
                assert!((c.class_weights(0)[j] + c.class_weights(1)[j]).abs() < 1e-12);
            }
            // ‖(β/2, −β/2)‖ is |β| by classes and |β|/√2 as a group, so that the group at √2 λ is the lasso at λ.
            if alpha == 1.0 {
                let lambda = if grouped { 0.02 / 2f64.sqrt() } else { 0.02 };
                let lasso = tight(LogisticRegression::new().lambda(lambda).l1_ratio(1.0), &problem);
                assert!(common::difference(c, lasso.model.coefficients()) < 1e-5);
            }
        }
    }
}

#[test]
fn a_factor_of_zero_leaves_a_column_unpenalised() {
    let problem = Problem::random(3, 150, 4, 3);
    let factors = vec![0.0, 1.0, 1.0, 1.0];
    let base = LogisticRegression::new().l1_ratio(1.0).penalty_factors(factors);
    // So strong a penalty that only the free column is left: the unpenalised fit on it alone.
    let strong = tight(base.clone().lambda(10.0), &problem);
    let alone: Vec<f64> = problem.x.iter().step_by(4).copied().collect();
    let alone = Design::dense(&alone, 150, 1).unwrap();
    let free = LogisticRegression::new().lambda(0.0).tol(1e-12).fit(&alone, &problem.target()).unwrap();
    assert!(strong.status.is_converged(), "{:?}", strong.certificate);
    assert_eq!(strong.certificate.kind, CertificateKind::FirstOrder);
    let weights = |fit: &Fit, k: usize| fit.model.coefficients().class_weights(k).to_vec();
    for k in 0..3 {
        assert!(weights(&strong, k)[1..].iter().all(|w| *w == 0.0));
    }
    let difference = |k: usize, of: &Fit| weights(of, k)[0] - weights(of, 0)[0];
    for k in 1..3 {
        // A decrement of 1e-12 F leaves weights uncertain by about its root.
        assert!((difference(k, &strong) - difference(k, &free)).abs() < 1e-5);
    }
    // And λ_max is that of the others beside it.
    let path = base.path(&dense(&problem), &problem.target(), &Lambdas::spaced(20)).unwrap();
    assert_eq!(path.points[0].nonzero_features, 1);
    assert!(path.points[1].nonzero_features > 1);
}

#[test]
fn bounds_hold_where_they_are_met_and_change_nothing_where_they_are_not() {
    let problem = Problem::random(11, 300, 6, 3);
    let base = LogisticRegression::new().lambda(0.005).l1_ratio(0.8);
    let free = tight(base.clone(), &problem);
    let w = free.model.coefficients().weights();
    assert!(w.iter().any(|w| *w > 0.3) && w.iter().any(|w| *w < -0.3));
    let wide = tight(base.clone().bounds(vec![-100.0; 6], vec![100.0; 6]), &problem);
    assert!((wide.objective - free.objective).abs() <= 1e-10 * free.objective);
    assert!(common::difference(wide.model.coefficients(), free.model.coefficients()) < 1e-4);
    let narrow = tight(base.bounds(vec![-0.1; 6], vec![0.3; 6]), &problem);
    assert!(narrow.status.is_converged() && narrow.objective > free.objective);
    assert!(narrow.model.coefficients().weights().iter().all(|w| (-0.1..=0.3 + 1e-15).contains(w)));
    assert!(narrow.model.coefficients().weights().iter().any(|w| (*w - 0.3).abs() < 1e-12));
}

#[test]
fn nothing_is_chosen_at_lambda_max_and_something_below_it() {
    let problem = Problem::random(5, 80, 12, 4);
    for grouped in [false, true] {
        let base = LogisticRegression::new().l1_ratio(0.7).grouped(grouped).standardize(true);
        let (design, target) = (dense(&problem), problem.target());
        let path = base.path(&design, &target, &Lambdas::spaced(5)).unwrap();
        let at = |share: f64| base.clone().lambda(share * path.lambda_max).fit(&design, &target).unwrap();
        assert!(at(1.0 + 1e-9).model.coefficients().weights().iter().all(|w| *w == 0.0));
        assert!(at(0.99).model.coefficients().weights().iter().any(|w| *w != 0.0));
        assert!((path.points[0].deviance_ratio).abs() < 1e-12);
    }
}

#[test]
fn paths_are_the_fits_one_by_one() {
    let problem = Problem::random(9, 60, 100, 3);
    let (design, target) = (dense(&problem), problem.target());
    let base = LogisticRegression::new().l1_ratio(1.0).tol(1e-9);
    let path = base.path(&design, &target, &Lambdas::spaced(12).ratio(0.05).early_stop(false)).unwrap();
    assert_eq!(path.points.len(), 12);
    for (i, point) in path.points.iter().enumerate() {
        let alone = base.clone().lambda(point.lambda).fit(&design, &target).unwrap();
        assert!((alone.objective - point.objective).abs() <= 2e-9 * alone.objective);
        let dense = path.coefficients(i).unwrap();
        assert_eq!(point.weights().count(), point.nonzero_features);
        for (j, u) in point.weights() {
            assert_eq!(u[2], dense.class_weights(2)[j]);
        }
    }
    let lambda = 0.5 * (path.points[3].lambda + path.points[4].lambda);
    let between = path.interpolate(lambda).unwrap();
    let (a, b) = (path.coefficients(3).unwrap(), path.coefficients(4).unwrap());
    let middle = |of: fn(&Coefficients) -> f64| 0.5 * (of(&a) + of(&b));
    assert!((between.intercepts()[1] - middle(|c| c.intercepts()[1])).abs() < 1e-12);
    let refit = base.lambda(lambda).warm_start(between).fit(&design, &target).unwrap();
    assert!(refit.status.is_converged() && refit.steps < 20);
    assert!(path.interpolate(f64::NAN).is_err());
    assert_eq!(path.interpolate(10.0).unwrap(), path.coefficients(0).unwrap());
    assert_eq!(path.interpolate(0.0).unwrap(), path.coefficients(11).unwrap());
}

#[test]
fn bad_lambdas_are_named() {
    let x = [0.0, 1.0, 2.0];
    let (design, target) = (Design::dense(&x, 3, 1).unwrap(), Target::from_labels([0, 1, 0]).unwrap());
    let message = |lambdas: Lambdas| {
        LogisticRegression::new().l1_ratio(1.0).path(&design, &target, &lambdas).unwrap_err().to_string()
    };
    assert_eq!(message(Lambdas::spaced(0)), "the number of lambdas is 0: it must be at least 1");
    assert!(message(Lambdas::spaced(3).ratio(1.0)).contains("the ratio of lambdas is 1"));
    assert_eq!(
        message(Lambdas::given(vec![0.1, 0.0])),
        "a lambda is 0: it must be finite and greater than 0"
    );
}
