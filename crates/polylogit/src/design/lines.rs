//! Stored values of a sparse design, scaled, by rows and by columns.

use super::Csr;
use crate::kernel;

/// A sparse matrix in one order.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl Lines {
    /// The rows, each value times the factor of its column; columns of factor 0 are left out.
    pub(crate) fn by_rows(csr: Csr<'_>, rows: usize, factor: &[f64]) -> Self {
        let mut lines = Self {
            starts: Vec::with_capacity(rows + 1),
            indices: Vec::with_capacity(csr.stored()),
            values: Vec::with_capacity(csr.stored()),
        };
        lines.starts.push(0);
        for row in 0..rows {
            for (j, v) in csr.row(row).filter(|(j, _)| factor[*j] != 0.0) {
                lines.indices.push(j as u32);
                lines.values.push(v * factor[j]);
            }
            lines.starts.push(lines.values.len());
        }
        lines
    }

    /// The same matrix by its `others` (columns of rows, rows of columns).
    pub(crate) fn transposed(&self, others: usize) -> Self {
        let mut starts = vec![0; others + 1];
        for &j in &self.indices {
            starts[j as usize + 1] += 1;
        }
        for j in 0..others {
            starts[j + 1] += starts[j];
        }
        let mut next = starts.clone();
        let (mut indices, mut values) = (vec![0; self.indices.len()], vec![0.0; self.values.len()]);
        for line in 0..self.count() {
            for at in self.starts[line]..self.starts[line + 1] {
                let to = &mut next[self.indices[at] as usize];
                indices[*to] = line as u32;
                values[*to] = self.values[at];
                *to += 1;
            }
        }
        Self { starts, indices, values }
    }

    /// Some of the lines, in this order; empty ones beyond the last.
    pub(crate) fn some(&self, lines: &[usize]) -> Self {
        let mut some = Self { starts: vec![0], indices: vec![], values: vec![] };
        for &line in lines {
            if line < self.count() {
                let of = self.starts[line]..self.starts[line + 1];
                some.indices.extend_from_slice(&self.indices[of.clone()]);
                some.values.extend_from_slice(&self.values[of]);
            }
            some.starts.push(some.values.len());
        }
        some
    }

    /// A line's indices and values.
    pub(crate) fn line(&self, line: usize) -> impl Iterator<Item = (usize, f64)> {
        let of = self.starts[line]..self.starts[line + 1];
        self.indices[of.clone()].iter().map(|i| *i as usize).zip(self.values[of].iter().copied())
    }

    /// The lines, the longest first.
    pub(crate) fn by_length(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.count() as u32).collect();
        order.sort_by_key(|&line| {
            std::cmp::Reverse(self.starts[line as usize + 1] - self.starts[line as usize])
        });
        order
    }

    /// Index `order[i]` becomes i.
    pub(crate) fn renumber(&mut self, order: &[u32]) {
        let mut place = vec![0; order.len()];
        for (i, of) in (0..).zip(order) {
            place[*of as usize] = i;
        }
        self.indices.iter_mut().for_each(|index| *index = place[*index as usize]);
    }

    /// Number of lines.
    pub(crate) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Some of the lines.
    pub(crate) fn of(&self, lines: std::ops::Range<usize>) -> kernel::Lines<'_> {
        kernel::Lines {
            starts: &self.starts[lines.start..=lines.end],
            indices: &self.indices,
            values: &self.values,
            squared: false,
        }
    }

    /// At most `parts` ranges of lines with about as many values each.
    pub(crate) fn shares(&self, parts: usize) -> Vec<std::ops::Range<usize>> {
        let (count, all) = (self.count(), self.values.len() + self.count());
        let mut bounds: Vec<usize> = (0..parts)
            .map(|p| {
                let before = |line: usize| self.starts[line] + line;
                let target = all * p / parts;
                // The first line with at least this share before it.
                let (mut low, mut high) = (0, count);
                while low < high {
                    let middle = usize::midpoint(low, high);
                    if before(middle) < target { low = middle + 1 } else { high = middle }
                }
                low
            })
            .collect();
        bounds.push(count);
        bounds.dedup();
        bounds.windows(2).map(|b| b[0]..b[1]).collect()
    }
}
