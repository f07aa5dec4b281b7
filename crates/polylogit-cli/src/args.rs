//! What was typed: every option, its range and its help. Nothing here reads a file or decides anything.

mod calibrate;
mod penalty;
mod report;
mod size;
mod summary;

use crate::path_args::{CvArgs, PathArgs};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args as Group, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

pub(crate) use calibrate::{CalibrateArgs, Method as CalibrationMethod};
pub(crate) use penalty::{Like, PenaltyArgs, l1_ratio, lambda};
pub(crate) use report::ReportArgs;
use size::size;
pub(crate) use summary::{CovarianceKind, Effects, SummaryArgs, Weighting};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Softmax (multinomial logistic) regression of tables: certified, fast, explained.
///
/// Give it a table and the column to predict. Columns go in as they are: text becomes categories, missing
/// values are filled in and counted, scales do not matter. Every fit comes with a proof of how far from
/// the best possible model it can be at most.
#[derive(Debug, Parser)]
#[command(name = "polylogit", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  polylogit fit penguins.csv --target species -o penguins.safetensors
  polylogit predict penguins.safetensors new.csv --proba > predictions.csv
  polylogit evaluate penguins.safetensors test.csv
  polylogit show penguins.safetensors
  polylogit report penguins.safetensors test.csv -o report.html
  polylogit summary penguins.csv --target species --features body_mass_g,flipper_length_mm

Exit codes: 0 done, 1 the data or the fit is bad, 2 the call is wrong.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fit a model to a table
    Fit(Box<FitArgs>),
    /// Fit the whole regularisation path of a table
    #[command(after_help = "\
Examples:
  polylogit path dna.csv --target splice --l1-ratio 1
      100 fits from the λ that leaves no weight down to 1e-4 of it
  polylogit path dna.csv --target splice --l1-ratio 0.5 --grouped --lambdas 20 --format json > path.json
  polylogit path dna.csv --target splice --l1-ratio 1 --plot path.svg
      and draws the weights of each class along it

One fit of it: polylogit fit … --lambda L")]
    Path(Box<PathArgs>),
    /// Choose the strength of the penalty by cross-validation, and fit it
    #[command(after_help = "\
Examples:
  polylogit cv dna.csv --target splice --l1-ratio 1 -o model.safetensors --plot curve.svg
      10 folds, log loss, the best λ; saves its fit on all rows, draws the curve
  polylogit cv dna.csv --target splice --l1-ratios 0.1,0.5,1 --choose 1se
      also chooses the share of L1; the simplest model within a standard error of the best

Folds are stratified and depend on the seed only; the only row of a class is never held out.")]
    Cv(Box<CvArgs>),
    /// Predict the rows of a table with a model
    Predict(PredictArgs),
    /// Measure a model on a table with known labels
    Evaluate(EvaluateArgs),
    /// Make a model's probabilities fit held-out rows
    Calibrate(CalibrateArgs),
    /// Standard errors, tests and intervals: the statistics of a fit without a penalty
    Summary(Box<SummaryArgs>),
    /// Show what a model is: what was solved, on what, how surely, and its coefficients
    Show(ShowArgs),
    /// Write one page about a model and its predictions on a table
    Report(ReportArgs),
    /// Write a model in another format
    Export(ExportArgs),
    /// Print completions for your shell
    #[command(after_help = "\
Examples:
  polylogit completions bash > ~/.local/share/bash-completion/completions/polylogit
  polylogit completions zsh > ~/.zfunc/_polylogit
  polylogit completions fish > ~/.config/fish/completions/polylogit.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    #[command(after_help = "\
Examples:
  polylogit man | man -l -
  polylogit man -o ~/.local/share/man/man1")]
    Man {
        /// Write one page for each command into this folder, instead of the main page to standard output
        #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        output: Option<PathBuf>,
    },
}

