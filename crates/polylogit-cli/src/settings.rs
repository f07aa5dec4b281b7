//! What is needed: the typed options as the engine's and the reader's options.

use crate::args::{FitArgs, Like, PenaltyArgs, SummaryArgs};
use crate::failure::{BadCall, with_help};
use crate::path_args::LambdaArgs;
use crate::printer::number;
use anyhow::{Result, anyhow};
use polylogit::{Convention, Fit, Lambdas, LogisticRegression};
use polylogit_data::{Kind, Schema};

/// C where neither `--c` nor `--lambda` is given, as in scikit-learn.
const DEFAULT_C: f64 = 1.0;

/// How to fit the columns of a schema.
pub(crate) fn regression(args: &FitArgs, schema: &Schema) -> Result<LogisticRegression> {
    let PenaltyArgs { grouped, lower, upper, no_standardize, no_intercept, .. } = args.penalty;
    let steps = usize::try_from(args.max_steps).unwrap_or(usize::MAX);
    let mut regression =
        shape(&args.penalty)?.grouped(grouped).intercept(!no_intercept).tol(args.tol).max_steps(steps);
    if no_standardize {
        regression = regression.standardize(false);
    }
    let factors = factors(&args.penalty.penalty_factor, schema)?;
    regression = regression.groups(groups(&args.penalty, &factors, schema)?);
    if !args.penalty.penalty_factor.is_empty() {
        regression = regression.penalty_factors(factors);
    }
    if lower.is_some() || upper.is_some() {
        let wide = |bound: Option<f64>, none| vec![bound.unwrap_or(none); schema.width()];
        regression = regression.bounds(wide(lower, f64::NEG_INFINITY), wide(upper, f64::INFINITY));
    }
    Ok(within(regression, args.memory_limit, args.threads))
}

/// Within so much memory, or what the machine has to spare, and on so many threads, or all.
fn within(
    mut regression: LogisticRegression,
    memory: Option<u64>,
    threads: Option<u32>,
) -> LogisticRegression {
    if let Some(limit) = memory.or_else(polylogit_data::spare_memory) {
        regression = regression.memory_limit(limit);
    }
    match threads {
        Some(threads) => regression.threads(threads as usize),
        None => regression,
    }
}

/// Whose numbers, λ and α.
fn shape(args: &PenaltyArgs) -> Result<LogisticRegression> {
    let mut regression = LogisticRegression::new().standardize(true);
    if let Some(like) = args.like {
        let convention = convention(like);
        regression = LogisticRegression::new().like(convention);
        let scikit_learn = like == Like::ScikitLearn;
        if (if scikit_learn { args.lambda } else { args.c }).is_some() {
            let (theirs, not) = if scikit_learn { ("--c", "--lambda") } else { ("--lambda", "--c") };
            return Err(
                BadCall(format!("the strength of {} is {theirs}, not {not}", convention.name())).into()
            );
        }
    }
    if let Some(alpha) = args.l1_ratio {
        regression = regression.l1_ratio(alpha);
    }
    Ok(match (args.lambda, args.like) {
        (Some(lambda), _) => regression.lambda(lambda),
        (None, Some(Like::Spark)) => regression.lambda(0.0),
        (None, _) => regression.c(args.c.unwrap_or(DEFAULT_C)),
    })
}

/// The engine's name of a package.
pub(crate) fn convention(like: Like) -> Convention {
    match like {
        Like::Glmnet => Convention::Glmnet,
        Like::ScikitLearn => Convention::ScikitLearn,
        Like::Spark => Convention::Spark,
    }
}

/// λ and α that were typed for a fit of total weight S.
pub(crate) fn given(args: &PenaltyArgs, total_weight: f64) -> (f64, f64) {
    let alpha = args.l1_ratio.or(args.like.map(|like| convention(like).l1_ratio())).unwrap_or(0.0);
    let lambda = match (args.lambda, args.like) {
        (Some(lambda), _) => lambda,
        (None, Some(Like::Spark)) => 0.0,
        (None, _) => 1.0 / (args.c.unwrap_or(DEFAULT_C) * total_weight),
    };
    (lambda, alpha)
}

