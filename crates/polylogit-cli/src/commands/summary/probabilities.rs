//! `--predict` and `--at`: probabilities with standard errors and intervals by the delta method.

use super::at::Settings;
use super::terms::Terms;
use super::text::bound;
use crate::commands::columns::{Cells, Columns};
use crate::describe::{heading, indent, plain_table, right_align, shorten};
use crate::printer::{DIM, percent, significant, thousands};
use anyhow::Result;
use polylogit::inference::{Probabilities, Summary};
use polylogit::{Design, Label};
use polylogit_data::Table;
use serde::Serialize;
use std::fmt::Write as _;

/// Rows that are printed for people.
const SHOWN: usize = 20;

/// Of the rows of a table; NaN where values are missing.
pub(super) struct Predicted {
    file: String,
    saved: Option<String>,
    rows: usize,
    p: Probabilities,
}

/// Of some settings, a row each.
pub(super) struct AtSettings {
    settings: Vec<Settings>,
    p: Probabilities,
}

#[derive(Serialize)]
pub(super) struct PredictedOf<'a> {
    file: &'a str,
    rows: usize,
    saved: Option<&'a str>,
    /// Left to the file where there is one.
    values: Option<Vec<Option<Vec<ProbabilityOf>>>>,
}

#[derive(Serialize)]
pub(super) struct AtOf<'a> {
    at: &'a str,
    probabilities: Vec<ProbabilityOf>,
}

#[derive(Serialize)]
struct ProbabilityOf {
    class: String,
    p: f64,
    std_err: f64,
    low: f64,
    high: f64,
}

impl Predicted {
    pub(super) fn new(file: String, saved: Option<String>, table: &Table, summary: &Summary) -> Result<Self> {
        let k = summary.classes().len();
        let mut p =
            if table.rows > 0 { summary.probabilities(&table.design()?)? } else { Probabilities::default() };
        let rows = table.report.read;
        if table.rows < rows {
            for values in [&mut p.value, &mut p.std_err, &mut p.low, &mut p.high] {
                let mut found = values.chunks_exact(k);
                let mut out = table.report.left_out.iter().peekable();
                let spread = (0..rows).flat_map(|row| match out.next_if(|gone| **gone == row) {
                    Some(_) => vec![f64::NAN; k],
                    None => found.next().map_or_else(Vec::new, <[f64]>::to_vec),
                });
                *values = spread.collect();
            }
        }
        Ok(Self { file, saved, rows, p })
    }

    pub(super) fn columns<'a>(&'a self, classes: &'a [Label]) -> Columns<'a> {
        let Probabilities { value, std_err, low, high, .. } = &self.p;
        let parts = [("p", value), ("se", std_err), ("low", low), ("high", high)];
        let columns = parts.into_iter().flat_map(|(prefix, values)| Cells::by_class(prefix, classes, values));
        Columns { rows: self.rows, columns: columns.collect() }
    }

    pub(super) fn document(&self, summary: &Summary) -> PredictedOf<'_> {
        let row = |row: usize| {
            (!self.p.value[row * summary.classes().len()].is_nan()).then(|| of_row(&self.p, row, summary))
        };
        let values = self.saved.is_none().then(|| (0..self.rows).map(row).collect());
        PredictedOf { file: &self.file, rows: self.rows, saved: self.saved.as_deref(), values }
    }

    pub(super) fn text(&self, summary: &Summary) -> String {
        let mut text = heading("Probabilities");
        if let Some(saved) = &self.saved {
            let _ = writeln!(
                text,
                "  of the {} rows of {}, with errors and intervals: saved to {saved}",
                thousands(self.rows),
                self.file
            );
            return text;
        }
        let _ =
            writeln!(text, "  {DIM}of the rows of {}, counted from 1; {}{DIM:#}", self.file, how(summary));
        let shown = self.rows.min(SHOWN);
        text += &table((0..shown).map(|row| (row + 1).to_string()), &self.p, summary);
        if shown < self.rows {
            let _ = writeln!(
                text,
                "  {DIM}the first {shown} of {} rows; all: -o FILE.csv, or --format json{DIM:#}",
                thousands(self.rows)
            );
        }
        text
    }
}

impl AtSettings {
    pub(super) fn new(settings: Vec<Settings>, terms: &Terms, summary: &Summary) -> Result<Self> {
        let rows: Vec<f64> =
            settings.iter().flat_map(|s| terms.row_at(summary.column_means(), &s.set)).collect();
        let p = summary.probabilities(&Design::dense(&rows, settings.len(), summary.features())?)?;
        Ok(Self { settings, p })
    }

    pub(super) fn document(&self, summary: &Summary) -> Vec<AtOf<'_>> {
        self.settings
            .iter()
            .enumerate()
            .map(|(row, settings)| AtOf { at: &settings.text, probabilities: of_row(&self.p, row, summary) })
            .collect()
    }

    pub(super) fn text(&self, summary: &Summary) -> String {
        let mut text = heading("Probabilities at given values");
        let _ = writeln!(
            text,
            "  {DIM}others at their means, categories at the shares of their levels; {}{DIM:#}",
            how(summary)
        );
        for (at, settings) in (1..).zip(&self.settings) {
            let _ = writeln!(text, "  ({at}) {}", settings.text);
        }
        text + "\n" + &table((1..=self.settings.len()).map(|at| format!("({at})")), &self.p, summary)
    }
}

fn how(summary: &Summary) -> String {
    format!("delta-method intervals of {}", percent(summary.level()).replace(".00", ""))
}

fn of_row(p: &Probabilities, row: usize, summary: &Summary) -> Vec<ProbabilityOf> {
    let k = summary.classes().len();
    let of = |(class, label): (usize, &Label)| {
        let at = row * k + class;
        let (class, p, std_err, low, high) =
            (label.to_string(), p.value[at], p.std_err[at], p.low[at], p.high[at]);
        ProbabilityOf { class, p, std_err, low, high }
    };
    summary.classes().iter().enumerate().map(of).collect()
}

/// A line for each row and class.
fn table(rows: impl Iterator<Item = String>, p: &Probabilities, summary: &Summary) -> String {
    let mut table = plain_table();
    table.set_header(["", "", "p", "std. error", "low", "high"]);
    for (row, mut name) in rows.enumerate() {
        for ProbabilityOf { class, p, std_err, low, high } in of_row(p, row, summary) {
            let numbers = if p.is_nan() {
                ["–"; 4].map(str::to_owned)
            } else {
                [significant(p, 4), significant(std_err, 3), bound(low), bound(high)]
            };
            table.add_row([std::mem::take(&mut name), shorten(&class)].into_iter().chain(numbers));
        }
    }
    right_align(&mut table, 2..usize::MAX);
    indent(&format!("{table}\n"))
}
