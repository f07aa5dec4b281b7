//! Explicit curvature of chosen weights of a dense design.
//!
//! ```text
//! H_(j,k),(l,c) = Σ_i w_i x_ij x_il p_ik (1[k=c] − p_ic)        H = diag_k(V_kᵀV_k) − UᵀU
//! V_k = (w p_k)^½ x_j of the weights of class k, U = w^½ p_k x_j of all
//! ```

use super::sparse_hessian::mirror;
use crate::kernel::{self, Aligned, Block, Real};
use crate::linalg::Symmetric;

/// Which weights, and where their sums lie: UᵀU, then V_kᵀV_k of each class.
pub(super) struct Chosen {
    /// Packed column and class of each.
    weights: Vec<(usize, usize)>,
    /// Those of each class.
    of_class: Vec<Vec<usize>>,
    starts: Vec<usize>,
}

impl Chosen {
    pub(super) fn new(weights: Vec<(usize, usize)>, k: usize) -> Self {
        let of_class: Vec<Vec<usize>> =
            (0..k).map(|c| (0..weights.len()).filter(|at| weights[*at].1 == c).collect()).collect();
        let mut starts = vec![weights.len().pow(2)];
        for of in &of_class {
            starts.push(starts[starts.len() - 1] + of.len().pow(2));
        }
        Self { weights, of_class, starts }
    }

    /// How many sums there are.
    pub(super) fn len(&self) -> usize {
        self.starts[self.of_class.len()]
    }

    /// Adds those of a block: x by columns, q = w p and w. Products are in T; `scaled` is scratch.
    pub(super) fn add<T: Real>(
        &self,
        block: Block,
        (x, q, w): (&[f64], &[f64], &[f64]),
        scaled: &mut Aligned<T>,
        sum: &mut [f64],
    ) {
        let n = self.weights.len();
        let column = |at: usize| at * block.stride..at * block.stride + block.rows;
        let mut scale = vec![0.0; block.rows];
        scaled.fit(block.len(n));
        for (c, of) in self.of_class.iter().enumerate() {
            for ((scale, q), w) in scale.iter_mut().zip(&q[column(c)]).zip(w) {
                *scale = if *w > 0.0 { q / w.sqrt() } else { 0.0 };
            }
            for &at in of {
                multiply(&x[column(self.weights[at].0)], &scale, &mut scaled[column(at)]);
            }
        }
        kernel::outer_lower(block, scaled, scaled, &mut sum[..n * n]);
        for (c, of) in self.of_class.iter().enumerate().filter(|(_, of)| !of.is_empty()) {
            scale.iter_mut().zip(&q[column(c)]).for_each(|(scale, q)| *scale = q.sqrt());
            for (place, &at) in of.iter().enumerate() {
                multiply(&x[column(self.weights[at].0)], &scale, &mut scaled[column(place)]);
            }
            kernel::outer_lower(block, scaled, scaled, &mut sum[self.starts[c]..self.starts[c + 1]]);
        }
    }

    /// H from the sums.
    pub(super) fn hessian(&self, sums: &[f64]) -> Symmetric {
        let n = self.weights.len();
        let mut h = Symmetric { n, values: sums[..n * n].iter().map(|v| -v).collect() };
        for (of, start) in self.of_class.iter().zip(&self.starts) {
            for (sums, &i) in sums[*start..].chunks_exact(of.len().max(1)).zip(of) {
                for (sum, &j) in sums.iter().zip(of).take_while(|(_, j)| **j <= i) {
                    h.values[i * n + j] += sum;
                }
            }
        }
        mirror(&mut h, n);
        h
    }
}

fn multiply<T: Real>(x: &[f64], scale: &[f64], out: &mut [T]) {
    for ((out, x), scale) in out.iter_mut().zip(x).zip(scale) {
        let v = x * scale;
        *out = T::from_f64(if v.abs() < T::TINY { 0.0 } else { v });
    }
}

#[cfg(test)]
mod tests {
    use crate::design::Design;
    use crate::design::rows::Standardise;
    use crate::objective::columns;
    use crate::objective::kept::Precision;
    use crate::parallel::Workers;
    use crate::target::Target;

    #[test]
    fn few_weights_have_their_part_of_the_hessian_and_steps_foresee_its_gradient() {
        let (n, d, k) = (300, 4, 3);
        let x: Vec<f64> = (0..n * d).map(|i| (1.3 * i as f64).sin()).collect();
        let design = Design::dense(&x, n, d).unwrap();
        let weights = (0..n).map(|i| (1 + i % 4) as f64).collect();
        let target =
            Target::from_labels((0..300i64).map(|i| i * i % 7 % 3)).unwrap().weights(weights).unwrap();
        let theta: Vec<f64> = (0..(d + 1) * k).map(|i| 0.3 * (1.7 * i as f64).cos()).collect();
        let features = [0, 1, 2, 3, d];
        let m = features.len() * k;
        let mut columns = columns::of(&design, &target, &Standardise::identity(d), true, &Workers::default());
        columns.evaluate(&theta);
        let all = columns.hessian(&features, &mut vec![true; m], Precision::Double, 1e9).unwrap();
        // None of the last class.
        let at = [0, 1, 4, 6, 7, 12];
        let mut wanted: Vec<bool> = (0..m).map(|i| at.contains(&i)).collect();
        let few = columns.hessian(&features, &mut wanted, Precision::Double, 1e9).unwrap();
        assert_eq!((all.n, few.n), (m, at.len()));
        for (i, a) in at.iter().enumerate() {
            for (j, b) in at.iter().enumerate() {
                assert!((few.values[i * few.n + j] - all.values[a * m + b]).abs() <= 1e-15, "{a} {b}");
            }
        }
        for (of, wanted) in [(&all, &mut vec![true; m]), (&few, &mut wanted)] {
            let single = columns.hessian(&features, wanted, Precision::Single, 1e9).unwrap();
            let near =
                single.values.iter().zip(&of.values).all(|(a, b)| (a - b).abs() <= 1e-6 * (0.1 + b.abs()));
            assert!(near && single.values != of.values);
        }

        let mut before = vec![0.0; m];
        columns.gradient(&features, &mut before);
        let delta: Vec<f64> = (0..m).map(|i| 0.05 * (0.7 * i as f64).sin()).collect();
        columns.set_step(&features, &delta);
        assert!(columns.foresee().is_some());
        let mut after = vec![0.0; m];
        columns.foreseen_gradient(&features, &mut after);
        for (i, row) in all.values.chunks_exact(m).enumerate() {
            let expected = before[i] + row.iter().zip(&delta).map(|(h, d)| h * d).sum::<f64>();
            assert!((after[i] - expected).abs() <= 1e-15, "{i}");
        }
        // Too far, and a probability is negative.
        columns.set_step(&features, &delta.iter().map(|d| 100.0 * d).collect::<Vec<f64>>());
        assert!(columns.foresee().is_none());
    }
}
