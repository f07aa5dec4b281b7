//! The data sheet: the rows by class, the columns by what they hold, beside what training saw.

use super::coefficients::Kept;
use super::{all_short, short};
use crate::commands::table::Labelled;
use polylogit_data::{Kind, Matrix, Table};
use polylogit_model::Artefact;
use serde::Serialize;
use std::collections::BTreeMap;

/// Moments of the design columns (d).
pub(super) struct Columns {
    pub(super) mean: Vec<f64>,
    sd: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    /// Share of the values that are not 0.
    density: f64,
}

impl Columns {
    pub(super) fn of(table: &Table, d: usize) -> Self {
        let n = table.rows as f64;
        let (mut min, mut max) = (vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d]);
        let (mut mean, mut square, mut seen) = (vec![0.0; d], vec![0.0; d], vec![0_usize; d]);
        each_value(table, |j, v| {
            (min[j], max[j], seen[j]) = (min[j].min(v), max[j].max(v), seen[j] + 1);
            mean[j] += v / n;
        });
        each_value(table, |j, v| square[j] += (v - mean[j]).powi(2));
        let stored = match &table.matrix {
            Matrix::Dense(values) => values.iter().filter(|v| **v != 0.0).count(),
            Matrix::Sparse { values, .. } => values.iter().filter(|v| **v != 0.0).count(),
        };
        for j in 0..d {
            let zeros = table.rows - seen[j].min(table.rows);
            if zeros > 0 {
                (min[j], max[j]) = (min[j].min(0.0), max[j].max(0.0));
                square[j] += zeros as f64 * mean[j].powi(2);
            }
        }
        let sd = square.iter().map(|s| (s / n).sqrt()).collect();
        Self { mean, sd, min, max, density: stored as f64 / (n * d as f64).max(1.0) }
    }
}

/// Calls `f` with the column of every stored value, and the value.
fn each_value(table: &Table, mut f: impl FnMut(usize, f64)) {
    match &table.matrix {
        Matrix::Dense(values) => {
            for row in values.chunks_exact(table.columns.max(1)) {
                row.iter().enumerate().for_each(|(j, v)| f(j, *v));
            }
        }
        Matrix::Sparse { values, indices, .. } => {
            values.iter().zip(indices).for_each(|(v, j)| f(*j as usize, *v));
        }
    }
}

#[derive(Serialize)]
pub(super) struct Sheet {
    rows: usize,
    columns: usize,
    features: usize,
    /// `numbers`, `categories` or `indexed`, and how many.
    kinds: BTreeMap<&'static str, usize>,
    weight: Option<String>,
    /// Missing cells and unseen levels by column.
    missing: BTreeMap<String, usize>,
    unseen: BTreeMap<String, (usize, String)>,
    density: f64,
    sparse: bool,
    /// Weight of each class (K).
    balance: Vec<f64>,
    /// Of the features that are shown: here, and in training.
    mean: Vec<f64>,
    sd: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    training_mean: Vec<Option<f64>>,
    training_sd: Vec<f64>,
}

impl Sheet {
    pub(super) fn new(artefact: &Artefact, labelled: &Labelled, columns: &Columns, kept: &Kept) -> Self {
        let (schema, report) = (artefact.schema(), &labelled.rows.report);
        let mut kinds = BTreeMap::new();
        let mut means = Vec::with_capacity(schema.width());
        for column in &schema.columns {
            let (kind, mean) = match column.kind {
                Kind::Number { mean } => ("numbers", Some(mean)),
                Kind::Category { .. } => ("categories", None),
                Kind::Indexed { .. } => ("indexed", None),
            };
            *kinds.entry(kind).or_insert(0) += 1;
            means.extend(std::iter::repeat_n(mean, column.kind.width()));
        }
        let mut balance = vec![0.0; artefact.model().classes().len()];
        for (row, &id) in labelled.ids.iter().enumerate() {
            balance[id as usize] += labelled.weights.as_ref().map_or(1.0, |w| w[row]);
        }
        let pick = |of: &[f64]| all_short(kept.features.iter().map(|&j| of[j]));
        Self {
            rows: labelled.rows.rows,
            columns: schema.columns.len(),
            features: schema.width(),
            kinds,
            weight: labelled.weights.is_some().then(|| schema.weight.clone()).flatten(),
            missing: report.missing.clone(),
            unseen: report.unseen.clone(),
            density: short(columns.density),
            sparse: matches!(labelled.rows.matrix, Matrix::Sparse { .. }),
            balance: all_short(balance),
            mean: pick(&columns.mean),
            sd: pick(&columns.sd),
            min: pick(&columns.min),
            max: pick(&columns.max),
            training_mean: kept.features.iter().map(|&j| means[j].map(short)).collect(),
            training_sd: pick(&artefact.record().feature_sd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_and_dense_values_have_the_same_moments() {
        let report = polylogit_data::Report::default();
        let table =
            |matrix| Table { matrix, rows: 3, columns: 2, ids: None, weights: None, report: report.clone() };
        let dense = Columns::of(&table(Matrix::Dense(vec![1.0, 0.0, 3.0, -2.0, 0.0, 0.0])), 2);
        let (values, indices, indptr) = (vec![1.0, 3.0, -2.0], vec![0, 0, 1], vec![0, 1, 3, 3]);
        let sparse = Columns::of(&table(Matrix::Sparse { values, indices, indptr }), 2);
        for c in [&dense, &sparse] {
            assert_eq!((&c.min[..], &c.max[..]), (&[0.0, -2.0][..], &[3.0, 0.0][..]));
            assert!((c.mean[0] - 4.0 / 3.0).abs() < 1e-15 && (c.mean[1] + 2.0 / 3.0).abs() < 1e-15);
            assert!((c.sd[0] - (14.0_f64 / 9.0).sqrt()).abs() < 1e-15);
            assert!((c.sd[1] - (8.0_f64 / 9.0).sqrt()).abs() < 1e-15);
            assert_eq!(c.density, 0.5);
        }
    }
}
