//! `--contrast`: linear combinations of coefficients, and Wald's test of several at once.

mod names;
mod parse;

use super::document::{EstimateOf, RatioOf, TestOf};
use super::text::{chi_square, ratio, row};
use crate::describe::{heading, indent, plain_table, right_align};
use crate::failure::BadCall;
use crate::printer::{DIM, count, number};
use anyhow::{Result, anyhow};
use parse::Linear;
use polylogit::Error;
use polylogit::inference::{Estimate, Summary, Term, Test};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(super) use names::{Names, begins, hint};

/// What was asked for.
#[derive(Debug)]
pub(super) struct Contrast {
    typed: String,
    rows: Vec<Row>,
}

/// Σ weight · coefficient = value.
#[derive(Debug, PartialEq)]
struct Row {
    text: String,
    of: Vec<(usize, Term, f64)>,
    value: f64,
}

/// What came out.
pub(super) struct Tested {
    contrast: Contrast,
    estimates: Vec<Estimate>,
    test: Test,
}

/// The same in the document.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    contrast: &'a str,
    rows: Vec<DocumentRow<'a>>,
    wald: TestOf,
}

#[derive(Serialize)]
struct DocumentRow<'a> {
    row: &'a str,
    value: f64,
    #[serde(flatten)]
    estimate: EstimateOf,
    #[serde(flatten)]
    ratio: RatioOf,
}

impl Contrast {
    /// What was typed; what is 0 in it by convention goes to `zeros`.
    pub(super) fn new(typed: &str, names: &Names, zeros: &mut BTreeSet<String>) -> Result<Self> {
        let mut rows = Vec::new();
        for linear in parse::rows(typed, names)? {
            let found =
                spread(&linear, names).map_err(|why| BadCall(format!("--contrast {typed:?}: {why}")))?;
            if found.iter().any(|row| row.of.is_empty()) {
                let why: Vec<String> = linear.zeros.into_iter().collect();
                let why = if why.is_empty() { "its coefficients cancel".to_owned() } else { why.join(", ") };
                return Err(anyhow!("--contrast {typed:?}: {why}, so nothing is left to test"));
            }
            zeros.extend(linear.zeros);
            rows.extend(found);
        }
        Ok(Self { typed: typed.to_owned(), rows })
    }

    pub(super) fn test(self, summary: &Summary, names: &Names) -> Result<Tested> {
        let estimated = summary.terms();
        let missing = self.rows.iter().flat_map(|row| &row.of).find(|(_, term, _)| !estimated.contains(term));
        if let Some(&(class, term, _)) = missing {
            let name = names.text(class, term);
            return Err(anyhow!(
                "--contrast {:?}: {name} has no estimate, as its column is constant or depends on others",
                self.typed
            ));
        }
        let estimates = self.rows.iter().map(|row| summary.contrast(&row.of, row.value));
        let estimates = estimates.collect::<polylogit::Result<_>>()?;
        let of: Vec<_> = self.rows.iter().map(|row| row.of.clone()).collect();
        let values: Vec<f64> = self.rows.iter().map(|row| row.value).collect();
        let test = summary.wald(&of, &values).map_err(|error| match error {
            Error::Contradiction { row } => {
                anyhow!("--contrast {:?}: {} contradicts the other rows", self.typed, self.rows[row].text)
            }
            other => other.into(),
        })?;
        Ok(Tested { contrast: self, estimates, test })
    }
}

impl Tested {
    pub(super) fn document(&self) -> Document<'_> {
        Document {
            contrast: &self.contrast.typed,
            rows: self
                .contrast
                .rows
                .iter()
                .zip(&self.estimates)
                .map(|(row, &estimate)| DocumentRow {
                    row: &row.text,
                    value: row.value,
                    estimate: estimate.into(),
                    ratio: estimate.into(),
                })
                .collect(),
            wald: self.test.into(),
        }
    }
}

/// The section for people.
pub(super) fn text(all: &[Tested], summary: &Summary) -> String {
    let mut text = heading("Contrasts");
    let how = if summary.firth().is_some() {
        "Wald's tests and intervals, not the profile's"
    } else {
        "Wald's tests"
    };
    let _ = writeln!(text, "  {DIM}{how} of these rows; ratio = exp(estimate){DIM:#}");
    let rows = || all.iter().flat_map(|tested| tested.contrast.rows.iter().zip(&tested.estimates));
    let width = rows().count().to_string().len();
    let mut table = plain_table();
    table.set_header(["", "estimate", "std. error", "z", "p", "low", "high", "ratio", "low", "high"]);
    for (at, (contrast, estimate)) in (1..).zip(rows()) {
        let _ = writeln!(text, "  ({at:width$}) {}", contrast.text);
        table.add_row(row(format!("({at:width$})"), estimate).into_iter().chain(ratio(estimate)));
    }
    right_align(&mut table, 1..usize::MAX);
    text += "\n";
    text += &indent(&format!("{table}\n"));
    let mut first = 1;
    for Tested { contrast, test, .. } in all {
        let rows = contrast.rows.len();
        let last = first + rows - 1;
        if rows > 1 {
            let follow = match rows - test.df {
                0 => String::new(),
                n => format!(" ({} follows from the others)", count(n, "row")),
            };
            let _ = writeln!(text, "  ({first})–({last}) at once: {}{follow}", chi_square(test));
        }
        first = last + 1;
    }
    text
}

