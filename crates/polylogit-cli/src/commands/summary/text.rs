//! The tables of `polylogit summary`, for people.

use super::{Results, contrasts};
use crate::args::Effects;
use crate::describe::{facts, heading, indent, plain_table, right_align, shorten};
use crate::printer::{DIM, count, number, percent, seconds, significant};
use polylogit::inference::{Covariance, Estimate, Summary, Term, Test, WeightKind};
use std::f64::consts::LN_10;
use std::fmt::Write as _;

/// P-values below this are only said to be.
const SMALL: f64 = 1e-16;

pub(super) fn of(results: &Results<'_>) -> String {
    let mut sections = vec![model(results), coefficients(results), tests(results)];
    if !results.contrasts.is_empty() {
        sections.push(contrasts::text(&results.contrasts, results.summary));
    }
    if let Some(at) = results.at {
        sections.push(effects(results, at));
    }
    let (rows, summary) = (&results.rows, results.summary);
    sections.extend(rows.influence.as_ref().map(|influence| influence.text(summary)));
    sections.extend(rows.predicted.as_ref().map(|predicted| predicted.text(summary)));
    sections.extend(rows.at.as_ref().map(|at| at.text(summary)));
    sections.join("\n")
}

fn model(results: &Results<'_>) -> String {
    let summary = results.summary;
    let likelihood = summary.likelihood();
    let reference = summary.classes()[summary.reference()].to_string();
    let mut lines = vec![
        ("reference", format!("{reference}: coefficients are log odds against it")),
        ("estimates", estimates(summary)),
        ("covariance", covariance(summary)),
        (
            "observations",
            format!("{}, {}", number(likelihood.observations), count(likelihood.parameters, "parameter")),
        ),
    ];
    let (found, null) = (number(likelihood.loglik), number(likelihood.null));
    lines.push(("likelihood", format!("ln L = {found}; {null} with intercepts alone")));
    if let Some(test) = likelihood.ratio_test().or(summary.firth()) {
        lines.push(("all columns", chi_square(&test)));
    }
    let mut r2 = format!("McFadden {}", significant(likelihood.mcfadden(), 4));
    for (name, value) in [("Cox–Snell", likelihood.cox_snell()), ("Nagelkerke", likelihood.nagelkerke())] {
        if let Some(value) = value {
            let _ = write!(r2, ", {name} {}", significant(value, 4));
        }
    }
    lines.push(("pseudo R²", r2));
    if let (Some(aic), Some(bic)) = (likelihood.aic(), likelihood.bic()) {
        lines.push(("criteria", format!("AIC {}, BIC {}", number(aic), number(bic))));
    }
    let condition = significant(summary.condition_number(), 2);
    lines.push(("condition", format!("{condition} (of the information, every parameter scaled to 1)")));
    lines.push(("cost", format!("{}, {}", count(summary.steps(), "step"), seconds(results.seconds))));
    heading("Model") + &facts(lines)
}

fn estimates(summary: &Summary) -> String {
    if summary.lambda() > 0.0 {
        let lambda = number(summary.lambda());
        return format!("ridge, λ = {lambda}: biased by what no standard error tells");
    }
    match summary.firth() {
        Some(_) => {
            "Firth's (Jeffreys' prior); tests and intervals by the penalised profile likelihood".to_owned()
        }
        None => "maximum likelihood".to_owned(),
    }
}

fn covariance(summary: &Summary) -> String {
    let weights = match summary.weight_kind() {
        None => "",
        Some(WeightKind::Frequency) => "; weights are counts",
        Some(WeightKind::Sampling) => "; weights are inverse sampling probabilities",
        Some(WeightKind::Analytic) => "; weights are relative precisions",
    };
    let how = match summary.covariance() {
        Covariance::Model => "of the model (inverse information)".to_owned(),
        Covariance::Hc0 => "robust (HC0 sandwich)".to_owned(),
        Covariance::Hc1 => "robust (HC1 sandwich)".to_owned(),
        Covariance::Cluster => {
            format!("robust for {}", count(summary.clusters().unwrap_or_default(), "cluster"))
        }
    };
    how + weights
}

fn coefficients(results: &Results<'_>) -> String {
    let summary = results.summary;
    let level = percent(summary.level()).replace(".00", "");
    let mut text = heading("Coefficients");
    let _ = writeln!(
        text,
        "  {DIM}raw scale; ratio = exp(estimate), by which the odds change; intervals of {level}{DIM:#}"
    );
    let mut table = plain_table();
    table.set_header(["", "estimate", "std. error", "z", "p", "low", "high", "ratio", "low", "high"]);
    for k in (0..summary.classes().len()).filter(|&k| k != summary.reference()) {
        table.add_row([shorten(&summary.classes()[k].to_string())]);
        for term in summary.terms() {
            let Some(estimate) = summary.estimate(k, term) else { continue };
            let name = match term {
                Term::Intercept => "(intercept)",
                Term::Column(j) => results.names[j].as_str(),
            };
            // An intercept changes nothing by a factor.
            let ratio = (term != Term::Intercept).then(|| ratio(&estimate)).into_iter().flatten();
            let row = row(format!("  {}", shorten(name)), &estimate);
            table.add_row(row.into_iter().chain(ratio));
        }
    }
    right_align(&mut table, 1..usize::MAX);
    text + &indent(&format!("{table}\n"))
}

