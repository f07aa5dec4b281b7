//! Columns of a dense design: those at work are packed, standardised, by blocks of rows.
//!
//! What it holds: the packed columns in f64, six tables of n × K and two of n; all d features where they are few.

use super::columns::{Columns, Means};
use super::dense_part::{Part, Slot};
use super::foresee::foresee;
use super::kept::Precision;
use super::pass::View;
use super::readings::{Readings, Rests};
use super::ridge::SLOTS;
use super::slot::Totals;
use crate::design::rows::{RowBlocks, Standardise, block};
use crate::design::{Design, Storage};
use crate::kernel::{self, Aligned, Block, Curved, Panels, RowSums, Step};
use crate::linalg::Symmetric;
use crate::parallel::{Workers, tree_reduce};
use crate::target::Target;

/// Designs of at most this many features are packed at once.
const ALL: usize = 512;
/// But not above so many numbers.
const ALL_NUMBERS: usize = 1 << 25;
/// How much faster a Gram matrix is built than columns are swept, for each multiply-add.
const GRAM_SPEED: f64 = 8.0;
/// No position.
const NONE: usize = usize::MAX;

#[derive(Debug)]
pub(super) struct DenseColumns<'a> {
    pub(super) blocks: RowBlocks<'a>,
    target: &'a Target,
    pub(super) workers: Workers,
    /// The features that are packed, in the order of their columns.
    pub(super) packed: Vec<usize>,
    /// Where each feature (and the intercept) is packed.
    position: Vec<usize>,
    pub(super) slots: Vec<Slot>,
    pub(super) readings: Readings,
}

/// Are the features of n rows packed at once?
pub(crate) fn packs_all(n: usize, features: usize) -> bool {
    features <= ALL && n * features <= ALL_NUMBERS
}

/// Blocks of rows of d features, few of which are at work at a time.
pub(crate) fn row_block(n: usize, d: usize, k: usize) -> Block {
    block(n, d.min(ALL) + 3 * k)
}

/// Is building the curvature of so many weights cheaper than what sweeps over it save? In multiply-adds.
pub(crate) fn explicit_pays(n: f64, weights: f64, sweeps: f64) -> bool {
    let building = 0.25 * n * weights * weights / GRAM_SPEED;
    // About a third of the weights are at work.
    let saved = sweeps * (5.0 * n * weights - weights * weights / 3.0);
    building <= saved
}

impl<'a> DenseColumns<'a> {
    pub(super) fn new(
        design: Design<'a>,
        target: &'a Target,
        standardise: &Standardise,
        intercept: bool,
        workers: &Workers,
    ) -> Self {
        let k = target.classes().len();
        let block = row_block(design.rows(), design.features(), k);
        let blocks = RowBlocks { block, ..RowBlocks::new(design, standardise.clone(), intercept, 0) };
        let view = View::new(target, &blocks);
        let part = |index: usize| {
            let table = || Aligned::zeros(block.len(k));
            let mut w = Aligned::zeros(block.rows);
            view.weigh(index, &mut w);
            w.iter_mut().for_each(|w| *w /= design.rows() as f64);
            Part {
                index,
                x: Aligned::default(),
                w,
                z: table(),
                p: table(),
                q: table(),
                r: table(),
                ahead: table(),
                dz: table(),
                s: Aligned::zeros(block.rows),
                label_score: vec![0.0; block.rows],
                rows: RowSums::new(block),
                focused: Aligned::default(),
                u: Aligned::default(),
            }
        };
        let count = blocks.count();
        let slots = count.min(SLOTS);
        let slot = |s: usize| Slot {
            parts: (count * s / slots..count * (s + 1) / slots).map(part).collect(),
            ..Slot::default()
        };
        let d = design.features();
        let mut this = Self {
            slots: (0..slots).map(slot).collect(),
            packed: vec![],
            position: vec![NONE; d + 1],
            target,
            workers: workers.clone(),
            blocks,
            readings: Readings::default(),
        };
        let mut first: Vec<usize> = (0..if packs_all(design.rows(), d) { d } else { 0 }).collect();
        first.extend(intercept.then_some(d));
        this.append(&first);
        this
    }

    pub(super) fn classes(&self) -> usize {
        self.target.classes().len()
    }

