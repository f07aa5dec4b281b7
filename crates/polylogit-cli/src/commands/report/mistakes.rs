//! The most confident mistakes, and which columns led to them.

use super::predictions::Predicted;
use super::short;
use crate::commands::table::Labelled;
use polylogit_data::{Matrix, Table};
use polylogit_model::Artefact;
use serde::Serialize;

/// Mistakes that are listed.
const LISTED: usize = 50;
/// Columns that are named for each.
const REASONS: usize = 3;

#[derive(Serialize)]
pub(super) struct Mistakes {
    /// How many there are.
    total: usize,
    listed: Vec<Mistake>,
}

#[derive(Serialize)]
struct Mistake {
    /// Counted from 1 in the table.
    row: usize,
    label: usize,
    predicted: usize,
    /// The probabilities of the two.
    confidence: f64,
    truth: f64,
    /// Column, its value, and what it adds to z_predicted − z_label beyond a row of means.
    because: Vec<(String, f64, f64)>,
}

impl Mistakes {
    pub(super) fn new(artefact: &Artefact, labelled: &Labelled, predicted: &Predicted, mean: &[f64]) -> Self {
        let k = artefact.model().classes().len();
        let confidence = predicted.confidence();
        let mut wrong: Vec<usize> =
            (0..predicted.rows).filter(|&row| predicted.ids[row] != labelled.ids[row] as usize).collect();
        let total = wrong.len();
        wrong.sort_by(|&a, &b| confidence[b].total_cmp(&confidence[a]).then(a.cmp(&b)));
        wrong.truncate(LISTED);
        let names = artefact.schema().feature_names();
        let c = artefact.model().coefficients();
        let mistake = |&row: &usize| {
            let (label, said) = (labelled.ids[row] as usize, predicted.ids[row]);
            let x = values(&labelled.rows, row);
            let (toward, from) = (c.class_weights(said), c.class_weights(label));
            let adds = |j: usize| (toward[j] - from[j]) * (x[j] - mean[j]);
            let mut order: Vec<(usize, f64)> =
                (0..x.len()).map(|j| (j, adds(j))).filter(|a| a.1 > 0.0).collect();
            order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            order.truncate(REASONS);
            Mistake {
                row: row + 1,
                label,
                predicted: said,
                confidence: short(confidence[row]),
                truth: short(predicted.p[row * k + label]),
                because: order.into_iter().map(|(j, a)| (names[j].clone(), short(x[j]), short(a))).collect(),
            }
        };
        Self { total, listed: wrong.iter().map(mistake).collect() }
    }
}

/// A row of the design (d).
fn values(table: &Table, row: usize) -> Vec<f64> {
    match &table.matrix {
        Matrix::Dense(values) => values[row * table.columns..(row + 1) * table.columns].to_vec(),
        Matrix::Sparse { values, indices, indptr } => {
            let mut out = vec![0.0; table.columns];
            let at = |i: u64| usize::try_from(i).unwrap_or(usize::MAX);
            for i in at(indptr[row])..at(indptr[row + 1]) {
                out[indices[i] as usize] = values[i];
            }
            out
        }
    }
}
