//! Cross-validation against fits on the rows themselves.

mod common;

use common::problem::{Problem, Random};
use polylogit::{CrossValidation, Csr, Design, Error, Lambdas, LogisticRegression, Score, Target, metrics};

const LAMBDAS: [f64; 4] = [0.1, 0.05, 0.02, 0.005];

fn lasso() -> LogisticRegression {
    LogisticRegression::new().l1_ratio(0.9).standardize(true).tol(1e-11)
}

#[test]
fn scores_are_those_of_fits_without_the_rows() {
    let mut problem = Problem::random(21, 150, 6, 3);
    let mut random = Random(5);
    problem.weights = Some((0..150).map(|_| 0.5 + random.uniform()).collect());
    let (design, target) = (Design::dense(&problem.x, 150, 6).unwrap(), problem.target());
    let run = |score, threads| {
        let validation =
            CrossValidation::new(5).seed(9).score(score).lambdas(Lambdas::given(LAMBDAS.to_vec()));
        validation.run(&lasso().threads(threads), &design, &target).unwrap()
    };
    for score in [Score::LogLoss, Score::Accuracy, Score::Brier] {
        let found = run(score, 2);
        let curve = &found.curves[0];
        assert_eq!(curve.by_fold, run(score, 1).curves[0].by_fold, "any number of threads");
        for fold in 0..5u32 {
            let part = |held_out: bool| -> Problem {
                let rows: Vec<usize> = (0..150).filter(|&i| (found.fold_of[i] == fold) == held_out).collect();
                let mut part = problem.clone();
                part.n = rows.len();
                part.x = rows.iter().flat_map(|&i| &problem.x[i * 6..(i + 1) * 6]).copied().collect();
                part.ids = rows.iter().map(|&i| problem.ids[i]).collect();
                part.weights = Some(rows.iter().map(|&i| problem.s(i)).collect());
                part
            };
            let (train, test) = (part(false), part(true));
            let train_x = Design::dense(&train.x, train.n, 6).unwrap();
            let test_x = Design::dense(&test.x, test.n, 6).unwrap();
            for (point, lambda) in LAMBDAS.iter().enumerate() {
                let fit = lasso().lambda(*lambda).fit(&train_x, &train.target()).unwrap();
                let weights = test.weights.as_deref();
                let expected = match score {
                    Score::LogLoss => {
                        let log_p = fit.model.log_probabilities(&test_x).unwrap();
                        metrics::log_loss(&log_p, &test.ids, weights, 3)
                    }
                    Score::Brier => {
                        metrics::brier(&fit.model.probabilities(&test_x).unwrap(), &test.ids, weights, 3)
                    }
                    _ => metrics::accuracy(&fit.model.predict(&test_x).unwrap(), &test.ids, weights),
                };
                let got = curve.by_fold[point * 5 + fold as usize];
                // Two fits of gap 1e-11 differ in their weights by about its root.
                assert!((got - expected.unwrap()).abs() < 1e-4, "{score:?} fold {fold} λ {lambda}");
            }
        }
        let best = curve.mean[found.best.point];
        let better = |a: f64, b: f64| if score == Score::Accuracy { a > b } else { a < b };
        assert!(curve.mean.iter().all(|m| !better(*m, best)));
        assert!(found.one_se.point <= found.best.point);
    }
}

#[test]
fn sparse_tables_and_several_shares_of_l1() {
    let mut problem = Problem::random(4, 200, 8, 4);
    let mut random = Random(1);
    problem.x.iter_mut().for_each(|v| {
        if random.uniform() < 0.6 {
            *v = 0.0;
        }
    });
    let (mut values, mut indices, mut indptr) = (vec![], vec![], vec![0u64]);
    for row in problem.x.chunks_exact(8) {
        for (j, v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            values.push(*v);
            indices.push(j as u32);
        }
        indptr.push(values.len() as u64);
    }
    let dense = Design::dense(&problem.x, 200, 8).unwrap();
    let sparse = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), 8).unwrap();
    let validation = CrossValidation::new(4)
        .l1_ratios(vec![0.5, 1.0])
        .lambdas(Lambdas::given(LAMBDAS.to_vec()))
        .groups((0..200).map(|i| i / 5).collect());
    let a = validation.run(&lasso(), &dense, &problem.target()).unwrap();
    let b = validation.run(&lasso(), &sparse, &problem.target()).unwrap();
    assert_eq!((a.curves.len(), a.curves[0].l1_ratio, a.curves[1].l1_ratio), (2, 0.5, 1.0));
    for (a, b) in a.curves.iter().zip(&b.curves) {
        assert!(a.mean.iter().zip(&b.mean).all(|(a, b)| (a - b).abs() < 1e-4));
    }
    assert_eq!(a.best, b.best);
    for i in 0..200 {
        assert_eq!(a.fold_of[i], a.fold_of[i / 5 * 5]);
    }
}

#[test]
fn bad_folds_are_named() {
    let x: Vec<f64> = (0..12).map(f64::from).collect();
    let design = Design::dense(&x, 12, 1).unwrap();
    let target = Target::from_labels((0..12).map(|i| i64::from(i >= 10))).unwrap();
    let error = |validation: CrossValidation| validation.run(&lasso(), &design, &target).unwrap_err();
    assert!(error(CrossValidation::new(1)).to_string().contains("the number of folds is 1"));
    assert!(error(CrossValidation::new(13)).to_string().contains("the number of folds is 13"));
    // All rows of a class in one fold.
    let folds = (0..12).map(|i| u32::from(i >= 10)).collect();
    let expected = Error::FoldWithoutClass { fold: 0, class: "0".into() };
    assert_eq!(error(CrossValidation::new(2).given(folds)), expected);
    assert!(
        error(CrossValidation::new(2).given(vec![0; 12])).to_string().contains("the number of folds is 1")
    );
    assert!(matches!(error(CrossValidation::new(2).groups(vec![0; 3])), Error::Shape { .. }));
    assert!(error(CrossValidation::new(2).l1_ratios(vec![])).to_string().contains("l1 ratios"));
    assert!(error(CrossValidation::new(2).l1_ratios(vec![2.0])).to_string().contains("l1_ratio is 2"));
}
