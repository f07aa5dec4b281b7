//! `polylogit summary`: standard errors, tests and intervals of a fit without a penalty.

mod at;
mod contrasts;
mod document;
mod influence;
mod probabilities;
mod terms;
mod text;

use super::table::{self, Training};
use super::{columns, display, is_stdin};
use crate::args::{CovarianceKind, Effects, SummaryArgs, Weighting};
use crate::describe;
use crate::failure::{BadCall, with_help};
use crate::printer::{Printer, count};
use crate::progress::Progress;
use crate::settings;
use anyhow::{Result, anyhow};
use at::Settings;
use contrasts::{Contrast, Names, Tested};
use document::Document;
use influence::Influence;
use polylogit::Error;
use polylogit::inference::{Covariance, Estimate, Inference, Summary, Term, Test, WeightKind};
use polylogit_data::Matrix;
use probabilities::{AtSettings, Predicted};
use std::collections::BTreeSet;

pub(super) use terms::Terms;

/// Rows of the rarest class that a column should have.
const ROWS_PER_COLUMN: usize = 10;

/// Everything that is printed.
struct Results<'r> {
    training: &'r Training,
    summary: &'r Summary,
    terms: &'r Terms,
    names: &'r [String],
    /// For each group of columns Wald's test, and the likelihood ratio's where it was asked for.
    tests: Vec<(Test, Option<Test>)>,
    contrasts: Vec<Tested>,
    /// Of each change, for each class.
    effects: Vec<(String, Vec<Estimate>)>,
    at: Option<Effects>,
    rows: Rows,
    notes: &'r [String],
    seconds: f64,
}

/// What is said about rows, where it was asked for.
struct Rows {
    influence: Option<Influence>,
    predicted: Option<Predicted>,
    at: Option<AtSettings>,
}

pub(crate) fn run(args: &SummaryArgs) -> Result<()> {
    let printer = Printer::new(&args.print);
    check(args)?;
    let mut training = table::read_for_summary(args)?;
    let terms = Terms::new(&training.schema, &args.polynomial, &args.interact)?;
    if let (Matrix::Sparse { .. }, false) =
        (training.matrix(), args.polynomial.is_empty() && args.interact.is_empty())
    {
        return Err(BadCall("svmlight files allow no --interact and no --polynomial".to_owned()).into());
    }
    terms.matrix(training.table());
    let names = terms.names();
    printer.text(&(training.report.text() + "\n"))?;

    let reference = reference(args, &training)?;
    let inference = inference(args, &training, reference);
    let classes = training.target.classes().iter().map(ToString::to_string).collect();
    let vocabulary = Names::new(classes, reference, &terms, !args.no_intercept);
    let settings = args.at.iter().map(|typed| Settings::new(typed, &terms)).collect::<Result<Vec<_>>>()?;
    let new = args.predict.as_deref().map(|path| -> Result<_> {
        let mut table = table::read_new(path, &training.schema, args.missing, &args.read, printer)?;
        terms.matrix(&mut table);
        Ok((path, table))
    });
    let new = new.transpose()?;
    let mut zeros = BTreeSet::new();
    let contrasts = args.contrast.iter().map(|typed| Contrast::new(typed, &vocabulary, &mut zeros));
    let contrasts = contrasts.collect::<Result<Vec<_>>>()?;
    let design = training.design()?;
    let mut notes = sparse_data(&training, &terms, &names)?;
    let mut progress = Progress::start(!printer.is_quiet());
    let fitted = inference.fit_observed(&design, &training.target, &mut progress);
    let seconds = progress.finish();
    let summary = fitted.map_err(|error| explain(error, &training, &names, &notes))?;
    notes.extend(super::fit::notes(summary.diagnosis(), &names));
    notes.extend(open_ends(&summary, &names));
    notes.extend(terms.bases().map(|(name, level)| format!("{name}: the base level is {level}")));
    notes.extend(zeros);
    for note in &notes {
        printer.note(note);
    }
    let tests = terms.groups.iter().map(|group| {
        let wald = summary.wald_columns(&group.columns)?;
        let ratio = args
            .lr
            .then(|| inference.likelihood_ratio(&design, &training.target, &summary, &group.columns))
            .transpose()
            .map_err(|error| explain(error, &training, &names, &notes))?;
        Ok((wald, ratio))
    });
    let tests = tests.collect::<Result<_>>()?;
    let contrasts = contrasts.into_iter().map(|contrast| contrast.test(&summary, &vocabulary));
    let contrasts = contrasts.collect::<Result<_>>()?;
    let effects = match args.effects {
        None => Vec::new(),
        Some(at) => effects(at, &summary, &terms, &training)?,
    };
    let predicted = new.map(|(path, table)| {
        let saved = args.output.as_deref().map(display);
        Predicted::new(display(path), saved, &table, &summary)
    });
    let at = (!settings.is_empty()).then(|| AtSettings::new(settings, &terms, &summary));
    let rows = Rows {
        influence: influence(args, &summary, &training)?,
        predicted: predicted.transpose()?,
        at: at.transpose()?,
    };
    save(args, &rows, &summary)?;
    let results = Results {
        training: &training,
        summary: &summary,
        terms: &terms,
        names: &names,
        tests,
        contrasts,
        effects,
        at: args.effects,
        rows,
        notes: &notes,
        seconds,
    };
    printer.document(&Document::new(&results))?;
    printer.text(&text::of(&results))
}

