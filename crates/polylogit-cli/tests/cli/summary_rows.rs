//! `polylogit summary` about rows: influence, probabilities with intervals.

use crate::common::{Folder, json, number as of, penguins as folder};
use serde_json::Value;

const TWO: &str = "summary penguins.csv --target species --features body_mass_g,flipper_length_mm";
const SEX: &str = "summary penguins.csv --target sex --features species,body_mass_g,bill_depth_mm \
                   --interact species:body_mass_g --polynomial bill_depth_mm:2";

/// The rows of a CSV file by the names of its columns.
fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

fn read(folder: &Folder, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    table(&std::fs::read_to_string(folder.path(name)).unwrap())
}

#[test]
fn the_influence_of_every_row() {
    let folder = folder();
    let call = format!("{TWO} --influence 5 --influence-out rows.csv --format json");
    let document = json(&folder.works(&call));
    let (header, rows) = read(&folder, "rows.csv");
    assert_eq!(header, ["row", "class", "probability", "leverage", "cook"]);
    // The rows of the file, without the two that miss a value; each with its own class.
    let (names, penguins) = read(&folder, "penguins.csv");
    let column = |name: &str| names.iter().position(|n| n == name).unwrap();
    let complete: Vec<usize> = (0..penguins.len())
        .filter(|&row| {
            ["body_mass_g", "flipper_length_mm"]
                .iter()
                .all(|c| penguins[row][column(c)].parse::<f64>().is_ok())
        })
        .collect();
    assert!(complete.len() < penguins.len() && complete.len() == rows.len());
    for (row, at) in rows.iter().zip(complete) {
        assert_eq!((&row[0], &row[1]), (&(at + 1).to_string(), &penguins[at][column("species")]));
    }
    let numbers = |c: usize| rows.iter().map(|r| r[c].parse::<f64>().unwrap()).collect::<Vec<_>>();
    let (leverage, cook) = (numbers(3), numbers(4));
    let sum: f64 = leverage.iter().sum();
    assert!((sum - 6.0).abs() < 1e-9, "the leverages are shares of the 6 parameters: {sum}");
    let influence = &document["influence"];
    assert!((of(&influence["leverage_sum"]) - sum).abs() < 1e-9);
    assert_eq!(of(&influence["cook_threshold"]), 4.0 / rows.len() as f64);
    let above = cook.iter().filter(|c| **c > 4.0 / rows.len() as f64).count();
    assert!(above > 0 && influence["cook_above_threshold"] == above && influence["cook_above_1"] == 0);
    let listed = influence["rows"].as_array().unwrap();
    let mut sorted = cook.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(listed.iter().map(|r| of(&r["cook"])).collect::<Vec<_>>(), sorted[..5]);
    for row in listed {
        let found = rows.iter().find(|r| r[0].parse().ok() == row["row"].as_u64()).unwrap();
        assert_eq!(found[4].parse::<f64>().unwrap(), of(&row["cook"]));
        assert_eq!(
            (row["class"].as_str().unwrap(), of(&row["probability"])),
            (&*found[1], found[2].parse().unwrap())
        );
    }
    // Probabilities are those of the same rows as --predict has them.
    let all = json(&folder.works(&format!("{TWO} --predict penguins.csv --format json")));
    let first = &listed[0];
    let p = &all["probabilities"]["values"][first["row"].as_u64().unwrap() as usize - 1];
    let own = p.as_array().unwrap().iter().find(|c| c["class"] == first["class"]).unwrap();
    assert!((of(&own["p"]) - of(&first["probability"])).abs() < 1e-12);
}

