//! Rows of X turned into columns of a block.

use crate::scalar::Scalar;

use super::Real;

/// Rows and columns that are turned together: a line of the cache of each column.
pub(crate) const SIDE: usize = 8;

/// `x[j·stride + r] = (values[r·d + j] − shift_j) · factor_j`.
pub(crate) fn turn<V: Scalar, T: Real>(
    values: &[V],
    (shift, factor): (&[f64], &[f64]),
    stride: usize,
    x: &mut [T],
) {
    let d = shift.len();
    if d == 0 {
        return;
    }
    let rows = values.len() / d;
    let whole = rows / SIDE * SIDE;
    let squares = Squares { values: &values[..whole * d], shift, factor, stride, x };
    // Rows of f64 take as long either way: two lines are moved for eight of their numbers.
    #[cfg(target_arch = "x86_64")]
    match pulp::x86::V4::try_new() {
        Some(simd) if d >= SIDE && size_of::<V>() < size_of::<f64>() => {
            simd.vectorize(wide::Turn(simd, squares));
        }
        _ => squares.one_by_one(),
    }
    #[cfg(not(target_arch = "x86_64"))]
    squares.one_by_one();
    for j in 0..d {
        for r in whole..rows {
            x[j * stride + r] = scaled(values[r * d + j], shift[j], factor[j]);
        }
    }
}

#[inline(always)]
fn scaled<V: Scalar, T: Real>(v: V, shift: f64, factor: f64) -> T {
    T::from_f64((v.to_f64() - shift) * factor)
}

/// Rows in groups of [`SIDE`].
struct Squares<'a, V, T> {
    values: &'a [V],
    shift: &'a [f64],
    factor: &'a [f64],
    stride: usize,
    x: &'a mut [T],
}

impl<V: Scalar, T: Real> Squares<'_, V, T> {
    /// Without vectors: faster than with those that the compiler makes of it.
    fn one_by_one(self) {
        let d = self.shift.len();
        let factor = &self.factor[..d];
        for (group, rows) in self.values.chunks_exact(SIDE * d).enumerate() {
            let row: [&[V]; SIDE] = std::array::from_fn(|r| &rows[r * d..(r + 1) * d]);
            for j in 0..d {
                let out = &mut self.x[j * self.stride + group * SIDE..][..SIDE];
                for r in 0..SIDE {
                    out[r] = scaled(row[r][j], self.shift[j], factor[j]);
                }
            }
        }
    }
}

/// By shuffles of AVX-512.
#[cfg(target_arch = "x86_64")]
mod wide {
    use pulp::NullaryFnOnce;
    use pulp::x86::V4;

    use super::{Real, SIDE, Scalar, Squares, scaled};

    pub(super) struct Turn<'a, V, T>(pub(super) V4, pub(super) Squares<'a, V, T>);

    impl<V: Scalar, T: Real> NullaryFnOnce for Turn<'_, V, T> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Self(simd, Squares { values, shift, factor, stride, x }) = self;
            let d = shift.len();
            for (group, rows) in values.chunks_exact(SIDE * d).enumerate() {
                // The last eight columns overlap others.
                for first in (0..d).step_by(SIDE).map(|first| first.min(d - SIDE)) {
                    let (shift, factor) = (&shift[first..first + SIDE], &factor[first..first + SIDE]);
                    let mut square = [[T::ZERO; SIDE]; SIDE];
                    for r in 0..SIDE {
                        let row = &rows[r * d + first..][..SIDE];
                        for l in 0..SIDE {
                            square[r][l] = scaled(row[l], shift[l], factor[l]);
                        }
                    }
                    let square = T::transposed(simd, square);
                    for c in 0..SIDE {
                        x[(first + c) * stride + group * SIDE..][..SIDE].copy_from_slice(&square[c]);
                    }
                }
            }
        }
    }

    /// Rows of eight become columns of eight.
    #[inline(always)]
    pub(crate) fn transposed_f64(simd: V4, square: [[f64; SIDE]; SIDE]) -> [[f64; SIDE]; SIDE] {
        let simd = simd.avx512f;
        // Pairs of rows, then columns by fours, then by eights.
        let pairs = |a, b| (simd._mm512_unpacklo_pd(a, b), simd._mm512_unpackhi_pd(a, b));
        let lanes = |a, b| (simd._mm512_shuffle_f64x2::<0x88>(a, b), simd._mm512_shuffle_f64x2::<0xdd>(a, b));
        let [r0, r1, r2, r3, r4, r5, r6, r7] = square.map(pulp::cast);
        let ((e01, o01), (e23, o23)) = (pairs(r0, r1), pairs(r2, r3));
        let ((e45, o45), (e67, o67)) = (pairs(r4, r5), pairs(r6, r7));
        let ((c04, c26), (c15, c37)) = (lanes(e01, e23), lanes(o01, o23));
        let ((d04, d26), (d15, d37)) = (lanes(e45, e67), lanes(o45, o67));
        let ((c0, c4), (c1, c5)) = (lanes(c04, d04), lanes(c15, d15));
        let ((c2, c6), (c3, c7)) = (lanes(c26, d26), lanes(c37, d37));
        [c0, c1, c2, c3, c4, c5, c6, c7].map(pulp::cast)
    }

    /// Rows of eight become columns of eight.
    #[inline(always)]
    pub(crate) fn transposed_f32(simd: V4, square: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
        let simd = simd.avx;
        let pairs = |a, b| (simd._mm256_unpacklo_ps(a, b), simd._mm256_unpackhi_ps(a, b));
        let fours = |a, b| (simd._mm256_shuffle_ps::<0x44>(a, b), simd._mm256_shuffle_ps::<0xee>(a, b));
        let halves =
            |a, b| (simd._mm256_permute2f128_ps::<0x20>(a, b), simd._mm256_permute2f128_ps::<0x31>(a, b));
        let [r0, r1, r2, r3, r4, r5, r6, r7] = square.map(pulp::cast);
        let ((a01, b01), (a23, b23)) = (pairs(r0, r1), pairs(r2, r3));
        let ((a45, b45), (a67, b67)) = (pairs(r4, r5), pairs(r6, r7));
        let ((c04, c15), (c26, c37)) = (fours(a01, a23), fours(b01, b23));
        let ((d04, d15), (d26, d37)) = (fours(a45, a67), fours(b45, b67));
        let ((c0, c4), (c1, c5)) = (halves(c04, d04), halves(c15, d15));
        let ((c2, c6), (c3, c7)) = (halves(c26, d26), halves(c37, d37));
        [c0, c1, c2, c3, c4, c5, c6, c7].map(pulp::cast)
    }
}
#[cfg(target_arch = "x86_64")]
pub(super) use wide::{transposed_f32, transposed_f64};
