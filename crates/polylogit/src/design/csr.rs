//! Compressed sparse rows with f64 or f32 values and 32- or 64-bit indices.

use crate::error::{Error, Result};

/// Values of a sparse matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    F64(&'a [f64]),
    F32(&'a [f32]),
}

/// Indices of a sparse matrix; signed ones come from SciPy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Indices<'a> {
    I32(&'a [i32]),
    I64(&'a [i64]),
    U32(&'a [u32]),
    U64(&'a [u64]),
}

/// A slice type that may hold the values of a [`Csr`]: `&[f64]` or `&[f32]`.
pub trait CsrValues<'a>: sealed::Values<'a> {}
/// A slice type that may hold the indices of a [`Csr`]: of `i32`, `i64`, `u32` or `u64`.
pub trait CsrIndices<'a>: sealed::Indices<'a> {}

mod sealed {
    #[expect(private_interfaces, reason = "the trait is sealed")]
    pub trait Values<'a> {
        fn wrap(self) -> super::Values<'a>;
    }
    #[expect(private_interfaces, reason = "the trait is sealed")]
    pub trait Indices<'a> {
        fn wrap(self) -> super::Indices<'a>;
    }
}
macro_rules! wraps {
    ($role:ident, $public:ident, $($t:ty => $variant:ident),*) => {$(
        #[expect(private_interfaces, reason = "the trait is sealed")]
        impl<'a> sealed::$role<'a> for &'a [$t] {
            fn wrap(self) -> $role<'a> {
                $role::$variant(self)
            }
        }
        impl<'a> $public<'a> for &'a [$t] {}
    )*};
}
wraps!(Values, CsrValues, f64 => F64, f32 => F32);
wraps!(Indices, CsrIndices, i32 => I32, i64 => I64, u32 => U32, u64 => U64);

impl Values<'_> {
    #[inline]
    pub(crate) fn get(self, at: usize) -> f64 {
        match self {
            Self::F64(v) => v[at],
            Self::F32(v) => f64::from(v[at]),
        }
    }
    fn len(self) -> usize {
        match self {
            Self::F64(v) => v.len(),
            Self::F32(v) => v.len(),
        }
    }
}
impl Indices<'_> {
    /// The index at `at`; a negative one becomes huge and so fails every bounds check.
    #[inline]
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "checked by Csr::check")]
    pub(crate) fn get(self, at: usize) -> usize {
        match self {
            Self::I32(v) => v[at] as usize,
            Self::I64(v) => v[at] as usize,
            Self::U32(v) => v[at] as usize,
            Self::U64(v) => v[at] as usize,
        }
    }
    fn len(self) -> usize {
        match self {
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::U64(v) => v.len(),
        }
    }
}

/// A compressed sparse row matrix, borrowed: row i holds `values[indptr[i]..indptr[i + 1]]` in the columns
/// `indices[indptr[i]..indptr[i + 1]]` (any order, each at most once).
///
/// ```
/// use polylogit::{Csr, Design};
/// let csr = Csr::new(&[1.0, 2.0][..], &[0u32, 2][..], &[0u32, 1, 1, 2][..]);
/// let x = Design::sparse(csr, 3)?;
/// assert_eq!((x.rows(), x.stored()), (3, 2));
/// # Ok::<(), polylogit::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Csr<'a> {
    values: Values<'a>,
    indices: Indices<'a>,
    indptr: Indices<'a>,
}

impl<'a> Csr<'a> {
    /// From the three arrays; checked when it becomes a [`Design`](super::Design).
    pub fn new(
        values: impl CsrValues<'a>,
        indices: impl CsrIndices<'a>,
        indptr: impl CsrIndices<'a>,
    ) -> Self {
        Self { values: values.wrap(), indices: indices.wrap(), indptr: indptr.wrap() }
    }

    pub(crate) fn stored(self) -> usize {
        self.values.len()
    }

