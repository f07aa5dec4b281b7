//! `polylogit show`: what a model is.

use super::load;
use crate::args::ShowArgs;
use crate::describe;
use crate::printer::{Printer, count, number, thousands};
use anyhow::Result;
use polylogit_model::{Artefact, Summary};

pub(crate) fn run(args: &ShowArgs) -> Result<()> {
    let printer = Printer::new(&args.print);
    let artefact = load(&args.model.model)?;
    if printer.is_json() {
        return printer.document(&Summary::from(&artefact));
    }
    printer.text(&text(&artefact, args.all))
}

fn text(artefact: &Artefact, all: bool) -> String {
    let record = artefact.record();
    let classes: Vec<String> = artefact.model().classes().iter().map(ToString::to_string).collect();
    let model = describe::heading("Model")
        + &describe::facts([
            ("predicts", format!("{} ({})", artefact.schema().target(), count(classes.len(), "class"))),
            ("classes", describe::list(&classes)),
            ("from", count(artefact.schema().width(), "design column")),
            ("trained on", format!("{} rows, by polylogit {}", thousands(record.rows), record.version)),
        ]);
    let mut parts = vec![model, describe::objective(artefact), describe::result(record, None)];
    if let Some(scaling) = artefact.calibration() {
        let losses = format!("{} → {} nats", number(scaling.log_loss_before), number(scaling.log_loss));
        let lines = [
            ("scores", describe::calibration(scaling)),
            ("on", format!("{} held-out rows; the coefficients below include it", thousands(scaling.rows))),
            ("log loss", losses),
        ];
        parts.push(describe::heading("Calibration") + &describe::facts(lines));
    }
    parts.push(describe::coefficients(artefact, all));
    parts.join("\n")
}
