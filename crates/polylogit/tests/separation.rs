//! Separated classes: told exactly, and estimated by Firth's method; nearly separated ones.

mod common;

use common::problem::Random;
use common::statistics::{estimates, noisy, summary};
use polylogit::inference::{Inference, Term};
use polylogit::solver::Status;
use polylogit::{Design, Error, LogisticRegression, Target};
use proptest::prelude::*;

/// ℓ + ½ ln |J| of two classes and one column, at (intercept, slope).
fn penalised(x: &[f64], y: &[u32], b: [f64; 2]) -> f64 {
    let (mut loglik, mut j) = (0.0, [0.0f64; 3]);
    for (x, y) in x.iter().zip(y) {
        let p = 1.0 / (1.0 + (-(b[0] + b[1] * x)).exp());
        loglik += if *y == 1 { p.ln() } else { (1.0 - p).ln() };
        let w = p * (1.0 - p);
        j = [j[0] + w, j[1] + w * x, j[2] + w * x * x];
    }
    loglik + 0.5 * (j[0] * j[2] - j[1] * j[1]).ln()
}

/// The largest over the other coordinate, by golden sections.
fn profiled(x: &[f64], y: &[u32], at: usize, b: f64) -> f64 {
    let of = |other: f64| penalised(x, y, if at == 0 { [b, other] } else { [other, b] });
    let (mut low, mut high) = (-60.0, 60.0);
    for _ in 0..200 {
        let (l, h) =
            (high - 0.618_033_988_749_895 * (high - low), low + 0.618_033_988_749_895 * (high - low));
        if of(l) > of(h) { high = h } else { low = l }
    }
    of(0.5 * (low + high))
}

#[test]
fn firths_estimates_maximise_the_penalised_likelihood() {
    let x = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0];
    let y = [0, 0, 0, 0, 1, 1, 1, 1];
    let target = Target::from_labels(y.map(i64::from)).unwrap();
    let design = Design::dense(&x, 8, 1).unwrap();
    let found = Inference::new().firth(true).fit(&design, &target).unwrap();
    let at = found.coefficients();
    let best = [at.intercepts()[1], at.weights()[1]];
    let top = penalised(&x, &y, best);
    for step in [[1e-4, 0.0], [-1e-4, 0.0], [0.0, 1e-4], [0.0, -1e-4]] {
        assert!(penalised(&x, &y, [best[0] + step[0], best[1] + step[1]]) < top);
    }
    for (place, term) in [(0, Term::Intercept), (1, Term::Column(0))] {
        let e = found.estimate(1, term).unwrap();
        for end in [e.low, e.high] {
            let drop = 2.0 * (top - profiled(&x, &y, place, end));
            assert!((drop - 3.841_458_820_694_124).abs() <= 1e-4, "{term:?} {end}: {drop}");
        }
        let drop = 2.0 * (top - profiled(&x, &y, place, 0.0));
        assert!((e.z * e.z - drop).abs() <= 1e-6, "{} {drop}", e.z);
    }
    let test = found.firth().unwrap();
    assert!((test.statistic - 2.0 * (top - profiled(&x, &y, 1, 0.0))).abs() <= 1e-6 && test.df == 1);
    assert!(found.with_reference(1).is_err());
}

#[test]
fn firth_is_near_maximum_likelihood_for_many_rows_and_keeps_to_any_reference() {
    let problem = noisy(81, 2000, 2, 3);
    let firth = summary(&Inference::new().firth(true), &problem);
    let plain = summary(&Inference::new(), &problem);
    for (a, b) in estimates(&firth).iter().zip(estimates(&plain)) {
        assert!((a.value - b.value).abs() <= 0.1 * b.std_err && (a.low - b.low).abs() <= 0.2 * b.std_err);
    }
    assert_eq!(
        firth.influence(&Design::dense(&problem.x, 2000, 2).unwrap(), &problem.target()).unwrap_err(),
        Error::FirthInfluence
    );
    let other = summary(&Inference::new().firth(true).reference(2), &problem);
    let (a, b) = (firth.coefficients().center(), other.coefficients().center());
    assert!(common::difference(&a, &b) <= 1e-6);
}

