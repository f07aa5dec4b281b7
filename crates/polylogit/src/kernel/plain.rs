//! The kernels' plain twins: the formulas in loops, and the properties that hold the two together.

use proptest::prelude::*;

use super::{Block, RowSums, logits, outer, softmax_columns};

fn plain_logits(block: Block, x: &[f64], theta: &[f64], k: usize, z: &mut [f64]) {
    for row in 0..block.rows {
        for c in 0..k {
            z[c * block.stride + row] =
                (0..theta.len() / k).map(|j| theta[j * k + c] * x[j * block.stride + row]).sum();
        }
    }
}

fn plain_outer(block: Block, a: &[f64], b: &[f64], columns: usize, sum: &mut [f64]) {
    for (at, sum) in sum.iter_mut().enumerate() {
        let (a, b) = (&a[at / columns * block.stride..], &b[at % columns * block.stride..]);
        *sum += a[..block.rows].iter().zip(&b[..block.rows]).map(|(a, b)| a * b).sum::<f64>();
    }
}

/// Rows, features, classes and numbers for them.
fn problem() -> impl Strategy<Value = (Block, usize, usize, Vec<f64>)> {
    (1usize..100, 1usize..12, 1usize..20).prop_flat_map(|(rows, m, k)| {
        let block = Block::new(rows);
        let numbers = block.len(m + k) + m * k;
        (Just(block), Just(m), Just(k), prop::collection::vec(-2.0..2.0f64, numbers))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn logits_agree_with_their_twin((block, m, k, numbers) in problem()) {
        let (x, theta) = (&numbers[..block.len(m)], &numbers[block.len(m)..][..m * k]);
        let (mut z, mut expected) = (vec![0.0; block.len(k)], vec![0.0; block.len(k)]);
        logits(block, x, theta, k, &mut z);
        plain_logits(block, x, theta, k, &mut expected);
        for (z, e) in z.iter().zip(&expected) {
            prop_assert!((z - e).abs() <= 1e-14 * (1.0 + 4.0 * m as f64));
        }
    }

    #[test]
    fn outer_products_agree_with_their_twin((block, m, k, numbers) in problem()) {
        let (a, b) = numbers[..block.len(m + k)].split_at(block.len(m));
        let (mut sum, mut expected) = (vec![1.0; m * k], vec![1.0; m * k]);
        outer(block, a, b, k, &mut sum);
        plain_outer(block, a, b, k, &mut expected);
        for (s, e) in sum.iter().zip(&expected) {
            prop_assert!((s - e).abs() <= 1e-15 * (4.0 * block.rows as f64).powf(1.5));
        }
    }

    #[test]
    fn softmax_agrees_with_the_formula((block, _, k, numbers) in problem(), scale in 0.1..400.0f64) {
        let z: Vec<f64> = numbers[..block.len(k)].iter().map(|v| v * scale).collect();
        let mut p = z.clone();
        let mut rows = RowSums::new(block);
        softmax_columns(block, &mut p, &mut rows);
        for r in 0..block.rows {
            let z: Vec<f64> = (0..k).map(|c| z[c * block.stride + r]).collect();
            let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = z.iter().map(|z| (z - max).exp()).sum();
            prop_assert_eq!(rows.max[r], max);
            prop_assert!((rows.sum[r] - sum).abs() <= 1e-15 * sum * k as f64);
            let mut mean = 0.0;
            for (c, z) in z.iter().enumerate() {
                let expected = (z - max).exp() / sum;
                let got = p[c * block.stride + r];
                prop_assert!((got - expected).abs() <= 1e-15 * (k as f64 + 1.0) * expected + 1e-300, "{got} {expected}");
                mean += expected * (z - max);
            }
            prop_assert!((rows.mean[r] - mean).abs() <= 1e-13);
        }
    }

    #[test]
    fn exp_is_within_two_ulp(x in -708.0..0.0f64) {
        let (got, expected) = (super::exp::exp(x), x.exp());
        prop_assert!(got.to_bits().abs_diff(expected.to_bits()) <= 2, "{x}: {got:e} {expected:e}");
    }
}

#[test]
fn exp_at_its_ends() {
    use super::exp::exp;
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-0.0), 1.0);
    assert_eq!(exp(-709.0), 0.0);
    assert_eq!(exp(f64::NEG_INFINITY), 0.0);
    assert_eq!(exp(f64::MIN), 0.0);
    assert!(exp(f64::NAN).is_nan());
}
