//! Hostile and damaged model files: each a named test that asserts the error; random damage never panics
//! and never yields a model with a number that is not finite.

#[path = "../sample/mod.rs"]
mod sample;

use polylogit_model::{Artefact, Error, Limits};
use proptest::prelude::*;
use sample::sample;
use serde_json::{Value, json};

/// Written by format 1 and kept: it must load for ever.
const VALID: &[u8] = include_bytes!("valid.safetensors");

fn error(bytes: &[u8]) -> Error {
    Artefact::from_bytes(bytes).unwrap_err()
}

/// What serde says under the error.
fn cause(bytes: &[u8]) -> String {
    let error = error(bytes);
    std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
}

/// A file with this header and these numbers.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn parts() -> (Value, Vec<u8>) {
    let length = usize::try_from(u64::from_le_bytes(VALID[..8].try_into().unwrap())).unwrap();
    (serde_json::from_slice(&VALID[8..8 + length]).unwrap(), VALID[8 + length..].to_vec())
}

/// The valid file with another header.
fn with_header(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (mut header, data) = parts();
    edit(&mut header);
    file(&header.to_string(), &data)
}

/// The valid file with another description.
fn with_description(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    with_header(|header| {
        let text = header["__metadata__"]["polylogit"].as_str().unwrap();
        let mut description: Value = serde_json::from_str(text).unwrap();
        edit(&mut description);
        header["__metadata__"]["polylogit"] = description.to_string().into();
    })
}

/// The valid model as JSON, edited.
fn with_json(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let text = Artefact::from_bytes(VALID).unwrap().to_json().unwrap();
    let mut document = serde_json::from_str(&text).unwrap();
    edit(&mut document);
    document.to_string().into_bytes()
}

#[test]
fn the_kept_file_loads_and_is_what_is_written_today() {
    let artefact = Artefact::from_bytes(VALID).unwrap();
    assert_eq!(artefact, sample());
    assert_eq!(sample().to_bytes().unwrap(), VALID);
}

#[test]
#[ignore = "rewrites the kept file; run it only when the schema changes before a release of its format"]
fn write_the_kept_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks/valid.safetensors");
    sample().save(path).unwrap();
}

#[test]
fn truncated_anywhere() {
    for length in 0..VALID.len() {
        let error = error(&VALID[..length]);
        match length {
            0 => assert!(matches!(error, Error::Truncated { found: 0, .. }), "{length}: {error}"),
            1..=8 => assert!(matches!(error, Error::NotAModel), "{length}: {error}"),
            _ => assert!(matches!(error, Error::Truncated { .. }), "{length}: {error}"),
        }
    }
    let message = error(&VALID[..VALID.len() - 1]).to_string();
    assert!(
        message.starts_with("truncated: ") && message.contains("copy or write the file again"),
        "{message}"
    );
}

#[test]
fn trailing_bytes() {
    assert!(matches!(error(&[VALID, b"\n"].concat()), Error::Trailing { extra: 1 }));
}

#[test]
fn other_files() {
    for bytes in [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
        b"species,island\nAdelie,Dream\n",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        &[0; 64],
    ] {
        assert!(matches!(error(bytes), Error::NotAModel), "{:?}", error(bytes));
    }
}

#[test]
fn huge_headers() {
    for length in [Limits::DEFAULT.header + 1, u64::from(u32::MAX)] {
        let bytes = [&length.to_le_bytes()[..], b"{}"].concat();
        assert!(matches!(error(&bytes), Error::Limit { what: "header", .. }));
    }
    // Within the limit, but the file does not have it.
    let bytes = [&Limits::DEFAULT.header.to_le_bytes()[..], b"{}"].concat();
    assert!(matches!(error(&bytes), Error::Truncated { found: 2, .. }));
    let bytes = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    assert!(matches!(error(&bytes), Error::NotAModel));
}

