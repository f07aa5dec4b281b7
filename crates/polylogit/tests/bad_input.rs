//! Bad input is an error that says what and where.

mod common;

use common::problem::Problem;
use polylogit::{Design, Error, Label, LogisticRegression, Target};

#[test]
fn bad_options_shapes_and_values() {
    let problem = Problem::random(19, 20, 2, 2);
    let (design, target) = (Design::dense(&problem.x, 20, 2).unwrap(), problem.target());
    let refused = |r: LogisticRegression| r.fit(&design, &target).unwrap_err();
    let new = LogisticRegression::new;
    for regression in [
        new().lambda(-1.0),
        new().lambda(f64::NAN),
        new().lambda(f64::INFINITY),
        new().c(0.0),
        new().c(-1.0),
        new().c(f64::NAN),
        new().tol(0.0),
        new().tol(f64::NAN),
        new().l1_ratio(-0.1),
        new().l1_ratio(1.1),
        new().l1_ratio(f64::NAN),
        new().threads(0),
        new().penalty_factors(vec![1.0, -1.0]),
        new().penalty_factors(vec![1.0, f64::NAN]),
    ] {
        let shown = format!("{regression:?}");
        let error = refused(regression);
        assert!(matches!(error, Error::Option { .. }), "{shown}: {error}");
    }
    assert!(matches!(refused(new().penalty_factors(vec![1.0])), Error::Shape { .. }));
    let mut x = problem.x.clone();
    x[13] = f64::NAN;
    let error = new().fit(&Design::dense(&x, 20, 2).unwrap(), &target).unwrap_err();
    assert!(matches!(error, Error::NotFinite { row: 6, column: 1, .. }), "{error}");
    let error = new().fit(&Design::dense(&x[..38], 19, 2).unwrap(), &target).unwrap_err();
    assert!(matches!(error, Error::Rows { design: 19, target: 20 }), "{error}");
    assert!(matches!(Design::dense(&x, 21, 2), Err(Error::Shape { .. })));
    assert!(matches!(Design::dense::<f64>(&[], 0, 2), Err(Error::NoRows)));
    assert!(Target::from_labels(["a", "a"]).is_err());
    assert!(Target::from_labels(Vec::<Label>::new()).is_err());
    assert!(problem.target().weights(vec![1.0; 19]).is_err());
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut weights = vec![1.0; 20];
        weights[7] = bad;
        assert!(matches!(problem.target().weights(weights), Err(Error::Weight { row: 7, .. })));
        let mut offset = vec![0.0; 40];
        offset[5] = bad;
        assert_eq!(problem.target().offset(offset).is_err(), !bad.is_finite());
    }
    let classes = || vec![Label::Int(0), Label::Int(1)];
    assert!(matches!(Target::soft(classes(), vec![0.5, 0.6]), Err(Error::SoftLabel { row: 0, .. })));
    assert!(matches!(
        Target::soft(classes(), vec![0.5, 0.5, -0.1, 1.1]),
        Err(Error::SoftLabel { row: 1, .. })
    ));
}
