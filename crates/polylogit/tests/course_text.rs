//! The five parts of the course text, on a real table: softmax is a distribution that keeps order, its Jacobian,
//! and the gradient of the negative log-likelihood; then the trained weights classify.
//!
//! `softmax_laws.rs` and `objective.rs` hold the same laws as properties of random input.

mod common;

use polylogit::objective::SoftmaxObjective;
use polylogit::softmax::{jacobian, softmax};
use polylogit::{Coefficients, Design, LogisticRegression};

/// Iris with weights in the middle of training: scores and probabilities of every row.
fn iris() -> (common::Table, Coefficients, Vec<Vec<f64>>) {
    let t = common::table("iris.csv", "species");
    let design = Design::dense(&t.x, t.n, t.d).unwrap();
    let fit = LogisticRegression::new().c(1.0).fit(&design, &t.target).unwrap();
    let half: Vec<f64> = fit.model.coefficients().weights().iter().map(|w| w / 2.0).collect();
    let w = Coefficients::new(3, t.d, half, vec![0.0; 3]).unwrap();
    // z_k = w_k·x
    let z =
        t.x.chunks_exact(t.d)
            .map(|x| (0..3).map(|k| w.class_weights(k).iter().zip(x).map(|(w, x)| w * x).sum()).collect())
            .collect();
    (t, w, z)
}

#[test]
fn part_1_components_are_non_negative_and_at_most_one() {
    for z in iris().2 {
        assert!(softmax(&z).iter().all(|p| (0.0..=1.0).contains(p)));
    }
}

#[test]
fn part_2_components_sum_to_one() {
    for z in iris().2 {
        assert!((softmax(&z).iter().sum::<f64>() - 1.0).abs() <= 3e-15);
    }
}

#[test]
fn part_3_order_is_kept() {
    for z in iris().2 {
        let p = softmax(&z);
        for k in 0..3 {
            for l in 0..3 {
                assert_eq!(z[k] < z[l], p[k] < p[l]);
            }
        }
    }
}

#[test]
fn part_4_the_jacobian_is_p_times_identity_minus_p() {
    let step = 1e-6;
    for z in iris().2 {
        let p = softmax(&z);
        let j = jacobian(&p);
        for at in 0..3 {
            let moved = |by: f64| {
                let mut z = z.clone();
                z[at] += by;
                softmax(&z)
            };
            let (up, down) = (moved(step), moved(-step));
            for k in 0..3 {
                let formula = p[k] * (f64::from(k == at) - p[at]);
                let difference = (up[k] - down[k]) / (2.0 * step);
                assert!((j[k * 3 + at] - formula).abs() <= 1e-15);
                assert!((j[k * 3 + at] - difference).abs() <= 1e-9);
            }
        }
    }
}

#[test]
fn part_5_the_gradient_is_the_sum_of_residuals_times_rows() {
    let (t, w, z) = iris();
    let design = Design::dense(&t.x, t.n, t.d).unwrap();
    let mut objective = SoftmaxObjective::new(&design, &t.target).unwrap();
    let ids = t.target.ids().unwrap();

    // L = −Σ ln p(y_i | x_i)
    let nll: f64 = z.iter().zip(ids).map(|(z, y)| -softmax(z)[*y as usize].ln()).sum();
    assert!((objective.nll(&w).unwrap() - nll).abs() <= 1e-12 * nll);

    // ∂L/∂w_j = Σ (p_ij − y_ij) x_i
    let gradient = objective.nll_gradient(&w).unwrap();
    for j in 0..3 {
        let mut expected = vec![0.0; t.d];
        for ((z, y), x) in z.iter().zip(ids).zip(t.x.chunks_exact(t.d)) {
            let residual = softmax(z)[j] - f64::from(*y as usize == j);
            expected.iter_mut().zip(x).for_each(|(e, x)| *e += residual * x);
        }
        for (found, expected) in gradient.class_weights(j).iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-11, "{found} {expected}");
        }
    }
}

#[test]
fn trained_weights_assign_the_class_of_the_highest_score() {
    let t = common::table("iris.csv", "species");
    let design = Design::dense(&t.x, t.n, t.d).unwrap();
    let model = LogisticRegression::new().c(1.0).fit(&design, &t.target).unwrap().model;
    let (z, p) = (model.logits(&design).unwrap(), model.probabilities(&design).unwrap());
    let classes = model.predict(&design).unwrap();
    for (row, class) in classes.iter().enumerate() {
        let (z, p) = (&z[row * 3..][..3], &p[row * 3..][..3]);
        assert!(z.iter().all(|v| *v <= z[*class]));
        assert!(softmax(z).iter().zip(p).all(|(a, b)| (a - b).abs() <= 1e-15));
    }
    let right = classes.iter().zip(t.target.ids().unwrap()).filter(|(a, b)| **a == **b as usize).count();
    assert!(right >= 145, "{right} of 150");
}
