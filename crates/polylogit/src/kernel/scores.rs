//! Z = XWᵀ of rows as they lie in memory: the lanes of a vector are classes, so that X need not be turned.

use pulp::{Arch, Simd, WithSimd};

use super::lanes::Real;
use super::{Aligned, Block, even_parts, touch};

/// Classes are padded to a multiple of this, the numbers of the widest vector.
const WHOLE: usize = 16;
/// Vectors of classes whose sums are kept in registers together.
const WIDEST: usize = 3;
/// Rows of a tile at most, and bytes of its rows that are read while another is computed.
const TILE: usize = 8;
const AHEAD: usize = 2048;
/// Rows that are turned together.
const TOGETHER: usize = 16;

/// W by features (d × K), the classes padded with zeros.
#[derive(Debug)]
pub(crate) struct ByFeature<T> {
    features: usize,
    classes: usize,
    width: usize,
    values: Aligned<T>,
}

impl<T: Real> ByFeature<T> {
    /// From `weights` (K × d).
    pub(crate) fn new(weights: &[f64], classes: usize) -> Self {
        let (features, width) = (weights.len() / classes, padded_classes(classes));
        let mut values = Aligned::zeros(features * width);
        for (class, weights) in weights.chunks_exact(features.max(1)).enumerate() {
            for (row, w) in values.chunks_exact_mut(width).zip(weights) {
                row[class] = T::from_f64(*w);
            }
        }
        Self { features, classes, width, values }
    }
}

/// Numbers that a row of scores takes.
pub(crate) fn padded_classes(classes: usize) -> usize {
    classes.next_multiple_of(WHOLE)
}

/// z_k = Σ_j w_kj x_j of rows, in the order and the rounding of [`super::logits`]: `x` (rows × d), `z` (at least as
/// many rows of [`padded_classes`] numbers).
fn scores<T: Real>(x: &[T], weights: &ByFeature<T>, z: &mut [T]) {
    let rows = x.len() / weights.features;
    assert!(x.len() == rows * weights.features && z.len() >= rows * weights.width);
    Arch::new().dispatch(Scores { x, weights, z });
}

/// [`scores`] of rows that no cache has: each is read in the order of memory before it is met beside others. Where a tile's
/// rows are few bytes, while the tile before is computed; else all rows at once.
pub(crate) fn scores_from_memory<T: Real>(x: &[T], weights: &ByFeature<T>, z: &mut [T]) {
    let (d, width) = (weights.features, weights.width);
    if d == 0 {
        return z.fill(T::ZERO);
    }
    let rows = if TILE * d * size_of::<T>() <= AHEAD && width == WHOLE { TILE } else { (x.len() / d).max(1) };
    let mut ahead = x.chunks(rows * d);
    ahead.next().into_iter().for_each(touch);
    for (x, z) in x.chunks(rows * d).zip(z.chunks_mut(rows * width)) {
        ahead.next().into_iter().for_each(touch);
        scores(x, weights, z);
    }
}

struct Scores<'a, T> {
    x: &'a [T],
    weights: &'a ByFeature<T>,
    z: &'a mut [T],
}

impl<T: Real> WithSimd for Scores<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let wide = S::REGISTER_COUNT >= 32;
        // A part of the weights stays in the cache while all rows pass.
        for (first, count) in even_parts(self.weights.classes.div_ceil(T::lanes::<S>()), WIDEST) {
            match (count, wide) {
                (1, _) => self.part::<S, 1, TILE>(simd, first),
                (2, true) => self.part::<S, 2, TILE>(simd, first),
                (2, false) => self.part::<S, 2, 4>(simd, first),
                (_, true) => self.part::<S, WIDEST, TILE>(simd, first),
                (_, false) => self.part::<S, WIDEST, 4>(simd, first),
            }
        }
    }
}

impl<T: Real> Scores<'_, T> {
    /// `C` vectors of classes from vector `first` on, `R` rows at a time.
    #[inline(always)]
    fn part<S: Simd, const C: usize, const R: usize>(&mut self, simd: S, first: usize) {
        let rows = self.x.len() / self.weights.features;
        let whole = rows / R * R;
        for row in (0..whole).step_by(R) {
            self.tile::<S, C, R>(simd, first, row);
        }
        for row in whole..rows {
            self.tile::<S, C, 1>(simd, first, row);
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const C: usize, const R: usize>(&mut self, simd: S, first: usize, row: usize) {
        let ByFeature { features: d, width, values, .. } = self.weights;
        let (offset, len) = (first * T::lanes::<S>(), C * T::lanes::<S>());
        let x: [&[T]; R] = std::array::from_fn(|r| &self.x[(row + r) * d..][..*d]);
        let mut sum = [[T::splat(simd, T::ZERO); C]; R];
        for (j, weights) in values.chunks_exact(*width).take(*d).enumerate() {
            let weights = T::vectors::<S>(&weights[offset..offset + len]);
            let w: [T::Lanes<S>; C] = std::array::from_fn(|c| weights[c]);
            for r in 0..R {
                let x = T::splat(simd, x[r][j]);
                for c in 0..C {
                    sum[r][c] = T::mul_add(simd, w[c], x, sum[r][c]);
                }
            }
        }
        for (r, sum) in sum.iter().enumerate() {
            let at = (row + r) * width + offset;
            T::vectors_mut::<S>(&mut self.z[at..at + len]).copy_from_slice(sum);
        }
    }
}

/// Turns `scores` (rows of `width` numbers) plus `intercepts` (K) into the K columns of a block. Are all finite?
pub(crate) fn into_columns<T: Real>(
    scores: &[T],
    width: usize,
    intercepts: &[T],
    block: Block,
    z: &mut [T],
) -> bool {
    assert!(scores.len() >= block.rows * width && block.rows.is_multiple_of(TOGETHER));
    Arch::new().dispatch(|| {
        let mut finite = true;
        for first in (0..block.rows).step_by(TOGETHER) {
            let rows: [&[T]; TOGETHER] = std::array::from_fn(|r| &scores[(first + r) * width..][..width]);
            for (c, (z, b)) in z.chunks_exact_mut(block.stride).zip(intercepts).enumerate() {
                let z = &mut z[first..first + TOGETHER];
                for r in 0..TOGETHER {
                    z[r] = rows[r][c] + *b;
                    finite &= z[r].is_finite();
                }
            }
        }
        finite
    })
}

/// Turns the K columns `z` of a block into rows, as many as `out` holds.
pub(crate) fn into_rows<T: Real>(block: Block, z: &[T], out: &mut [T]) {
    let classes = z.len() / block.stride;
    Arch::new().dispatch(|| {
        for (r, row) in out.chunks_exact_mut(classes).enumerate() {
            for (out, z) in row.iter_mut().zip(z.chunks_exact(block.stride)) {
                *out = z[r];
            }
        }
    });
}
