//! Tables as the commands need them: read, matched to a schema, ready for the engine. The only file that
//! talks to the readers.

use super::{display, is_stdin};
use crate::args::{ApplyArgs, FitArgs, InputFormat, Missing, ReadArgs, SummaryArgs, Unseen};
use crate::describe::{facts, heading, list};
use crate::failure::{BadCall, with_help};
use crate::printer::{Printer, count, percent, thousands};
use anyhow::{Result, anyhow};
use polylogit::{Design, Label, Model, Target};
use polylogit_data::{
    self as data, ApplyOptions, Dataset, Format, Kind, Matrix, MissingPolicy, ReadOptions, Schema, Source,
    Table, UnseenPolicy,
};
use polylogit_model::Artefact;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A table to learn from.
pub(super) struct Training {
    pub(super) schema: Schema,
    pub(super) target: Target,
    pub(super) report: DataReport,
    table: Table,
    clusters: Option<Vec<u32>>,
}

/// What was read, for people and for the document.
#[derive(Serialize)]
pub(super) struct DataReport {
    file: String,
    rows: usize,
    dropped: usize,
    target: String,
    weights: Option<String>,
    numbers: Vec<String>,
    categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse: Option<Sparse>,
    empty: Vec<String>,
    missing: BTreeMap<String, usize>,
    missing_policy: &'static str,
    classes: Vec<ClassCount>,
}

/// What a sparse file holds.
#[derive(Serialize)]
struct Sparse {
    features: usize,
    stored: usize,
}

#[derive(Serialize)]
struct ClassCount {
    class: String,
    rows: usize,
}

impl DataReport {
    pub(super) fn text(&self) -> String {
        let classes: Vec<String> = self.classes.iter().map(|c| format!("{} {}", c.class, c.rows)).collect();
        let mut lines = vec![("rows", thousands(self.rows)), ("target", self.target.clone())];
        lines.push(("classes", list(&classes)));
        let role = |names: &[String]| format!("{}: {}", names.len(), list(names));
        if let Some(Sparse { features, stored }) = &self.sparse {
            let density = percent(*stored as f64 / (*features as f64 * self.rows as f64).max(1.0));
            lines.push(("features", format!("{}, {density} of the values are not 0", thousands(*features))));
        }
        if !self.numbers.is_empty() {
            lines.push(("numbers", role(&self.numbers)));
        }
        if !self.categories.is_empty() {
            lines.push(("categories", role(&self.categories)));
        }
        if let Some(weights) = &self.weights {
            lines.push(("weights", weights.clone()));
        }
        if !self.empty.is_empty() {
            lines.push(("without values", format!("{}, left out", list(&self.empty))));
        }
        let cells: Vec<String> = self.missing.iter().map(|(name, n)| format!("{name} {n}")).collect();
        let missing = match self.missing.values().sum() {
            0 => "none".to_owned(),
            n => format!("{} {}: {}", count(n, "value"), self.missing_policy, list(&cells)),
        };
        lines.push(("missing", missing));
        if self.dropped > 0 {
            lines.push(("dropped", format!("{} without a value or a label", count(self.dropped, "row"))));
        }
        heading(&self.file) + &facts(lines)
    }

    pub(super) fn rare_classes(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().filter(|c| c.rows == 1).map(|c| c.class.as_str())
    }
}

