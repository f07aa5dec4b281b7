//! How good the predictions are: confusion, reliability, curves of each class, histograms.

use super::{all_short, short};
use crate::commands::table::Labelled;
use anyhow::Result;
use polylogit::calibration::{Bins, Table, reliability};
use polylogit::metrics::{self, Ranking, histogram};
use polylogit_model::Artefact;
use serde::Serialize;

/// Classes whose confusion is a table; of more, the most frequent errors are listed.
const CONFUSED: usize = 120;
/// Errors in that list.
const ERRORS: usize = 200;
/// Bins of the histograms.
const BINS: usize = 25;
/// Points of all curves together, about.
const POINTS: usize = 6_000;
/// Points of one curve at most, about.
const CURVE: usize = 250;
/// What intervals of the reliability diagram cover.
const LEVEL: f64 = 0.95;

/// What the model says about the rows, and its measures.
pub(super) struct Predicted {
    pub(super) rows: usize,
    pub(super) total_weight: f64,
    pub(super) log_loss: f64,
    /// Class by row (n), probabilities (n × K).
    pub(super) ids: Vec<usize>,
    pub(super) p: Vec<f64>,
    brier: f64,
    accuracy: f64,
}

impl Predicted {
    pub(super) fn new(artefact: &Artefact, labelled: &Labelled) -> Result<Self> {
        let model = artefact.model();
        let k = model.classes().len();
        let design = labelled.rows.design()?;
        let (truth, weights) = (&labelled.ids[..], labelled.weights.as_deref());
        let p = model.probabilities(&design)?;
        let ids = model.predict(&design)?;
        Ok(Self {
            rows: truth.len(),
            total_weight: weights.map_or(truth.len() as f64, |w| w.iter().sum()),
            log_loss: metrics::log_loss(&model.log_probabilities(&design)?, truth, weights, k)?,
            brier: metrics::brier(&p, truth, weights, k)?,
            accuracy: metrics::accuracy(&ids, truth, weights)?,
            ids,
            p,
        })
    }

    /// K.
    fn classes(&self) -> usize {
        self.p.len() / self.rows.max(1)
    }

    /// The probability of the predicted class (n).
    pub(super) fn confidence(&self) -> Vec<f64> {
        self.p.chunks_exact(self.classes()).zip(&self.ids).map(|(p, &id)| p[id]).collect()
    }
}

#[derive(Serialize)]
pub(super) struct Predictions {
    rows: usize,
    total_weight: f64,
    weighted: bool,
    accuracy: f64,
    log_loss: f64,
    brier: f64,
    calibration_error: f64,
    calibration_error_by_chance: f64,
    /// K × K weights, labels by rows.
    confusion: Option<Vec<Vec<f64>>>,
    /// The most frequent (label, prediction, weight) that differ.
    errors: Vec<(usize, usize, f64)>,
    reliability: Vec<Bin>,
    level: f64,
    /// Weight of right and of wrong predictions by confidence.
    right: Vec<f64>,
    wrong: Vec<f64>,
    classes: Vec<Class>,
}

/// Rows of about equal confidence.
#[derive(Serialize)]
struct Bin {
    low: f64,
    high: f64,
    rows: usize,
    confidence: f64,
    frequency: f64,
    /// The interval of the frequency.
    interval: (f64, f64),
}

/// One class against the rest.
#[derive(Serialize)]
struct Class {
    weight: f64,
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
    auc: Option<f64>,
    average_precision: Option<f64>,
    calibration_error: f64,
    /// Points of the curves; `null` where the class, or the rest, has no rows.
    roc: Option<Vec<(f64, f64)>>,
    precision_recall: Option<Vec<(f64, f64)>>,
    /// Weight of its rows, and of the rest, by its probability.
    own: Vec<f64>,
    others: Vec<f64>,
}