/// `polylogit fit`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit fit penguins.csv --target species
      reads, fits with C = 1 on standardised columns, and explains
  polylogit fit penguins.csv --target species --exclude year -o model.safetensors
      leaves a column out, saves the model
  polylogit fit iris.csv --target species --like scikit-learn --c 1
      the coefficients of scikit-learn's LogisticRegression(C=1)
  polylogit fit iris.csv --target species --like glmnet --lambda 0.01
      the coefficients of glmnet(lambda = 0.01), alpha being 1 there
  zcat big.csv.gz | polylogit fit - --target label --format json > fit.json
      reads standard input, writes one JSON document

  polylogit fit dna.csv --target splice --lambda 0.01 --l1-ratio 1
      the lasso: weights that do not pay are 0

The objective: F = (1/S) Σ sᵢ [logsumexp(zᵢ) − zᵢ,yᵢ] + λ Σⱼ [(1−α)/2 sdⱼ² ‖W·ⱼ‖² + α sdⱼ ‖W·ⱼ‖₁],  λ = 1/(C·S).
The fit has no random part: the same table gives the same bits, for any number of threads.")]
pub(crate) struct FitArgs {
    /// The table: CSV, TSV or svmlight, plain or gzipped, Parquet or Arrow; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) data: PathBuf,
    /// The column to predict (svmlight files hold it themselves)
    #[arg(short, long, value_name = "COLUMN")]
    pub(crate) target: Option<String>,
    /// Save the model to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) print: PrintArgs,

    /// Columns to learn from (default: all but the target and the weights)
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) features: Option<Vec<String>>,
    /// Columns to leave out
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) exclude: Vec<String>,
    /// Columns to take as categories even where they hold numbers
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) as_category: Vec<String>,
    /// Column of sample weights (positive numbers)
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub(crate) weights: Option<String>,
    /// What becomes of missing values
    #[arg(long, value_enum, default_value_t = Missing::Impute, help_heading = "Columns")]
    pub(crate) missing: Missing,

    #[command(flatten)]
    pub(crate) penalty: PenaltyArgs,

    /// Relative certified gap that ends the fit
    #[arg(long, value_name = "TOL", value_parser = tolerance, allow_negative_numbers = true, default_value = "1e-6", help_heading = "Solver")]
    pub(crate) tol: f64,
    /// Steps after which the fit ends in any case
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), default_value = "1000", help_heading = "Solver")]
    pub(crate) max_steps: u64,
    /// Threads to use [default: all cores]; the result is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Solver")]
    pub(crate) threads: Option<u32>,
    /// Memory that the fit may take beside the table, e.g. 4GiB or 500MB [default: what the machine has to spare]
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true, help_heading = "Solver")]
    pub(crate) memory_limit: Option<u64>,
    /// On Ctrl-C, keep the best model so far: print it, and save it with -o
    #[arg(long, help_heading = "Solver")]
    pub(crate) keep_on_interrupt: bool,

    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// `polylogit predict`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit predict model.safetensors new.csv
      one column `prediction`, a row for each row of new.csv, in its order
  polylogit predict model.safetensors new.csv --proba -o predictions.parquet
      and a column `p_<class>` for each class

Columns are found by name, in any order; columns that the model does not know are ignored.")]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// The table to predict; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) data: PathBuf,
    /// Write to this .csv or .parquet file, not to standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Add the probability of each class
    #[arg(long)]
    pub(crate) proba: bool,
    #[command(flatten)]
    pub(crate) apply: ApplyArgs,
    /// Print no notes
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// `polylogit evaluate`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit evaluate model.safetensors test.csv
  polylogit evaluate model.safetensors test.csv --format json | jq .log_loss

The table needs the column that the model was trained to predict. If the fit was weighted and the table
has the column of weights, the measures are weighted, too.")]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// The table with known labels; `-` for standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) apply: ApplyArgs,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// `polylogit show`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit show model.safetensors
  polylogit show model.safetensors --all
  polylogit show model.safetensors --format json | jq '.certificate.relative_gap'")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// Show every coefficient, however many there are
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) print: PrintArgs,
}

/// `polylogit export`.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  polylogit export model.safetensors --to json -o model.json
      the whole model as one JSON document
  polylogit export model.json --to safetensors -o model.safetensors
      and back, to the last bit

Every command takes a model in either format.")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// The format to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: ExportFormat,
    /// Write to this file, not to standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// A model on disk.
