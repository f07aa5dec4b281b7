//! The fused pass over the row blocks: L/S + ½ Σ_j λ_j ‖θ_j‖², its gradient and Hessian-vector product.
//!
//! For each block of rows: scores Z = X̃θ (+ offsets), probabilities P = softmax(Z), residuals s(P − Y)/S, and
//! their product with X̃ᵀ, while the block is in the core's cache. Only partial sums leave it: one slot of them
//! for each fixed range of blocks, added in a fixed tree.

use super::{Dual, Margins, Objective, Point};
use crate::design::Storage;
use crate::design::rows::RowBlocks;
use crate::kernel::{self, RowSums};
use crate::linalg::Symmetric;
use crate::parallel::{Workers, tree_reduce};
use crate::target::{Labels, Target};

/// Most ranges that the blocks are shared out to.
const SLOTS: usize = 16;
/// Partial sums may take this share of X.
const SLOT_SHARE: usize = 2;
/// Probabilities (n × K) are kept between passes if they take less than this many numbers…
const KEEP: usize = 32 * 1024 * 1024;
/// …or than this share of X.
const KEEP_SHARE: usize = 4;
/// Sparse designs of at most this many columns are worked on as dense blocks.
pub(crate) const DENSE_COLUMNS: usize = 1024;

/// L/S + ½ Σ_j λ_j ‖θ_j‖² over row blocks.
#[derive(Debug)]
pub(crate) struct RidgeNll<'a> {
    pub(super) blocks: RowBlocks<'a>,
    target: &'a Target,
    pub(super) workers: Workers,
    pub(super) slots: Vec<Slot>,
    dual: Dual,
    total_weight: f64,
    keep: bool,
    /// Work on stored values only?
    sparse: bool,
    /// The point evaluated last.
    theta: Vec<f64>,
}

/// The scratch and the partial sums of one range of blocks.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) blocks: std::ops::Range<usize>,
    /// X̃ (m columns).
    pub(super) x: Vec<f64>,
    /// Scores, then probabilities (K columns).
    pub(super) p: Vec<f64>,
    /// Residuals, or Δz (K columns).
    pub(super) u: Vec<f64>,
    /// s_i/S; 0 beyond the last row.
    pub(super) weight: Vec<f64>,
    /// y_i·z_i.
    label_score: Vec<f64>,
    rows: RowSums,
    /// Probabilities of all blocks of the range.
    kept: Vec<f64>,
    /// A row of scores, for sparse blocks.
    row: Vec<f64>,
    /// Columns of a block for the explicit curvatures, made on first use.
    pub(super) scratch: Vec<f64>,
    pub(super) sum: Vec<f64>,
    totals: Totals,
}

/// Scalars summed over rows.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    nll: f64,
    entropy: f64,
    offset: f64,
    worst: f64,
}

impl<'a> RidgeNll<'a> {
    /// `ridge`: λ_j for each of the m columns of the blocks.
    pub(crate) fn new(blocks: RowBlocks<'a>, target: &'a Target, ridge: Vec<f64>, workers: Workers) -> Self {
        let (m, k) = (blocks.columns(), target.classes().len());
        let count = blocks.count();
        let stored = blocks.design.stored();
        let room = (stored / SLOT_SHARE).max(1 << 20) / (m * k).max(1);
        let slots = count.min(SLOTS).min(room.max(2)).max(1);
        let keep = blocks.block.len(k) * count <= KEEP.max(stored / KEEP_SHARE);
        let sparse = matches!(blocks.design.storage(), Storage::Csr(_)) && m > DENSE_COLUMNS;
        let block = blocks.block;
        let slot = |s: usize| {
            let range = count * s / slots..count * (s + 1) / slots;
            Slot {
                x: if sparse { Vec::new() } else { vec![0.0; block.len(m)] },
                p: vec![0.0; block.len(k)],
                u: vec![0.0; block.len(k)],
                weight: vec![0.0; block.rows],
                label_score: vec![0.0; block.rows],
                rows: RowSums::new(block),
                kept: if keep { vec![0.0; block.len(k) * range.len()] } else { Vec::new() },
                row: vec![0.0; k],
                scratch: Vec::new(),
                sum: vec![0.0; m * k],
                totals: Totals::default(),
                blocks: range,
            }
        };
        let intercept = blocks.intercept;
        let dual = Dual { ridge, intercept, moments: vec![0.0; m * k], offsets: vec![0.0; k] };
        let mut this = Self {
            slots: (0..slots).map(slot).collect(),
            target,
            workers,
            dual,
            total_weight: target.total_weight(),
            keep,
            sparse,
            theta: vec![0.0; m * k],
            blocks,
        };
        this.moments();
        this
    }

