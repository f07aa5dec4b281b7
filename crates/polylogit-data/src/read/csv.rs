//! CSV and TSV: cells by column, numbers parsed as they come.

use std::io::{BufRead, Read};

use super::cells::{Cells, Columns, Places, Role, Roles, check_header, is_missing, parse, parse_number};
use super::source::Input;
use crate::error::{At, Error, Result};

/// Rows whose cells decide whether a column is numeric.
const SAMPLE: usize = 1000;
/// Share of them that must parse.
const NUMERIC: f64 = 0.9;

/// Reads all rows.
pub(super) fn read(input: Input, delimiter: Option<u8>, roles: Roles<'_>) -> Result<Columns> {
    let Input { file, mut bytes, .. } = input;
    let delimiter = match delimiter {
        Some(given) => given,
        None => detect(bytes.fill_buf().map_err(|source| Error::Read { file: file.clone(), source })?),
    };
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let wrong = |e| broken(&file, e);
    let header = reader.byte_headers().map_err(wrong)?.iter();
    let header: Vec<String> = header.map(|h| String::from_utf8_lossy(trim(h)).into_owned()).collect();
    check_header(&file, &header)?;
    let mut roles = roles(&header)?;

    // The first rows decide; then each cell goes straight to its column.
    let mut sample = Vec::new();
    let mut record = ::csv::ByteRecord::new();
    while sample.len() < SAMPLE && next(&file, &mut reader, &mut record)? {
        sample.push(record.clone());
    }
    for (j, role) in roles.iter_mut().enumerate().filter(|(_, r)| **r == Role::Infer) {
        let cells = || sample.iter().map(|r| trim(&r[j])).filter(|c| !is_missing(c));
        let parsed = cells().filter(|c| parse(c).is_some()).count();
        let numeric = parsed as f64 >= NUMERIC * cells().count() as f64;
        *role = if numeric { Role::Number } else { Role::Category };
    }
    let mut columns = Columns::new(header, &roles, Places::Lines);
    for record in &sample {
        push(&file, &mut columns, record)?;
    }
    drop(sample);
    while next(&file, &mut reader, &mut record)? {
        push(&file, &mut columns, &record)?;
    }
    if columns.rows == 0 {
        return Err(Error::Empty { file });
    }
    Ok(columns)
}

fn next(file: &str, reader: &mut ::csv::Reader<impl Read>, record: &mut ::csv::ByteRecord) -> Result<bool> {
    reader.read_byte_record(record).map_err(|e| broken(file, e))
}

fn push(file: &str, columns: &mut Columns, record: &::csv::ByteRecord) -> Result<()> {
    let line = record.position().map_or(0, ::csv::Position::line);
    match &mut columns.places {
        Places::GivenLines(lines) => lines.push(line),
        // A cell with line breaks, or an empty line: from here on rows and lines differ.
        places if line != columns.rows as u64 + 2 => {
            *places = Places::GivenLines((0..columns.rows as u64).map(|r| r + 2).chain([line]).collect());
        }
        _ => {}
    }
    columns.rows += 1;
    for (j, (cell, cells)) in record.iter().zip(&mut columns.cells).enumerate() {
        match cells {
            Cells::Ignored => {}
            Cells::Category(levels) => {
                let cell = trim(cell);
                levels.push((!is_missing(cell)).then_some(cell));
            }
            Cells::Number(_) => {
                let value = parse_number(file, At::Line(line), &columns.header[j], trim(cell))?;
                columns.numbers.push(value);
            }
        }
    }
    Ok(())
}

fn trim(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

/// The most frequent of `,`, tab, `;`, `|` in the header; a comma if there is none.
fn detect(start: &[u8]) -> u8 {
    let header = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |d: u8| header.split(|b| *b == d).count();
    // The last of equals wins: the comma.
    [b'|', b';', b'\t', b','].into_iter().max_by_key(|d| count(*d)).unwrap_or(b',')
}

fn broken(file: &str, error: ::csv::Error) -> Error {
    let at = At::Line(error.position().map_or(0, ::csv::Position::line));
    let file = file.to_owned();
    match error.into_kind() {
        ::csv::ErrorKind::Io(source) => Error::Read { file, source },
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Error::Format { file, at, problem: format!("{len} cells where the header has {expected_len}") }
        }
        other => Error::Format { file, at, problem: format!("{other:?}") },
    }
}
