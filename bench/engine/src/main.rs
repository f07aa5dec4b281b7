//! What the benchmarks run of the engine: most subcommands print one JSON document.

#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock")]

mod ceilings;
mod clock;
mod costs;
mod data;
mod fit;
mod instructions;
mod memory;
mod npy;
mod pass;
mod path;
mod peaks;
mod predict;
mod shapes;
mod tiny;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Measures the engine; prints JSON or tables", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Whole fits of data in memory
    Fit(fit::FitArgs),
    /// Fits on request, data in memory: what bench/run talks to
    Worker(fit::ProblemArgs),
    /// Paths, or their cross-validation, on request
    PathWorker(path::PathArgs),
    /// One pass over X, as a share of the roofline
    Pass(pass::PassArgs),
    /// Memory bandwidth and peak flops
    Ceilings,
    /// Iris, wine, and predictions of single rows
    Tiny(tiny::TinyArgs),
    /// Fixed fits for callgrind
    Instructions(instructions::InstructionArgs),
    /// Seconds predicted beside seconds measured, as a table
    Cost,
    /// Estimates of memory beside peaks, as a table
    Memory(peaks::MemoryArgs),
    /// Probabilities of many rows
    Predict(predict::PredictArgs),
}

fn main() -> anyhow::Result<()> {
    let told = match Args::parse().what {
        What::Fit(args) => fit::run(&args)?,
        What::Worker(args) => return fit::serve(&args),
        What::PathWorker(args) => return path::serve(&args),
        What::Pass(args) => pass::run(&args)?,
        What::Ceilings => ceilings::run(),
        What::Tiny(args) => tiny::run(&args)?,
        What::Instructions(args) => instructions::run(&args)?,
        What::Cost => return costs::run(),
        What::Memory(args) => return peaks::run(&args),
        What::Predict(args) => predict::run(&args)?,
    };
    println!("{told:#}");
    Ok(())
}
