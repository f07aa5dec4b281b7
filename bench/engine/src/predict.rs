//! `predict`: probabilities of many rows.

use std::path::PathBuf;

use anyhow::{Result, bail};
use polylogit::{Coefficients, Model};
use serde_json::{Value, json};

use crate::clock::{median, timed};
use crate::data::{self, Matrix};
use crate::fit::{XArgs, named};
use crate::npy::{self, Array, Values};

/// Seconds of the probabilities of all rows.
#[derive(Debug, clap::Args)]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    x: XArgs,
    /// PREFIX.weights.npy (K × d) and PREFIX.intercepts.npy (K), as `fit --save` writes them
    #[arg(long, value_name = "PREFIX")]
    model: PathBuf,
    /// Runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Answer into the same memory each time
    #[arg(long)]
    into: bool,
    /// Write the probabilities (n × K), .npy
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

pub(crate) fn run(args: &PredictArgs) -> Result<Value> {
    let matrix = args.x.load()?;
    let design = matrix.design()?;
    let weights = npy::read(&named(&args.model, "weights"))?;
    let intercepts = npy::read(&named(&args.model, "intercepts"))?;
    let (Values::F64(w), Values::F64(b)) = (weights.values, intercepts.values) else {
        bail!("coefficients want to be float64");
    };
    let (k, d) = (weights.shape[0], weights.shape[1]);
    let model = Model::new(data::classes(k)?, Coefficients::new(k, d, w, b)?)?;

    // float32 rows: in float32, as the peers do.
    let (seconds, p) = if matches!(&matrix, Matrix::Dense(Array { values: Values::F32(_), .. })) {
        let (fresh, into) =
            (|| model.probabilities_f32(&design), |p: &mut [f32]| model.probabilities_f32_into(&design, p));
        let (seconds, p) = repeated(args, fresh, into)?;
        (seconds, p.into_iter().map(f64::from).collect())
    } else {
        repeated(args, || model.probabilities(&design), |p| model.probabilities_into(&design, p))?
    };
    if let Some(path) = &args.save {
        npy::write(path, &[design.rows(), k], &p)?;
    }
    Ok(json!({
        "n": design.rows(), "d": d, "k": k, "seconds": seconds, "median_seconds": median(seconds.clone()),
    }))
}

/// Seconds of each run, and the last answer.
fn repeated<T>(
    args: &PredictArgs,
    fresh: impl Fn() -> polylogit::Result<Vec<T>>,
    into: impl Fn(&mut [T]) -> polylogit::Result<()>,
) -> Result<(Vec<f64>, Vec<T>)> {
    let (first, answer) = timed(&fresh);
    let (mut seconds, mut p) = (vec![first], answer?);
    for _ in 1..args.repeat {
        if args.into {
            let (s, done) = timed(|| into(&mut p));
            done?;
            seconds.push(s);
        } else {
            drop(std::mem::take(&mut p));
            let (s, answer) = timed(&fresh);
            seconds.push(s);
            p = answer?;
        }
    }
    Ok((seconds, p))
}
