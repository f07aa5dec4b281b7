//! Paths against those of R's glmnet 4.1-6 at thresh 1e-14, in all eight configurations.

mod common;

use std::collections::BTreeMap;

use polylogit::objective::SoftmaxObjective;
use polylogit::{Coefficients, Design, Lambdas, LogisticRegression};

/// Deviance ratios, absolute.
const DEVIANCE: f64 = 1e-6;
/// Coefficients, absolute, after both sides are brought to one gauge.
const COEFFICIENTS: f64 = 1e-5;
/// F may not be above glmnet's by more than this.
const OBJECTIVE: f64 = 1e-9;

/// α, standardize and grouped of a configuration's name.
fn configuration(fit: &str) -> (f64, bool, bool) {
    let parts: Vec<&str> = fit.split(';').collect();
    let alpha = parts[0].strip_prefix("alpha=").unwrap().parse().unwrap();
    (alpha, parts[1] == "standardize=TRUE", parts[2] == "grouped")
}

fn regression(fit: &str) -> LogisticRegression {
    let (alpha, standardize, grouped) = configuration(fit);
    LogisticRegression::new().l1_ratio(alpha).standardize(standardize).grouped(grouped)
}

/// The rows of a reference table by configuration.
fn rows(file: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let path = format!("{}/tests/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut by_fit: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for record in csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).unwrap().records() {
        let record = record.unwrap();
        by_fit
            .entry(record[0].to_owned())
            .or_default()
            .push(record.iter().skip(1).map(str::to_owned).collect());
    }
    by_fit
}

#[test]
fn paths_have_the_deviance_ratios_and_the_ends_of_glmnet() {
    let t = common::table("glmnet_multinomial.csv", "target");
    let design = Design::dense(&t.x, t.n, t.d).unwrap();
    let reference = rows("glmnet_paths.csv");
    assert_eq!(reference.len(), 8);
    for (fit, rows) in reference {
        let path = regression(&fit).tol(1e-9).path(&design, &t.target, &Lambdas::default()).unwrap();
        assert_eq!(path.points.len(), rows.len(), "{fit}: where the path ends");
        let mut worst = 0.0f64;
        for (point, row) in path.points.iter().zip(&rows) {
            let number = |i: usize| -> f64 { row[i].parse().unwrap() };
            assert!((point.lambda / number(1) - 1.0).abs() < 1e-9, "{fit}: {} {}", point.lambda, number(1));
            assert_eq!(point.nonzero_features.to_string(), row[3].trim(), "{fit} λ={}", point.lambda);
            assert!(point.status.is_converged() && point.certificate.relative_gap <= 1e-9);
            worst = worst.max((point.deviance_ratio - number(2)).abs());
        }
        println!("{fit}: {worst:.1e}, {:.1} passes", path.passes);
        assert!(worst <= DEVIANCE, "{fit}: {worst:e}");
    }
}

#[test]
fn coefficients_are_those_of_glmnet_or_better() {
    let t = common::table("glmnet_multinomial.csv", "target");
    let design = Design::dense(&t.x, t.n, t.d).unwrap();
    for (fit, rows) in rows("glmnet_coefficients.csv") {
        let (alpha, standardize, grouped) = configuration(&fit);
        let mut by_lambda: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for row in rows {
            by_lambda.entry(row[0].clone()).or_default().push(row);
        }
        assert_eq!(by_lambda.len(), 3);
        for (lambda, rows) in by_lambda {
            let lambda: f64 = lambda.parse().unwrap();
            let (mut w, mut b) = (vec![0.0; 3 * t.d], vec![0.0; 3]);
            for row in &rows {
                let class = row[1].parse::<usize>().unwrap() - 1;
                let value: f64 = row[3].parse().unwrap();
                match row[2].strip_prefix('V') {
                    Some(j) => w[class * t.d + j.parse::<usize>().unwrap() - 1] = value,
                    None => b[class] = value,
                }
            }
            let mean = b.iter().sum::<f64>() / 3.0;
            for b in &mut b {
                *b -= mean;
            }
            let theirs = Coefficients::new(3, t.d, w, b).unwrap();
            let found = regression(&fit).lambda(lambda).tol(1e-12).fit(&design, &t.target).unwrap();
            assert!(found.status.is_converged(), "{fit}: {:?} {:?}", found.status, found.certificate);
            let ours = found.model.coefficients();
            // F by its definition.
            let mut nll = SoftmaxObjective::new(&design, &t.target).unwrap();
            let mut value = |c: &Coefficients| {
                let mut penalty = 0.0;
                for j in 0..t.d {
                    let sd = if standardize { found.feature_sd[j] } else { 1.0 };
                    let u: Vec<f64> = (0..3).map(|k| sd * c.class_weights(k)[j]).collect();
                    let square: f64 = u.iter().map(|u| u * u).sum();
                    let norm = if grouped { square.sqrt() } else { u.iter().map(|u| u.abs()).sum() };
                    penalty += lambda * ((1.0 - alpha) / 2.0 * square + alpha * norm);
                }
                nll.nll(c).unwrap() / t.n as f64 + penalty
            };
            let difference = common::difference(ours, &theirs);
            let above = value(ours) - value(&theirs);
            println!(
                "{fit} λ={lambda:.4}: coefficients {difference:.1e}, F {above:+.1e}, {} steps",
                found.steps
            );
            assert!((value(ours) - found.objective).abs() < 1e-14 * found.objective.max(1.0) * 10.0);
            assert!(
                above <= OBJECTIVE && difference <= COEFFICIENTS,
                "{fit} λ={lambda}: {difference:e} {above:e}"
            );
        }
    }
}
