//! Every line of the agreement on bad input: the message says what is wrong, where and how to mend it, the
//! exit code says whose fault it is, and nothing is left half-written.

use crate::common::{Folder, json};
use std::fmt::Write as _;

/// Three classes that overlap, two numbers, a category, a weight.
const GOOD: &str = "\
height,width,colour,w,kind
1.0,2.0,red,1,a
1.5,1.0,blue,2,b
2.0,3.5,red,1,c
2.5,0.5,green,3,a
3.0,2.5,blue,1,b
1.2,3.0,green,1,c
2.2,1.5,red,2,a
0.5,2.2,blue,1,b
1.8,0.8,green,1,c
2.8,3.1,red,1,b
0.9,1.9,blue,1,a
";

/// `GOOD` with one line (counted from the header, 0) replaced.
fn good_but(line: usize, text: &str) -> String {
    let mut lines: Vec<&str> = GOOD.lines().collect();
    lines[line] = text;
    lines.join("\n") + "\n"
}

fn fitted() -> Folder {
    let folder = Folder::with("good.csv", GOOD);
    folder.works("fit good.csv --target kind --exclude w -o model.safetensors --quiet");
    folder
}

#[test]
fn a_missing_file() {
    Folder::new().fails(1, "fit nowhere.csv --target kind", &["nowhere.csv"]);
    Folder::new().fails(1, "show nowhere.safetensors", &["nowhere.safetensors"]);
}

#[test]
fn a_missing_column() {
    let folder = Folder::with("t.csv", GOOD);
    folder.fails(1, "fit t.csv --target sort", &["sort", "t.csv", "kind"]);
    folder.fails(1, "fit t.csv --target kind --features height,depth", &["depth"]);
    folder.fails(1, "fit t.csv --target kind --exclude depth", &["depth"]);
    folder.fails(1, "fit t.csv --target kind --weights mass", &["mass"]);
    folder.fails(1, "fit t.csv --target kind --as-category shade", &["shade"]);
}

#[test]
fn no_target() {
    Folder::with("t.csv", GOOD).fails(2, "fit t.csv", &["--target"]);
}

#[test]
fn a_duplicate_column() {
    let folder = Folder::with("t.csv", "x,x,kind\n1,2,a\n2,1,b\n3,3,a\n");
    folder.fails(1, "fit t.csv --target kind", &["t.csv", "x", "twice"]);
}

#[test]
fn an_empty_table() {
    let folder = Folder::with("empty.csv", "");
    folder.fails(1, "fit empty.csv --target kind", &["empty.csv"]);
    folder.write("header.csv", "height,kind\n");
    folder.fails(1, "fit header.csv --target kind", &["header.csv", "no rows"]);
}

#[test]
fn one_class() {
    let folder = Folder::with("t.csv", "x,kind\n1,a\n2,a\n");
    folder.fails(1, "fit t.csv --target kind -o m.safetensors", &["one class", "a", "two"]);
}

#[test]
fn a_class_with_one_row_works_with_a_note() {
    let folder = Folder::with("t.csv", good_but(1, "1.0,2.0,red,1,rare"));
    let run = folder.run("fit t.csv --target kind --exclude w");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("note") && run.stderr.contains("rare"), "{}", run.stderr);
}

#[test]
fn text_in_a_column_of_numbers() {
    // A column with one word among numbers is not silently made a category.
    let mut table = String::from("x,y,kind\n");
    for i in 0..60 {
        let x = if i == 37 { "tall".to_owned() } else { format!("{}.5", i % 17) };
        writeln!(table, "{x},{},{}", i % 5, ["a", "b"][i % 2]).unwrap();
    }
    let folder = Folder::with("t.csv", table);
    folder.fails(1, "fit t.csv --target kind", &["t.csv", "x", "tall"]);
    folder.works("fit t.csv --target kind --as-category x");
}