/// A row, or one for each class but the reference where no class is named.
fn spread(linear: &Linear, names: &Names) -> Result<Vec<Row>, &'static str> {
    let named = linear.of.iter().filter(|(class, ..)| class.is_some()).count();
    if named > 0 && named < linear.of.len() {
        return Err("terms with and without a class in one row: name the class of each");
    }
    let classes: Vec<Option<usize>> = if named == linear.of.len() {
        vec![None]
    } else {
        (0..names.classes.len()).filter(|k| *k != names.reference).map(Some).collect()
    };
    let row = |each: Option<usize>| {
        let of = linear.of.iter().filter(|(.., weight)| *weight != 0.0);
        let of: Vec<_> =
            of.filter_map(|&(class, term, weight)| Some((class.or(each)?, term, weight))).collect();
        // No -0.
        let value = 0.0 - linear.constant;
        Row { text: words(&of, value, names), of, value }
    };
    Ok(classes.into_iter().map(row).collect())
}

/// `B:x - 2*C:x = 0.5`.
fn words(of: &[(usize, Term, f64)], value: f64, names: &Names) -> String {
    let mut text = String::new();
    for (at, &(class, term, weight)) in of.iter().enumerate() {
        text += match (at, weight < 0.0) {
            (0, false) => "",
            (0, true) => "-",
            (_, false) => " + ",
            (_, true) => " - ",
        };
        if weight.abs() != 1.0 {
            let _ = write!(text, "{}*", number(weight.abs()));
        }
        text += &names.text(class, term);
    }
    format!("{text} = {}", number(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let term = |(j, name): (usize, &&str)| ((*name).to_owned(), Some(Term::Column(j)));
        let columns = ["x", "x2", "a - b", "island=Dream", "sex=m:x", "a b", "3"];
        let terms = columns.iter().enumerate().map(term);
        let terms = std::iter::once(("(intercept)".to_owned(), Some(Term::Intercept))).chain(terms);
        Names {
            classes: ["A", "B", "B:C", "-1", "2"].map(str::to_owned).to_vec(),
            reference: 0,
            terms: terms.chain([("island=Biscoe".to_owned(), None)]).collect(),
        }
    }

    fn rows(typed: &str) -> Result<Vec<String>> {
        let contrast = Contrast::new(typed, &names(), &mut BTreeSet::new())?;
        Ok(contrast.rows.into_iter().map(|row| row.text).collect())
    }

    #[test]
    fn what_is_typed_is_understood() {
        for (typed, expected) in [
            ("B:x", &["B:x = 0"][..]),
            ("B:x=2:x", &["B:x - 2:x = 0"]),
            ("2*B:x - 2:x/4 = 1.5e0", &["2*B:x - 0.25*2:x = 1.5"]),
            ("-(B:x - 2:x2)*3 + 1 = 2 * (1 - B:x)", &["-B:x + 3*2:x2 = 1"]),
            ("B:x = 2:x = 0, B:(intercept)", &["B:x = 0", "2:x = 0", "B:(intercept) = 0"]),
            ("B:x;2:x", &["B:x = 0", "2:x = 0"]),
            ("B:island=Dream=.5", &["B:island=Dream = 0.5"]),
            ("B:sex=m:x - B : x", &["B:sex=m:x - B:x = 0"]),
            ("B:a - b", &["B:a - b = 0"]),
            ("B:C:x - B:x", &["B:C:x - B:x = 0"]),
            ("`B:C`:`a b` - \"B\":\"a - b\"", &["B:C:a b - B:a - b = 0"]),
            ("2:x - -1:x", &["2:x - -1:x = 0"]),
            ("-1:x", &["-1:x = 0"]),
            ("- 2:3 - 3", &["-2:3 = 3"]),
            ("B:x - A:x = 1", &["B:x = 1"]),
            ("B:island=Dream - B:island=Biscoe", &["B:island=Dream = 0"]),
            (
                "x - 2*x2",
                &["B:x - 2*B:x2 = 0", "B:C:x - 2*B:C:x2 = 0", "-1:x - 2*-1:x2 = 0", "2:x - 2*2:x2 = 0"],
            ),
            ("B:x + B:x - 0*2:x", &["2*B:x = 0"]),
        ] {
            assert_eq!(rows(typed).unwrap(), expected, "{typed}");
        }
    }

    #[test]
    fn what_is_not_is_explained() {
        for (typed, message) in [
            ("", "a coefficient CLASS:TERM or a number is missing at the end"),
            ("B:x +", "missing at the end"),
            ("B:x,", "missing at the end"),
            ("B:x = ", "missing at the end"),
            (", B:x", "missing before \", B:x\""),
            ("B:x 2:x", "+, -, *, /, = or , should stand before \"2:x\""),
            ("(B:x", "a ) is missing"),
            ("B:x)", "should stand before \")\""),
            ("B:x * B:x", "not linear"),
            ("1 / B:x", "not linear"),
            ("B:x / 0", "not finite"),
            ("1e999 * B:x", "not finite"),
            ("\"B:x", "a quote or a parenthesis is not closed"),
            ("B:", "a term is missing after B: the terms are"),
            ("B:(slope)", "(slope) is no term: the terms are"),
            ("C:x", "C is no class: the classes are A, B, B:C, -1, 2 (compared with A)"),
            ("B:y", "y is no term: the terms are (intercept), x, x2,"),
            ("B:island=Dreem", "island is no term (did you mean island=Dream?)"),
            ("B:ab", "ab is no term (did you mean a b?)"),
            ("B:`a.b`", "a.b is no term (did you mean a b?)"),
            ("islan", "islan is neither a number nor a term (did you mean island=Dream?)"),
            ("B:x - x", "terms with and without a class"),
            ("B:x - B:x", "its coefficients cancel, so nothing is left to test"),
            ("A:x", "coefficients of A are 0: it is the reference class, so nothing is left"),
            ("B:island=Biscoe = 1", "coefficients of island=Biscoe are 0: it is the base level"),
        ] {
            let error = rows(typed).unwrap_err();
            assert!(error.to_string().contains(message), "{typed}: {error}");
        }
    }
}
