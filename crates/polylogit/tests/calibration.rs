//! Reliability tables and calibration errors: by hand, their laws, and exact expectations over all outcomes.

use polylogit::Error;
use polylogit::calibration::{Bins, Table, reliability};

/// Probabilities of class 1 as rows of two classes.
fn two(p: &[f64]) -> Vec<f64> {
    p.iter().flat_map(|p| [1.0 - p, *p]).collect()
}

/// The table of class 1.
fn table(p: &[f64], y: &[u32], weights: Option<&[f64]>, bins: Bins) -> Table {
    reliability(&two(p), y, weights, 2, bins).unwrap().classes.remove(1)
}

#[test]
fn by_hand() {
    let p = [0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.2, 0.8];
    let found = reliability(&p, &[0, 1, 1, 1], None, 2, Bins::default()).unwrap();
    // Four rows in four bins.
    assert!((found.top_label.error() - (0.1 + 0.6 + 0.3 + 0.2) / 4.0).abs() < 1e-15);
    assert_eq!(found.top_label.maximum_error(), 0.6);
    assert_eq!(found.top_label.squared_error(), None);
    assert!((found.classwise_error() - found.top_label.error()).abs() < 1e-15);

    let found = table(&[0.1, 0.3, 0.2, 0.9, 1.0], &[0, 1, 0, 1, 1], None, Bins::EqualWidth(2));
    let bin = found.bins[0];
    assert_eq!((bin.low, bin.high, bin.rows, bin.weight), (0.0, 0.5, 3, 3.0));
    assert!((bin.confidence - 0.2).abs() < 1e-15 && (bin.frequency - 1.0 / 3.0).abs() < 1e-15);
    // Pairs of d = (−0.1, 0.7, −0.2): −0.07 + 0.02 − 0.14 over 3 pairs; of (0.1, 0): 0.
    assert!((found.squared_error().unwrap() - 0.6 * (-0.19 / 3.0)).abs() < 1e-15);
    assert_eq!(found.root_squared_error(), Some(0.0));
    // σ² = (0.09 + 0.21 + 0.16)/9 and 0.09/4.
    let by_chance = (2.0 / std::f64::consts::PI).sqrt() * (0.46f64.sqrt() + 0.09f64.sqrt()) / 5.0;
    assert!((found.error_by_chance() - by_chance).abs() < 1e-15);
}

/// Of Wilson's intervals: R's `prop.test(2, 7, correct = FALSE)` and `prop.test(0, 10, correct = FALSE)`.
#[test]
fn intervals_are_wilsons() {
    let found = table(&[0.5; 7], &[0, 1, 0, 0, 1, 0, 0], None, Bins::EqualMass(3));
    let (low, high) = found.bins[0].interval(0.95);
    assert!(
        (low - 0.082_218_924_004_056_8).abs() < 1e-14 && (high - 0.641_065_548_167_380_6).abs() < 1e-14,
        "{low} {high}"
    );
    let (low, high) = table(&[0.5; 10], &[0; 10], None, Bins::EqualWidth(3)).bins[0].interval(0.95);
    assert!(low == 0.0 && (high - 0.277_532_799_862_889).abs() < 1e-14, "{low} {high}");
}

#[test]
fn bins_of_equal_mass_share_the_weight_and_keep_ties() {
    let p: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 100) / 100.0).collect();
    let y: Vec<u32> = (0..100).map(|i| u32::from(i % 3 == 0)).collect();
    let found = table(&p, &y, None, Bins::EqualMass(4));
    assert_eq!(found.bins.iter().map(|b| b.rows).collect::<Vec<_>>(), [25; 4]);
    assert_eq!((found.bins[1].low, found.bins[1].high), (0.25, 0.49));
    let ties = table(&[0.2, 0.2, 0.2, 0.2, 0.7, 0.9], &[0, 0, 1, 0, 1, 1], None, Bins::EqualMass(3));
    assert_eq!(ties.bins.iter().map(|b| b.rows).collect::<Vec<_>>(), [4, 1, 1]);
    let heavy = table(&[0.1, 0.2, 0.3, 0.4], &[0, 0, 1, 0], Some(&[1.0, 1.0, 1.0, 3.0]), Bins::EqualMass(2));
    assert_eq!(heavy.bins.iter().map(|b| b.weight).collect::<Vec<_>>(), [3.0, 3.0]);
}

