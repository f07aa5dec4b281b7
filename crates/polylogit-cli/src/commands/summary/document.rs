//! The document of `polylogit summary --format json`; `docs/command.md` describes its keys.

use super::Results;
use super::contrasts::{self, Tested};
use super::influence::InfluenceOf;
use super::probabilities::{AtOf, PredictedOf};
use crate::args::Effects;
use crate::commands::table::DataReport;
use polylogit::inference::{Estimate, Term, Test};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    classes: Vec<String>,
    reference: String,
    features: &'a [String],
    covariance: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    clusters: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_kind: Option<&'static str>,
    level: f64,
    lambda: f64,
    estimates: &'static str,
    observations: f64,
    parameters: usize,
    loglik: f64,
    loglik_null: f64,
    likelihood_ratio: Option<TestOf>,
    mcfadden_r2: f64,
    cox_snell_r2: Option<f64>,
    nagelkerke_r2: Option<f64>,
    aic: Option<f64>,
    bic: Option<f64>,
    coefficients: Vec<Coefficient<'a>>,
    tests: Vec<GroupTests<'a>>,
    contrasts: Vec<contrasts::Document<'a>>,
    effects: Option<EffectsOf<'a>>,
    influence: Option<InfluenceOf>,
    probabilities: Option<PredictedOf<'a>>,
    at: Vec<AtOf<'a>>,
    covariance_matrix: Vec<Vec<f64>>,
    condition_number: f64,
    steps: usize,
    seconds: f64,
    version: &'static str,
    data: &'a DataReport,
    notes: &'a [String],
}

#[derive(Serialize)]
pub(super) struct TestOf {
    chi2: f64,
    df: usize,
    p_value: f64,
}

#[derive(Serialize)]
pub(super) struct EstimateOf {
    estimate: f64,
    std_err: f64,
    z: f64,
    p_value: f64,
    low: f64,
    high: f64,
}

#[derive(Serialize)]
pub(super) struct RatioOf {
    ratio: f64,
    ratio_low: f64,
    ratio_high: f64,
}

/// The order of these is that of the covariance matrix.
#[derive(Serialize)]
struct Coefficient<'a> {
    class: String,
    term: &'a str,
    #[serde(flatten)]
    estimate: EstimateOf,
    #[serde(flatten)]
    ratio: RatioOf,
}

#[derive(Serialize)]
struct GroupTests<'a> {
    variable: &'a str,
    wald: TestOf,
    likelihood_ratio: Option<TestOf>,
}

#[derive(Serialize)]
struct EffectsOf<'a> {
    at: &'static str,
    effects: Vec<EffectOf<'a>>,
}

#[derive(Serialize)]
struct EffectOf<'a> {
    variable: &'a str,
    class: String,
    effect: f64,
    std_err: f64,
    z: f64,
    p_value: f64,
    low: f64,
    high: f64,
}

impl From<Test> for TestOf {
    fn from(test: Test) -> Self {
        Self { chi2: test.statistic, df: test.df, p_value: test.p_value }
    }
}

impl From<Estimate> for EstimateOf {
    fn from(Estimate { value, std_err, z, p_value, low, high, .. }: Estimate) -> Self {
        Self { estimate: value, std_err, z, p_value, low, high }
    }
}

impl From<Estimate> for RatioOf {
    fn from(estimate: Estimate) -> Self {
        let (ratio_low, ratio_high) = estimate.ratio_interval();
        Self { ratio: estimate.ratio(), ratio_low, ratio_high }
    }
}

impl<'a> Document<'a> {
    pub(super) fn new(results: &'a Results<'a>) -> Self {
        let Results { training, summary, terms, names, tests, contrasts, effects, at, rows, notes, seconds } =
            results;
        let likelihood = summary.likelihood();
        let class = |k: usize| summary.classes()[k].to_string();
        let parameters = summary.parameters();
        let coefficient = |&(k, term): &(usize, Term)| {
            let estimate = summary.estimate(k, term)?;
            let term = match term {
                Term::Intercept => "(intercept)",
                Term::Column(j) => &names[j],
            };
            Some(Coefficient { class: class(k), term, estimate: estimate.into(), ratio: estimate.into() })
        };
        let effect = |(variable, estimates): &'a (String, Vec<Estimate>)| {
            estimates.iter().enumerate().map(move |(k, e)| EffectOf {
                variable,
                class: summary.classes()[k].to_string(),
                effect: e.value,
                std_err: e.std_err,
                z: e.z,
                p_value: e.p_value,
                low: e.low,
                high: e.high,
            })
        };
        Self {
            classes: (0..summary.classes().len()).map(class).collect(),
            reference: class(summary.reference()),
            features: names,
            covariance: summary.covariance().name(),
            clusters: summary.clusters(),
            weight_kind: summary.weight_kind().map(polylogit::inference::WeightKind::name),
            level: summary.level(),
            lambda: summary.lambda(),
            estimates: if summary.firth().is_some() { "firth" } else { "maximum_likelihood" },
            observations: likelihood.observations,
            parameters: likelihood.parameters,
            loglik: likelihood.loglik,
            loglik_null: likelihood.null,
            likelihood_ratio: likelihood.ratio_test().or(summary.firth()).map(TestOf::from),
            mcfadden_r2: likelihood.mcfadden(),
            cox_snell_r2: likelihood.cox_snell(),
            nagelkerke_r2: likelihood.nagelkerke(),
            aic: likelihood.aic(),
            bic: likelihood.bic(),
            coefficients: parameters.iter().filter_map(coefficient).collect(),
            tests: terms
                .groups
                .iter()
                .zip(tests)
                .map(|(group, (wald, ratio))| GroupTests {
                    variable: &group.name,
                    wald: (*wald).into(),
                    likelihood_ratio: ratio.map(TestOf::from),
                })
                .collect(),
            contrasts: contrasts.iter().map(Tested::document).collect(),
            effects: at.map(|at| EffectsOf {
                at: match at {
                    Effects::Average => "average",
                    Effects::Mean => "mean",
                },
                effects: effects.iter().flat_map(effect).collect(),
            }),
            influence: rows.influence.as_ref().map(|influence| influence.document(summary)),
            probabilities: rows.predicted.as_ref().map(|predicted| predicted.document(summary)),
            at: rows.at.as_ref().map_or_else(Vec::new, |at| at.document(summary)),
            covariance_matrix: summary
                .covariance_matrix()
                .chunks(parameters.len().max(1))
                .map(<[f64]>::to_vec)
                .collect(),
            condition_number: summary.condition_number(),
            steps: summary.steps(),
            seconds: *seconds,
            version: env!("CARGO_PKG_VERSION"),
            data: &training.report,
            notes,
        }
    }
}
