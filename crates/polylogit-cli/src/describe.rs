//! Models in words and tables: the objective, how the fit ended, the coefficients. Returns text, prints
//! nothing.

use crate::printer::{BOLD, DIM, count, number, seconds, significant};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use polylogit::calibration::Scaling;
use polylogit::error::size;
use polylogit::solver::Status;
use polylogit::{Certificate, CertificateKind};
use polylogit_data::Kind;
use polylogit_model::{Artefact, Record};
use std::fmt::Write as _;

/// Columns of text that fit any terminal.
const WIDTH: usize = 100;
/// Coefficients that are shown without being asked for all.
const SHOWN: usize = 240;
/// The largest coefficients of a class that are shown when there are too many.
const LARGEST: usize = 4;
/// Factors of a vector scaling that are shown.
const FACTORS: usize = 8;
/// Names longer than this are cut in tables.
const NAME_WIDTH: usize = 40;

/// A heading.
pub(crate) fn heading(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}\n")
}

/// Lines of `key  value`, the values aligned.
pub(crate) fn facts<'a>(lines: impl IntoIterator<Item = (&'a str, String)>) -> String {
    lines.into_iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "  {key:<13} {value}");
        text
    })
}

/// Names with commas, cut after a line.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let mut text = String::new();
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        if text.chars().count() > WIDTH - 20 {
            let _ = write!(text, "… ({} in all)", names.len());
            break;
        }
        text.push_str(&shorten(name.as_ref()));
    }
    text
}

/// The objective in symbols, in words, with its numbers.
pub(crate) fn objective(artefact: &Artefact) -> String {
    let record = artefact.record();
    let (formula, words) = formula(record);
    let mut text = heading("Objective");
    let _ = writeln!(text, "  {formula}");
    let _ = writeln!(text, "  {}", words.replace("; intercepts", ";\n  intercepts"));
    let weight = number(record.total_weight);
    if record.lambda > 0.0 {
        let c = number(1.0 / (record.lambda * record.total_weight));
        let alpha =
            if record.l1_ratio > 0.0 { format!(", α = {}", number(record.l1_ratio)) } else { String::new() };
        let _ = writeln!(text, "  λ = {}{alpha} (C = 1/(λS) = {c}), S = {weight}", number(record.lambda));
    } else {
        let _ = writeln!(text, "  λ = 0, S = {weight}");
    }
    if let Some(factors) = factors(artefact) {
        let _ = writeln!(text, "  v = {factors}");
    }
    if let Some(groups) = groups(artefact) {
        let _ = writeln!(text, "  G = {groups}");
    }
    text
}

/// The penalty factors that are not 1, by the names of their columns.
pub(crate) fn factors(artefact: &Artefact) -> Option<String> {
    let (v, mut start) = (&artefact.record().penalty_factors, 0);
    if v.is_empty() || artefact.record().lambda == 0.0 {
        return None;
    }
    let names = artefact.schema().feature_names();
    let mut by_value: Vec<(f64, Vec<&str>)> = Vec::new();
    let mut put = |value: f64, name| match by_value.iter_mut().find(|(v, _)| *v == value) {
        Some((_, names)) => names.push(name),
        None => by_value.push((value, vec![name])),
    };
    for column in &artefact.schema().columns {
        let of = start..start + column.kind.width();
        start = of.end;
        let whole = matches!(column.kind, Kind::Category { .. }) && of.len() > 1;
        if whole && v[of.clone()].iter().all(|value| *value == v[of.start]) {
            put(v[of.start], column.name.as_str());
        } else {
            of.for_each(|j| put(v[j], names[j].as_str()));
        }
    }
    by_value.sort_by(|a, b| a.0.total_cmp(&b.0));
    let others = by_value.iter().any(|(value, _)| *value == 1.0);
    let parts = by_value.iter().filter(|(value, _)| *value != 1.0);
    let mut parts: Vec<String> =
        parts.map(|(value, names)| format!("{} for {}", number(*value), list(names))).collect();
    if others {
        parts.push("1 for the others".to_owned());
    }
    Some(parts.join("; "))
}

