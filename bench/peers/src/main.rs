//! The Rust peers, linfa-logistic and smartcore, as workers of the benchmark (protocol: ../worker.py).

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2, ArrayView2};
use ndarray_npy::{read_npy, write_npy};
use serde_json::json;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Peer {
    Linfa,
    Smartcore,
}

#[derive(Debug, Parser)]
struct Args {
    peer: Peer,
    /// Dense float64, .npy
    #[arg(long)]
    x: PathBuf,
    /// Class ids, int64, .npy
    #[arg(long)]
    y: PathBuf,
    /// Inverse strength; infinite for none
    #[arg(long, default_value_t = 1.0)]
    c: f64,
}

/// W (K × d), b (K).
type Answer = (Array2<f64>, Array1<f64>);

fn main() -> Result<()> {
    let args = Args::parse();
    let x: Array2<f64> = read_npy(&args.x)?;
    let y: Array1<i64> = read_npy(&args.y)?;
    let alpha = 1.0 / args.c;
    match args.peer {
        Peer::Linfa => {
            let data = DatasetBase::new(x, y.mapv(|c| c as usize));
            serve(|tol| linfa(&data, alpha, tol))
        }
        Peer::Smartcore => {
            let (n, d) = x.dim();
            let x = DenseMatrix::new(n, d, x.into_raw_vec_and_offset().0, false)?;
            let y: Vec<i64> = y.to_vec();
            serve(|_| smartcore(&x, &y, alpha))
        }
    }
}

/// Answers `tol repeat prefix`, line by line.
fn serve(fit: impl Fn(f64) -> Result<Answer>) -> Result<()> {
    say(&json!({ "ready": true }))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let mut word = || words.next().context("a request is `tol repeat prefix`");
        let (tol, repeat, prefix): (f64, usize, &str) = (word()?.parse()?, word()?.parse()?, word()?);
        std::fs::write("/proc/self/clear_refs", "5").ok();
        let before = status("VmRSS:");
        let mut seconds = Vec::new();
        let mut answer = None;
        for _ in 0..repeat {
            let start = Instant::now();
            answer = Some(fit(tol)?);
            seconds.push(start.elapsed().as_secs_f64());
        }
        let extra = status("VmHWM:").saturating_sub(before);
        let (w, b) = answer.context("no run")?;
        write_npy(format!("{prefix}.weights.npy"), &w)?;
        write_npy(format!("{prefix}.intercepts.npy"), &b)?;
        say(&json!({ "seconds": seconds, "extra_bytes": extra }))?;
    }
    Ok(())
}

fn say(told: &serde_json::Value) -> Result<()> {
    println!("{told}");
    Ok(std::io::stdout().flush()?)
}

/// Bytes of a line of Linux's /proc/self/status.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn linfa(data: &DatasetBase<Array2<f64>, Array1<usize>>, alpha: f64, tol: f64) -> Result<Answer> {
    let n = data.records.nrows() as f64;
    let fit = MultiLogisticRegression::default()
        .alpha(alpha)
        // Its gradient is that of the sum.
        .gradient_tolerance(tol * n)
        .max_iterations(1_000_000)
        .fit(data)?;
    Ok((fit.params().t().as_standard_layout().into_owned(), fit.intercept().to_owned()))
}

/// Its tolerance is fixed.
fn smartcore(x: &DenseMatrix<f64>, y: &Vec<i64>, alpha: f64) -> Result<Answer> {
    let parameters = LogisticRegressionParameters::default().with_alpha(alpha);
    let fit = LogisticRegression::fit(x, y, parameters)?;
    let rows = |m: &DenseMatrix<f64>| -> Result<Array2<f64>> {
        let (k, d) = m.shape();
        let values: Vec<f64> = m.iterator(0).copied().collect();
        Ok(ArrayView2::from_shape((k, d), &values)?.to_owned())
    };
    let b = rows(fit.intercept())?;
    Ok((rows(fit.coefficients())?, b.iter().copied().collect()))
}
