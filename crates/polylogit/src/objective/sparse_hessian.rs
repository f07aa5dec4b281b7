//! Explicit curvature of chosen weights of a sparse design.
//!
//! ```text
//! H_(j,k),(l,c) = Σ_i w_i x_ij x_il p_ik (1[k=c] − p_ic)
//! ```
//!
//! A row of H takes the rows i that its feature has a value in, and of each the chosen weights that it meets: the
//! cost is that of the pairs of chosen weights that rows hold, far below (features·K)² where they are few.

use super::columns::Damping;
use super::sparse_focus::Weighed;
use crate::design::lines::Lines;
use crate::kernel;
use crate::linalg::Symmetric;
use crate::parallel::Workers;

/// Most weights: their curvature takes half a gigabyte.
pub(crate) const WEIGHTS: usize = 1 << 13;
/// Rows of the result that are shared out together.
const TOGETHER: usize = 16;

/// Side of the tiles in which it is mirrored.
const TILE: usize = 64;

/// What a row of X holds of the chosen weights, by rows.
struct Held {
    starts: Vec<usize>,
    entries: Vec<Entry>,
}

/// One of them, together in memory: rows are met in no order.
#[derive(Clone, Copy, Default)]
struct Entry {
    weight: u32,
    class: u32,
    x: f64,
    /// x_ij p_ik.
    xp: f64,
}

