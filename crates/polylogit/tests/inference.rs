//! Statistics against reference numbers (statsmodels) and the laws that they obey.

mod common;

use common::problem::{Problem, Random};
use common::statistics::{estimates, noisy, summary};
use polylogit::inference::{Covariance, Effect, Inference, Summary, Term, Value, WeightKind};
use polylogit::{Design, Error, Label, LogisticRegression, Target};
use proptest::prelude::*;
use serde_json::Value as Json;

/// Relative, on all numbers of the references.
const REFERENCE: f64 = 1e-6;

/// The rows and columns that a reference was made from.
fn table(reference: &Json) -> (Vec<f64>, usize, Target) {
    let (file, target) = (reference["file"].as_str().unwrap(), reference["target"].as_str().unwrap());
    let names: Vec<&str> =
        reference["columns"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    let classes: Vec<&str> =
        reference["classes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(file);
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (places, y) = (names.iter().map(|n| at(n)).collect::<Vec<_>>(), at(target));
    let (mut x, mut labels) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.unwrap();
        let row: Option<Vec<f64>> = places.iter().map(|&j| record[j].parse().ok()).collect();
        let (Some(row), true) = (row, classes.contains(&&record[y])) else { continue };
        x.extend(row);
        labels.push(Label::from(&record[y]));
    }
    (x, names.len(), Target::from_labels(labels).unwrap())
}

#[track_caller]
fn close(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error <= REFERENCE, "{what}: {found} where {expected} is expected ({error:.1e})");
}

#[test]
fn statistics_agree_with_the_references() {
    for (name, reference) in common::reference("inference.json").as_object().unwrap() {
        let (x, d, target) = table(reference);
        let n = target.rows();
        assert_eq!(n as u64, reference["nobs"].as_u64().unwrap());
        let summary = Inference::new().fit(&Design::dense(&x, n, d).unwrap(), &target).unwrap();
        for k in 1..target.classes().len() {
            for (at, term) in summary.terms().into_iter().enumerate() {
                let of = |key: &str| &reference[key][k - 1][at];
                let what = format!("{name} {k} {term:?}");
                let estimate = summary.estimate(k, term).unwrap();
                close(estimate.value, of("coef").as_f64().unwrap(), &what);
                close(estimate.std_err, of("std_err").as_f64().unwrap(), &what);
                close(estimate.z, of("z").as_f64().unwrap(), &what);
                close(estimate.p_value, of("p_value").as_f64().unwrap(), &what);
                close(estimate.low, of("conf_int_95")[0].as_f64().unwrap(), &what);
                close(estimate.high, of("conf_int_95")[1].as_f64().unwrap(), &what);
            }
        }
        let effects: Vec<Effect> =
            (0..d).map(|j| Effect::Derivative(vec![(j, Value::Constant(1.0))])).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let effects = summary.average_effects(&design, &target, &effects).unwrap();
        for (j, effect) in effects.iter().enumerate() {
            for (k, effect) in effect.iter().enumerate() {
                let of = |key: &str| reference[key][k][j].as_f64().unwrap();
                close(effect.value, of("average_marginal_effects"), &format!("{name} effect {j} {k}"));
                close(effect.std_err, of("average_marginal_effects_se"), &format!("{name} effect {j} {k}"));
            }
        }
        let likelihood = summary.likelihood();
        let ratio = likelihood.ratio_test().unwrap();
        for (key, found) in [
            ("loglik", likelihood.loglik),
            ("loglik_null", likelihood.null),
            ("lr_chi2", ratio.statistic),
            ("lr_p", ratio.p_value),
            ("mcfadden_r2", likelihood.mcfadden()),
            ("aic", likelihood.aic().unwrap()),
            ("bic", likelihood.bic().unwrap()),
        ] {
            close(found, reference[key].as_f64().unwrap(), &format!("{name} {key}"));
        }
    }
}

/// The largest relative difference of two summaries.
fn difference(a: &Summary, b: &Summary) -> f64 {
    let pairs = estimates(a).into_iter().zip(estimates(b));
    let relative = |a: f64, b: f64, scale: f64| (a - b).abs() / scale;
    pairs
        .map(|(a, b)| relative(a.value, b.value, b.std_err).max(relative(a.std_err, b.std_err, b.std_err)))
        .fold(0.0, f64::max)
}

