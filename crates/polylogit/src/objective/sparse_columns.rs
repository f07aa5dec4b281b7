//! Columns of a sparse design: stored values by rows and by columns, tables of n × K numbers by rows.
//!
//! A coordinate costs its column's stored values, whatever n is: of Δz and s = Σ_k p_k Δz_k only the rows that the
//! column touches change.

use super::columns::{Columns, Damping, Means};
use super::kept::Precision;
use super::pass::View;
use super::slot::Totals;
use super::sparse_focus::{Focus, Weighed};
use super::sparse_hessian;
use crate::design::lines::Lines;
use crate::design::rows::{RowBlocks, Standardise};
use crate::design::{Csr, Design};
use crate::kernel::{self, RowSums};
use crate::linalg::Symmetric;
use crate::parallel::{Workers, tree_reduce};
use crate::target::Target;

/// Ranges that rows, and columns, are shared out to.
const SHARES: usize = 64;

#[derive(Debug)]
pub(super) struct SparseColumns<'a> {
    blocks: RowBlocks<'a>,
    target: &'a Target,
    workers: Workers,
    rows: Lines,
    columns: Lines,
    /// Shares of the columns.
    shares: Vec<std::ops::Range<usize>>,
    /// Numbers in a row of a table: K, padded.
    width: usize,
    /// s/S.
    w: Vec<f64>,
    z: Vec<f64>,
    p: Vec<f64>,
    /// w (p − y).
    r: Vec<f64>,
    dz: Vec<f64>,
    /// Σ_k p_k Δz_k.
    s: Vec<f64>,
    focus: Option<Focus>,
    /// w p (Δz − s), where the model's gradient was asked for.
    t: Vec<f64>,
    /// Memory of curvature that served: pages of new memory cost as much as what is summed in them.
    used: Vec<f64>,
}

impl<'a> SparseColumns<'a> {
    pub(super) fn new(
        design: Design<'a>,
        csr: Csr<'_>,
        target: &'a Target,
        standardise: &Standardise,
        intercept: bool,
        workers: &Workers,
    ) -> Self {
        let (n, k) = (design.rows(), target.classes().len());
        let rows = Lines::by_rows(csr, n, &standardise.factor);
        let columns = rows.transposed(design.features());
        let width = kernel::padded(k);
        let total = target.total_weight();
        let table = || vec![0.0; n * width];
        Self {
            blocks: RowBlocks::new(design, standardise.clone(), intercept, 3 * k),
            target,
            workers: workers.clone(),
            shares: columns.shares(SHARES),
            rows,
            columns,
            width,
            w: (0..n).map(|i| target.weight(i) / total).collect(),
            z: table(),
            p: table(),
            r: table(),
            dz: table(),
            s: vec![0.0; n],
            focus: None,
            t: vec![],
            used: vec![],
        }
    }

    fn classes(&self) -> usize {
        self.target.classes().len()
    }

    fn intercept(&self) -> usize {
        self.blocks.design.features()
    }

    /// `out` = X̃ table (n rows), by shares of rows.
    fn scores(&self, table: &[f64], out: &mut [f64]) {
        let (width, d) = (self.width, self.intercept());
        let per_share = self.blocks.design.rows().div_ceil(SHARES);
        let mut shares: Vec<&mut [f64]> = out.chunks_mut(per_share * width).collect();
        self.workers.for_each(&mut shares, |s, out| {
            for row in out.chunks_exact_mut(width) {
                row.copy_from_slice(&table[d * width..]);
            }
            let first = s * per_share;
            kernel::gather(self.rows.of(first..first + out.len() / width), &table[..d * width], width, out);
        });
    }

    /// Rows of θ as rows of a table; the last is the intercepts.
    fn table(&self, rows: impl Iterator<Item = usize>, values: &[f64]) -> Vec<f64> {
        let (k, width) = (self.classes(), self.width);
        let mut table = vec![0.0; (self.intercept() + 1) * width];
        for (row, values) in rows.zip(values.chunks_exact(k)) {
            table[row * width..row * width + k].copy_from_slice(values);
        }
        table
    }

