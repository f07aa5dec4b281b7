//! Products with the model's curvature on some columns of a sparse design, for some classes of each.
//!
//! ```text
//! out = Xᵀu,  u_i = w_i (diag p_i − p_i p_iᵀ) (Xv)_i        X by rows on the way there, by columns on the way back
//! ```

use crate::design::lines::Lines;
use crate::parallel::Workers;

/// Ranges that rows, and columns, are shared out to.
const SHARES: usize = 64;

/// The columns and their classes.
#[derive(Debug)]
pub(super) struct Focus {
    columns: Lines,
    rows: Lines,
    /// The classes of column a: `classes[starts[a]..starts[a + 1]]`.
    starts: Vec<usize>,
    classes: Vec<u32>,
    /// Which of the columns is the intercept, all ones; it stores nothing.
    intercept: Option<usize>,
    /// n rows of the tables' width.
    u: Vec<f64>,
}

/// What curvature is made of: n rows of `width` probabilities, n weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighed<'a> {
    pub(super) p: &'a [f64],
    pub(super) w: &'a [f64],
    pub(super) width: usize,
}

impl Focus {
    /// Columns `features` of `columns` (the one beyond the last is the intercept), with those of their `k` classes
    /// that are `free` (a row of K each). `u`: a buffer.
    pub(super) fn new(columns: &Lines, rows: usize, features: &[usize], free: &[bool], u: Vec<f64>) -> Self {
        let k = free.len() / features.len().max(1);
        let (mut starts, mut classes) = (vec![0], vec![]);
        for free in free.chunks_exact(k.max(1)) {
            classes.extend((0..k as u32).filter(|c| free[*c as usize]));
            starts.push(classes.len());
        }
        let columns_of = columns.some(features);
        let intercept = features.iter().position(|&j| j == columns.count());
        Self { rows: columns_of.transposed(rows), columns: columns_of, starts, classes, intercept, u }
    }

    fn classes(&self, a: usize) -> &[u32] {
        &self.classes[self.starts[a]..self.starts[a + 1]]
    }

    /// `out` = the product with `v` (a row of K numbers for each column); 0 where a class is not free.
    pub(super) fn product(&mut self, of: Weighed<'_>, workers: &Workers, v: &[f64], out: &mut [f64]) {
        let k = v.len() / (self.starts.len() - 1);
        let Weighed { p, w, width } = of;
        let mut u = std::mem::take(&mut self.u);
        u.resize(p.len(), 0.0);
        let per_share = w.len().div_ceil(SHARES);
        let mut shares: Vec<&mut [f64]> = u.chunks_mut(per_share * width).collect();
        workers.for_each(&mut shares, |share, u| {
            for (row, u) in (share * per_share..).zip(u.chunks_exact_mut(width)) {
                u.fill(0.0);
                if let Some(a) = self.intercept {
                    u[..k].copy_from_slice(&v[a * k..(a + 1) * k]);
                }
                for (a, x) in self.rows.line(row) {
                    for &c in self.classes(a) {
                        u[c as usize] += x * v[a * k + c as usize];
                    }
                }
                let p = &p[row * width..(row + 1) * width];
                let mean: f64 = p.iter().zip(&*u).map(|(p, u)| p * u).sum();
                for (u, p) in u.iter_mut().zip(p) {
                    *u = w[row] * p * (*u - mean);
                }
            }
        });
        let per_share = (self.starts.len() - 1).div_ceil(SHARES);
        let mut shares: Vec<&mut [f64]> = out.chunks_mut(per_share * k).collect();
        workers.for_each(&mut shares, |share, out| {
            for (a, out) in (share * per_share..).zip(out.chunks_exact_mut(k)) {
                out.fill(0.0);
                if self.intercept == Some(a) {
                    for u in u.chunks_exact(width) {
                        out.iter_mut().zip(u).for_each(|(out, u)| *out += u);
                    }
                } else {
                    for (row, x) in self.columns.line(a) {
                        for &c in self.classes(a) {
                            out[c as usize] += x * u[row * width + c as usize];
                        }
                    }
                }
            }
        });
        self.u = u;
    }

    /// The buffer.
    pub(super) fn into_buffer(self) -> Vec<f64> {
        self.u
    }
}
