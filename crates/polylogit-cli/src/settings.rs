//! What is needed: the typed options as the engine's and the reader's options.

use crate::args::{FitArgs, SummaryArgs};
use crate::failure::BadCall;
use crate::path_args::LambdaArgs;
use anyhow::Result;
use polylogit::{Lambdas, LogisticRegression};

/// C where neither `--c` nor `--lambda` is given, as in scikit-learn.
const DEFAULT_C: f64 = 1.0;

/// How to fit `features` columns.
pub(crate) fn regression(args: &FitArgs, features: usize) -> LogisticRegression {
    let steps = usize::try_from(args.max_steps).unwrap_or(usize::MAX);
    let mut regression = LogisticRegression::new()
        .l1_ratio(args.l1_ratio)
        .grouped(args.grouped)
        .standardize(!args.no_standardize)
        .intercept(!args.no_intercept)
        .tol(args.tol)
        .max_steps(steps);
    if let Some(limit) = args.memory_limit.or_else(polylogit_data::spare_memory) {
        regression = regression.memory_limit(limit);
    }
    regression = match args.lambda {
        Some(lambda) => regression.lambda(lambda),
        None => regression.c(args.c.unwrap_or(DEFAULT_C)),
    };
    if args.lower.is_some() || args.upper.is_some() {
        let wide = |bound: Option<f64>, none| vec![bound.unwrap_or(none); features];
        regression = regression.bounds(wide(args.lower, f64::NEG_INFINITY), wide(args.upper, f64::INFINITY));
    }
    match args.threads {
        Some(threads) => regression.threads(threads as usize),
        None => regression,
    }
}

/// How to fit for statistics: no penalty unless it is asked for.
pub(crate) fn statistics(args: &SummaryArgs) -> LogisticRegression {
    let regression =
        LogisticRegression::new().lambda(args.lambda).standardize(true).intercept(!args.no_intercept);
    match args.threads {
        Some(threads) => regression.threads(threads as usize),
        None => regression,
    }
}

/// The λ of a path; `--lambda` and `--c` have no place beside them.
pub(crate) fn lambdas(args: &FitArgs, lambdas: &LambdaArgs) -> Result<Lambdas> {
    if args.lambda.is_some() || args.c.is_some() {
        return Err(BadCall(
            "a path has its own λ: leave out --lambda and --c, or use `polylogit fit`".into(),
        )
        .into());
    }
    let mut out = lambdas.lambdas.map_or_else(Lambdas::default, |n| Lambdas::spaced(n as usize));
    if let Some(ratio) = lambdas.lambda_ratio {
        out = out.ratio(ratio);
    }
    Ok(out.early_stop(!lambdas.whole))
}
