//! Runs of numbers as they lie in memory: rows of X, whose lanes are columns, and vectors of the size of θ.

use pulp::{Arch, Simd, WithSimd};

use super::Real;
use crate::scalar::Scalar;

/// Numbers that [`dot`] sums side by side.
const BESIDE: usize = 32;

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

/// `out = (x − shift) · factor`.
pub(crate) fn standardise<V: Scalar, T: Real>(x: &[V], shift: &[f64], factor: &[f64], out: &mut [T]) {
    Arch::new().dispatch(|| {
        for (((out, x), shift), factor) in out.iter_mut().zip(x).zip(shift).zip(factor) {
            *out = T::from_f64((x.to_f64() - shift) * factor);
        }
    });
}

/// `mean += share · x`, and x within min and max where it has a share.
pub(crate) fn add_mean<V: Scalar>(
    share: f64,
    x: &[V],
    mean: &mut [f64],
    (min, max): (&mut [f64], &mut [f64]),
) {
    Arch::new().dispatch(|| {
        mean.iter_mut().zip(x).for_each(|(mean, x)| *mean += share * x.to_f64());
        if share > 0.0 {
            // Comparisons skip NaN.
            for ((min, max), x) in min.iter_mut().zip(max).zip(x) {
                let x = x.to_f64();
                *min = if x < *min { x } else { *min };
                *max = if x > *max { x } else { *max };
            }
        }
    });
}

/// `squares += s (x − mean)²`.
pub(crate) fn add_squares<V: Scalar>(s: f64, x: &[V], mean: &[f64], squares: &mut [f64]) {
    Arch::new().dispatch(|| {
        for ((squares, x), mean) in squares.iter_mut().zip(x).zip(mean) {
            let e = x.to_f64() - mean;
            *squares += s * e * e;
        }
    });
}
