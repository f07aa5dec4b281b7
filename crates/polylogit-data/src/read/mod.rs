//! Reading: a file becomes cells by column, cells become the design matrix.

#[cfg(feature = "parquet")]
mod arrow;
mod cells;
mod csv;
mod encode;
mod source;
mod svmlight;

use std::collections::BTreeMap;

use polylogit::{Csr, Design, Label, Target};

pub use source::{Format, Source};

use crate::error::{Error, Result, nearest};
use crate::schema::Schema;

use cells::{Columns, Roles};
use source::Input;

/// What to do with missing values in training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MissingPolicy {
    /// Refuse the table.
    Error,
    /// Leave out rows with one.
    Drop,
    /// Numbers become their mean, a category gets a level of its own; rows without a label are left out.
    #[default]
    Impute,
}

/// What to do with a level that training did not see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnseenPolicy {
    /// Count it; every design column of the category is 0.
    #[default]
    Ignore,
    /// Refuse the table.
    Error,
}

/// How to read a table to learn from.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The column to predict; svmlight files need none.
    pub target: String,
    /// The column of sample weights.
    pub weight: Option<String>,
    /// The column that says which rows belong together; it does not predict.
    pub cluster: Option<String>,
    /// These columns only; empty: all.
    pub features: Vec<String>,
    /// Not these columns.
    pub exclude: Vec<String>,
    /// Categories whatever they look like.
    pub as_category: Vec<String>,
    /// What to do with missing values.
    pub missing: MissingPolicy,
    /// How the file is written.
    pub format: Format,
    /// The delimiter of a CSV file; `None`: found in the header.
    pub delimiter: Option<u8>,
}

/// How to read a table that a model is applied to.
#[derive(Debug, Clone, Default)]
pub struct ApplyOptions {
    /// What to do with unseen levels.
    pub unseen: UnseenPolicy,
    /// How the file is written.
    pub format: Format,
    /// The delimiter of a CSV file; `None`: found in the header.
    pub delimiter: Option<u8>,
    /// Read labels and weights too?
    pub labelled: bool,
}

/// What was met on the way, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows read.
    pub read: usize,
    /// Rows left out since a value or the label is missing.
    pub dropped: usize,
    /// Missing cells by column.
    pub missing: BTreeMap<String, usize>,
    /// Cells whose level training did not see, by column, with the first such level.
    pub unseen: BTreeMap<String, (usize, String)>,
    /// Columns left out since no cell has a value.
    pub empty: Vec<String>,
    /// Values of an svmlight file whose index training did not see.
    pub unknown_indices: usize,
}

/// The numbers of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix {
    /// Row-major (n × d).
    Dense(Vec<f64>),
    /// Compressed sparse rows.
    Sparse {
        /// The non-zeros.
        values: Vec<f64>,
        /// Their columns, ascending in each row.
        indices: Vec<u32>,
        /// Where each row begins (n + 1).
        indptr: Vec<u64>,
    },
}

/// A design matrix (n × d) and where it came from.
#[derive(Debug, Clone)]
pub struct Table {
    /// The values.
    pub matrix: Matrix,
    /// n.
    pub rows: usize,
    /// d.
    pub columns: usize,
    /// Class ids, where labels were read.
    pub ids: Option<Vec<u32>>,
    /// Sample weights, where they were read.
    pub weights: Option<Vec<f64>>,
    /// What was met.
    pub report: Report,
}

impl Table {
    /// As the engine takes it.
    ///
    /// # Errors
    /// [`polylogit::Error::NoRows`] if there are none.
    pub fn design(&self) -> polylogit::Result<Design<'_>> {
        match &self.matrix {
            Matrix::Dense(values) => Design::dense(values, self.rows, self.columns),
            Matrix::Sparse { values, indices, indptr } => {
                Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), self.columns)
            }
        }
    }
}