    /// X̃ᵀr of a table by rows (m × K).
    fn correlate(&self, r: &[f64], out: &mut [f64]) {
        let (k, width, d) = (self.classes(), self.width, self.intercept());
        let (mut features, intercepts) = out.split_at_mut(d * k);
        let mut shares = Vec::with_capacity(self.shares.len());
        for range in &self.shares {
            let (own, rest) = std::mem::take(&mut features).split_at_mut(range.len() * k);
            features = rest;
            shares.push((range.clone(), own));
        }
        self.workers.for_each(&mut shares, |_, (range, out)| {
            let mut sums = vec![0.0; range.len() * width];
            kernel::gather(self.columns.of(range.clone()), r, width, &mut sums);
            for (out, sums) in out.chunks_exact_mut(k).zip(sums.chunks_exact(width)) {
                out.copy_from_slice(&sums[..k]);
            }
        });
        if self.blocks.intercept {
            intercepts.fill(0.0);
            for row in r.chunks_exact(width) {
                intercepts.iter_mut().zip(row).for_each(|(sum, r)| *sum += r);
            }
        }
    }

    /// Rows x̃_jᵀr of a table by rows, of some features and the intercept.
    fn columns_of(&self, features: &[usize], r: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; features.len() * self.width];
        let per_share = features.len().div_ceil(SHARES).max(1);
        let mut shares: Vec<_> =
            features.chunks(per_share).zip(sums.chunks_mut(per_share * self.width)).collect();
        self.workers.for_each(&mut shares, |_, (features, sums)| {
            for (&j, sums) in features.iter().zip(sums.chunks_exact_mut(self.width)) {
                if j == self.intercept() {
                    for row in r.chunks_exact(self.width) {
                        sums.iter_mut().zip(row).for_each(|(sum, r)| *sum += r);
                    }
                } else {
                    kernel::gather(self.columns.of(j..j + 1), r, self.width, sums);
                }
            }
        });
        sums
    }

    /// Fills `table` by blocks of rows: `work(view, block, scratch)` leaves K columns in the scratch's `u`.
    fn fill(
        blocks: &RowBlocks<'_>,
        target: &Target,
        workers: &Workers,
        width: usize,
        p: &mut [f64],
        r: &mut [f64],
        work: impl Fn(&View<'_>, usize, &mut Scratch, &mut Totals) + Sync + Send,
    ) -> Totals {
        let k = target.classes().len();
        let view = View::new(target, blocks);
        let block = blocks.block;
        let count = blocks.count().div_ceil(SHARES);
        let per_share = count * block.rows * width;
        let mut shares: Vec<_> = p
            .chunks_mut(per_share)
            .zip(r.chunks_mut(per_share))
            .map(|(p, r)| (p, r, Totals::default()))
            .collect();
        workers.for_each(&mut shares, |share, (p, r, totals)| {
            let table = || vec![0.0; block.len(k)];
            let mut scratch = Scratch {
                p: table(),
                u: table(),
                w: vec![0.0; block.rows],
                label_score: vec![0.0; block.rows],
                rows: RowSums::new(block),
            };
            let parts = p.chunks_mut(block.rows * width).zip(r.chunks_mut(block.rows * width));
            for (i, (p, r)) in parts.enumerate() {
                work(&view, share * count + i, &mut scratch, totals);
                for (row, (p, r)) in p.chunks_exact_mut(width).zip(r.chunks_exact_mut(width)).enumerate() {
                    for c in 0..k {
                        p[c] = scratch.p[c * block.stride + row];
                        r[c] = scratch.u[c * block.stride + row];
                    }
                }
            }
        });
        tree_reduce(&mut shares, |into, from| into.2.add(&from.2));
        shares[0].2
    }

    /// Runs `work(row, value)` on a column's stored values, or on all rows with 1 for the intercept.
    fn each(&self, feature: usize, mut work: impl FnMut(usize, f64)) {
        if feature == self.intercept() {
            (0..self.w.len()).for_each(|row| work(row, 1.0));
        } else {
            let column = self.columns.of(feature..feature + 1);
            for at in column.starts[0]..column.starts[1] {
                work(column.indices[at] as usize, column.values[at]);
            }
        }
    }
}

