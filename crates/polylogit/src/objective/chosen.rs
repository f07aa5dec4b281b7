//! Explicit curvature of chosen weights of a dense design.
//!
//! ```text
//! H_(j,k),(l,c) = Σ_i w_i x_ij x_il p_ik (1[k=c] − p_ic)        H = diag_k(V_kᵀV_k) − UᵀU
//! V_k = (w p_k)^½ x_j of the weights of class k, U = w^½ p_k x_j of all
//! ```

use super::sparse_hessian::mirror;
use crate::kernel::{self, Aligned, Block};
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

    /// Adds those of a block: x by columns, q = w p and w.
    pub(super) fn add(&self, block: Block, (x, q, w): (&[f64], &[f64], &[f64]), sum: &mut [f64]) {
        let n = self.weights.len();
        let column = |at: usize| at * block.stride..at * block.stride + block.rows;
        let (mut scale, mut scaled) = (vec![0.0; block.rows], Aligned::zeros(block.len(n)));
        for (c, of) in self.of_class.iter().enumerate() {
            for ((scale, q), w) in scale.iter_mut().zip(&q[column(c)]).zip(w) {
                *scale = if *w > 0.0 { q / w.sqrt() } else { 0.0 };
            }
            for &at in of {
                multiply(&x[column(self.weights[at].0)], &scale, &mut scaled[column(at)]);
            }
        }
        kernel::outer_lower(block, &scaled, &scaled, &mut sum[..n * n]);
        for (c, of) in self.of_class.iter().enumerate().filter(|(_, of)| !of.is_empty()) {
            scale.iter_mut().zip(&q[column(c)]).for_each(|(scale, q)| *scale = q.sqrt());
            for (place, &at) in of.iter().enumerate() {
                multiply(&x[column(self.weights[at].0)], &scale, &mut scaled[column(place)]);
            }
            kernel::outer_lower(block, &scaled, &scaled, &mut sum[self.starts[c]..self.starts[c + 1]]);
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

fn multiply(x: &[f64], scale: &[f64], out: &mut [f64]) {
    for ((out, x), scale) in out.iter_mut().zip(x).zip(scale) {
        *out = x * scale;
    }
}
