//! `polylogit evaluate`: how good a model is on rows with known labels.

use super::measures::{self, BinDocument, Measures};
use super::table::{self, Labelled};
use super::{display, load};
use crate::args::EvaluateArgs;
use crate::describe::{facts, heading, indent, plain_table, right_align, shorten};
use crate::printer::{Printer, number, percent, significant, thousands};
use anyhow::Result;
use polylogit::metrics;
use polylogit_model::Artefact;
use serde::Serialize;

/// Classes whose confusion is printed as a table.
const SHOWN: usize = 12;

/// The document; `docs/command.md` describes its keys.
#[derive(Serialize)]
struct Document {
    rows: usize,
    total_weight: f64,
    accuracy: f64,
    #[serde(flatten)]
    measures: Measures,
    classes: Vec<Class>,
    confusion: Vec<Vec<f64>>,
    reliability: Vec<BinDocument>,
}

/// One class against the rest; `null` where nothing was predicted or nothing was there.
#[derive(Serialize)]
struct Class {
    #[serde(rename = "class")]
    name: String,
    weight: f64,
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let printer = Printer::new(&args.print);
    table::check_one_stdin(&args.model.model, &args.data)?;
    let artefact = load(&args.model.model)?;
    let labelled = table::read_labelled(&args.data, &artefact, &args.apply, &args.read, printer)?;
    let document = measure(&artefact, &labelled)?;
    printer.document(&document)?;
    printer.text(&text(&document, &display(&args.data)))
}

fn measure(artefact: &Artefact, labelled: &Labelled) -> Result<Document> {
    let classes = artefact.model().classes();
    let k = classes.len();
    let design = labelled.rows.design()?;
    let predicted = artefact.model().predict(&design)?;
    let (ids, weights) = (&labelled.ids[..], labelled.weights.as_deref());
    let (measures, reliability) = measures::measure(artefact.model(), &design, ids, weights)?;
    let confusion = metrics::confusion_matrix(&predicted, ids, weights, k)?;
    let rows: Vec<Vec<f64>> = confusion.chunks(k).map(<[f64]>::to_vec).collect();
    let class = |c: usize| {
        let right = rows[c][c];
        let (there, said) = (rows[c].iter().sum::<f64>(), rows.iter().map(|r| r[c]).sum::<f64>());
        let share = |of: f64| (of > 0.0).then(|| right / of);
        let f1 = (there + said > 0.0).then(|| 2.0 * right / (there + said));
        Class {
            name: classes[c].to_string(),
            weight: there,
            precision: share(said),
            recall: share(there),
            f1,
        }
    };
    Ok(Document {
        rows: ids.len(),
        total_weight: weights.map_or(ids.len() as f64, |w| w.iter().sum()),
        accuracy: metrics::accuracy(&predicted, ids, weights)?,
        measures,
        classes: (0..k).map(class).collect(),
        confusion: rows,
        reliability: measures::bins(&reliability.top_label),
    })
}

fn text(document: &Document, file: &str) -> String {
    let (rows, weight) = (thousands(document.rows), number(document.total_weight));
    let whole = heading(file)
        + &facts([
            ("rows", format!("{rows}, total weight {weight}")),
            ("accuracy", percent(document.accuracy)),
            ("log loss", format!("{} nats", number(document.measures.log_loss))),
            ("Brier score", number(document.measures.brier)),
            ("calibration", calibration(&document.measures)),
        ]);
    let parts = [
        whole,
        heading("Classes") + &indent(&classes(document)),
        confusion(document),
        heading("Reliability of the predicted class") + &indent(&reliability(document)),
    ];
    parts.join("\n")
}

/// The calibration error beside what noise alone would make it, and without its bias.
fn calibration(measures: &Measures) -> String {
    let root = measures.squared_calibration_error.map(|squared| number(squared.max(0.0).sqrt()));
    format!(
        "error {}, by chance {}; debiased root mean square {}",
        number(measures.calibration_error),
        number(measures.calibration_error_by_chance),
        root.unwrap_or_else(|| "–".to_owned())
    )
}

fn reliability(document: &Document) -> String {
    let mut table = plain_table();
    table.set_header(["probability", "weight", "mean", "right", "95 % interval"]);
    for bin in &document.reliability {
        table.add_row([
            format!("{:.3}–{:.3}", bin.low, bin.high),
            number(bin.weight),
            format!("{:.4}", bin.confidence),
            format!("{:.4}", bin.frequency),
            format!("{:.4} to {:.4}", bin.frequency_low, bin.frequency_high),
        ]);
    }
    right_align(&mut table, 1..5);
    format!("{table}\n")
}

fn classes(document: &Document) -> String {
    let mut table = plain_table();
    table.set_header(["", "precision", "recall", "F1", "weight"]);
    let share = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
    for c in &document.classes {
        let row = [shorten(&c.name), share(c.precision), share(c.recall), share(c.f1), number(c.weight)];
        table.add_row(row);
    }
    right_align(&mut table, 1..usize::MAX);
    format!("{table}\n")
}

/// The table of labels against predictions; of many classes the most frequent errors.
fn confusion(document: &Document) -> String {
    let names: Vec<String> = document.classes.iter().map(|c| shorten(&c.name)).collect();
    if names.len() <= SHOWN {
        let mut table = plain_table();
        table.set_header(std::iter::once("label \\ predicted").chain(names.iter().map(String::as_str)));
        for (name, row) in names.iter().zip(&document.confusion) {
            table.add_row(std::iter::once(name.clone()).chain(row.iter().map(|w| significant(*w, 6))));
        }
        right_align(&mut table, 1..usize::MAX);
        return heading("Confusion") + &indent(&format!("{table}\n"));
    }
    let cells = document.confusion.iter().enumerate().flat_map(|(label, row)| {
        row.iter().enumerate().map(move |(predicted, weight)| (label, predicted, *weight))
    });
    let mut errors: Vec<_> = cells.filter(|(label, predicted, w)| label != predicted && *w > 0.0).collect();
    errors.sort_by(|a, b| b.2.total_cmp(&a.2));
    let mut table = plain_table();
    table.set_header(["label", "predicted", "weight"]);
    for &(label, predicted, weight) in errors.iter().take(SHOWN) {
        table.add_row([names[label].clone(), names[predicted].clone(), significant(weight, 6)]);
    }
    right_align(&mut table, 2..3);
    heading("Most frequent errors (all: --format json)") + &indent(&format!("{table}\n"))
}
