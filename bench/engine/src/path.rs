//! `path-worker`: whole paths and their cross-validation on request, of data in memory.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use polylogit::{CrossValidation, Design, Lambdas, LogisticRegression, Path, Target};
use serde_json::{Value, json};

use crate::clock::timed;
use crate::fit::{self, ProblemArgs, Request, Watch, named};
use crate::memory;
use crate::npy::{self, Values};

/// A path, or its cross-validation.
#[derive(Debug, clap::Args)]
pub(crate) struct PathArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// λ, falling, .npy
    #[arg(long)]
    lambdas: PathBuf,
    /// Cross-validate: the fold of each row, integers from 0, .npy
    #[arg(long)]
    folds: Option<PathBuf>,
}

/// Answers requests: writes PREFIX.weights.npy (λ × K × d), PREFIX.intercepts.npy (λ × K), NaN where the path did not
/// get, and of a cross-validation PREFIX.scores.npy (λ), the mean log loss.
pub(crate) fn serve(args: &PathArgs) -> Result<()> {
    let Values::F64(lambdas) = npy::read(&args.lambdas)?.values else { bail!("λ want to be float64") };
    let folds = args.folds.as_ref().map(|path| match npy::read(path)?.values {
        Values::I64(folds) => folds.into_iter().map(|f| Ok(u32::try_from(f)?)).collect::<Result<Vec<u32>>>(),
        _ => bail!("folds want to be int64"),
    });
    let given = Lambdas::given(lambdas.clone());
    let validation = folds.transpose()?.map(|f| CrossValidation::default().given(f).lambdas(given.clone()));
    fit::answer(&args.problem, |builder, design, target, request| {
        memory::forget_peak();
        let before = memory::resident();
        let mut seconds = Vec::new();
        let mut last = None;
        for _ in 0..request.repeat {
            let (taken, found) =
                timed(|| once(builder, design, target, &given, validation.as_ref(), request.limit));
            seconds.push(taken);
            last = Some(found?);
        }
        let extra = memory::peak().saturating_sub(before);
        let (path, scores) = last.context("REPEAT is at least 1")?;
        save(&path, &lambdas, scores.as_deref(), request)?;
        Ok(describe(&path, lambdas.len(), &seconds, extra))
    })
}

/// The path, and of a cross-validation its mean scores.
fn once(
    builder: &LogisticRegression,
    design: &Design<'_>,
    target: &Target,
    lambdas: &Lambdas,
    validation: Option<&CrossValidation>,
    limit: f64,
) -> Result<(Path, Option<Vec<f64>>)> {
    let watch = Watch::new(limit);
    let Some(validation) = validation else {
        let mut watch = watch;
        return Ok((builder.path_observed(design, target, lambdas, &mut watch)?, None));
    };
    let mut found = validation.run_watched(builder, design, target, &|| watch.is_over())?;
    let curve = found.curves.swap_remove(0);
    Ok((curve.path, Some(curve.mean)))
}

fn save(path: &Path, lambdas: &[f64], scores: Option<&[f64]>, request: &Request) -> Result<()> {
    let (k, d) = (path.classes.len(), path.features);
    let (mut weights, mut intercepts) = (Vec::new(), Vec::new());
    for point in 0..path.points.len() {
        let c = path.coefficients(point)?;
        weights.extend_from_slice(c.weights());
        intercepts.extend_from_slice(c.intercepts());
    }
    let padded = |values: &[f64], len: usize| {
        let mut values = values.to_vec();
        values.resize(len, f64::NAN);
        values
    };
    let count = lambdas.len();
    npy::write(&named(&request.prefix, "weights"), &[count, k, d], &padded(&weights, count * k * d))?;
    npy::write(&named(&request.prefix, "intercepts"), &[count, k], &padded(&intercepts, count * k))?;
    if let Some(scores) = scores {
        npy::write(&named(&request.prefix, "scores"), &[count], &padded(scores, count))?;
    }
    Ok(())
}

fn describe(path: &Path, count: usize, seconds: &[f64], extra: u64) -> Value {
    // The certificate of a path is its poorest; the status that of the first λ that did not converge.
    let poorest = path.points.iter().map(|p| p.certificate.relative_gap).fold(0.0, f64::max);
    let open = path.points.iter().find(|p| !p.status.is_converged());
    let status = match open {
        Some(point) => point.status.name(),
        None if path.points.len() < count => "cancelled",
        None => "converged",
    };
    let steps: usize = path.points.iter().map(|p| p.steps).sum();
    json!({
        "seconds": seconds, "extra_bytes": extra, "status": status, "points": path.points.len(),
        "steps": steps, "passes": path.passes, "lambda_max": path.lambda_max,
        "solver": "proximal newton", "certificate": { "relative_gap": poorest },
        "gaps": path.points.iter().map(|p| p.certificate.gap).collect::<Vec<_>>(),
        "nonzeros": path.points.last().map_or(0, |p| p.nonzero_weights),
    })
}