    /// Packs features that are not.
    pub(super) fn append(&mut self, features: &[usize]) {
        for (i, &j) in features.iter().enumerate() {
            self.position[j] = self.packed.len() + i;
        }
        self.packed.extend_from_slice(features);
        let blocks = &self.blocks;
        self.workers.for_each(&mut self.slots, |_, slot| {
            for part in &mut slot.parts {
                match blocks.design.storage() {
                    Storage::F64(x) => part.append(blocks, x, features),
                    Storage::F32(x) => part.append(blocks, x, features),
                    Storage::Csr(_) => {}
                }
            }
        });
    }

    /// Runs `work` on every part, slot by slot in parallel; the totals' sum.
    fn each_part(&mut self, work: impl Fn(&View<'_>, &mut Part, &mut Totals) + Sync + Send) -> Means {
        let view = View::new(self.target, &self.blocks);
        self.workers.for_each(&mut self.slots, |_, slot| {
            slot.totals = Totals::default();
            for part in &mut slot.parts {
                work(&view, part, &mut slot.totals);
            }
        });
        tree_reduce(&mut self.slots, |into, from| into.totals.add(&from.totals));
        self.slots[0].totals.into()
    }

    /// Sums over the parts what `work` adds to `len` numbers; each slot has buffers B.
    pub(super) fn sum_parts<B: Default>(
        &mut self,
        len: usize,
        work: impl Fn(&mut Part, &mut B, &mut [f64]) + Sync + Send,
    ) -> &[f64] {
        self.workers.for_each(&mut self.slots, |_, slot| {
            slot.sum.clear();
            slot.sum.resize(len, 0.0);
            let mut buffers = B::default();
            for part in &mut slot.parts {
                work(part, &mut buffers, &mut slot.sum);
            }
        });
        tree_reduce(&mut self.slots, |into, from| {
            into.sum.iter_mut().zip(&from.sum).for_each(|(a, b)| *a += b);
        });
        &self.slots[0].sum
    }

    /// θ of the packed features (packed × K).
    fn panels(&self, theta: &[f64]) -> Panels<f64> {
        let k = self.classes();
        let mut packed = Vec::with_capacity(self.packed.len() * k);
        for &j in &self.packed {
            packed.extend_from_slice(&theta[j * k..(j + 1) * k]);
        }
        let mut panels = Panels::default();
        panels.pack(&packed, k, 1.0);
        panels
    }

    /// The curvature is that of the probabilities of the last trial.
    pub(super) fn anchor(&mut self) {
        self.each_part(|view, part, _| {
            let Part { p, w, q, .. } = part;
            kernel::weighted_columns(view.blocks.block, p, w, q);
        });
    }

    /// X̃ᵀr of some features, r a table of each part.
    pub(super) fn gradient_of(
        &mut self,
        features: &[usize],
        out: &mut [f64],
        r: impl Fn(&Part) -> &[f64] + Sync + Send,
    ) {
        let (k, block, packed) = (self.classes(), self.blocks.block, self.packed.len());
        let positions: Vec<usize> = features.iter().map(|j| self.position[*j]).collect();
        let sums = self.sum_parts(packed * k, |part, (): &mut (), sum| {
            kernel::outer(block, &part.x, r(part), k, sum);
        });
        for (&j, at) in features.iter().zip(positions) {
            out[j * k..(j + 1) * k].copy_from_slice(&sums[at * k..(at + 1) * k]);
        }
    }

    pub(super) fn is_packed(&self, feature: usize) -> bool {
        self.position[feature] != NONE
    }

    /// Where a packed feature is.
    pub(super) fn place(&self, feature: usize) -> usize {
        self.position[feature]
    }

    /// A table of K columns of each part, by rows.
    pub(super) fn by_rows(&self, table: impl Fn(&Part) -> &[f64]) -> Vec<f64> {
        let k = self.classes();
        let mut rows = Vec::with_capacity(self.blocks.design.rows() * k);
        for part in self.slots.iter().flat_map(|slot| &slot.parts) {
            let table = table(part);
            for r in 0..self.blocks.rows(part.index).len() {
                rows.extend((0..k).map(|c| table[c * self.blocks.block.stride + r]));
            }
        }
        rows
    }
}

impl Columns for DenseColumns<'_> {
    fn pack(&mut self, features: &[usize]) {
        let new: Vec<usize> = features.iter().copied().filter(|&j| self.position[j] == NONE).collect();
        if !new.is_empty() {
            self.append(&new);
        }
    }

