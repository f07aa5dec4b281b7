//! `memory`: what a fit is expected to take beside the data, and what it took at its peak, as a table.
//!
//! Each problem has a process of its own: what an allocator keeps of the fit before would hide a peak.

use anyhow::{Context, Result, ensure};
use polylogit::LogisticRegression;

use crate::memory;
use crate::shapes::{Kind, Shape};

/// The problems: a name, a shape, λ and α.
const PROBLEMS: [(&str, Shape, f64, f64); 18] = [
    ("many rows", Shape::dense(Kind::F64, 400_000, 50, 5), 1e-4, 0.0),
    ("many rows, f32", Shape::dense(Kind::F32, 1_000_000, 30, 10), 1e-4, 0.0),
    ("exact Newton", Shape::dense(Kind::F64, 300_000, 20, 5), 1e-4, 0.0),
    ("middling", Shape::dense(Kind::F64, 30_000, 200, 20), 1e-3, 0.0),
    ("Hessian if slow", Shape::dense(Kind::F64, 50_000, 140, 20), 1e-3, 0.0),
    ("Hessian if slow, weak penalty", Shape::dense(Kind::F64, 50_000, 140, 20), 1e-6, 0.0),
    ("300 classes, f32", Shape::dense(Kind::F32, 60_000, 100, 300), 1e-4, 0.0),
    ("1000 classes", Shape::dense(Kind::F64, 20_000, 64, 1000), 1e-4, 0.0),
    ("many coefficients", Shape::dense(Kind::F32, 4000, 768, 1000), 1e-3, 0.0),
    ("row space", Shape::dense(Kind::F64, 1500, 20_000, 10), 1e-2, 0.0),
    ("wide", Shape::dense(Kind::F64, 4000, 5000, 5), 1e-2, 0.0),
    ("no penalty", Shape::dense(Kind::F64, 100_000, 300, 3), 0.0, 0.0),
    ("sparse, narrow", Shape::sparse(50_000, 800, 6, 20), 1e-3, 0.0),
    ("sparse", Shape::sparse(40_000, 30_000, 10, 40), 1e-3, 0.0),
    ("sparse, very wide", Shape::sparse(10_000, 400_000, 3, 40), 1e-3, 0.0),
    ("lasso", Shape::dense(Kind::F64, 60_000, 50, 8), 3e-3, 1.0),
    ("lasso, wide", Shape::dense(Kind::F32, 2000, 10_000, 4), 2e-2, 1.0),
    ("lasso, sparse", Shape::sparse(40_000, 20_000, 8, 40), 1e-3, 1.0),
];

#[derive(Debug, clap::Args)]
pub(crate) struct MemoryArgs {
    /// Only this problem, by its number from 0
    #[arg(long)]
    only: Option<usize>,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

pub(crate) fn run(args: &MemoryArgs) -> Result<()> {
    if let Some(at) = args.only {
        return one(at, args.threads);
    }
    println!(
        "| problem | n × d, K | data MB | estimate MB | at most MB | peak MB | ratio | largest part |\n|-|-|-|-|-|-|-|-|"
    );
    for at in 0..PROBLEMS.len() {
        let status = std::process::Command::new(std::env::current_exe()?)
            .args(["memory", "--only", &at.to_string(), "--threads", &args.threads.to_string()])
            .status()?;
        ensure!(status.success(), "{} failed: {status}", PROBLEMS[at].0);
    }
    Ok(())
}

fn one(at: usize, threads: usize) -> Result<()> {
    let (name, shape, lambda, alpha) = *PROBLEMS.get(at).context("no such problem")?;
    let regression =
        LogisticRegression::new().lambda(lambda).l1_ratio(alpha).standardize(true).threads(threads);
    shape.with(|design, target| {
        let estimate = regression.memory(design, target)?;
        memory::forget_peak();
        let before = memory::resident();
        regression.fit(design, target)?;
        let peak = memory::peak().saturating_sub(before);
        let mb = |bytes: u64| bytes as f64 / 1e6;
        println!(
            "| {name} | {} × {}, {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {} |",
            shape.n,
            shape.d,
            shape.k,
            mb(before),
            mb(estimate.bytes()),
            mb(estimate.at_most()),
            mb(peak),
            mb(estimate.bytes()) / mb(peak),
            estimate.parts.first().map_or("", |part| part.what),
        );
        Ok(())
    })
}