/// Rows on a line or a plane, by class; what the exact check says of them.
fn separated(x: &[f64], d: usize, y: &[u32]) -> Option<(bool, Vec<usize>)> {
    let target = Target::from_labels(y.iter().map(|y| i64::from(*y))).unwrap();
    match Inference::new().fit(&Design::dense(x, y.len(), d).unwrap(), &target) {
        Ok(_) => None,
        Err(Error::Separated { complete, classes, .. }) => Some((complete, classes)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn separation_is_told_exactly() {
    let line = |x: &[f64], y: &[u32]| separated(x, 1, y);
    assert_eq!(line(&[0.0, 1.0, 2.0, 3.0], &[0, 0, 1, 1]), Some((true, vec![0, 1])));
    assert!(!line(&[0.0, 1.0, 1.0, 2.0], &[0, 0, 1, 1]).unwrap().0);
    assert_eq!(line(&[0.0, 1.0, 0.9, 2.0], &[0, 0, 1, 1]), None);
    // Nearly separated is not separated: one row of a thousand on the wrong side by a thousandth.
    let mut x: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
    let y: Vec<u32> = (0..1000).map(|i| u32::from(i >= 500)).collect();
    assert!(line(&x, &y).unwrap().0);
    x[499] = 0.501_5;
    assert_eq!(line(&x, &y), None);
    // Three classes, of which one stands apart.
    let apart = line(&[0.0, 1.0, 2.0, 3.0, 9.0, 10.0], &[0, 1, 0, 1, 2, 2]).unwrap();
    assert_eq!(apart, (false, vec![2]));
    // An empty cell: no row of class 1 has the level.
    let level = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    assert!(!line(&level, &[0, 0, 0, 1, 0, 1]).unwrap().0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Classes by a rule are separated; one row in the middle of another class makes them overlap.
    #[test]
    fn rules_are_found_and_their_absence_is_proven(seed: u64, k in 2usize..4) {
        let mut random = Random(seed);
        let w = random.coefficients(k, 2);
        let x = random.normals(160);
        let score = |row: &[f64], c: usize| {
            w.class_weights(c).iter().zip(row).map(|(w, x)| w * x).sum::<f64>()
        };
        let best = |row: &[f64]| (0..k).max_by(|&a, &b| score(row, a).total_cmp(&score(row, b))).unwrap();
        let mut ids: Vec<u32> = x.chunks_exact(2).map(|row| best(row) as u32).collect();
        prop_assume!((0..k as u32).all(|c| ids.iter().filter(|id| **id == c).count() >= 3));
        let found = separated(&x, 2, &ids);
        prop_assert!(found.is_some_and(|(complete, _)| complete));
        // The midpoints of pairs of one class, labelled as another, for every pair of classes.
        let mut mixed = x.clone();
        for a in 0..k as u32 {
            let rows: Vec<usize> = (0..80).filter(|&i| ids[i] == a).collect();
            let middle = |j: usize| rows.iter().map(|&i| x[2 * i + j]).sum::<f64>() / rows.len() as f64;
            for b in (0..k as u32).filter(|b| *b != a) {
                mixed.extend([middle(0), middle(1)]);
                ids.push(b);
            }
        }
        if separated(&mixed, 2, &ids).is_some() {
            // Then it is in part only: with two classes both have a row inside the other.
            prop_assert!(k > 2 && !separated(&mixed, 2, &ids).unwrap().0);
        }
    }
}

/// Tables so small that a profile may be followed only so far: the summary stands, and an end that was not found says so.
#[test]
fn tiny_separated_tables_have_firths_summaries() {
    let mut found_ends = 0;
    let mut tables = 0;
    for seed in 0..12u64 {
        let mut random = Random(seed);
        let x: Vec<f64> = random.normals(12).iter().map(|x| (10.0 * x).round() / 10.0).collect();
        let rule = random.normals(2);
        let y: Vec<i64> =
            x.chunks_exact(2).map(|x| i64::from(x[0] * rule[0] + x[1] * rule[1] > 0.0)).collect();
        let Ok(target) = Target::from_labels(y) else { continue };
        let design = Design::dense(&x, 6, 2).unwrap();
        let inference = Inference::new().firth(true);
        let summary = inference.fit(&design, &target).unwrap_or_else(|e| panic!("{seed}: {e} {x:?}"));
        tables += 1;
        for column in 0..2 {
            let e = summary.estimate(1, Term::Column(column)).unwrap();
            assert!(e.value.is_finite() && e.std_err.is_finite(), "{e:?}");
            for (end, inside) in [(e.low, e.low < e.value), (e.high, e.high > e.value)] {
                assert!(end.is_nan() || inside, "{e:?}");
                found_ends += usize::from(end.is_finite());
            }
            // One coefficient at 0 is the column's test.
            let test = inference.likelihood_ratio(&design, &target, &summary, &[column]).unwrap();
            assert_eq!(test.df, 1);
            assert!(e.z.is_nan() || (test.statistic - e.z * e.z).abs() < 1e-6, "{seed}: {test:?} {e:?}");
        }
        let all = inference.likelihood_ratio(&design, &target, &summary, &[0, 1]).unwrap();
        assert!((all.statistic - summary.firth().unwrap().statistic).abs() < 1e-8);
    }
    assert!(tables > 5 && found_ends > 2 * tables, "{tables} {found_ends}");
}

#[test]
fn nearly_separable_classes_take_few_steps() {
    // Clusters far apart, two of five classes rare, and columns with a few numbers far out.
    let (n, mut random) = (6000, Random(8));
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for i in 0..n {
        let rare = if i % 200 == 9 { 3 + i / 200 % 2 } else { 0 };
        let class = [0, 0, 0, 0, 0, 0, 1, 1, 2, rare][i % 10];
        for j in 0..3 {
            let near = u8::from(class % 3 == j) + u8::from(class == j + 2);
            x.push(8.0 * f64::from(near) + 1.6 * random.normal());
        }
        x.extend((0..3).map(|_| random.normal() / random.uniform().max(1e-3)));
        y.push(class);
    }
    let fit = LogisticRegression::new()
        .lambda(1e-5)
        .fit(
            &Design::dense(&x, n, 6).unwrap(),
            &Target::from_labels(y.iter().map(|y| format!("class {y}"))).unwrap(),
        )
        .unwrap();
    assert!(fit.status.is_converged(), "{}", fit.status);
    assert!(fit.steps <= 30, "{} steps", fit.steps);
}

/// Classes that columns nearly tell apart, columns of rare values and hardly a penalty: a sampled Hessian knows too little of them.
#[test]
fn nearly_separable_classes_and_rare_values_take_few_steps() {
    let (n, d, k) = (6000, 12, 15);
    let mut random = Random(11);
    let mut x = vec![0.0; n * d];
    for (i, v) in x.iter_mut().enumerate() {
        let rare = i % d < 3;
        *v = if rare { f64::from(u8::from(random.uniform() < 0.003)) } else { random.normal() };
    }
    let w: Vec<f64> = (0..d * k).map(|_| 8.0 * random.normal()).collect();
    let label = |row: &[f64]| {
        let score = |c: usize| row.iter().enumerate().map(|(j, v)| v * w[j * k + c]).sum::<f64>();
        (0..k).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap()
    };
    let relabelled = |i: usize, y: usize| if i.is_multiple_of(100) { (y + i) % k } else { y };
    let labels = x.chunks_exact(d).enumerate().map(|(i, row)| relabelled(i, label(row)).to_string());
    let target = Target::from_labels(labels).unwrap();
    let design = Design::dense(&x, n, d).unwrap();
    let fit = LogisticRegression::new().lambda(1e-10).tol(1e-6).fit(&design, &target).unwrap();
    assert_eq!(fit.status, Status::Converged);
    assert!(fit.passes < 1000.0, "{} steps, {} passes: {}", fit.steps, fit.passes, fit.reason);
}
