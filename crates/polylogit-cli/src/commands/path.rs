//! `polylogit path`: the fits along a falling sequence of λ.

use super::{plot, table};
use crate::describe::{facts, heading, indent, plain_table, right_align};
use crate::path_args::PathArgs;
use crate::printer::{Printer, count, number, seconds, significant};
use crate::progress::Progress;
use crate::settings;
use anyhow::Result;
use polylogit::{CertificateKind, Path, PathPoint};
use serde::Serialize;
use std::collections::BTreeMap;

/// A path as `--format json` prints it.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    classes: Vec<String>,
    features: &'a [String],
    l1_ratio: f64,
    grouped: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [Vec<usize>],
    standardize: bool,
    lambda_max: f64,
    null_nll_mean: f64,
    points: Vec<Point<'a>>,
}

/// One λ.
#[derive(Serialize)]
struct Point<'a> {
    lambda: f64,
    nonzero_features: usize,
    nonzero_weights: usize,
    deviance_ratio: f64,
    nll_mean: f64,
    objective: f64,
    relative_gap: f64,
    status: &'static str,
    intercept: &'a [f64],
    /// Features with a weight that is not 0, and their K weights.
    weights: BTreeMap<&'a str, &'a [f64]>,
}

impl<'a> Document<'a> {
    fn new(path: &'a Path, names: &'a [String]) -> Self {
        Self {
            classes: path.classes.iter().map(ToString::to_string).collect(),
            features: names,
            l1_ratio: path.l1_ratio,
            grouped: path.grouped,
            groups: &path.groups,
            standardize: path.standardize,
            lambda_max: path.lambda_max,
            null_nll_mean: path.null_nll_mean,
            points: path.points.iter().map(|p| Point::new(p, names)).collect(),
        }
    }
}

impl<'a> Point<'a> {
    fn new(point: &'a PathPoint, names: &'a [String]) -> Self {
        Self {
            lambda: point.lambda,
            nonzero_features: point.nonzero_features,
            nonzero_weights: point.nonzero_weights,
            deviance_ratio: point.deviance_ratio,
            nll_mean: point.nll_mean,
            objective: point.objective,
            relative_gap: point.certificate.relative_gap,
            status: point.status.name(),
            intercept: point.intercepts(),
            weights: point.weights().map(|(j, w)| (names[j].as_str(), w)).collect(),
        }
    }
}

pub(crate) fn run(args: &PathArgs) -> Result<()> {
    let printer = Printer::new(&args.fit.print);
    let lambdas = settings::lambdas(&args.fit, &args.lambdas)?;
    let training = table::read_training(&args.fit)?;
    printer.text(&(training.report.text() + "\n"))?;
    let design = training.design()?;
    let regression = settings::regression(&args.fit, &training.schema)?;
    let mut progress = Progress::start(!printer.is_quiet());
    let path = regression.path_observed(&design, &training.target, &lambdas, &mut progress);
    let taken = progress.finish();
    let path = path.map_err(|error| training.explain(error))?;
    warn(&path, printer);
    let names = training.schema.feature_names();
    if let Some(file) = &args.plot {
        plot::save_profiles(file, &path, &names)?;
    }
    printer.document(&Document::new(&path, &names))?;
    printer.text(&(heading("Path") + &summary(&path, taken) + "\n" + &rows(&path)))
}

/// Fits that are not what was asked for.
pub(super) fn warn(path: &Path, printer: Printer) {
    let open = path.points.iter().filter(|p| !p.status.is_converged()).count();
    if open > 0 {
        printer.warning(&format!(
            "{} did not reach the goal of --tol: allow more steps with --max-steps",
            count(open, "fit")
        ));
    }
}

/// λ_max, and what it took.
pub(super) fn summary(path: &Path, taken: f64) -> String {
    let proven = path.points.iter().all(|p| p.certificate.kind == CertificateKind::DualityGap);
    let most = if proven { "at most" } else { "an estimated" };
    let worst = path.points.iter().map(|p| p.certificate.relative_gap).fold(0.0, f64::max);
    let steps: usize = path.points.iter().map(|p| p.steps).sum();
    facts([
        ("largest λ", format!("{}: every penalised weight is 0", number(path.lambda_max))),
        (
            "certificates",
            format!("every fit is {most} {} above its minimum, relative", significant(worst, 2)),
        ),
        (
            "cost",
            format!(
                "{}, {} passes over the rows, {}",
                count(steps, "step"),
                significant(path.passes, 3),
                seconds(taken)
            ),
        ),
    ])
}

/// One row for each λ.
fn rows(path: &Path) -> String {
    let mut table = plain_table();
    table.set_header(["lambda", "features", "weights", "deviance ratio", "mean log loss"]);
    for p in &path.points {
        table.add_row([
            significant(p.lambda, 5),
            p.nonzero_features.to_string(),
            p.nonzero_weights.to_string(),
            format!("{:.5}", p.deviance_ratio),
            format!("{:.5}", p.nll_mean),
        ]);
    }
    right_align(&mut table, 0..usize::MAX);
    indent(&format!("{table}\n"))
}
