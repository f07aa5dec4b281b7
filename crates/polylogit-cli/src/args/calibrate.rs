//! The options of `calibrate`.

use super::{ApplyArgs, ModelArg, PrintArgs, ReadArgs};
use clap::{Args as Group, ValueEnum, ValueHint};
use std::path::PathBuf;

/// `polylogit calibrate`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit calibrate model.safetensors held-out.csv -o calibrated.safetensors
      divides the scores by the temperature that makes the held-out rows likeliest
  polylogit calibrate model.safetensors held-out.csv --method vector -o calibrated.safetensors
      a factor and a shift for each class

The rows must be others than those of the fit, on which the model is too sure of itself. What is
printed of the calibrated model is measured on the rows of the calibration: `polylogit evaluate`
measures it on third ones.")]
pub(crate) struct CalibrateArgs {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// The held-out table with known labels; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) data: PathBuf,
    /// How the scores are changed
    #[arg(long, value_enum, default_value_t = Method::Temperature)]
    pub(crate) method: Method,
    /// Save the calibrated model to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) apply: ApplyArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// Ways to calibrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// z/T: one number for all classes; no prediction changes
    Temperature,
    /// a ∘ z + b: a factor and a shift for each class, with a weak prior
    Vector,
}
