//! The report as a file: the numbers in it, what it promises a browser, bad input. A browser looks at it in
//! `python/tests/test_report.py`.

use crate::common::{Folder, json};
use serde_json::{Value, json as value};

const OPEN: &str = "<script type=\"application/json\" id=\"report\">";

/// The numbers that a page holds.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(OPEN).expect("the page has its data");
    json(rest.split_once("</script>").unwrap().0)
}

fn penguins(options: &str) -> Folder {
    let folder = Folder::new();
    folder.table("penguins.csv");
    folder.works(&format!("fit penguins.csv --target species {options} -o model.safetensors --quiet"));
    folder
}

/// Equal to the five digits that a page keeps.
fn close(a: &Value, b: &Value) -> bool {
    let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
    (a - b).abs() <= 5.1e-5 * b.abs()
}

#[test]
fn the_numbers_are_those_of_evaluate_and_show() {
    let folder = penguins("--features bill_length_mm,sex --c 0.1");
    folder.works("report model.safetensors penguins.csv -o report.html");
    assert_eq!(folder.names(), ["model.safetensors", "penguins.csv", "report.html"]);
    let page = std::fs::read_to_string(folder.path("report.html")).unwrap();
    let report = data(&page);
    let evaluated = json(&folder.works("evaluate model.safetensors penguins.csv --format json"));
    let shown = json(&folder.works("show model.safetensors --format json"));
    for key in ["rows", "accuracy", "log_loss", "brier", "calibration_error", "total_weight"] {
        assert!(close(&report["predictions"][key], &evaluated[key]), "{key}");
    }
    assert_eq!(report["about"]["training"], true);
    assert_eq!(report["predictions"]["confusion"], evaluated["confusion"]);
    for key in ["precision", "recall", "f1", "weight"] {
        for k in 0..3 {
            let (ours, theirs) = (&report["predictions"]["classes"][k][key], &evaluated["classes"][k][key]);
            assert!(close(ours, theirs), "{key}");
        }
    }
    assert_eq!(report["coefficients"]["features"], shown["features"]);
    for k in 0..3 {
        assert!(close(&report["coefficients"]["intercept"][k], &shown["intercept"][k]));
        for j in 0..shown["features"].as_array().unwrap().len() {
            assert!(close(&report["coefficients"]["weights"][k][j], &shown["coef"][k][j]));
        }
    }
    let steps = shown["trace"]["passes"].as_array().unwrap().len();
    assert!(steps > 1 && report["solved"]["trace"]["relative_gap"].as_array().unwrap().len() == steps);
    assert_eq!(shown["trace"]["objective"][steps - 1], shown["objective"]);
    assert_eq!(shown["trace"]["relative_gap"][steps - 1], shown["certificate"]["relative_gap"]);
    let mistakes = &report["mistakes"];
    let wrong = (344.0 * (1.0 - evaluated["accuracy"].as_f64().unwrap())).round();
    assert_eq!(mistakes["total"].as_f64().unwrap(), wrong);
    let sure: Vec<f64> =
        mistakes["listed"].as_array().unwrap().iter().map(|m| m["confidence"].as_f64().unwrap()).collect();
    assert!(
        sure.windows(2).all(|w| w[0] >= w[1])
            && sure.len() == 50.min(mistakes["total"].as_u64().unwrap() as usize)
    );
    // Every row is in both histograms of every class, and in the curves once.
    for class in report["predictions"]["classes"].as_array().unwrap() {
        let sum = |key: &str| class[key].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).sum::<f64>();
        assert_eq!(sum("own"), class["weight"].as_f64().unwrap());
        assert_eq!(sum("own") + sum("others"), 344.0);
        assert_eq!(class["roc"][0], value!([0.0, 0.0]));
        assert_eq!(class["roc"].as_array().unwrap().last().unwrap(), &value!([1.0, 1.0]));
    }
}

#[test]
fn without_an_output_the_page_goes_to_standard_output() {
    let folder = penguins("");
    let page = folder.works("report model.safetensors penguins.csv");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.len() < 700_000, "{}", page.len());
    assert_eq!(folder.names(), ["model.safetensors", "penguins.csv"]);
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let folder = penguins("");
    let page = folder.works("report model.safetensors penguins.csv");
    let (head, _) = page.split_once("<style>").unwrap();
    assert!(head.contains("default-src 'none'; script-src 'sha256-"), "{head}");
    for tag in ["<script src", "<img", "<iframe", "@import", "url(http", "<link rel=\"stylesheet"] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert_eq!(page.matches("<link").count(), 1);
}

