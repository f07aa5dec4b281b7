//! CSV and TSV, plain or gzipped: cells by column, numbers parsed as they come.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::Source;
use crate::error::{Error, Result};

/// Rows whose cells decide whether a column is numeric.
pub(super) const SAMPLE: usize = 1000;
/// Share of them that must parse.
const NUMERIC: f64 = 0.9;
/// Cells that mean "no value".
const MISSING: [&[u8]; 9] = [b"", b"NA", b"N/A", b"NaN", b"nan", b"null", b"NULL", b"None", b"?"];
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

/// The cells of a column.
#[derive(Debug)]
pub(super) enum Cells {
    Ignored,
    /// NaN is missing.
    Number(Vec<f64>),
    /// Codes into `levels`, in order of appearance.
    Category {
        codes: Vec<u32>,
        levels: Vec<String>,
    },
}

/// A file's columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) header: Vec<String>,
    pub(super) cells: Vec<Cells>,
    pub(super) rows: usize,
    /// The line of each row, if rows are not one line each.
    pub(super) lines: Option<Vec<u64>>,
}

impl Columns {
    /// The line of a row in the file.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines.as_ref().map_or(row as u64 + 2, |l| l[row])
    }
}

pub(super) fn is_missing(cell: &[u8]) -> bool {
    MISSING.contains(&cell)
}

/// A dictionary of texts.
#[derive(Default)]
struct Levels {
    codes: std::collections::HashMap<Vec<u8>, u32>,
    levels: Vec<String>,
}

impl Levels {
    fn code(&mut self, cell: &[u8]) -> u32 {
        if is_missing(cell) {
            return NO_LEVEL;
        }
        if let Some(code) = self.codes.get(cell) {
            return *code;
        }
        let code = u32::try_from(self.levels.len()).unwrap_or(NO_LEVEL - 1);
        self.codes.insert(cell.to_vec(), code);
        self.levels.push(String::from_utf8_lossy(cell).into_owned());
        code
    }
}

#[expect(clippy::too_many_lines, reason = "one pass over the file, from its first byte to its columns")]
/// Reads all rows; `roles` says what is wanted of each column of the header.
pub(super) fn read(
    source: &Source,
    delimiter: Option<u8>,
    roles: &dyn Fn(&[String]) -> Result<Vec<Role>>,
) -> Result<Columns> {
    let file = source.name();
    let failed = |source| Error::Read { file: file.clone(), source };
    let raw: Box<dyn Read> = match source {
        Source::Path(path) => Box::new(File::open(path).map_err(failed)?),
        Source::Stdin => Box::new(std::io::stdin()),
    };
    let mut raw = BufReader::with_capacity(1 << 18, raw);
    let zipped = raw.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let text: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(raw)) } else { Box::new(raw) };
    let mut text = BufReader::with_capacity(1 << 18, text);
    let start = text.fill_buf().map_err(failed)?;
    if start.starts_with(b"\xEF\xBB\xBF") {
        text.consume(3);
    }
    let delimiter = match delimiter {
        Some(d) => d,
        None => detect(text.fill_buf().map_err(failed)?),
    };
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text);
    let wrong = |e: ::csv::Error| broken(&file, e);
    let header: Vec<String> = reader
        .byte_headers()
        .map_err(wrong)?
        .iter()
        .map(|h| String::from_utf8_lossy(h).trim().to_owned())
        .collect();
    if header.is_empty() || header.iter().all(String::is_empty) {
        return Err(Error::Empty { file });
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = header.iter().find(|h| !seen.insert(*h)) {
        return Err(Error::DuplicateColumn { file, column: twice.clone() });
    }
    let mut roles = roles(&header)?;

    // The first rows decide; then each cell goes straight to its column.
    let mut sample = Vec::new();
    let mut record = ::csv::ByteRecord::new();
    while sample.len() < SAMPLE && reader.read_byte_record(&mut record).map_err(wrong)? {
        sample.push(record.clone());
    }
    for (j, role) in roles.iter_mut().enumerate().filter(|(_, r)| **r == Role::Infer) {
        let cells = || sample.iter().map(|r| trim(&r[j])).filter(|c| !is_missing(c));
        let parsed = cells().filter(|c| number(c).is_some()).count();
        let numeric = parsed as f64 >= NUMERIC * cells().count() as f64;
        *role = if numeric { Role::Number } else { Role::Category };
    }
    let mut columns: Vec<(Vec<f64>, Vec<u32>, Levels)> = header.iter().map(|_| Default::default()).collect();
    let mut lines = Vec::new();
    let mut rows = 0usize;
    let mut straight = true; // Is each row one line?
    let mut take = |record: &::csv::ByteRecord| -> Result<()> {
        let line = record.position().map_or(0, ::csv::Position::line);
        if straight && line != rows as u64 + 2 {
            straight = false;
            lines = (0..rows as u64).map(|r| r + 2).collect();
        }
        if !straight {
            lines.push(line);
        }
        rows += 1;
        for ((cell, role), (j, column)) in record.iter().zip(&roles).zip(columns.iter_mut().enumerate()) {
            match role {
                Role::Ignored | Role::Infer => {}
                Role::Category => column.1.push(column.2.code(trim(cell))),
                Role::Number => {
                    let cell = trim(cell);
                    let at = || (file.clone(), header[j].clone(), String::from_utf8_lossy(cell).into_owned());
                    match number(cell) {
                        Some(v) if v.is_finite() => column.0.push(v),
                        _ if is_missing(cell) => column.0.push(f64::NAN),
                        Some(v) if v.is_infinite() => {
                            let (file, column, value) = at();
                            return Err(Error::NotFinite { file, line, column, value });
                        }
                        _ => {
                            let (file, column, value) = at();
                            return Err(Error::NotANumber { file, line, column, value });
                        }
                    }
                }
            }
        }
        Ok(())
    };
    for record in &sample {
        take(record)?;
    }
    drop(sample);
    while reader.read_byte_record(&mut record).map_err(wrong)? {
        take(&record)?;
    }
    if rows == 0 {
        return Err(Error::Empty { file });
    }
    let cells = columns
        .into_iter()
        .zip(&roles)
        .map(|((numbers, codes, levels), role)| match role {
            Role::Number => Cells::Number(numbers),
            Role::Category => Cells::Category { codes, levels: levels.levels },
            Role::Ignored | Role::Infer => Cells::Ignored,
        })
        .collect();
    Ok(Columns { header, cells, rows, lines: (!straight).then_some(lines) })
}

fn trim(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

fn number(cell: &[u8]) -> Option<f64> {
    fast_float2::parse(cell).ok()
}

/// The most frequent of `,`, tab, `;`, `|` in the header; a comma if there is none.
fn detect(start: &[u8]) -> u8 {
    let header = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |d: u8| header.split(|b| *b == d).count();
    // The last of equals wins: the comma.
    [b'|', b';', b'\t', b','].into_iter().max_by_key(|d| count(*d)).unwrap_or(b',')
}

fn broken(file: &str, error: ::csv::Error) -> Error {
    let line = error.position().map_or(0, ::csv::Position::line);
    let file = file.to_owned();
    match error.into_kind() {
        ::csv::ErrorKind::Io(source) => Error::Read { file, source },
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Error::Format { file, line, problem: format!("{len} cells where the header has {expected_len}") }
        }
        other => Error::Format { file, line, problem: format!("{other:?}") },
    }
}