/// A share's buffers: K columns of a block, or numbers of its rows.
struct Scratch {
    p: Vec<f64>,
    u: Vec<f64>,
    w: Vec<f64>,
    label_score: Vec<f64>,
    rows: RowSums<f64>,
}

impl Columns for SparseColumns<'_> {
    fn pack(&mut self, _: &[usize]) {}

    fn evaluate(&mut self, theta: &[f64]) -> Means {
        let table = self.table(0..=self.intercept(), theta);
        let mut z = std::mem::take(&mut self.z);
        self.scores(&table, &mut z);
        self.z = z;
        self.dz.fill(0.0);
        self.trial(0.0)
    }

    fn trial(&mut self, t: f64) -> Means {
        let (width, k) = (self.width, self.classes());
        let Self { blocks, target, workers, w, z, dz, p, r, .. } = self;
        Self::fill(blocks, target, workers, width, p, r, |view, b, scratch, totals| {
            let Scratch { p, u, w: weight, label_score, rows } = scratch;
            let (of, stride) = (view.blocks.rows(b), view.blocks.block.stride);
            weight.fill(0.0);
            weight[..of.len()].copy_from_slice(&w[of.clone()]);
            p.fill(0.0);
            for (r, row) in of.enumerate() {
                for c in 0..k {
                    p[c * stride + r] = z[row * width + c] + t * dz[row * width + c];
                }
            }
            view.residuals(b, p, weight, u, rows, label_score, totals);
        })
        .into()
    }

    fn commit(&mut self, t: f64) {
        let Self { z, dz, .. } = self;
        kernel::axpy(t, dz, z);
        dz.fill(0.0);
    }

    fn gradient(&mut self, features: &[usize], out: &mut [f64]) {
        let k = self.classes();
        let sums = self.columns_of(features, &self.r);
        for (&j, sums) in features.iter().zip(sums.chunks_exact(self.width)) {
            out[j * k..(j + 1) * k].copy_from_slice(&sums[..k]);
        }
    }

    fn correlations(&mut self, out: &mut [f64]) {
        self.correlate(&self.r, out);
    }

    fn moments(&mut self) -> Vec<f64> {
        let width = self.width;
        let Self { blocks, target, workers, w, p, r, .. } = self;
        Self::fill(blocks, target, workers, width, p, r, |view, b, scratch, _| {
            let of = view.blocks.rows(b);
            scratch.w[..of.len()].copy_from_slice(&w[of]);
            scratch.u.fill(0.0);
            view.add_labels(b, &scratch.w, &mut scratch.u, 1.0);
        });
        let mut out = vec![0.0; self.blocks.columns() * self.classes()];
        self.correlate(&self.r, &mut out);
        out
    }

    fn scores(&self) -> Vec<f64> {
        let k = self.classes();
        self.z.chunks_exact(self.width).flat_map(|row| &row[..k]).copied().collect()
    }

    fn model(&mut self) {
        self.dz.fill(0.0);
        self.s.fill(0.0);
    }

    fn model_gradient(&mut self, features: &[usize], out: &mut [f64]) {
        let (k, width) = (self.classes(), self.width);
        let mut table = std::mem::take(&mut self.t);
        table.resize(self.dz.len(), 0.0);
        let per_share = self.w.len().div_ceil(SHARES);
        let mut shares: Vec<&mut [f64]> = table.chunks_mut(per_share * width).collect();
        self.workers.for_each(&mut shares, |share, t| {
            for (row, t) in (share * per_share..).zip(t.chunks_exact_mut(width)) {
                let of = row * width..(row + 1) * width;
                let (w, s) = (self.w[row], self.s[row]);
                for ((t, p), dz) in t.iter_mut().zip(&self.p[of.clone()]).zip(&self.dz[of]) {
                    *t = w * p * (dz - s);
                }
            }
        });
        let sums = self.columns_of(features, &table);
        self.t = table;
        for (out, sums) in out.chunks_exact_mut(k).zip(sums.chunks_exact(width)) {
            out.copy_from_slice(&sums[..k]);
        }
    }

    fn dots(&mut self, feature: usize, classes: &[u32], out: &mut [f64]) {
        let width = self.width;
        if classes.len() == self.classes() {
            return self.each(feature, |row, x| {
                let (wx, s) = (self.w[row] * x, self.s[row]);
                let of = row * width..(row + 1) * width;
                for ((out, p), dz) in out.iter_mut().zip(&self.p[of.clone()]).zip(&self.dz[of]) {
                    *out += wx * p * (dz - s);
                }
            });
        }
        self.each(feature, |row, x| {
            let (wx, s) = (self.w[row] * x, self.s[row]);
            let (p, dz) = (&self.p[row * width..(row + 1) * width], &self.dz[row * width..(row + 1) * width]);
            for (out, &c) in out.iter_mut().zip(classes) {
                *out += wx * p[c as usize] * (dz[c as usize] - s);
            }
        });
    }

    fn curvature(&mut self, feature: usize, classes: &[u32], h: &mut [f64]) {
        let (width, count) = (self.width, classes.len());
        self.each(feature, |row, x| {
            let wx = self.w[row] * x * x;
            let p = &self.p[row * width..(row + 1) * width];
            for (i, &c) in classes.iter().enumerate() {
                let q = wx * p[c as usize];
                for (h, &e) in h[i * count..(i + 1) * count].iter_mut().zip(classes) {
                    *h -= q * p[e as usize];
                }
                h[i * count + i] += q;
            }
        });
    }

    fn shift(&mut self, feature: usize, classes: &[u32], delta: &[f64]) {
        let width = self.width;
        let (mut dz, mut s) = (std::mem::take(&mut self.dz), std::mem::take(&mut self.s));
        self.each(feature, |row, x| {
            let p = &self.p[row * width..(row + 1) * width];
            let dz = &mut dz[row * width..(row + 1) * width];
            let mut sum = 0.0;
            for (delta, &c) in delta.iter().zip(classes) {
                dz[c as usize] += x * delta;
                sum += delta * p[c as usize];
            }
            s[row] += x * sum;
        });
        (self.dz, self.s) = (dz, s);
    }

    fn model_value(&mut self) -> f64 {
        let rows = self.p.chunks_exact(self.width).zip(self.dz.chunks_exact(self.width));
        rows.zip(self.w.iter().zip(&self.s))
            .map(|((p, dz), (w, s))| {
                let squares: f64 = p.iter().zip(dz).map(|(p, dz)| p * dz * dz).sum();
                0.5 * w * (squares - s * s)
            })
            .sum()
    }

    fn hessian(&mut self, _: &[usize], _: &mut [bool], _: Precision, _: f64) -> Option<Symmetric> {
        None
    }

    fn hessian_of(&mut self, features: &[usize], chosen: &[bool], damping: Damping<'_>) -> Option<Symmetric> {
        let of = Weighed { p: &self.p, w: &self.w, width: self.width };
        let memory = std::mem::take(&mut self.used);
        sparse_hessian::of_weights(
            &self.columns,
            of,
            (&self.r, damping),
            (features, chosen),
            memory,
            &self.workers,
        )
    }

    fn recycle(&mut self, used: Symmetric) {
        self.used = used.values;
    }

    fn focus(&mut self, features: &[usize], free: &[bool]) {
        let buffer = self.focus.take().map(Focus::into_buffer).unwrap_or_default();
        self.focus = Some(Focus::new(&self.columns, self.w.len(), features, free, buffer));
    }

    fn product(&mut self, v: &[f64], out: &mut [f64]) {
        let of = Weighed { p: &self.p, w: &self.w, width: self.width };
        if let Some(focus) = &mut self.focus {
            focus.product(of, &self.workers, v, out);
        }
    }

    fn set_step(&mut self, features: &[usize], delta: &[f64]) {
        self.dz.fill(0.0);
        self.s.fill(0.0);
        let k = self.classes();
        let (mut classes, mut moved) = (vec![], vec![]);
        for (&j, delta) in features.iter().zip(delta.chunks_exact(k)) {
            classes.clear();
            classes.extend((0..k as u32).filter(|c| delta[*c as usize] != 0.0));
            moved.clear();
            moved.extend(classes.iter().map(|c| delta[*c as usize]));
            if !classes.is_empty() {
                self.shift(j, &classes, &moved);
            }
        }
    }
}
