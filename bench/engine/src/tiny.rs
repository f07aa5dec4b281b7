//! `tiny`: fits and predictions so small that overheads are what is measured.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use anyhow::Result;
use polylogit::{Design, LogisticRegression, Model};
use serde_json::{Value, json};

use crate::clock::median_of_batches;
use crate::data::{Stream, classes, random_coefficients, table};

const RUNS: usize = 51;

/// Iris and wine, and single rows.
#[derive(Debug, clap::Args)]
pub(crate) struct TinyArgs {
    /// The repository's tables
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

pub(crate) fn run(args: &TinyArgs) -> Result<Value> {
    let iris = fit(&args.data.join("iris.csv"), "species")?;
    let wine = fit(&args.data.join("wine.csv"), "cultivar")?;
    let rows: Vec<Value> =
        [(4, 3), (54, 7), (384, 100)].map(|(d, k)| single_row(d, k)).into_iter().collect::<Result<_>>()?;
    Ok(json!({ "fits": { "iris": iris, "wine": wine }, "single_rows": rows }))
}

fn fit(path: &Path, target: &str) -> Result<Value> {
    let (x, d, target) = table(path, target)?;
    let design = Design::dense(&x, target.rows(), d)?;
    let builder = LogisticRegression::new();
    let fit = builder.fit(&design, &target)?;
    let seconds = median_of_batches(RUNS, || {
        black_box(builder.fit(black_box(&design), &target)).ok();
    });
    Ok(json!({
        "microseconds": 1e6 * seconds, "objective": fit.objective, "passes": fit.passes, "steps": fit.steps,
        "solver": fit.solver, "relative_gap": fit.certificate.relative_gap, "status": fit.status.name(),
    }))
}

/// Probabilities of one row, with what it takes to hand it over.
fn single_row(d: usize, k: usize) -> Result<Value> {
    let mut stream = Stream(3);
    let model = Model::new(classes(k)?, random_coefficients(k, d, &mut stream)?)?;
    let row = stream.uniforms(d);
    let seconds = median_of_batches(RUNS, || {
        black_box(Design::dense(black_box(&row), 1, d).and_then(|x| model.probabilities(&x))).ok();
    });
    Ok(json!({ "d": d, "k": k, "nanoseconds": 1e9 * seconds }))
}
