//! Temperature and vector scaling: optima that are known, their laws, and what has no optimum.

use polylogit::calibration::{Method, Scaling};
use polylogit::softmax::{logsumexp, softmax, softmax_rows};
use polylogit::{Coefficients, Design, Error, Label, Model};

fn labels(k: usize) -> Vec<Label> {
    (0..k).map(|c| Label::from(format!("class {c}"))).collect()
}

/// Scores (n × K) that do not repeat.
fn scores(n: usize, k: usize) -> Vec<f64> {
    (0..n * k).map(|at| 3.0 * (1.7 * at as f64 + (at as f64).sqrt()).sin()).collect()
}

/// Each row once for each class, with the weight that softmax(z) gives it: the truth is `z` itself.
fn as_drawn(z: &[f64], k: usize, total: f64) -> (Vec<u32>, Vec<f64>) {
    let n = z.len() / k;
    let weight = |p: f64| (total * p).max(1e-300);
    (
        (0..n * k).map(|at| (at % k) as u32).collect(),
        softmax_rows(z, k).unwrap().into_iter().map(weight).collect(),
    )
}

/// Each row K times.
fn repeated(z: &[f64], k: usize) -> Vec<f64> {
    z.chunks_exact(k).flat_map(|row| row.repeat(k)).collect()
}

#[test]
fn a_temperature_is_recovered() {
    for (n, k, t) in [(20, 2, 2.5), (40, 4, 0.3), (40, 3, 1.0), (10, 7, 40.0)] {
        let z = scores(n, k);
        let (truth, weights) = as_drawn(&z, k, 1.0);
        let seen: Vec<f64> = repeated(&z, k).iter().map(|z| t * z).collect();
        let found = Scaling::fit(Method::Temperature, &seen, &truth, Some(&weights), &labels(k)).unwrap();
        assert!((found.temperature().unwrap() / t - 1.0).abs() < 1e-13, "{found:?}");
        assert!(found.gap < 1e-15 && found.log_loss <= found.log_loss_before);
        // The entropy of the truth: Σ_k p_k (logsumexp(z) − z_k).
        let entropy =
            |z: &[f64]| softmax(z).iter().zip(z).map(|(p, z_k)| p * (logsumexp(z) - z_k)).sum::<f64>();
        let least: f64 = z.chunks_exact(k).map(entropy).sum::<f64>() / n as f64;
        assert!((found.log_loss - least).abs() < 1e-14, "{} {least}", found.log_loss);
    }
}

#[test]
fn a_vector_is_recovered() {
    // With so much weight the penalty is nothing.
    for k in [2, 3, 5] {
        let z = scores(40, k);
        let (truth, weights) = as_drawn(&z, k, 1e9);
        let mean = |row: &[f64]| row.iter().sum::<f64>() / k as f64;
        // What is seen is such that a ∘ (seen − mean) + b is z up to a common term.
        let (a, b): (Vec<f64>, Vec<f64>) = (0..k).map(|c| (1.0 + 0.3 * c as f64, 0.5 - c as f64)).unzip();
        let seen: Vec<f64> = z
            .chunks_exact(k)
            .flat_map(|row| {
                // Find the common term that centres (z + m − b)/a.
                let m = -row.iter().zip(&b).zip(&a).map(|((z, b), a)| (z - b) / a).sum::<f64>()
                    / a.iter().map(|a| 1.0 / a).sum::<f64>();
                let seen: Vec<f64> = row.iter().zip(&b).zip(&a).map(|((z, b), a)| (z + m - b) / a).collect();
                assert!(mean(&seen).abs() < 1e-14);
                seen
            })
            .collect();
        let found =
            Scaling::fit(Method::Vector, &repeated(&seen, k), &truth, Some(&weights), &labels(k)).unwrap();
        assert!(found.gap < 1e-10, "{found:?}");
        let worst = z.chunks_exact(k).zip(seen.chunks_exact(k)).flat_map(|(z, seen)| {
            let mapped: Vec<f64> = (0..k).map(|c| found.scale[c] * seen[c] + found.shift[c]).collect();
            softmax(z).into_iter().zip(softmax(&mapped)).map(|(p, q)| (p - q).abs()).collect::<Vec<f64>>()
        });
        assert!(worst.fold(0.0, f64::max) < 1e-7, "{found:?}");
        assert!(found.temperature().is_none());
    }
}

