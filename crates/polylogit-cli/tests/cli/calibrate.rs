//! `calibrate`: half of a table fits, the other half calibrates.

use crate::common::{Folder, json, repository};

/// `train.csv` and `held-out.csv`: every other row of glass, and a model of the first that is too sure of itself.
fn folder() -> Folder {
    let table = std::fs::read_to_string(repository().join("data/glass.csv")).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    let folder = Folder::new();
    for (name, odd) in [("train.csv", 0), ("held-out.csv", 1)] {
        let rows: Vec<&str> = rows.lines().skip(odd).step_by(2).collect();
        folder.write(name, format!("{header}\n{}\n", rows.join("\n")));
    }
    folder.works("fit train.csv --target type --lambda 1e-4 -o model.safetensors --quiet");
    folder
}

#[test]
fn in_text() {
    let folder = folder();
    // Gaps far below rounding are other ones with vectors of another width.
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"at most \S+ above", "at most [gap] above");
    settings.bind(|| {
        insta::assert_snapshot!(
            folder.works("calibrate model.safetensors held-out.csv -o calibrated.safetensors")
        );
        let shown = folder.works("show calibrated.safetensors");
        let part = shown.split("\n\n").find(|part| part.starts_with("Calibration")).unwrap();
        insta::assert_snapshot!("show", part);
        insta::assert_snapshot!(
            "vector",
            folder.works("calibrate model.safetensors held-out.csv --method vector")
        );
    });
}

#[test]
fn what_is_printed_is_what_the_saved_model_does() {
    let folder = folder();
    let before = json(&folder.works("evaluate model.safetensors held-out.csv --format json"));
    for method in ["temperature", "vector"] {
        let call = format!(
            "calibrate model.safetensors held-out.csv --method {method} --format json -o {method}.safetensors"
        );
        let printed = json(&folder.works(&call));
        assert_eq!(printed["saved"], format!("{method}.safetensors"));
        folder.works(&format!("export {method}.safetensors --to json -o {method}.json"));
        for model in [format!("{method}.safetensors"), format!("{method}.json")] {
            let after = json(&folder.works(&format!("evaluate {model} held-out.csv --format json")));
            for key in ["log_loss", "brier", "calibration_error", "squared_calibration_error"] {
                assert_eq!(printed["before"][key], before[key], "{key}");
                assert_eq!(printed["after"][key], after[key], "{key}");
            }
            let number = |document: &serde_json::Value, key: &str| document[key].as_f64().unwrap();
            assert!(number(&after, "log_loss") < 0.7 * number(&before, "log_loss"));
            if method == "temperature" {
                assert!(number(&printed, "temperature") > 1.0);
                assert_eq!(after["accuracy"], before["accuracy"]);
                assert_eq!(after["confusion"], before["confusion"]);
            }
        }
        let exported = json(&std::fs::read_to_string(folder.path(&format!("{method}.json"))).unwrap());
        assert_eq!(exported["calibration"]["scale"], printed["scale"]);
        folder.fails(
            1,
            &format!("calibrate {method}.safetensors held-out.csv"),
            &["calibrated already", "calibrate the one that it was made from"],
        );
    }
}

#[test]
fn what_cannot_be_calibrated_is_said() {
    let folder = folder();
    folder.fails(
        1,
        "calibrate model.safetensors train.csv",
        &["these are the rows that the model was fitted to"],
    );
    folder.table("penguins.csv");
    folder.works("fit penguins.csv --target species -o penguins.safetensors --quiet");
    let table = std::fs::read_to_string(folder.path("penguins.csv")).unwrap();
    let some: Vec<&str> = table.lines().step_by(3).collect();
    folder.write("some.csv", some.join("\n") + "\n");
    folder.fails(
        1,
        "calibrate penguins.safetensors some.csv --quiet",
        &["every held-out row is predicted rightly"],
    );
    folder.works("calibrate penguins.safetensors some.csv --method vector --quiet");
    folder.write("one.csv", some[..9].join("\n") + "\n");
    folder.fails(1, "calibrate penguins.safetensors one.csv --quiet", &["one class only (Adelie)"]);
    folder.fails(2, "calibrate - -", &["cannot both come from standard input"]);
    folder.fails(2, "calibrate model.safetensors held-out.csv --method platt", &["invalid value 'platt'"]);
}
