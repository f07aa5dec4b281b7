//! The course text's laws of softmax and its Jacobian, as properties of both number types.

use polylogit::softmax::{
    argmax, jacobian, jacobian_vector_product, jacobian_vector_product_rows, log_softmax, log_softmax_rows,
    logsumexp, logsumexp_rows, softmax, softmax_rows, vector_jacobian_product,
};
use proptest::prelude::*;

fn scores() -> impl Strategy<Value = Vec<f64>> {
    let any = prop_oneof![-5.0..5.0f64, -800.0..800.0f64, -1e308..1e308f64, Just(f64::NEG_INFINITY)];
    (prop::collection::vec(any, 1..12), -5.0..5.0f64).prop_map(|(mut z, finite)| {
        z.push(finite); // one possible class at least
        z
    })
}

fn mild() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-6.0..6.0f64, 1..8)
}

proptest! {
    #[test]
    fn probabilities_are_non_negative_at_most_one_and_sum_to_one(z in scores()) {
        let p = softmax(&z);
        prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!((p.iter().sum::<f64>() - 1.0).abs() <= 1e-15 * p.len() as f64);
        let z32: Vec<f32> = z.iter().map(|v| v.clamp(-1e38, 1e38) as f32).collect();
        let p = softmax(&z32);
        prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!((p.iter().sum::<f32>() - 1.0).abs() <= f32::EPSILON * 4.0 * p.len() as f32);
    }

    #[test]
    fn order_is_kept_strictly_where_rounding_leaves_a_choice(z in scores()) {
        let p = softmax(&z);
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (a, za) in z.iter().enumerate() {
            for (b, zb) in z.iter().enumerate().filter(|(_, zb)| za > *zb) {
                prop_assert!(p[a] >= p[b]);
                let lost = za - zb <= 4.0 * f64::EPSILON * (max - zb).max(1.0);
                prop_assert!(p[a] > p[b] || lost || p[a] < f64::MIN_POSITIVE, "{za} {zb} {} {}", p[a], p[b]);
            }
        }
        prop_assert_eq!(p[argmax(&p).unwrap()], p[argmax(&z).unwrap()]);
    }

    #[test]
    fn a_constant_added_changes_nothing(z in mild(), shift in -1e3..1e3f64) {
        let shifted: Vec<f64> = z.iter().map(|v| v + shift).collect();
        for (a, b) in softmax(&z).iter().zip(softmax(&shifted)) {
            prop_assert!((a - b).abs() <= 1e-12);
        }
        prop_assert!((logsumexp(&shifted) - logsumexp(&z) - shift).abs() <= 1e-11);
    }

    #[test]
    fn the_jacobian_is_the_derivative(z in mild()) {
        let (k, h) = (z.len(), 1e-5);
        let j = jacobian(&softmax(&z));
        for l in 0..k {
            let moved = |t: f64| {
                let mut z = z.clone();
                z[l] += t;
                softmax(&z)
            };
            let (up, down) = (moved(h), moved(-h));
            for c in 0..k {
                prop_assert!((j[c * k + l] - (up[c] - down[c]) / (2.0 * h)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_jacobian_is_symmetric_with_zero_rows_and_positive_semidefinite(
        z in mild(), v in prop::collection::vec(-3.0..3.0f64, 8)
    ) {
        let (k, p) = (z.len(), softmax(&z));
        let (j, v) = (jacobian(&p), &v[..z.len()]);
        let product = jacobian_vector_product(&p, v).unwrap();
        prop_assert_eq!(&product, &vector_jacobian_product(v, &p).unwrap());
        let mut quadratic = 0.0;
        for a in 0..k {
            let row = &j[a * k..(a + 1) * k];
            prop_assert!(row.iter().sum::<f64>().abs() < 1e-15 * k as f64);
            let dot: f64 = row.iter().zip(v).map(|(j, v)| j * v).sum();
            prop_assert!((dot - product[a]).abs() < 1e-14);
            quadratic += v[a] * dot;
            for b in 0..k {
                prop_assert_eq!(j[a * k + b], j[b * k + a]);
            }
        }
        prop_assert!(quadratic >= -1e-14);
    }

    #[test]
    fn log_softmax_is_the_logarithm_and_stays_finite(z in prop::collection::vec(-8e307..8e307f64, 1..9)) {
        let log_p = log_softmax(&z);
        prop_assert!(log_p.iter().all(|l| l.is_finite() && *l <= 0.0));
        for (l, p) in log_p.iter().zip(softmax(&z)) {
            prop_assert!((l.exp() - p).abs() <= 1e-15 * (1.0 + z.len() as f64));
        }
    }

    #[test]
    fn batches_are_their_rows(z in prop::collection::vec(-9.0..9.0f64, 12)) {
        let (p, log_p, lse) =
            (softmax_rows(&z, 3).unwrap(), log_softmax_rows(&z, 3).unwrap(), logsumexp_rows(&z, 3).unwrap());
        for (i, row) in z.chunks(3).enumerate() {
            prop_assert_eq!(&p[i * 3..i * 3 + 3], &softmax(row)[..]);
            prop_assert_eq!(&log_p[i * 3..i * 3 + 3], &log_softmax(row)[..]);
            prop_assert_eq!(lse[i], logsumexp(row));
        }
        let rows = jacobian_vector_product_rows(&p, &z, 3).unwrap();
        prop_assert_eq!(&rows[3..6], &jacobian_vector_product(&p[3..6], &z[3..6]).unwrap()[..]);
    }
}

#[test]
fn the_ends_of_the_number_line() {
    assert_eq!(softmax(&[1e308, -1e308]), [1.0, 0.0]);
    assert_eq!(softmax(&[f64::MAX, f64::MAX]), [0.5, 0.5]);
    assert_eq!(softmax(&[f64::NEG_INFINITY, 2.0]), [0.0, 1.0]);
    assert_eq!(log_softmax(&[f64::NEG_INFINITY, 2.0]), [f64::NEG_INFINITY, 0.0]);
    // ln p near 0 keeps its digits.
    assert_eq!(log_softmax(&[0.0, -40.0])[0], -((-40.0f64).exp()));
    assert_eq!(logsumexp::<f64>(&[]), f64::NEG_INFINITY);
    assert_eq!(argmax::<f64>(&[]), None);
    assert_eq!(argmax(&[f64::NAN, 1.0, 1.0]), Some(1));
}

#[test]
fn no_answer_is_nan_for_the_whole_row() {
    for bad in [[f64::NAN, 0.0], [0.0, f64::NAN], [f64::INFINITY, 0.0], [f64::NEG_INFINITY; 2]] {
        assert!(softmax(&bad).iter().all(|p| p.is_nan()), "{bad:?}");
        assert!(log_softmax(&bad).iter().all(|p| p.is_nan()), "{bad:?}");
        assert!(logsumexp(&bad).is_nan());
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    assert!(softmax_rows(&[0.0; 5], 3).is_err());
    assert!(softmax_rows(&[0.0; 5], 0).is_err());
    assert!(softmax_rows::<f64>(&[], 3).unwrap().is_empty());
    assert!(jacobian_vector_product(&[1.0], &[1.0, 2.0]).is_err());
}
