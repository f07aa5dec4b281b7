//! `instructions`: fixed fits on one thread whose instructions callgrind counts (bench/instructions/check).

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use polylogit::{Csr, Design, Fit, LogisticRegression, Target};
use serde_json::{Value, json};

use crate::data::{Stream, classes, table};

/// Rows, few enough for seconds under callgrind.
const DIGITS: usize = 600;
const LETTERS: usize = 1000;
/// Rows, columns, classes and stored values a row of the text-like matrix: too wide for a dense Hessian.
const TEXT: (usize, usize, u32, usize) = (1000, 6000, 10, 15);

/// One of the fits.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// The first raw digits, C = 1: middling K·d
    Digits,
    /// The first letters: narrow, exact Newton's ground
    Letter,
    /// Sparse rows like text, C = 10
    Text,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InstructionArgs {
    which: Which,
    /// The repository's tables
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

pub(crate) fn run(args: &InstructionArgs) -> Result<Value> {
    let fit = match args.which {
        Which::Digits => dense(&args.data, "digits", "digit", DIGITS)?,
        Which::Letter => dense(&args.data, "letter", "letter", LETTERS)?,
        Which::Text => text()?,
    };
    Ok(json!({
        "status": fit.status.name(), "solver": fit.solver, "steps": fit.steps, "passes": fit.passes,
        "objective": fit.objective, "relative_gap": fit.certificate.relative_gap,
    }))
}

fn dense(data: &Path, name: &str, column: &str, rows: usize) -> Result<Fit> {
    let (x, d, target) = table(&data.join(format!("{name}.csv")), column)?;
    let n = target.rows().min(rows);
    let ids = target.ids().unwrap_or_default()[..n].to_vec();
    let target = Target::from_classes(target.classes().to_vec(), ids)?;
    counted(&Design::dense(&x[..n * d], n, d)?, &target, 1.0)
}

/// Each class prefers some columns: row i of class k draws half of its columns from those.
fn text() -> Result<Fit> {
    let (n, d, k, in_row) = TEXT;
    let mut stream = Stream(4);
    let (mut indices, mut indptr, mut ids) = (Vec::new(), vec![0u32], Vec::new());
    for i in 0..n as u32 {
        let class = i % k;
        let mut row: Vec<u32> = (0..in_row)
            .map(|at| {
                let word = (stream.next() % d as u64) as u32;
                if at % 2 == 0 { word } else { word / k * k + class }
            })
            .collect();
        row.sort_unstable();
        row.dedup();
        indices.extend(row);
        indptr.push(indices.len() as u32);
        ids.push(class);
    }
    let values: Vec<f64> = stream.uniforms(indices.len()).into_iter().map(|v| 0.2 + 0.1 * v).collect();
    let design = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d)?;
    counted(&design, &Target::from_classes(classes(k as usize)?, ids)?, 10.0)
}

/// What callgrind counts; its script knows the name.
#[inline(never)]
fn counted(design: &Design<'_>, target: &Target, c: f64) -> Result<Fit> {
    Ok(LogisticRegression::new().c(c).threads(1).fit(design, target)?)
}