#[test]
fn the_influence_is_that_of_a_row_left_out() {
    let folder = folder();
    let call = "summary penguins.csv --target sex --features bill_depth_mm,body_mass_g --format json";
    let all = json(&folder.works(&format!("{call} --influence 40")));
    // Of the first ones more than a step of Newton's method leads away.
    let top = &all["influence"]["rows"][39];
    let text = std::fs::read_to_string(folder.path("penguins.csv")).unwrap();
    let gone = top["row"].as_u64().unwrap() as usize;
    let kept = text.lines().enumerate().filter(|(line, _)| *line != gone);
    folder.write("less.csv", kept.map(|(_, line)| format!("{line}\n")).collect::<String>());
    let less = json(&folder.works(&call.replace("penguins", "less")));
    assert_eq!(of(&less["observations"]), of(&all["observations"]) - 1.0);
    let beta = |d: &Value| {
        d["coefficients"].as_array().unwrap().iter().map(|c| of(&c["estimate"])).collect::<Vec<_>>()
    };
    let moved: Vec<f64> = beta(&all).iter().zip(beta(&less)).map(|(a, b)| a - b).collect();
    // movedᵀ V⁻¹ moved / p, by elimination.
    let mut v: Vec<Vec<f64>> =
        (0..3).map(|i| (0..3).map(|j| of(&all["covariance_matrix"][i][j])).collect()).collect();
    let mut x = moved.clone();
    for c in 0..3 {
        for i in (0..3).filter(|i| *i != c) {
            let factor = v[i][c] / v[c][c];
            for j in 0..3 {
                v[i][j] -= factor * v[c][j];
            }
            x[i] -= factor * x[c];
        }
    }
    let distance = (0..3).map(|i| moved[i] * x[i] / v[i][i]).sum::<f64>() / 3.0;
    let cook = of(&top["cook"]);
    // Cook's distance takes one step of Newton's method, the fit takes all.
    assert!((cook / distance - 1.0).abs() < 0.1, "{cook} {distance}");
}

