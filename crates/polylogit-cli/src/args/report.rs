//! What was typed for a report.

use super::{ApplyArgs, ModelArg, ReadArgs};
use clap::{Args as Group, ValueHint};
use std::path::PathBuf;

/// `polylogit report`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit report model.safetensors test.csv -o report.html
      one page about the fit, the table, the coefficients and the predictions, for any browser
  polylogit report model.safetensors test.csv --quiet | gzip > report.html.gz

The page holds all of its data and asks the network for nothing. A model of `polylogit cv` brings
the curve of its cross-validation; a model without a penalty has intervals if the table is the one
that it learned from. The table needs the column that the model was trained to predict; if the fit
was weighted and the table has the column of weights, the measures are weighted, too.")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// The table with known labels; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) data: PathBuf,
    /// Write the page to this file, not to standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) apply: ApplyArgs,
    /// Print no notes
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}