impl Training {
    pub(super) fn design(&self) -> Result<Design<'_>> {
        Ok(self.table.design()?)
    }

    /// What was read, to be changed in place.
    pub(super) fn table(&mut self) -> &mut Table {
        &mut self.table
    }

    /// The rows of the file that were used, counted from 1.
    pub(super) fn row_numbers(&self) -> Vec<usize> {
        let report = &self.table.report;
        let mut out = report.left_out.iter().peekable();
        (0..report.read)
            .filter(|row| out.next_if(|gone| **gone == *row).is_none())
            .map(|row| row + 1)
            .collect()
    }

    pub(super) fn matrix(&self) -> &Matrix {
        &self.table.matrix
    }

    /// The cluster of each row, where there is a column of clusters.
    pub(super) fn clusters(&self) -> Option<&[u32]> {
        self.clusters.as_deref()
    }

    /// Weighted share of rows that the model predicts right.
    pub(super) fn accuracy(&self, model: &Model) -> Result<f64> {
        let predicted = model.predict(&self.design()?)?;
        let ids = self.target.ids().unwrap_or_default();
        Ok(polylogit::metrics::accuracy(&predicted, ids, self.target.sample_weights())?)
    }

    /// The engine's error with the file's name.
    pub(super) fn explain(&self, error: polylogit::Error) -> anyhow::Error {
        let memory = matches!(error, polylogit::Error::Memory { .. });
        let error = anyhow::Error::from(error).context(self.report.file.clone());
        let help = "--memory-limit SIZE allows it more than the machine has to spare now";
        if memory { with_help(error, help) } else { error }
    }
}

pub(super) fn read_training(args: &FitArgs) -> Result<Training> {
    let options = ReadOptions {
        target: args.target.clone().unwrap_or_default(),
        weight: args.weights.clone(),
        cluster: None,
        features: args.features.clone().unwrap_or_default(),
        exclude: args.exclude.clone(),
        as_category: args.as_category.clone(),
        missing: policy(args.missing),
        format: format(&args.read),
        delimiter: args.read.delimiter,
    };
    read(&args.data, &options)
}

pub(super) fn read_for_summary(args: &SummaryArgs) -> Result<Training> {
    let options = ReadOptions {
        target: args.target.clone().unwrap_or_default(),
        weight: args.weights.clone(),
        cluster: args.cluster.clone(),
        features: args.features.clone().unwrap_or_default(),
        exclude: args.exclude.clone(),
        as_category: args.as_category.clone(),
        missing: policy(args.missing),
        format: format(&args.read),
        delimiter: args.read.delimiter,
    };
    read(&args.data, &options)
}

fn policy(missing: Missing) -> MissingPolicy {
    match missing {
        Missing::Error => MissingPolicy::Error,
        Missing::Drop => MissingPolicy::Drop,
        Missing::Impute => MissingPolicy::Impute,
    }
}

fn read(path: &Path, options: &ReadOptions) -> Result<Training> {
    let missing_policy = match options.missing {
        MissingPolicy::Error => "refused",
        MissingPolicy::Drop => "dropped with their rows",
        MissingPolicy::Impute => "imputed",
    };
    let source = Source::new(path);
    if options.target.is_empty() && data::format_of(&source, options.format)? != Format::Svmlight {
        return Err(BadCall(format!(
            "--target is needed: which column of {} is to be predicted?",
            display(path)
        ))
        .into());
    }
    let Dataset { schema, table, target: labels, clusters } = data::read_training(&source, options)?;
    let mut rows = vec![0; labels.classes().len()];
    for id in labels.ids().unwrap_or_default() {
        rows[*id as usize] += 1;
    }
    let of_kind = |wanted: fn(&Kind) -> bool| {
        schema.columns.iter().filter(|c| wanted(&c.kind)).map(|c| c.name.clone()).collect()
    };
    let sparse = match &table.matrix {
        Matrix::Sparse { values, .. } => Some(Sparse { features: table.columns, stored: values.len() }),
        Matrix::Dense(_) => None,
    };
    let report = DataReport {
        file: display(path),
        rows: table.rows,
        dropped: table.report.left_out.len(),
        target: schema.target.clone(),
        weights: options.weight.clone(),
        numbers: of_kind(|k| matches!(k, Kind::Number { .. })),
        categories: of_kind(|k| matches!(k, Kind::Category { .. })),
        sparse,
        empty: table.report.empty.clone(),
        missing: table.report.missing.clone(),
        missing_policy,
        classes: labels
            .classes()
            .iter()
            .zip(rows)
            .map(|(class, rows)| ClassCount { class: class.to_string(), rows })
            .collect(),
    };
    Ok(Training { schema, target: labels, report, table, clusters })
}