/// Held-out rows of three classes, some of them predicted wrongly.
fn held_out() -> (Vec<f64>, Vec<u32>) {
    let z = scores(60, 3);
    let truth = z.chunks_exact(3).enumerate().map(|(i, z)| {
        let top = (0..3).max_by(|a, b| z[*a].total_cmp(&z[*b])).unwrap();
        if i % 4 == 0 { (top + 1) % 3 } else { top }
    });
    (z.clone(), truth.map(|y| y as u32).collect())
}

/// The penalised objective, written once more.
fn objective(z: &[f64], truth: &[u32], t: f64, a: &[f64], b: &[f64]) -> f64 {
    let k = a.len();
    let n = truth.len() as f64;
    let (mut sum, mut q) = (0.0, vec![0.0; k]);
    for (z, y) in z.chunks_exact(k).zip(truth) {
        let mean = z.iter().sum::<f64>() / k as f64;
        let u: Vec<f64> = (0..k).map(|c| a[c] * (z[c] - mean) + b[c]).collect();
        sum += logsumexp(&u) - u[*y as usize];
        (0..k).for_each(|c| q[c] += (z[c] - mean).powi(2) / n);
    }
    (sum + 0.5 * (0..k).map(|c| q[c] * (a[c] - t).powi(2) + b[c] * b[c]).sum::<f64>()) / n
}

#[test]
fn the_vector_is_where_its_objective_is_flat() {
    let (z, truth) = held_out();
    let temperature = Scaling::fit(Method::Temperature, &z, &truth, None, &labels(3)).unwrap();
    let found = Scaling::fit(Method::Vector, &z, &truth, None, &labels(3)).unwrap();
    assert!(found.gap <= 1e-15);
    let h = 1e-4;
    for at in 0..6 {
        let value = |by: f64| {
            let mut theta = [found.scale.clone(), found.shift.clone()].concat();
            theta[at] += by;
            objective(&z, &truth, temperature.scale[0], &theta[..3], &theta[3..])
        };
        let slope = (value(-2.0 * h) - 8.0 * value(-h) + 8.0 * value(h) - value(2.0 * h)) / (12.0 * h);
        assert!(slope.abs() < 1e-11, "{at}: {slope}"); // a stencil's rounding is 1e-16/h
    }
    assert!(found.shift.iter().sum::<f64>().abs() < 1e-14);
    assert!(found.log_loss < temperature.log_loss && temperature.log_loss < temperature.log_loss_before);
}

#[test]
fn gauges_weights_and_orders_change_nothing() {
    let (z, truth) = held_out();
    for method in Method::ALL {
        let fit =
            |z: &[f64], y: &[u32], s: Option<&[f64]>| Scaling::fit(method, z, y, s, &labels(3)).unwrap();
        let close = |a: &[f64], b: &[f64]| {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9), "{a:?} {b:?}");
        };
        let found = fit(&z, &truth, None);
        let moved: Vec<f64> = z.iter().enumerate().map(|(at, z)| z + (at / 3) as f64).collect();
        close(&fit(&moved, &truth, None).scale, &found.scale);
        let twice = fit(&[&z[..3], &z].concat(), &[&truth[..1], &truth].concat(), None);
        let mut weights = vec![1.0; 60];
        weights[0] = 2.0;
        let weighted = fit(&z, &truth, Some(&weights));
        close(&weighted.scale, &twice.scale);
        close(&weighted.shift, &twice.shift);
        assert_eq!((weighted.rows, weighted.total_weight), (60, 61.0));
        let turned: Vec<f64> = z.chunks_exact(3).flat_map(|z| [z[2], z[0], z[1]]).collect();
        let renamed: Vec<u32> = truth.iter().map(|y| (y + 1) % 3).collect();
        let turned = fit(&turned, &renamed, None);
        close(&[turned.shift[1], turned.shift[2], turned.shift[0]], &found.shift);
    }
}

