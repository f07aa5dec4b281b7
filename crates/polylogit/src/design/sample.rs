//! Some rows of a design, gathered so that they lie one after the other.

use super::rows::Standardise;
use super::{Csr, Design, Storage};
use crate::error::Result;
use crate::kernel;
use crate::parallel::Workers;
use crate::scalar::Scalar;

/// Ranges that gathered rows are shared out to.
const RANGES: usize = 16;
/// Rows that are asked of memory together: one alone waits for it.
const BESIDE: usize = 8;

/// Gathered rows.
#[derive(Debug)]
pub(crate) enum Gathered {
    /// Standardised, row-major.
    Dense(Vec<f32>),
    /// As they are.
    Csr { values: Vec<f64>, columns: Vec<u64>, starts: Vec<u64> },
}

impl Gathered {
    /// The given rows of a design.
    pub(crate) fn new(
        design: &Design<'_>,
        rows: &[usize],
        standardise: &Standardise,
        workers: &Workers,
    ) -> Self {
        match design.storage() {
            Storage::F32(x) => Self::Dense(dense(x, rows, standardise, workers)),
            Storage::F64(x) => Self::Dense(dense(x, rows, standardise, workers)),
            Storage::Csr(x) => {
                let (mut values, mut columns, mut starts) = (vec![], vec![], vec![0]);
                for &row in rows {
                    for (j, v) in x.row(row) {
                        values.push(v);
                        columns.push(j as u64);
                    }
                    starts.push(values.len() as u64);
                }
                Self::Csr { values, columns, starts }
            }
        }
    }

    /// As a design of `rows` × `features`, and how it is to be standardised where all rows are as `standardise` says.
    ///
    /// # Errors
    /// None for rows of a design and its width.
    pub(crate) fn design(&self, rows: usize, standardise: &Standardise) -> Result<(Design<'_>, Standardise)> {
        let d = standardise.shift.len();
        match self {
            Self::Dense(x) => Ok((Design::dense(x, rows, d)?, Standardise::identity(d))),
            Self::Csr { values, columns, starts } => {
                let matrix = Csr::new(&values[..], &columns[..], &starts[..]);
                Ok((Design::sparse(matrix, d)?, standardise.clone()))
            }
        }
    }
}

fn dense<V: Scalar>(x: &[V], rows: &[usize], standardise: &Standardise, workers: &Workers) -> Vec<f32> {
    let Standardise { shift, factor } = standardise;
    let d = shift.len();
    let mut gathered = vec![0.0; rows.len() * d];
    let most = rows.len().div_ceil(RANGES).max(1);
    let ranges = rows.chunks(most).zip(gathered.chunks_mut((most * d).max(1)));
    workers.for_each(&mut ranges.collect::<Vec<_>>(), |_, (rows, gathered)| {
        let row = |i: usize| &x[i * d..(i + 1) * d];
        for (rows, gathered) in rows.chunks(BESIDE).zip(gathered.chunks_mut(BESIDE * d)) {
            for &i in rows {
                kernel::touch(row(i));
            }
            for (&i, out) in rows.iter().zip(gathered.chunks_exact_mut(d)) {
                kernel::standardise(row(i), (d, 0..d), (shift, factor), d, out);
            }
        }
    });
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::NonZeros;
    use crate::design::rows::RowBlocks;

    #[test]
    fn gathered_rows_are_the_rows_of_the_design_to_f32() {
        let (n, d) = (500, 11);
        let x: Vec<f64> =
            (0..n * d).map(|i| if i % 3 == 0 { 0.0 } else { 1e9 + (i as f64 * 0.7).sin() }).collect();
        let stored = NonZeros::of(&x, d);
        let sparse = Design::sparse(stored.csr(), d).unwrap();
        let standardise = Standardise {
            shift: (0..d).map(|j| if j % 2 == 0 { 1e9 } else { 0.0 }).collect(),
            factor: (0..d).map(|j| j as f64 * 0.5).collect(),
        };
        let rows: Vec<usize> = (0..n).filter(|i| i * 7919 % 3 == 0).collect();
        for design in [Design::dense(&x, n, d).unwrap(), sparse] {
            for threads in [1, 2] {
                let workers = Workers::new(Some(threads), f64::INFINITY);
                let gathered = Gathered::new(&design, &rows, &standardise, &workers);
                let (part, rest) = gathered.design(rows.len(), &standardise).unwrap();
                let blocks = RowBlocks::new(part, rest, false, 0);
                let mut block = vec![0.0f64; blocks.block.len(d)];
                for b in 0..blocks.count() {
                    blocks.load(b, &mut block);
                    for (r, at) in blocks.rows(b).enumerate() {
                        for j in 0..d {
                            let expected =
                                (x[rows[at] * d + j] - standardise.shift[j]) * standardise.factor[j];
                            let found = block[j * blocks.block.stride + r];
                            assert!((found - expected).abs() <= 6e-8 * expected.abs(), "{found} {expected}");
                        }
                    }
                }
            }
        }
    }
}