#[test]
fn not_a_number_and_infinity() {
    for bad in ["inf", "-Infinity", "1e999"] {
        let folder = Folder::with("t.csv", good_but(3, &format!("{bad},3.5,red,1,c")));
        folder.fails(1, "fit t.csv --target kind", &["height", bad]);
    }
    // NaN is a missing value: imputed and counted, or refused.
    let folder = Folder::with("t.csv", good_but(3, "NaN,3.5,red,1,c"));
    assert!(folder.works("fit t.csv --target kind").contains("missing"));
    folder.fails(1, "fit t.csv --target kind --missing error", &["height", "missing"]);
    assert!(folder.works("fit t.csv --target kind --missing drop").contains("1 row"));
}

#[test]
fn a_missing_label() {
    let folder = Folder::with("t.csv", good_but(3, "2.0,3.5,red,1,"));
    let run = folder.run("fit t.csv --target kind --missing error");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("kind"), "{}", run.stderr);
}

#[test]
fn constant_columns_work_and_are_named() {
    let mut table = String::from("x,same,kind\n");
    for i in 0..30 {
        writeln!(table, "{},7,{}", (i * 7) % 11, ["a", "b", "c"][i % 3]).unwrap();
    }
    let folder = Folder::with("t.csv", table);
    let run = folder.run("fit t.csv --target kind --format json");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("constant") && run.stderr.contains("same"), "{}", run.stderr);
    for k in 0..3 {
        assert_eq!(json(&run.stdout)["coef"][k][1], 0.0);
    }
}

/// A line with its first cell a second time.
fn twice_the_first(line: &str) -> String {
    let (first, rest) = line.split_once(',').unwrap();
    let again = if first == "x" { "x again" } else { first };
    format!("{first},{again},{rest}\n")
}

#[test]
fn duplicate_columns_work_and_are_named() {
    let mut table = String::from("x,copy,kind\n");
    for i in 0..40 {
        let x = (i * 7) % 13;
        writeln!(table, "{x},{},{}", 2 * x + 1, ["a", "b", "c"][(i * i) % 3 % 3]).unwrap();
    }
    let folder = Folder::with("t.csv", table);
    folder.works("fit t.csv --target kind");
    let table = std::fs::read_to_string(folder.path("t.csv")).unwrap().replace("copy", "x2");
    folder.write("same.csv", table.lines().map(twice_the_first).collect::<String>());
    let run = folder.run("fit same.csv --target kind");
    assert!(run.code == 0 && run.stderr.contains("note: x again is a copy of x:"), "{}", run.stderr);
    let run = folder.run("fit t.csv --target kind --lambda 0");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("copy") && run.stderr.contains("linear combination of"), "{}", run.stderr);
}

#[test]
fn separated_classes_without_a_penalty() {
    let folder = Folder::new();
    folder.table("wine.csv");
    let call = "fit wine.csv --target cultivar --lambda 0 -o wine.safetensors";
    folder.fails(
        1,
        call,
        &["separated", "barolo", "flavanoids", "help: add a penalty", "--lambda 0.001", "--c 1"],
    );
}

#[test]
fn quasi_separated_classes_without_a_penalty() {
    // c stands apart; a and b overlap.
    let rows = [(0, "a"), (1, "b"), (1, "a"), (2, "b"), (2, "a"), (3, "b"), (8, "c"), (9, "c")];
    let noise = [5, 3, 4, 4, 2, 2, 5, 4];
    let table = rows
        .iter()
        .zip(noise)
        .fold(String::from("x,noise,kind\n"), |t, ((x, kind), noise)| format!("{t}{x},{noise},{kind}\n"));
    let folder = Folder::with("t.csv", table);
    let message = "the classes are quasi-separated: c is told apart from the rest without error by x, up to";
    folder.fails(1, "fit t.csv --target kind --lambda 0", &[message]);
    folder.works("fit t.csv --target kind");
}

#[test]
fn labels_unseen_at_evaluation() {
    let folder = fitted();
    folder.write("test.csv", good_but(4, "2.5,0.5,green,3,novel"));
    folder.fails(1, "evaluate model.safetensors test.csv", &["test.csv", "novel", "a, b, c"]);
    folder.write("unlabelled.csv", "height,width,colour\n1,2,red\n");
    folder.fails(1, "evaluate model.safetensors unlabelled.csv", &["kind", "unlabelled.csv"]);
}