#[test]
fn coefficients_take_the_scaling_in() {
    let (z, truth) = held_out();
    let x: Vec<f64> = (0..10).map(|i| f64::from(i).cos()).collect();
    let design = Design::dense(&x, 5, 2).unwrap();
    let before =
        Coefficients::new(3, 2, vec![1.0, -2.0, 0.5, 3.0, 0.25, 0.0], vec![0.5, -0.25, 1.0]).unwrap();
    for method in Method::ALL {
        let scaling = Scaling::fit(method, &z, &truth, None, &labels(3)).unwrap();
        let after = scaling.apply(&before).unwrap();
        let p = Model::new(labels(3), after.clone()).unwrap().probabilities(&design).unwrap();
        let z = Model::new(labels(3), before.clone()).unwrap().logits(&design).unwrap();
        for (z, p) in z.chunks_exact(3).zip(p.chunks_exact(3)) {
            let mean = z.iter().sum::<f64>() / 3.0;
            let u: Vec<f64> = (0..3).map(|c| scaling.scale[c] * (z[c] - mean) + scaling.shift[c]).collect();
            assert!(softmax(&u).iter().zip(p).all(|(a, b)| (a - b).abs() < 1e-14));
        }
        let sum: f64 = after.intercepts().iter().sum();
        match method {
            // The gauge stays that of the model: 1.25/T.
            Method::Temperature => assert!((sum - 1.25 * scaling.scale[0]).abs() < 1e-14),
            Method::Vector => assert!(sum.abs() < 1e-14),
        }
        assert!(matches!(scaling.apply(&Coefficients::zeros(2, 2)), Err(Error::Shape { .. })));
    }
}

#[test]
fn what_has_no_optimum_says_so() {
    let fit = |method, z: &[f64], y: &[u32]| Scaling::fit(method, z, y, None, &labels(2));
    let right = [2.0, 0.0, 0.0, 1.0, 3.0, 0.0];
    assert_eq!(fit(Method::Temperature, &right, &[0, 1, 0]).unwrap_err(), Error::HeldOutSeparated);
    assert_eq!(fit(Method::Temperature, &right, &[1, 0, 1]).unwrap_err(), Error::NoSkill);
    assert_eq!(fit(Method::Temperature, &[1.0; 6], &[0, 1, 0]).unwrap_err(), Error::NoSkill);
    assert_eq!(
        fit(Method::Temperature, &right, &[1, 1, 1]).unwrap_err(),
        Error::OneClass { class: "class 1".to_owned() }
    );
    // The vector's penalty gives an answer to all of them but the last.
    for truth in [[0, 1, 0], [1, 0, 1]] {
        let found = fit(Method::Vector, &right, &truth).unwrap();
        assert!(found.gap < 1e-15 && found.log_loss < found.log_loss_before, "{found:?}");
    }
    assert_eq!(fit(Method::Vector, &[1.0; 6], &[0, 1, 0]).unwrap().scale, [1.0; 2]);
    assert!(matches!(fit(Method::Vector, &right, &[1, 1, 1]), Err(Error::OneClass { .. })));
    // A class without rows has a finite shift.
    let found = Scaling::fit(
        Method::Vector,
        &[2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 3.0, 0.0, 1.0],
        &[0, 1, 0],
        None,
        &labels(3),
    );
    assert!(found.unwrap().shift[2] < 0.0);
}

#[test]
fn bad_input_is_named() {
    for method in Method::ALL {
        let fit =
            |z: &[f64], y: &[u32], s: Option<&[f64]>| Scaling::fit(method, z, y, s, &labels(2)).unwrap_err();
        assert!(matches!(fit(&[0.0, f64::NAN], &[0], None), Error::Score { row: 0, class: 1, .. }));
        assert!(matches!(fit(&[f64::INFINITY, 0.0], &[0], None), Error::Score { .. }));
        assert!(matches!(fit(&[0.0; 3], &[0], None), Error::Shape { .. }));
        assert!(matches!(fit(&[0.0; 4], &[0, 2], None), Error::ClassOutOfRange { .. }));
        assert!(matches!(fit(&[0.0; 4], &[0, 1], Some(&[1.0, -1.0])), Error::Weight { row: 1, .. }));
        assert_eq!(fit(&[], &[], None), Error::NoRows);
    }
}
