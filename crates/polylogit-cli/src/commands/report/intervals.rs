//! Confidence intervals of the log odds: of a fit without a penalty on the table that it learned from. Else why not.

use super::all_short;
use crate::commands::summary::Terms;
use crate::commands::table::Labelled;
use polylogit::inference::{Inference, Summary, Term};
use polylogit::{Error, LogisticRegression, Target};
use polylogit_data::Matrix;
use polylogit_model::Artefact;
use serde::Serialize;

/// Parameters at most: their covariance has so many rows and columns.
const PARAMETERS: usize = 600;
/// Parameters² · rows at most: some ten seconds.
const WORK: f64 = 5e10;

const PENALISED: &str = "a penalty shrinks the estimates, and no standard error tells by how much. Fit with --lambda 0, \
    or see polylogit summary.";
const OTHER_ROWS: &str = "they follow from the rows that the model learned from, and this is another table.";

#[derive(Serialize)]
pub(super) struct Intervals {
    /// Why there are none.
    why_not: Option<String>,
    /// The class that the others are compared with, and the level that each category is compared with.
    reference: usize,
    bases: Vec<(String, String)>,
    level: f64,
    terms: Vec<String>,
    /// Standard deviation of each term's column here.
    sd: Vec<f64>,
    classes: Vec<ClassIntervals>,
}

/// The log odds of one class against the reference, in the order of the terms.
#[derive(Serialize)]
struct ClassIntervals {
    class: usize,
    estimate: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    p_value: Vec<f64>,
}

impl Intervals {
    pub(super) fn new(artefact: &Artefact, labelled: &Labelled, training: bool) -> Self {
        match estimated(artefact, labelled, training) {
            Ok(found) => found,
            Err(why) => Self {
                why_not: Some(why),
                reference: 0,
                bases: Vec::new(),
                level: 0.0,
                terms: Vec::new(),
                sd: Vec::new(),
                classes: Vec::new(),
            },
        }
    }
}

/// Why there are none, as a sentence.
fn left_out<T>(why: &str) -> Result<T, String> {
    Err(format!("Intervals are left out: {why}"))
}

fn estimated(artefact: &Artefact, labelled: &Labelled, training: bool) -> Result<Intervals, String> {
    let record = artefact.record();
    if record.lambda > 0.0 {
        return left_out(PENALISED);
    }
    if !training {
        return left_out(OTHER_ROWS);
    }
    let classes = artefact.model().classes();
    let (parameters, rows) = ((classes.len() - 1) * (artefact.schema().width() + 1), labelled.rows.rows);
    if parameters > PARAMETERS || (parameters * parameters) as f64 * rows as f64 > WORK {
        return left_out(&format!(
            "{parameters} parameters on {rows} rows are much for a page; polylogit summary has them."
        ));
    }
    let Ok(terms) = Terms::new(artefact.schema(), &[], &[]) else {
        return left_out("the columns make no terms.");
    };
    let summary = match fit(artefact, labelled, &terms) {
        Ok(summary) => summary,
        Err(Error::Separated { .. }) => return left_out("the classes are separated."),
        Err(other) => return left_out(&format!("{other}.")),
    };
    let names = terms.names();
    let of = |class: usize| {
        let all = (0..names.len()).map(|j| summary.estimate(class, Term::Column(j)));
        let all: Vec<_> = all.collect();
        let pick = |f: fn(&polylogit::inference::Estimate) -> f64| {
            all_short(all.iter().map(|e| e.as_ref().map_or(f64::NAN, f)))
        };
        ClassIntervals {
            class,
            estimate: pick(|e| e.value),
            low: pick(|e| e.low),
            high: pick(|e| e.high),
            p_value: pick(|e| e.p_value),
        }
    };
    Ok(Intervals {
        why_not: None,
        reference: summary.reference(),
        bases: terms.bases().map(|(a, b)| (a.to_owned(), b.to_owned())).collect(),
        level: summary.level(),
        sd: all_short(summary.column_sd().iter().copied()),
        classes: (0..classes.len()).filter(|&k| k != summary.reference()).map(of).collect(),
        terms: names,
    })
}

/// Maximum likelihood on the rows, categories against their first level.
fn fit(artefact: &Artefact, labelled: &Labelled, terms: &Terms) -> polylogit::Result<Summary> {
    let mut target = Target::from_classes(artefact.model().classes().to_vec(), labelled.ids.clone())?;
    if let Some(weights) = &labelled.weights {
        target = target.weights(weights.clone())?;
    }
    let mut rows = labelled.rows.clone();
    if matches!(rows.matrix, Matrix::Dense(_)) {
        terms.matrix(&mut rows);
    }
    let regression =
        LogisticRegression::new().lambda(0.0).standardize(true).intercept(artefact.record().fit_intercept);
    Inference::new().regression(regression).fit(&rows.design()?, &target)
}