const EVERY: [Covariance; 3] = [Covariance::Model, Covariance::Hc0, Covariance::Hc1];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn another_reference_is_another_fit(seed: u64, k in 3usize..5, covariance in 0usize..3) {
        let problem = noisy(seed, 150, 3, k);
        let inference = Inference::new().covariance(EVERY[covariance]);
        let first = summary(&inference, &problem);
        let last = summary(&inference.clone().reference(k - 1), &problem);
        let changed = first.with_reference(k - 1).unwrap();
        prop_assert!(difference(&changed, &last) <= 1e-8);
        prop_assert!(difference(&changed.with_reference(0).unwrap(), &first) <= 1e-9);
        for columns in [&[0][..], &[1, 2]] {
            let (a, b) = (first.wald_columns(columns).unwrap(), changed.wald_columns(columns).unwrap());
            prop_assert!((a.statistic - b.statistic).abs() <= 1e-9 * a.statistic && a.df == b.df);
        }
        // An estimate against another class is a contrast against the first.
        let of = [(1, Term::Column(2), 1.0), (k - 1, Term::Column(2), -1.0)];
        let contrast = first.contrast(&of, 0.0).unwrap();
        let direct = changed.estimate(1, Term::Column(2)).unwrap();
        prop_assert!((contrast.value - direct.value).abs() <= 1e-9 * direct.std_err);
        prop_assert!((contrast.std_err / direct.std_err - 1.0).abs() <= 1e-9);
        // Tested against a value, alone and as one of several.
        let against = first.contrast(&of, 0.3).unwrap();
        prop_assert!((against.z - (contrast.value - 0.3) / contrast.std_err).abs() <= 1e-12 * against.z.abs());
        let rows = [of.to_vec(), of.iter().map(|&(k, t, w)| (k, t, 2.0 * w)).collect()];
        let test = first.wald(&rows, &[0.3, 0.6]).unwrap();
        prop_assert!(test.df == 1 && (test.statistic - against.z.powi(2)).abs() <= 1e-9 * test.statistic);
        prop_assert!((test.p_value - against.p_value).abs() <= 1e-9);
        let refused = |values: &[f64]| matches!(first.wald(&rows, values), Err(Error::Contradiction { .. }));
        prop_assert!(refused(&[0.3, 0.5]) && refused(&[0.3, 0.0]) && !refused(&[0.0, 0.0]));
    }

    #[test]
    fn counts_are_rows(seed: u64, covariance in 0usize..3) {
        let mut problem = noisy(seed, 120, 2, 3);
        let counts: Vec<usize> = (0..problem.n).map(|i| 1 + (i * i + (seed % 7) as usize) % 3).collect();
        let mut rows = problem.clone();
        let spread = |at: usize| std::iter::repeat_n(at, counts[at]);
        let order: Vec<usize> = (0..problem.n).flat_map(spread).collect();
        rows.x = order.iter().flat_map(|&i| problem.x[2 * i..2 * i + 2].to_vec()).collect();
        rows.ids = order.iter().map(|&i| problem.ids[i]).collect();
        rows.n = order.len();
        problem.weights = Some(counts.iter().map(|&c| c as f64).collect());
        let inference = Inference::new().covariance(EVERY[covariance]);
        let (a, b) = (summary(&inference, &problem), summary(&inference, &rows));
        prop_assert!(difference(&a, &b) <= 1e-8);
        prop_assert!((a.likelihood().bic().unwrap() / b.likelihood().bic().unwrap() - 1.0).abs() <= 1e-12);
        let other = |kind| {
            let mut inference = inference.clone().weight_kind(kind);
            if kind == WeightKind::Sampling {
                inference = inference.covariance(Covariance::Hc0);
            }
            summary(&inference, &problem)
        };
        // Scale does not matter to weights that are no counts.
        for kind in [WeightKind::Analytic, WeightKind::Sampling] {
            let before = other(kind);
            prop_assert!((before.likelihood().observations - 120.0).abs() <= 1e-9);
            problem_scaled(&problem, 7.5, |scaled| {
                let mut inference = inference.clone().weight_kind(kind);
                if kind == WeightKind::Sampling {
                    inference = inference.covariance(Covariance::Hc0);
                }
                assert!(difference(&summary(&inference, scaled), &before) <= 1e-8);
            });
        }
    }

    #[test]
    fn every_row_its_own_cluster_is_hc1(seed: u64) {
        let problem = noisy(seed, 90, 2, 3);
        let hc1 = summary(&Inference::new().covariance(Covariance::Hc1), &problem);
        let clusters = summary(&Inference::new().clusters((0..90).collect()), &problem);
        // G/(G−1) · (N−1)/(N−p) = N/(N−p) where G = N.
        prop_assert!(difference(&clusters, &hc1) <= 1e-9);
        prop_assert_eq!(clusters.clusters(), Some(90));
    }

    #[test]
    fn scale_and_place_of_columns_do_not_matter(seed: u64) {
        let problem = noisy(seed, 150, 2, 3);
        let mut moved = problem.clone();
        for row in moved.x.chunks_exact_mut(2) {
            row[0] = 1e4 * row[0] - 7.0;
        }
        let inference = Inference::new().covariance(Covariance::Hc1);
        let (a, b) = (summary(&inference, &problem), summary(&inference, &moved));
        for k in 1..3 {
            let (a, b) = (a.estimate(k, Term::Column(0)).unwrap(), b.estimate(k, Term::Column(0)).unwrap());
            prop_assert!((a.z - b.z).abs() <= 1e-7, "{} {}", a.z, b.z);
            prop_assert!((a.std_err / b.std_err / 1e4 - 1.0).abs() <= 1e-7);
        }
    }
}

