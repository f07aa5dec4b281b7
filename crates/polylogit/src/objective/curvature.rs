//! Explicit curvature of the objective: the full Hessian, one block that serves all classes, the diagonal.

use super::Objective;
use super::ridge::{RidgeNll, Slot, add};
use crate::design::Storage;
use crate::kernel;
use crate::linalg::Symmetric;
use crate::parallel::tree_reduce;

impl RidgeNll<'_> {
    /// H_(j,k),(l,c) = (1/S) Σ s x_j x_l p_k (1[k=c] − p_c) + λ_j 1[j=l] 1[k=c].
    ///
    /// Products of two features times products of two classes: only pairs j ≤ l and k < c are summed, since
    /// H_(j,k),(l,k) = −Σ_{c≠k} H_(j,k),(l,c).
    pub(super) fn full_hessian(&mut self) -> Symmetric {
        let (m, k) = (self.columns(), self.classes());
        let (feature_pairs, class_pairs) = (m * (m + 1) / 2, k * (k - 1) / 2);
        for slot in &mut self.slots {
            slot.sum.clear();
            slot.sum.resize(feature_pairs * class_pairs, 0.0);
        }
        self.with_probabilities(|view, _, slot| {
            let block = view.blocks.block;
            let Slot { x, p, u, weight, scratch, sum, .. } = slot;
            // q = w p_k p_c for each pair of classes, then x_j∘x_l for one j and all l ≥ j.
            u.resize(block.len(class_pairs.max(k)), 0.0);
            let mut pair = 0;
            for a in 0..k {
                for b in a + 1..k {
                    let q = &mut u[pair * block.stride..][..block.rows];
                    let (pa, pb) = (&p[a * block.stride..], &p[b * block.stride..]);
                    for (((q, a), b), w) in q.iter_mut().zip(pa).zip(pb).zip(&*weight) {
                        *q = w * a * b;
                    }
                    pair += 1;
                }
            }
            scratch.resize(block.len(m), 0.0);
            let mut at = 0;
            for j in 0..m {
                let len = block.len(m - j);
                let column = &x[j * block.stride..(j + 1) * block.stride];
                kernel::weighted_columns(block, &x[j * block.stride..][..len], column, &mut scratch[..len]);
                let rows = (m - j) * class_pairs;
                kernel::outer(block, &scratch[..len], u, class_pairs, &mut sum[at..at + rows]);
                at += rows;
            }
        });
        tree_reduce(&mut self.slots, |into, from| add(&mut into.sum, &from.sum));
        let mut h = Symmetric::zeros(m * k);
        let mut at = 0;
        for j in 0..m {
            for l in j..m {
                for a in 0..k {
                    for b in a + 1..k {
                        let q = self.slots[0].sum[at];
                        at += 1;
                        let mut put = |row: usize, column: usize, q: f64| {
                            h.values[row * m * k + column] += q;
                            if j != l {
                                h.values[column * m * k + row] += q;
                            }
                        };
                        put(j * k + a, l * k + b, -q);
                        put(j * k + b, l * k + a, -q);
                        put(j * k + a, l * k + a, q);
                        put(j * k + b, l * k + b, q);
                    }
                }
            }
        }
        for (at, ridge) in
            self.dual().ridge.iter().enumerate().flat_map(|(j, r)| (j * k..(j + 1) * k).map(move |i| (i, r)))
        {
            h.values[at * (m * k + 1)] += ridge;
        }
        self.restore_slots();
        h
    }

    /// (1/S) Σ s q x xᵀ + diag(λ), q = mean_k p_k (1 − p_k).
    pub(super) fn shared_gram(&mut self) -> Symmetric {
        let (m, k) = (self.columns(), self.classes());
        for slot in &mut self.slots {
            slot.sum.clear();
            slot.sum.resize(m * m, 0.0);
        }
        self.with_probabilities(|view, _, slot| {
            let block = view.blocks.block;
            let Slot { x, p, u, weight, scratch, sum, .. } = slot;
            let q = &mut u[..block.stride];
            q.fill(0.0);
            for p in p.chunks_exact(block.stride) {
                for (q, p) in q.iter_mut().zip(p) {
                    *q += p * (1.0 - p) / k as f64;
                }
            }
            for (q, w) in q.iter_mut().zip(&*weight) {
                *q *= w;
            }
            scratch.resize(block.len(m), 0.0);
            kernel::weighted_columns(block, x, q, scratch);
            kernel::outer(block, scratch, x, m, sum);
        });
        tree_reduce(&mut self.slots, |into, from| add(&mut into.sum, &from.sum));
        let mut a = Symmetric { n: m, values: self.slots[0].sum.clone() };
        for j in 0..m {
            a.values[j * (m + 1)] += self.dual().ridge[j];
        }
        self.restore_slots();
        a
    }

    /// H_(j,k),(j,k).
    pub(super) fn diagonal(&mut self, out: &mut [f64]) {
        let k = self.classes();
        for slot in &mut self.slots {
            slot.sum.fill(0.0);
        }
        let sparse = self.is_sparse();
        self.with_probabilities(|view, b, slot| {
            let block = view.blocks.block;
            let Slot { x, p, u, weight, sum, .. } = slot;
            for (p, u) in p.chunks_exact(block.stride).zip(u.chunks_exact_mut(block.stride)) {
                for ((u, p), w) in u.iter_mut().zip(p).zip(&*weight) {
                    *u = w * p * (1.0 - p);
                }
            }
            match view.blocks.design.storage() {
                Storage::Csr(csr) if sparse => {
                    let factor = &view.blocks.standardise.factor;
                    for (r, row) in view.blocks.rows(b).enumerate() {
                        let ones = view.blocks.intercept.then_some((factor.len(), 1.0));
                        for (j, v) in csr.row(row).map(|(j, v)| (j, v * factor[j])).chain(ones) {
                            for c in 0..k {
                                sum[j * k + c] += v * v * u[c * block.stride + r];
                            }
                        }
                    }
                }
                _ => {
                    for v in x.iter_mut() {
                        *v *= *v;
                    }
                    kernel::outer(block, x, u, k, sum);
                }
            }
        });
        tree_reduce(&mut self.slots, |into, from| add(&mut into.sum, &from.sum));
        for (at, out) in out.iter_mut().enumerate() {
            *out = self.slots[0].sum[at] + self.dual().ridge[at / k];
        }
    }

    /// Gives the slots' sums back the shape of θ.
    fn restore_slots(&mut self) {
        let len = self.columns() * self.classes();
        let scores = self.blocks.block.len(self.classes());
        for slot in &mut self.slots {
            slot.sum.clear();
            slot.sum.resize(len, 0.0);
            slot.u.truncate(scores);
        }
    }
}
