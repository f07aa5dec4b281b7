//! `polylogit cv`: chooses the strength of the penalty by cross-validation, and fits it on all rows.

use super::{display, fit, path, plot, table};
use crate::describe::{self, facts, heading, indent, plain_table, right_align};
use crate::path_args::{CvArgs, Rule, ScoreArg};
use crate::printer::{Printer, number, seconds, significant};
use crate::progress::Progress;
use crate::settings;
use anyhow::{Result, anyhow};
use polylogit::{Choice, CrossValidation, Score, Validated};
use polylogit_model::{Artefact, Record, Summary, Validation};
use serde::Serialize;

/// Rows of the table at most, beside those that were chosen.
const SHOWN: usize = 25;

/// What `--format json` prints.
#[derive(Serialize)]
struct Document {
    score: &'static str,
    folds: usize,
    seed: u64,
    curves: Vec<CurveDocument>,
    best: ChoiceDocument,
    one_se: ChoiceDocument,
    chosen: &'static str,
    model: Summary,
    saved: Option<String>,
}

#[derive(Serialize)]
struct CurveDocument {
    l1_ratio: f64,
    lambda: Vec<f64>,
    mean: Vec<f64>,
    standard_error: Vec<f64>,
    nonzero_features: Vec<usize>,
}

#[derive(Serialize)]
struct ChoiceDocument {
    l1_ratio: f64,
    lambda: f64,
    mean: f64,
    standard_error: f64,
    nonzero_features: usize,
}

impl ChoiceDocument {
    fn new(of: &Validated, choice: Choice) -> Self {
        let curve = &of.curves[choice.curve];
        Self {
            l1_ratio: curve.l1_ratio,
            lambda: curve.path.points[choice.point].lambda,
            mean: curve.mean[choice.point],
            standard_error: curve.standard_error[choice.point],
            nonzero_features: curve.path.points[choice.point].nonzero_features,
        }
    }

    fn text(&self, several: bool) -> String {
        let alpha = if several { format!(", α = {}", number(self.l1_ratio)) } else { String::new() };
        format!(
            "λ = {}{alpha}: {} ± {}, {} features",
            number(self.lambda),
            number(self.mean),
            significant(self.standard_error, 2),
            self.nonzero_features
        )
    }
}