    fn evaluate(&mut self, theta: &[f64]) -> Means {
        let panels = self.panels(theta);
        self.each_part(|view, part, _| {
            kernel::logits(view.blocks.block, &part.x, &panels, &mut part.z);
            part.dz.fill(0.0);
        });
        self.trial(0.0)
    }

    fn trial(&mut self, t: f64) -> Means {
        self.each_part(|view, part, totals| {
            let Part { index, z, dz, p, w, r, rows, label_score, .. } = part;
            kernel::moved(z, t, dz, p);
            view.residuals(*index, p, w, r, rows, label_score, totals);
        })
    }

    fn commit(&mut self, t: f64) {
        self.each_part(|_, part, _| {
            let Part { z, dz, .. } = part;
            kernel::axpy(t, dz, z);
        });
    }

    fn gradient(&mut self, features: &[usize], out: &mut [f64]) {
        self.gradient_of(features, out, |part| &part.r);
    }

    fn correlations(&mut self, out: &mut [f64]) {
        self.correlations_of(out, |part| &part.r);
    }

    fn moments(&mut self) -> Vec<f64> {
        let k = self.classes();
        self.each_part(|view, part, _| {
            part.r.fill(0.0);
            view.add_labels(part.index, &part.w, &mut part.r, 1.0);
        });
        let mut out = vec![0.0; self.blocks.columns() * k];
        self.correlations(&mut out);
        out
    }

    fn scores(&self) -> Vec<f64> {
        self.by_rows(|part| &part.z)
    }

    fn model(&mut self) {
        self.anchor();
        self.each_part(|_, part, _| {
            let Part { dz, s, .. } = part;
            dz.fill(0.0);
            s.fill(0.0);
        });
    }

    fn dots(&mut self, feature: usize, classes: &[u32], out: &mut [f64]) {
        let (block, at) = (self.blocks.block, self.position[feature]);
        for part in self.slots.iter().flat_map(|slot| &slot.parts) {
            let x = part.column(block, at);
            kernel::curved_dots(&part.curved(block), x, classes, &part.dz, &part.s, out);
        }
    }

    fn model_gradient(&mut self, features: &[usize], out: &mut [f64]) {
        let (k, block) = (self.classes(), self.blocks.block);
        let positions: Vec<usize> = features.iter().map(|j| self.position[*j]).collect();
        let sums = self.sum_parts(self.packed.len() * k, |part, (): &mut (), sum| {
            let Part { x, q, dz, s, u, .. } = part;
            u.fit(block.len(k));
            let columns = u.chunks_exact_mut(block.stride).zip(q.chunks_exact(block.stride));
            for ((u, q), dz) in columns.zip(dz.chunks_exact(block.stride)) {
                for (((u, q), dz), s) in u.iter_mut().zip(q).zip(dz).zip(&**s) {
                    *u = q * (dz - s);
                }
            }
            kernel::outer(block, x, u, k, sum);
        });
        for (out, at) in out.chunks_exact_mut(k).zip(positions) {
            out.copy_from_slice(&sums[at * k..(at + 1) * k]);
        }
    }

    fn curvature(&mut self, feature: usize, classes: &[u32], h: &mut [f64]) {
        let (block, at) = (self.blocks.block, self.position[feature]);
        for part in self.slots.iter().flat_map(|slot| &slot.parts) {
            kernel::curvatures(&part.curved(block), part.column(block, at), classes, h);
        }
    }

    fn shift(&mut self, feature: usize, classes: &[u32], delta: &[f64]) {
        let (block, at) = (self.blocks.block, self.position[feature]);
        for part in self.slots.iter_mut().flat_map(|slot| &mut slot.parts) {
            let Part { x, p, q, dz, s, .. } = part;
            let x = &x[at * block.stride..][..block.rows];
            kernel::shift_scores(&Curved { block, p, q }, x, classes, delta, dz, s);
        }
    }