impl Predictions {
    pub(super) fn new(predicted: &Predicted, labelled: &Labelled) -> Result<Self> {
        let k = predicted.classes();
        let (truth, weights) = (&labelled.ids[..], labelled.weights.as_deref());
        let confusion = metrics::confusion_matrix(&predicted.ids, truth, weights, k)?;
        let reliability = reliability(&predicted.p, truth, weights, k, Bins::default())?;
        let scores = metrics::class_scores(&confusion, k)?;
        let classes = (0..k).map(|c| {
            let own: Vec<f64> = predicted.p.iter().skip(c).step_by(k).copied().collect();
            let ranking = Ranking::new(&own, truth, weights, c as u32)?;
            let step = (2.0 * k as f64 / POINTS as f64).max(1.0 / CURVE as f64);
            let (mine, others) = split(&own, weights, |row| truth[row] as usize == c)?;
            Ok(Class {
                weight: short(scores[c].support),
                precision: scores[c].precision.map(short),
                recall: scores[c].recall.map(short),
                f1: scores[c].f1.map(short),
                auc: ranking.auc().map(short),
                average_precision: ranking.average_precision().map(short),
                calibration_error: short(reliability.classes[c].error()),
                roc: ranking.roc().map(|curve| thin(&curve, step)),
                precision_recall: ranking.precision_recall().map(|curve| thin(&curve, step)),
                own: mine,
                others,
            })
        });
        let classes = classes.collect::<Result<Vec<_>>>()?;
        let (right, wrong) =
            split(&predicted.confidence(), weights, |row| predicted.ids[row] == truth[row] as usize)?;
        let matrix = confusion.chunks(k).map(|row| all_short(row.iter().copied()));
        Ok(Self {
            rows: predicted.rows,
            total_weight: short(predicted.total_weight),
            weighted: weights.is_some(),
            accuracy: predicted.accuracy,
            log_loss: predicted.log_loss,
            brier: predicted.brier,
            calibration_error: reliability.top_label.error(),
            calibration_error_by_chance: reliability.top_label.error_by_chance(),
            confusion: (k <= CONFUSED).then(|| matrix.collect()),
            errors: errors(&confusion, k),
            reliability: bins(&reliability.top_label),
            level: LEVEL,
            right,
            wrong,
            classes,
        })
    }
}

fn bins(table: &Table) -> Vec<Bin> {
    let bin = |b: &polylogit::calibration::Bin| {
        let (low, high) = b.interval(LEVEL);
        Bin {
            low: short(b.low),
            high: short(b.high),
            rows: b.rows,
            confidence: short(b.confidence),
            frequency: short(b.frequency),
            interval: (short(low), short(high)),
        }
    };
    table.bins.iter().map(bin).collect()
}

/// The most frequent cells beside the diagonal.
fn errors(confusion: &[f64], k: usize) -> Vec<(usize, usize, f64)> {
    let cells = confusion.iter().enumerate().map(|(at, weight)| (at / k, at % k, *weight));
    let mut errors: Vec<_> = cells.filter(|(label, said, w)| label != said && *w > 0.0).collect();
    errors.sort_by(|a, b| b.2.total_cmp(&a.2));
    errors.truncate(ERRORS);
    for (_, _, w) in &mut errors {
        *w = short(*w);
    }
    errors
}

/// Histograms of the rows that are so, and of the others.
fn split(
    values: &[f64],
    weights: Option<&[f64]>,
    is: impl Fn(usize) -> bool,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let of = |wanted: bool| -> Result<Vec<f64>> {
        let rows: Vec<usize> = (0..values.len()).filter(|&row| is(row) == wanted).collect();
        let pick = |of: &[f64]| rows.iter().map(|&row| of[row]).collect::<Vec<_>>();
        Ok(all_short(histogram(&pick(values), weights.map(pick).as_deref(), BINS)?))
    };
    Ok((of(true)?, of(false)?))
}

/// The points that a picture can tell apart: each `step` away from the one before, and both ends.
fn thin(curve: &[(f64, f64)], step: f64) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    for (at, &point) in curve.iter().enumerate() {
        let far = out.last().is_none_or(|o| (o.0 - point.0).abs().max((o.1 - point.1).abs()) >= step);
        if far || at + 1 == curve.len() {
            out.push(point);
        }
    }
    let round = |v: f64| (v * 1e4).round() / 1e4;
    for p in &mut out {
        *p = (round(p.0), round(p.1));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_keep_their_ends_and_their_shape() {
        let curve: Vec<(f64, f64)> =
            (0..=10_000).map(|i| (f64::from(i) / 1e4, (f64::from(i) / 1e4).sqrt())).collect();
        let thinned = thin(&curve, 0.01);
        assert_eq!((thinned[0], *thinned.last().unwrap()), ((0.0, 0.0), (1.0, 1.0)));
        assert!(thinned.len() < 160, "{}", thinned.len());
        assert!(thinned.windows(2).all(|w| w[1].0 - w[0].0 < 0.0111 && w[1].1 - w[0].1 < 0.0201));
        assert_eq!(thin(&[(0.5, 0.5)], 0.1), [(0.5, 0.5)]);
    }

    #[test]
    fn errors_are_sorted_and_off_the_diagonal() {
        assert_eq!(
            errors(&[5.0, 1.0, 0.0, 2.0, 9.0, 3.0, 0.0, 0.0, 4.0], 3),
            [(1, 2, 3.0), (1, 0, 2.0), (0, 1, 1.0)]
        );
    }
}