#[test]
fn probabilities_follow_from_the_covariance_matrix() {
    let folder = folder();
    let call = format!(
        "{TWO} --level 0.9 --covariance hc0 --at flipper_length_mm=197,body_mass_g=3700 --format json"
    );
    let document = json(&folder.works(&call));
    let x = [1.0, 197.0, 3700.0];
    let coefficients = document["coefficients"].as_array().unwrap();
    let score = |k: usize| (0..3).map(|j| of(&coefficients[3 * k + j]["estimate"]) * x[j]).sum::<f64>().exp();
    let odds = [1.0, score(0), score(1)];
    let total: f64 = odds.iter().sum();
    let p = odds.map(|o| o / total);
    assert_eq!(document["at"][0]["at"], "flipper_length_mm = 197, body_mass_g = 3700");
    for (class, found) in document["at"][0]["probabilities"].as_array().unwrap().iter().enumerate() {
        // ∂p_c/∂β_a = p_c (1[c = a] − p_a) x.
        let gradient =
            |at: usize| p[class] * (f64::from(u8::from(class == at / 3 + 1)) - p[at / 3 + 1]) * x[at % 3];
        let mut variance = 0.0;
        for i in 0..6 {
            for j in 0..6 {
                variance += gradient(i) * of(&document["covariance_matrix"][i][j]) * gradient(j);
            }
        }
        let (p, error) = (p[class], variance.sqrt());
        let end = |z: f64| 1.0 / (1.0 + (1.0 - p) / p * (-z * error / (p * (1.0 - p))).exp());
        // The raw covariance of intercepts and slopes cancels to a millionth of its entries.
        let close = |key: &str, expected: f64| {
            assert!((of(&found[key]) / expected - 1.0).abs() < 1e-6, "{key}: {found} {expected}");
        };
        close("p", p);
        close("std_err", error);
        close("low", end(-1.644_853_626_951_472_7));
        close("high", end(1.644_853_626_951_472_7));
    }
    let fitted = folder.works("fit penguins.csv --target species --features body_mass_g,flipper_length_mm --lambda 0 --missing drop --tol 1e-12 -o m.json");
    assert!(fitted.contains("saved to m.json"));
    folder.write("new.csv", "flipper_length_mm,body_mass_g\n197,3700\n");
    let (_, predicted) = table(&folder.works("predict m.json new.csv --proba"));
    for (found, expected) in predicted[0][1..].iter().zip(p) {
        assert!((found.parse::<f64>().unwrap() - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn rows_and_settings_are_the_same_model() {
    let folder = folder();
    // Columns in another order, one too many, products and powers, a row without a value.
    folder.write(
        "new.csv",
        "year,bill_depth_mm,species,body_mass_g\n1,17.5,Gentoo,4100\n2,,Adelie,3000\n3,20,Adelie,3500\n",
    );
    let run = folder.run(&format!(
        "{SEX} --predict new.csv -o p.csv --format json --at 'species=Gentoo, bill_depth_mm=17.5, body_mass_g=4100' \
         --at 'species=Adelie, bill_depth_mm=20, body_mass_g=3500'"
    ));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("new.csv: 1 row without probabilities, as values are missing (bill_depth_mm)"),
        "{}",
        run.stderr
    );
    let document = json(&run.stdout);
    let expected = &document["probabilities"];
    assert_eq!(
        (&expected["file"], &expected["saved"], &expected["values"]),
        (&"new.csv".into(), &"p.csv".into(), &Value::Null)
    );
    let (header, rows) = read(&folder, "p.csv");
    assert_eq!(
        header,
        ["p_female", "p_male", "se_female", "se_male", "low_female", "low_male", "high_female", "high_male"]
    );
    assert_eq!((rows.len(), rows[1].concat().as_str()), (3, ""));
    for (row, at) in [(0, 0), (2, 1)] {
        for (class, p) in document["at"][at]["probabilities"].as_array().unwrap().iter().enumerate() {
            for (part, key) in ["p", "std_err", "low", "high"].iter().enumerate() {
                assert_eq!(rows[row][2 * part + class].parse::<f64>().unwrap(), of(&p[key]), "{key}");
            }
        }
    }
    // In the document, where no file takes them.
    let inside = json(&folder.works(&format!("{SEX} --predict new.csv --format json")));
    let values = &inside["probabilities"]["values"];
    assert_eq!((&values[1], &values[0]), (&Value::Null, &document["at"][0]["probabilities"]));
}

#[test]
fn parquet_has_the_numbers_of_csv() {
    let folder = folder();
    let found = ["rows.csv", "rows.parquet"].map(|name| {
        folder.works(&format!("{TWO} --influence-out {name}"));
        let fit = format!("fit {name} --target class --features row,leverage,cook --format json");
        json(&folder.works(&fit))["coef"].clone()
    });
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0][0].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_is_not_set_is_at_its_mean() {
    let folder = folder();
    let document = json(&folder.works(&format!("{SEX} --effects mean --at body_mass_g=4000 --format json")));
    let text = std::fs::read_to_string(folder.path("penguins.csv")).unwrap();
    let (names, rows) = table(&text);
    let column = |name: &str| names.iter().position(|n| n == name).unwrap();
    let (depth, sex) = (column("bill_depth_mm"), column("sex"));
    let complete: Vec<&Vec<String>> = rows
        .iter()
        .filter(|r| r[depth].parse::<f64>().is_ok() && ["male", "female"].contains(&&*r[sex]))
        .collect();
    let mean = complete.iter().map(|r| r[depth].parse::<f64>().unwrap()).sum::<f64>() / complete.len() as f64;
    let share = |level: &str| {
        complete.iter().filter(|r| r[column("species")] == level).count() as f64 / complete.len() as f64
    };
    let (chinstrap, gentoo) = (share("Chinstrap"), share("Gentoo"));
    let x = |term: &str| match term {
        "(intercept)" => 1.0,
        "species=Chinstrap" => chinstrap,
        "species=Gentoo" => gentoo,
        "body_mass_g" => 4000.0,
        "bill_depth_mm" => mean,
        "bill_depth_mm^2" => mean * mean,
        "species=Chinstrap:body_mass_g" => chinstrap * 4000.0,
        "species=Gentoo:body_mass_g" => gentoo * 4000.0,
        other => panic!("{other}"),
    };
    let coefficients = document["coefficients"].as_array().unwrap();
    let z: f64 = coefficients.iter().map(|c| of(&c["estimate"]) * x(c["term"].as_str().unwrap())).sum();
    let p = of(&document["at"][0]["probabilities"][1]["p"]);
    assert!((p - 1.0 / (1.0 + (-z).exp())).abs() < 1e-8, "{p} {z}");
}

#[test]
fn in_text() {
    let folder = folder();
    folder.write("new.csv", "body_mass_g,flipper_length_mm\n3700,190\n5000,220\n4000,\n");
    let text = folder.works(&format!(
        "{TWO} --contrast Gentoo:body_mass_g=Chinstrap:body_mass_g --contrast flipper_length_mm --influence 3 \
         --predict new.csv --at body_mass_g=3000 --at body_mass_g=5000"
    ));
    let text = &text[text.find("Contrasts").unwrap()..];
    insta::assert_snapshot!(text);
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let folder = folder();
    folder.write("no.csv", "body_mass,bill_depth_mm,species\n4000,18,Adelie\n");
    folder.fails(
        1,
        &format!("{SEX} --predict no.csv"),
        &["no.csv has no column body_mass_g (did you mean body_mass?)"],
    );
    folder.write("new.csv", "body_mass_g,bill_depth_mm,species\n4000,18,Adelie\n4000,18,Emperor\n");
    folder.fails(
        1,
        &format!("{SEX} --predict new.csv -o p.csv"),
        &[
            "new.csv, line 3, column species: no row of the training table has Emperor",
            "Adelie, Chinstrap, Gentoo",
        ],
    );
    folder.write("text.csv", "body_mass_g,bill_depth_mm,species\nheavy,18,Adelie\n");
    folder.fails(
        1,
        &format!("{SEX} --predict text.csv"),
        &["text.csv, line 2, column body_mass_g: heavy is not a number"],
    );
    folder.write("gap.csv", "body_mass_g,bill_depth_mm,species\n4000,18,\n,18,Adelie\n");
    folder.fails(1, &format!("{SEX} --predict gap.csv --missing error"), &["the value is missing"]);
    // Training had all species and masses of the rows that it used.
    folder.fails(
        1,
        &format!("{SEX} --predict gap.csv --missing impute"),
        &["no row of the training table has (missing)"],
    );
    let (_, rows) = table(&{
        folder.works(&format!("{SEX} --predict gap.csv -o gaps.csv -q"));
        std::fs::read_to_string(folder.path("gaps.csv")).unwrap()
    });
    assert_eq!(rows.iter().map(|r| r.concat()).collect::<String>(), "");
    folder.fails(1, &format!("{SEX} --predict nothing.csv"), &["cannot read nothing.csv"]);
    folder.fails(2, "summary - --target sex --predict -", &["cannot both come from standard input"]);
    folder.fails(2, &format!("{TWO} -o p.csv"), &["--predict <TABLE>"]);
    folder.fails(2, &format!("{TWO} --predict penguins.csv -o p.xlsx"), &[".csv or .parquet, not as .xlsx"]);
    folder.fails(2, &format!("{TWO} --influence 0"), &["0 is not in 1.."]);
    folder.fails(2, &format!("{TWO} --influence-out rows.txt"), &["not as .txt"]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let folder = folder();
    for (code, at, messages) in [
        (2, "", &["a VARIABLE=VALUE is missing at the end"][..]),
        (2, "body_mass_g", &["VARIABLE=VALUE is missing before \"body_mass_g\""]),
        (2, "body_mass_g=4000,", &["missing at the end"]),
        (2, "body_mass_g=heavy", &["body_mass_g is a number, which \"heavy\" is not"]),
        (2, "body_mass_g=inf", &["\"inf\" is not"]),
        (2, "body_mass_g=1,body_mass_g=2", &["set twice"]),
        (2, "species=Adelie body_mass_g=1", &["a , is missing before \"body_mass_g=1\""]),
        (
            1,
            "body_mas=4000",
            &["body_mas is no variable (did you mean body_mass_g?)", "species, bill_depth_mm, body_mass_g"],
        ),
        (
            1,
            "species=Gento",
            &[
                "species has no level \"Gento\" (did you mean Gentoo?): its levels are Adelie, Chinstrap, Gentoo",
            ],
        ),
    ] {
        folder.fails(code, &format!("{SEX} --at '{at}'"), messages);
    }
}

#[test]
fn firths_estimates_have_probabilities_and_no_influence() {
    let folder = folder();
    let firth = format!("{TWO} --firth");
    assert!(
        folder.works(&format!("{firth} --at body_mass_g=4000")).contains("Probabilities at given values")
    );
    for (options, message) in [
        ("--influence 3", "--influence with --firth"),
        ("--influence-out rows.csv", "--influence with --firth"),
        ("--covariance hc1", "--firth has the model's covariance"),
        ("--cluster year", "cannot be used with"),
        ("--lambda 1 --despite-penalty", "cannot be used with"),
        ("--weights body_mass_g --weight-kind sampling", "--firth with sampling weights"),
    ] {
        folder.fails(2, &format!("{firth} {options}"), &[message]);
    }
    assert!(folder.works(&format!("{firth} --covariance model")).contains("Firth's"));
    folder.fails(2, &format!("{TWO} --weight-kind sampling"), &["--weights <COLUMN>"]);
    folder.fails(2, &format!("{TWO} --despite-penalty"), &["--lambda <L>"]);
}