fn tests(results: &Results<'_>) -> String {
    if results.tests.is_empty() {
        return String::new();
    }
    let with_ratio = results.tests.iter().any(|(_, ratio)| ratio.is_some());
    let mut text = heading("Tests of each variable");
    let _ = writeln!(text, "  {DIM}all of its columns, for all classes at once{DIM:#}");
    let mut table = plain_table();
    let ratio = if with_ratio { &["LR χ²", "p"][..] } else { &[] };
    table.set_header(["", "df", "Wald χ²", "p"].iter().chain(ratio));
    for (group, (wald, ratio)) in results.terms.groups.iter().zip(&results.tests) {
        let mut row = vec![shorten(&group.name), wald.df.to_string()];
        for test in [Some(wald), ratio.as_ref()].into_iter().flatten() {
            row.extend([significant(test.statistic, 5), p_value(test.p_value)]);
        }
        table.add_row(row);
    }
    right_align(&mut table, 1..usize::MAX);
    text + &indent(&format!("{table}\n"))
}

fn effects(results: &Results<'_>, at: Effects) -> String {
    let (title, how) = match at {
        Effects::Average => ("Average marginal effects", "averaged over the rows"),
        Effects::Mean => ("Marginal effects at the means", "at the mean of every variable"),
    };
    let mut text = heading(title);
    let _ = writeln!(
        text,
        "  {DIM}on the probability of each class, {how}; numbers: per unit; categories: against the base level{DIM:#}"
    );
    let mut table = plain_table();
    table.set_header(["", "effect", "std. error", "z", "p", "low", "high"]);
    for (name, estimates) in &results.effects {
        table.add_row([shorten(name)]);
        for (class, estimate) in results.summary.classes().iter().zip(estimates) {
            table.add_row(row(format!("  {}", shorten(&class.to_string())), estimate));
        }
    }
    right_align(&mut table, 1..usize::MAX);
    text + &indent(&format!("{table}\n"))
}

/// Name, estimate, standard error, z, p, interval.
pub(super) fn row(name: String, e: &Estimate) -> Vec<String> {
    let mut row = vec![
        name,
        significant(e.value, 5),
        significant(e.std_err, 4),
        format!("{:.3}", e.z),
        p_value(e.p_value),
    ];
    row.extend([bound(e.low), bound(e.high)]);
    row
}

/// An end of an interval; Firth's may not be found.
pub(super) fn bound(value: f64) -> String {
    if value.is_nan() { "not found".to_owned() } else { significant(value, 4) }
}

/// e^estimate and the ends of its interval, of any size.
pub(super) fn ratio(e: &Estimate) -> [String; 3] {
    [e.value, e.low, e.high].map(|log| match log.exp() {
        ratio if log.is_finite() && !ratio.is_normal() => {
            let exponent = (log / LN_10).floor();
            format!("{}e{exponent}", significant((log - exponent * LN_10).exp(), 4))
        }
        ratio => bound(ratio),
    })
}

pub(super) fn chi_square(test: &Test) -> String {
    let p = p_value(test.p_value);
    let p = if p.starts_with('<') { format!("p {p}") } else { format!("p = {p}") };
    format!("χ² = {} on {} df, {p}", significant(test.statistic, 5), test.df)
}

fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => "–".to_owned(),
        p if p < SMALL => "< 1e-16".to_owned(),
        p if p < 1e-4 => format!("{p:.1e}"),
        p => format!("{p:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_any_size() {
        use polylogit::inference::Inference;
        use polylogit::{Design, Target};
        // The columns of this tiny fit are so small that slopes are huge.
        let x: Vec<f64> = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0].map(|x| x * 1e-4).to_vec();
        let target = Target::from_labels([0, 0, 1, 0, 1, 0, 1, 1]).unwrap();
        let summary = Inference::new().fit(&Design::dense(&x, 8, 1).unwrap(), &target).unwrap();
        let slope = summary.estimate(1, Term::Column(0)).unwrap();
        let [found, low, high] = ratio(&slope);
        let (mantissa, exponent) = found.split_once('e').unwrap();
        let log = mantissa.parse::<f64>().unwrap().ln() + exponent.parse::<f64>().unwrap() * LN_10;
        assert!(slope.value > 1000.0 && (log - slope.value).abs() < 1e-3, "{found} {slope:?}");
        assert!(low.contains("e-") && high.contains('e') && !high.contains("inf"), "{low} {high}");
    }

    #[test]
    fn p_values_are_short() {
        for (p, text) in
            [(1.0, "1.0000"), (0.05, "0.0500"), (2.34e-7, "2.3e-7"), (1e-40, "< 1e-16"), (f64::NAN, "–")]
        {
            assert_eq!(super::p_value(p), text);
        }
    }
}