    /// The (column, value) pairs of a row.
    #[inline]
    pub(crate) fn row(self, row: usize) -> impl Iterator<Item = (usize, f64)> {
        (self.indptr.get(row)..self.indptr.get(row + 1))
            .map(move |at| (self.indices.get(at), self.values.get(at)))
    }

    /// Checks the layout; gives the number of rows.
    pub(super) fn check(self, features: usize) -> Result<usize> {
        let broken = |problem, position| Error::Sparse { problem, position };
        if self.indptr.len() == 0 {
            return Err(broken("indptr is empty (it needs rows + 1 entries)", 0));
        }
        if self.indices.len() != self.values.len() {
            return Err(broken(
                "indices and values differ in length",
                self.indices.len().min(self.values.len()),
            ));
        }
        let rows = self.indptr.len() - 1;
        if self.indptr.get(0) != 0 {
            return Err(broken("indptr does not start at 0", 0));
        }
        if self.indptr.get(rows) != self.values.len() {
            return Err(broken("indptr does not end at the number of values", rows));
        }
        if let Some(row) = (0..rows).find(|&r| self.indptr.get(r) > self.indptr.get(r + 1)) {
            return Err(broken("indptr decreases", row + 1));
        }
        let mut last_row = vec![usize::MAX; features];
        for row in 0..rows {
            for at in self.indptr.get(row)..self.indptr.get(row + 1) {
                match last_row.get_mut(self.indices.get(at)) {
                    None => return Err(broken("a column index is not below the number of features", at)),
                    Some(last) if *last == row => return Err(broken("a column occurs twice in its row", at)),
                    Some(last) => *last = row,
                }
            }
        }
        Ok(rows)
    }
}

/// The values of dense rows that are not 0, for tests that take the same rows both ways.
#[cfg(test)]
pub(crate) struct NonZeros {
    values: Vec<f64>,
    columns: Vec<u32>,
    starts: Vec<u64>,
}

#[cfg(test)]
impl NonZeros {
    /// Of `x`, row-major with `d` columns.
    pub(crate) fn of(x: &[f64], d: usize) -> Self {
        let (mut values, mut columns, mut starts) = (vec![], vec![], vec![0]);
        for row in x.chunks_exact(d) {
            for (j, v) in (0..).zip(row).filter(|(_, v)| **v != 0.0) {
                values.push(*v);
                columns.push(j);
            }
            starts.push(values.len() as u64);
        }
        Self { values, columns, starts }
    }

    pub(crate) fn csr(&self) -> Csr<'_> {
        Csr::new(&self.values[..], &self.columns[..], &self.starts[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Design;

    #[test]
    fn broken_layouts_are_refused() {
        let check = |values: &[f64], indices: &[i32], indptr: &[i64]| {
            Design::sparse(Csr::new(values, indices, indptr), 3).map(|d| d.rows())
        };
        assert_eq!(check(&[1.0, 2.0], &[2, 0], &[0, 2, 2]), Ok(2));
        for (values, indices, indptr) in [
            (&[1.0, 2.0][..], &[0][..], &[0, 2][..]),
            (&[1.0, 2.0], &[0, 3], &[0, 2]),
            (&[1.0, 2.0], &[0, -1], &[0, 2]),
            (&[1.0, 2.0], &[1, 1], &[0, 2]),
            (&[1.0, 2.0], &[0, 1], &[0, 1]),
            (&[1.0, 2.0], &[0, 1], &[1, 2]),
            (&[1.0, 2.0], &[0, 1], &[0, 3, 2]),
            (&[1.0, 2.0], &[0, 1], &[0, -1, 2]),
            (&[], &[], &[]),
        ] {
            assert!(
                matches!(check(values, indices, indptr), Err(Error::Sparse { .. })),
                "{indices:?} {indptr:?}"
            );
        }
        assert_eq!(check(&[], &[], &[0]), Err(Error::NoRows));
    }
}