    pub(super) fn set_ridge(&mut self, ridge: Vec<f64>) {
        self.dual.ridge = ridge;
    }

    /// May work beyond one pass use dense blocks of this objective?
    pub(crate) fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// (1/S) Σ s x y and the mean offsets.
    fn moments(&mut self) {
        let view = View::of(self.target, self.total_weight, &self.blocks, self.sparse);
        self.workers.for_each(&mut self.slots, |_, slot| {
            slot.sum.fill(0.0);
            for b in slot.blocks.clone() {
                view.load(b, slot);
                slot.u.fill(0.0);
                view.add_labels(b, slot, 1.0);
                view.outer(b, slot);
            }
        });
        tree_reduce(&mut self.slots, |into, from| add(&mut into.sum, &from.sum));
        self.dual.moments.copy_from_slice(&self.slots[0].sum);
        if let Some(offsets) = self.target.offsets() {
            let k = self.target.classes().len();
            for (row, o) in offsets.chunks_exact(k).enumerate() {
                let s = self.target.weight(row) / self.total_weight;
                for (mean, o) in self.dual.offsets.iter_mut().zip(o) {
                    *mean += s * o;
                }
            }
        }
    }

    /// Runs `work` on each block of each slot with its X̃ loaded and P in `slot.p`.
    pub(super) fn with_probabilities(&mut self, work: impl Fn(&View<'_>, usize, &mut Slot) + Sync + Send) {
        let view = View::of(self.target, self.total_weight, &self.blocks, self.sparse);
        let (theta, keep) = (&self.theta, self.keep);
        self.workers.for_each(&mut self.slots, |_, slot| {
            for b in slot.blocks.clone() {
                view.load(b, slot);
                if keep {
                    let len = slot.p.len();
                    let at = (b - slot.blocks.start) * len;
                    let Slot { p, kept, .. } = slot;
                    p.copy_from_slice(&kept[at..at + len]);
                } else {
                    let mut p = std::mem::take(&mut slot.p);
                    view.scores(b, slot, theta, &mut p);
                    view.add_offsets(b, &mut p);
                    kernel::softmax_columns(view.blocks.block, &mut p, &mut slot.rows);
                    slot.p = p;
                }
                work(&view, b, slot);
            }
        });
    }
}

/// What every slot reads.
pub(super) struct View<'v> {
    target: &'v Target,
    total_weight: f64,
    pub(super) blocks: &'v RowBlocks<'v>,
    sparse: bool,
}

impl<'v> View<'v> {
    fn of(target: &'v Target, total_weight: f64, blocks: &'v RowBlocks<'v>, sparse: bool) -> Self {
        Self { target, total_weight, blocks, sparse }
    }

    /// X̃ and s/S of a block.
    fn load(&self, b: usize, slot: &mut Slot) {
        if !self.sparse {
            self.blocks.load(b, &mut slot.x);
        }
        let rows = self.blocks.rows(b);
        slot.weight[rows.len()..].fill(0.0);
        for (w, row) in slot.weight.iter_mut().zip(rows) {
            *w = self.target.weight(row) / self.total_weight;
        }
    }

    /// z = X̃θ (K columns).
    pub(super) fn scores(&self, b: usize, slot: &mut Slot, theta: &[f64], z: &mut [f64]) {
        let block = self.blocks.block;
        let k = slot.row.len();
        let Storage::Csr(csr) = self.blocks.design.storage() else {
            return kernel::logits(block, &slot.x, theta, k, z);
        };
        if !self.sparse {
            return kernel::logits(block, &slot.x, theta, k, z);
        }
        let factor = &self.blocks.standardise.factor;
        z.fill(0.0);
        for (r, row) in self.blocks.rows(b).enumerate() {
            match theta.get(factor.len() * k..) {
                Some(intercepts) if self.blocks.intercept => slot.row.copy_from_slice(intercepts),
                _ => slot.row.fill(0.0),
            }
            for (j, v) in csr.row(row) {
                let v = v * factor[j];
                for (z, t) in slot.row.iter_mut().zip(&theta[j * k..(j + 1) * k]) {
                    *z += v * t;
                }
            }
            for (c, v) in slot.row.iter().enumerate() {
                z[c * block.stride + r] = *v;
            }
        }
    }

