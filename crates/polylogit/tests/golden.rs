//! Fits against reference optima (scikit-learn's Newton-Cholesky and long-double refinements).

mod common;

use polylogit::{Design, LogisticRegression};

/// Coefficients, relative to their size where that is above 1.
const COEFFICIENTS: f64 = 1e-8;
/// F, relative.
const OBJECTIVE: f64 = 1e-12;

#[test]
fn ridge_fits_agree_with_the_references() {
    let mut bad = Vec::new();
    for (name, data) in common::reference("l2.json").as_object().unwrap() {
        let t = common::table(data["file"].as_str().unwrap(), data["target"].as_str().unwrap());
        let design = Design::dense(&t.x, t.n, t.d).unwrap();
        for fit in data["fits"].as_array().unwrap() {
            let lambda = fit["lambda"].as_f64().unwrap();
            let got = LogisticRegression::new().lambda(lambda).tol(1e-14).fit(&design, &t.target).unwrap();
            let expected = fit["objective"].as_f64().unwrap();
            let coefficients = common::difference(got.model.coefficients(), &common::coefficients(fit));
            let objective = (got.objective - expected).abs() / expected;
            println!(
                "{name} λ={lambda:.2e} coef {coefficients:.1e} F {objective:.1e} gap {:.1e} {} {} steps {:.0} passes",
                got.certificate.relative_gap, got.status, got.steps, got.passes
            );
            if coefficients > COEFFICIENTS || objective > OBJECTIVE {
                bad.push(format!("{name} λ={lambda}: coefficients {coefficients:e}, F {objective:e}"));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn the_weighted_fit_agrees_with_its_reference() {
    let reference = common::reference("weighted.json");
    let t = common::table("glass.csv", "type");
    let weights = (0..t.n).map(|row| (1 + row % 3) as f64).collect();
    let target = t.target.weights(weights).unwrap();
    let regression = LogisticRegression::new().lambda(reference["lambda"].as_f64().unwrap()).tol(1e-14);
    let fit = regression.fit(&Design::dense(&t.x, t.n, t.d).unwrap(), &target).unwrap();
    let coefficients = common::difference(fit.model.coefficients(), &common::coefficients(&reference));
    let objective = fit.objective - reference["F"].as_f64().unwrap();
    assert!(coefficients <= COEFFICIENTS && objective.abs() <= OBJECTIVE, "{coefficients:e} {objective:e}");
}
