//! `polylogit report`: one page about a model and its predictions on a table.
//!
//! What the page tells is gathered into one [`Report`], a file for each section; `page` puts it as JSON beside the
//! scripts that draw it (`assets/report`).

mod coefficients;
mod intervals;
mod mistakes;
mod page;
mod predictions;
mod sheet;
mod solved;

use super::table::{self, Labelled};
use super::{display, load};
use crate::args::ReportArgs;
use crate::printer::Printer;
use anyhow::{Context as _, Result};
use polylogit_model::{Artefact, Validation, replace_file};
use serde::Serialize;
use std::io::{self, Write as _};
use std::path::Path;

/// Everything that the page shows.
#[derive(Serialize)]
struct Report<'a> {
    about: About,
    classes: Vec<String>,
    solved: solved::Solved<'a>,
    sheet: sheet::Sheet,
    coefficients: coefficients::Coefficients,
    intervals: intervals::Intervals,
    validation: Option<&'a Validation>,
    predictions: predictions::Predictions,
    mistakes: mistakes::Mistakes,
}

/// What the page is about.
#[derive(Serialize)]
struct About {
    target: String,
    model: String,
    data: String,
    version: &'static str,
    /// Is the table the one that the model learned from?
    training: bool,
}

pub(crate) fn run(args: &ReportArgs) -> Result<()> {
    let printer = Printer::notes_only(args.quiet);
    table::check_one_stdin(&args.model.model, &args.data)?;
    let artefact = load(&args.model.model)?;
    let labelled = table::read_labelled(&args.data, &artefact, &args.apply, &args.read, printer)?;
    let page = page::write(&gather(args, &artefact, &labelled)?)?;
    match &args.output {
        Some(path) => replace_file(path, |out| out.write_all(page.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display())),
        None => Ok(io::stdout().lock().write_all(page.as_bytes())?),
    }
}

fn gather<'a>(args: &ReportArgs, artefact: &'a Artefact, labelled: &Labelled) -> Result<Report<'a>> {
    let columns = sheet::Columns::of(&labelled.rows, artefact.schema().width());
    let predicted = predictions::Predicted::new(artefact, labelled)?;
    let training = is_training(artefact, &predicted);
    let kept = coefficients::kept(artefact);
    Ok(Report {
        about: About {
            target: artefact.schema().target().to_owned(),
            model: name(&args.model.model),
            data: name(&args.data),
            version: env!("CARGO_PKG_VERSION"),
            training,
        },
        classes: artefact.model().classes().iter().map(ToString::to_string).collect(),
        solved: solved::Solved::new(artefact),
        sheet: sheet::Sheet::new(artefact, labelled, &columns, &kept),
        coefficients: coefficients::Coefficients::new(artefact, &kept),
        intervals: intervals::Intervals::new(artefact, labelled, training),
        validation: artefact.record().validation.as_ref(),
        mistakes: mistakes::Mistakes::new(artefact, labelled, &predicted, &columns.mean),
        predictions: predictions::Predictions::new(&predicted, labelled)?,
    })
}

/// A file's name: its folders are nobody's business who reads the page.
fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| display(path), |name| display(Path::new(name)))
}

/// As many rows of the same weight and the same mean loss to nine digits: the rows that the model learned from.
fn is_training(artefact: &Artefact, predicted: &predictions::Predicted) -> bool {
    let record = artefact.record();
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
    record.rows == predicted.rows
        && same(predicted.total_weight, record.total_weight)
        && same(predicted.log_loss, record.nll_mean)
}

/// Five digits, which is more than any picture shows: a page of coefficients is half as long. Counts stay whole.
fn short(value: f64) -> f64 {
    if value.fract() == 0.0 { value } else { format!("{value:.4e}").parse().unwrap_or(value) }
}

fn all_short(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    values.into_iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn five_digits() {
        for (value, text) in
            [(0.123_456_789, "0.12346"), (-1234.56, "-1234.6"), (1e-300 / 3.0, "3.3333e-301"), (0.0, "0.0")]
        {
            assert_eq!(serde_json::to_string(&super::short(value)).unwrap(), text);
        }
        assert_eq!(super::all_short([1_234_567.0, -0.000_012_345_678]), [1_234_567.0, -0.000_012_346]);
    }
}
