//! Columns become roles; missing values, levels and labels.

use polylogit::Label;
use polylogit_data::{ApplyOptions, Kind, MissingPolicy, ReadOptions, UnseenPolicy};

use crate::common::{apply, classes, dense, error, options, train, train_with};

#[test]
fn text_and_booleans_are_categories_in_byte_order() {
    let data = train("n,s,f,y\n1.5,b,true,p\n-2e3,Z,false,q\n3,b,true,p\n").unwrap();
    assert_eq!(data.schema.feature_names(), ["n", "s=Z", "s=b", "f=false", "f=true"]);
    #[rustfmt::skip]
    let expected = [
        1.5, 0.0, 1.0, 0.0, 1.0,
        -2000.0, 1.0, 0.0, 1.0, 0.0,
        3.0, 0.0, 1.0, 0.0, 1.0,
    ];
    assert_eq!(dense(&data.table), expected);
    assert_eq!(data.target.ids(), Some(&[0, 1, 0][..]));
}

#[test]
fn missing_numbers_become_the_mean_and_categories_a_level() {
    let text = "n,s,y\n1,u,p\nNA,,q\n4,v,p\n,?,q\nNaN,null,\n";
    let data = train(text).unwrap();
    assert_eq!(data.schema.feature_names(), ["n", "s=u", "s=v", "s=(missing)"]);
    assert_eq!(data.schema.columns[0].kind, Kind::Number { mean: 2.5 });
    #[rustfmt::skip]
    let expected = [
        1.0, 1.0, 0.0, 0.0,
        2.5, 0.0, 0.0, 1.0,
        4.0, 0.0, 1.0, 0.0,
        2.5, 0.0, 0.0, 1.0,
    ];
    assert_eq!(dense(&data.table), expected);
    let report = &data.table.report;
    // The row without a label is left out whatever the policy, and counted.
    assert_eq!((report.read, report.missing["n"], report.missing["s"]), (5, 3, 3));
    assert_eq!(report.left_out, [4]);

    let dropped = train_with(text, &ReadOptions { missing: MissingPolicy::Drop, ..options() });
    // One class is left: the engine refuses that.
    assert!(dropped.unwrap_err().to_string().contains("class"));
    let refused = error(text, &ReadOptions { missing: MissingPolicy::Error, ..options() });
    assert!(refused.starts_with("t.csv, line 6, column y: the value is missing"), "{refused}");
}

#[test]
fn dropping_leaves_whole_rows_only() {
    let text = "n,m,y\n1,10,p\n,20,q\n3,,p\n4,40,q\n5,50,p\n";
    let data = train_with(text, &ReadOptions { missing: MissingPolicy::Drop, ..options() }).unwrap();
    assert_eq!(dense(&data.table), [1.0, 10.0, 4.0, 40.0, 5.0, 50.0]);
    assert_eq!(data.target.ids(), Some(&[0, 1, 0][..]));
    assert_eq!(data.table.report.left_out, [1, 2]);
    let Kind::Number { mean } = data.schema.columns[0].kind else { panic!() };
    assert!((mean - 10.0 / 3.0).abs() < 1e-15, "the mean is that of the rows that stay: {mean}");
}

#[test]
fn weights_and_left_out_columns_are_no_features() {
    let text = "skip,n,w,m,y\na,1,2,5,p\nb,2,3,6,q\n";
    let with = ReadOptions { weight: Some("w".into()), exclude: vec!["skip".into()], ..options() };
    let data = train_with(text, &with).unwrap();
    assert_eq!(data.schema.feature_names(), ["n", "m"]);
    assert_eq!(dense(&data.table), [1.0, 5.0, 2.0, 6.0]);
    assert_eq!(data.target.sample_weights(), Some(&[2.0, 3.0][..]));
    let only = ReadOptions { features: vec!["m".into()], ..options() };
    assert_eq!(train_with(text, &only).unwrap().schema.feature_names(), ["m"]);
}

#[test]
fn any_column_can_be_a_category() {
    let text = "year,y\n2007,p\n2009,q\n2007,p\n";
    let forced = ReadOptions { as_category: vec!["year".into()], ..options() };
    assert_eq!(train_with(text, &forced).unwrap().schema.feature_names(), ["year=2007", "year=2009"]);
    assert_eq!(train(text).unwrap().schema.feature_names(), ["year"]);
}

#[test]
fn a_column_without_values_is_left_out_and_named() {
    let data = train("n,empty,y\n1,,p\n2,NA,q\n").unwrap();
    assert_eq!(data.schema.feature_names(), ["n"]);
    assert_eq!(data.table.report.empty, ["empty"]);
}

