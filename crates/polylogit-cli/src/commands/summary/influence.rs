//! `--influence`: the rows that move the estimates most.

use super::Training;
use crate::commands::columns::{Cells, Columns};
use crate::describe::{facts, heading, indent, plain_table, right_align, shorten};
use crate::printer::{DIM, count, number, significant};
use anyhow::Result;
use polylogit::Model;
use polylogit::inference::Summary;
use serde::Serialize;
use std::fmt::Write as _;

/// Of every row that was fitted.
pub(super) struct Influence {
    /// In the file, counted from 1.
    rows: Vec<usize>,
    ids: Vec<usize>,
    /// Of its own class.
    probability: Vec<f64>,
    leverage: Vec<f64>,
    cook: Vec<f64>,
    /// The most influential ones, as places in these vectors.
    listed: Vec<usize>,
    saved: Option<String>,
}

#[derive(Serialize)]
pub(super) struct InfluenceOf {
    cook_threshold: f64,
    cook_above_threshold: usize,
    cook_above_1: usize,
    leverage_sum: f64,
    leverage_threshold: f64,
    leverage_above_threshold: usize,
    rows: Vec<RowOf>,
    saved: Option<String>,
}

#[derive(Serialize)]
struct RowOf {
    row: usize,
    class: String,
    probability: f64,
    leverage: f64,
    cook: f64,
}

impl Influence {
    pub(super) fn new(
        shown: usize,
        saved: Option<String>,
        summary: &Summary,
        training: &Training,
    ) -> Result<Self> {
        let design = training.design()?;
        let found = summary.influence(&design, &training.target)?;
        let ids: Vec<usize> =
            training.target.ids().unwrap_or_default().iter().map(|&id| id as usize).collect();
        let p = Model::new(summary.classes().to_vec(), summary.coefficients())?.probabilities(&design)?;
        let k = summary.classes().len();
        let mut listed: Vec<usize> = (0..ids.len()).collect();
        listed.sort_by(|&a, &b| found.cook[b].total_cmp(&found.cook[a]).then(a.cmp(&b)));
        listed.truncate(shown);
        Ok(Self {
            rows: training.row_numbers(),
            probability: ids.iter().enumerate().map(|(row, id)| p[row * k + id]).collect(),
            ids,
            leverage: found.leverage,
            cook: found.cook,
            listed,
            saved,
        })
    }

    pub(super) fn columns<'a>(&'a self, summary: &'a Summary) -> Columns<'a> {
        let numbers = |values| Cells::Numbers { values, first: 0, step: 1 };
        let columns = [
            ("row", Cells::Counts(&self.rows)),
            ("class", Cells::Labels(summary.classes(), &self.ids)),
            ("probability", numbers(&self.probability)),
            ("leverage", numbers(&self.leverage)),
            ("cook", numbers(&self.cook)),
        ];
        Columns {
            rows: self.rows.len(),
            columns: columns.map(|(name, cells)| (name.to_owned(), cells)).into(),
        }
    }

    pub(super) fn document(&self, summary: &Summary) -> InfluenceOf {
        let above = |values: &[f64], threshold| values.iter().filter(|v| **v > threshold).count();
        let n = self.rows.len() as f64;
        let leverage_sum: f64 = self.leverage.iter().sum();
        let (cook_threshold, leverage_threshold) = (4.0 / n, 2.0 * leverage_sum / n);
        let row = |&at: &usize| RowOf {
            row: self.rows[at],
            class: summary.classes()[self.ids[at]].to_string(),
            probability: self.probability[at],
            leverage: self.leverage[at],
            cook: self.cook[at],
        };
        InfluenceOf {
            cook_threshold,
            cook_above_threshold: above(&self.cook, cook_threshold),
            cook_above_1: above(&self.cook, 1.0),
            leverage_sum,
            leverage_threshold,
            leverage_above_threshold: above(&self.leverage, leverage_threshold),
            rows: self.listed.iter().map(row).collect(),
            saved: self.saved.clone(),
        }
    }

    pub(super) fn text(&self, summary: &Summary) -> String {
        let found = self.document(summary);
        let mut text = heading("Influence");
        let _ = writeln!(
            text,
            "  {DIM}leverage: a row's share of the parameters; Cook's distance: how far the estimates move without it{DIM:#}"
        );
        let rows = |n: usize| match n {
            0 => "no row".to_owned(),
            n => count(n, "row"),
        };
        let leverage = format!(
            "{} above twice its mean, {} (sum {} over {})",
            rows(found.leverage_above_threshold),
            significant(found.leverage_threshold, 3),
            number(found.leverage_sum),
            count(self.rows.len(), "row")
        );
        let cook = format!(
            "{} above 4/n = {}, {} above 1",
            rows(found.cook_above_threshold),
            significant(found.cook_threshold, 3),
            rows(found.cook_above_1)
        );
        let mut lines = vec![("leverage", leverage), ("Cook", cook)];
        if let Some(saved) = &found.saved {
            lines.push(("every row", format!("saved to {saved}")));
        }
        text += &facts(lines);
        let mut table = plain_table();
        table.set_header(["row", "class", "p of its class", "leverage", "Cook's distance"]);
        for RowOf { row, class, probability, leverage, cook } in &found.rows {
            let numbers = [*probability, *leverage, *cook].map(|v| significant(v, 4));
            table.add_row([row.to_string(), shorten(class)].into_iter().chain(numbers));
        }
        right_align(&mut table, 2..usize::MAX);
        right_align(&mut table, 0..1);
        if !found.rows.is_empty() {
            text += &indent(&format!("{table}\n"));
        }
        text
    }
}