/// What makes no sense whatever the table, and what the files are to be.
fn check(args: &SummaryArgs) -> Result<()> {
    let bad = |what: &str| Err(BadCall(what.to_owned()).into());
    if args.firth {
        if matches!(args.covariance, Some(CovarianceKind::Hc0 | CovarianceKind::Hc1)) {
            return bad(
                "--firth has the model's covariance: its tests and intervals are those of the penalised \
                        likelihood, so leave out --covariance",
            );
        }
        if args.weight_kind == Weighting::Sampling {
            return bad("--firth with sampling weights: they make no likelihood that could be penalised");
        }
        if args.influence.is_some() || args.influence_out.is_some() {
            return bad(
                "--influence with --firth: leverage and Cook's distance are those of the likelihood's maximum, \
                        which Firth's estimates are not",
            );
        }
    }
    if is_stdin(&args.data) && args.predict.as_deref().is_some_and(is_stdin) {
        return bad("the table and that of --predict cannot both come from standard input");
    }
    args.output.iter().chain(&args.influence_out).try_for_each(|path| columns::writer(path).map(|_| ()))
}

fn influence(args: &SummaryArgs, summary: &Summary, training: &Training) -> Result<Option<Influence>> {
    let saved = args.influence_out.as_deref().map(display);
    if args.influence.is_none() && saved.is_none() {
        return Ok(None);
    }
    let shown = args.influence.map_or(0, |n| n as usize);
    Influence::new(shown, saved, summary, training).map(Some)
}

/// The files that were asked for.
fn save(args: &SummaryArgs, rows: &Rows, summary: &Summary) -> Result<()> {
    if let (Some(path), Some(predicted)) = (&args.output, &rows.predicted) {
        columns::save(path, columns::writer(path)?, &predicted.columns(summary.classes()))?;
    }
    if let (Some(path), Some(influence)) = (&args.influence_out, &rows.influence) {
        columns::save(path, columns::writer(path)?, &influence.columns(summary))?;
    }
    Ok(())
}

/// Intervals without an end, in words (JSON has neither ∞ nor NaN).
fn open_ends(summary: &Summary, names: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    for (class, term) in summary.parameters() {
        let Some(estimate) = summary.estimate(class, term) else { continue };
        let name = match term {
            Term::Intercept => "(intercept)",
            Term::Column(j) => names[j].as_str(),
        };
        for (end, value) in [("lower", estimate.low), ("upper", estimate.high)] {
            if !value.is_finite() {
                let how = if value.is_nan() { "was not found" } else { "is infinite" };
                let class = &summary.classes()[class];
                notes.push(format!("class {class}, {name}: the {end} end of the interval {how}"));
            }
        }
    }
    notes
}

