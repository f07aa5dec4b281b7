//! How good probabilities are: what `evaluate` and `calibrate` print of them.

use anyhow::Result;
use polylogit::calibration::{Bins, Reliability, Table, reliability};
use polylogit::{Design, Model, metrics};
use serde::Serialize;

/// Proper scores and calibration errors; `docs/command.md` describes the keys.
#[derive(Serialize)]
pub(super) struct Measures {
    pub(super) log_loss: f64,
    pub(super) brier: f64,
    pub(super) calibration_error: f64,
    pub(super) calibration_error_by_chance: f64,
    pub(super) squared_calibration_error: Option<f64>,
    pub(super) classwise_calibration_error: f64,
}

/// The measures of a model on labelled rows, and the tables that some of them come from.
pub(super) fn measure(
    model: &Model,
    design: &Design<'_>,
    ids: &[u32],
    weights: Option<&[f64]>,
) -> Result<(Measures, Reliability)> {
    let k = model.classes().len();
    let p = model.probabilities(design)?;
    let found = reliability(&p, ids, weights, k, Bins::default())?;
    let top = &found.top_label;
    let measures = Measures {
        log_loss: metrics::log_loss(&model.log_probabilities(design)?, ids, weights, k)?,
        brier: metrics::brier(&p, ids, weights, k)?,
        calibration_error: top.error(),
        calibration_error_by_chance: top.error_by_chance(),
        squared_calibration_error: top.squared_error(),
        classwise_calibration_error: found.classwise_error(),
    };
    Ok((measures, found))
}

/// A bin of a reliability table.
#[derive(Serialize)]
pub(super) struct BinDocument {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) rows: usize,
    pub(super) weight: f64,
    pub(super) confidence: f64,
    pub(super) frequency: f64,
    pub(super) frequency_low: f64,
    pub(super) frequency_high: f64,
}

/// The bins of a table, with 95 % intervals.
pub(super) fn bins(table: &Table) -> Vec<BinDocument> {
    let document = |bin: &polylogit::calibration::Bin| {
        let (frequency_low, frequency_high) = bin.interval(0.95);
        BinDocument {
            low: bin.low,
            high: bin.high,
            rows: bin.rows,
            weight: bin.weight,
            confidence: bin.confidence,
            frequency: bin.frequency,
            frequency_low,
            frequency_high,
        }
    };
    table.bins.iter().map(document).collect()
}
