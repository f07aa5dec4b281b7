//! Every error names file, row, column, value and remedy.

use polylogit_data::{ApplyOptions, ReadOptions, Source};

use crate::common::{apply, error, gz, options, train, train_with};

#[test]
fn what_is_wrong_is_named() {
    for (text, message) in [
        ("", "t.csv has no rows"),
        ("\n", "t.csv has no rows"),
        ("a,y\n", "t.csv has no rows"),
        (",\n1,2\n", "t.csv has no rows"),
        ("a,a,y\n1,2,p\n", "t.csv: column a occurs twice in the header: rename one"),
        ("a,Y\n1,p\n", "t.csv has no column y (did you mean Y?): its columns are a, Y"),
        ("a,b\n1,p\n", "t.csv has no column y: its columns are a, b"),
        ("a,y\n1,p\n2\n", "t.csv, line 3: 1 cells where the header has 2"),
        ("a,y\n1,p\n2,q,r\n", "t.csv, line 3: 3 cells where the header has 2"),
        ("a,y\n1,p\n-inf,q\n", "t.csv, line 3, column a: -inf is not finite"),
        ("a,y\n1,p\n1e999,q\n", "t.csv, line 3, column a: 1e999 is not finite"),
        ("a,y\n1,p\n2,p\n", "t.csv: "),
    ] {
        let found = error(text, &options());
        assert!(found.starts_with(message), "expected: {message}\nfound:    {found}");
    }
}

#[test]
fn a_text_among_numbers_is_named_wherever_it_stands() {
    let mut rows: Vec<String> = (0..3000).map(|i| format!("{i},{}", ["p", "q"][i % 2])).collect();
    rows[2500] = "about 7,p".to_owned();
    let text = format!("a,y\n{}\n", rows.join("\n"));
    let found = error(&text, &options());
    let expected = "t.csv, line 2502, column a: about 7 is not a number (mend it, leave the cell empty if it is \
                    missing, or pass --as-category a)";
    assert_eq!(found, expected);
}

#[test]
fn names_and_free_text_are_refused_with_the_remedy() {
    let rows = |n: usize| (0..n).map(|i| format!("name{i},{}\n", i % 2)).collect::<String>();
    assert!(train(format!("who,y\n{}", rows(50))).is_ok());
    let text = format!("who,y\n{}", rows(51));
    let found = error(&text, &options());
    assert!(found.contains("51 different texts in 51 rows") && found.contains("--exclude who"), "{found}");
    let forced = ReadOptions { as_category: vec!["who".into()], ..options() };
    assert_eq!(train_with(&text, &forced).unwrap().schema.width(), 51);
}

#[test]
fn a_measurement_is_no_target() {
    let rows = |n: u32| (0..n).map(|i| format!("{i},{}\n", f64::from(i) + 0.5)).collect::<String>();
    let found = error(format!("x,y\n{}", rows(100)), &options());
    assert!(found.contains("100 different fractional values") && found.contains("regression"), "{found}");
}

#[test]
fn weights_are_positive() {
    for (weight, shown) in [("0", "0"), ("-1", "-1"), ("", "(missing)"), ("NaN", "(missing)")] {
        let with = ReadOptions { weight: Some("w".into()), ..options() };
        let found = error(format!("a,w,y\n1,1,p\n2,{weight},q\n"), &with);
        assert!(
            found.starts_with(&format!("t.csv, line 3, column w: weight {shown} is not positive")),
            "{found}"
        );
    }
}

#[test]
fn columns_that_a_model_needs() {
    let data = train("a,b,y\n1,2,p\n3,4,q\n").unwrap();
    let missing = apply("a,c\n1,2\n", &data, &ApplyOptions::default()).unwrap_err().to_string();
    assert!(missing.contains("new.csv has no column b: its columns are a, c"), "{missing}");
    let text = apply("a,b\n1,two\n", &data, &ApplyOptions::default()).unwrap_err().to_string();
    assert!(text.contains("line 2, column b: two is not a number"), "{text}");
}

#[test]
fn files_that_cannot_be_read() {
    let missing =
        polylogit_data::read_training(&Source::new("nowhere.csv".as_ref()), &options()).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read nowhere.csv");
    let mut cut = gz("a,y\n1,p\n2,q\n".repeat(1000));
    cut.truncate(cut.len() / 2);
    assert_eq!(error(cut, &options()), "cannot read t.csv");
}
