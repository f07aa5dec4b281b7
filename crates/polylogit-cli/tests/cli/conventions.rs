//! Numbers of other packages, and factors on the penalty of columns, as they are typed.

use crate::common::{Folder, json, repository};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.table("penguins.csv");
    folder
}

/// glmnet's coefficients (intercept first) of a class, from the engine's reference.
fn glmnet(fit: &str, class: &str) -> Vec<f64> {
    let file = "crates/polylogit/tests/reference/glmnet_conventions.csv";
    let table = std::fs::read_to_string(repository().join(file)).unwrap();
    let rows =
        table.lines().filter_map(|line| line.strip_prefix(fit)?.strip_prefix(class)?.rsplit(',').next());
    rows.map(|value| value.parse().unwrap()).collect()
}

fn close(ours: &[f64], theirs: &[f64]) -> bool {
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs().max(1.0))
}

#[test]
fn a_lasso_like_glmnets() {
    let folder = Folder::new();
    folder.table("glass.csv");
    let call = "fit glass.csv --target type --like glmnet --lambda 0.02 --tol 1e-13 --format json";
    let fit = json(&folder.works(call));
    assert_eq!((fit["l1_ratio"].as_f64(), fit["standardize"].as_bool()), (Some(1.0), Some(true)));
    for (k, class) in fit["classes"].as_array().unwrap().iter().enumerate() {
        let theirs = glmnet("six,multinomial,1,0.02,TRUE,", class.as_str().unwrap());
        assert!(close(&numbers(&fit["coef"][k]), &theirs[1..]), "{class}");
        assert!(close(&[fit["intercept"][k].as_f64().unwrap()], &theirs[..1]), "{class}");
    }
    assert_eq!(fit["notes"].as_array().unwrap().len(), 0, "nothing was converted");
}

#[test]
fn two_classes_have_one_vector_and_a_note() {
    let iris = std::fs::read_to_string(repository().join("data/iris.csv")).unwrap();
    let two: Vec<&str> = iris.lines().filter(|line| !line.ends_with("setosa")).collect();
    let folder = Folder::with("two.csv", two.join("\n"));
    let call = "two.csv --target species --like glmnet --l1-ratio 0.5 --tol 1e-13";
    let fit = json(&folder.works(&format!("fit {call} --lambda 0.05 --format json")));
    let theirs = glmnet("two,binomial,0.5,0.05,TRUE,", "virginica");
    assert!(close(&numbers(&fit["coef"][1]), &theirs[1..]));
    assert!(numbers(&fit["coef"][0]).iter().all(|w| *w == 0.0));
    let note = "glmnet's λ = 0.05, α = 0.5 are λ = 0.075, α = 0.333333 in the objective below";
    assert_eq!(fit["notes"][0], note);
    let run = folder.run(&format!("fit {call} --lambda 0.05"));
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let ridge = folder.works("fit two.csv --target species --like scikit-learn");
    assert!(ridge.contains("raw scale; against class versicolor"), "{ridge}");
    // A path has the same λ and the same coefficients.
    let path = json(&folder.works(&format!("path {call} --lambdas 5 --format json")));
    let lambda = &path["points"][3]["lambda"];
    let fit = json(&folder.works(&format!("fit {call} --lambda {lambda} --format json")));
    let of = |j: usize| path["points"][3]["weights"][["sepal_length", "petal_length"][j]][1].as_f64();
    for (j, column) in [0, 2].into_iter().enumerate() {
        let (ours, on_path) = (fit["coef"][1][column].as_f64().unwrap(), of(j).unwrap_or(0.0));
        assert!((ours - on_path).abs() < 1e-5, "{ours} {on_path}");
    }
    let found = json(&folder.works(&format!("cv {call} --lambdas 5 --folds 3 --format json")));
    let (best, model) = (&found["best"]["lambda"], &found["model"]["lambda"]);
    assert!((model.as_f64().unwrap() / best.as_f64().unwrap() - 1.5).abs() < 1e-9);
}

