//! What is needed: the typed options as the engine's and the reader's options.

use crate::args::{FitArgs, SummaryArgs};
use polylogit::LogisticRegression;

/// C where neither `--c` nor `--lambda` is given, as in scikit-learn.
const DEFAULT_C: f64 = 1.0;

/// How to fit.
pub(crate) fn regression(args: &FitArgs) -> LogisticRegression {
    let steps = usize::try_from(args.max_steps).unwrap_or(usize::MAX);
    let mut regression = LogisticRegression::new()
        .l1_ratio(args.l1_ratio)
        .standardize(!args.no_standardize)
        .intercept(!args.no_intercept)
        .tol(args.tol)
        .max_steps(steps);
    regression = match args.lambda {
        Some(lambda) => regression.lambda(lambda),
        None => regression.c(args.c.unwrap_or(DEFAULT_C)),
    };
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
