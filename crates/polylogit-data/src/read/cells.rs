//! The cells of a table by column, whatever file they come from.

use std::collections::{HashMap, HashSet};

use crate::error::{At, Error, Result};

/// The code of a missing cell of a category.
pub(super) const NO_LEVEL: u32 = u32::MAX;

/// What is wanted of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Skip it.
    Ignored,
    /// Number or category, as it looks.
    Infer,
    /// Numbers.
    Number,
    /// Categories, and the target.
    Category,
}

/// Says what is wanted of each column of a header.
pub(super) type Roles<'a> = &'a dyn Fn(&[String]) -> Result<Vec<Role>>;

/// The cells of a column.
#[derive(Debug)]
pub(super) enum Cells {
    Ignored,
    /// Column of [`Columns::numbers`].
    Number(usize),
    /// Codes into texts, in order of appearance.
    Category(Levels),
}

/// A column of texts: a code for each row into its different texts.
#[derive(Debug, Default)]
pub(super) struct Levels {
    pub(super) codes: Vec<u32>,
    pub(super) texts: Vec<String>,
    places: HashMap<Vec<u8>, u32>,
}

impl Levels {
    pub(super) fn push(&mut self, cell: Option<&[u8]>) {
        let code = match cell {
            None => NO_LEVEL,
            Some(cell) => self.places.get(cell).copied().unwrap_or_else(|| {
                let code = u32::try_from(self.texts.len()).unwrap_or(NO_LEVEL - 1);
                self.places.insert(cell.to_vec(), code);
                self.texts.push(String::from_utf8_lossy(cell).into_owned());
                code
            }),
        };
        self.codes.push(code);
    }
}

/// A table by columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) header: Vec<String>,
    pub(super) cells: Vec<Cells>,
    /// All columns of numbers, row-major (rows × width): the design matrix where no column is a category.
    /// NaN is missing.
    pub(super) numbers: Vec<f64>,
    /// Number of them.
    pub(super) width: usize,
    pub(super) rows: usize,
    /// The line of each row where they are not those of a file with one row a line.
    pub(super) places: Places,
}

/// What "row" means to somebody who looks at the file.
#[derive(Debug)]
pub(super) enum Places {
    /// Row r is line r + 2.
    Lines,
    /// The line of each row.
    GivenLines(Vec<u64>),
    /// Row r is the (r + 1)th.
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "no file without lines is read"))]
    Rows,
}

impl Columns {
    /// No rows yet.
    pub(super) fn new(header: Vec<String>, roles: &[Role], places: Places) -> Self {
        let mut width = 0;
        let cells = roles
            .iter()
            .map(|role| match role {
                Role::Ignored | Role::Infer => Cells::Ignored,
                Role::Category => Cells::Category(Levels::default()),
                Role::Number => {
                    width += 1;
                    Cells::Number(width - 1)
                }
            })
            .collect();
        Self { header, cells, numbers: Vec::new(), width, rows: 0, places }
    }

    /// Where a row is in the file.
    pub(super) fn at(&self, row: usize) -> At {
        match &self.places {
            Places::Lines => At::Line(row as u64 + 2),
            Places::GivenLines(lines) => At::Line(lines[row]),
            Places::Rows => At::Row(row as u64 + 1),
        }
    }

    /// A column of numbers.
    pub(super) fn number(&self, column: usize) -> impl Fn(usize) -> f64 {
        move |row| self.numbers[row * self.width + column]
    }
}

/// A header with names that tell columns apart.
pub(super) fn check_header(file: &str, header: &[String]) -> Result<()> {
    if header.iter().all(String::is_empty) {
        return Err(Error::Empty { file: file.to_owned() });
    }
    let mut seen = HashSet::new();
    match header.iter().find(|h| !seen.insert(*h)) {
        Some(twice) => Err(Error::DuplicateColumn { file: file.to_owned(), column: twice.clone() }),
        None => Ok(()),
    }
}

/// What is wrong with an infinite number.
pub(super) fn not_finite(file: &str, at: At, column: &str, value: String) -> Error {
    Error::NotFinite { file: file.to_owned(), at, column: column.to_owned(), value }
}

/// Texts that mean "no value" where a format has no other way to say so.
pub(super) fn is_missing(text: &[u8]) -> bool {
    matches!(text, b"" | b"NA" | b"N/A" | b"NaN" | b"nan" | b"null" | b"NULL" | b"None" | b"?")
}

/// A text as a number.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    fast_float2::parse(text).ok()
}

/// A text of a column of numbers.
pub(super) fn parse_number(file: &str, at: At, column: &str, text: &[u8]) -> Result<f64> {
    let shown = || String::from_utf8_lossy(text).into_owned();
    match parse(text) {
        _ if is_missing(text) => Ok(f64::NAN),
        None => {
            Err(Error::NotANumber { file: file.to_owned(), at, column: column.to_owned(), value: shown() })
        }
        Some(value) if value.is_infinite() => Err(not_finite(file, at, column, shown())),
        Some(value) => Ok(value),
    }
}
