//! What X is: n rows, d features, borrowed from the caller, read as row blocks. Knows no labels and no
//! coefficients.

mod csr;
pub(crate) mod lines;
pub(crate) mod rows;
pub(crate) mod sample;
pub(crate) mod statistics;

use crate::error::{Error, Result, check_len};
use crate::scalar::{Scalar, Slice};

#[cfg(test)]
pub(crate) use csr::NonZeros;
pub use csr::{Csr, CsrIndices, CsrValues};

/// The design matrix X (n × d), borrowed.
///
/// ```
/// use polylogit::Design;
/// let x = Design::dense(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2)?;
/// assert_eq!((x.rows(), x.features()), (3, 2));
/// # Ok::<(), polylogit::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    rows: usize,
    features: usize,
    storage: Storage<'a>,
}

/// How the values lie in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Storage<'a> {
    /// Row-major.
    F64(&'a [f64]),
    /// Row-major, widened block by block; sums are in f64.
    F32(&'a [f32]),
    /// Compressed sparse rows.
    Csr(Csr<'a>),
}

impl<'a> Design<'a> {
    /// A dense matrix, row-major (`rows` × `features`), `f64` or `f32`.
    ///
    /// Values that are NaN or infinite are found by the fit's first read and named there.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are not rows · features values, [`Error::NoRows`] if there is no row.
    pub fn dense<T: Scalar>(values: &'a [T], rows: usize, features: usize) -> Result<Self> {
        let expected = rows.checked_mul(features).ok_or(Error::TooLarge { what: "rows × features" })?;
        check_len("X", "rows × features", expected, values.len())?;
        if rows == 0 {
            return Err(Error::NoRows);
        }
        let storage = match T::slice(values) {
            Slice::F32(values) => Storage::F32(values),
            Slice::F64(values) => Storage::F64(values),
        };
        Ok(Self { rows, features, storage })
    }

    /// A compressed sparse row matrix; see [`Csr`].
    ///
    /// # Errors
    /// [`Error::Sparse`] where the layout is broken, [`Error::NoRows`] if there is no row.
    pub fn sparse(matrix: Csr<'a>, features: usize) -> Result<Self> {
        let rows = matrix.check(features)?;
        if rows == 0 {
            return Err(Error::NoRows);
        }
        Ok(Self { rows, features, storage: Storage::Csr(matrix) })
    }

    /// n.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// d.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Is it stored as compressed sparse rows?
    pub fn is_sparse(&self) -> bool {
        matches!(self.storage, Storage::Csr(_))
    }

    pub(crate) fn storage(&self) -> Storage<'a> {
        self.storage
    }

    /// The first value among some rows that is not finite: row, column, value.
    pub(crate) fn not_finite(&self, rows: std::ops::Range<usize>) -> Option<(usize, usize, f64)> {
        fn dense<T: Scalar>(x: &[T], d: usize, rows: std::ops::Range<usize>) -> Option<(usize, usize, f64)> {
            let at = rows.start * d + x[rows.start * d..rows.end * d].iter().position(|v| !v.is_finite())?;
            Some((at / d, at % d, x[at].to_f64()))
        }
        match self.storage {
            Storage::F32(x) => dense(x, self.features, rows),
            Storage::F64(x) => dense(x, self.features, rows),
            Storage::Csr(x) => {
                rows.flat_map(|i| x.row(i).map(move |(j, v)| (i, j, v))).find(|(_, _, v)| !v.is_finite())
            }
        }
    }

    /// Bytes of the stored values.
    pub(crate) fn bytes(&self) -> usize {
        match self.storage {
            Storage::F32(x) => size_of_val(x),
            Storage::F64(x) => size_of_val(x),
            Storage::Csr(c) => c.stored() * (size_of::<f64>() + size_of::<u32>()),
        }
    }

    /// Stored values: n·d, or the number of non-zeros.
    pub fn stored(&self) -> usize {
        match self.storage {
            Storage::Csr(c) => c.stored(),
            _ => self.rows * self.features,
        }
    }
}