    /// slot.sum += X̃ᵀ u.
    pub(super) fn outer(&self, b: usize, slot: &mut Slot) {
        let block = self.blocks.block;
        let k = slot.row.len();
        let csr = match self.blocks.design.storage() {
            Storage::Csr(csr) if self.sparse => csr,
            _ => return kernel::outer(block, &slot.x, &slot.u, k, &mut slot.sum),
        };
        let factor = &self.blocks.standardise.factor;
        for (r, row) in self.blocks.rows(b).enumerate() {
            for (c, v) in slot.row.iter_mut().enumerate() {
                *v = slot.u[c * block.stride + r];
            }
            for (j, v) in csr.row(row) {
                let v = v * factor[j];
                for (g, u) in slot.sum[j * k..(j + 1) * k].iter_mut().zip(&slot.row) {
                    *g += v * u;
                }
            }
            if self.blocks.intercept {
                for (g, u) in slot.sum[factor.len() * k..].iter_mut().zip(&slot.row) {
                    *g += u;
                }
            }
        }
    }

    fn add_offsets(&self, b: usize, z: &mut [f64]) {
        if let Some(offsets) = self.target.offsets() {
            let k = self.target.classes().len();
            for (r, row) in self.blocks.rows(b).enumerate() {
                for (c, o) in offsets[row * k..(row + 1) * k].iter().enumerate() {
                    z[c * self.blocks.block.stride + r] += o;
                }
            }
        }
    }

    /// u += sign · (s/S) y.
    fn add_labels(&self, b: usize, slot: &mut Slot, sign: f64) {
        let stride = self.blocks.block.stride;
        let rows = self.blocks.rows(b);
        match self.target.labels() {
            Labels::Hard(ids) => {
                for (r, &y) in ids[rows].iter().enumerate() {
                    slot.u[y as usize * stride + r] += sign * slot.weight[r];
                }
            }
            Labels::Soft(y) => {
                let k = self.target.classes().len();
                for (r, y) in y[rows.start * k..rows.end * k].chunks_exact(k).enumerate() {
                    for (c, y) in y.iter().enumerate() {
                        slot.u[c * stride + r] += sign * slot.weight[r] * y;
                    }
                }
            }
        }
    }

    /// `label_score` = y·z.
    fn score_labels(&self, b: usize, z: &[f64], label_score: &mut [f64]) {
        let stride = self.blocks.block.stride;
        let rows = self.blocks.rows(b);
        match self.target.labels() {
            Labels::Hard(ids) => {
                for (r, &y) in ids[rows].iter().enumerate() {
                    label_score[r] = z[y as usize * stride + r];
                }
            }
            Labels::Soft(y) => {
                let k = self.target.classes().len();
                for (r, y) in y[rows.start * k..rows.end * k].chunks_exact(k).enumerate() {
                    label_score[r] = y.iter().enumerate().map(|(c, y)| y * z[c * stride + r]).sum();
                }
            }
        }
    }

    /// Σ s/S ⟨p, o⟩ over a block.
    fn offset_sum(&self, b: usize, slot: &Slot) -> f64 {
        let Some(offsets) = self.target.offsets() else { return 0.0 };
        let k = self.target.classes().len();
        let mut sum = 0.0;
        for (r, row) in self.blocks.rows(b).enumerate() {
            for (c, o) in offsets[row * k..(row + 1) * k].iter().enumerate() {
                sum += slot.weight[r] * o * slot.p[c * self.blocks.block.stride + r];
            }
        }
        sum
    }
}

