//! The commands, one a file, and what they share.

mod calibrate;
mod columns;
mod completions;
mod cv;
mod evaluate;
mod export;
mod fit;
mod man;
mod measures;
#[cfg(feature = "parquet")]
mod parquet;
mod path;
mod plot;
mod predict;
mod report;
mod show;
mod summary;
mod table;

use crate::args::{Args, Command};
use anyhow::{Context as _, Result};
use polylogit_model::Artefact;
use std::io;
use std::path::Path;

/// Runs what was typed.
pub(crate) fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Fit(args) => fit::run(&args),
        Command::Path(args) => path::run(&args),
        Command::Cv(args) => cv::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { output } => man::run(output.as_deref()),
    }
}

/// Loads a model, in either format; `-` is standard input.
fn load(path: &Path) -> Result<Artefact> {
    let artefact = if is_stdin(path) { Artefact::read(io::stdin().lock()) } else { Artefact::load(path) };
    artefact.with_context(|| format!("{} is not usable as a model", display(path)))
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// A path as people call it.
fn display(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}