#[test]
fn strengths_have_one_name_each() {
    let folder = folder();
    let fails = |options: &str, message: &str| {
        folder.fails(2, &format!("fit penguins.csv --target species --like {options}"), &[message]);
    };
    fails("glmnet", "glmnet has no default λ: give --lambda");
    fails("glmnet --c 1", "the strength of glmnet is --lambda, not --c");
    fails("spark --c 1", "the strength of spark is --lambda, not --c");
    fails("scikit-learn --lambda 1", "the strength of scikit-learn is --c, not --lambda");
    let fit = json(&folder.works("fit penguins.csv --target species --like scikit-learn --format json"));
    assert_eq!(fit["standardize"], false);
    let spark = "fit penguins.csv --target species --like spark --lambda 0.1 --no-standardize --format json";
    assert_eq!(json(&folder.works(spark))["standardize"], false);
}

#[test]
fn a_factor_of_zero_keeps_a_category_in() {
    let folder = folder();
    let call = "penguins.csv --target species --l1-ratio 1 --penalty-factor sex=0 --penalty-factor island=2.5 \
                --penalty-factor sex=male=1";
    let text = folder.works(&format!("fit {call} --lambda 3 -o m.safetensors"));
    let line = "v = 0 for sex=female, sex=(missing); 2.5 for island; 1 for the others";
    assert!(text.contains(line) && text.contains("λ Σⱼ vⱼ sdⱼ ‖W·ⱼ‖₁"), "{text}");
    assert!(text.contains("first order in the columns without penalty"), "{text}");
    assert!(folder.works("show m.safetensors").contains(line));
    let shown = json(&folder.works("show m.safetensors --format json"));
    assert_eq!(shown["certificate"]["kind"], "first_order");
    let names: Vec<&str> =
        shown["features"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    let used = |j: usize| (0..3).any(|k| shown["coef"][k][j].as_f64() != Some(0.0));
    let in_it: Vec<&str> = (0..names.len()).filter(|&j| used(j)).map(|j| names[j]).collect();
    assert_eq!(in_it, ["sex=female", "sex=(missing)"]);
    let factors = numbers(&shown["penalty_factors"]);
    assert_eq!(factors.len(), names.len());
    assert_eq!(factors[names.iter().position(|n| *n == "island=Dream").unwrap()], 2.5);

    let path = json(&folder.works(&format!("path {call} --lambdas 4 --format json")));
    assert_eq!(path["points"][0]["nonzero_features"], 2);
    assert!(folder.works(&format!("path {call} --lambdas 4")).contains("every fit is an estimated"));
    let text = folder.works(&format!("cv {call} --lambdas 4 --folds 3"));
    assert!(text.contains(line), "{text}");
}

#[test]
fn factors_that_do_not_count_leave_no_trace() {
    let shown = folder().works("fit penguins.csv --target species --penalty-factor sex=1 --format json");
    assert!(json(&shown).get("penalty_factors").is_none());
}

#[test]
fn columns_that_are_not_there() {
    let folder = folder();
    for command in ["fit", "path", "cv"] {
        let call = format!("{command} penguins.csv --target species --penalty-factor");
        folder.fails(
            1,
            &format!("{call} Sex=0"),
            &["--penalty-factor Sex: the fit has no such column", "did you mean sex?"],
        );
        folder.fails(1, &format!("{call} species=0"), &["species: the fit has no such column"]);
        folder.fails(
            1,
            &format!("{call} sex=man=0"),
            &["sex=man: the fit has no such column", "did you mean sex?"],
        );
        folder.fails(
            2,
            &format!("{call} sex=0 --penalty-factor sex=1"),
            &["--penalty-factor gives sex twice"],
        );
        folder.fails(2, &format!("{call} sex"), &["must be COLUMN=V, such as age=0"]);
        folder.fails(2, &format!("{call} sex=-1"), &["must be finite and at least 0"]);
        folder.fails(2, &format!("{call} sex=none"), &["not a number"]);
    }
    let one =
        "fit penguins.csv --target species --features year --like glmnet --lambda 1 --penalty-factor year=0";
    folder.fails(1, one, &["the sum of glmnet's penalty factors is 0: it must be greater than 0"]);
}

#[test]
fn a_path_is_drawn() {
    let folder = folder();
    folder.works("path penguins.csv --target species --l1-ratio 1 --lambdas 30 --plot path.svg");
    let svg = std::fs::read_to_string(folder.path("path.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("#FFFFFF"), "a light background");
    for text in ["Adelie", "Chinstrap", "Gentoo", "−ln λ", "bill_length_mm"] {
        assert!(svg.contains(text), "{text}");
    }
    folder.fails(
        1,
        "path penguins.csv --target species --plot nowhere/path.svg",
        &["nowhere/path.svg cannot be written"],
    );
}