/// The groups of several columns by their names, in braces; a category that is one by its own.
pub(crate) fn groups(artefact: &Artefact) -> Option<String> {
    let record = artefact.record();
    if record.groups.is_empty() || record.lambda == 0.0 || record.l1_ratio == 0.0 {
        return None;
    }
    let (schema, names) = (artefact.schema(), artefact.schema().feature_names());
    let braces = |group: &Vec<usize>| {
        let whole = schema.columns.iter().find(|column| {
            let of = schema.find(&column.name).unwrap_or_default();
            of.len() > 1 && of.eq(group.iter().copied())
        });
        let columns: Vec<&str> = group.iter().map(|&j| names[j].as_str()).collect();
        whole.map_or_else(|| format!("{{{}}}", list(&columns)), |column| column.name.clone())
    };
    let groups: Vec<String> = record.groups.iter().map(braces).collect();
    let others = record.groups.iter().flatten().count() < names.len();
    Some(groups.join("; ") + if others { "; each other column alone" } else { "" })
}

/// The objective in symbols and in words.
pub(crate) fn formula(record: &Record) -> (String, String) {
    let (penalty, words) = penalty(record);
    let scores = if record.fit_intercept { "z = W x + b" } else { "z = W x" };
    let intercepts = match (record.fit_intercept, record.lambda > 0.0) {
        (true, true) => "; intercepts are not penalised",
        (true, false) => "",
        (false, _) => "; no intercepts",
    };
    let formula = format!("F = (1/S) Σᵢ sᵢ [logsumexp(zᵢ) − zᵢ,yᵢ]{penalty},  {scores}");
    (formula, words + intercepts)
}

/// The penalty in symbols and the whole objective in words.
fn penalty(record: &Record) -> (String, String) {
    if record.lambda == 0.0 {
        let words = "the mean negative log-likelihood, without a penalty (maximum likelihood)";
        return (String::new(), words.to_owned());
    }
    let (square, scale) = if record.standardize { ("sdⱼ² ", "sdⱼ ") } else { ("", "") };
    let norm = format!("{scale}‖W·ⱼ‖{}", if record.grouped { "₂" } else { "₁" });
    let v = if record.penalty_factors.is_empty() { "" } else { "vⱼ " };
    let of_groups = format!("√|G| {}‖{}W·G‖₂", v.replace('ⱼ', "_G"), scale.replace('ⱼ', ""));
    let (symbols, name) = match record.l1_ratio {
        0.0 if v.is_empty() && square.is_empty() => ("(λ/2) ‖W‖²".to_owned(), "ridge"),
        0.0 => (format!("(λ/2) Σⱼ {v}{square}‖W·ⱼ‖²"), "ridge"),
        1.0 if !record.groups.is_empty() => (format!("λ Σ_G {of_groups}"), "lasso"),
        1.0 => (format!("λ Σⱼ {v}{norm}"), "lasso"),
        _ if !record.groups.is_empty() => {
            (format!("λ [(1−α)/2 Σⱼ {v}{square}‖W·ⱼ‖² + α Σ_G {of_groups}]"), "elastic net")
        }
        _ => (format!("λ Σⱼ {v}[(1−α)/2 {square}‖W·ⱼ‖² + α {norm}]"), "elastic net"),
    };
    let article = if name == "elastic net" && !record.grouped { "an" } else { "a" };
    let grouped = if record.grouped && record.l1_ratio > 0.0 { "grouped " } else { "" };
    let of = if record.standardize { " of standardised columns" } else { "" };
    let words = format!(
        "the mean negative log-likelihood, plus {article} {grouped}{name} penalty on the weights{of}"
    );
    (format!(" + {symbols}"), words)
}

/// How the fit ended, in a sentence.
pub(crate) fn status(record: &Record) -> String {
    let steps = count(record.steps, "step");
    match record.status {
        Status::Converged => "converged".to_owned(),
        Status::Separated => {
            "not converged: the classes are separated, the weights grow without end".to_owned()
        }
        Status::Cancelled => format!("interrupted after {steps}: the best model so far"),
        Status::StepLimit => format!("not converged: ended after {steps}; allow more with --max-steps"),
        Status::PrecisionLimit => {
            "ended at the precision of float64: no step improves the objective any more".to_owned()
        }
        other => other.name().replace('_', " "),
    }
}

