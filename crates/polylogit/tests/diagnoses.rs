//! What a fit finds out about the columns: dependent, copied, constant, separating.

mod common;

use common::problem::Problem;
use polylogit::solver::Status;
use polylogit::{Design, Fit, LogisticRegression, Target};

fn fit(regression: &LogisticRegression, problem: &Problem) -> Fit {
    let design = Design::dense(&problem.x, problem.n, problem.d).unwrap();
    regression.fit(&design, &problem.target()).unwrap()
}

#[test]
fn dependent_columns_are_named_and_share_the_effect() {
    let mut problem = Problem::random(16, 300, 3, 3);
    // x_2 = 2 x_0 − x_1 + 5
    for row in problem.x.chunks_exact_mut(3) {
        row[2] = 2.0 * row[0] - row[1] + 5.0;
    }
    let full = fit(&LogisticRegression::new().lambda(0.0).tol(1e-13), &problem);
    assert!(full.status.is_converged());
    let [relation] = &full.diagnosis.collinear[..] else { panic!("{:?}", full.diagnosis) };
    let ([a, b], column) = (&relation.on[..], relation.column) else { panic!("{relation:?}") };
    // Any of the three may be written with the other two.
    let expected: Vec<(usize, f64)> = match column {
        0 => vec![(1, 0.5), (2, 0.5)],
        1 => vec![(0, 2.0), (2, -1.0)],
        _ => vec![(0, 2.0), (1, -1.0)],
    };
    for (found, expected) in [a, b].into_iter().zip(&expected) {
        assert!(found.0 == expected.0 && (found.1 - expected.1).abs() <= 1e-9, "{relation:?}");
    }
    // The same likelihood as without the column, and the smallest weights that give it.
    let mut two = problem.clone();
    two.x = problem.x.chunks_exact(3).flat_map(|r| [r[0], r[1]]).collect();
    two.d = 2;
    let without = fit(&LogisticRegression::new().lambda(0.0).tol(1e-13), &two);
    assert!((full.objective - without.objective).abs() <= 1e-12);
    let null = [2.0, -1.0, -1.0]; // moving along it changes no score
    for c in 0..3 {
        let along: f64 =
            full.model.coefficients().class_weights(c).iter().zip(null).map(|(w, v)| w * v).sum();
        assert!(along.abs() <= 1e-9, "{along}");
    }
}

#[test]
fn copies_are_named_under_a_penalty() {
    let mut problem = Problem::random(17, 50, 3, 2);
    problem.x.chunks_exact_mut(3).for_each(|row| row[2] = row[0]);
    let fit = fit(&LogisticRegression::new(), &problem);
    assert_eq!(fit.diagnosis.duplicates, [(2, 0)]);
    let w = fit.model.coefficients().class_weights(0);
    assert!((w[0] - w[2]).abs() <= 1e-9, "{w:?}");
}

#[test]
fn constant_columns_get_no_weight() {
    let mut problem = Problem::random(18, 50, 3, 2);
    problem.x.chunks_exact_mut(3).for_each(|row| row[1] = -7.5);
    for lambda in [0.0, 0.1] {
        let fit = fit(&LogisticRegression::new().lambda(lambda), &problem);
        assert!(fit.status.is_converged());
        assert_eq!(fit.diagnosis.constant, [1]);
        assert_eq!(fit.model.coefficients().class_weights(0)[1], 0.0);
    }
    // Without an intercept it is one.
    let free = fit(&LogisticRegression::new().lambda(0.0).intercept(false), &problem);
    assert!(free.model.coefficients().class_weights(0)[1] != 0.0);
}

/// Rows on a line, classes by their place.
fn line(places: &[(f64, i64)], lambda: f64) -> Fit {
    let x: Vec<f64> = places.iter().map(|p| p.0).collect();
    let target = Target::from_labels(places.iter().map(|p| p.1)).unwrap();
    LogisticRegression::new().lambda(lambda).fit(&Design::dense(&x, x.len(), 1).unwrap(), &target).unwrap()
}

#[test]
fn separation_is_told_from_overlap() {
    let complete = line(&[(0.0, 0), (1.0, 0), (2.0, 1), (3.0, 1)], 0.0);
    assert_eq!(complete.status, Status::Separated);
    let separation = complete.diagnosis.separation.unwrap();
    assert!(separation.complete && separation.classes == [0, 1] && separation.columns == [0]);

    let quasi = line(&[(0.0, 0), (1.0, 0), (1.0, 1), (2.0, 1)], 0.0);
    assert_eq!(quasi.status, Status::Separated);
    let separation = quasi.diagnosis.separation.unwrap();
    assert!(!separation.complete, "{separation:?}");

    // One class stands apart, two overlap.
    let partial = line(&[(0.0, 0), (1.0, 1), (2.0, 0), (3.0, 1), (9.0, 2), (10.0, 2)], 0.0);
    assert_eq!(partial.status, Status::Separated);
    let separation = partial.diagnosis.separation.unwrap();
    assert_eq!((separation.complete, &separation.classes[..]), (false, &[2][..]));

    let overlap = line(&[(0.0, 0), (2.0, 0), (1.0, 1), (3.0, 1)], 0.0);
    assert!(overlap.status.is_converged());
    assert_eq!(overlap.diagnosis.separation, None);
    assert!(line(&[(0.0, 0), (1.0, 0), (2.0, 1), (3.0, 1)], 1e-8).status.is_converged());
}
