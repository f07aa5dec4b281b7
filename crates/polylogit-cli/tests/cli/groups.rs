//! Groups of columns, as a user meets them.

use crate::common::{json, penguins as folder};

#[test]
fn groups_in_text() {
    let folder = folder();
    let call = "penguins.csv --target species --l1-ratio 1 --group-categories --group bill=bill_length_mm,bill_depth_mm";
    let text = folder.works(&format!("fit {call} --lambda 0.08 --penalty-factor sex=0.5 -o m.safetensors"));
    let objective: Vec<&str> = text.lines().filter(|l| l.contains("Σ_G") || l.starts_with("  G =")).collect();
    insta::assert_snapshot!(objective.join("\n"));
    let shown = folder.works("show m.safetensors");
    assert!(objective.iter().all(|line| shown.contains(line)), "{shown}");
    folder.works("report m.safetensors penguins.csv -o r.html");
    assert!(
        std::fs::read_to_string(folder.path("r.html")).unwrap().contains("{bill_length_mm, bill_depth_mm}")
    );
}

#[test]
fn a_group_is_in_or_out() {
    let folder = folder();
    let call = "penguins.csv --target species --l1-ratio 0.9 --lambdas 30 --format json --group-categories \
                --group size=flipper_length_mm,body_mass_g,island=Dream";
    let path = json(&folder.works(&format!("path {call}")));
    let groups: Vec<Vec<usize>> = serde_json::from_value(path["groups"].clone()).unwrap();
    let names: Vec<String> = serde_json::from_value(path["features"].clone()).unwrap();
    let named: Vec<Vec<&str>> =
        groups.iter().map(|g| g.iter().map(|&j| names[j].as_str()).collect()).collect();
    // A category of which a column is in another group is none itself.
    assert_eq!(
        named,
        [
            vec!["island=Dream", "flipper_length_mm", "body_mass_g"],
            vec!["sex=female", "sex=male", "sex=(missing)"],
        ]
    );
    let mut sizes = vec![];
    for point in path["points"].as_array().unwrap() {
        let weights = point["weights"].as_object().unwrap();
        for group in &named {
            let inside = group.iter().filter(|name| weights.contains_key(**name)).count();
            assert!(inside == 0 || inside == 3, "{weights:?}");
            sizes.push(inside);
        }
    }
    assert!(sizes.contains(&0) && sizes.contains(&3));
    let cv = json(&folder.works(&format!("cv {call} --folds 3")));
    assert_eq!(cv["model"]["groups"], path["groups"]);
    assert_eq!(cv["model"]["grouped"], true);
}

#[test]
fn one_group_of_a_category_is_its_name() {
    let folder = folder();
    let call = "fit penguins.csv --target species --lambda 0.05 --l1-ratio 1 --format json";
    let by_name = json(&folder.works(&format!("{call} --group sex --group island")));
    let all = json(&folder.works(&format!("{call} --group-categories")));
    let by_levels = json(
        &folder.works(&format!("{call} --group sex --group i=island=Biscoe,island=Dream,island=Torgersen")),
    );
    assert_eq!(by_name["coef"], by_levels["coef"]);
    assert_eq!(all["objective"], by_name["objective"]);
    assert!(json(&folder.works(call)).get("groups").is_none());
}

#[test]
fn groups_that_cannot_be() {
    let folder = folder();
    for command in ["fit", "path", "cv"] {
        let call = format!("{command} penguins.csv --target species --l1-ratio 1 --group");
        folder.fails(
            1,
            &format!("{call} Sex"),
            &["--group Sex: the fit has no such column", "did you mean sex?"],
        );
        folder.fails(1, &format!("{call} a=sex,species"), &["species: the fit has no such column"]);
        folder.fails(2, &format!("{call} a=sex,"), &["must be NAME=COLUMN,COLUMN,… or COLUMN"]);
        folder.fails(2, &format!("{call} =sex"), &["must be NAME=COLUMN,COLUMN,… or COLUMN"]);
        folder.fails(2, &format!("{call} sex --group sex"), &["--group gives sex twice"]);
        folder.fails(
            2,
            &format!("{call} a=sex --group b=year,sex=male"),
            &["--group b: sex=male is in --group a already"],
        );
        folder.fails(
            2,
            &format!("{call} a=sex,year --penalty-factor year=2"),
            &["group a needs one --penalty-factor for all of its columns, not 1 for sex=female and 2 for year"],
        );
    }
}
