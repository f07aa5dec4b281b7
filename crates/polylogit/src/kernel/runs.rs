//! Runs of numbers of a row of X as it lies in memory: the lanes are columns.

use pulp::Arch;

use super::Real;
use crate::scalar::Scalar;

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
