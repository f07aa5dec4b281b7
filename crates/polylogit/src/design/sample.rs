//! Some rows of a design, gathered so that they lie one after the other.

use super::{Csr, Design, Storage};
use crate::error::Result;

/// Gathered rows.
#[derive(Debug)]
pub(crate) enum Gathered {
    F32(Vec<f32>),
    F64(Vec<f64>),
    Csr { values: Vec<f64>, columns: Vec<u64>, starts: Vec<u64> },
}

impl Gathered {
    /// The given rows of a design.
    pub(crate) fn new(design: &Design<'_>, rows: &[usize]) -> Self {
        let d = design.features();
        match design.storage() {
            Storage::F32(x) => {
                Self::F32(rows.iter().flat_map(|&i| &x[i * d..(i + 1) * d]).copied().collect())
            }
            Storage::F64(x) => {
                Self::F64(rows.iter().flat_map(|&i| &x[i * d..(i + 1) * d]).copied().collect())
            }
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

    /// As a design of `rows` × `features`.
    ///
    /// # Errors
    /// None for rows of a design and its width.
    pub(crate) fn design(&self, rows: usize, features: usize) -> Result<Design<'_>> {
        match self {
            Self::F32(x) => Design::dense(x, rows, features),
            Self::F64(x) => Design::dense(x, rows, features),
            Self::Csr { values, columns, starts } => {
                Design::sparse(Csr::new(&values[..], &columns[..], &starts[..]), features)
            }
        }
    }
}
