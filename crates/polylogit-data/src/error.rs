//! Everything that can be wrong with a table, one variant a remedy.

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A line of text, from 1, the header included.
    Line(u64),
    /// A row of a file without lines, from 1.
    Row(u64),
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// What is wrong, where, and how to mend it. Lines are counted from 1, the header included.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("cannot read {file}")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are no table of this format.
    #[error("{file}, {at}: {problem}")]
    Format {
        /// The file.
        file: String,
        /// Where in the file.
        at: At,
        /// What is wrong there.
        problem: String,
    },
    /// A binary file contradicts its format.
    #[error("{file} is not readable in its format: {problem}")]
    Broken {
        /// The file.
        file: String,
        /// What its library said.
        problem: String,
    },
    /// The file's format does not go with what is asked.
    #[error("{file}: {problem}")]
    Layout {
        /// The file.
        file: String,
        /// Why.
        problem: String,
    },
    /// A typed column that is neither number nor text.
    #[error(
        "{file}: column {column} has type {kind}, which is neither number nor category (--exclude {column} leaves \
         it out; dates and times: --as-category {column}, or turn them into numbers)"
    )]
    ColumnType {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its type.
        kind: String,
    },
    /// There is a header at most.
    #[error("{file} has no rows")]
    Empty {
        /// The file.
        file: String,
    },
    /// Two columns carry one name.
    #[error("{file}: column {column} occurs twice in the header: rename one")]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        column: String,
    },
    /// A column that is asked for is not there.
    #[error("{file} has no column {column}{}: its columns are {}", hint(.near.as_deref()), .columns.join(", "))]
    MissingColumn {
        /// The file.
        file: String,
        /// The name asked for.
        column: String,
        /// A name much like it.
        near: Option<String>,
        /// All names.
        columns: Vec<String>,
    },
    /// A cell of a numeric column is no number.
    #[error(
        "{file}, {at}, column {column}: {value} is not a number \
         (mend it, leave the cell empty if it is missing, or pass --as-category {column})"
    )]
    NotANumber {
        /// The file.
        file: String,
        /// Where in the file.
        at: At,
        /// The column.
        column: String,
        /// The cell.
        value: String,
    },
    /// A cell is infinite.
    #[error("{file}, {at}, column {column}: {value} is not finite (mend it, or leave the cell empty)")]
    NotFinite {
        /// The file.
        file: String,
        /// Where in the file.
        at: At,
        /// The column.
        column: String,
        /// The cell.
        value: String,
    },
    /// A cell is missing and none may be.
    #[error(
        "{file}, {at}, column {column}: the value is missing (--missing impute or --missing drop allow that)"
    )]
    MissingValue {
        /// The file.
        file: String,
        /// Where in the file.
        at: At,
        /// The column.
        column: String,
    },
    /// A weight is zero, negative or no number.
    #[error(
        "{file}, {at}, column {column}: weight {value} is not positive and finite (drop rows of weight 0)"
    )]
    Weight {
        /// The file.
        file: String,
        /// Where in the file.
        at: At,
        /// The column.
        column: String,
        /// The cell.
        value: String,
    },
    /// Nearly every row has a text of its own: names or free text, not categories.
    #[error(
        "{file}: column {column} has {levels} different texts in {rows} rows, it looks like names or free text \
         (--exclude {column} leaves it out, --as-category {column} takes it all the same)"
    )]
    ManyLevels {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Different texts.
        levels: usize,
        /// Rows.
        rows: usize,
    },
    /// The target looks like a measurement.
    #[error(
        "{file}: target {column} has {levels} different fractional values in {rows} rows: that is a regression \
         target, not classes"
    )]
    RegressionTarget {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Different values.
        levels: usize,
        /// Rows.
        rows: usize,
    },
    /// A category has a level that training did not see, and none may.
    #[error("{file}, {at}, column {column}: {value} was not seen in training (--unseen ignore allows that)")]
    UnseenLevel {
        /// The file.
        file: String,
        /// Where in the file.
        at: At,
        /// The column.
        column: String,
        /// The level.
        value: String,
    },
    /// A label that the model does not know.
    #[error("{file}, {at}: label {value} was not seen in training (the classes are {})", .classes.join(", "))]
    UnseenLabel {
        /// The file.
        file: String,
        /// Where in the file.
        at: At,
        /// The label.
        value: String,
        /// The model's classes.
        classes: Vec<String>,
    },
    /// A schema contradicts itself.
    #[error("the schema is broken: {problem}")]
    Schema {
        /// What is wrong.
        problem: String,
    },
    /// The engine refuses what was read.
    #[error("{file}: {source}")]
    Engine {
        /// The file.
        file: String,
        /// What it said.
        source: polylogit::Error,
    },
}

/// The name that was meant: equal but for case and punctuation, or one the start of the other.
pub(crate) fn nearest<'n>(names: &'n [String], wanted: &str) -> Option<&'n String> {
    let plain =
        |s: &str| s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let wanted = plain(wanted);
    let starts = |long: &str, short: &str| short.len() >= 3 && long.starts_with(short);
    names.iter().find(|name| {
        let name = plain(name);
        name == wanted || starts(&name, &wanted) || starts(&wanted, &name)
    })
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |n| format!(" (did you mean {n}?)"))
}
