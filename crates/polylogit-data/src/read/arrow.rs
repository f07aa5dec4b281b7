//! Parquet and Arrow IPC: batches of typed columns.
//!
//! Types decide the roles: numbers are numbers; texts and booleans are categories. Nulls are missing.

use std::fs::File;
use std::io::{BufRead, Cursor, Read};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Field, Schema as ArrowSchema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::cells::{Cells, Columns, Places, Role, Roles, check_header, not_finite, parse_number};
use super::source::{Format, Input, Source};
use crate::error::{At, Error, Result};

type Batch = std::result::Result<RecordBatch, ArrowError>;

/// Reads all rows.
pub(super) fn read(source: &Source, input: Input, roles: Roles<'_>) -> Result<Columns> {
    let Input { file, format, mut bytes } = input;
    let unreadable = |source| Error::Read { file: file.clone(), source };
    // Both formats keep their index at the end: what comes by a pipe is kept whole.
    let whole = |bytes: &mut dyn Read| {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).map(|_| Bytes::from(all)).map_err(unreadable)
    };
    let reopen = |path| File::open(path).map_err(unreadable);
    if format == Format::Parquet {
        return match source {
            Source::Path(path) => parquet(&file, reopen(path)?, roles),
            Source::Stdin => parquet(&file, whole(&mut bytes)?, roles),
        };
    }
    let broken = |e| broken(&file, &e);
    if !bytes.fill_buf().map_err(unreadable)?.starts_with(b"ARROW1") {
        let reader = StreamReader::try_new(bytes, None).map_err(broken)?;
        return ipc(&file, &reader.schema(), reader, roles);
    }
    match source {
        Source::Path(path) => {
            let reader = FileReader::try_new_buffered(reopen(path)?, None).map_err(broken)?;
            ipc(&file, &reader.schema(), reader, roles)
        }
        Source::Stdin => {
            let reader = FileReader::try_new(Cursor::new(whole(&mut bytes)?), None).map_err(broken)?;
            ipc(&file, &reader.schema(), reader, roles)
        }
    }
}

fn parquet(file: &str, reader: impl ChunkReader + 'static, roles: Roles<'_>) -> Result<Columns> {
    let broken = |e| broken(file, &ArrowError::from(e));
    let builder = ParquetRecordBatchReaderBuilder::try_new(reader).map_err(broken)?;
    let schema = builder.schema().clone();
    collect(file, &schema, roles, |wanted| {
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
        Ok(Box::new(builder.with_projection(mask).build().map_err(broken)?))
    })
}

fn ipc(
    file: &str,
    schema: &ArrowSchema,
    batches: impl Iterator<Item = Batch> + 'static,
    roles: Roles<'_>,
) -> Result<Columns> {
    collect(file, schema, roles, |wanted| {
        let wanted = wanted.to_vec();
        Ok(Box::new(batches.map(move |batch| batch?.project(&wanted))))
    })
}

/// All rows of the batches of the wanted columns that `open` gives.
fn collect<'a>(
    file: &str,
    schema: &ArrowSchema,
    roles: Roles<'_>,
    open: impl FnOnce(&[usize]) -> Result<Box<dyn Iterator<Item = Batch> + 'a>>,
) -> Result<Columns> {
    let header: Vec<String> = schema.fields().iter().map(|f| f.name().trim().to_owned()).collect();
    check_header(file, &header)?;
    let mut roles = roles(&header)?;
    for (role, field) in roles.iter_mut().zip(schema.fields()) {
        *role = resolve(file, field, *role)?;
    }
    let wanted: Vec<usize> = (0..roles.len()).filter(|&j| roles[j] != Role::Ignored).collect();
    let mut columns = Columns::new(header, &roles, Places::Rows);
    for batch in open(&wanted)? {
        let batch = batch.map_err(|e| broken(file, &e))?;
        let (first, width) = (columns.rows, columns.width);
        columns.rows += batch.num_rows();
        columns.numbers.resize(columns.rows * width, f64::NAN);
        for (array, &j) in batch.columns().iter().zip(&wanted) {
            let name = &columns.header[j];
            match &mut columns.cells[j] {
                Cells::Ignored => {}
                Cells::Number(at) => {
                    let out = columns.numbers[first * width..].iter_mut().skip(*at).step_by(width);
                    numbers(file, name, array, first, out)?;
                }
                Cells::Category(levels) => {
                    let texts = cast(array, &DataType::Utf8).map_err(|e| broken(file, &e))?;
                    texts.as_string::<i32>().iter().for_each(|t| levels.push(t.map(str::as_bytes)));
                }
            }
        }
    }
    if columns.rows == 0 {
        return Err(Error::Empty { file: file.to_owned() });
    }
    Ok(columns)
}

/// Writes the numbers of an array whose first row is row `first` of the table.
fn numbers<'a>(
    file: &str,
    name: &str,
    array: &ArrayRef,
    first: usize,
    out: impl Iterator<Item = &'a mut f64>,
) -> Result<()> {
    let at = |row: usize| At::Row((first + row) as u64 + 1);
    let to = |kind| cast(array, &kind).map_err(|e| broken(file, &e));
    if is_text(array.data_type()) {
        // Texts where the model wants numbers: as they would be read in a CSV file.
        for ((row, text), out) in to(DataType::Utf8)?.as_string::<i32>().iter().enumerate().zip(out) {
            *out = parse_number(file, at(row), name, text.unwrap_or_default().trim().as_bytes())?;
        }
        return Ok(());
    }
    for ((row, value), out) in
        to(DataType::Float64)?.as_primitive::<Float64Type>().iter().enumerate().zip(out)
    {
        *out = value.unwrap_or(f64::NAN); // null is missing
        if out.is_infinite() {
            return Err(not_finite(file, at(row), name, out.to_string()));
        }
    }
    Ok(())
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

/// The role of a column by its type.
fn resolve(file: &str, field: &Field, role: Role) -> Result<Role> {
    let kind = field.data_type();
    let number = kind.is_numeric() || *kind == DataType::Null;
    let text = is_text(kind) || *kind == DataType::Boolean;
    match role {
        Role::Infer if number => Ok(Role::Number),
        Role::Infer if text => Ok(Role::Category),
        Role::Category
            if kind.is_temporal() && !matches!(kind, DataType::Duration(_) | DataType::Interval(_)) =>
        {
            Ok(Role::Category)
        }
        Role::Ignored => Ok(role),
        Role::Number | Role::Category if number || text => Ok(role),
        _ => Err(Error::ColumnType {
            file: file.to_owned(),
            column: field.name().clone(),
            kind: kind.to_string(),
        }),
    }
}

fn broken(file: &str, error: &ArrowError) -> Error {
    // The libraries' errors repeat their names; the cause is what helps.
    Error::Broken { file: file.to_owned(), problem: error.to_string() }
}