/// The bound in words.
pub(crate) fn certificate(certificate: &Certificate) -> String {
    if !certificate.gap.is_finite() {
        return "no bound on the distance to the minimum was reached".to_owned();
    }
    let (gap, relative) = (significant(certificate.gap, 2), significant(certificate.relative_gap, 2));
    match certificate.kind {
        CertificateKind::DualityGap => {
            format!("proven at most {gap} above the minimum, relative {relative} (duality gap)")
        }
        CertificateKind::NewtonDecrement => {
            format!(
                "estimated {gap} above the minimum, relative {relative} (half the squared Newton decrement)"
            )
        }
        CertificateKind::FirstOrder => {
            format!(
                "estimated {gap} above the minimum, relative {relative} (first order in the columns without penalty)"
            )
        }
        other => format!("{gap} above the minimum, relative {relative} ({other})"),
    }
}

/// A calibration in words.
pub(crate) fn calibration(scaling: &Scaling) -> String {
    if let Some(t) = scaling.temperature() {
        let sure = if t > 1.0 { "too sure" } else { "not sure enough" };
        return format!("scores divided by the temperature T = {}: the model was {sure}", number(t));
    }
    let list = |values: &[f64]| {
        let shown = values.iter().take(FACTORS).map(|v| significant(*v, 4)).collect::<Vec<_>>().join(", ");
        if values.len() > FACTORS { shown + ", …" } else { shown }
    };
    format!("scores times {} plus {}", list(&scaling.scale), list(&scaling.shift))
}

/// What is known of a fit that has just ended, and not kept.
pub(crate) struct Fresh {
    /// The share of the training rows that it predicts.
    pub(crate) accuracy: String,
    /// Bytes beside the data that it was foreseen to take; they depend on the number of threads.
    pub(crate) memory: u64,
}

/// How the fit ended, how good the model is, what it cost.
pub(crate) fn result(record: &Record, fresh: Option<&Fresh>) -> String {
    let mut lines = vec![
        ("status", status(record)),
        ("objective", format!("F = {} nats", number(record.objective))),
        ("certificate", certificate(&record.certificate)),
        ("mean log loss", format!("{} nats", number(record.nll_mean))),
    ];
    if let Some(Fresh { accuracy, .. }) = fresh {
        lines.push(("accuracy", format!("{accuracy} of the training rows")));
    }
    let (steps, passes) = (count(record.steps, "step"), significant(record.passes, 3));
    let mut cost = format!("{steps}, {passes} passes over the rows, {}", seconds(record.seconds));
    if let Some(Fresh { memory, .. }) = fresh {
        let _ = write!(cost, ", foreseen to take {} beside the data", size(*memory));
    }
    lines.push(("cost", cost));
    let reason = if record.reason.is_empty() { String::new() } else { format!(": {}", record.reason) };
    lines.push(("solver", format!("{}{reason}", record.solver)));
    heading("Result") + &facts(lines)
}

/// The coefficients: all of them in blocks of classes, or the largest of each class if there are too many.
pub(crate) fn coefficients(artefact: &Artefact, all: bool) -> String {
    let c = artefact.model().coefficients();
    let record = artefact.record();
    let zeros = (0..c.features()).filter(|&j| is_zero(artefact, j)).count();
    let sparse = record.l1_ratio > 0.0 && record.lambda > 0.0;
    let many = c.classes() * (c.features() - zeros + 1) > SHOWN;
    let mut text = heading("Coefficients");
    if sparse {
        let _ = writeln!(
            text,
            "  {DIM}raw scale; {zeros} of {} features are 0 for all classes{DIM:#}",
            c.features()
        );
    } else if c.classes() == 2 && c.features() > 0 && c.class_weights(0).iter().all(|w| *w == 0.0) {
        let _ = writeln!(text, "  {DIM}raw scale; against class {}{DIM:#}", artefact.model().classes()[0]);
    } else {
        let _ = writeln!(text, "  {DIM}raw scale; each row sums to 0 over the classes{DIM:#}");
    }
    if many && !all {
        text.push_str(&indent(&largest(artefact)));
        let _ = writeln!(
            text,
            "  {DIM}the {LARGEST} largest of {} per class, by |weight|·sd of the column; all: polylogit show MODEL --all{DIM:#}",
            c.features()
        );
    } else {
        let names: Vec<String> = artefact.model().classes().iter().map(ToString::to_string).collect();
        for classes in blocks(artefact, &names) {
            text.push_str(&indent(&matrix(artefact, &names, classes)));
        }
    }
    text
}

