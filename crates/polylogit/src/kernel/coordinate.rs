//! What coordinate descent on a quadratic model of the log-likelihood needs, for one column of a block.
//!
//! With Δz the change of the scores, s = Σ_k p_k Δz_k and q = w p, the model's gradient along column x in class c is
//! `Σ_r x q_c (Δz_c − s)`, its curvature between classes c and e `Σ_r x² q_c (1[c=e] − p_e)`: the softmax's own
//! covariance, class by class, at the price of one column.

use pulp::{Arch, Simd, WithSimd};

use super::Block;
use super::lanes::Real;

/// Tables of a block (K columns each), and s.
#[derive(Debug)]
pub(crate) struct Curved<'a> {
    pub(crate) block: Block,
    /// Probabilities.
    pub(crate) p: &'a [f64],
    /// w p.
    pub(crate) q: &'a [f64],
}

/// `out[i] += Σ_r x q_c (Δz_c − s)` for each class c of `classes`.
pub(crate) fn curved_dots(
    of: &Curved<'_>,
    x: &[f64],
    classes: &[u32],
    dz: &[f64],
    s: &[f64],
    out: &mut [f64],
) {
    assert!(x.len() >= of.block.rows && s.len() >= of.block.rows && out.len() >= classes.len());
    Arch::new().dispatch(Dots { of, x, classes, dz, s, out });
}

struct Dots<'a> {
    of: &'a Curved<'a>,
    x: &'a [f64],
    classes: &'a [u32],
    dz: &'a [f64],
    s: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, x, classes, dz, s, out } = self;
        let Block { rows, stride } = of.block;
        let (x, s) = (f64::vectors::<S>(&x[..rows]), f64::vectors::<S>(&s[..rows]));
        let count = x.len();
        let s = &s[..count];
        for (out, &c) in out.iter_mut().zip(classes) {
            let at = c as usize * stride;
            let q = &f64::vectors::<S>(&of.q[at..at + rows])[..count];
            let dz = &f64::vectors::<S>(&dz[at..at + rows])[..count];
            let mut sums = [f64::splat(simd, 0.0); 2];
            for (v, (x, s)) in x.iter().zip(s).enumerate() {
                let u = simd.mul_f64s(simd.mul_f64s(*x, q[v]), simd.sub_f64s(dz[v], *s));
                sums[v % 2] = simd.add_f64s(sums[v % 2], u);
            }
            *out += f64::sum(simd, simd.add_f64s(sums[0], sums[1]));
        }
    }
}

/// `Δz_c += δ_c x`, `s += Σ_c δ_c p_c x`.
pub(crate) fn shift_scores(
    of: &Curved<'_>,
    x: &[f64],
    classes: &[u32],
    delta: &[f64],
    dz: &mut [f64],
    s: &mut [f64],
) {
    Arch::new().dispatch(|| {
        let Block { rows, stride } = of.block;
        let (x, s) = (&x[..rows], &mut s[..rows]);
        for (delta, &c) in delta.iter().zip(classes).filter(|(d, _)| **d != 0.0) {
            let at = c as usize * stride;
            let (p, dz) = (&of.p[at..at + rows], &mut dz[at..at + rows]);
            for r in 0..rows {
                let step = delta * x[r];
                dz[r] += step;
                s[r] += step * p[r];
            }
        }
    });
}

/// `h[i·|C| + l] += Σ_r x² q_c (1[c=e] − p_e)` for the classes c, e of C.
pub(crate) fn curvatures(of: &Curved<'_>, x: &[f64], classes: &[u32], h: &mut [f64]) {
    assert!(x.len() >= of.block.rows && h.len() >= classes.len() * classes.len());
    Arch::new().dispatch(Curvatures { of, x, classes, h });
}

struct Curvatures<'a> {
    of: &'a Curved<'a>,
    x: &'a [f64],
    classes: &'a [u32],
    h: &'a mut [f64],
}