/// Of the weights that are `chosen` (a row of K for each of the features, in their order; the feature beyond the last of
/// `columns` is the intercept, which comes last with all its classes or none), and `damping` times Σ_i x_ij² (−r_ik)₊ on the
/// diagonal. `None` where they are too many. `memory` becomes the result's.
pub(super) fn of_weights(
    columns: &Lines,
    of: Weighed<'_>,
    (r, damping): (&[f64], Damping<'_>),
    (features, chosen): (&[usize], &[bool]),
    mut memory: Vec<f64>,
    workers: &Workers,
) -> Option<Symmetric> {
    let k = chosen.len() / features.len().max(1);
    let weights: Vec<(usize, usize)> =
        (0..chosen.len()).filter(|at| chosen[*at]).map(|at| (at / k, at % k)).collect();
    let count = weights.len();
    if count > WEIGHTS {
        return None;
    }
    // The weights of stored columns come first.
    let stored = weights.partition_point(|(a, _)| features[*a] < columns.count());
    let columns = columns.some(features);
    let held = Held::new(&columns, of, &weights[..stored]);
    memory.resize(count * count, 0.0);
    let mut h = Symmetric { n: count, values: memory };
    let mut rows: Vec<&mut [f64]> = h.values.chunks_mut((TOGETHER * count).max(1)).collect();
    workers.for_each(&mut rows, |share, rows| {
        for (a, out) in (share * TOGETHER..).zip(rows.chunks_exact_mut(count)) {
            out.fill(0.0);
            let (column, class) = weights[a];
            let mut diagonal = Diagonal::new(damping.forces[column * k + class]);
            if a < stored {
                for (row, x) in columns.line(column) {
                    let p = &of.p[row * of.width..][..k];
                    held.add(row, of.w[row] * x * p[class], (a, class), out);
                    intercepts(of.w[row] * x * p[class], class, p, &mut out[stored..]);
                    diagonal.add(x, r[row * of.width + class], p[class]);
                }
            } else {
                for (row, w) in of.w.iter().enumerate() {
                    let p = &of.p[row * of.width..][..k];
                    intercepts(w * p[class], class, p, &mut out[stored..]);
                    diagonal.add(1.0, r[row * of.width + class], p[class]);
                }
            }
            out[a] += damping.hidden * diagonal.hidden + diagonal.growth();
        }
    });
    drop(rows);
    mirror(&mut h, stored);
    Some(h)
}

/// Fills the other half: it is there left of the diagonal among `stored` columns, right of it beside the intercepts. By
/// tiles, so that what is read across rows stays in cache.
pub(super) fn mirror(h: &mut Symmetric, stored: usize) {
    let n = h.n;
    for first in (0..n).step_by(TILE) {
        for second in (first..n).step_by(TILE) {
            for a in first..(first + TILE).min(n) {
                for b in second.max(a + 1)..(second + TILE).min(n) {
                    if b < stored {
                        h.values[a * n + b] = h.values[b * n + a];
                    } else if a < stored {
                        h.values[b * n + a] = h.values[a * n + b];
                    }
                }
            }
        }
    }
}

/// What damps one weight.
struct Diagonal {
    force: f64,
    /// Σ_i x_i² (−r_i)₊.
    hidden: f64,
    /// Of the rows whose gradient grows on the way: how much it is, and its slope.
    resistance: f64,
    slope: f64,
}

impl Diagonal {
    fn new(force: f64) -> Self {
        Self { force, hidden: 0.0, resistance: 0.0, slope: 0.0 }
    }

    fn add(&mut self, x: f64, r: f64, p: f64) {
        self.hidden -= x * x * r.min(0.0);
        let against = x * r * self.force.signum();
        if against > 0.0 {
            self.resistance += against;
            // w p (1−p), where r is w p or w (p−1).
            self.slope += x * x * r.abs() * if r > 0.0 { 1.0 - p } else { p };
        }
    }

    /// With a resistance of g e^{xΔ} the force f is met at xΔ = ln(1 + f/g): the mean curvature up to there is (f/g) /
    /// ln(1 + f/g) times that of now; what this is more.
    fn growth(&self) -> f64 {
        let ratio = self.force.abs() / self.resistance;
        if ratio > 0.0 && ratio.is_finite() { self.slope * (ratio / ratio.ln_1p() - 1.0) } else { 0.0 }
    }
}

/// `out`_c += t (1[class=c] − p_c) for the intercepts, if there are any.
fn intercepts(t: f64, class: usize, p: &[f64], out: &mut [f64]) {
    if !out.is_empty() {
        kernel::axpy(-t, p, out);
        out[class] += t;
    }
}

impl Held {
    /// `weights`: (which of the columns, class), by columns.
    fn new(columns: &Lines, of: Weighed<'_>, weights: &[(usize, usize)]) -> Self {
        let n = of.w.len();
        let mut starts = vec![0; n + 1];
        for (column, _) in weights {
            for (row, _) in columns.line(*column) {
                starts[row + 1] += 1;
            }
        }
        for row in 0..n {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut entries = vec![Entry::default(); starts[n]];
        for (weight, (column, class)) in (0..).zip(weights) {
            for (row, x) in columns.line(*column) {
                let at = next[row];
                next[row] += 1;
                let xp = x * of.p[row * of.width + class];
                entries[at] = Entry { weight, class: *class as u32, x, xp };
            }
        }
        Self { starts, entries }
    }

    /// `out`_b += t (1[k=c] x_b − x_b p_c) for the weights b ≤ a that a row holds.
    fn add(&self, row: usize, t: f64, (a, class): (usize, usize), out: &mut [f64]) {
        for b in &self.entries[self.starts[row]..self.starts[row + 1]] {
            if b.weight as usize > a {
                break;
            }
            let own = if b.class as usize == class { b.x } else { 0.0 };
            out[b.weight as usize] += t * (own - b.xp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::rows::Standardise;
    use crate::design::{Design, NonZeros};
    use crate::objective::columns;
    use crate::objective::kept::Precision;
    use crate::target::Target;

    #[test]
    fn chosen_weights_have_the_curvature_that_they_have_among_all() {
        let (n, d, k) = (60, 6, 3);
        let x: Vec<f64> =
            (0..n * d).map(|i| if i * i % 7 < 4 { 0.0 } else { (i as f64).sin() + 0.5 }).collect();
        let stored = NonZeros::of(&x, d);
        let sparse = Design::sparse(stored.csr(), d).unwrap();
        let labels: Vec<u32> = (0..n as u32).map(|i| i % 7 % 3).collect();
        let target = Target::from_labels(labels.iter().map(|y| i64::from(*y))).unwrap();
        let theta: Vec<f64> = (0..(d + 1) * k).map(|i| (1.7 * i as f64).cos()).collect();
        let features = [0, 2, 5, d];
        // The second is left out, the others have some of their classes, the intercept all.
        let chosen: Vec<bool> =
            (0..4 * k).map(|at| at / k == 3 || (at / k != 1 && at % k != at / k)).collect();
        let at: Vec<usize> = (0..4 * k).filter(|at| chosen[*at]).collect();
        let identity = Standardise::identity(d);
        let still = vec![0.0; chosen.len()];
        let damping = |hidden| Damping { hidden, forces: &still };
        let of = |design: &Design<'_>| {
            let mut columns = columns::of(design, &target, &identity, true, &Workers::default());
            columns.pack(&features[..3]);
            columns.evaluate(&theta);
            columns
                .hessian(&features, &mut vec![true; chosen.len()], Precision::Double, 1e9)
                .or_else(|| columns.hessian_of(&features, &chosen, damping(0.0)))
                .unwrap()
        };
        let (all, some) = (of(&Design::dense(&x, n, d).unwrap()), of(&sparse));
        assert_eq!((all.n, some.n), (4 * k, at.len()));
        for (a, row) in at.iter().zip(some.values.chunks_exact(some.n)) {
            for (b, h) in at.iter().zip(row) {
                assert!((h - all.values[a * all.n + b]).abs() <= 1e-15, "{a} {b}");
            }
        }

        let mut columns = columns::of(&sparse, &target, &identity, true, &Workers::default());
        columns.evaluate(&theta);
        let damped = columns.hessian_of(&features, &chosen, damping(2.0)).unwrap();
        let pulled: Vec<f64> = (0..chosen.len()).map(|at| 0.1 * (at as f64).sin()).collect();
        let grown = Damping { hidden: 0.0, forces: &pulled };
        let grown = columns.hessian_of(&features, &chosen, grown).unwrap();
        for (i, at) in at.iter().enumerate() {
            let (j, class) = (features[at / k], at % k);
            let x_of = |row: usize, j: usize| if j == d { 1.0 } else { x[row * d + j] };
            let p = |row: usize| {
                let z = |c: usize| (0..=d).map(|j| x_of(row, j) * theta[j * k + c]).sum::<f64>();
                z(class).exp() / (0..k).map(|c| z(c).exp()).sum::<f64>()
            };
            let own = |row: usize| labels[row] as usize == class;
            let hidden: f64 = (0..n)
                .filter(|&row| own(row))
                .map(|row| x_of(row, j).powi(2) * (1.0 - p(row)) / n as f64)
                .sum();
            let of = i * (some.n + 1);
            assert!((damped.values[of] - some.values[of] - 2.0 * hidden).abs() <= 1e-14, "{at}");
            // Rows whose gradient is against the force.
            let (mut resistance, mut slope) = (0.0, 0.0);
            for row in 0..n {
                let g = x_of(row, j) * (p(row) - f64::from(u8::from(own(row)))) / n as f64;
                if g * pulled[*at] > 0.0 {
                    resistance += g.abs();
                    slope += x_of(row, j).powi(2) * p(row) * (1.0 - p(row)) / n as f64;
                }
            }
            let ratio = pulled[*at].abs() / resistance;
            let growth = if ratio > 0.0 && resistance > 0.0 {
                slope * (ratio / (1.0 + ratio).ln() - 1.0)
            } else {
                0.0
            };
            assert!((grown.values[of] - some.values[of] - growth).abs() <= 1e-13, "{at}");
        }
    }
}