impl Objective for RidgeNll<'_> {
    fn classes(&self) -> usize {
        self.target.classes().len()
    }

    fn columns(&self) -> usize {
        self.blocks.columns()
    }

    fn rows(&self) -> usize {
        self.blocks.design.rows()
    }

    fn evaluate(&mut self, point: &mut Point) {
        self.theta.copy_from_slice(&point.theta);
        let view = View::of(self.target, self.total_weight, &self.blocks, self.sparse);
        let (theta, keep, block) = (&self.theta, self.keep, self.blocks.block);
        self.workers.for_each(&mut self.slots, |_, slot| {
            slot.sum.fill(0.0);
            slot.totals = Totals::default();
            for b in slot.blocks.clone() {
                view.load(b, slot);
                let mut p = std::mem::take(&mut slot.p);
                view.scores(b, slot, theta, &mut p);
                view.add_offsets(b, &mut p);
                view.score_labels(b, &p, &mut slot.label_score);
                kernel::softmax_columns(block, &mut p, &mut slot.rows);
                slot.p = p;
                for r in 0..view.blocks.rows(b).len() {
                    let log_sum = slot.rows.sum[r].ln();
                    let nll = log_sum + (slot.rows.max[r] - slot.label_score[r]);
                    slot.totals.nll += slot.weight[r] * nll;
                    slot.totals.entropy += slot.weight[r] * (log_sum - slot.rows.mean[r]);
                    slot.totals.worst = if nll > slot.totals.worst { nll } else { slot.totals.worst };
                }
                slot.totals.offset += view.offset_sum(b, slot);
                if keep {
                    let len = slot.p.len();
                    let at = (b - slot.blocks.start) * len;
                    slot.kept[at..at + len].copy_from_slice(&slot.p);
                }
                kernel::weighted_columns(block, &slot.p, &slot.weight, &mut slot.u);
                view.add_labels(b, slot, -1.0);
                view.outer(b, slot);
            }
        });
        tree_reduce(&mut self.slots, |into, from| {
            add(&mut into.sum, &from.sum);
            into.totals.nll += from.totals.nll;
            into.totals.entropy += from.totals.entropy;
            into.totals.offset += from.totals.offset;
            into.totals.worst = into.totals.worst.max(from.totals.worst);
        });
        let Slot { sum, totals, .. } = &self.slots[0];
        point.nll_gradient.clone_from(sum);
        point.gradient.clone_from(sum);
        point.nll_mean = totals.nll;
        point.entropy_mean = totals.entropy;
        point.offset_mean = totals.offset;
        point.worst_nll = totals.worst;
        let k = self.classes();
        let mut penalty = 0.0;
        for (j, &lambda) in self.dual.ridge.iter().enumerate() {
            for (g, t) in point.gradient[j * k..(j + 1) * k].iter_mut().zip(&point.theta[j * k..]) {
                *g += lambda * t;
                penalty += 0.5 * lambda * t * t;
            }
        }
        point.value = point.nll_mean + penalty;
    }

    fn hessian_vector_product(&mut self, v: &[f64], out: &mut [f64]) {
        for slot in &mut self.slots {
            slot.sum.fill(0.0);
        }
        self.with_probabilities(|view, b, slot| {
            let mut u = std::mem::take(&mut slot.u);
            view.scores(b, slot, v, &mut u);
            kernel::covariance_columns(view.blocks.block, &slot.p, &slot.weight, &mut u, &mut slot.rows.mean);
            slot.u = u;
            view.outer(b, slot);
        });
        tree_reduce(&mut self.slots, |into, from| add(&mut into.sum, &from.sum));
        let k = self.classes();
        for (j, &lambda) in self.dual.ridge.iter().enumerate() {
            for at in j * k..(j + 1) * k {
                out[at] = self.slots[0].sum[at] + lambda * v[at];
            }
        }
    }

    fn hessian(&mut self) -> Symmetric {
        self.full_hessian()
    }

    fn shared_block(&mut self) -> Symmetric {
        self.shared_gram()
    }

    fn hessian_diagonal(&mut self, out: &mut [f64]) {
        self.diagonal(out);
    }

    fn margins(&mut self, direction: &[f64]) -> Option<Margins> {
        let Labels::Hard(ids) = self.target.labels() else { return None };
        let k = self.classes();
        let stride = self.blocks.block.stride;
        let view = View::of(self.target, self.total_weight, &self.blocks, self.sparse);
        let mut margins = Margins {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            apart: vec![f64::INFINITY; k],
            gains: vec![f64::NEG_INFINITY; k],
        };
        let slot = &mut self.slots[0];
        for b in 0..view.blocks.count() {
            view.load(b, slot);
            let mut u = std::mem::take(&mut slot.u);
            view.scores(b, slot, direction, &mut u);
            for (r, row) in view.blocks.rows(b).enumerate() {
                let y = ids[row] as usize;
                let mut least = f64::INFINITY;
                for c in (0..k).filter(|c| *c != y) {
                    let margin = u[y * stride + r] - u[c * stride + r];
                    margins.apart[c] = margins.apart[c].min(margin);
                    least = least.min(margin);
                }
                margins.apart[y] = margins.apart[y].min(least);
                margins.gains[y] = margins.gains[y].max(least);
                margins.low = margins.low.min(least);
                margins.high = margins.high.max(least);
            }
            slot.u = u;
        }
        Some(margins)
    }

    fn dual(&self) -> &Dual {
        &self.dual
    }
}

pub(super) fn add(into: &mut [f64], from: &[f64]) {
    for (a, b) in into.iter_mut().zip(from) {
        *a += b;
    }
}
