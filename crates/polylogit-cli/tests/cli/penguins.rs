//! The main job, from a real table with text and missing values to predictions: what a user sees.

use crate::common::{Folder, json, penguins as folder};

/// Hides what differs between machines and versions: the time, the version, the last digits.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"passes over the rows, [\d.]+ (µs|ms|s|min)", "passes over the rows, [time]");
    settings.add_filter(r#""seconds": [\d.e-]+"#, r#""seconds": "[time]""#);
    settings.add_filter(r#""version": "[\d.]+""#, r#""version": "[version]""#);
    settings.add_filter(r"(\.\d{5})\d{6,}", "$1…");
    settings.add_filter(r"polylogit \d+\.\d+\.\d+", "polylogit [version]");
    settings
}

fn fitted() -> Folder {
    let folder = folder();
    folder.works("fit penguins.csv --target species -o model.safetensors --quiet");
    folder
}

#[test]
fn fit_in_text() {
    let text = folder().works("fit penguins.csv --target species");
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn fit_as_json() {
    let text = folder().works("fit penguins.csv --target species -o model.safetensors --format json");
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn show() {
    let folder = fitted();
    settings().bind(|| insta::assert_snapshot!(folder.works("show model.safetensors")));
}

#[test]
fn predict() {
    let folder = fitted();
    let table = folder.works("predict model.safetensors penguins.csv --proba");
    let head: Vec<&str> = table.lines().take(6).collect();
    settings().bind(|| insta::assert_snapshot!(head.join("\n")));
    assert_eq!(table.lines().count(), 345);
    for line in table.lines().skip(1) {
        let p: Vec<f64> = line.split(',').skip(1).map(|p| p.parse().unwrap()).collect();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{line}");
    }
    folder.works("predict model.safetensors penguins.csv --proba -o predictions.csv");
    assert_eq!(std::fs::read_to_string(folder.path("predictions.csv")).unwrap(), table);
}

#[cfg(feature = "parquet")]
#[test]
fn predict_to_parquet() {
    let folder = fitted();
    folder.works("predict model.safetensors penguins.csv --proba -o predictions.parquet");
    let file = std::fs::File::open(folder.path("predictions.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let names: Vec<String> = reader.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["prediction", "p_Adelie", "p_Chinstrap", "p_Gentoo"]);
    let rows: usize = reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 344);
}

#[test]
fn evaluate() {
    let folder = fitted();
    settings().bind(|| {
        insta::assert_snapshot!("evaluate_text", folder.works("evaluate model.safetensors penguins.csv"));
        let document = folder.works("evaluate model.safetensors penguins.csv --format json");
        insta::assert_snapshot!("evaluate_json", document);
    });
}

#[test]
fn the_document_has_the_keys_of_show() {
    let folder = folder();
    let call = "fit penguins.csv --target species -o model.safetensors --format json";
    let fit = json(&folder.works(call));
    let shown = json(&folder.works("show model.safetensors --format json"));
    for (key, value) in shown.as_object().unwrap() {
        assert_eq!(&fit[key], value, "{key}");
    }
}

#[test]
fn the_table_comes_from_standard_input() {
    let folder = folder();
    let table = std::fs::read(folder.path("penguins.csv")).unwrap();
    let call = ["fit", "-", "--target", "species", "--quiet", "-o", "model.safetensors"];
    folder.command().args(call).write_stdin(table.clone()).assert().success();
    let output = folder.command().args(["predict", "model.safetensors", "-"]).write_stdin(table).output();
    assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap().lines().count(), 345);
}

#[test]
fn quiet_prints_nothing() {
    let run = folder().run("fit penguins.csv --target species --quiet");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn without_an_output_nothing_is_written() {
    let folder = folder();
    let text = folder.works("fit penguins.csv --target species");
    assert!(text.contains("not saved: add -o model.safetensors"), "{text}");
    assert_eq!(folder.names(), ["penguins.csv"]);
}

#[test]
fn nothing_but_plain_text_leaves_for_a_pipe() {
    let run = folder().run("fit penguins.csv --target species");
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'));
    assert!(!run.stderr.contains("step"), "{}", run.stderr);
}
