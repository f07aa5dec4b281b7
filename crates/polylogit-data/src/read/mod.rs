//! Reading: a file becomes cells by column, cells become the design matrix.

mod csv;
mod encode;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polylogit::{Design, Label, Target};

use crate::error::{Error, Result};
use crate::schema::Schema;

/// Where a table comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file; `.gz` or not is told from its first bytes.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// A path, or standard input for `-`.
    pub fn new(path: &Path) -> Self {
        if path == Path::new("-") { Self::Stdin } else { Self::Path(path.to_path_buf()) }
    }

    fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
        }
    }
}

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
    /// The column to predict.
    pub target: String,
    /// The column of sample weights.
    pub weight: Option<String>,
    /// These columns only; empty: all.
    pub features: Vec<String>,
    /// Not these columns.
    pub exclude: Vec<String>,
    /// Categories whatever they look like.
    pub as_category: Vec<String>,
    /// What to do with missing values.
    pub missing: MissingPolicy,
    /// The delimiter; `None`: found in the header.
    pub delimiter: Option<u8>,
}

/// How to read a table that a model is applied to.
#[derive(Debug, Clone, Default)]
pub struct ApplyOptions {
    /// What to do with unseen levels.
    pub unseen: UnseenPolicy,
    /// The delimiter; `None`: found in the header.
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
}

/// A design matrix (n × d, row-major) and where it came from.
#[derive(Debug, Clone)]
pub struct Table {
    /// Row-major values.
    pub values: Vec<f64>,
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
        Design::dense(&self.values, self.rows, self.columns)
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
}

/// Reads a table to learn from and infers its schema.
///
/// A column is a number if at least 90 % of its first thousand values are; else (strings, booleans) a category.
/// Missing are: an empty cell, `NA`, `N/A`, `NaN`, `nan`, `null`, `NULL`, `None`, `?`.
///
/// # Errors
/// See [`Error`].
pub fn read_training(source: &Source, options: &ReadOptions) -> Result<Dataset> {
    let file = source.name();
    let cells = csv::read(source, options.delimiter, &|header| encode::roles(&file, header, options))?;
    encode::training(&file, &cells, options)
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
    let file = source.name();
    let cells = csv::read(source, options.delimiter, &|header| {
        encode::schema_roles(&file, header, schema, options.labelled)
    })?;
    encode::apply(&file, &cells, schema, classes, options)
}

/// The position of a column, or an error that lists what is there.
fn position(file: &str, header: &[String], column: &str) -> Result<usize> {
    header.iter().position(|h| h == column).ok_or_else(|| Error::MissingColumn {
        file: file.to_owned(),
        column: column.to_owned(),
        near: header.iter().find(|h| near(h, column)).cloned(),
        columns: header.to_vec(),
    })
}

/// Equal but for case and punctuation, or one edit apart at the start or end.
fn near(a: &str, b: &str) -> bool {
    let plain =
        |s: &str| s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let (a, b) = (plain(a), plain(b));
    a == b || (b.len() >= 3 && a.starts_with(&b)) || (a.len() >= 3 && b.starts_with(&a))
}
