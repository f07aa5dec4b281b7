//! What was typed for `polylogit summary`.

use super::{Missing, PrintArgs, ReadArgs, lambda, size, tolerance};
use clap::{Args as Group, ValueEnum, ValueHint};
use std::path::PathBuf;

/// `polylogit summary`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit summary penguins.csv --target species --features body_mass_g,flipper_length_mm
      estimates against the first class, standard errors, tests, intervals, relative-risk ratios
  polylogit summary penguins.csv --target sex --exclude year --interact species:body_mass_g --lr
      a product of variables; likelihood-ratio tests of every variable
  polylogit summary survey.csv --target vote --weights w --weight-kind sampling --cluster household
      survey weights, errors robust to clusters
  polylogit summary trips.csv --target mode --reference car --effects average --format json
      against another class, with average marginal effects, as one JSON document
  polylogit summary penguins.csv --target species --features body_mass_g,flipper_length_mm \\
      --contrast 'Gentoo:body_mass_g = Chinstrap:body_mass_g' --influence 10
      do two classes differ in a coefficient? the ten rows that move the estimates most
  polylogit summary penguins.csv --target species --features body_mass_g,flipper_length_mm \\
      --predict new.csv -o probabilities.csv --at body_mass_g=3500 --at body_mass_g=5000
      probabilities with standard errors and intervals, of new rows and at given values

A contrast is linear in coefficients CLASS:TERM: `2*B:x - C:x = 0.5`. `B:x = C:x, B:v` are two rows,
tested at once, too; `x` alone is that of every class. Those of the reference class are 0. Quotes
say where a name ends: `B:\"a - b\"`.

Categories are compared with their first level. Rows with missing values are left out unless --missing says else.")]
#[expect(clippy::struct_excessive_bools, reason = "flags are on or off")]
pub(crate) struct SummaryArgs {
    /// The table: CSV, TSV or svmlight, plain or gzipped, Parquet or Arrow; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) data: PathBuf,
    /// The column of classes (svmlight files hold it themselves)
    #[arg(short, long, value_name = "COLUMN")]
    pub(crate) target: Option<String>,
    /// The class that the others are compared with [default: the first]
    #[arg(long, value_name = "CLASS")]
    pub(crate) reference: Option<String>,
    #[command(flatten)]
    pub(crate) print: PrintArgs,