/// Where a package's λ and α are others in the objective as it is printed: which.
pub(crate) fn converted(args: &PenaltyArgs, (lambda, alpha): (f64, f64), fit: &Fit) -> Option<String> {
    let like = args.like?;
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
    if near(lambda, fit.lambda) && near(alpha, fit.l1_ratio) {
        return None;
    }
    let name = convention(like).name();
    let symbol = if like == Like::ScikitLearn { "1/(C·S)" } else { "λ" };
    let pair = |symbol, lambda, alpha| format!("{symbol} = {}, α = {}", number(lambda), number(alpha));
    let (theirs, ours) = (pair(symbol, lambda, alpha), pair("λ", fit.lambda, fit.l1_ratio));
    Some(format!("{name}'s {theirs} are {ours} in the objective below"))
}

/// A factor for each design column: 1 but for those that were named.
fn factors(given: &[(String, f64)], schema: &Schema) -> Result<Vec<f64>> {
    let mut factors = vec![1.0; schema.width()];
    for (i, (name, value)) in given.iter().enumerate() {
        if given[..i].iter().any(|(other, _)| other == name) {
            return Err(BadCall(format!("--penalty-factor gives {name} twice")).into());
        }
        factors[columns("--penalty-factor", name, schema)?].fill(*value);
    }
    Ok(factors)
}

/// The design columns of each group.
fn groups(args: &PenaltyArgs, factors: &[f64], schema: &Schema) -> Result<Vec<Vec<usize>>> {
    let names = schema.feature_names();
    let mut of: Vec<Option<&str>> = vec![None; names.len()];
    let mut groups = Vec::new();
    for (i, (name, given)) in args.group.iter().enumerate() {
        if args.group[..i].iter().any(|(other, _)| other == name) {
            return Err(BadCall(format!("--group gives {name} twice")).into());
        }
        let mut group = Vec::new();
        for column in given {
            for j in columns("--group", column, schema)? {
                if let Some(other) = of[j].replace(name) {
                    let (other, column) = (format!("--group {other}"), &names[j]);
                    return Err(BadCall(format!("--group {name}: {column} is in {other} already")).into());
                }
                group.push(j);
            }
        }
        groups.push((name.as_str(), group));
    }
    let mut start = 0;
    for column in schema.columns.iter().filter(|_| args.group_categories) {
        let levels: Vec<usize> = (start..start + column.kind.width()).collect();
        start += levels.len();
        if matches!(column.kind, Kind::Category { .. }) && levels.iter().all(|j| of[*j].is_none()) {
            groups.push((column.name.as_str(), levels));
        }
    }
    for (name, group) in &groups {
        if let Some(&other) = group.iter().find(|j| factors[**j] != factors[group[0]]) {
            let of = |j: usize| format!("{} for {}", number(factors[j]), names[j]);
            let factors = format!("{} and {}", of(group[0]), of(other));
            let text =
                format!("group {name} needs one --penalty-factor for all of its columns, not {factors}");
            return Err(BadCall(text).into());
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).filter(|group| !group.is_empty()).collect())
}

/// The design columns of a column or a level that an option names.
fn columns(option: &str, name: &str, schema: &Schema) -> Result<std::ops::Range<usize>> {
    schema.find(name).ok_or_else(|| {
        let error = anyhow!("{option} {name}: the fit has no such column");
        match schema.near(name) {
            Some(near) => with_help(error, format!("did you mean {near}?")),
            None => error,
        }
    })
}

/// `polylogit fit` needs one λ.
pub(crate) fn check_strength(args: &PenaltyArgs) -> Result<()> {
    if args.like == Some(Like::Glmnet) && args.lambda.is_none() && args.c.is_none() {
        let text = "glmnet has no default λ: give --lambda, or fit all of them with `polylogit path`";
        return Err(BadCall(text.to_owned()).into());
    }
    Ok(())
}

/// How to fit for statistics: no penalty unless it is asked for.
pub(crate) fn statistics(args: &SummaryArgs) -> LogisticRegression {
    let regression =
        LogisticRegression::new().lambda(args.lambda).standardize(true).intercept(!args.no_intercept);
    within(regression, args.memory_limit, args.threads)
}

/// The λ of a path; `--lambda` and `--c` have no place beside them.
pub(crate) fn lambdas(args: &FitArgs, lambdas: &LambdaArgs) -> Result<Lambdas> {
    if args.penalty.lambda.is_some() || args.penalty.c.is_some() {
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
