//! Real tables and reference numbers for the engine's tests.
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod problem;
pub(crate) mod statistics;

use std::path::PathBuf;

use polylogit::{Coefficients, Label, Target};
use serde_json::Value;

/// A numeric table with its labels.
pub(crate) struct Table {
    pub x: Vec<f64>,
    pub n: usize,
    pub d: usize,
    pub target: Target,
}

fn manifest(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `data/<file>`, all columns but `target` as numbers.
pub(crate) fn table(file: &str, target: &str) -> Table {
    let mut reader = csv::Reader::from_path(manifest("../../data").join(file)).unwrap();
    let at = reader.headers().unwrap().iter().position(|h| h == target).unwrap();
    let (mut x, mut labels) = (Vec::new(), Vec::new());
    for record in reader.records() {
        for (j, cell) in record.unwrap().iter().enumerate() {
            if j == at {
                labels.push(cell.parse::<i64>().map_or_else(|_| Label::from(cell), Label::Int));
            } else {
                x.push(cell.parse().unwrap());
            }
        }
    }
    let n = labels.len();
    Table { d: x.len() / n, n, x, target: Target::from_labels(labels).unwrap() }
}

/// `tests/reference/<file>`.
pub(crate) fn reference(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(manifest("tests/reference").join(file)).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// The coefficients of a reference fit.
pub(crate) fn coefficients(fit: &Value) -> Coefficients {
    let (w, b) = (numbers(&fit["coef"]), numbers(&fit["intercept"]));
    let k = b.len();
    Coefficients::new(k, w.len() / k, w, b).unwrap().center()
}

/// The largest difference of two coefficient sets, relative to 1 or to the reference's own size.
pub(crate) fn difference(a: &Coefficients, reference: &Coefficients) -> f64 {
    let pairs = a.weights().iter().zip(reference.weights());
    pairs
        .chain(a.intercepts().iter().zip(reference.intercepts()))
        .map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
        .fold(0.0, f64::max)
}

/// The arrays of X as compressed sparse rows.
pub(crate) fn csr(x: &[f64], d: usize) -> (Vec<f64>, Vec<u32>, Vec<u64>) {
    let (mut values, mut indices, mut indptr) = (vec![], vec![], vec![0]);
    for row in x.chunks_exact(d) {
        for (j, v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            values.push(*v);
            indices.push(j as u32);
        }
        indptr.push(values.len() as u64);
    }
    (values, indices, indptr)
}
