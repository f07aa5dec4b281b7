//! Columns of results as a CSV or a Parquet file, a row for each row of a table.

use crate::failure::BadCall;
use anyhow::{Context as _, Result};
use polylogit::Label;
use polylogit_model::replace_file;
use std::io::{self, Write};
use std::path::Path;

/// The cells of a column.
pub(super) enum Cells<'a> {
    /// Classes, and indices into them.
    Labels(&'a [Label], &'a [usize]),
    /// Whole numbers.
    Counts(&'a [usize]),
    /// Every `step`-th number from the `first` on; NaN is a cell without a value.
    Numbers { values: &'a [f64], first: usize, step: usize },
}

impl<'a> Cells<'a> {
    /// Columns of a row-major matrix (n × K): a name for each class, and its numbers.
    pub(super) fn by_class(
        prefix: &'static str,
        classes: &'a [Label],
        values: &'a [f64],
    ) -> impl Iterator<Item = (String, Self)> {
        let step = classes.len();
        let column = move |(first, class): (usize, &Label)| {
            (format!("{prefix}_{class}"), Self::Numbers { values, first, step })
        };
        classes.iter().enumerate().map(column)
    }
}

/// Columns of `rows` cells each.
pub(super) struct Columns<'a> {
    pub(super) rows: usize,
    pub(super) columns: Vec<(String, Cells<'a>)>,
}

/// A format to write in.
pub(super) type Writer = fn(&Columns<'_>, &mut dyn Write) -> io::Result<()>;

/// The format that the file's name asks for.
pub(super) fn writer(path: &Path) -> Result<Writer> {
    match path.extension().and_then(|e| e.to_str()) {
        None | Some("csv") => Ok(csv),
        #[cfg(feature = "parquet")]
        Some("parquet") => Ok(super::parquet::write),
        #[cfg(not(feature = "parquet"))]
        Some("parquet") => {
            Err(BadCall("this polylogit was built without Parquet: give a .csv file".to_owned()).into())
        }
        Some(other) => Err(BadCall(format!("rows are written as .csv or .parquet, not as .{other}")).into()),
    }
}

/// Writes a file in place of the one that is there.
pub(super) fn save(path: &Path, write: Writer, columns: &Columns<'_>) -> Result<()> {
    replace_file(path, |out| write(columns, out)).with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn csv(columns: &Columns<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_csv(columns, out).map_err(|error| match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

fn write_csv(columns: &Columns<'_>, out: &mut dyn Write) -> Result<(), ::csv::Error> {
    let texts: Vec<Vec<String>> = columns
        .columns
        .iter()
        .map(|(_, cells)| match cells {
            Cells::Labels(classes, _) => classes.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        })
        .collect();
    let mut csv = ::csv::Writer::from_writer(out);
    csv.write_record(columns.columns.iter().map(|(name, _)| name))?;
    for row in 0..columns.rows {
        for ((_, cells), texts) in columns.columns.iter().zip(&texts) {
            match cells {
                Cells::Labels(_, ids) => csv.write_field(&texts[ids[row]])?,
                Cells::Counts(values) => csv.write_field(values[row].to_string())?,
                Cells::Numbers { values, first, step } => match values[row * step + first] {
                    v if v.is_nan() => csv.write_field("")?,
                    // The shortest digits that give the same number again.
                    v => csv.write_field(format!("{v:?}"))?,
                },
            }
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()?;
    Ok(())
}