    fn model_value(&mut self) -> f64 {
        let k = self.classes();
        let mut value = 0.0;
        for part in self.slots.iter().flat_map(|slot| &slot.parts) {
            let stride = self.blocks.block.stride;
            for (r, s) in part.s.iter().enumerate() {
                let squares: f64 =
                    (0..k).map(|c| part.q[c * stride + r] * part.dz[c * stride + r].powi(2)).sum();
                value += 0.5 * (squares - part.w[r] * s * s);
            }
        }
        value
    }

    fn hessian(
        &mut self,
        features: &[usize],
        wanted: &mut [bool],
        precision: Precision,
        sweeps: f64,
    ) -> Option<Symmetric> {
        match precision {
            Precision::Single => self.hessian_in::<f32>(features, wanted, sweeps),
            Precision::Double => self.hessian_in::<f64>(features, wanted, sweeps),
        }
    }

    fn focus(&mut self, features: &[usize], _: &[bool]) {
        let (k, block) = (self.classes(), self.blocks.block);
        let positions: Vec<usize> = features.iter().map(|j| self.position[*j]).collect();
        self.each_part(|_, part, _| {
            let mut focused = std::mem::take(&mut part.focused);
            part.collect(block, &positions, &mut focused);
            part.focused = focused;
            part.u.fit(block.len(k));
        });
    }

    fn product(&mut self, v: &[f64], out: &mut [f64]) {
        let (k, block) = (self.classes(), self.blocks.block);
        let mut panels = Panels::default();
        panels.pack(v, k, 1.0);
        let sums = self.sum_parts(v.len(), |part, (): &mut (), sum| {
            let Part { focused, u, p, w, .. } = part;
            kernel::logits(block, focused, &panels, u);
            kernel::covariance_columns(block, p, w, u);
            kernel::outer(block, focused, u, k, sum);
        });
        out.copy_from_slice(sums);
    }

    fn foresee(&mut self) -> Option<Means> {
        let k = self.classes();
        let sums = self.each_part(|view, part, totals| {
            let Part { index, w, p, q, r, dz, s, u, ahead, label_score, .. } = part;
            let block = view.blocks.block;
            u.fit(block.len(k));
            let of = Step { block, k, w, p, q, r, dz };
            foresee(&of, (view, *index), (s, label_score), (u, ahead), totals);
        });
        let least = self.slots[0].totals.least;
        (least >= 0.0).then_some(sums)
    }

    fn foreseen_gradient(&mut self, features: &[usize], out: &mut [f64]) {
        self.gradient_of(features, out, |part| &part.ahead);
    }

    fn foreseen_correlations(&mut self, out: &mut [f64]) {
        self.correlations_of(out, |part| &part.ahead);
    }

    fn correlations_unless(
        &mut self,
        rests: Option<Rests<'_>>,
        foreseen: bool,
        out: &mut [f64],
        bounded: &mut [bool],
    ) -> f64 {
        if foreseen {
            self.correlations_unless(rests, out, bounded, |part| &part.ahead)
        } else {
            self.correlations_unless(rests, out, bounded, |part| &part.r)
        }
    }

    fn set_step(&mut self, features: &[usize], delta: &[f64]) {
        let k = self.classes();
        let moves = |delta: &[f64]| delta.iter().any(|d| *d != 0.0);
        let moved = || features.iter().copied().zip(delta.chunks_exact(k)).filter(|(_, delta)| moves(delta));
        let count = moved().count();
        // Where most columns move all are read in place, else those that do are put side by side.
        let in_place = 2 * count >= self.packed.len();
        let mut rows = vec![0.0; if in_place { self.packed.len() } else { count } * k];
        for (i, (j, delta)) in moved().enumerate() {
            let at = if in_place { self.position[j] } else { i };
            rows[at * k..(at + 1) * k].copy_from_slice(delta);
        }
        if !in_place {
            self.focus(&moved().map(|(j, _)| j).collect::<Vec<usize>>(), &[]);
        }
        let mut panels = Panels::default();
        panels.pack(&rows, k, 1.0);
        self.each_part(|view, part, _| {
            let Part { x, focused, p, dz, s, .. } = part;
            let focused = if in_place { &*x } else { &*focused };
            let block = view.blocks.block;
            kernel::logits(block, focused, &panels, dz);
            kernel::mean_columns(block, p, dz, s);
        });
    }
}
