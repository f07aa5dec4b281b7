//! `polylogit show`: what a model is.

use super::load;
use crate::args::ShowArgs;
use crate::describe;
use crate::printer::{Printer, count, thousands};
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
    [
        model,
        describe::objective(record),
        describe::result(record, None),
        describe::coefficients(artefact, all),
    ]
    .join("\n")
}
