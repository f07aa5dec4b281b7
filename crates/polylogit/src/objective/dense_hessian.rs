//! Explicit curvature of a dense design's columns at work, in f64 or from products in f32.

use super::chosen::Chosen;
use super::curvature::{from_pairs, pair_len, pair_sums};
use super::dense_columns::{DenseColumns, explicit_pays};
use super::dense_part::Part;
use crate::kernel::{Aligned, Block, Real};
use crate::linalg::Symmetric;

/// Curvature is that of the wanted weights alone where all are at least so many times as many.
const FEW: usize = 2;

/// A block's columns, probabilities and weights in the precision of the products, and what the products need.
#[derive(Debug)]
struct Buffers<T> {
    x: Aligned<T>,
    p: Aligned<T>,
    w: Aligned<T>,
    q: Aligned<T>,
    products: Aligned<T>,
}

impl<T> Default for Buffers<T> {
    fn default() -> Self {
        Self {
            x: Aligned::default(),
            p: Aligned::default(),
            w: Aligned::default(),
            q: Aligned::default(),
            products: Aligned::default(),
        }
    }
}

impl<T: Real> Buffers<T> {
    fn load(&mut self, block: Block, part: &Part, positions: &[usize]) {
        self.x.fit(block.len(positions.len()));
        for (out, at) in self.x.chunks_exact_mut(block.stride).zip(positions) {
            convert(&part.x[at * block.stride..(at + 1) * block.stride], out);
        }
        for (out, values) in [(&mut self.p, &part.p), (&mut self.w, &part.w)] {
            out.fit(values.len());
            convert(values, out);
        }
        let least = T::from_f64(T::TINY);
        self.p.iter_mut().filter(|p| **p < least).for_each(|p| *p = T::ZERO);
    }
}

fn convert<T: Real>(values: &[f64], out: &mut [T]) {
    out.iter_mut().zip(values).for_each(|(out, v)| *out = T::from_f64(*v));
}

impl DenseColumns<'_> {
    /// As [`hessian`](super::columns::Columns::hessian), products in T.
    pub(super) fn hessian_in<T: Real>(
        &mut self,
        features: &[usize],
        wanted: &mut [bool],
        sweeps: f64,
    ) -> Option<Symmetric> {
        let (k, n, m) = (self.classes(), self.blocks.design.rows() as f64, features.len());
        let block = self.blocks.block;
        let positions: Vec<usize> = features.iter().map(|&j| self.place(j)).collect();
        let count = wanted.iter().filter(|w| **w).count();
        let few = count > 0 && FEW * count <= wanted.len();
        if !explicit_pays(n, if few { count } else { m * k } as f64, sweeps) {
            return None;
        }
        self.anchor();
        if few {
            let weight = |at: usize| (positions[at / k], at % k);
            let chosen = Chosen::new((0..wanted.len()).filter(|at| wanted[*at]).map(weight).collect(), k);
            let sums = self.sum_parts(chosen.len(), |part, scaled: &mut Aligned<T>, sum| {
                chosen.add(block, (&part.x, &part.q, &part.w), scaled, sum);
            });
            return Some(chosen.hessian(sums));
        }
        wanted.fill(true);
        let sums = self.sum_parts(pair_len(m, k), |part, buffers: &mut Buffers<T>, sum| {
            buffers.load(block, part, &positions);
            let Buffers { x, p, w, q, products } = buffers;
            pair_sums(block, x, p, w, m, q, products, sum);
        });
        Some(from_pairs(sums, m, k))
    }
}