fn problem_scaled(problem: &Problem, by: f64, then: impl Fn(&Problem)) {
    let mut scaled = problem.clone();
    scaled.weights = scaled.weights.map(|s| s.iter().map(|s| by * s).collect());
    then(&scaled);
}

/// Against sums by the formulas, row by row.
#[test]
fn the_sandwich_is_that_of_the_formula() {
    let mut problem = noisy(5, 80, 1, 3);
    let mut random = Random(9);
    problem.weights = Some((0..80).map(|_| 0.5 + random.uniform()).collect());
    let inference = Inference::new().weight_kind(WeightKind::Sampling).covariance(Covariance::Hc0);
    let found = summary(&inference, &problem);
    let coefficients = found.coefficients();
    let total: f64 = problem.weights.as_ref().unwrap().iter().sum();
    let (mut j, mut b) = ([[0.0f64; 4]; 4], [[0.0f64; 4]; 4]);
    for row in 0..80 {
        let (p, s) = (problem.p(&coefficients, row), problem.s(row) * 80.0 / total);
        let x = [1.0, problem.x[row]];
        for at in 0..4 {
            for to in 0..4 {
                let ((a, i), (c, h)) = ((at / 2 + 1, at % 2), (to / 2 + 1, to % 2));
                let r = |k: usize| problem.y(row, k) - p[k];
                j[at][to] += s * p[a] * (f64::from(u8::from(a == c)) - p[c]) * x[i] * x[h];
                b[at][to] += s * s * r(a) * r(c) * x[i] * x[h];
            }
        }
    }
    let v = found.covariance_matrix();
    // J V J = B.
    for at in 0..4 {
        for to in 0..4 {
            let mut sum = 0.0;
            for c in 0..4 {
                for e in 0..4 {
                    sum += j[at][c] * v[c * 4 + e] * j[e][to];
                }
            }
            let scale = (b[at][at] * b[to][to]).sqrt();
            assert!((sum - b[at][to]).abs() <= 1e-9 * scale, "{at} {to}: {sum} {}", b[at][to]);
        }
    }
}