#[test]
fn columns_missing_at_predict() {
    let folder = fitted();
    folder.write("new.csv", "height,colour\n1.0,red\n");
    folder.fails(1, "predict model.safetensors new.csv -o out.csv", &["new.csv", "width"]);
}

#[test]
fn columns_reordered_at_predict() {
    let folder = fitted();
    folder.write("new.csv", "height,width,colour\n1.0,2.5,red\n2.9,0.1,blue\n");
    folder.write("other.csv", "extra,colour,width,height\n0,red,2.5,1.0\n1,blue,0.1,2.9\n");
    let new = folder.works("predict model.safetensors new.csv --proba");
    assert_eq!(folder.works("predict model.safetensors other.csv --proba"), new);
    assert_eq!(new.lines().count(), 3);
}

#[test]
fn categories_unseen_at_predict() {
    let folder = fitted();
    folder.write("new.csv", "height,width,colour\n1.0,2.5,violet\n2.9,0.1,blue\n");
    let run = folder.run("predict model.safetensors new.csv");
    assert_eq!((run.code, run.stdout.lines().count()), (0, 3), "{}", run.stderr);
    assert!(run.stderr.contains("violet") && run.stderr.contains("colour"), "{}", run.stderr);
    folder.fails(1, "predict model.safetensors new.csv --unseen error", &["violet", "colour"]);
}

#[test]
fn text_among_numbers_at_predict() {
    let folder = fitted();
    folder.write("new.csv", "height,width,colour\n1.0,2.5,red\ntall,0.1,blue\n");
    folder.fails(1, "predict model.safetensors new.csv", &["new.csv", "height", "tall"]);
}

#[test]
fn missing_values_at_predict_keep_their_row() {
    let folder = fitted();
    folder.write("new.csv", "height,width,colour\n,2.5,red\n2.9,NA,\n");
    let run = folder.run("predict model.safetensors new.csv");
    assert_eq!((run.code, run.stdout.lines().count()), (0, 3), "{}", run.stderr);
    assert!(run.stderr.contains("missing"), "{}", run.stderr);
}

#[test]
fn a_truncated_model() {
    let folder = fitted();
    let bytes = std::fs::read(folder.path("model.safetensors")).unwrap();
    folder.write("half.safetensors", &bytes[..bytes.len() - 9]);
    for call in
        ["show half.safetensors", "predict half.safetensors good.csv", "export half.safetensors --to json"]
    {
        folder.fails(1, call, &["half.safetensors", "truncated"]);
    }
}

#[test]
fn a_foreign_model() {
    let folder = fitted();
    folder.fails(1, "show good.csv", &["good.csv", "not a model"]);
    folder.write("foreign.json", "{\"weights\": []}");
    folder.fails(1, "show foreign.json", &["foreign.json", "not one of polylogit"]);
    let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let length = (header.len() as u64).to_le_bytes();
    folder.write("foreign.safetensors", [&length[..], header, &[0; 4]].concat());
    folder.fails(1, "show foreign.safetensors", &["foreign.safetensors", "not one of polylogit"]);
}

#[test]
fn a_hostile_model() {
    let folder = fitted();
    let mut bytes = std::fs::read(folder.path("model.safetensors")).unwrap();
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    folder.write("nan.safetensors", &bytes);
    folder.fails(1, "show nan.safetensors", &["NaN"]);
    bytes[..8].copy_from_slice(&0x1000_0000u64.to_le_bytes());
    folder.write("huge.safetensors", &bytes);
    folder.fails(1, "show huge.safetensors", &["header", "limit"]);
}

#[test]
fn weights_that_are_none() {
    for (bad, problem) in [("-1", "-1"), ("0", "0"), ("NaN", ""), ("inf", "inf"), ("heavy", "heavy")] {
        let folder = Folder::with("t.csv", good_but(5, &format!("3.0,2.5,blue,{bad},b")));
        let call = "fit t.csv --target kind --weights w -o m.safetensors";
        folder.fails(1, call, &["t.csv", "w", problem]);
    }
    Folder::with("t.csv", GOOD).fails(1, "fit t.csv --target kind --weights colour", &["colour"]);
}

