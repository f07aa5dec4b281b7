//! `polylogit summary --contrast`: numbers against the covariance matrix, what is refused.

use crate::common::{Folder, json, number as of, penguins as folder};
use serde_json::Value;

const TWO: &str = "summary penguins.csv --target species --features body_mass_g,flipper_length_mm";

#[track_caller]
fn close(found: f64, expected: f64) {
    // Both come from the same estimates in float64, in other orders; the raw covariance loses digits of intercepts.
    assert!((found - expected).abs() <= 1e-8 * expected.abs(), "{found} {expected}");
}

/// Weights over the coefficients as they are printed: Σ wβ and its variance.
fn combination(document: &Value, weights: &[f64]) -> (f64, f64) {
    let beta: Vec<f64> =
        document["coefficients"].as_array().unwrap().iter().map(|c| of(&c["estimate"])).collect();
    assert_eq!(weights.len(), beta.len());
    let value = weights.iter().zip(&beta).map(|(w, b)| w * b).sum();
    let mut variance = 0.0;
    for (i, a) in weights.iter().enumerate() {
        for (j, b) in weights.iter().enumerate() {
            variance += a * b * of(&document["covariance_matrix"][i][j]);
        }
    }
    (value, variance)
}

#[test]
fn a_combination_has_the_variance_of_the_covariance_matrix() {
    let folder = folder();
    for covariance in ["model", "hc1"] {
        let call = format!(
            "{TWO} --covariance {covariance} --format json --contrast \
             'Gentoo:body_mass_g/2 - 3*Chinstrap:flipper_length_mm = 0.25' --contrast Gentoo:body_mass_g=Chinstrap:body_mass_g"
        );
        let document = json(&folder.works(&call));
        let contrasts = document["contrasts"].as_array().unwrap();
        // (intercept), flipper_length_mm, body_mass_g of Chinstrap, then of Gentoo.
        let rows = [([0.0, -3.0, 0.0, 0.0, 0.0, 0.5], 0.25), ([0.0, 0.0, -1.0, 0.0, 0.0, 1.0], 0.0)];
        for (contrast, (weights, against)) in contrasts.iter().zip(rows) {
            let (value, variance) = combination(&document, &weights);
            let (row, error) = (&contrast["rows"][0], variance.sqrt());
            close(of(&row["estimate"]), value);
            close(of(&row["std_err"]), error);
            close(of(&row["z"]), (value - against) / error);
            close(of(&row["low"]), value - 1.959_963_984_540_054 * error);
            close(of(&row["ratio_high"]), (value + 1.959_963_984_540_054 * error).exp());
            close(of(&row["value"]), against);
            close(of(&contrast["wald"]["chi2"]), (value - against).powi(2) / variance);
            close(of(&contrast["wald"]["p_value"]), of(&row["p_value"]));
        }
        assert_eq!(
            contrasts[0]["rows"][0]["row"],
            "0.5*Gentoo:body_mass_g - 3*Chinstrap:flipper_length_mm = 0.25"
        );
        assert_eq!(contrasts[1]["contrast"], "Gentoo:body_mass_g=Chinstrap:body_mass_g");
    }
}

#[test]
fn a_difference_is_a_coefficient_against_another_reference() {
    let folder = folder();
    let call = format!("{TWO} --format json");
    let found =
        json(&folder.works(&format!("{call} --contrast 'Gentoo:body_mass_g - Chinstrap:body_mass_g'")));
    let other = json(&folder.works(&format!("{call} --reference Chinstrap")));
    let direct = &other["coefficients"][5];
    assert_eq!((&direct["class"], &direct["term"]), (&"Gentoo".into(), &"body_mass_g".into()));
    for key in ["estimate", "std_err", "z", "p_value", "low", "high", "ratio"] {
        close(of(&found["contrasts"][0]["rows"][0][key]), of(&direct[key]));
    }
    // And there the same contrast has one coefficient: that of the reference is 0, which a note says.
    let same =
        format!("{call} --reference Chinstrap --contrast 'Gentoo:body_mass_g - Chinstrap:body_mass_g'");
    let same = json(&folder.works(&same));
    assert_eq!(same["contrasts"][0]["rows"][0]["row"], "Gentoo:body_mass_g = 0");
    assert_eq!(same["notes"][0], "coefficients of Chinstrap are 0: it is the reference class");
}

#[test]
fn rows_together_are_the_test_of_a_variable() {
    let folder = folder();
    let call = "summary penguins.csv --target species --features body_mass_g,sex --format json";
    let joint = "Chinstrap:body_mass_g, Gentoo:body_mass_g";
    let found = json(&folder.works(&format!(
        "{call} --contrast '{joint}' --contrast body_mass_g --contrast '{joint}; Gentoo:body_mass_g = Chinstrap:body_mass_g' \
         --contrast 'Gentoo:sex=male - Gentoo:sex=female'"
    )));
    let variable = &found["tests"][0];
    assert_eq!(variable["variable"], "body_mass_g");
    for contrast in &found["contrasts"].as_array().unwrap()[..3] {
        close(of(&contrast["wald"]["chi2"]), of(&variable["wald"]["chi2"]));
        assert_eq!(contrast["wald"]["df"], 2);
    }
    let rows = |at: usize| found["contrasts"][at]["rows"].as_array().unwrap().len();
    assert_eq!((rows(0), rows(1), rows(2), rows(3)), (2, 2, 3, 1));
    // A base level has 0, as the reference class has.
    assert_eq!(found["contrasts"][3]["rows"][0]["row"], "Gentoo:sex=male = 0");
    let notes = found["notes"].as_array().unwrap();
    assert!(notes.iter().any(|n| n == "coefficients of sex=female are 0: it is the base level"), "{notes:?}");
    let text = folder.works(&format!(
        "{} --contrast '{joint}, Gentoo:body_mass_g = Chinstrap:body_mass_g'",
        &call[..call.len() - 14]
    ));
    assert!(text.contains("(1) Chinstrap:body_mass_g = 0\n"), "{text}");
    assert!(text.contains("(1)–(3) at once: χ² = ") && text.contains(" on 2 df"), "{text}");
    assert!(text.contains("(1 row follows from the others)"), "{text}");
}

