//! The command gives the reference solutions: coefficients to 1e-8, objectives to 1e-12.

use crate::common::{Folder, json, repository};
use serde_json::Value;
use std::fmt::Write as _;

const COEF: f64 = 1e-8;
const OBJECTIVE: f64 = 1e-12;

fn reference(name: &str) -> Value {
    let path = repository().join("crates/polylogit/tests/reference").join(name);
    json(&std::fs::read_to_string(path).unwrap())
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// Fits, shows, compares.
fn agrees(folder: &Folder, call: &str, expected: &Value, objective: &str) {
    folder.works(&format!("fit {call} --no-standardize --tol 1e-15 -o model.safetensors --quiet"));
    let shown = json(&folder.works("show model.safetensors --format json"));
    let difference = (shown["objective"].as_f64().unwrap() - expected[objective].as_f64().unwrap()).abs();
    assert!(difference <= OBJECTIVE, "{call}: objective is off by {difference:e}");
    for key in ["coef", "intercept"] {
        let (found, expected) = (numbers(&shown[key]), numbers(&expected[key]));
        assert_eq!(found.len(), expected.len(), "{call}");
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= COEF, "{call}: {key} is off by {worst:e}");
    }
}

#[test]
fn l2_references() {
    let reference = reference("l2.json");
    for (name, data) in reference.as_object().unwrap() {
        let folder = Folder::new();
        let (file, target) = (data["file"].as_str().unwrap(), data["target"].as_str().unwrap());
        folder.table(file);
        for fit in data["fits"].as_array().unwrap() {
            let call = format!("{file} --target {target} --lambda {}", fit["lambda"]);
            agrees(&folder, &call, fit, "objective");
            let shown = json(&folder.works("show model.safetensors --format json"));
            let classes: Vec<String> = shown["classes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| match c {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
                .collect();
            assert_eq!(serde_json::to_value(classes).unwrap(), data["classes"], "{name}");
        }
    }
}

#[test]
fn the_weighted_reference() {
    let expected = reference("weighted.json");
    let glass = std::fs::read_to_string(repository().join("data/glass.csv")).unwrap();
    let mut table = String::new();
    for (line, text) in glass.lines().enumerate() {
        let weight = if line == 0 { "w".to_owned() } else { (1 + (line - 1) % 3).to_string() };
        writeln!(table, "{text},{weight}").unwrap();
    }
    let folder = Folder::with("glass.csv", table);
    let call = format!("glass.csv --target type --weights w --lambda {}", expected["lambda"]);
    agrees(&folder, &call, &expected, "F");
}
