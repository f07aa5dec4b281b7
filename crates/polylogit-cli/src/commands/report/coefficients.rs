//! The coefficients: of very many features those of the largest effect.

use super::{all_short, short};
use polylogit_model::Artefact;
use serde::Serialize;

/// Coefficients on a page at most, and features.
const CELLS: usize = 120_000;
const FEATURES: usize = 10_000;

/// The features that a page shows.
pub(super) struct Kept {
    /// Their columns, ascending.
    pub(super) features: Vec<usize>,
}

/// All, or the most that fit, by the size of their effect: ‖W_·j‖₂ sd_j.
pub(super) fn kept(artefact: &Artefact) -> Kept {
    let c = artefact.model().coefficients();
    let most = (CELLS / c.classes()).clamp(1, FEATURES);
    let mut features: Vec<usize> = (0..c.features()).collect();
    if features.len() > most {
        let sd = &artefact.record().feature_sd;
        let size = |j: usize| {
            let square: f64 = (0..c.classes()).map(|k| c.class_weights(k)[j].powi(2)).sum();
            square.sqrt() * sd[j]
        };
        let size: Vec<f64> = (0..c.features()).map(size).collect();
        features.sort_by(|&a, &b| size[b].total_cmp(&size[a]).then(a.cmp(&b)));
        features.truncate(most);
        features.sort_unstable();
    }
    Kept { features }
}

#[derive(Serialize)]
pub(super) struct Coefficients {
    /// Names and standard deviations in training of the features that are shown.
    features: Vec<String>,
    sd: Vec<f64>,
    /// d, of which there may be more.
    total: usize,
    /// Features whose weights are 0 for all classes, of all d.
    zeros: usize,
    /// K intercepts, and K lists of weights on the raw scale; `null` for a model without intercepts.
    intercept: Option<Vec<f64>>,
    weights: Vec<Vec<f64>>,
}

impl Coefficients {
    pub(super) fn new(artefact: &Artefact, kept: &Kept) -> Self {
        let c = artefact.model().coefficients();
        let names = artefact.schema().feature_names();
        let zero = |j: &usize| (0..c.classes()).all(|k| c.class_weights(k)[*j] == 0.0);
        let weights = |k| all_short(kept.features.iter().map(|&j| c.class_weights(k)[j]));
        Self {
            features: kept.features.iter().map(|&j| names[j].clone()).collect(),
            sd: kept.features.iter().map(|&j| short(artefact.record().feature_sd[j])).collect(),
            total: c.features(),
            zeros: (0..c.features()).filter(zero).count(),
            intercept: artefact.record().fit_intercept.then(|| all_short(c.intercepts().iter().copied())),
            weights: (0..c.classes()).map(weights).collect(),
        }
    }
}
