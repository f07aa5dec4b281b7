//! The rows in the solver's coordinates, read by blocks at one θ: what every sum of this folder is made of.
//!
//! Blocks are shared out to slots by shape alone and their sums are added in a fixed tree.

use std::ops::Range;

use crate::design::Design;
use crate::design::rows::{RowBlocks, Standardise};
use crate::kernel::{self, Aligned, Block, Panels, RowSums};
use crate::parallel::{Workers, tree_reduce};
use crate::target::Target;

/// Most ranges that blocks are shared out to.
const SLOTS: usize = 16;
/// Numbers that partial sums may take together, unless X is larger.
const ROOM: usize = 1 << 22;

/// X̃ (m columns, the last one the intercept), offsets and weights of some rows.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) blocks: RowBlocks<'a>,
    classes: usize,
    target: Option<&'a Target>,
    workers: Workers,
}

/// A block at hand.
pub(super) struct Hand<'h> {
    pub(super) block: Block,
    /// Which rows.
    pub(super) rows: Range<usize>,
    /// X̃ (m columns).
    pub(super) x: &'h mut [f64],
    /// Probabilities (K columns).
    pub(super) p: &'h mut [f64],
    /// s_i; 0 beyond the last row.
    pub(super) weight: &'h [f64],
    /// ln p of each row's own class, where there are labels.
    pub(super) log_p: &'h [f64],
    /// Columns to use.
    pub(super) u: &'h mut Vec<f64>,
    pub(super) extra: &'h mut Vec<f64>,
}

/// How many ranges `count` blocks are shared out to, each with a sum of `len` numbers; `stored` are those of X.
pub(super) fn ranges(count: usize, stored: usize, len: usize) -> usize {
    count.min(SLOTS).min((stored.max(ROOM) / len.max(1)).max(2))
}

impl<'a> Sheet<'a> {
    pub(super) fn new(
        design: Design<'a>,
        standardise: &Standardise,
        intercept: bool,
        classes: usize,
        workers: Workers,
    ) -> Self {
        let blocks = RowBlocks::new(design, standardise.clone(), intercept, 2 * classes);
        Self { blocks, classes, target: None, workers }
    }

    /// With the labels, weights and offsets of the rows.
    pub(super) fn with_target(mut self, target: &'a Target) -> Self {
        self.target = Some(target);
        self
    }

    pub(super) fn columns(&self) -> usize {
        self.blocks.columns()
    }

    /// Adds up what `work` adds to a sum of `len` numbers, over all blocks with their probabilities at θ (m × K).
    pub(super) fn sum(
        &self,
        theta: &[f64],
        len: usize,
        work: impl Fn(Hand<'_>, &mut [f64]) + Sync + Send,
    ) -> Vec<f64> {
        let count = self.blocks.count();
        let slots = ranges(count, self.blocks.design.stored(), len);
        let mut sums = vec![vec![0.0; len]; slots];
        self.run(
            theta,
            &mut sums,
            |s| count * s / slots..count * (s + 1) / slots,
            |hand, sum: &mut Vec<f64>| {
                work(hand, sum);
            },
        );
        tree_reduce(&mut sums, |into, from| into.iter_mut().zip(from).for_each(|(a, b)| *a += b));
        sums.swap_remove(0)
    }

    /// Fills `width` numbers for each row: `work` gets the part of the output that belongs to its block.
    pub(super) fn fill(
        &self,
        theta: &[f64],
        width: usize,
        work: impl Fn(Hand<'_>, &mut [f64]) + Sync + Send,
    ) -> Vec<f64> {
        let mut out = vec![0.0; self.blocks.design.rows() * width];
        let mut parts: Vec<&mut [f64]> = out.chunks_mut((self.blocks.block.rows * width).max(1)).collect();
        self.run(theta, &mut parts, |s| s..s + 1, |hand, part| work(hand, part));
        out
    }

    fn run<T: Send>(
        &self,
        theta: &[f64],
        slots: &mut [T],
        range: impl Fn(usize) -> Range<usize> + Sync + Send,
        work: impl Fn(Hand<'_>, &mut T) + Sync + Send,
    ) {
        let (block, k) = (self.blocks.block, self.classes);
        let mut panels = Panels::default();
        panels.pack(theta, k, 1.0);
        self.workers.for_each(slots, |s, slot| {
            let (mut x, mut p) = (Aligned::zeros(block.len(self.columns())), Aligned::zeros(block.len(k)));
            let (mut weight, mut log_p) = (vec![0.0; block.rows], vec![0.0; block.rows]);
            let (mut u, mut extra, mut sums) = (Vec::new(), Vec::new(), RowSums::new(block));
            for b in range(s) {
                let rows = self.blocks.rows(b);
                self.blocks.load(b, &mut x);
                kernel::logits(block, &x, &panels, &mut p);
                self.add_offsets(rows.clone(), &mut p);
                let ids = self.target.and_then(Target::ids).map(|ids| &ids[rows.clone()]);
                for (r, y) in ids.unwrap_or_default().iter().enumerate() {
                    log_p[r] = p[*y as usize * block.stride + r];
                }
                kernel::softmax_columns(block, &mut p, &mut sums);
                weight.fill(0.0);
                for (r, row) in rows.clone().enumerate() {
                    log_p[r] -= sums.max[r] + sums.sum[r].ln();
                    weight[r] = self.target.map_or(1.0, |t| t.weight(row));
                }
                let hand = Hand {
                    block,
                    rows,
                    x: &mut x,
                    p: &mut p,
                    weight: &weight,
                    log_p: &log_p,
                    u: &mut u,
                    extra: &mut extra,
                };
                work(hand, slot);
            }
        });
    }

    /// Adds the offsets of some rows to their scores (K columns).
    pub(super) fn add_offsets(&self, rows: Range<usize>, z: &mut [f64]) {
        let Some(offsets) = self.target.and_then(Target::offsets) else { return };
        let k = self.classes;
        for (r, row) in rows.enumerate() {
            for (c, o) in offsets[row * k..(row + 1) * k].iter().enumerate() {
                z[c * self.blocks.block.stride + r] += o;
            }
        }
    }
}

impl Hand<'_> {
    /// `u` = y − p of the given classes (a column each).
    pub(super) fn residuals(&mut self, ids: &[u32], free: &[usize]) {
        let stride = self.block.stride;
        self.u.clear();
        self.u.resize(self.block.len(free.len()), 0.0);
        for (u, &k) in self.u.chunks_exact_mut(stride).zip(free) {
            let p = &self.p[k * stride..];
            for (r, row) in self.rows.clone().enumerate() {
                u[r] = f64::from(u8::from(ids[row] as usize == k)) - p[r];
            }
        }
    }
}
