//! Sums of rows of a table, for sparse matrices: Xθ by rows of X, XᵀR by columns.

use pulp::{Arch, Simd, WithSimd};

use super::even_parts;
use super::lanes::Real;

/// Rows of tables are whole in this many numbers; the widest vectors hold twice as many in f32.
const WHOLE: usize = 8;

/// Vectors of sums that are kept in registers together.
const WIDEST: usize = 8;

/// A compressed sparse matrix, by rows or by columns: `starts` (one more than there are lines) into `indices` and
/// `values`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) starts: &'a [usize],
    pub(crate) indices: &'a [u32],
    pub(crate) values: &'a [f64],
    /// Take the squares of the values?
    pub(crate) squared: bool,
}

/// Numbers that a row of `classes` takes in a table.
pub(crate) fn padded(classes: usize) -> usize {
    classes.next_multiple_of(WHOLE)
}

/// `out_l += Σ value · table_index` over the entries of each line l; rows of `table` and `out` have `width` numbers,
/// a multiple of 8.
pub(crate) fn gather<T: Real>(lines: Lines<'_>, table: &[T], width: usize, out: &mut [T]) {
    assert!(width.is_multiple_of(WHOLE) && table.len().is_multiple_of(width));
    assert!(out.len() == width * (lines.starts.len() - 1) && lines.indices.len() == lines.values.len());
    Arch::new().dispatch(Gather { lines, table, width, out });
}

struct Gather<'a, T> {
    lines: Lines<'a>,
    table: &'a [T],
    width: usize,
    out: &'a mut [T],
}

impl<T: Real> WithSimd for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { lines: Lines { starts, indices, values, squared }, table, width, out } = self;
        let vectors = width / T::lanes::<S>();
        for (line, out) in starts.windows(2).zip(out.chunks_exact_mut(width)) {
            let (indices, values) = (&indices[line[0]..line[1]], &values[line[0]..line[1]]);
            let (whole, rest) = out.split_at_mut(vectors * T::lanes::<S>());
            if !rest.is_empty() {
                half::<T, S>((indices, values, squared), table, width, rest);
            }
            let out = T::vectors_mut::<S>(whole);
            for (first, count) in even_parts(vectors, WIDEST) {
                let out = &mut out[first..first + count];
                match count {
                    8 => sum::<T, S, 8>(simd, (indices, values, squared), table, width, first, out),
                    7 => sum::<T, S, 7>(simd, (indices, values, squared), table, width, first, out),
                    6 => sum::<T, S, 6>(simd, (indices, values, squared), table, width, first, out),
                    5 => sum::<T, S, 5>(simd, (indices, values, squared), table, width, first, out),
                    4 => sum::<T, S, 4>(simd, (indices, values, squared), table, width, first, out),
                    3 => sum::<T, S, 3>(simd, (indices, values, squared), table, width, first, out),
                    2 => sum::<T, S, 2>(simd, (indices, values, squared), table, width, first, out),
                    _ => sum::<T, S, 1>(simd, (indices, values, squared), table, width, first, out),
                }
            }
        }
    }
}

/// The last numbers of each row, fewer than a vector holds.
#[inline(always)]
fn half<T: Real, S: Simd>(
    (indices, values, squared): (&[u32], &[f64], bool),
    table: &[T],
    width: usize,
    out: &mut [T],
) {
    let mut sum = [T::ZERO; WHOLE];
    sum.copy_from_slice(out);
    for (index, value) in indices.iter().zip(values) {
        let at = (*index as usize + 1) * width - WHOLE;
        let row = &table[at..at + WHOLE];
        let value = T::from_f64(if squared { value * value } else { *value });
        for r in 0..WHOLE {
            sum[r] = T::fma::<S>(value, row[r], sum[r]);
        }
    }
    out.copy_from_slice(&sum);
}

/// `N` vectors from vector `first` of each row on.
#[inline(always)]
fn sum<T: Real, S: Simd, const N: usize>(
    simd: S,
    (indices, values, squared): (&[u32], &[f64], bool),
    table: &[T],
    width: usize,
    first: usize,
    out: &mut [T::Lanes<S>],
) {
    let offset = first * T::lanes::<S>();
    let len = N * T::lanes::<S>();
    let mut sum: [T::Lanes<S>; N] = std::array::from_fn(|v| out[v]);
    for (index, value) in indices.iter().zip(values) {
        let at = *index as usize * width + offset;
        let row = T::vectors::<S>(&table[at..at + len]);
        let value = if squared { value * value } else { *value };
        let value = T::splat(simd, T::from_f64(value));
        for v in 0..N {
            sum[v] = T::mul_add(simd, value, row[v], sum[v]);
        }
    }
    out.copy_from_slice(&sum);
}
