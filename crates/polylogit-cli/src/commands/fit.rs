//! `polylogit fit`: reads a table, fits, explains, saves.

use super::display;
use super::table::{self, DataReport, Training};
use crate::args::FitArgs;
use crate::describe::{self, Fresh};
use crate::failure::with_help;
use crate::printer::{Printer, percent};
use crate::progress::Progress;
use crate::settings;
use anyhow::{Result, anyhow};
use polylogit::diagnose::{Diagnosis, Separation};
use polylogit::solver::Status;
use polylogit::{Fit, Label};
use polylogit_model::{Artefact, Record, Summary};
use serde::Serialize;

/// Copies of columns that are named one by one.
const COPIES: usize = 10;

/// What `--format json` prints: the keys of `show`, and what only a fit knows.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    model: Summary,
    train_accuracy: f64,
    data: &'a DataReport,
    notes: &'a [String],
    saved: Option<String>,
}

pub(crate) fn run(args: &FitArgs) -> Result<()> {
    let printer = Printer::new(&args.print);
    settings::check_strength(&args.penalty)?;
    let training = table::read_training(args)?;
    printer.text(&(training.report.text() + "\n"))?;

    let (fit, seconds) = fit(args, &training, printer)?;
    let names = training.schema.feature_names();
    if fit.status == Status::Separated {
        return Err(separated(fit.diagnosis.separation.as_ref(), &names, fit.model.classes()));
    }
    if fit.status == Status::Cancelled && !args.keep_on_interrupt {
        let error = anyhow!("interrupted after {} steps: nothing was saved", fit.steps);
        return Err(with_help(error, "with --keep-on-interrupt the best model so far is kept"));
    }
    let mut notes = notes(&fit.diagnosis, &names);
    let given = settings::given(&args.penalty, fit.total_weight);
    notes.extend(settings::converted(&args.penalty, given, &fit));
    let rare: Vec<&str> = training.report.rare_classes().collect();
    if !rare.is_empty() {
        notes.push(format!("one row only, so little to learn from: class {}", describe::list(&rare)));
    }
    for note in &notes {
        printer.note(note);
    }
    if let Some(warning) = not_converged(&fit) {
        printer.warning(&warning);
    }

    let accuracy = training.accuracy(&fit.model)?;
    let fresh = Fresh { accuracy: percent(accuracy), memory: fit.memory };
    let record = Record::new(&fit, seconds);
    let artefact = Artefact::new(fit.model, training.schema, record)?;
    if let Some(path) = &args.output {
        artefact.save(path)?;
    }
    let saved = args.output.as_deref().map(display);
    printer.document(&Document {
        model: Summary::from(&artefact),
        train_accuracy: accuracy,
        data: &training.report,
        notes: &notes,
        saved: saved.clone(),
    })?;
    let closing = match saved {
        Some(path) => format!("saved to {path}"),
        None => "not saved: add -o model.safetensors to keep the model".to_owned(),
    };
    let sections = [
        describe::objective(&artefact),
        describe::result(artefact.record(), Some(&fresh)),
        describe::coefficients(&artefact, false),
        format!("{closing}\n"),
    ];
    printer.text(&sections.join("\n"))
}

/// The fit and the seconds it took.
fn fit(args: &FitArgs, training: &Training, printer: Printer) -> Result<(Fit, f64)> {
    let design = training.design()?;
    let regression = settings::regression(args, &training.schema)?;
    let mut progress = Progress::start(!printer.is_quiet());
    let fit = regression.fit_observed(&design, &training.target, &mut progress);
    let seconds = progress.finish();
    Ok((fit.map_err(|error| training.explain(error))?, seconds))
}

/// What the engine noticed about the columns, by their names.
pub(super) fn notes(diagnosis: &Diagnosis, names: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    if !diagnosis.constant.is_empty() {
        let columns: Vec<&str> = diagnosis.constant.iter().map(|&j| names[j].as_str()).collect();
        notes.push(format!("constant, so without weight: {}", describe::list(&columns)));
    }
    for &(copy, first) in diagnosis.duplicates.iter().take(COPIES) {
        notes.push(format!("{} is a copy of {}: they share one effect", names[copy], names[first]));
    }
    if diagnosis.duplicates.len() > COPIES {
        notes.push(format!("{} more columns are copies of others", diagnosis.duplicates.len() - COPIES));
    }
    for collinear in &diagnosis.collinear {
        let on: Vec<&str> = collinear.on.iter().map(|&(j, _)| names[j].as_str()).collect();
        notes.push(format!(
            "{} is a linear combination of {}: which of them carries the effect is not in the data",
            names[collinear.column],
            if on.is_empty() { "the intercept".to_owned() } else { describe::list(&on) },
        ));
    }
    notes
}

fn separated(separation: Option<&Separation>, names: &[String], classes: &[Label]) -> anyhow::Error {
    let text =
        separation.map_or_else(|| "the classes are separated".to_owned(), |s| in_words(s, names, classes));
    let error = anyhow!(
        "{text}; without a penalty the weights grow for ever, so there is no best model and nothing was saved"
    );
    with_help(error, "add a penalty: `--lambda 0.001`, or `--c 1` for the usual one")
}

/// Which classes are separated by which columns.
pub(super) fn in_words(separation: &Separation, names: &[String], classes: &[Label]) -> String {
    let classes: Vec<String> = separation.classes.iter().map(|&k| classes[k].to_string()).collect();
    let columns: Vec<&str> = separation.columns.iter().map(|&j| names[j].as_str()).collect();
    let (how, boundary) =
        if separation.complete { ("", "") } else { ("quasi-", ", up to rows on the boundary") };
    format!(
        "the classes are {how}separated: {} told apart from the rest without error by {}{boundary}",
        if classes.len() == 1 {
            format!("{} is", classes[0])
        } else {
            format!("{} are", describe::list(&classes))
        },
        if columns.is_empty() { "the columns".to_owned() } else { describe::list(&columns) },
    )
}

pub(super) fn not_converged(fit: &Fit) -> Option<String> {
    let remedy = match fit.status {
        Status::StepLimit => "the steps ran out before the goal: allow more with --max-steps",
        Status::PrecisionLimit => "float64 gives no better objective: the goal of --tol is out of its reach",
        Status::Cancelled => "interrupted: this is the best model so far",
        _ => return None,
    };
    Some(format!("{remedy}; {}", describe::certificate(&fit.certificate)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use polylogit::diagnose::Collinear;

    #[test]
    fn columns_are_named() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let collinear = vec![Collinear { column: 2, on: vec![(0, 1.0), (1, -2.0)] }];
        let diagnosis =
            Diagnosis { constant: vec![3], duplicates: vec![(1, 0)], collinear, separation: None };
        assert_eq!(
            notes(&diagnosis, &names),
            [
                "constant, so without weight: d",
                "b is a copy of a: they share one effect",
                "c is a linear combination of a, b: which of them carries the effect is not in the data"
            ]
        );
    }

    #[test]
    fn many_copies_are_counted() {
        let names: Vec<String> = (0..14).map(|i| format!("x{i}")).collect();
        let diagnosis =
            Diagnosis { duplicates: (1..14).map(|copy| (copy, 0)).collect(), ..Diagnosis::default() };
        let notes = notes(&diagnosis, &names);
        assert_eq!(notes.len(), COPIES + 1);
        assert_eq!(notes[COPIES], "3 more columns are copies of others");
    }
}
