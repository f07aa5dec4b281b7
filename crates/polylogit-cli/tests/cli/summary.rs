//! `polylogit summary`: what a user sees, and what is refused.

use crate::common::{Folder, json, penguins as folder, repository};
use serde_json::Value;

/// Hides what differs between machines and versions: the time, the version, the last digits.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(\d+ steps?), [\d.]+ (µs|ms|s|min)", "$1, [time]");
    settings.add_filter(r#""seconds": [\d.e-]+"#, r#""seconds": "[time]""#);
    settings.add_filter(r#""version": "[\d.]+""#, r#""version": "[version]""#);
    settings.add_filter(r"(\.\d{5})\d{6,}", "$1…");
    settings
}

const TWO: &str = "summary penguins.csv --target species --features body_mass_g,flipper_length_mm";
const SEX: &str = "summary penguins.csv --target sex --features species,body_mass_g,bill_depth_mm \
                   --interact species:body_mass_g --polynomial bill_depth_mm:2";

#[test]
fn in_text() {
    let text = folder().works(&format!("{TWO} --lr --effects average"));
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn products_powers_and_categories() {
    let text = folder().works(&format!("{SEX} --effects mean --covariance hc1 --level 0.9"));
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn as_json() {
    let text = folder().works(&format!("{TWO} --lr --effects average --format json"));
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn the_reference_numbers() {
    let path = repository().join("crates/polylogit/tests/reference/inference.json");
    let reference = &json(&std::fs::read_to_string(path).unwrap())["penguins_2cols"];
    let found = json(&folder().works(&format!("{TWO} --format json")));
    let close = |found: &Value, expected: &Value| {
        let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
        assert!((found / expected - 1.0).abs() <= 1e-6, "{found} {expected}");
    };
    for (at, found) in found["coefficients"].as_array().unwrap().iter().enumerate() {
        // The reference has the columns in another order.
        let of = |key: &str| reference[key][at / 3][[0, 2, 1][at % 3]].clone();
        close(&found["estimate"], &of("coef"));
        close(&found["std_err"], &of("std_err"));
        close(&found["p_value"], &of("p_value"));
        close(&found["low"], &of("conf_int_95")[0]);
    }
    close(&found["loglik"], &reference["loglik"]);
    close(&found["likelihood_ratio"]["p_value"], &reference["lr_p"]);
    close(&found["bic"], &reference["bic"]);
}

#[test]
fn separated_classes_have_firths_estimates() {
    let folder = folder();
    let call = "summary penguins.csv --target species --features bill_length_mm,bill_depth_mm,island";
    folder.fails(1, call, &["separated", "no row of class Gentoo has island=Dream", "--firth"]);
    let run = folder.run(&format!("{call} --firth"));
    assert!(run.stderr.contains("no row of class Gentoo has island=Dream"), "{}", run.stderr);
    let text = run.stdout;
    settings().bind(|| insta::assert_snapshot!(text));
    folder.fails(2, &format!("{call} --firth --lambda 1"), &["cannot be used with"]);
}

#[test]
fn clusters_weights_and_references() {
    let folder = folder();
    let found = json(&folder.works(&format!("{TWO} --cluster year --reference Gentoo --format json")));
    assert_eq!((found["covariance"].as_str(), found["clusters"].as_u64()), (Some("cluster"), Some(3)));
    assert_eq!(found["reference"], "Gentoo");
    assert_eq!(found["coefficients"][0]["class"], "Adelie");
    let call = "summary penguins.csv --target species --features flipper_length_mm --weights body_mass_g";
    let sampling = json(&folder.works(&format!("{call} --weight-kind sampling --format json")));
    assert_eq!((sampling["covariance"].as_str(), &sampling["aic"]), (Some("hc1"), &Value::Null));
    let analytic = json(&folder.works(&format!("{call} --weight-kind analytic --format json")));
    assert_eq!(analytic["observations"].as_f64().unwrap().round(), 342.0);
}

#[test]
fn what_is_refused() {
    let folder = folder();
    folder.fails(
        1,
        &format!("{TWO} --reference Emperor"),
        &["Emperor is no class", "Adelie, Chinstrap, Gentoo"],
    );
    folder.fails(1, &format!("{TWO} --lambda 0.1"), &["the fit is penalised", "--despite-penalty"]);
    assert!(folder.works(&format!("{TWO} --lambda 0.1 --despite-penalty")).contains("ridge, λ = 0.1"));
    folder.fails(
        1,
        "summary penguins.csv --target species",
        &["separated", "no standard errors", "--exclude"],
    );
    folder.fails(2, &format!("{TWO} --interact species"), &["two columns"]);
    folder.fails(2, &format!("{TWO} --interact body_mass_g:body_mass_g"), &["--polynomial body_mass_g:2"]);
    folder.fails(1, &format!("{TWO} --interact body_mass_g:sex"), &["sex is no column to learn from"]);
    folder.fails(2, &format!("{TWO} --polynomial body_mass_g:1"), &["power from 2 to 9"]);
    folder.fails(2, &format!("{TWO} --level 95"), &["between 0 and 1"]);
    folder.fails(2, &format!("{TWO} --cluster year --covariance hc1"), &["cannot be used with"]);
    folder.fails(1, &format!("{TWO} --cluster colony"), &["no column colony"]);
    folder.fails(2, "summary penguins.csv", &["--target is needed"]);
    let weighted = "summary penguins.csv --target species --features flipper_length_mm --weights body_mass_g \
                    --weight-kind sampling";
    folder.fails(1, &format!("{weighted} --lr"), &["sampling weights", "--lr"]);
    folder.fails(1, &format!("{weighted} --covariance model"), &["sampling weights", "hc1"]);
}

#[test]
fn few_rows_are_noted() {
    let folder = Folder::new();
    let rows: Vec<String> = (0..30).map(|i| format!("{},{},{}", i % 7, i % 5, i * i % 11 % 3)).collect();
    folder.write("few.csv", format!("a,b,y\n{}\n", rows.join("\n")));
    let run = folder.run("summary few.csv --target y");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("for 2 columns: below 10 each"), "{}", run.stderr);
}