#[derive(Debug, Group)]
pub(crate) struct ModelArg {
    /// The model: a file that `polylogit fit -o` or `polylogit export` wrote
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
}

/// How tables meet the model's schema.
#[derive(Debug, Group)]
pub(crate) struct ApplyArgs {
    /// What becomes of categories that the model has never seen
    #[arg(long, value_enum, default_value_t = Unseen::Ignore)]
    pub(crate) unseen: Unseen,
}

/// How a table is read.
#[derive(Debug, Group)]
pub(crate) struct ReadArgs {
    /// Format of the table [default: by its first bytes and its extension, else CSV]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Reading")]
    pub(crate) input_format: Option<InputFormat>,
    /// Character between the fields of a CSV file, or `tab` [default: found out]
    #[arg(long, value_name = "CHAR", value_parser = delimiter, help_heading = "Reading")]
    pub(crate) delimiter: Option<u8>,
}

/// How results are printed.
#[derive(Debug, Group)]
pub(crate) struct PrintArgs {
    /// Text for people, or one JSON document
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Print errors only (with `--format json`: and the document)
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// What becomes of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Missing {
    /// Refuse the table
    Error,
    /// Leave out the rows that have any
    Drop,
    /// Fill in the mean of a column of numbers; in categories they are a level of their own
    Impute,
}

/// What becomes of unseen categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unseen {
    /// Take them as none of the known ones, and count them
    Ignore,
    /// Refuse the table
    Error,
}

/// Formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// Delimited text with a header, plain or gzipped
    Csv,
    /// The same, delimited by tabs
    Tsv,
    /// Apache Parquet
    Parquet,
    /// Arrow IPC (Feather), file or stream
    Arrow,
    /// `label index:value …` (LIBSVM), plain or gzipped
    Svmlight,
}

/// Formats of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Safetensors,
}

pub(crate) fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "not a number".to_owned())
}

fn tolerance(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err("must lie between 0 and 1, both excluded".to_owned())
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => Ok(*byte),
            _ => Err("must be one character such as `,` or `;`, or `tab`".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn ranges_are_checked_where_they_are_typed() {
        let error = |args: &[&str]| {
            let typed = ["polylogit", "fit", "x.csv", "--target", "y"].iter().chain(args);
            Args::try_parse_from(typed).unwrap_err().to_string()
        };
        for (args, message) in [
            (&["--lambda", "-1"][..], "'--lambda <L>': must be finite and at least 0"),
            (&["--lambda", "inf"], "must be finite and at least 0"),
            (&["--lambda", "much"], "not a number"),
            (&["--c", "0"], "must be greater than 0"),
            (&["--c", "1", "--lambda", "1"], "cannot be used with"),
            (&["--l1-ratio", "1.5"], "must lie between 0 and 1"),
            (&["--penalty-factor", "age"], "must be COLUMN=V"),
            (&["--penalty-factor", "=1"], "must be COLUMN=V"),
            (&["--penalty-factor", "age=-1"], "must be finite and at least 0"),
            (&["--penalty-factor", "age=inf"], "must be finite and at least 0"),
            (&["--like", "sklearn"], "possible values: glmnet, scikit-learn, spark"),
            (&["--lower", "1"], "must be at most 0"),
            (&["--upper", "NaN"], "must be at least 0"),
            (&["--tol", "0"], "between 0 and 1, both excluded"),
            (&["--threads", "0"], "0 is not in 1.."),
            (&["--memory-limit", "much"], "must be a size such as 4GiB, 500MB or 1000000"),
            (&["--memory-limit", "-4GiB"], "must be a size"),
            (&["--memory-limit", "4GX"], "must be a size"),
            (&["--memory-limit", "1.2.3MB"], "must be a size"),
            (&["--memory-limit", "0MB"], "must be at least 1 byte"),
            (&["--delimiter", "ab"], "must be one character"),
            (&["--missing", "guess"], "possible values: error, drop, impute"),
        ] {
            assert!(error(args).contains(message), "{args:?}: {}", error(args));
        }
    }
}
