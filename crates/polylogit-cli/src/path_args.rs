//! What was typed for paths and cross-validations.

use crate::args::{FitArgs, l1_ratio, number};
use clap::{Args as Group, ValueEnum, ValueHint};
use std::path::PathBuf;

/// Which λ a path goes through.
#[derive(Debug, Group)]
pub(crate) struct LambdaArgs {
    /// How many λ, evenly spaced in their logarithm [default: 100, fewer where they explain no more]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Path")]
    pub(crate) lambdas: Option<u32>,
    /// The least λ over the one that leaves no weight [default: 1e-4, or 1e-2 where columns outnumber rows]
    #[arg(long, value_name = "R", value_parser = path_ratio, help_heading = "Path")]
    pub(crate) lambda_ratio: Option<f64>,
    /// Go through all λ even where they explain no more
    #[arg(long, help_heading = "Path")]
    pub(crate) whole: bool,
}

/// `polylogit path`.
#[derive(Debug, Group)]
#[command(mut_arg("lambda", |a| a.hide(true)), mut_arg("c", |a| a.hide(true)), mut_arg("output", |a| a.hide(true)))]
#[command(mut_arg("keep_on_interrupt", |a| a.hide(true)))]
pub(crate) struct PathArgs {
    #[command(flatten)]
    pub(crate) fit: FitArgs,
    #[command(flatten)]
    pub(crate) lambdas: LambdaArgs,
    /// Draw the weights along the path into this SVG file, the largest with their names
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) plot: Option<PathBuf>,
}

/// `polylogit cv`.
#[derive(Debug, Group)]
#[command(mut_arg("lambda", |a| a.hide(true)), mut_arg("c", |a| a.hide(true)))]
#[command(mut_arg("keep_on_interrupt", |a| a.hide(true)))]
pub(crate) struct CvArgs {
    #[command(flatten)]
    pub(crate) fit: FitArgs,
    #[command(flatten)]
    pub(crate) lambdas: LambdaArgs,
    /// Number of stratified folds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..), default_value = "10", help_heading = "Folds")]
    pub(crate) folds: u32,
    /// Seed of the folds
    #[arg(long, value_name = "N", default_value = "0", help_heading = "Folds")]
    pub(crate) seed: u64,
    /// What rows outside of the fit are scored with
    #[arg(long, value_enum, default_value_t = ScoreArg::LogLoss, help_heading = "Folds")]
    pub(crate) score: ScoreArg,
    /// Several shares of L1 to choose from, in place of --l1-ratio
    #[arg(long, value_name = "A", value_delimiter = ',', value_parser = l1_ratio, conflicts_with = "l1_ratio", help_heading = "Path")]
    pub(crate) l1_ratios: Option<Vec<f64>>,
    /// The λ of the best score, or the largest within one standard error of it
    #[arg(long, value_enum, default_value_t = Rule::Best)]
    pub(crate) choose: Rule,
    /// Draw the curve into this SVG file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) plot: Option<PathBuf>,
}

/// Scores of rows that were held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreArg {
    /// Mean of −ln p of the true class, in nats
    LogLoss,
    /// Share of rows that are right
    Accuracy,
    /// Mean squared distance of the probabilities from the truth
    Brier,
}

/// Which λ is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rule {
    Best,
    #[value(name = "1se")]
    OneSe,
}

fn path_ratio(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err("must lie between 0 and 1, both excluded".to_owned())
    }
}