#[test]
fn intervals_are_those_of_summary() {
    let folder = penguins("--features body_mass_g,year,sex --missing drop --lambda 0");
    let table = std::fs::read_to_string(folder.path("penguins.csv")).unwrap();
    let header = table.lines().next().unwrap().to_owned();
    let at: Vec<usize> = ["body_mass_g", "sex", "year"]
        .iter()
        .map(|n| header.split(',').position(|h| h == *n).unwrap())
        .collect();
    let whole = table.lines().filter(|l| {
        let cells: Vec<&str> = l.split(',').collect();
        at.iter().all(|&j| !cells[j].is_empty() && cells[j] != "NA")
    });
    folder.write("whole.csv", whole.collect::<Vec<_>>().join("\n"));
    let report = data(&folder.works("report model.safetensors whole.csv"));
    let call = "summary whole.csv --target species --features body_mass_g,year,sex --format json";
    let summary = json(&folder.works(call));
    let intervals = &report["intervals"];
    assert_eq!(intervals["why_not"], Value::Null);
    assert_eq!(intervals["bases"], value!([["sex", "female"]]));
    let terms: Vec<&str> =
        intervals["terms"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    assert_eq!(terms, ["body_mass_g", "sex=male", "year"]);
    let mut compared = 0;
    for theirs in summary["coefficients"].as_array().unwrap() {
        let Some(j) = terms.iter().position(|t| theirs["term"] == *t) else { continue };
        let of = |c: &&Value| report["classes"][c["class"].as_u64().unwrap() as usize] == theirs["class"];
        let ours = intervals["classes"].as_array().unwrap().iter().find(of).unwrap();
        for key in ["estimate", "low", "high"] {
            assert!(close(&ours[key][j], &theirs[key]), "{key} of {theirs}");
        }
        compared += 1;
    }
    assert_eq!(compared, 6);
    // The whole table has other rows, by their missing values: its intervals would not be those of the model.
    let other = data(&folder.works("report model.safetensors penguins.csv --quiet"));
    assert!(other["intervals"]["why_not"].as_str().unwrap().contains("another table"));
    assert_eq!(other["about"]["training"], false);
}

#[test]
fn a_penalty_has_no_intervals_and_says_why() {
    let report = data(&penguins("").works("report model.safetensors penguins.csv"));
    assert!(report["intervals"]["why_not"].as_str().unwrap().contains("a penalty shrinks"));
}

#[test]
fn a_cross_validated_model_has_its_curve() {
    let folder = Folder::new();
    folder.table("iris.csv");
    folder.works(
        "cv iris.csv --target species --l1-ratio 1 --folds 3 --lambdas 12 --choose 1se -o m.json --quiet",
    );
    let options = "--l1-ratio 1 --folds 3 --lambdas 12 --choose 1se";
    folder.works(&format!("cv iris.csv --target species {options} -o m.safetensors --quiet"));
    let report = data(&folder.works("report m.safetensors iris.csv"));
    let validation = &report["validation"];
    assert_eq!((&validation["score"], &validation["folds"]), (&value!("log_loss"), &value!(3)));
    assert_eq!(validation["chosen"], "1se");
    let curve = &validation["curves"][0];
    assert_eq!(curve["lambda"].as_array().unwrap().len(), curve["mean"].as_array().unwrap().len());
    let at = validation["one_se"]["point"].as_u64().unwrap() as usize;
    let shown = json(&folder.works("show m.safetensors --format json"));
    assert_eq!(curve["lambda"][at], shown["lambda"]);
    assert_eq!(data(&penguins("").works("report model.safetensors penguins.csv"))["validation"], Value::Null);
}

#[test]
fn weights_count() {
    let table = "x,w,y\n1,1,a\n2,3,b\n3,2,a\n4,1,b\n5,1,a\n6,5,b\n";
    let folder = Folder::with("t.csv", table);
    folder.works("fit t.csv --target y --weights w -o m.safetensors --quiet");
    let report = data(&folder.works("report m.safetensors t.csv"));
    let evaluated = json(&folder.works("evaluate m.safetensors t.csv --format json"));
    assert_eq!(report["sheet"]["balance"], value!([4.0, 9.0]));
    assert_eq!((&report["sheet"]["weight"], &report["about"]["training"]), (&value!("w"), &value!(true)));
    assert!(close(&report["predictions"]["accuracy"], &evaluated["accuracy"]));
    assert!(close(&report["predictions"]["log_loss"], &evaluated["log_loss"]));
}

#[test]
fn sparse_tables_have_reports_too() {
    let folder = Folder::with("t.svm", "1 1:2 3:1\n2 2:1\n1 1:1 2:3\n2 3:4\n1 2:1 3:1\n2 1:1\n");
    folder.works("fit t.svm -o m.safetensors --quiet");
    let report = data(&folder.works("report m.safetensors t.svm"));
    assert_eq!(
        (&report["sheet"]["sparse"], &report["sheet"]["max"]),
        (&value!(true), &value!([2.0, 3.0, 4.0]))
    );
    assert_eq!(report["sheet"]["mean"][0], value!(0.666_67));
}

#[test]
fn names_from_files_never_become_markup() {
    let evil = "</script><script>alert(1)</script>";
    let table = format!(
        "<img src=x onerror=alert(2)>,&amp;<!--,y\n1,u,{evil}\n2,v,b\n3,u,b\n4,v,{evil}\n2,u,{evil}\n5,v,b\n"
    );
    let folder = Folder::with("t.csv", table);
    folder.works("fit t.csv --target y -o m.safetensors --quiet");
    let page = folder.works("report m.safetensors t.csv");
    assert!(!page.contains("alert(1)</script>") && !page.contains("<img src=x"));
    let report = data(&page);
    assert_eq!(report["classes"], value!([evil, "b"]));
    assert_eq!(report["coefficients"]["features"][0], "<img src=x onerror=alert(2)>");
}

#[test]
fn very_many_features_are_cut_to_the_largest() {
    let d = 40_000;
    let row = |row: usize| {
        let entries: String =
            (1..40).map(|i| format!(" {}:{}", i * 1000 - row * 7, 1 + (row * i) % 5)).collect();
        format!("{}{entries} {d}:1\n", row % 4)
    };
    let table: String = (0..12).map(row).collect();
    let folder = Folder::with("t.svm", table);
    folder.works("fit t.svm -o m.safetensors --quiet");
    let page = folder.works("report m.safetensors t.svm");
    let report = data(&page);
    assert_eq!(report["coefficients"]["total"], d);
    assert_eq!(report["coefficients"]["features"].as_array().unwrap().len(), 10_000);
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn bad_input() {
    let folder = penguins("");
    let report = |rest: &str| format!("report model.safetensors {rest} -o report.html");
    folder.fails(1, &report("none.csv"), &["none.csv"]);
    folder.write("unlabelled.csv", "bill_length_mm\n1\n");
    folder.fails(1, &report("unlabelled.csv"), &["unlabelled.csv"]);
    let table = std::fs::read_to_string(folder.path("penguins.csv")).unwrap();
    folder.write("unseen.csv", table.replacen("Adelie", "Emperor", 1));
    folder.fails(1, &report("unseen.csv"), &["unseen.csv", "Emperor"]);
    let rest: Vec<String> = table.lines().map(|l| l.split_once(',').unwrap().1.to_owned()).collect();
    folder.write("nospecies.csv", rest.join("\n"));
    folder.fails(1, &report("nospecies.csv"), &["nospecies.csv", "species"]);
    folder.write("empty.csv", format!("{}\n", table.lines().next().unwrap()));
    folder.fails(1, &report("empty.csv"), &["row"]);
    folder.fails(
        1,
        "report penguins.csv penguins.csv -o report.html",
        &["penguins.csv is not usable as a model"],
    );
    folder.fails(2, "report - - -o report.html", &["cannot both come from standard input"]);
    folder.fails(
        1,
        "report model.safetensors penguins.csv --quiet -o nowhere/report.html",
        &["cannot write nowhere/report.html"],
    );
    // What stood there stays.
    folder.write("report.html", "old");
    folder.fails(1, &report("unseen.csv"), &["Emperor"]);
    assert_eq!(std::fs::read_to_string(folder.path("report.html")).unwrap(), "old");
}