    /// Columns to use (default: all but the target, the weights and the clusters)
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) features: Option<Vec<String>>,
    /// Columns to leave out
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) exclude: Vec<String>,
    /// Columns to take as categories even where they hold numbers
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) as_category: Vec<String>,
    /// Add the product of two variables
    #[arg(long, value_name = "A:B", value_delimiter = ',', value_parser = product, help_heading = "Columns")]
    pub(crate) interact: Vec<(String, String)>,
    /// Add powers of a number up to this one, e.g. `age:3`
    #[arg(long, value_name = "COLUMN:POWER", value_delimiter = ',', value_parser = power, help_heading = "Columns")]
    pub(crate) polynomial: Vec<(String, u32)>,
    /// What becomes of missing values
    #[arg(long, value_enum, default_value_t = Missing::Drop, help_heading = "Columns")]
    pub(crate) missing: Missing,

    /// How the covariance of the estimates is estimated [default: model; hc1 for sampling weights]
    #[arg(long, value_enum, value_name = "KIND", conflicts_with = "cluster", help_heading = "Statistics")]
    pub(crate) covariance: Option<CovarianceKind>,
    /// Column that says which rows belong together: a covariance robust to clusters
    #[arg(long, value_name = "COLUMN", help_heading = "Statistics")]
    pub(crate) cluster: Option<String>,
    /// Column of weights (positive numbers)
    #[arg(long, value_name = "COLUMN", help_heading = "Statistics")]
    pub(crate) weights: Option<String>,
    /// What the weights are
    #[arg(long, value_enum, default_value_t = Weighting::Frequency, requires = "weights", help_heading = "Statistics")]
    pub(crate) weight_kind: Weighting,
    /// Share of intervals that shall cover the truth
    #[arg(long, value_name = "LEVEL", value_parser = tolerance, allow_negative_numbers = true, default_value = "0.95", help_heading = "Statistics")]
    pub(crate) level: f64,
    /// Likelihood-ratio tests of every variable, too: one more fit each
    #[arg(long, help_heading = "Statistics")]
    pub(crate) lr: bool,
    /// Estimate and test a combination of coefficients, e.g. `B:x - 2*C:x = 0`; rows joined by `,` are tested at once
    #[arg(long, value_name = "CONTRAST", allow_hyphen_values = true, help_heading = "Statistics")]
    pub(crate) contrast: Vec<String>,
    /// List the N rows that move the estimates most, with leverage and Cook's distance
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Statistics")]
    pub(crate) influence: Option<u32>,
    /// Write leverage and Cook's distance of every row to this .csv or .parquet file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Statistics")]
    pub(crate) influence_out: Option<PathBuf>,
    /// Marginal effects on the probabilities, averaged over the rows or at the means
    #[arg(long, value_enum, value_name = "AT", help_heading = "Statistics")]
    pub(crate) effects: Option<Effects>,
    /// Firth's estimates: finite where classes are separated, less biased where rows are few
    #[arg(long, conflicts_with_all = ["lambda", "cluster"], help_heading = "Statistics")]
    pub(crate) firth: bool,
    /// Strength λ of a ridge penalty on standardised columns; needs --despite-penalty
    #[arg(long, value_name = "L", value_parser = lambda, allow_negative_numbers = true, default_value_t = 0.0, hide_default_value = true, help_heading = "Statistics")]
    pub(crate) lambda: f64,
    /// Print standard errors of a penalised fit although they leave out its bias
    #[arg(long, requires = "lambda", help_heading = "Statistics")]
    pub(crate) despite_penalty: bool,
    /// Fit no intercepts
    #[arg(long, help_heading = "Statistics")]
    pub(crate) no_intercept: bool,
    /// Threads to use [default: all cores]; the result is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Statistics")]
    pub(crate) threads: Option<u32>,
    /// Memory that it may take beside the table, e.g. 4GiB or 500MB [default: what the machine has to spare]
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true, help_heading = "Statistics")]
    pub(crate) memory_limit: Option<u64>,

    /// Probabilities with intervals of the rows of this table
    #[arg(long, value_name = "TABLE", value_hint = ValueHint::FilePath, help_heading = "Probabilities")]
    pub(crate) predict: Option<PathBuf>,
    /// Write the probabilities of --predict to this .csv or .parquet file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "predict", help_heading = "Probabilities")]
    pub(crate) output: Option<PathBuf>,
    /// Probabilities with intervals where variables have these values, the others at their means, e.g. `age=40, sex=f`
    #[arg(long, value_name = "VALUES", help_heading = "Probabilities")]
    pub(crate) at: Vec<String>,

    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// How the covariance of estimates is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CovarianceKind {
    /// The inverse of the information: right if the model is
    Model,
    /// The robust sandwich
    Hc0,
    /// The robust sandwich times N/(N − p)
    Hc1,
}

/// What weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Weighting {
    /// Counts of equal rows
    Frequency,
    /// Inverse probabilities of being in the sample
    Sampling,
    /// Relative precisions
    Analytic,
}

/// Where marginal effects are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Effects {
    /// At every row, then averaged
    Average,
    /// At the mean of every variable
    Mean,
}

fn product(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((a, b)) if !a.is_empty() && !b.is_empty() => Ok((a.to_owned(), b.to_owned())),
        _ => Err("must be two columns, as in `age:sex`".to_owned()),
    }
}

fn power(text: &str) -> Result<(String, u32), String> {
    let parts = text.rsplit_once(':').map(|(column, power)| (column, power.parse()));
    match parts {
        Some((column, Ok(power))) if !column.is_empty() && (2..=9).contains(&power) => {
            Ok((column.to_owned(), power))
        }
        _ => Err("must be a column and a power from 2 to 9, as in `age:2`".to_owned()),
    }
}
