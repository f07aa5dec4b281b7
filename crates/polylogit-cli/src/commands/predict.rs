//! `polylogit predict`: a prediction for each row, in the order of the rows.

use super::load;
use super::table;
use crate::args::PredictArgs;
use crate::failure::BadCall;
use crate::printer::Printer;
use anyhow::{Context as _, Result};
use polylogit::{Label, Model};
use polylogit_data::Table;
use polylogit_model::replace_file;
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let printer = Printer::notes_only(args.quiet);
    let write = args.output.as_deref().map_or(Ok(csv as Writer), writer)?;
    table::check_one_stdin(&args.model.model, &args.data)?;
    let artefact = load(&args.model.model)?;
    let rows = table::read_rows(&args.data, artefact.schema(), &args.apply, &args.read, printer)?;
    let predictions = Predictions::new(artefact.model(), &rows, args.proba)?;
    if let Some(path) = &args.output {
        return replace_file(path, |out| write(&predictions, out))
            .with_context(|| format!("cannot write {}", path.display()));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&predictions, &mut out)?;
    Ok(out.flush()?)
}

/// A format to write in.
type Writer = fn(&Predictions<'_>, &mut dyn Write) -> io::Result<()>;

/// The format that the file's name asks for.
fn writer(path: &Path) -> Result<Writer> {
    match path.extension().and_then(|e| e.to_str()) {
        None | Some("csv") => Ok(csv),
        #[cfg(feature = "parquet")]
        Some("parquet") => Ok(super::parquet::write),
        #[cfg(not(feature = "parquet"))]
        Some("parquet") => {
            Err(BadCall("this polylogit was built without Parquet: give a .csv file".to_owned()).into())
        }
        Some(other) => {
            Err(BadCall(format!("predictions are written as .csv or .parquet, not as .{other}")).into())
        }
    }
}

/// A class and, if asked for, the probabilities of all classes, for each row.
pub(super) struct Predictions<'a> {
    pub(super) classes: &'a [Label],
    /// Index into the classes (n).
    pub(super) ids: Vec<usize>,
    /// Row-major (n × K); empty unless asked for.
    pub(super) probabilities: Vec<f64>,
    pub(super) proba: bool,
}

impl<'a> Predictions<'a> {
    fn new(model: &'a Model, rows: &Table, proba: bool) -> Result<Self> {
        let classes = model.classes();
        if rows.rows == 0 {
            return Ok(Self { classes, ids: Vec::new(), probabilities: Vec::new(), proba });
        }
        let design = rows.design()?;
        let ids = model.predict(&design)?;
        let probabilities = if proba { model.probabilities(&design)? } else { Vec::new() };
        Ok(Self { classes, ids, probabilities, proba })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        let p = self.classes.iter().filter(|_| self.proba).map(|class| format!("p_{class}"));
        std::iter::once("prediction".to_owned()).chain(p).collect()
    }
}

fn csv(predictions: &Predictions<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_csv(predictions, out).map_err(|error| match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

fn write_csv(predictions: &Predictions<'_>, out: &mut dyn Write) -> Result<(), ::csv::Error> {
    let Predictions { classes, ids, probabilities, .. } = predictions;
    let names: Vec<String> = classes.iter().map(ToString::to_string).collect();
    // Without probabilities there is nothing of a row to take.
    let width = if probabilities.is_empty() { 0 } else { names.len() };
    let mut csv = ::csv::Writer::from_writer(out);
    csv.write_record(predictions.names())?;
    for (row, &id) in ids.iter().enumerate() {
        csv.write_field(&names[id])?;
        for p in &probabilities[row * width..(row + 1) * width] {
            // The shortest digits that give the same number again.
            csv.write_field(format!("{p:?}"))?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()?;
    Ok(())
}