#[test]
fn likelihood_ratios_are_those_of_two_fits() {
    let problem = noisy(11, 200, 3, 3);
    let design = Design::dense(&problem.x, problem.n, 3).unwrap();
    let (target, inference) = (problem.target(), Inference::new());
    let full = inference.fit(&design, &target).unwrap();
    let test = inference.likelihood_ratio(&design, &target, &full, &[1, 2]).unwrap();
    let one: Vec<f64> = problem.x.chunks_exact(3).map(|r| r[0]).collect();
    let small = inference.fit(&Design::dense(&one, problem.n, 1).unwrap(), &target).unwrap();
    let expected = 2.0 * (full.likelihood().loglik - small.likelihood().loglik);
    assert!((test.statistic - expected).abs() <= 1e-8 && test.df == 4, "{test:?} {expected}");
    let all = inference.likelihood_ratio(&design, &target, &full, &[0, 1, 2]).unwrap();
    let ratio = full.likelihood().ratio_test().unwrap();
    assert!((all.statistic - ratio.statistic).abs() <= 1e-8 && all.df == ratio.df);
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let problem = noisy(3, 5000, 6, 4);
    let clusters: Vec<u32> = (0..5000).map(|i| i % 70).collect();
    let of = |threads: usize| {
        let regression = LogisticRegression::new().lambda(0.0).threads(threads);
        let inference = Inference::new().regression(regression).clusters(clusters.clone());
        summary(&inference, &problem).covariance_matrix()
    };
    let one = of(1);
    for threads in [2, 3] {
        assert!(of(threads).iter().zip(&one).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}

#[test]
fn columns_without_an_estimate_are_named() {
    let mut problem = noisy(21, 120, 4, 3);
    problem.x.chunks_exact_mut(4).for_each(|row| {
        row[1] = 5.0;
        row[3] = 3.0 * row[0] - 2.0 * row[2] + 1.0;
    });
    let found = summary(&Inference::new(), &problem);
    assert_eq!(found.diagnosis().constant, [1]);
    assert_eq!(found.diagnosis().collinear.len(), 1);
    let gone = found.diagnosis().collinear[0].column;
    assert!(found.estimate(1, Term::Column(1)).is_none() && found.estimate(1, Term::Column(gone)).is_none());
    assert_eq!(found.likelihood().parameters, 6);
    assert_eq!(found.wald_columns(&[1, gone]).unwrap().df, 0);
    assert!(found.contrast(&[(1, Term::Column(1), 1.0)], 0.0).is_err());
}

#[test]
fn what_has_no_answer_is_refused() {
    let problem = noisy(31, 60, 2, 3);
    let design = Design::dense(&problem.x, 60, 2).unwrap();
    let target = problem.target();
    let error = |inference: Inference| inference.fit(&design, &target).unwrap_err();
    assert!(matches!(error(Inference::new().reference(3)), Error::Option { option: "reference", .. }));
    for level in [0.0, 1.0, f64::NAN] {
        assert!(matches!(error(Inference::new().level(level)), Error::Option { option: "level", .. }));
    }
    let ridge = Inference::new().regression(LogisticRegression::new().lambda(0.1));
    assert!(matches!(error(ridge.clone()), Error::Penalised { .. }));
    let asked = ridge.despite_penalty(true).fit(&design, &target).unwrap();
    assert!(asked.likelihood().ratio_test().is_none() && asked.lambda() == 0.1);
    let lasso = LogisticRegression::new().lambda(0.1).l1_ratio(0.5);
    let lasso = Inference::new().regression(lasso).despite_penalty(true);
    assert!(matches!(error(lasso), Error::Option { option: "l1_ratio", .. }));
    let bounded = LogisticRegression::new().lambda(0.0).bounds(vec![0.0; 2], vec![1.0; 2]);
    assert!(matches!(error(Inference::new().regression(bounded)), Error::Option { option: "bounds", .. }));
    assert!(matches!(error(Inference::new().covariance(Covariance::Cluster)), Error::Clusters { found: 0 }));
    assert!(matches!(error(Inference::new().clusters(vec![7; 60])), Error::Clusters { found: 1 }));
    assert!(matches!(error(Inference::new().clusters(vec![0; 59])), Error::Shape { .. }));
    let soft = Target::soft(problem.classes(), vec![1.0 / 3.0; 180]).unwrap();
    assert_eq!(Inference::new().fit(&design, &soft).unwrap_err(), Error::SoftStatistics);
    let weighted = problem.target().weights(vec![2.0; 60]).unwrap();
    let sampling = Inference::new().weight_kind(WeightKind::Sampling).covariance(Covariance::Model);
    assert_eq!(sampling.fit(&design, &weighted).unwrap_err(), Error::SamplingCovariance);
    let x = [0.0, 1.0, 2.0, 3.0];
    let two = Target::from_labels([0, 0, 1, 1]).unwrap();
    let separated = Inference::new().fit(&Design::dense(&x, 4, 1).unwrap(), &two).unwrap_err();
    assert_eq!(separated, Error::Separated { classes: vec![0, 1], columns: vec![0], complete: true });
}

/// With a small penalty the covariance is nearly that of maximum likelihood.
#[test]
fn a_vanishing_penalty_changes_nothing() {
    let problem = noisy(41, 200, 2, 3);
    let ridge = LogisticRegression::new().lambda(1e-11).standardize(true);
    let penalised = summary(&Inference::new().regression(ridge).despite_penalty(true), &problem);
    let free = summary(&Inference::new(), &problem);
    assert!(difference(&penalised, &free) <= 1e-6, "{:e}", difference(&penalised, &free));
    // Strong penalties hold estimates still.
    let strong = LogisticRegression::new().lambda(10.0).standardize(true);
    let strong = summary(&Inference::new().regression(strong).despite_penalty(true), &problem);
    let (a, b) = (strong.estimate(1, Term::Column(0)).unwrap(), free.estimate(1, Term::Column(0)).unwrap());
    assert!(a.std_err < 0.2 * b.std_err && a.value.abs() < b.value.abs());
}

/// Effects and their gradients by differences of the probabilities: at other estimates, of moved columns.
#[test]
fn effects_and_their_errors_are_those_of_differences() {
    let mut problem = noisy(51, 120, 4, 3);
    let mut random = Random(3);
    problem.weights = Some((0..120).map(|_| 0.5 + random.uniform()).collect());
    // Columns: v, v², a level, level·v.
    problem.x.chunks_exact_mut(4).enumerate().for_each(|(i, row)| {
        (row[1], row[2]) = (row[0] * row[0], f64::from(u8::from(i % 3 == 0)));
        row[3] = row[2] * row[0];
    });
    let design = Design::dense(&problem.x, 120, 4).unwrap();
    let (target, summary) = (problem.target(), summary(&Inference::new(), &problem));
    let column = |column, factor| Value::Column { column, factor };
    let slope = vec![(0, Value::Constant(1.0)), (1, column(0, 2.0)), (3, column(2, 1.0))];
    let off = vec![(2, Value::Constant(0.0)), (3, Value::Constant(0.0))];
    let on = vec![(2, Value::Constant(1.0)), (3, column(0, 1.0))];
    let effects = [Effect::Derivative(slope), Effect::Change { from: off, to: on }];
    let found = summary.average_effects(&design, &target, &effects).unwrap();

    let total: f64 = (0..120).map(|i| problem.s(i)).sum();
    let average = |at: &polylogit::Coefficients, change: &dyn Fn(&mut [f64])| {
        let mut moved = problem.clone();
        moved.x.chunks_exact_mut(4).for_each(change);
        let mut sums = [0.0; 3];
        for row in 0..120 {
            for (sum, p) in sums.iter_mut().zip(moved.p(at, row)) {
                *sum += problem.s(row) * p / total;
            }
        }
        sums
    };
    let rebuilt = |row: &mut [f64]| (row[1], row[3]) = (row[0] * row[0], row[0] * row[2]);
    let h = 1e-7; // v is of the order of 1e-3
    let value = |at: &polylogit::Coefficients, effect: usize| {
        let step = |by: f64| {
            move |row: &mut [f64]| {
                row[0] += by;
                rebuilt(row);
            }
        };
        let level = |to: f64| {
            move |row: &mut [f64]| {
                row[2] = to;
                rebuilt(row);
            }
        };
        let (a, b, over) = if effect == 0 {
            (average(at, &step(-h)), average(at, &step(h)), 2.0 * h)
        } else {
            (average(at, &level(0.0)), average(at, &level(1.0)), 1.0)
        };
        [0, 1, 2].map(|k| (b[k] - a[k]) / over)
    };
    let at = summary.coefficients();
    let v = summary.covariance_matrix();
    let parameters = summary.parameters();
    for (e, found) in found.iter().enumerate() {
        let expected = value(&at, e);
        let mut gradients = Vec::new();
        for (i, (class, term)) in parameters.iter().enumerate() {
            let step = 1e-4 * v[i * parameters.len() + i].sqrt();
            let moved = |by: f64| {
                let (mut w, mut b) = (at.weights().to_vec(), at.intercepts().to_vec());
                match term {
                    Term::Intercept => b[*class] += by,
                    Term::Column(j) => w[class * 4 + j] += by,
                }
                polylogit::Coefficients::new(3, 4, w, b).unwrap()
            };
            let (low, high) = (value(&moved(-step), e), value(&moved(step), e));
            gradients.push([0, 1, 2].map(|k| (high[k] - low[k]) / (2.0 * step)));
        }
        for k in 0..3 {
            // Differences of doubles know about six digits.
            let scale = found[k].value.abs().max(found[k].std_err);
            assert!((found[k].value - expected[k]).abs() <= 1e-5 * scale, "{e} {k}: {found:?} {expected:?}");
            let mut variance = 0.0;
            for (i, g) in gradients.iter().enumerate() {
                for (j, h) in gradients.iter().enumerate() {
                    variance += g[k] * v[i * parameters.len() + j] * h[k];
                }
            }
            assert!((found[k].std_err / variance.sqrt() - 1.0).abs() <= 1e-4, "{e} {k}: {variance}");
        }
    }
    // At one row: the same as the average over that row alone.
    let row = &problem.x[..4];
    let one = summary.effects_at(row, &effects).unwrap();
    let p = |x: &[f64]| summary.probabilities(&Design::dense(x, 1, 4).unwrap()).unwrap().value;
    let (a, b) = (p(&[row[0], row[1], 0.0, 0.0]), p(&[row[0], row[1], 1.0, row[0]]));
    assert!((0..3).all(|k| (one[1][k].value - (b[k] - a[k])).abs() <= 1e-12));
    let beyond = Effect::Derivative(vec![(4, Value::Constant(1.0))]);
    assert!(matches!(summary.average_effects(&design, &target, &[beyond]), Err(Error::Features { .. })));
}

#[test]
fn probabilities_come_with_intervals() {
    let problem = noisy(61, 150, 2, 3);
    let found = summary(&Inference::new().reference(1), &problem);
    let design = Design::dense(&problem.x, 150, 2).unwrap();
    let p = found.probabilities(&design).unwrap();
    let at = found.coefficients();
    let v = found.covariance_matrix();
    for row in 0..150 {
        let expected = problem.p(&at, row);
        let x = [1.0, problem.x[2 * row], problem.x[2 * row + 1]];
        for k in 0..3 {
            let i = row * 3 + k;
            assert!((p.value[i] - expected[k]).abs() <= 1e-12);
            let gradient: Vec<f64> = [0, 2]
                .iter()
                .flat_map(|&a| {
                    let slope = expected[k] * (f64::from(u8::from(a == k)) - expected[a]);
                    x.map(|x| slope * x)
                })
                .collect();
            let variance: f64 = (0..36).map(|at| gradient[at / 6] * v[at] * gradient[at % 6]).sum();
            assert!((p.std_err[i] - variance.sqrt()).abs() <= 1e-8, "{} {variance}", p.std_err[i]);
            assert!(0.0 < p.low[i] && p.low[i] < p.value[i] && p.value[i] < p.high[i] && p.high[i] < 1.0);
        }
    }
}

/// Two classes: leverage and Cook's distance of R's `glm`; and leaving a row out moves estimates as foreseen.
#[test]
fn influence_is_that_of_leaving_a_row_out() {
    let problem = noisy(71, 60, 1, 2);
    let found = summary(&Inference::new(), &problem);
    let design = Design::dense(&problem.x, 60, 1).unwrap();
    let influence = found.influence(&design, &problem.target()).unwrap();
    let total: f64 = influence.leverage.iter().sum();
    assert!((total - 2.0).abs() <= 1e-9, "{total}");
    let at = found.coefficients();
    for row in 0..60 {
        let (p, h) = (problem.p(&at, row)[1], influence.leverage[row]);
        let pearson = (problem.y(row, 1) - p) / (p * (1.0 - p)).sqrt();
        let cook = pearson * pearson * h / (1.0 - h).powi(2) / 2.0;
        assert!((influence.cook[row] - cook).abs() <= 1e-9 * cook.max(1e-6), "{row}");
    }
    let worst = (0..60).max_by(|&a, &b| influence.cook[a].total_cmp(&influence.cook[b])).unwrap();
    let mut without = problem.clone();
    without.x.remove(worst);
    without.ids.remove(worst);
    without.n = 59;
    let moved = summary(&Inference::new(), &without).coefficients();
    let v = found.covariance_matrix();
    let shift = [moved.intercepts()[1] - at.intercepts()[1], moved.weights()[1] - at.weights()[1]];
    let determinant = v[0] * v[3] - v[1] * v[2];
    let square = (v[3] * shift[0] * shift[0] - 2.0 * v[1] * shift[0] * shift[1] + v[0] * shift[1] * shift[1])
        / determinant
        / 2.0;
    assert!((square / influence.cook[worst] - 1.0).abs() <= 0.4, "{square} {}", influence.cook[worst]);
    assert!(found.condition_number() >= 1.0);
}