#[test]
fn two_classes_need_no_names() {
    let call =
        "summary penguins.csv --target sex --features body_mass_g,bill_depth_mm --format json --contrast";
    let folder = folder();
    let short = json(&folder.works(&format!("{call} 'bill_depth_mm = 100*body_mass_g'")));
    let long = json(&folder.works(&format!("{call} 'male:bill_depth_mm - 100*male:body_mass_g'")));
    assert_eq!(short["contrasts"][0]["rows"], long["contrasts"][0]["rows"]);
}

#[test]
fn names_of_any_kind() {
    let rows: Vec<String> = (0..60)
        .map(|i| format!("{},{},{}", i % 7, i % 5, ["White wine", "-1", "Red: dry"][i * i % 11 % 3]))
        .collect();
    let folder = Folder::with("odd.csv", format!("a - b,2*x,y\n{}\n", rows.join("\n")));
    let call = "summary odd.csv --target y --format json --contrast";
    let row = |contrast: &str| {
        json(&folder.works(&format!("{call} '{contrast}'")))["contrasts"][0]["rows"][0]["row"].clone()
    };
    assert_eq!(row("White wine:a - b = 2*Red: dry:2*x"), "White wine:a - b - 2*Red: dry:2*x = 0");
    assert_eq!(row("`White wine`:\"2*x\" + -1:2*x = 1"), "White wine:2*x = 1");
    folder.fails(1, &format!("{call} 'White wien:a - b'"), &["White is neither a number nor a term"]);
    folder.fails(
        1,
        &format!("{call} '`White wien`:a - b'"),
        &["White wien is no class (did you mean White wine?)"],
    );
}

#[test]
fn firths_estimates_have_contrasts_of_wald() {
    let folder = folder();
    let call = format!("{TWO} --firth --contrast 'Gentoo:body_mass_g - Chinstrap:body_mass_g'");
    let document = json(&folder.works(&format!("{call} --format json")));
    let (value, variance) = combination(&document, &[0.0, 0.0, -1.0, 0.0, 0.0, 1.0]);
    close(of(&document["contrasts"][0]["rows"][0]["estimate"]), value);
    close(of(&document["contrasts"][0]["rows"][0]["std_err"]), variance.sqrt());
    assert!(folder.works(&call).contains("Wald's tests and intervals, not the profile's"));
}

#[test]
fn what_is_refused() {
    let folder = folder();
    for (code, contrast, messages) in [
        (2, "", &["a coefficient CLASS:TERM or a number is missing at the end"][..]),
        (2, "Gentoo:body_mass_g -", &["--contrast \"Gentoo:body_mass_g -\"", "missing at the end"]),
        (2, "Gentoo:body_mass_g * Gentoo:body_mass_g", &["not linear"]),
        (2, "(Gentoo:body_mass_g", &["a ) is missing"]),
        (2, &"(".repeat(50_000), &["nested too deeply"]),
        (2, "Gentoo:body_mass_g - body_mass_g", &["name the class of each"]),
        (
            1,
            "Gento:body_mass_g",
            &[
                "Gento is no class (did you mean Gentoo?)",
                "Adelie, Chinstrap, Gentoo",
                "compared with Adelie",
            ],
        ),
        (1, "Gentoo:body_mas", &["body_mas is no term (did you mean body_mass_g?)", "flipper_length_mm"]),
        (
            1,
            "Gentoo:bill_depth_mm",
            &["bill_depth_mm is no term", "the terms are (intercept), flipper_length_mm"],
        ),
        (
            1,
            "Adelie:body_mass_g",
            &["coefficients of Adelie are 0: it is the reference class", "nothing is left to test"],
        ),
        (1, "Gentoo:body_mass_g = Gentoo:body_mass_g", &["cancel"]),
        (1, "Gentoo:body_mass_g = 0, Gentoo:body_mass_g = 1", &["contradicts the other rows"]),
    ] {
        folder.fails(code, &format!("{TWO} --contrast '{contrast}'"), messages);
    }
    folder.fails(
        1,
        &format!("{TWO} --no-intercept --contrast 'Gentoo:(intercept)'"),
        &["(intercept) is no term"],
    );
    // A copy of a column has no estimate.
    let rows: Vec<String> = (0..60).map(|i| format!("{0},{0},{1}", i % 7, i * i % 11 % 3)).collect();
    folder.write("copy.csv", format!("a,b,y\n{}\n", rows.join("\n")));
    let missing = ["has no estimate, as its column is constant or depends on others"];
    folder.fails(1, "summary copy.csv --target y -q --contrast '1:a = 1:b'", &missing);
}
