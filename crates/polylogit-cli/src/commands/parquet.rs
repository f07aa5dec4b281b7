//! Columns of results as a Parquet file.

use super::columns::{Cells, Columns};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use polylogit::Label;
use std::io::{self, Write};
use std::sync::Arc;

pub(super) fn write(columns: &Columns<'_>, out: &mut dyn Write) -> io::Result<()> {
    let array = |cells: &Cells<'_>| -> ArrayRef {
        match cells {
            Cells::Labels(classes, ids) => labels(classes, ids),
            Cells::Counts(values) => Arc::new(Int64Array::from_iter_values(
                values.iter().map(|&v| i64::try_from(v).unwrap_or(i64::MAX)),
            )),
            Cells::Numbers { values, first, step } => {
                let column = (0..columns.rows).map(|row| values[row * step + first]);
                Arc::new(column.map(|v| (!v.is_nan()).then_some(v)).collect::<Float64Array>())
            }
        }
    };
    let named = columns.columns.iter().map(|(name, cells)| (name, array(cells)));
    let batch = RecordBatch::try_from_iter(named).map_err(io::Error::other)?;
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    // The writer wants to be sent between threads; memory can, a borrowed stream need not.
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    out.write_all(&bytes)
}

/// Classes in the type of the labels; text if they have several.
fn labels(classes: &[Label], ids: &[usize]) -> ArrayRef {
    let ids = ids.iter();
    let bools: Option<Vec<bool>> =
        classes.iter().map(|c| if let Label::Bool(v) = c { Some(*v) } else { None }).collect();
    let ints: Option<Vec<i64>> =
        classes.iter().map(|c| if let Label::Int(v) = c { Some(*v) } else { None }).collect();
    let floats: Option<Vec<f64>> = classes
        .iter()
        .map(|c| match c {
            Label::Int(v) => Some(*v as f64),
            Label::Float(v) => Some(*v),
            _ => None,
        })
        .collect();
    match (bools, ints, floats) {
        (Some(values), ..) => Arc::new(ids.map(|&id| Some(values[id])).collect::<BooleanArray>()),
        (_, Some(values), _) => Arc::new(Int64Array::from_iter_values(ids.map(|&id| values[id]))),
        (.., Some(values)) => Arc::new(Float64Array::from_iter_values(ids.map(|&id| values[id]))),
        _ => {
            let values: Vec<String> = classes.iter().map(ToString::to_string).collect();
            Arc::new(StringArray::from_iter_values(ids.map(|&id| &values[id])))
        }
    }
}