/// Are a feature's weights 0 for all classes?
fn is_zero(artefact: &Artefact, j: usize) -> bool {
    let c = artefact.model().coefficients();
    (0..c.classes()).all(|k| c.class_weights(k)[j] == 0.0)
}

/// Ranges of classes whose columns fit the width.
fn blocks(artefact: &Artefact, classes: &[String]) -> Vec<std::ops::Range<usize>> {
    let feature = artefact.schema().feature_names().iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let room = WIDTH - 4 - feature.clamp("(intercept)".len(), NAME_WIDTH);
    let mut blocks = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (k, class) in classes.iter().enumerate() {
        let width = class.chars().count().clamp(10, NAME_WIDTH) + 2;
        if used + width > room && k > start {
            blocks.push(start..k);
            (start, used) = (k, 0);
        }
        used += width;
    }
    blocks.push(start..classes.len());
    blocks
}

/// Features down, classes across.
fn matrix(artefact: &Artefact, names: &[String], classes: std::ops::Range<usize>) -> String {
    let c = artefact.model().coefficients();
    let mut table = plain_table();
    let header = classes.clone().map(|k| shorten(&names[k]));
    table.set_header(std::iter::once(String::new()).chain(header));
    if artefact.record().fit_intercept {
        let row = classes.clone().map(|k| significant(c.intercepts()[k], 5));
        table.add_row(std::iter::once("(intercept)".to_owned()).chain(row));
    }
    let sparse = artefact.record().l1_ratio > 0.0;
    for (j, feature) in artefact.schema().feature_names().iter().enumerate() {
        if sparse && is_zero(artefact, j) {
            continue;
        }
        let row = classes.clone().map(|k| significant(c.class_weights(k)[j], 5));
        table.add_row(std::iter::once(shorten(feature)).chain(row));
    }
    right_align(&mut table, 1..usize::MAX);
    format!("{table}\n")
}

/// Classes down, their largest coefficients across.
fn largest(artefact: &Artefact) -> String {
    let c = artefact.model().coefficients();
    let names = artefact.schema().feature_names();
    let sd = &artefact.record().feature_sd;
    let mut table = plain_table();
    table.set_header(["class", "(intercept)", "largest weights"]);
    for (k, class) in artefact.model().classes().iter().enumerate() {
        let weights = c.class_weights(k);
        let effect = |j: usize| (weights[j] * sd.get(j).copied().unwrap_or(1.0)).abs();
        let sparse = artefact.record().l1_ratio > 0.0;
        let mut order: Vec<usize> = (0..weights.len()).filter(|&j| !sparse || weights[j] != 0.0).collect();
        order.sort_by(|&a, &b| effect(b).total_cmp(&effect(a)).then(a.cmp(&b)));
        let shown = order.iter().take(LARGEST);
        let shown: Vec<String> =
            shown.map(|&j| format!("{} {}", shorten(&names[j]), signed(weights[j]))).collect();
        table.add_row([shorten(&class.to_string()), significant(c.intercepts()[k], 4), shown.join(", ")]);
    }
    right_align(&mut table, 1..2);
    format!("{table}\n")
}

fn signed(value: f64) -> String {
    let text = significant(value, 3);
    if text.starts_with('-') || text == "0" { text } else { format!("+{text}") }
}

/// A table without frames, a line under the header.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// The columns of numbers; two blanks between all columns.
pub(crate) fn right_align(table: &mut Table, numbers: std::ops::Range<usize>) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in table.column_iter_mut().take(numbers.end).skip(numbers.start) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Every line two columns further right, without blanks at its end.
pub(crate) fn indent(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "  {}", line.trim_end());
        out
    })
}

/// At most [`NAME_WIDTH`] characters on one line.
pub(crate) fn shorten(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if name.chars().count() <= NAME_WIDTH {
        return name;
    }
    name.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
}
