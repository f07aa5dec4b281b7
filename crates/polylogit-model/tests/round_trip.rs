//! What is written is read back: every bit of every number, every type of label, in both formats.

mod sample;

use polylogit::{Coefficients, Label, Model};
use polylogit_model::{Artefact, Error, Point, Trace, Validation, ValidationCurve};
use proptest::prelude::*;
use sample::{record, sample, schema};

fn label() -> impl Strategy<Value = Label> {
    prop_oneof![
        any::<bool>().prop_map(Label::Bool),
        any::<i64>().prop_map(Label::Int),
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Label::Float),
        any::<String>().prop_map(Label::Text),
    ]
}

fn finite() -> impl Strategy<Value = f64> {
    (prop::num::f64::ANY).prop_filter("finite", |v| v.is_finite())
}

/// Labels compare as numbers; here the type counts, too.
fn same(a: &[Label], b: &[Label]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a == b && std::mem::discriminant(a) == std::mem::discriminant(b))
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn both_formats_keep_every_bit(
        classes in prop::collection::btree_set(label(), 2..5),
        numbers in prop::collection::vec(finite(), 15),
        seconds in 0.0..1e9,
    ) {
        let k = classes.len();
        let c = Coefficients::new(k, 2, numbers[..2 * k].to_vec(), numbers[10..10 + k].to_vec()).unwrap();
        let mut record = record();
        record.seconds = seconds;
        record.trace = Some(Trace {
            passes: vec![0.0, seconds],
            objective: vec![1.0, 0.1 + 0.2],
            relative_gap: vec![None, Some(seconds / 3.0)],
            tol: 1e-6,
        });
        let best = Point { curve: 0, point: 0 };
        let (curve, score) = (seconds / 7.0, "brier".to_owned());
        record.validation = Some(Validation {
            score,
            folds: 3,
            curves: vec![ValidationCurve {
                l1_ratio: 0.5,
                lambda: vec![curve],
                mean: vec![curve],
                standard_error: vec![curve],
                nonzero_features: vec![2],
            }],
            best,
            one_se: best,
            chosen: "best".to_owned(),
        });
        let model = Model::new(classes.into_iter().collect(), c).unwrap();
        let artefact = Artefact::new(model, schema(), record).unwrap();
        let from_bytes = Artefact::from_bytes(&artefact.to_bytes().unwrap()).unwrap();
        let from_json = Artefact::from_json(&artefact.to_json().unwrap()).unwrap();
        for again in [from_bytes, from_json] {
            prop_assert_eq!(&again, &artefact);
            prop_assert!(same(again.model().classes(), artefact.model().classes()));
            let (a, b) = (again.model().coefficients(), artefact.model().coefficients());
            prop_assert_eq!(bits(a.weights()), bits(b.weights()));
            prop_assert_eq!(bits(a.intercepts()), bits(b.intercepts()));
        }
    }
}

#[test]
fn numbers_and_text_that_look_alike_stay_apart() {
    let classes = vec![Label::Bool(true), Label::Int(1), Label::Float(1.0), Label::Text("1".into())];
    let model = Model::new(classes.clone(), Coefficients::zeros(4, 2)).unwrap();
    let artefact = Artefact::new(model, schema(), record()).unwrap();
    let again = Artefact::from_json(&artefact.to_json().unwrap()).unwrap();
    assert!(same(again.model().classes(), &classes));
}

#[test]
fn a_bound_that_was_never_reached_survives() {
    let mut record = record();
    record.certificate.gap = f64::INFINITY;
    record.certificate.relative_gap = f64::INFINITY;
    let artefact = Artefact::new(sample().model().clone(), schema(), record).unwrap();
    assert_eq!(Artefact::from_json(&artefact.to_json().unwrap()).unwrap(), artefact);
    assert_eq!(Artefact::from_bytes(&artefact.to_bytes().unwrap()).unwrap(), artefact);
}

#[test]
fn files_are_told_apart_by_their_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    sample().save(&a).unwrap();
    sample().save_json(&b).unwrap();
    assert_eq!(Artefact::load(&a).unwrap(), sample());
    assert_eq!(Artefact::load(&b).unwrap(), sample());
    assert!(matches!(Artefact::load(folder.path().join("c")), Err(Error::Read { .. })));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let model = |classes: Vec<Label>, d| {
        let k = classes.len();
        Model::new(classes, Coefficients::zeros(k, d)).unwrap()
    };
    let new = |m| Artefact::new(m, schema(), record()).unwrap_err();
    assert!(matches!(new(model(vec![1.into(), 2.into()], 3)), Error::Shape { name: "coef", .. }));
    assert!(matches!(new(model(vec![1.into(), 1.into()], 2)), Error::DuplicateClass { .. }));
    assert!(matches!(new(model(vec![1.into()], 2)), Error::Classes { found: 1 }));
    let mut bad = record();
    bad.objective = f64::NAN;
    let refused = Artefact::new(sample().model().clone(), schema(), bad);
    assert!(matches!(refused, Err(Error::Record { field: "objective", .. })));
}

#[test]
fn a_calibrated_model_predicts_calibrated_and_says_by_what() {
    use polylogit::Design;
    use polylogit::calibration::Method;
    let x = [40.0, 2007.0, 50.0, 2009.0];
    let design = Design::dense(&x, 2, 2).unwrap();
    for method in Method::ALL {
        let scaling = sample::scaling(method);
        let calibrated = sample().calibrated(scaling.clone()).unwrap();
        assert_eq!(calibrated.calibration(), Some(&scaling));
        assert_eq!(sample().calibration(), None);
        for again in [
            Artefact::from_bytes(&calibrated.to_bytes().unwrap()).unwrap(),
            Artefact::from_json(&calibrated.to_json().unwrap()).unwrap(),
        ] {
            assert_eq!(again, calibrated);
        }
        // What other programs find under `coef` and `intercept` predicts the same.
        let (before, after) =
            (sample().model().logits(&design).unwrap(), calibrated.model().logits(&design).unwrap());
        for (z, u) in before.chunks_exact(3).zip(after.chunks_exact(3)) {
            let mean = z.iter().sum::<f64>() / 3.0;
            let mapped: Vec<f64> =
                (0..3).map(|k| scaling.scale[k] * (z[k] - mean) + scaling.shift[k]).collect();
            // Up to a term for all classes; scores are some 1000 large.
            let gap = mapped[0] - u[0];
            assert!(mapped.iter().zip(u).all(|(a, b)| (a - b - gap).abs() < 1e-11), "{mapped:?} {u:?}");
        }
        let again = calibrated.calibrated(scaling);
        assert!(matches!(again, Err(Error::Calibrated { .. })), "{again:?}");
    }
}