pub(crate) fn run(args: &CvArgs) -> Result<()> {
    let printer = Printer::new(&args.fit.print);
    let lambdas = settings::lambdas(&args.fit, &args.lambdas)?;
    let training = table::read_training(&args.fit)?;
    printer.text(&(training.report.text() + "\n"))?;
    let design = training.design()?;
    let score = match args.score {
        ScoreArg::LogLoss => Score::LogLoss,
        ScoreArg::Accuracy => Score::Accuracy,
        ScoreArg::Brier => Score::Brier,
    };
    let mut validation =
        CrossValidation::new(args.folds as usize).seed(args.seed).score(score).lambdas(lambdas);
    if let Some(ratios) = &args.l1_ratios {
        validation = validation.l1_ratios(ratios.clone());
    }
    let regression = settings::regression(&args.fit, &training.schema)?;
    let mut progress = Progress::start(!printer.is_quiet());
    let stop = progress.stop();
    let found = validation.run_watched(&regression, &design, &training.target, &|| stop.is_set());
    let found = found.map_err(|error| training.explain(error))?;
    if stop.is_set() {
        progress.finish();
        return Err(anyhow!("interrupted: nothing was saved"));
    }
    let choice = match args.choose {
        Rule::Best => found.best,
        Rule::OneSe => found.one_se,
    };
    let curve = &found.curves[choice.curve];
    let (lambda, start) = (curve.path.points[choice.point].lambda, curve.path.coefficients(choice.point)?);
    let regression = regression.l1_ratio(curve.l1_ratio).lambda(lambda).warm_start(start);
    let chosen = regression.fit_observed(&design, &training.target, &mut progress);
    let taken = progress.finish();
    let chosen = chosen.map_err(|error| training.explain(error))?;
    path::warn(&curve.path, printer);
    let mut notes = fit::notes(&chosen.diagnosis, &training.schema.feature_names());
    notes.extend(settings::converted(&args.fit.penalty, (lambda, curve.l1_ratio), &chosen));
    for note in &notes {
        printer.note(note);
    }
    if let Some(warning) = fit::not_converged(&chosen) {
        printer.warning(&warning);
    }

    if let Some(file) = &args.plot {
        plot::save(file, &found)?;
    }
    let validation = Some(Validation::new(&found, rule(args.choose)));
    let record = Record { validation, ..Record::new(&chosen, taken) };
    let artefact = Artefact::new(chosen.model, training.schema, record)?;
    if let Some(file) = &args.fit.output {
        artefact.save(file)?;
    }
    let saved = args.fit.output.as_deref().map(display);
    let (best, one_se) = (ChoiceDocument::new(&found, found.best), ChoiceDocument::new(&found, found.one_se));
    let several = found.curves.len() > 1;
    let text = [
        heading("Cross-validation")
            + &facts([
                ("folds", format!("{}, stratified, seed {}", found.folds, args.seed)),
                ("score", name(found.score).to_owned()),
                ("best", best.text(several)),
                ("1se", one_se.text(several)),
                ("seconds", seconds(taken)),
            ]),
        rows(&found),
        describe::objective(&artefact),
        describe::coefficients(&artefact, false),
        match &saved {
            Some(file) => format!("the {} fit is saved to {file}\n", rule(args.choose)),
            None => "not saved: add -o model.safetensors to keep the model\n".to_owned(),
        },
    ];
    printer.document(&Document {
        score: found.score.name(),
        folds: found.folds,
        seed: args.seed,
        curves: found.curves.iter().map(curve_document).collect(),
        best,
        one_se,
        chosen: rule(args.choose),
        model: Summary::from(&artefact),
        saved,
    })?;
    printer.text(&text.join("\n"))
}

fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Best => "best",
        Rule::OneSe => "1se",
    }
}

/// The score in words.
pub(super) fn name(score: Score) -> &'static str {
    match score {
        Score::Accuracy => "accuracy of rows outside of the fit",
        Score::Brier => "Brier score of rows outside of the fit",
        _ => "log loss of rows outside of the fit, in nats",
    }
}

fn curve_document(curve: &polylogit::Curve) -> CurveDocument {
    CurveDocument {
        l1_ratio: curve.l1_ratio,
        lambda: curve.path.points.iter().map(|p| p.lambda).collect(),
        mean: curve.mean.clone(),
        standard_error: curve.standard_error.clone(),
        nonzero_features: curve.path.points.iter().map(|p| p.nonzero_features).collect(),
    }
}

/// The curve of the best α: so many rows, and those that were chosen.
fn rows(found: &Validated) -> String {
    let curve = &found.curves[found.best.curve];
    let every = curve.mean.len().div_ceil(SHOWN).max(1);
    let mut table = plain_table();
    table.set_header(["lambda", "features", "score", "± se", ""]);
    for (i, mean) in curve.mean.iter().enumerate() {
        let mark = match (i == found.best.point, i == found.one_se.point) {
            (true, true) => "best, 1se",
            (true, false) => "best",
            (false, true) => "1se",
            (false, false) if i % every == 0 || i + 1 == curve.mean.len() => "",
            (false, false) => continue,
        };
        let point = &curve.path.points[i];
        table.add_row([
            significant(point.lambda, 5),
            point.nonzero_features.to_string(),
            format!("{mean:.5}"),
            format!("{:.5}", curve.standard_error[i]),
            mark.to_owned(),
        ]);
    }
    right_align(&mut table, 0..4);
    indent(&format!("{table}\n"))
}
