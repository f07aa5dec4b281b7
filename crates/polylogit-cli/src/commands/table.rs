//! Tables as the commands need them: read, matched to a schema, ready for the engine. The only file that
//! talks to the readers.

use super::{display, is_stdin};
use crate::args::{ApplyArgs, FitArgs, ReadArgs, Unseen};
use crate::describe::{facts, heading, list};
use crate::failure::BadCall;
use crate::printer::{Printer, count};
use anyhow::{Context as _, Result, anyhow};
use polylogit::{Design, Label, Model, Target};
use polylogit_data::{self as data, Schema};
use polylogit_model::Artefact;
use serde::Serialize;
use std::path::Path;

/// A table to learn from.
pub(super) struct Training {
    pub(super) schema: Schema,
    pub(super) target: Target,
    pub(super) report: DataReport,
    values: Vec<f64>,
    rows: usize,
}

/// What was read, for people and for the document.
#[derive(Serialize)]
pub(super) struct DataReport {
    file: String,
    rows: usize,
    target: String,
    weights: Option<String>,
    classes: Vec<ClassCount>,
    imputed: usize,
}

#[derive(Serialize)]
struct ClassCount {
    class: String,
    rows: usize,
}

impl DataReport {
    pub(super) fn text(&self) -> String {
        let classes: Vec<String> = self.classes.iter().map(|c| format!("{} {}", c.class, c.rows)).collect();
        heading(&self.file)
            + &facts([
                ("rows", count(self.rows, "row")),
                ("target", self.target.clone()),
                ("classes", list(&classes)),
                ("missing", format!("{} missing values imputed", self.imputed)),
            ])
    }
    pub(super) fn rare_classes(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().filter(|c| c.rows == 1).map(|c| c.class.as_str())
    }
}

impl Training {
    pub(super) fn design(&self) -> Result<Design<'_>> {
        Ok(Design::dense(&self.values, self.rows, self.schema.width())?)
    }

    /// Weighted share of rows that the model predicts right.
    pub(super) fn accuracy(&self, model: &Model) -> Result<f64> {
        let predicted = model.predict(&self.design()?)?;
        let ids = self.target.ids().unwrap_or_default();
        let weight = |row: usize| self.target.sample_weights().map_or(1.0, |w| w[row]);
        let right = predicted.iter().zip(ids).enumerate().filter(|(_, (p, id))| **p == **id as usize);
        Ok(right.map(|(row, _)| weight(row)).sum::<f64>() / self.target.total_weight())
    }

    /// Standard deviations of the design columns, with 1/S weights (d).
    pub(super) fn feature_sd(&self) -> Vec<f64> {
        let d = self.schema.width();
        let weight = |row: usize| self.target.sample_weights().map_or(1.0, |w| w[row]);
        let total = self.target.total_weight();
        let mut mean = vec![0.0; d];
        for (row, x) in self.values.chunks_exact(d.max(1)).enumerate() {
            mean.iter_mut().zip(x).for_each(|(m, x)| *m += weight(row) / total * x);
        }
        let mut variance = vec![0.0; d];
        for (row, x) in self.values.chunks_exact(d.max(1)).enumerate() {
            for ((v, m), x) in variance.iter_mut().zip(&mean).zip(x) {
                *v += weight(row) / total * (x - m) * (x - m);
            }
        }
        variance.into_iter().map(f64::sqrt).collect()
    }

    /// The engine's error with the column's name in place of its index.
    pub(super) fn explain(&self, error: polylogit::Error) -> anyhow::Error {
        let column = match &error {
            polylogit::Error::NotFinite { column, .. } => self.schema.feature_names().get(*column),
            _ => None,
        };
        match column {
            Some(name) => {
                anyhow::Error::from(error).context(format!("column {name} of {}", self.report.file))
            }
            None => error.into(),
        }
    }
}