#[test]
fn headers_that_are_none() {
    for header in ["{", "{]", "{\"a\": 1}", "{\"a\":{\"dtype\":\"F99\",\"shape\":[],\"data_offsets\":[0,0]}}"]
    {
        assert!(matches!(error(&file(header, &[])), Error::Header { .. }), "{header}");
    }
    let not_utf8 = [&3u64.to_le_bytes()[..], b"{\xff}"].concat();
    assert!(matches!(error(&not_utf8), Error::Header { .. }));
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(matches!(error(&file(&deep, &[])), Error::Header { .. }));
}

#[test]
fn foreign_safetensors() {
    let no_metadata = with_header(|h| {
        h.as_object_mut().unwrap().remove("__metadata__");
    });
    let other_metadata = with_header(|h| h["__metadata__"] = json!({"format": "pt"}));
    for bytes in [no_metadata, other_metadata] {
        assert!(matches!(error(&bytes), Error::Foreign { what: "safetensors", .. }));
    }
}

#[test]
fn newer_format() {
    let message = "made by a newer polylogit (format 3); this one reads up to 1: update polylogit";
    // Even where the rest means something else.
    let changed = with_description(|d| *d = json!({"format": 3, "trees": []}));
    assert_eq!(error(&changed).to_string(), message);
    assert_eq!(error(&with_json(|d| d["format"] = 3.into())).to_string(), message);
}

#[test]
fn descriptions_that_are_none() {
    for (key, value) in
        [("classes", json!("ab")), ("schema", json!(7)), ("fit", json!([])), ("format", json!("1"))]
    {
        assert!(matches!(error(&with_description(|d| d[key] = value)), Error::Json { .. }), "{key}");
    }
    for class in [json!(null), json!([1]), json!({"text": "a"}), json!(u64::MAX)] {
        let bytes = with_description(|d| d["classes"][0] = class.clone());
        assert!(cause(&bytes).contains("is no class label"), "{class}");
    }
}

