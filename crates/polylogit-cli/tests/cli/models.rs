//! `show` and `export` on a model that is kept: what is printed, and that nothing is lost on the way.

use crate::common::{Folder, json};

/// The model that the artefact's tests keep.
const MODEL: &[u8] = include_bytes!("../../../polylogit-model/tests/attacks/valid.safetensors");

fn folder() -> Folder {
    Folder::with("model.safetensors", MODEL)
}

#[test]
fn show_in_text() {
    insta::assert_snapshot!(folder().works("show model.safetensors"));
}

#[test]
fn show_as_json_is_the_exported_document() {
    let folder = folder();
    let shown = folder.works("show model.safetensors --format json");
    insta::assert_snapshot!(shown);
    assert_eq!(folder.works("export model.safetensors --to json"), shown);
    let keys = json(&shown);
    for key in [
        "classes",
        "features",
        "intercept",
        "coef",
        "lambda",
        "l1_ratio",
        "standardize",
        "objective",
        "rows",
        "passes",
        "seconds",
        "version",
    ] {
        assert!(!keys[key].is_null(), "{key}");
    }
    for key in ["kind", "gap", "relative_gap"] {
        assert!(!keys["certificate"][key].is_null(), "{key}");
    }
}

#[test]
fn export_to_json_and_back_gives_the_same_bytes() {
    let folder = folder();
    folder.works("export model.safetensors --to json -o model.json");
    folder.works("export model.json --to safetensors -o again.safetensors");
    assert_eq!(std::fs::read(folder.path("again.safetensors")).unwrap(), MODEL);
    assert_eq!(folder.names(), ["again.safetensors", "model.json", "model.safetensors"]);
}

#[test]
fn models_come_from_standard_input_in_either_format() {
    let folder = folder();
    let shown = folder.works("show model.safetensors");
    let document = folder.works("export model.safetensors --to json").into_bytes();
    for bytes in [MODEL.to_vec(), document] {
        let output = folder.command().args(["show", "-"]).write_stdin(bytes).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), shown);
    }
}

#[test]
fn an_export_replaces_the_file_as_a_whole() {
    let folder = folder();
    folder.write("model.json", "old");
    folder.works("export model.safetensors --to json -o model.json");
    assert!(json(&std::fs::read_to_string(folder.path("model.json")).unwrap()).is_object());
    folder.write("broken.safetensors", &MODEL[..100]);
    folder.fails(1, "export broken.safetensors --to json -o model.json", &["broken.safetensors"]);
    assert!(json(&std::fs::read_to_string(folder.path("model.json")).unwrap()).is_object());
}

#[test]
fn quiet_leaves_the_document() {
    let folder = folder();
    assert_eq!(folder.works("show model.safetensors --quiet"), "");
    assert_ne!(folder.works("show model.safetensors --quiet --format json"), "");
}