#[test]
fn a_weight_of_two_is_a_row_twice_and_a_common_factor_is_nothing() {
    let (p, y) = ([0.1, 0.3, 0.2, 0.9, 1.0], [0, 1, 0, 1, 1]);
    for bins in [Bins::EqualWidth(5), Bins::EqualMass(2)] {
        let weighted = table(&p, &y, Some(&[2.0, 1.0, 1.0, 1.0, 1.0]), bins);
        let twice = table(&[0.1, 0.1, 0.3, 0.2, 0.9, 1.0], &[0, 0, 1, 0, 1, 1], None, bins);
        assert!((weighted.error() - twice.error()).abs() < 1e-15);
        let (plain, tripled) = (table(&p, &y, None, bins), table(&p, &y, Some(&[3.0; 5]), bins));
        assert!((plain.error() - tripled.error()).abs() < 1e-15);
        assert!((plain.squared_error().unwrap() - tripled.squared_error().unwrap()).abs() < 1e-15);
        assert!((plain.bins[0].interval(0.9).1 - tripled.bins[0].interval(0.9).1).abs() < 1e-15);
    }
}

/// E over all 2⁸ outcomes of eight rows with true probabilities p + δ: exactly δ², weighted or not, although
/// the confidences differ within the bin; the plain error is far from |δ|.
#[test]
fn the_squared_error_is_unbiased() {
    let p = [0.1, 0.15, 0.3, 0.32, 0.4, 0.5, 0.55, 0.6];
    for weights in [None, Some([1.0, 3.0, 0.5, 2.0, 1.0, 1.0, 4.0, 0.25])] {
        for delta in [0.0, 0.05, 0.2] {
            let (mut squared, mut plain) = (0.0, 0.0);
            for outcome in 0..256u32 {
                let y: Vec<u32> = (0..8).map(|i| outcome >> i & 1).collect();
                let odds = p.iter().zip(&y).map(|(p, y)| if *y == 1 { p + delta } else { 1.0 - p - delta });
                let chance: f64 = odds.product();
                let found = table(&p, &y, weights.as_ref().map(<[f64; 8]>::as_slice), Bins::EqualWidth(1));
                squared += chance * found.squared_error().unwrap();
                plain += chance * found.error();
            }
            assert!((squared - delta * delta).abs() < 1e-14, "{squared} {delta}");
            if delta == 0.0 {
                let by_chance =
                    table(&p, &[0; 8], weights.as_ref().map(<[f64; 8]>::as_slice), Bins::EqualWidth(1))
                        .error_by_chance();
                // |N(0, σ²)| in place of a sum of eight: 3.9 % off with the weights.
                assert!((plain / by_chance - 1.0).abs() < 0.05, "{plain} {by_chance}");
            }
        }
    }
}

/// Where confidences are equal within bins: Σ (S_B/S) [(p − ȳ)² − ȳ(1 − ȳ)/(n_B − 1)] (Kumar, Liang and Ma 2019).
#[test]
fn equal_confidences_give_the_estimate_of_kumar_liang_and_ma() {
    let (mut p, mut y) = (Vec::new(), Vec::new());
    let mut theirs = 0.0;
    for (confidence, n, right) in [(0.2, 10, 3), (0.5, 20, 8), (0.9, 30, 29)] {
        p.extend(std::iter::repeat_n(confidence, n));
        y.extend((0..n).map(|i| u32::from(i < right)));
        let (n, share) = (n as f64, right as f64 / n as f64);
        theirs += n / 60.0 * ((confidence - share).powi(2) - share * (1.0 - share) / (n - 1.0));
    }
    let ours = table(&p, &y, None, Bins::EqualWidth(10)).squared_error().unwrap();
    assert!((ours - theirs).abs() < 1e-15, "{ours} {theirs}");
}

#[test]
fn bad_input_is_named() {
    let try_bins = |bins| reliability(&[0.5, 0.5], &[0], None, 2, bins);
    for bins in [Bins::EqualWidth(0), Bins::EqualMass(0)] {
        assert!(matches!(try_bins(bins), Err(Error::Option { option: "bins", .. })));
    }
    let bins = Bins::default();
    assert!(matches!(reliability(&[0.5, 0.6], &[0], None, 2, bins), Err(Error::Probability { .. })));
    assert!(matches!(reliability(&[0.5], &[0], None, 2, bins), Err(Error::Shape { .. })));
    assert!(matches!(reliability(&[], &[], None, 2, bins), Err(Error::NoRows)));
    assert!(matches!(reliability(&[0.5, 0.5], &[2], None, 2, bins), Err(Error::ClassOutOfRange { .. })));
    assert!(matches!(
        reliability(&[0.5, 0.5], &[0], Some(&[f64::NAN]), 2, bins),
        Err(Error::Weight { row: 0, .. })
    ));
}
