//! Log-likelihood, score, observed information and the variance of the score, in one read of X.
//!
//! With the free classes a, b (all but the reference) and residuals r_ia = y_ia − p_ia:
//!
//! ```text
//! ℓ = Σ s_i ln p_i,y_i              U_a = Σ s_i r_ia x_i
//! J_ab = Σ s_i p_ia (1[a=b] − p_ib) x_i x_iᵀ          observed = expected information of a softmax model
//! B_ab = Σ v_i r_ia r_ib x_i x_iᵀ                      v_i = s_i (counts) or s_i² (other weights)
//! ```
//!
//! or, over groups g of rows, B = Σ_g u_g u_gᵀ with u_g = Σ_{i∈g} s_i r_i ⊗ x_i.

use super::sheet::{Hand, Sheet};
use crate::kernel::{self, Block};
use crate::linalg::Symmetric;
use crate::parallel::Workers;

/// How the variance of the score is estimated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meat<'m> {
    /// Not at all.
    None,
    /// By rows, with weights s_i.
    Counts,
    /// By rows, with weights s_i².
    Squares,
    /// By groups: the group of each row, and how many there are.
    Groups(&'m [u32], usize),
}

/// Sums at one θ. Matrices are class-major over the free classes and the kept columns.
#[derive(Debug)]
pub(super) struct Moments {
    pub(super) loglik: f64,
    pub(super) score: Vec<f64>,
    pub(super) information: Symmetric,
    pub(super) meat: Option<Symmetric>,
}

/// Which parameters there are: free classes times kept columns.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    /// K.
    pub(super) classes: usize,
    /// m, of X̃.
    pub(super) columns: usize,
    /// All classes but the reference.
    pub(super) free: Vec<usize>,
    /// The columns of X̃ that are estimated.
    pub(super) kept: Vec<usize>,
}

impl Parameters {
    /// p.
    pub(super) fn count(&self) -> usize {
        self.free.len() * self.kept.len()
    }

    /// θ (m × K) of β, zeros for the reference and the columns that are left out.
    pub(super) fn theta(&self, beta: &[f64]) -> Vec<f64> {
        let mut theta = vec![0.0; self.columns * self.classes];
        for (a, &k) in self.free.iter().enumerate() {
            for (i, &j) in self.kept.iter().enumerate() {
                theta[j * self.classes + k] = beta[a * self.kept.len() + i];
            }
        }
        theta
    }

    /// From (m × F), feature-major, to class-major over the kept columns.
    pub(super) fn select(&self, sums: &[f64]) -> Vec<f64> {
        let f = self.free.len();
        let of = |a: usize| self.kept.iter().map(move |j| sums[j * f + a]);
        (0..f).flat_map(of).collect()
    }
}

/// Pairs a ≤ b of n.
pub(super) fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |a| (a..n).map(move |b| (a, b)))
}

impl Moments {
    pub(super) fn new(
        sheet: &Sheet<'_>,
        theta: &[f64],
        ids: &[u32],
        of: &Parameters,
        meat: Meat<'_>,
    ) -> Self {
        let (m, f) = (sheet.columns(), of.free.len());
        let class_pairs = f * (f + 1) / 2;
        let by_rows = matches!(meat, Meat::Counts | Meat::Squares);
        let columns = class_pairs * (1 + usize::from(by_rows));
        let first = 1 + m * f;
        let len = first + columns * m * (m + 1) / 2;
        let sums = sheet.sum(theta, len, |mut hand, sum| {
            let block = hand.block;
            for (w, l) in hand.weight.iter().zip(hand.log_p).take(hand.rows.len()) {
                sum[0] += w * l;
            }
            hand.residuals(ids, &of.free);
            let Hand { x, p, weight, u, extra, .. } = hand;
            // Columns for each pair of classes, and x_j∘x_l for one j and all l ≥ j.
            extra.resize(block.len(columns.max(m) + m), 0.0);
            let (q, products) = extra.split_at_mut(block.len(columns.max(m)));
            if by_rows {
                let counts = matches!(meat, Meat::Counts);
                let q = &mut q[block.len(class_pairs)..];
                for ((a, b), q) in pairs(f).zip(q.chunks_exact_mut(block.stride)) {
                    let (ra, rb) = (&u[a * block.stride..], &u[b * block.stride..]);
                    for (((q, a), b), w) in q.iter_mut().zip(ra).zip(rb).zip(weight) {
                        *q = if counts { *w } else { w * w } * a * b;
                    }
                }
            }
            covariances(block, p, weight, &of.free, q);
            for u in u.chunks_exact_mut(block.stride) {
                for (u, w) in u.iter_mut().zip(weight) {
                    *u *= w;
                }
            }
            kernel::outer(block, x, u, f, &mut sum[1..first]);
            let mut at = first;
            for j in 0..m {
                let rest = block.len(m - j);
                let (column, others) =
                    (&x[j * block.stride..][..block.stride], &x[j * block.stride..][..rest]);
                kernel::weighted_columns(block, others, column, &mut products[..rest]);
                let rows = (m - j) * columns;
                kernel::outer(block, &products[..rest], q, columns, &mut sum[at..at + rows]);
                at += rows;
            }
        });
        let matrix = |shift: usize| assemble(&sums[first..], of, m, columns, shift);
        let meat = match meat {
            Meat::None => None,
            Meat::Counts | Meat::Squares => Some(matrix(class_pairs)),
            Meat::Groups(groups, count) => Some(by_groups(sheet, theta, ids, of, groups, count)),
        };
        Self { loglik: sums[0], score: of.select(&sums[1..first]), information: matrix(0), meat }
    }
}

