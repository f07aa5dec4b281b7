//! Penalties that keep weights at zero, paths and cross-validation, as a user meets them.

use crate::common::{json, penguins as folder};

/// Hides what differs between machines and versions.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"passes over the rows, [\d.]+ (µs|ms|s|min)", "passes over the rows, [time]");
    settings.add_filter(r"seconds       [\d.]+ (µs|ms|s|min)", "seconds       [time]");
    settings
}

#[test]
fn a_lasso_in_text() {
    let text = folder().works("fit penguins.csv --target species --lambda 0.05 --l1-ratio 1");
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn a_path_in_text() {
    let text = folder().works("path penguins.csv --target species --l1-ratio 0.5 --lambdas 8 --grouped");
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn a_path_as_json_has_all_points() {
    let path = json(&folder().works("path penguins.csv --target species --l1-ratio 1 --whole --format json"));
    let points = path["points"].as_array().unwrap();
    assert_eq!(points.len(), 100);
    assert_eq!(points[0]["nonzero_features"], 0);
    assert!(points.iter().all(|p| p["status"] == "converged" && p["relative_gap"].as_f64().unwrap() <= 1e-6));
    let ratio = |p: &serde_json::Value| p["deviance_ratio"].as_f64().unwrap();
    assert!(points.windows(2).all(|p| ratio(&p[1]) > ratio(&p[0])));
    let last = points[99]["weights"].as_object().unwrap();
    assert_eq!(last.len(), points[99]["nonzero_features"].as_u64().unwrap() as usize);
}

#[test]
fn cross_validation_in_text() {
    let folder = folder();
    let call =
        "cv penguins.csv --target species --l1-ratio 1 --folds 5 --choose 1se -o m.safetensors --plot c.svg";
    let text = folder.works(call);
    settings().bind(|| insta::assert_snapshot!(text));
    let svg = std::fs::read_to_string(folder.path("c.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("log loss") && svg.matches("<circle").count() > 20);
    let model = json(&folder.works("show m.safetensors --format json"));
    assert_eq!(model["l1_ratio"], 1.0);
    // The same seed gives the same folds, another one others.
    assert_eq!(folder.works(call).lines().nth(14), text.lines().nth(14));
}

#[test]
fn cross_validation_as_json_chooses_the_share_of_l1() {
    let call = "cv penguins.csv --target species --l1-ratios 0.5,1 --lambdas 20 --folds 4 --score brier --format json";
    let found = json(&folder().works(call));
    assert_eq!((found["score"].as_str(), found["folds"].as_u64()), (Some("brier"), Some(4)));
    let curves = found["curves"].as_array().unwrap();
    assert_eq!(curves.len(), 2);
    let means = |c: &serde_json::Value| -> Vec<f64> {
        c["mean"].as_array().unwrap().iter().map(|m| m.as_f64().unwrap()).collect()
    };
    let best = curves.iter().flat_map(means).fold(f64::INFINITY, f64::min);
    assert_eq!(found["best"]["mean"].as_f64(), Some(best));
    assert_eq!(found["model"]["lambda"], found["best"]["lambda"]);
}

#[test]
fn bounds_hold() {
    let fit =
        json(&folder().works("fit penguins.csv --target species --lambda 0.01 --lower 0 --format json"));
    let weights = fit["coef"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    assert!(weights.map(|w| w.as_f64().unwrap()).all(|w| w >= 0.0));
}

#[test]
fn calls_that_contradict_themselves() {
    let folder = folder();
    folder.fails(2, "path penguins.csv --target species --lambda 0.1", &["a path has its own λ"]);
    folder.fails(2, "cv penguins.csv --target species --c 1", &["a path has its own λ"]);
    folder.fails(2, "cv penguins.csv --target species --folds 1", &["1 is not in 2.."]);
    folder.fails(2, "path penguins.csv --target species --lambda-ratio 1", &["between 0 and 1"]);
    folder.fails(1, "cv penguins.csv --target species --folds 999", &["the number of folds is 999"]);
}