#[test]
fn labels_keep_their_type_and_order() {
    let classes_of = |labels: [&str; 3]| {
        let rows = labels.iter().enumerate().map(|(i, l)| format!("{i},{l}\n")).collect::<String>();
        train(format!("x,y\n{rows}")).unwrap()
    };
    assert_eq!(classes_of(["10", "9", "-1"]).target.classes(), [-1, 9, 10].map(Label::Int));
    assert_eq!(classes(&classes_of(["1.5", "10", "2"])), ["1.5", "2", "10"]);
    assert_eq!(classes_of(["True", "false", "true"]).target.classes(), [false, true].map(Label::Bool));
    assert_eq!(classes(&classes_of(["b", "a", "Z"])), ["Z", "a", "b"]);
    // Two spellings of one number are one class.
    assert_eq!(classes(&classes_of(["+1", "1", "2"])), ["1", "2"]);
}

#[test]
fn applied_columns_are_found_by_name() {
    let data = train("a,s,b,y\n1,u,10,p\n2,v,20,q\n3,w,,p\n").unwrap();
    let new = apply("more,b,a,s\nx,7,8,v\ny,,,\n", &data, &ApplyOptions::default()).unwrap();
    #[rustfmt::skip]
    let expected = [
        8.0, 0.0, 1.0, 0.0, 7.0,
        2.0, 0.0, 0.0, 0.0, 15.0, // the training means; no level for a missing one, as training had none
    ];
    assert_eq!(dense(&new), expected);
    assert_eq!(new.report.missing.len(), 3);
    let numbers = train("a,b,y\n1,10,p\n2,20,q\n").unwrap();
    let swapped = apply("b,z,a\n5,0,6\n7,0,8\n", &numbers, &ApplyOptions::default()).unwrap();
    assert_eq!(dense(&swapped), [6.0, 5.0, 8.0, 7.0]);
}

#[test]
fn unseen_levels_are_counted_or_refused() {
    let data = train("s,y\nu,p\nv,q\n").unwrap();
    let text = "s\nu\nnew\nnewer\nnew\n";
    let table = apply(text, &data, &ApplyOptions::default()).unwrap();
    assert_eq!(dense(&table), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(table.report.unseen["s"], (3, "new".to_owned()));
    let refuse = ApplyOptions { unseen: UnseenPolicy::Error, ..Default::default() };
    let error = apply(text, &data, &refuse).unwrap_err().to_string();
    assert!(error.contains("line 3, column s: new was not seen in training"), "{error}");
}

#[test]
fn missing_values_of_new_rows_are_filled_in_refused_or_left_out() {
    let data = train("s,x,y\nu,1,p\nv,3,q\n").unwrap();
    let text = "x,s\n7,u\n,v\n8,\n9,v\n";
    let new = |missing| apply(text, &data, &ApplyOptions { missing, ..Default::default() });
    let kept = new(MissingPolicy::Drop).unwrap();
    assert_eq!((dense(&kept), kept.rows), (&[1.0, 0.0, 7.0, 0.0, 1.0, 9.0][..], 2));
    assert_eq!((kept.report.read, kept.report.left_out), (4, vec![1, 2]));
    let refused = new(MissingPolicy::Error).unwrap_err().to_string();
    assert!(refused.contains("line 3, column x: the value is missing"), "{refused}");
    // Training had no missing s, so that it has no level for them.
    let unseen = UnseenPolicy::Error;
    let refused = apply(text, &data, &ApplyOptions { unseen, ..Default::default() }).unwrap_err().to_string();
    assert!(refused.contains("line 4, column s: (missing) was not seen in training"), "{refused}");
    let labelled = ApplyOptions { missing: MissingPolicy::Drop, labelled: true, ..ApplyOptions::default() };
    assert_eq!(apply("x,s,y\n,u,q\n7,u,p\n5,v,q\n", &data, &labelled).unwrap().ids, Some(vec![0, 1]));
}

#[test]
fn labels_are_read_where_they_are_wanted() {
    let data = train("x,y\n1,2\n2,3\n").unwrap();
    let labelled = ApplyOptions { labelled: true, ..Default::default() };
    assert_eq!(apply("y,x\n3,0\n2,0\n+3,1\n", &data, &labelled).unwrap().ids, Some(vec![1, 0, 1]));
    let unseen = apply("y,x\n3,0\n4,0\n", &data, &labelled).unwrap_err().to_string();
    assert!(unseen.contains("line 3: label 4 was not seen in training (the classes are 2, 3)"), "{unseen}");
    let missing = apply("y,x\n3,0\n,0\n", &data, &labelled).unwrap_err().to_string();
    assert!(missing.contains("line 3, column y: the value is missing"), "{missing}");
    let without = apply("x\n0\n", &data, &labelled).unwrap_err().to_string();
    assert!(without.contains("has no column y"), "{without}");
}