/// s p_a (1[a=b] − p_b) for each pair of free classes.
pub(super) fn covariances(block: Block, p: &[f64], weight: &[f64], free: &[usize], q: &mut [f64]) {
    for ((a, b), q) in pairs(free.len()).zip(q.chunks_exact_mut(block.stride)) {
        let (pa, pb) = (&p[free[a] * block.stride..], &p[free[b] * block.stride..]);
        for (((q, pa), pb), w) in q.iter_mut().zip(pa).zip(pb).zip(weight) {
            *q = w * pa * if a == b { 1.0 - pa } else { -pb };
        }
    }
}

/// The matrix of the sums over pairs of columns (j ≤ l) and pairs of classes.
fn assemble(sums: &[f64], of: &Parameters, m: usize, columns: usize, shift: usize) -> Symmetric {
    let (f, mk) = (of.free.len(), of.kept.len());
    let mut place = vec![None; m];
    for (i, &j) in of.kept.iter().enumerate() {
        place[j] = Some(i);
    }
    let mut out = Symmetric::zeros(f * mk);
    let mut at = 0;
    for j in 0..m {
        for l in j..m {
            if let (Some(i), Some(h)) = (place[j], place[l]) {
                for (pair, (a, b)) in pairs(f).enumerate() {
                    let value = sums[at + shift + pair];
                    for (row, column) in [(a * mk + i, b * mk + h), (a * mk + h, b * mk + i)] {
                        out.values[row * out.n + column] = value;
                        out.values[column * out.n + row] = value;
                    }
                }
            }
            at += columns;
        }
    }
    out
}

/// Σ_g u_g u_gᵀ. One free class after the other, each by its rows in order, so that sums do not depend on threads.
fn by_groups(
    sheet: &Sheet<'_>,
    theta: &[f64],
    ids: &[u32],
    of: &Parameters,
    groups: &[u32],
    count: usize,
) -> Symmetric {
    let (f, mk, p) = (of.free.len(), of.kept.len(), of.count());
    let residuals = sheet.fill(theta, f, |mut hand, out| {
        hand.residuals(ids, &of.free);
        for (r, row) in out.chunks_exact_mut(f).enumerate() {
            for (a, out) in row.iter_mut().enumerate() {
                *out = hand.weight[r] * hand.u[a * hand.block.stride + r];
            }
        }
    });
    let mut scores = vec![vec![0.0; count * mk]; f];
    let blocks = &sheet.blocks;
    let block = blocks.block;
    Workers::new(None, residuals.len() as f64 * mk as f64).for_each(&mut scores, |a, sums| {
        let mut x = vec![0.0; block.len(sheet.columns())];
        for b in 0..blocks.count() {
            blocks.load(b, &mut x);
            for (r, row) in blocks.rows(b).enumerate() {
                let u = residuals[row * f + a];
                for (sum, &j) in sums[groups[row] as usize * mk..][..mk].iter_mut().zip(&of.kept) {
                    *sum += u * x[j * block.stride + r];
                }
            }
        }
    });
    let mut out = Symmetric::zeros(p);
    let block = Block::new(256.min(count));
    let mut columns = vec![0.0; block.len(p)];
    for start in (0..count).step_by(block.rows) {
        columns.fill(0.0);
        for at in 0..p {
            for r in 0..block.rows.min(count - start) {
                columns[at * block.stride + r] = scores[at / mk][(start + r) * mk + at % mk];
            }
        }
        kernel::outer_lower(block, &columns, &columns, &mut out.values);
    }
    for i in 0..p {
        for j in i + 1..p {
            out.values[i * p + j] = out.values[j * p + i];
        }
    }
    out
}
