//! Vectors of the size of θ, of which a fit of wide text has tens of millions of numbers: on all threads.

use crate::kernel;
use crate::parallel::Workers;

/// The vector operations of solvers on θ (m × K, row-major).
#[derive(Debug, Clone)]
pub(super) struct Vectors {
    pub(super) workers: Workers,
    /// K: a row is never divided.
    pub(super) classes: usize,
}

impl Vectors {
    /// a·b.
    pub(super) fn dot(&self, a: &[f64], b: &[f64]) -> f64 {
        self.workers.sweep(a.len(), self.classes, [], |of, []| kernel::dot(&a[of.clone()], &b[of]))
    }

    /// Σ_j w_j ⟨a_j, b_j⟩ over the rows.
    pub(super) fn weighted_dot(&self, w: &[f64], a: &[f64], b: &[f64]) -> f64 {
        let k = self.classes;
        self.workers.sweep(a.len(), k, [], |of, []| {
            let rows =
                a[of.clone()].chunks_exact(k).zip(b[of.clone()].chunks_exact(k)).zip(&w[of.start / k..]);
            rows.map(|((a, b), w)| w * a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()).sum()
        })
    }

    /// y ← y + t·a.
    pub(super) fn add(&self, y: &mut [f64], t: f64, a: &[f64]) {
        self.workers.sweep(a.len(), self.classes, [y], |of, [y]| {
            y.iter_mut().zip(&a[of]).for_each(|(y, a)| *y += t * a);
            0.0
        });
    }

    /// d ← t·d − y.
    pub(super) fn turn(&self, d: &mut [f64], t: f64, y: &[f64]) {
        self.workers.sweep(y.len(), self.classes, [d], |of, [d]| {
            d.iter_mut().zip(&y[of]).for_each(|(d, y)| *d = t * *d - y);
            0.0
        });
    }

    /// out ← a + t·s with the mean over the classes taken out of every row.
    pub(super) fn moved(&self, out: &mut Vec<f64>, a: &[f64], t: f64, s: &[f64]) {
        out.resize(a.len(), 0.0);
        self.workers.sweep(a.len(), self.classes, [out], |of, [out]| {
            out.iter_mut().zip(&a[of.clone()]).zip(&s[of]).for_each(|((out, a), s)| *out = a + t * s);
            center_rows(out, self.classes);
            0.0
        });
    }

    /// Takes the mean over the classes out of every row.
    pub(super) fn center(&self, theta: &mut [f64]) {
        self.workers.sweep(theta.len(), self.classes, [theta], |_, [theta]| {
            center_rows(theta, self.classes);
            0.0
        });
    }
}

fn center_rows(theta: &mut [f64], k: usize) {
    for row in theta.chunks_exact_mut(k) {
        let mean = row.iter().sum::<f64>() / k as f64;
        for v in row {
            *v -= mean;
        }
    }
}