fn format(read: &ReadArgs) -> Format {
    match read.input_format {
        None => Format::Auto,
        Some(InputFormat::Csv) => Format::Csv,
        Some(InputFormat::Tsv) => Format::Tsv,
        Some(InputFormat::Parquet) => Format::Parquet,
        Some(InputFormat::Arrow) => Format::Arrow,
        Some(InputFormat::Svmlight) => Format::Svmlight,
    }
}

pub(super) fn read_rows(
    path: &Path,
    schema: &Schema,
    apply: &ApplyArgs,
    read: &ReadArgs,
    printer: Printer,
) -> Result<Table> {
    table(path, schema, &[], apply, read, printer, false)
}

fn table(
    path: &Path,
    schema: &Schema,
    classes: &[Label],
    apply: &ApplyArgs,
    read: &ReadArgs,
    printer: Printer,
    labelled: bool,
) -> Result<Table> {
    let unseen = match apply.unseen {
        Unseen::Ignore => UnseenPolicy::Ignore,
        Unseen::Error => UnseenPolicy::Error,
    };
    let options = ApplyOptions {
        unseen,
        missing: MissingPolicy::Impute,
        format: format(read),
        delimiter: read.delimiter,
        labelled,
    };
    let table = data::read_with_schema(&Source::new(path), schema, classes, &options)?;
    for (column, (n, level)) in &table.report.unseen {
        let rows = count(*n, "row");
        printer.warning(&format!(
            "column {column}: {rows} with a level unseen in training ({level}), taken as none"
        ));
    }
    if table.report.unknown_indices > 0 {
        let values = count(table.report.unknown_indices, "value");
        printer.warning(&format!("{values} with an index unseen in training, left out"));
    }
    match table.report.missing.values().sum() {
        0 => {}
        n => printer.note(&format!("{} imputed", count(n, "missing value"))),
    }
    Ok(table)
}

/// New rows for a summary. Where missing values are left out, so are rows that have some: they are in the report.
/// A level without an estimate is refused.
pub(super) fn read_new(
    path: &Path,
    schema: &Schema,
    missing: Missing,
    read: &ReadArgs,
    printer: Printer,
) -> Result<Table> {
    let options = ApplyOptions {
        unseen: UnseenPolicy::Error,
        missing: policy(missing),
        format: format(read),
        delimiter: read.delimiter,
        labelled: false,
    };
    let unseen = |error| match error {
        data::Error::UnseenLevel { file, at, column, value } => {
            let levels = schema.columns.iter().find(|c| c.name == column).map(|c| match &c.kind {
                Kind::Category { levels, .. } => list(levels),
                _ => String::new(),
            });
            let error = anyhow!("{file}, {at}, column {column}: no row of the training table has {value}");
            with_help(
                error,
                format!(
                    "its levels are {}; leave out the row, or --exclude {column}",
                    levels.unwrap_or_default()
                ),
            )
        }
        other => other.into(),
    };
    let table = data::read_with_schema(&Source::new(path), schema, &[], &options).map_err(unseen)?;
    let report = &table.report;
    if !report.left_out.is_empty() {
        let rows = count(report.left_out.len(), "row");
        let (file, columns) = (display(path), report.missing.keys().cloned().collect::<Vec<_>>());
        printer.warning(&format!(
            "{file}: {rows} without probabilities, as values are missing ({})",
            list(&columns)
        ));
    } else if !report.missing.is_empty() {
        printer.note(&format!("{} imputed", count(report.missing.values().sum(), "missing value")));
    }
    Ok(table)
}

/// Rows with known labels.
pub(super) struct Labelled {
    pub(super) rows: Table,
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
    let classes = artefact.model().classes();
    let mut rows = table(path, artefact.schema(), classes, apply, read, printer, true)?;
    let (ids, weights) = (rows.ids.take().unwrap_or_default(), rows.weights.take());
    Ok(Labelled { rows, ids, weights })
}

/// Standard input holds one thing.
pub(super) fn check_one_stdin(model: &Path, data: &Path) -> Result<()> {
    if is_stdin(model) && is_stdin(data) {
        let message = "the model and the table cannot both come from standard input";
        return Err(BadCall(message.to_owned()).into());
    }
    Ok(())
}