impl WithSimd for Curvatures<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, x, classes, h } = self;
        let Block { rows, stride } = of.block;
        let x = f64::vectors::<S>(&x[..rows]);
        let column = |table: &'_ [f64], c: u32| -> std::ops::Range<usize> {
            let at = c as usize * stride;
            debug_assert!(table.len() >= at + rows);
            at..at + rows
        };
        let one = f64::splat(simd, 1.0);
        for (i, &c) in classes.iter().enumerate() {
            let q = &f64::vectors::<S>(&of.q[column(of.q, c)])[..x.len()];
            for (l, &e) in classes[..=i].iter().enumerate() {
                let p = &f64::vectors::<S>(&of.p[column(of.p, e)])[..x.len()];
                let mut sum = f64::splat(simd, 0.0);
                for (v, x) in x.iter().enumerate() {
                    let square = simd.mul_f64s(simd.mul_f64s(*x, *x), q[v]);
                    let other = if i == l { simd.sub_f64s(one, p[v]) } else { p[v] };
                    sum = <f64 as Real>::mul_add(simd, square, other, sum);
                }
                let sum = f64::sum(simd, sum);
                if i == l {
                    h[i * classes.len() + i] += sum;
                } else {
                    h[i * classes.len() + l] -= sum;
                    h[l * classes.len() + i] -= sum;
                }
            }
        }
    }
}

/// Rows that [`add_rows`] takes together.
pub(crate) const ROWS: usize = 8;
/// Columns that it takes together.
const LANES: usize = 8;

/// `out_k += Σ_i r_ik (x_i − shift)` over at most [`ROWS`] rows of d numbers, for a run of columns from `first`: `out`
/// has a run of `shift.len()` numbers for each class.
pub(crate) fn add_rows<V: crate::scalar::Scalar>(
    x: &[V],
    d: usize,
    first: usize,
    shift: &[f64],
    r: &[f64],
    out: &mut [f64],
) {
    let width = shift.len();
    let (rows, classes) = (x.len() / d, out.len() / width);
    assert!(rows <= ROWS && r.len() == rows * classes && first + width <= d);
    let row = |i: usize| &x[i.min(rows - 1) * d + first..][..width];
    let x: [&[V]; ROWS] = std::array::from_fn(row);
    // Rows that are not there count 0 times.
    let r = |i: usize, k: usize| if i < rows { r[i * classes + k] } else { 0.0 };
    Arch::new().dispatch(|| {
        let whole = width / LANES * LANES;
        for j in (0..whole).step_by(LANES) {
            let shift: &[f64; LANES] = as_lanes(shift, j);
            let centred: [[f64; LANES]; ROWS] = std::array::from_fn(|i| {
                let x: &[V; LANES] = as_lanes(x[i], j);
                std::array::from_fn(|l| x[l].to_f64() - shift[l])
            });
            for (k, out) in out.chunks_exact_mut(width).enumerate() {
                let r: [f64; ROWS] = std::array::from_fn(|i| r(i, k));
                for (l, out) in out[j..j + LANES].iter_mut().enumerate() {
                    *out += (0..ROWS).map(|i| r[i] * centred[i][l]).sum::<f64>();
                }
            }
        }
        for j in whole..width {
            for (k, out) in out.chunks_exact_mut(width).enumerate() {
                out[j] += (0..rows).map(|i| r(i, k) * (x[i][j].to_f64() - shift[j])).sum::<f64>();
            }
        }
    });
}

/// `LANES` numbers from the j-th.
fn as_lanes<V>(x: &[V], j: usize) -> &[V; LANES] {
    x[j..].first_chunk().expect("as many lanes as were counted")
}

/// out = x + α y.
pub(crate) fn moved(x: &[f64], alpha: f64, y: &[f64], out: &mut [f64]) {
    Arch::new().dispatch(|| {
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            *out = x + alpha * y;
        }
    });
}

/// `s = Σ_k p_k Δz_k` for each row; tables of K columns.
pub(crate) fn mean_columns(block: Block, p: &[f64], dz: &[f64], s: &mut [f64]) {
    Arch::new().dispatch(|| {
        let s = &mut s[..block.rows];
        s.fill(0.0);
        for (p, dz) in p.chunks_exact(block.stride).zip(dz.chunks_exact(block.stride)) {
            for ((s, p), dz) in s.iter_mut().zip(p).zip(dz) {
                *s += p * dz;
            }
        }
    });
}

/// y += α x.
pub(crate) fn axpy(alpha: f64, x: &[f64], y: &mut [f64]) {
    Arch::new().dispatch(|| {
        for (y, x) in y.iter_mut().zip(x) {
            *y += alpha * x;
        }
    });
}
