//! The same table is the same in every format.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Date32Array, Int64Array, ListArray, RecordBatch, StringArray};
use polylogit_data::{ApplyOptions, Format, ReadOptions};
use proptest::prelude::*;

use crate::common::{Folder, Rows, apply_path, classes, dense, gz, options, parquet, train, train_path};

fn rows() -> impl Strategy<Value = Rows> {
    // Texts with all that CSV must quote; no text that means "missing" there, nor blanks at an end.
    let text = "[a-c,;\t\" \n|]{0,3}".prop_map(|t| format!("x{t}x"));
    let row = (
        proptest::option::of(-1e300..1e300),
        any::<f32>().prop_filter("finite", |v| v.is_finite()).prop_map(f64::from),
        proptest::option::of(text),
        proptest::option::of(any::<bool>()),
        "[pqr]",
    );
    proptest::collection::vec(row, 2..40).prop_map(|mut rows| {
        // Every column has a value, every table two classes.
        rows[0] = (Some(1.5), 2.0, Some("x".into()), Some(true), "p".into());
        rows[1].4 = "q".into();
        Rows(rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_formats_agree(rows in rows()) {
        let folder = Folder::new();
        let comma = rows.delimited(',', "\n");
        let expected = train_path(&folder.write("t.csv", &comma), &options()).unwrap();
        prop_assert_eq!(expected.table.rows, rows.0.len());
        for (name, bytes) in [
            ("t.tsv", rows.delimited('\t', "\n").into_bytes()),
            ("semicolon.csv", rows.delimited(';', "\n").into_bytes()),
            ("bar.txt", rows.delimited('|', "\n").into_bytes()),
            ("crlf.csv", rows.delimited(',', "\r\n").into_bytes()),
            ("bom.csv", format!("\u{feff}{comma}").into_bytes()),
            ("t.csv.gz", gz(&comma)),
            ("t.tsv.gz", gz(rows.delimited('\t', "\n"))),
            ("t.parquet", rows.parquet()),
            ("told_by_its_bytes", rows.parquet()),
            ("t.arrow", rows.arrow_file()),
            ("t.arrows", rows.arrow_stream()),
            ("stream_told_by_its_bytes", rows.arrow_stream()),
        ] {
            let path = folder.write(name, bytes);
            let found = train_path(&path, &options()).unwrap();
            prop_assert_eq!(&found.schema, &expected.schema, "{}", name);
            prop_assert_eq!(dense(&found.table), dense(&expected.table), "{}", name);
            prop_assert_eq!(found.target.ids(), expected.target.ids(), "{}", name);
            prop_assert_eq!(classes(&found), classes(&expected), "{}", name);
            prop_assert_eq!(&found.table.report, &expected.table.report, "{}", name);
            // And when a model is applied to it.
            let again = apply_path(&path, &expected.schema, &expected, &ApplyOptions::default()).unwrap();
            prop_assert_eq!(dense(&again), dense(&expected.table), "{}", name);
        }
    }
}

#[test]
fn a_given_format_or_delimiter_wins() {
    let folder = Folder::new();
    let path = folder.write("t.csv", "a,b;y\n1,5;p\n2,5;q\n");
    let with = |change: fn(&mut ReadOptions)| {
        let mut options = options();
        change(&mut options);
        train_path(&path, &options)
    };
    // `1,5` is no number, so a category.
    assert_eq!(with(|o| o.delimiter = Some(b';')).unwrap().schema.columns[0].name, "a,b");
    let error = with(|o| o.format = Format::Tsv).unwrap_err().to_string();
    assert!(error.contains("no column y: its columns are a,b;y"), "{error}");
}

#[test]
fn cells_with_line_breaks_keep_the_count_of_lines() {
    let error = crate::common::error("a,t,y\n1,\"two\nlines\",p\n\n2,x,q\ninf,x,q\n", &options());
    assert!(error.starts_with("t.csv, line 6, column a: inf is not finite"), "{error}");
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    parquet(&RecordBatch::try_from_iter(columns).unwrap())
}

fn labels() -> ArrayRef {
    Arc::new(StringArray::from(vec!["p", "q", "p"]))
}

#[test]
fn types_decide_in_typed_files() {
    let folder = Folder::new();
    let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 2, 1]));
    let years: ArrayRef = Arc::new(Int64Array::from(vec![2007, 2008, 2009]));
    let digits: ArrayRef = Arc::new(StringArray::from(vec!["1", "2", "NA"]));
    let path = folder
        .write("t.parquet", batch(vec![("day", days), ("year", years), ("digits", digits), ("y", labels())]));
    let error = train_path(&path, &options()).unwrap_err().to_string();
    assert!(error.contains("column day has type Date32") && error.contains("--exclude day"), "{error}");
    let named = ReadOptions { as_category: vec!["day".into(), "year".into()], ..options() };
    let names = train_path(&path, &named).unwrap().schema.feature_names();
    // A text that looks like a number stays a text, and NA is a text like any other.
    assert_eq!(
        names,
        [
            "day=1970-01-02",
            "day=1970-01-03",
            "year=2007",
            "year=2008",
            "year=2009",
            "digits=1",
            "digits=2",
            "digits=NA"
        ]
    );
    // A model that reads numbers reads them from texts, too.
    let trained = train("digits,y\n1,p\n2,q\n").unwrap();
    let table = apply_path(&path, &trained.schema, &trained, &ApplyOptions::default()).unwrap();
    assert_eq!(dense(&table), [1.0, 2.0, 1.5]);
    assert_eq!(table.report.missing["digits"], 1);
}

#[test]
fn nested_columns_are_refused_unless_left_out() {
    let folder = Folder::new();
    let list: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), Some([Some(2)]), None]));
    let x: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let path = folder.write("t.parquet", batch(vec![("x", x), ("list", list), ("y", labels())]));
    let error = train_path(&path, &options()).unwrap_err().to_string();
    assert!(error.contains("column list has type List"), "{error}");
    let rest = ReadOptions { exclude: vec!["list".into()], ..options() };
    assert_eq!(dense(&train_path(&path, &rest).unwrap().table), [1.0, 2.0, 3.0]);
}

#[test]
fn numbers_of_typed_files_are_checked() {
    let folder = Folder::new();
    let x: ArrayRef = Arc::new(arrow_array::Float32Array::from(vec![1.0, f32::NEG_INFINITY, 3.0]));
    let path = folder.write("t.parquet", batch(vec![("x", x), ("y", labels())]));
    let error = train_path(&path, &options()).unwrap_err().to_string();
    assert!(error.contains("t.parquet, row 2, column x: -inf is not finite"), "{error}");
}

#[test]
fn damaged_binary_files_are_errors() {
    let rows = Rows(vec![
        (Some(1.0), 2.0, Some("u".into()), Some(true), "p".into()),
        (Some(2.0), 2.5, Some("v".into()), None, "q".into()),
    ]);
    let folder = Folder::new();
    for (name, bytes) in
        [("t.parquet", rows.parquet()), ("t.arrow", rows.arrow_file()), ("t.arrows", rows.arrow_stream())]
    {
        for keep in [0, 4, 8, bytes.len() / 3, bytes.len() / 2] {
            let path = folder.write(name, &bytes[..keep]);
            let error = train_path(&path, &options()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
    // Text under a foreign name.
    let path = folder.write("text.parquet", "a,y\n1,p\n");
    let error = train_path(&path, &options()).unwrap_err().to_string();
    assert!(error.contains("text.parquet is not readable in its format"), "{error}");
}
