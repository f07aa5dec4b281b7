//! svmlight files.

use polylogit_data::{ApplyOptions, Dataset, Matrix, ReadOptions, Table, UnseenPolicy};

use crate::common::{Folder, apply_path, classes, gz, train_path};

const GOOD: &str = "# a comment\n+1 1:0.5 3:2 # more\n-1\n\n+1 qid:7 2:-1e-3\n";

fn train(text: &str) -> polylogit_data::Result<Dataset> {
    train_path(&Folder::new().write("t.svm", text), &ReadOptions::default())
}

fn rows(table: &Table) -> Vec<Vec<(u32, f64)>> {
    let Matrix::Sparse { values, indices, indptr } = &table.matrix else { panic!("dense") };
    let row = |w: &[u64]| (w[0] as usize..w[1] as usize).map(|at| (indices[at], values[at])).collect();
    indptr.windows(2).map(row).collect()
}

#[test]
fn rows_labels_and_names() {
    let data = train(GOOD).unwrap();
    assert_eq!((data.table.rows, data.table.columns), (3, 3));
    assert_eq!(rows(&data.table), [vec![(0, 0.5), (2, 2.0)], vec![], vec![(1, -1e-3)]]);
    assert_eq!(classes(&data), ["-1", "1"]);
    assert_eq!(data.target.ids(), Some(&[1, 0, 1][..]));
    assert_eq!(data.schema.feature_names(), ["1", "2", "3"]);
    assert_eq!(data.schema.target, "label");
    assert_eq!(data.table.design().unwrap().features(), 3);
    // An index of 0 tells that they count from 0.
    let zero = train("a 0:1\nb 2:1\n").unwrap();
    assert_eq!(rows(&zero.table), [[(0, 1.0)], [(2, 1.0)]]);
    assert_eq!(zero.schema.feature_names(), ["0", "1", "2"]);
}

#[test]
fn a_zipped_file_is_the_same() {
    let folder = Folder::new();
    let data = train_path(&folder.write("t.libsvm.gz", gz(GOOD)), &ReadOptions::default()).unwrap();
    assert_eq!(rows(&data.table), rows(&train(GOOD).unwrap().table));
}

#[test]
fn applied_with_the_base_and_width_of_training() {
    let data = train(GOOD).unwrap();
    let folder = Folder::new();
    // Labels are optional at predict; indices that training did not see are left out and counted.
    let path = folder.write("new.svm", "3:1 9:4\n+1 0:5 1:2 2:1\n-1 4:1\n");
    let table = apply_path(&path, &data.schema, &data, &ApplyOptions::default()).unwrap();
    assert_eq!(rows(&table), [vec![(2, 1.0)], vec![(0, 2.0), (1, 1.0)], vec![]]);
    assert_eq!(table.report.unknown_indices, 3);
    let refuse = ApplyOptions { unseen: UnseenPolicy::Error, ..Default::default() };
    let error = apply_path(&path, &data.schema, &data, &refuse).unwrap_err().to_string();
    assert!(error.contains("index 9 was not seen in training"), "{error}");
    let labelled = ApplyOptions { labelled: true, ..Default::default() };
    let path = folder.write("labelled.svm", "1 1:1\n-1.0 2:1\n");
    let error = apply_path(&path, &data.schema, &data, &labelled).unwrap_err().to_string();
    assert!(error.contains("line 2: label -1.0 was not seen"), "{error}");
    let path = folder.write("labelled.svm", "1 1:1\n-1 2:1\n");
    let ids = apply_path(&path, &data.schema, &data, &labelled).unwrap().ids;
    assert_eq!(ids, Some(vec![1, 0]));
}

#[test]
fn broken_rows_are_named() {
    for (text, problem) in [
        ("1 1:0.5\n2 x:1\n", "line 2: x is not an index"),
        ("1 1:0.5\n2 -3:1\n", "line 2: -3 is not an index"),
        ("1 1:0.5\n2 3\n", "line 2: 3 is not index:value"),
        ("1 1:0.5\n2 3:much\n", "line 2: much is not a number"),
        ("1 1:0.5\n2 3:inf\n", "line 2: inf is not finite"),
        ("1 1:0.5\n2 3:nan\n", "line 2: NaN is not finite"),
        ("1 2:0.5 2:1\n", "line 1: index 2 is not greater than the one before it"),
        ("1 99999999999:1\n", "line 1: 99999999999 is not an index"),
        ("1 1:2\n1,2 1:3\n", "line 2: 1,2 is a list of labels"),
        ("1 1:2\n2:1 3:1\n", "line 2: the row has no label"),
        ("# nothing\n\n", "has no rows"),
        ("1 1:2\n2 4000000000:1\n", "more than 16777216 design columns"),
    ] {
        let error = train(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn formats_do_not_mix() {
    let folder = Folder::new();
    let (csv, svm) = (folder.write("t.csv", "a,y\n1,p\n2,q\n"), folder.write("t.svm", GOOD));
    let named = ReadOptions { target: "y".into(), ..Default::default() };
    let by_name = train_path(&csv, &named).unwrap();
    let by_index = train(GOOD).unwrap();
    let error = apply_path(&svm, &by_name.schema, &by_name, &ApplyOptions::default()).unwrap_err();
    assert!(error.to_string().contains("the model reads named columns"), "{error}");
    let error = apply_path(&csv, &by_index.schema, &by_index, &ApplyOptions::default()).unwrap_err();
    assert!(error.to_string().contains("the model was trained on an svmlight file"), "{error}");
    let weighted = ReadOptions { weight: Some("w".into()), ..Default::default() };
    let error = train_path(&svm, &weighted).unwrap_err().to_string();
    assert!(error.contains("no column w, only indices"), "{error}");
}
