//! Q_ab = x̃ᵀ V_ab x̃ for rows and pairs of free classes: the covariance of a row's log odds.

use super::moments::pairs;
use crate::kernel::{self, Block, Panels};
use crate::linalg::Symmetric;

/// V (class-major over F classes and the kept columns) as one m × m matrix for each pair a ≤ b.
#[derive(Debug)]
pub(super) struct Quadratic {
    classes: usize,
    columns: usize,
    panels: Vec<Panels<f64>>,
}

impl Quadratic {
    /// `columns`: m, of which `kept` have a place in V.
    pub(super) fn new(v: &Symmetric, columns: usize, kept: &[usize]) -> Self {
        let mk = kept.len();
        let classes = v.n.checked_div(mk).unwrap_or_default();
        let panel = |(a, b): (usize, usize)| {
            let mut block = vec![0.0; columns * columns];
            for (i, &s) in kept.iter().enumerate() {
                for (j, &t) in kept.iter().enumerate() {
                    block[s * columns + t] = v.values[(a * mk + i) * v.n + b * mk + j];
                }
            }
            let mut panel = Panels::default();
            panel.pack(&block, columns.max(1), 1.0);
            panel
        };
        Self { classes, columns, panels: pairs(classes).map(panel).collect() }
    }

    /// F (F + 1)/2.
    pub(super) fn pairs(&self) -> usize {
        self.panels.len()
    }

    /// The place of (a, b) among the pairs.
    pub(super) fn place(&self, a: usize, b: usize) -> usize {
        let (a, b) = (a.min(b), a.max(b));
        a * self.classes - a * (a + 1) / 2 + b
    }

    /// Columns of Q for the rows of a block; `scratch` holds m columns.
    pub(super) fn columns(&self, block: Block, x: &[f64], q: &mut [f64], scratch: &mut Vec<f64>) {
        scratch.resize(block.len(self.columns), 0.0);
        for (panel, q) in self.panels.iter().zip(q.chunks_exact_mut(block.stride)) {
            kernel::logits(block, x, panel, scratch);
            q.fill(0.0);
            for (x, t) in x.chunks_exact(block.stride).zip(scratch.chunks_exact(block.stride)) {
                for ((q, x), t) in q.iter_mut().zip(x).zip(t) {
                    *q += x * t;
                }
            }
        }
    }
}
