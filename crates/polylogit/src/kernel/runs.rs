//! Runs of numbers as they lie in memory: rows of X, whose lanes are columns, and vectors of the size of θ.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::Real;
use crate::scalar::Scalar;

/// Numbers that [`dot`] sums side by side.
const BESIDE: usize = 32;
/// Columns that are taken at once.
const LANES: usize = 8;
/// Rows that are read at once: one alone waits for memory at each of its pages.
const SIDE_BY_SIDE: usize = 8;

/// a·b.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    struct Dot<'a>(&'a [f64], &'a [f64]);
    impl WithSimd for Dot<'_> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> f64 {
            let mut sums = [0.0; BESIDE];
            let (a, b) = (self.0.chunks_exact(BESIDE), self.1.chunks_exact(BESIDE));
            let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
            for (a, b) in a.zip(b) {
                for i in 0..BESIDE {
                    sums[i] = f64::fma::<S>(a[i], b[i], sums[i]);
                }
            }
            sums.iter().sum::<f64>() + rest
        }
    }
    assert_eq!(a.len(), b.len());
    Arch::new().dispatch(Dot(a, b))
}

/// `out = (x − shift) · factor` of the columns `of` of rows of `d`; runs of out are `stride` long, and 0 beyond the columns.
pub(crate) fn standardise<V: Scalar, T: Real>(
    x: &[V],
    (d, of): (usize, Range<usize>),
    (shift, factor): (&[f64], &[f64]),
    stride: usize,
    out: &mut [T],
) {
    struct Standardise<'a, V, T> {
        x: &'a [V],
        d: usize,
        of: Range<usize>,
        shift: &'a [f64],
        factor: &'a [f64],
        stride: usize,
        out: &'a mut [T],
    }
    impl<V: Scalar, T: Real> Standardise<'_, V, T> {
        #[inline(always)]
        fn rows<const R: usize>(&mut self, first: usize) {
            let (width, whole) = (self.of.len(), self.of.len() / LANES * LANES);
            let x = &self.x[first * self.d + self.of.start..];
            let out = &mut self.out[first * self.stride..][..R * self.stride];
            for at in (0..whole).step_by(LANES) {
                let (shift, factor) = (&self.shift[at..at + LANES], &self.factor[at..at + LANES]);
                for r in 0..R {
                    let (x, mut scaled) = (&x[r * self.d + at..][..LANES], [T::ZERO; LANES]);
                    for l in 0..LANES {
                        scaled[l] = T::from_f64((x[l].to_f64() - shift[l]) * factor[l]);
                    }
                    out[r * self.stride + at..][..LANES].copy_from_slice(&scaled);
                }
            }
            for (r, out) in out.chunks_exact_mut(self.stride).enumerate() {
                for j in whole..width {
                    out[j] = T::from_f64((x[r * self.d + j].to_f64() - self.shift[j]) * self.factor[j]);
                }
                out[width..].fill(T::ZERO);
            }
        }
    }
    impl<V: Scalar, T: Real> WithSimd for Standardise<'_, V, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) {
            let n = self.x.len() / self.d;
            let whole = n / SIDE_BY_SIDE * SIDE_BY_SIDE;
            (0..whole).step_by(SIDE_BY_SIDE).for_each(|first| self.rows::<SIDE_BY_SIDE>(first));
            (whole..n).for_each(|row| self.rows::<1>(row));
        }
    }
    Arch::new().dispatch(Standardise { x, d, of, shift, factor, stride, out });
}

/// `sums += Σ s e` and `squares += Σ s e²` of rows, with e = x − from; s: one for each row.
pub(crate) fn add_deviations<V: Scalar>(
    x: &[V],
    s: &[f64],
    from: &[V],
    sums: &mut [f64],
    squares: &mut [f64],
) {
    struct Deviations<'a, V> {
        x: &'a [V],
        s: &'a [f64],
        from: &'a [V],
        sums: &'a mut [f64],
        squares: &'a mut [f64],
    }
    impl<V: Scalar> Deviations<'_, V> {
        #[inline(always)]
        fn rows<const R: usize>(&mut self, first: usize) {
            let d = self.from.len();
            let x = &self.x[first * d..][..R * d];
            let s = &self.s[first..first + R];
            let whole = d / LANES * LANES;
            for at in (0..whole).step_by(LANES) {
                let from = &self.from[at..at + LANES];
                let (sums, squares) = (&mut self.sums[at..at + LANES], &mut self.squares[at..at + LANES]);
                let (mut sum, mut square) = ([0.0; LANES], [0.0; LANES]);
                for r in 0..R {
                    let x = &x[r * d + at..][..LANES];
                    for l in 0..LANES {
                        let e = x[l].to_f64() - from[l].to_f64();
                        sum[l] += s[r] * e;
                        square[l] += s[r] * e * e;
                    }
                }
                for l in 0..LANES {
                    sums[l] += sum[l];
                    squares[l] += square[l];
                }
            }
            for j in whole..d {
                for r in 0..R {
                    let e = x[r * d + j].to_f64() - self.from[j].to_f64();
                    self.sums[j] += s[r] * e;
                    self.squares[j] += s[r] * e * e;
                }
            }
        }
    }
    impl<V: Scalar> WithSimd for Deviations<'_, V> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) {
            let n = self.s.len();
            let whole = n / SIDE_BY_SIDE * SIDE_BY_SIDE;
            (0..whole).step_by(SIDE_BY_SIDE).for_each(|first| self.rows::<SIDE_BY_SIDE>(first));
            (whole..n).for_each(|row| self.rows::<1>(row));
        }
    }
    Arch::new().dispatch(Deviations { x, s, from, sums, squares });
}
