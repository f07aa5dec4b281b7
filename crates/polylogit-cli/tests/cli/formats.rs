//! Tables of every format through the command.

use crate::common::{Folder, json, repository};
use std::fmt::Write as _;

/// Iris as svmlight, indices from 1.
fn iris_svmlight() -> String {
    let text = std::fs::read_to_string(repository().join("data/iris.csv")).unwrap();
    let mut out = String::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let (label, values) = cells.split_last().unwrap();
        write!(out, "{label}").unwrap();
        for (j, value) in values.iter().enumerate() {
            write!(out, " {}:{value}", j + 1).unwrap();
        }
        out.push('\n');
    }
    out
}

#[test]
fn an_svmlight_file_needs_no_target() {
    let folder = Folder::with("iris.svm", iris_svmlight());
    folder.table("iris.csv");
    let sparse = folder.works("fit iris.svm --tol 1e-12 -o sparse.safetensors");
    assert!(sparse.contains("features      4, 100.00 % of the values are not 0"), "{sparse}");
    folder.works("fit iris.csv --target species --tol 1e-12 -o dense.safetensors");
    let show = |model: &str| json(&folder.works(&format!("show {model} --format json")));
    let (sparse, dense) = (show("sparse.safetensors"), show("dense.safetensors"));
    assert_eq!(sparse["features"], json(r#"["1", "2", "3", "4"]"#));
    for k in 0..3 {
        for j in 0..4 {
            let [a, b] = [&sparse, &dense].map(|s| s["coef"][k][j].as_f64().unwrap());
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
    let predicted = folder.works("predict sparse.safetensors iris.svm");
    assert_eq!(predicted, folder.works("predict dense.safetensors iris.csv"));
    let evaluated = json(&folder.works("evaluate sparse.safetensors iris.svm --format json"));
    assert_eq!(evaluated["rows"], 150);
    // Through a pipe the format must be given; the target is not needed then.
    let call = ["fit", "-", "--input-format", "svmlight", "--quiet"];
    folder.command().args(call).write_stdin(iris_svmlight()).assert().success();
    folder.write("new.svm", "1:5 9:1\n");
    let run = folder.run("predict sparse.safetensors new.svm");
    assert!(
        run.code == 0 && run.stderr.contains("1 value with an index unseen in training"),
        "{}",
        run.stderr
    );
    folder.fails(1, "predict sparse.safetensors new.svm --unseen error", &["index 9 was not seen"]);
    folder.fails(1, "predict sparse.safetensors iris.csv", &["was trained on an svmlight file"]);
    folder.fails(1, "predict dense.safetensors iris.svm", &["the model reads named columns"]);
    folder.fails(1, "fit iris.svm --weights w", &["no column w, only indices"]);
    folder.write("bad.svm", "1 1:2\n2 1:x\n");
    folder.fails(1, "fit bad.svm", &["bad.svm, line 2", "x is not a number"]);
}

#[cfg(feature = "parquet")]
#[test]
fn what_predict_writes_fit_reads() {
    let folder = Folder::new();
    folder.table("penguins.csv");
    folder.works("fit penguins.csv --target species -o model.safetensors --quiet");
    folder.works("predict model.safetensors penguins.csv --proba -o p.parquet");
    let fit = json(&folder.works("fit p.parquet --target prediction --format json"));
    assert_eq!(fit["rows"], 344);
    assert_eq!(fit["features"], json(r#"["p_Adelie", "p_Chinstrap", "p_Gentoo"]"#));
    let bytes = std::fs::read(folder.path("p.parquet")).unwrap();
    let call = ["fit", "-", "--target", "prediction", "--quiet"];
    folder.command().args(call).write_stdin(bytes.clone()).assert().success();
    folder.write("cut.parquet", &bytes[..bytes.len() / 2]);
    folder.fails(1, "fit cut.parquet --target prediction", &["cut.parquet is not readable in its format"]);
}