/// Empty cells, and too few rows for the parameters (Peduzzi et al. 1996).
fn sparse_data(training: &Training, terms: &Terms, names: &[String]) -> Result<Vec<String>> {
    let (design, target) = (training.design()?, &training.target);
    let mut notes: Vec<String> =
        polylogit::diagnose::empty_cells(&design, target, &terms.levels_of_categories())?
            .into_iter()
            .map(|(column, class)| {
                format!("no row of class {} has {}", target.classes()[class], names[column])
            })
            .collect();
    let mut rows = vec![0; target.classes().len()];
    target.ids().unwrap_or_default().iter().for_each(|&id| rows[id as usize] += 1);
    let few = rows.iter().zip(target.classes()).min_by_key(|(n, _)| **n);
    if let Some((&n, class)) = few.filter(|(n, _)| **n < ROWS_PER_COLUMN * names.len()) {
        notes.push(format!(
            "class {class} has {} for {}: below {ROWS_PER_COLUMN} each, estimates are biased and intervals too narrow",
            count(n, "row"),
            count(names.len(), "column")
        ));
    }
    Ok(notes)
}

fn effects(
    at: Effects,
    summary: &Summary,
    terms: &Terms,
    training: &Training,
) -> Result<Vec<(String, Vec<Estimate>)>> {
    let changes = terms.changes();
    let wanted: Vec<_> = changes.iter().map(|c| c.effect.clone()).collect();
    let found = match at {
        Effects::Average => summary.average_effects(&training.design()?, &training.target, &wanted)?,
        Effects::Mean => summary.effects_at(&terms.at_means(summary.column_means()), &wanted)?,
    };
    Ok(changes.into_iter().map(|c| c.name).zip(found).collect())
}

/// The class that the others are compared with.
fn reference(args: &SummaryArgs, training: &Training) -> Result<usize> {
    let Some(reference) = &args.reference else { return Ok(0) };
    let classes: Vec<String> = training.target.classes().iter().map(ToString::to_string).collect();
    classes.iter().position(|c| c == reference).ok_or_else(|| {
        anyhow!("--reference {reference} is no class: the classes are {}", describe::list(&classes))
    })
}

/// The typed options as the engine's.
fn inference(args: &SummaryArgs, training: &Training, reference: usize) -> Inference {
    let mut inference = Inference::new()
        .reference(reference)
        .regression(settings::statistics(args))
        .level(args.level)
        .despite_penalty(args.despite_penalty)
        .firth(args.firth)
        .weight_kind(match args.weight_kind {
            Weighting::Frequency => WeightKind::Frequency,
            Weighting::Sampling => WeightKind::Sampling,
            Weighting::Analytic => WeightKind::Analytic,
        });
    if let Some(covariance) = args.covariance {
        inference = inference.covariance(match covariance {
            CovarianceKind::Model => Covariance::Model,
            CovarianceKind::Hc0 => Covariance::Hc0,
            CovarianceKind::Hc1 => Covariance::Hc1,
        });
    }
    match training.clusters() {
        Some(clusters) => inference.clusters(clusters.to_vec()),
        None => inference,
    }
}

/// The engine's errors by the names of columns and classes, with what to do.
fn explain(error: Error, training: &Training, names: &[String], notes: &[String]) -> anyhow::Error {
    let help = match &error {
        Error::Separated { classes, columns, complete } => {
            let labels = training.target.classes();
            let separation = polylogit::diagnose::Separation {
                complete: *complete,
                classes: classes.clone(),
                columns: columns.clone(),
            };
            let text = super::fit::in_words(&separation, names, labels);
            let why = notes.iter().map(|note| format!(" ({note})")).collect::<String>();
            let error = anyhow!("{text}{why}; the estimates are infinite, so they have no standard errors");
            let remedy = "add --firth for finite estimates, leave out columns with --exclude, or fit a ridge: `polylogit fit`";
            return with_help(error, remedy);
        }
        Error::Penalised { .. } => "leave out --lambda, or add --despite-penalty",
        Error::SamplingCovariance => {
            "add --covariance hc1 (the default for sampling weights), and leave out --lr"
        }
        Error::TooFewRows { .. } => "leave out columns with --exclude, or use --covariance hc0",
        _ => return training.explain(error),
    };
    with_help(training.explain(error), help)
}
