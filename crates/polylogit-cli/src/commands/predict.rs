//! `polylogit predict`: a prediction for each row, in the order of the rows.

use super::columns::{self, Cells, Columns};
use super::load;
use super::table;
use crate::args::PredictArgs;
use crate::printer::Printer;
use anyhow::Result;
use std::io::{self, Write as _};

pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let printer = Printer::notes_only(args.quiet);
    let write = args.output.as_deref().map_or(Ok(columns::csv as columns::Writer), columns::writer)?;
    table::check_one_stdin(&args.model.model, &args.data)?;
    let artefact = load(&args.model.model)?;
    let rows = table::read_rows(&args.data, artefact.schema(), &args.apply, &args.read, printer)?;
    let (model, classes) = (artefact.model(), artefact.model().classes());
    let (mut ids, mut probabilities) = (Vec::new(), Vec::new());
    if rows.rows > 0 {
        let design = rows.design()?;
        ids = model.predict(&design)?;
        if args.proba {
            probabilities = model.probabilities(&design)?;
        }
    }
    let prediction = ("prediction".to_owned(), Cells::Labels(classes, &ids));
    let proba = args.proba.then(|| Cells::by_class("p", classes, &probabilities));
    let predictions = Columns {
        rows: ids.len(),
        columns: std::iter::once(prediction).chain(proba.into_iter().flatten()).collect(),
    };
    if let Some(path) = &args.output {
        return columns::save(path, write, &predictions);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&predictions, &mut out)?;
    Ok(out.flush()?)
}