/// A table to learn from.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What each column means.
    pub schema: Schema,
    /// The numbers.
    pub table: Table,
    /// Labels and weights.
    pub target: Target,
    /// The cluster of each row, numbered from 0, where there is a column of clusters.
    pub clusters: Option<Vec<u32>>,
}

/// The format that a table is in; `format` unless that is [`Format::Auto`]. Standard input is left unread, so
/// only its `format` can tell.
///
/// # Errors
/// [`Error::Read`] if the file cannot be opened.
pub fn format_of(source: &Source, format: Format) -> Result<Format> {
    match source {
        Source::Path(_) => Ok(source::open(source, format)?.format),
        Source::Stdin => Ok(format),
    }
}

/// Reads a table to learn from and infers its schema.
///
/// In text, a column is a number if at least 90 % of its first thousand values are, else (strings, booleans) a
/// category; missing are an empty cell, `NA`, `N/A`, `NaN`, `nan`, `null`, `NULL`, `None`, `?`. In Parquet and
/// Arrow files the types decide, and nulls and NaN are missing. In svmlight files every index is a number.
///
/// # Errors
/// See [`Error`].
pub fn read_training(source: &Source, options: &ReadOptions) -> Result<Dataset> {
    let input = source::open(source, options.format)?;
    let file = input.file.clone();
    if input.format == Format::Svmlight {
        let named = [&options.features, &options.exclude, &options.as_category];
        let named = named.into_iter().flatten().chain(&options.weight).chain(&options.cluster).next();
        if let Some(name) = named {
            let problem = format!("an svmlight file has no column {name}, only indices");
            return Err(Error::Layout { file, problem });
        }
        return encode::training_sparse(&file, svmlight::read(input)?, options);
    }
    let roles = |header: &[String]| encode::roles(&file, header, options);
    let columns = columns(source, input, options.delimiter, &roles)?;
    encode::training(&file, columns, options)
}

/// Reads a table that a model is applied to; columns are matched by name, others ignored.
///
/// # Errors
/// See [`Error`].
pub fn read_with_schema(
    source: &Source,
    schema: &Schema,
    classes: &[Label],
    options: &ApplyOptions,
) -> Result<Table> {
    let input = source::open(source, options.format)?;
    let file = input.file.clone();
    let layout = |problem: &str| Err(Error::Layout { file: file.clone(), problem: problem.to_owned() });
    match (schema.indexed(), input.format) {
        (Some(range), Format::Svmlight) => {
            encode::apply_sparse(&file, svmlight::read(input)?, range, schema, classes, options)
        }
        (Some(_), _) => layout("the model was trained on an svmlight file and reads no other format"),
        (None, Format::Svmlight) => layout("the model reads named columns, and an svmlight file has none"),
        (None, _) => {
            let roles = |header: &[String]| encode::schema_roles(&file, header, schema, options.labelled);
            let columns = columns(source, input, options.delimiter, &roles)?;
            encode::apply(&file, columns, schema, classes, options)
        }
    }
}

/// The cells of a table with named columns.
fn columns(source: &Source, input: Input, delimiter: Option<u8>, roles: Roles<'_>) -> Result<Columns> {
    match input.format {
        #[cfg(feature = "parquet")]
        Format::Parquet | Format::Arrow => arrow::read(source, input, roles),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet | Format::Arrow => {
            let _ = source;
            let problem =
                "this build reads no Parquet or Arrow files: turn on the feature `parquet`".to_owned();
            Err(Error::Layout { file: input.file, problem })
        }
        Format::Tsv => csv::read(input, delimiter.or(Some(b'\t')), roles),
        _ => csv::read(input, delimiter, roles),
    }
}

/// The position of a column, or an error that lists what is there.
fn position(file: &str, header: &[String], column: &str) -> Result<usize> {
    header.iter().position(|h| h == column).ok_or_else(|| Error::MissingColumn {
        file: file.to_owned(),
        column: column.to_owned(),
        near: nearest(header, column).cloned(),
        columns: header.to_vec(),
    })
}