#[test]
fn options_out_of_range() {
    let folder = Folder::with("t.csv", GOOD);
    for (options, message) in [
        ("--lambda -1", "at least 0"),
        ("--lambda NaN", "finite and at least 0"),
        ("--c 0", "greater than 0"),
        ("--l1-ratio -0.5", "between 0 and 1"),
        ("--l1-ratio 1.1", "between 0 and 1"),
        ("--tol 0", "between 0 and 1"),
        ("--threads 0", "--threads"),
        ("--lambda 1 --c 1", "cannot be used with"),
        ("--format xml", "text, json"),
        ("--input-format xls", "csv"),
        ("--frobnicate", "--frobnicate"),
    ] {
        folder.fails(2, &format!("fit t.csv --target kind {options}"), &[message]);
    }
    folder.fails(2, "predict m.safetensors t.csv -o out.xlsx", &[".csv or .parquet"]);
    folder.fails(2, "export m.safetensors --to onnx", &["json"]);
    folder.fails(2, "learn t.csv", &["learn"]);
    folder.fails(2, "predict - -", &["standard input"]);
}

#[test]
fn rows_of_the_wrong_width() {
    let folder = Folder::with("t.csv", good_but(6, "1.2,3.0,green,c"));
    folder.fails(1, "fit t.csv --target kind", &["t.csv", "4", "5"]);
}

