//! What was solved, and how surely.

use super::{all_short, short};
use crate::describe;
use crate::printer::{count, number, seconds, significant, thousands};
use polylogit::CertificateKind;
use polylogit_model::Artefact;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Solved<'a> {
    /// F in symbols and in words.
    formula: String,
    words: String,
    facts: Vec<(&'static str, String)>,
    converged: bool,
    objective: f64,
    certificate: &'static str,
    gap: Option<f64>,
    relative_gap: Option<f64>,
    solver: &'a str,
    trace: Option<Trace>,
}

/// The steps of the fit.
#[derive(Serialize)]
struct Trace {
    passes: Vec<f64>,
    objective: Vec<f64>,
    relative_gap: Vec<Option<f64>>,
    tol: f64,
}

impl<'a> Solved<'a> {
    pub(super) fn new(artefact: &'a Artefact) -> Self {
        let record = artefact.record();
        let (formula, words) = describe::formula(record);
        let finite = |v: f64| v.is_finite().then(|| short(v));
        let mut facts = vec![("Ended", describe::status(record))];
        facts.push(("Certificate", describe::certificate(&record.certificate)));
        facts.push(("Objective", format!("F = {} nats", number(record.objective))));
        facts.push(("Mean log loss", format!("{} nats on the training rows", number(record.nll_mean))));
        if record.lambda > 0.0 {
            let c = number(1.0 / (record.lambda * record.total_weight));
            let alpha = format!(", α = {}", number(record.l1_ratio));
            let alpha = if record.l1_ratio > 0.0 { &alpha } else { "" };
            facts.push(("Penalty", format!("λ = {}{alpha} (C = {c})", number(record.lambda))));
        }
        if let Some(factors) = describe::factors(artefact) {
            facts.push(("Penalty factors", format!("v = {factors}")));
        }
        if let Some(groups) = describe::groups(artefact) {
            facts.push(("Groups", format!("G = {groups}")));
        }
        let weight = number(record.total_weight);
        facts.push(("Trained on", format!("{} rows of total weight {weight}", thousands(record.rows))));
        let (steps, passes) = (count(record.steps, "step"), significant(record.passes, 3));
        facts.push(("Cost", format!("{steps}, {passes} passes over the rows, {}", seconds(record.seconds))));
        facts.push(("Solver", format!("{}: {}", record.solver, record.reason)));
        facts.push(("Fitted by", format!("polylogit {}", record.version)));
        let trace = record.trace.as_ref().map(|t| Trace {
            passes: all_short(t.passes.iter().copied()),
            // F is told from its end: all digits count.
            objective: t.objective.clone(),
            relative_gap: t.relative_gap.iter().map(|g| g.map(short)).collect(),
            tol: t.tol,
        });
        Self {
            formula,
            words,
            facts,
            converged: record.status.is_converged(),
            objective: record.objective,
            certificate: match record.certificate.kind {
                CertificateKind::DualityGap => "proven",
                _ => "estimated",
            },
            gap: finite(record.certificate.gap),
            relative_gap: finite(record.certificate.relative_gap),
            solver: &record.solver,
            trace,
        }
    }
}