#[test]
fn tensors_missing_or_foreign() {
    let missing = with_header(|h| {
        h.as_object_mut().unwrap().remove("intercept");
    });
    assert!(matches!(error(&missing), Error::MissingTensor { name: "intercept" }));
    let extra = with_header(|h| h["code"] = json!({"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}));
    assert!(matches!(error(&extra), Error::UnknownTensor { name } if name == "code"));
}

#[test]
fn tensors_of_another_type_or_shape() {
    let other_type = with_header(|h| h["coef"]["dtype"] = "I64".into());
    assert!(matches!(error(&other_type), Error::TensorType { name: "coef", found } if found == "I64"));
    for shape in [json!([2, 3]), json!([6]), json!([3, 2, 1]), json!([]), json!([u64::MAX, u64::MAX])] {
        let bytes = with_header(|h| h["coef"]["shape"] = shape.clone());
        assert!(matches!(error(&bytes), Error::Shape { name: "coef", .. } | Error::Header { .. }), "{shape}");
    }
}

#[test]
fn offsets_that_lie() {
    for offsets in [[0, 47], [0, 49], [48, 0], [24, 72], [8, 56], [u64::MAX - 47, u64::MAX]] {
        let bytes = with_header(|h| h["coef"]["data_offsets"] = json!(offsets));
        let error = error(&bytes);
        assert!(matches!(error, Error::Header { .. }), "{offsets:?}: {error}");
    }
}

#[test]
fn a_size_that_is_promised_but_not_there() {
    // A schema of two columns and as many classes as the limit allows would be gigabytes; the file has none.
    let classes: Vec<i64> = (0..50_000).collect();
    let k = classes.len();
    let bytes = with_description(|d| d["classes"] = json!(classes));
    assert!(matches!(error(&bytes), Error::Shape { name: "coef", expected, .. } if expected == [k, 2]));
    let limits = Limits { coefficients: 8, ..Limits::DEFAULT };
    let error = Artefact::read_within(VALID, limits).unwrap_err();
    assert_eq!(error.to_string(), "the number of coefficients is 9, more than the limit of 8: refused");
}

#[test]
fn numbers_that_are_not_finite() {
    let (header, data) = parts();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for at in 0..data.len() / 8 {
            let mut data = data.clone();
            data[8 * at..8 * at + 8].copy_from_slice(&bad.to_le_bytes());
            assert!(matches!(error(&file(&header.to_string(), &data)), Error::NotFinite { .. }));
        }
    }
    let mut data = data;
    data[8..16].copy_from_slice(&f64::NAN.to_le_bytes());
    let message = error(&file(&header.to_string(), &data)).to_string();
    assert_eq!(message, "the year of class Adelie is NaN: a model's numbers are finite");
}

#[test]
fn classes_that_are_none() {
    let twice = with_description(|d| d["classes"][2] = d["classes"][0].clone());
    assert!(matches!(error(&twice), Error::DuplicateClass { class } if class == "Adelie"));
    let one = with_description(|d| d["classes"] = json!(["Adelie"]));
    assert!(matches!(error(&one), Error::Classes { found: 1 }));
}

#[test]
fn records_out_of_range() {
    for (field, value) in [
        ("lambda", json!(-1.0)),
        ("l1_ratio", json!(2.0)),
        ("total_weight", json!(-3)),
        ("seconds", json!(-1)),
        ("feature_sd", json!([1.0, -1.0])),
        ("penalty_factors", json!([1.0, -1.0])),
        ("groups", json!([[0, 99]])),
        ("groups", json!([[0], [1, 0]])),
    ] {
        let bytes = with_description(|d| d["fit"][field] = value);
        assert!(matches!(error(&bytes), Error::Record { field: f, .. } if f == field), "{field}");
    }
    let status = with_description(|d| d["fit"]["status"] = "splendid".into());
    assert!(cause(&status).contains("unknown status `splendid`"));
    let short = with_description(|d| d["fit"]["feature_sd"] = json!([1.0]));
    assert!(matches!(error(&short), Error::Shape { name: "feature_sd", .. }));
    let short = with_description(|d| d["fit"]["penalty_factors"] = json!([1.0]));
    assert!(matches!(error(&short), Error::Shape { name: "penalty_factors", .. }));
}

#[test]
fn histories_out_of_range() {
    let trace =
        json!({"passes": [0.0, 2.0], "objective": [1.0, 0.5], "relative_gap": [null, 0.1], "tol": 1e-6});
    let curve = json!({"l1_ratio": 1.0, "lambda": [0.2, 0.1], "mean": [0.7, 0.6], "standard_error": [0.1, 0.1],
        "nonzero_features": [0, 2]});
    let point = json!({"curve": 0, "point": 1});
    let validation = json!({"score": "log_loss", "folds": 3, "curves": [curve], "best": point, "one_se": point,
        "chosen": "best"});
    let with = |history: &str, value: &Value, at: &str, new: Value| {
        let mut value = value.clone();
        if let Some(place) = value.pointer_mut(at) {
            *place = new;
        }
        with_description(|d| d["fit"][history] = value)
    };
    for (name, value) in [("trace", &trace), ("validation", &validation)] {
        assert!(Artefact::from_bytes(&with(name, value, "/nowhere", json!(0))).is_ok(), "{name}");
    }
    let long = json!(vec![1.0; 4097]);
    assert!(matches!(error(&with("trace", &trace, "/passes", long)), Error::Limit { limit: 4096, .. }));
    let short = with("trace", &trace, "/objective", json!([1.0]));
    assert!(matches!(error(&short), Error::Shape { name: "trace.objective", .. }));
    for (at, new) in [
        ("/passes/0", json!(-1.0)),
        ("/objective/1", json!(-0.5)),
        ("/relative_gap/1", json!(-1)),
        ("/tol", json!(-1)),
    ] {
        assert!(matches!(error(&with("trace", &trace, at, new)), Error::Record { .. }), "{at}");
    }
    let curves = json!(vec![curve.clone(); 257]);
    assert!(matches!(
        error(&with("validation", &validation, "/curves", curves)),
        Error::Limit { limit: 256, .. }
    ));
    let n = (1 << 16) + 1;
    let long = json!([{"l1_ratio": 1.0, "lambda": vec![0.1; n], "mean": vec![0.1; n], "standard_error": vec![0.1; n],
        "nonzero_features": vec![1; n]}]);
    assert!(matches!(
        error(&with("validation", &validation, "/curves", long)),
        Error::Limit { limit: 65536, .. }
    ));
    let short = with("validation", &validation, "/curves/0/mean", json!([1.0]));
    assert!(matches!(error(&short), Error::Shape { name: "validation.mean", .. }));
    for (at, new) in [
        ("/best/point", json!(2)),
        ("/one_se/curve", json!(1)),
        ("/curves/0/lambda/0", json!(-0.1)),
        ("/curves/0/standard_error/1", json!(-0.1)),
    ] {
        assert!(matches!(error(&with("validation", &validation, at, new)), Error::Record { .. }), "{at}");
    }
    let text = with("validation", &validation, "/curves/0/nonzero_features/0", json!(-3));
    assert!(matches!(error(&text), Error::Json { .. }));
}

#[test]
fn json_of_others() {
    for text in ["{}", "{\"coef\": [[1]]}", "{\"format\": \"one\"}", " {\"format\": -1}"] {
        assert!(matches!(error(text.as_bytes()), Error::Foreign { what: "JSON", .. }), "{text}");
    }
    for text in ["{\"format\": 1", "{\"format\": 1}", "{\"a\": tru}"] {
        assert!(matches!(error(text.as_bytes()), Error::Json { .. }), "{text}");
    }
}

#[test]
fn json_of_the_wrong_shape() {
    for (key, value) in [
        ("coef", json!([[1.0, 2.0]])),
        ("coef", json!([[1.0, 2.0], [1.0], [1.0, 2.0]])),
        ("intercept", json!([1.0])),
    ] {
        let bytes = with_json(|d| d[key] = value);
        assert!(matches!(error(&bytes), Error::Shape { name, .. } if name == key), "{key}");
    }
    let names = with_json(|d| d["features"] = json!(["a", "b"]));
    assert!(matches!(error(&names), Error::Schema { .. }));
    let null = with_json(|d| d["coef"][0][0] = json!(null));
    assert!(matches!(error(&null), Error::Json { .. }));
    let text = String::from_utf8(with_json(|_| ())).unwrap();
    let huge = text.replacen("\"intercept\":[", "\"intercept\":[1e999,", 1);
    assert_ne!(text, huge);
    assert!(matches!(error(huge.as_bytes()), Error::Json { .. }));
}

#[test]
fn json_beyond_the_limit() {
    let text = with_json(|_| ());
    let limits = Limits { json: text.len() as u64 - 1, ..Limits::DEFAULT };
    assert!(matches!(Artefact::read_within(&text[..], limits), Err(Error::Limit { .. })));
}

/// One random damage.
#[derive(Debug, Clone)]
enum Damage {
    Flip(usize, u8),
    Set(usize, u8),
    Cut(usize),
    Splice(usize, usize, usize),
    Insert(usize, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>().prop_map(|i| i.index(1 << 20));
    prop_oneof![
        (at.clone(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        at.clone().prop_map(Damage::Cut),
        (at.clone(), at.clone(), 0..64usize).prop_map(|(from, to, n)| Damage::Splice(from, to, n)),
        (at, prop::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: Damage) {
    let n = bytes.len();
    if n == 0 {
        return;
    }
    match damage {
        Damage::Flip(at, bit) => bytes[at % n] ^= 1 << bit,
        Damage::Set(at, byte) => bytes[at % n] = byte,
        Damage::Cut(at) => bytes.truncate(at % n),
        Damage::Splice(from, to, length) => {
            let from = from % n;
            let piece = bytes[from..(from + length).min(n)].to_vec();
            let to = to % n;
            bytes.splice(to..(to + piece.len()).min(n), piece);
        }
        Damage::Insert(at, more) => {
            bytes.splice(at % n..at % n, more);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn random_damage_never_panics_nor_passes_as_a_broken_model(
        as_json in any::<bool>(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let mut bytes = if as_json { sample().to_json().unwrap().into_bytes() } else { sample().to_bytes().unwrap() };
        for damage in damages {
            apply(&mut bytes, damage);
        }
        if let Ok(artefact) = Artefact::from_bytes(&bytes) {
            let c = artefact.model().coefficients();
            prop_assert!(c.weights().iter().chain(c.intercepts()).all(|v| v.is_finite()));
            prop_assert_eq!(c.classes(), artefact.model().classes().len());
            prop_assert_eq!(c.features(), artefact.schema().width());
            prop_assert!(artefact.to_bytes().is_ok());
        }
    }
}

#[test]
fn damaged_calibrations() {
    use polylogit::calibration::Method;
    let calibrated = |method, edit: &dyn Fn(&mut Value)| {
        let text = sample().calibrated(sample::scaling(method)).unwrap().to_json().unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        edit(&mut document["calibration"]);
        let calibration = document["calibration"].clone();
        // In either format.
        [document.to_string().into_bytes(), with_description(|d| d["calibration"] = calibration)]
    };
    for bytes in calibrated(Method::Temperature, &|_| ()) {
        assert!(Artefact::from_bytes(&bytes).unwrap().calibration().is_some());
    }
    let damaged = |method, field: &'static str, value: Value| {
        for bytes in calibrated(method, &|c| c[field] = value.clone()) {
            let error = error(&bytes);
            assert!(matches!(error, Error::Calibration { field: f, .. } if f == field), "{field}: {error}");
        }
    };
    damaged(Method::Temperature, "scale", json!([0.5, 0.5, 0.25]));
    damaged(Method::Temperature, "scale", json!([0.0, 0.0, 0.0]));
    damaged(Method::Temperature, "scale", json!([-1.0, -1.0, -1.0]));
    damaged(Method::Temperature, "shift", json!([0.0, 0.1, 0.0]));
    for method in Method::ALL {
        damaged(method, "total_weight", json!(0.0));
        damaged(method, "log_loss", json!(-1.0));
        damaged(method, "log_loss_before", json!(-1e-300));
        damaged(method, "gap", json!(-1.0));
        for field in ["scale", "shift"] {
            for values in [json!([]), json!([1.0, 1.0]), json!([1.0, 1.0, 1.0, 1.0])] {
                for bytes in calibrated(method, &|c| c[field] = values.clone()) {
                    assert!(matches!(error(&bytes), Error::Shape { .. }), "{field}");
                }
            }
            // JSON has no NaN, and 1e999 is no f64.
            for text in ["[NaN, 1, 1]", "[1e999, 1, 1]", "[null, 1, 1]"] {
                let document =
                    String::from_utf8(calibrated(method, &|c| c[field] = json!("here"))[0].clone()).unwrap();
                assert!(matches!(error(document.replace("\"here\"", text).as_bytes()), Error::Json { .. }));
            }
        }
        for bytes in calibrated(method, &|c| c["method"] = json!("isotonic")) {
            assert!(cause(&bytes).contains("unknown method of calibration `isotonic`"), "{}", cause(&bytes));
        }
        for bytes in calibrated(method, &|c| {
            c.as_object_mut().unwrap().remove("scale");
        }) {
            assert!(cause(&bytes).contains("missing field `scale`"), "{}", cause(&bytes));
        }
    }
    // Numbers that no file can hold, from a caller.
    for value in [f64::NAN, f64::INFINITY, 0.0] {
        let mut scaling = sample::scaling(Method::Temperature);
        scaling.scale = vec![value; 3];
        assert!(matches!(sample().calibrated(scaling), Err(Error::Calibration { field: "scale", .. })));
    }
}