pub(super) fn read_training(args: &FitArgs) -> Result<Training> {
    let target = args.target.as_deref().ok_or_else(|| BadCall("--target is needed".to_owned()))?;
    let table = data::read_csv(&args.data, args.read.delimiter).map_err(|e| anyhow!(e))?;
    let t = data::train(&table, target, args.weights.as_deref(), &args.exclude, &args.as_category)
        .map_err(|e| anyhow!(e))
        .with_context(|| display(&args.data))?;
    let classes = t.target.classes();
    let mut rows = vec![0; classes.len()];
    for id in t.target.ids().unwrap_or_default() {
        rows[*id as usize] += 1;
    }
    let report = DataReport {
        file: display(&args.data),
        rows: t.rows,
        target: target.to_owned(),
        weights: args.weights.clone(),
        classes: classes
            .iter()
            .zip(rows)
            .map(|(class, rows)| ClassCount { class: class.to_string(), rows })
            .collect(),
        imputed: t.missing,
    };
    Ok(Training { schema: t.schema, target: t.target, report, values: t.values, rows: t.rows })
}

/// Rows to predict.
pub(super) struct Rows {
    values: Vec<f64>,
    rows: usize,
    width: usize,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }
    pub(super) fn design(&self) -> Result<Design<'_>> {
        Ok(Design::dense(&self.values, self.rows, self.width)?)
    }
}

pub(super) fn read_rows(
    path: &Path,
    schema: &Schema,
    apply: &ApplyArgs,
    read: &ReadArgs,
    printer: Printer,
) -> Result<Rows> {
    let table = data::read_csv(path, read.delimiter).map_err(|e| anyhow!(e))?;
    rows(path, &table, schema, apply, printer)
}

fn rows(
    path: &Path,
    table: &data::Table,
    schema: &Schema,
    apply: &ApplyArgs,
    printer: Printer,
) -> Result<Rows> {
    let (values, unseen, missing) =
        data::rows(table, schema).map_err(|e| anyhow!(e)).with_context(|| display(path))?;
    if !unseen.is_empty() {
        if apply.unseen == Unseen::Error {
            return Err(anyhow!("unseen {}", unseen.join(", ")));
        }
        printer.warning(&format!("unseen {}", unseen.join(", ")));
    }
    if missing > 0 {
        printer.note(&format!("{} imputed", count(missing, "missing value")));
    }
    Ok(Rows { values, rows: table.rows.len(), width: schema.width() })
}

/// Rows with known labels.
pub(super) struct Labelled {
    pub(super) rows: Rows,
    /// Index into the model's classes (n).
    pub(super) ids: Vec<u32>,
    pub(super) weights: Option<Vec<f64>>,
}

pub(super) fn read_labelled(
    path: &Path,
    artefact: &Artefact,
    apply: &ApplyArgs,
    read: &ReadArgs,
    printer: Printer,
) -> Result<Labelled> {
    let table = data::read_csv(path, read.delimiter).map_err(|e| anyhow!(e))?;
    let schema = artefact.schema();
    let at = table
        .header
        .iter()
        .position(|h| h == schema.target())
        .ok_or_else(|| anyhow!("{}: no column {}", display(path), schema.target()))?;
    let labels = data::labels(&table, at);
    let ids = class_ids(&labels, artefact.model().classes(), path)?;
    Ok(Labelled { rows: rows(path, &table, schema, apply, printer)?, ids, weights: None })
}

fn class_ids(labels: &[Label], classes: &[Label], path: &Path) -> Result<Vec<u32>> {
    labels
        .iter()
        .enumerate()
        .map(|(row, label)| {
            let id = classes.iter().position(|c| c == label);
            id.and_then(|id| u32::try_from(id).ok()).ok_or_else(|| {
                let names: Vec<String> = classes.iter().map(ToString::to_string).collect();
                anyhow!(
                    "{}: row {} is labelled {label}, but the model knows {} only",
                    display(path),
                    row + 1,
                    list(&names)
                )
            })
        })
        .collect()
}

/// Standard input holds one thing.
pub(super) fn check_one_stdin(model: &Path, data: &Path) -> Result<()> {
    if is_stdin(model) && is_stdin(data) {
        let message = "the model and the table cannot both come from standard input";
        return Err(BadCall(message.to_owned()).into());
    }
    Ok(())
}