#[test]
fn two_classes_work() {
    let two = GOOD.replace(",c\n", ",a\n");
    let folder = Folder::with("t.csv", two);
    let fit = json(&folder.works("fit t.csv --target kind --exclude w --format json"));
    let rows = fit["coef"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let sum = rows[0][0].as_f64().unwrap() + rows[1][0].as_f64().unwrap();
    assert!(sum.abs() < 1e-12, "the zero-sum gauge: {sum}");
}

#[test]
fn fewer_rows_than_columns_work() {
    let mut table = (0..40).fold(String::new(), |t, j| format!("{t}x{j},")) + "kind\n";
    for i in 0..9 {
        for j in 0..40 {
            write!(table, "{},", (i * 31 + j * 17 + i * j) % 23).unwrap();
        }
        writeln!(table, "{}", ["a", "b", "c"][i % 3]).unwrap();
    }
    let folder = Folder::with("t.csv", table);
    let fit = json(&folder.works("fit t.csv --target kind --format json"));
    assert_eq!((fit["status"].as_str(), fit["rows"].as_u64()), (Some("converged"), Some(9)));
}

#[test]
fn no_features_fit_the_shares_of_the_classes() {
    let folder = Folder::with("t.csv", "kind\na\nb\nb\nb\n");
    folder.works("fit t.csv --target kind -o model.safetensors");
    let shown = json(&folder.works("show model.safetensors --format json"));
    assert_eq!(shown["coef"], json("[[], []]"));
    let b: Vec<f64> = shown["intercept"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    // log(3/4) − log(1/4), to what the default tolerance of F gives in its argument.
    assert!((b[1] - b[0] - 3f64.ln()).abs() < 1e-2, "{b:?}");
    let predicted = folder.works("predict model.safetensors t.csv");
    assert_eq!(predicted, "prediction\nb\nb\nb\nb\n");
}

#[test]
fn an_output_that_cannot_be_written() {
    let folder = Folder::with("t.csv", GOOD);
    folder.fails(1, "fit t.csv --target kind -o nowhere/m.safetensors", &["nowhere"]);
    folder.write("m.safetensors", "old");
    std::fs::create_dir(folder.path("taken")).unwrap();
    folder.fails(1, "fit t.csv --target kind -o taken", &["taken", "directory"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let folder = fitted();
    let full = "No space left on device";
    folder.fails(1, "fit good.csv --target kind -o /dev/full", &["/dev/full", full]);
    folder.fails(1, "predict model.safetensors good.csv -o /dev/full", &["/dev/full", full]);
    folder.fails(1, "export model.safetensors --to json -o /dev/full", &["/dev/full", full]);
    // Results on standard output: an error, too.
    for call in [
        "predict model.safetensors good.csv",
        "show model.safetensors",
        "show model.safetensors --format json",
    ] {
        let out = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = std::process::Command::new(assert_cmd::cargo::cargo_bin!("polylogit"))
            .current_dir(folder.path("."))
            .args(call.split_whitespace())
            .stdout(out)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && stderr.contains(full), "{call}: {stderr}");
    }
}

/// Ctrl-C while a fit runs.
#[cfg(unix)]
mod interrupted {
    use super::*;
    use std::io::Read as _;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    /// Large enough to run for minutes: many classes, many columns, a goal that is out of reach.
    fn large() -> Folder {
        let (n, d, k) = (8_000_u64, 60, 40);
        let mut table = (0..d).fold(String::new(), |t, j| format!("{t}x{j},")) + "kind\n";
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 40
        };
        // The classes are slices of the first column: nearly separable, so that the fit takes long.
        for _ in 0..n {
            let first = random() % 1000;
            write!(table, "{first},").unwrap();
            for _ in 1..d {
                write!(table, "{},", random() % 1000).unwrap();
            }
            writeln!(table, "c{}", (first * k + random() % 1000) / 1000 % k).unwrap();
        }
        Folder::with("large.csv", table)
    }

    /// Starts a fit, waits until it has read the table, sends SIGINT; gives code, stdout and stderr.
    fn interrupt(folder: &Folder, options: &str) -> (Option<i32>, String, String) {
        let call = format!("fit large.csv --target kind --c 1e6 --tol 1e-15 -o model.safetensors {options}");
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("polylogit"))
            .current_dir(folder.path("."))
            .args(call.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The report on the table is printed when the fit begins.
        let mut stdout = child.stdout.take().unwrap();
        let mut seen = vec![0; 64];
        let read = stdout.read(&mut seen).unwrap();
        seen.truncate(read);
        std::thread::sleep(Duration::from_millis(300));
        signal(&child);
        let asked = now();
        stdout.read_to_end(&mut seen).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(20), "took {:?} to stop", asked.elapsed());
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), String::from_utf8(seen).unwrap(), stderr)
    }

    fn signal(child: &Child) {
        let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    #[expect(clippy::disallowed_methods, reason = "times the command from outside")]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn stops_cleanly_and_writes_nothing() {
        let folder = large();
        let (code, _, stderr) = interrupt(&folder, "");
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("error: interrupted after"), "{stderr}");
        assert!(stderr.contains("help: with --keep-on-interrupt"), "{stderr}");
        assert_eq!(folder.names(), ["large.csv"]);
    }

    #[test]
    fn keeps_the_best_model_when_asked() {
        let folder = large();
        let (code, stdout, stderr) = interrupt(&folder, "--keep-on-interrupt");
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stderr.contains("warning: interrupted: this is the best model so far"), "{stderr}");
        assert!(
            stdout.contains("interrupted after") && stdout.contains("saved to model.safetensors"),
            "{stdout}"
        );
        let shown = json(&folder.works("show model.safetensors --format json"));
        assert_eq!(shown["status"], "cancelled");
    }
}

#[test]
fn too_little_memory() {
    let folder = Folder::with("t.csv", GOOD);
    let fit = "fit t.csv --target kind --exclude w";
    let told = ["t.csv", "the fit needs about", "beside the data", "1.0 KiB are allowed", "--memory-limit"];
    folder.fails(1, &format!("{fit} --memory-limit 1KiB -o m.json"), &told);
    folder.fails(1, "path t.csv --target kind --exclude w --l1-ratio 1 --memory-limit 1000", &["1000 bytes"]);
    folder.fails(2, &format!("{fit} --memory-limit much"), &["--memory-limit", "a size such as"]);
    folder.fails(2, &format!("{fit} --memory-limit=-4GiB"), &["--memory-limit", "a size such as"]);
    let free = json(&folder.works(&format!("{fit} --format json")));
    let ample = json(&folder.works(&format!("{fit} --format json --memory-limit 1GiB")));
    assert_eq!((&free["coef"], &free["passes"]), (&ample["coef"], &ample["passes"]));
}
