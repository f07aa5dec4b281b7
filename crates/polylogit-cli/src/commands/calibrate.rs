//! `polylogit calibrate`: scales a model's scores on held-out rows.

use super::measures::{Measures, measure};
use super::table::{self, Labelled};
use super::{display, load};
use crate::args::{CalibrateArgs, CalibrationMethod};
use crate::describe::{calibration, facts, heading, indent, plain_table, right_align};
use crate::failure::with_help;
use crate::printer::{Printer, number, significant, thousands};
use anyhow::{Result, anyhow};
use polylogit::calibration::{Method, Scaling};
use polylogit_model::Artefact;
use serde::Serialize;

/// Relative difference of log losses that are the same.
const SAME: f64 = 1e-9;

/// The document; `docs/command.md` describes its keys.
#[derive(Serialize)]
struct Document {
    rows: usize,
    total_weight: f64,
    method: &'static str,
    temperature: Option<f64>,
    scale: Vec<f64>,
    shift: Vec<f64>,
    gap: f64,
    before: Measures,
    after: Measures,
    saved: Option<String>,
}

pub(crate) fn run(args: &CalibrateArgs) -> Result<()> {
    let printer = Printer::new(&args.print);
    table::check_one_stdin(&args.model.model, &args.data)?;
    let artefact = load(&args.model.model)?;
    let labelled = table::read_labelled(&args.data, &artefact, &args.apply, &args.read, printer)?;
    let method = match args.method {
        CalibrationMethod::Temperature => Method::Temperature,
        CalibrationMethod::Vector => Method::Vector,
    };
    let Labelled { rows, ids, weights } = &labelled;
    let (design, weights) = (rows.design()?, weights.as_deref());
    let model = artefact.model();
    let (before, _) = measure(model, &design, ids, weights)?;
    check_held_out(&artefact, ids.len(), before.log_loss)?;
    let scaling = Scaling::fit(method, &model.logits(&design)?, ids, weights, model.classes())?;
    let calibrated = artefact.calibrated(scaling.clone())?;
    let (after, _) = measure(calibrated.model(), &design, ids, weights)?;
    if let Some(file) = &args.output {
        calibrated.save(file)?;
    }
    let saved = args.output.as_deref().map(display);
    let text = [
        heading(&display(&args.data))
            + &facts([
                (
                    "rows",
                    format!("{}, total weight {}", thousands(scaling.rows), number(scaling.total_weight)),
                ),
                ("calibration", calibration(&scaling)),
                ("certificate", format!("at most {} above the minimum", significant(scaling.gap, 2))),
            ]),
        heading("On these rows") + &comparison(&before, &after),
        match &saved {
            Some(file) => format!("saved to {file}\n"),
            None => "not saved: add -o calibrated.safetensors to keep the model\n".to_owned(),
        },
    ];
    printer.document(&Document {
        rows: scaling.rows,
        total_weight: scaling.total_weight,
        method: scaling.method.name(),
        temperature: scaling.temperature(),
        scale: scaling.scale,
        shift: scaling.shift,
        gap: scaling.gap,
        before,
        after,
        saved,
    })?;
    printer.text(&text.join("\n"))
}

/// Refuses the table of the fit, which is told by its number of rows and its log loss.
fn check_held_out(artefact: &Artefact, rows: usize, log_loss: f64) -> Result<()> {
    let record = artefact.record();
    let same = (log_loss - record.nll_mean).abs() <= SAME * record.nll_mean;
    if artefact.calibration().is_none() && rows == record.rows && same {
        let error =
            anyhow!("these are the rows that the model was fitted to: as many, with the same log loss");
        return Err(with_help(error, "give rows that the fit has not seen; on its own a model is too sure"));
    }
    Ok(())
}

fn comparison(before: &Measures, after: &Measures) -> String {
    let mut table = plain_table();
    table.set_header(["", "before", "after"]);
    let root = |m: &Measures| m.squared_calibration_error.map(|squared| squared.max(0.0).sqrt());
    for (name, before, after) in [
        ("log loss (nats)", Some(before.log_loss), Some(after.log_loss)),
        ("Brier score", Some(before.brier), Some(after.brier)),
        ("calibration error", Some(before.calibration_error), Some(after.calibration_error)),
        (
            "  expected by chance",
            Some(before.calibration_error_by_chance),
            Some(after.calibration_error_by_chance),
        ),
        ("  debiased, root mean square", root(before), root(after)),
        (
            "  of classes, mean",
            Some(before.classwise_calibration_error),
            Some(after.classwise_calibration_error),
        ),
    ] {
        let cell = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| significant(v, 4));
        table.add_row([name.to_owned(), cell(before), cell(after)]);
    }
    right_align(&mut table, 1..3);
    indent(&format!("{table}\n"))
}
