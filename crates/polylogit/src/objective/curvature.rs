//! Explicit curvature of the objective: the full Hessian, one block that serves all classes, the diagonal.

use super::Objective;
use super::pass::Hand;
use super::ridge::{RidgeNll, WithTheta};
use crate::kernel::{self, Aligned, Block, Real};
use crate::linalg::Symmetric;

impl RidgeNll<'_> {
    /// H_(j,k),(l,c) = (1/S) Σ s x_j x_l p_k (1[k=c] − p_c) + λ_j 1[j=l] 1[k=c].
    ///
    /// Products of two features times products of two classes: only pairs j ≤ l and k < c are summed, since
    /// H_(j,k),(l,k) = −Σ_{c≠k} H_(j,k),(l,c).
    pub(super) fn full_hessian<T: WithTheta>(&mut self, every: usize) -> Symmetric {
        let (m, k) = (self.columns(), self.classes());
        let ridge = self.dual().ridge.clone();
        let sums = self.sum_blocks(pair_len(m, k), every, |view, hand: Hand<'_, T>| {
            let block = view.blocks.block;
            let Hand { x, p, u, weight, extra, sum, .. } = hand;
            pair_sums(block, x, p, weight, m, u, extra, sum);
        });
        let mut h = from_pairs(sums, m, k);
        for at in 0..m * k {
            h.values[at * (m * k + 1)] += ridge[at / k];
        }
        h
    }

    /// (1/S) Σ s q x xᵀ + diag(λ), q = mean_k p_k (1 − p_k).
    pub(super) fn shared_gram<T: WithTheta>(&mut self, every: usize) -> Symmetric {
        let (m, k) = (self.columns(), self.classes());
        let sums = self.sum_blocks(m * m, every, |view, hand: Hand<'_, T>| {
            let block = view.blocks.block;
            let Hand { x, p, u, weight, extra, sum, .. } = hand;
            let q = &mut u[..block.stride];
            q.fill(T::ZERO);
            let share = T::from_f64(1.0 / k as f64);
            for p in p.chunks_exact(block.stride) {
                for (q, p) in q.iter_mut().zip(p) {
                    *q += *p * (T::ONE - *p) * share;
                }
            }
            for (q, w) in q.iter_mut().zip(weight) {
                *q = *q * *w;
            }
            extra.fit(block.len(m));
            kernel::weighted_columns(block, x, q, extra);
            kernel::outer_lower(block, extra, x, sum);
        });
        let mut a = Symmetric { n: m, values: sums.to_vec() };
        for j in 0..m {
            for l in j + 1..m {
                a.values[j * m + l] = a.values[l * m + j];
            }
            a.values[j * (m + 1)] += self.dual().ridge[j];
        }
        a
    }

    /// H_(j,k),(j,k).
    pub(super) fn diagonal<T: WithTheta>(&mut self, out: &mut [f64]) {
        let k = self.classes();
        let sums = self.sum_blocks(out.len(), 1, |view, hand: Hand<'_, T>| {
            let block = view.blocks.block;
            let Hand { x, p, u, weight, extra, sum, .. } = hand;
            for (p, u) in p.chunks_exact(block.stride).zip(u.chunks_exact_mut(block.stride)) {
                for ((u, p), w) in u.iter_mut().zip(p).zip(weight) {
                    *u = *w * *p * (T::ONE - *p);
                }
            }
            extra.fit(x.len());
            extra.iter_mut().zip(x).for_each(|(square, v)| *square = *v * *v);
            kernel::outer(block, extra, u, k, sum);
        });
        out.copy_from_slice(sums);
        for (at, out) in out.iter_mut().enumerate() {
            *out += self.dual().ridge[at / k];
        }
    }
}

/// Are the sums of [`pair_sums`] whole Gram matrices, one for each pair of classes? Many columns make their products
/// dense enough for that; with few, products of columns serve all pairs of classes.
fn by_gram(m: usize, k: usize) -> bool {
    m >= 4 * (k * (k - 1) / 2)
}

/// How many sums [`pair_sums`] adds to.
pub(crate) fn pair_len(m: usize, k: usize) -> usize {
    k * (k - 1) / 2 * if by_gram(m, k) { m * m } else { m * (m + 1) / 2 }
}

/// The products behind the Hessian of a block: Σ w x_j x_l p_k p_c for each pair j ≤ l of the m columns of `x`
/// and each pair k < c of classes, added to `sum`. `u` and `extra` are scratch.
#[expect(clippy::too_many_arguments, reason = "buffers of a block")]
pub(super) fn pair_sums<T: Real>(
    block: Block,
    x: &[T],
    p: &[T],
    weight: &[T],
    m: usize,
    u: &mut Aligned<T>,
    extra: &mut Aligned<T>,
    sum: &mut [f64],
) {
    let k = p.len() / block.stride;
    let class_pairs = k * (k - 1) / 2;
    // q = w p_k p_c for each pair of classes.
    u.fit(block.len(class_pairs.max(k)));
    let mut pair = 0;
    for a in 0..k {
        for b in a + 1..k {
            let q = &mut u[pair * block.stride..][..block.rows];
            let (pa, pb) = (&p[a * block.stride..], &p[b * block.stride..]);
            for (((q, a), b), w) in q.iter_mut().zip(pa).zip(pb).zip(weight) {
                *q = *w * *a * *b;
            }
            pair += 1;
        }
    }
    extra.fit(block.len(m));
    if by_gram(m, k) {
        for (q, sum) in u.chunks_exact(block.stride).zip(sum.chunks_exact_mut(m * m)) {
            kernel::weighted_columns(block, x, q, extra);
            kernel::outer_lower(block, extra, x, sum);
        }
        return;
    }
    // x_j∘x_l for one j and all l ≥ j.
    let mut at = 0;
    for j in 0..m {
        let len = block.len(m - j);
        let column = &x[j * block.stride..(j + 1) * block.stride];
        kernel::weighted_columns(block, &x[j * block.stride..][..len], column, &mut extra[..len]);
        let rows = (m - j) * class_pairs;
        kernel::outer(block, &extra[..len], u, class_pairs, &mut sum[at..at + rows]);
        at += rows;
    }
}

/// The Hessian (m·K)² from the sums of [`pair_sums`].
pub(super) fn from_pairs(sums: &[f64], m: usize, k: usize) -> Symmetric {
    let n = m * k;
    let class_pairs = k * (k - 1) / 2;
    let mut h = Symmetric::zeros(n);
    // Σ w p_a p_b x_j x_l of a pair of classes, both triangles.
    let mut products = vec![0.0; m * m];
    let mut pair = 0;
    for a in 0..k {
        for b in a + 1..k {
            let mut first = 0;
            for j in 0..m {
                for l in j..m {
                    let v = if by_gram(m, k) { sums[pair * m * m + l * m + j] } else { sums[first + pair] };
                    (products[j * m + l], products[l * m + j]) = (v, v);
                    first += class_pairs;
                }
            }
            for (products, rows) in products.chunks_exact(m).zip(h.values.chunks_exact_mut(n * k)) {
                for (of, other) in [(a, b), (b, a)] {
                    for (entries, v) in rows[of * n..(of + 1) * n].chunks_exact_mut(k).zip(products) {
                        entries[of] += v;
                        entries[other] = -v;
                    }
                }
            }
            pair += 1;
        }
    }
    h
}
