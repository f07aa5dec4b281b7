//! The penalties that keep coefficients at zero, and the boxes around them.
//!
//! ```text
//! h_j(u) = ½ρ_j ‖u‖² + ℓ_j ‖u‖₁           lower ≤ u ≤ upper      u = θ_j, the K weights of feature j
//! h_j(u) = ½ρ_j ‖u‖² + ℓ_j ‖u‖₂           grouped over the classes, or u = the weights of a group that j leads (`groups.rs`)
//! h_j*(v) = sup_u v·u − h_j(u)              the conjugate, which the certificate needs
//! ```
//!
//! Sources: Zou, Hastie 2005; Yuan, Lin 2006; Simon, Friedman, Hastie, A blockwise descent algorithm for
//! group-penalized multiresponse and multinomial regression (2013).

use std::sync::Arc;

use super::groups::Groups;

/// The penalty on each row of θ (m × K); the intercepts, the last row, have none.
#[derive(Debug, Clone)]
pub(crate) struct Penalty {
    /// K.
    pub(crate) classes: usize,
    /// ℓ_j (m).
    pub(crate) l1: Vec<f64>,
    /// ρ_j (m).
    pub(crate) ridge: Vec<f64>,
    /// ‖u‖₂ in place of ‖u‖₁?
    pub(crate) grouped: bool,
    /// Of grouped features those that share one norm, ℓ and ρ.
    pub(crate) groups: Option<Arc<Groups>>,
    /// Lower and upper bounds (m × K each), lower ≤ 0 ≤ upper.
    pub(crate) bounds: Option<(Vec<f64>, Vec<f64>)>,
}

impl Penalty {
    /// The box of θ_jk; from k = K on, of the features that j leads.
    pub(crate) fn limits(&self, j: usize, k: usize) -> (f64, f64) {
        let Some((low, high)) = &self.bounds else { return (f64::NEG_INFINITY, f64::INFINITY) };
        let j = if k < self.classes { j } else { self.members(&j)[k / self.classes] };
        let at = j * self.classes + k % self.classes;
        (low[at], high[at])
    }

    /// Is feature j neither penalised nor bounded?
    pub(crate) fn is_free(&self, j: usize) -> bool {
        self.l1[j] == 0.0
            && self.ridge[j] == 0.0
            && (0..self.classes).any(|k| {
                let (low, high) = self.limits(j, k);
                low == f64::NEG_INFINITY || high == f64::INFINITY
            })
    }

    /// May one vector be added to θ_j without changing any probability, because nothing bounds it?
    pub(crate) fn has_gauge(&self, j: usize) -> bool {
        let of = j * self.classes..(j + 1) * self.classes;
        let infinite = |b: &[f64]| b[of.clone()].iter().all(|b| b.is_infinite());
        self.bounds.as_ref().is_none_or(|(low, high)| infinite(low) && infinite(high))
    }

    /// h_j(u).
    pub(crate) fn value(&self, j: usize, u: &[f64]) -> f64 {
        let square = square(u);
        let norm = if self.grouped { square.sqrt() } else { u.iter().map(|u| u.abs()).sum() };
        0.5 * self.ridge[j] * square + self.l1[j] * norm
    }

    /// Does a gradient g move θ_jk away from 0, where it is not in a group?
    pub(crate) fn pulls(&self, j: usize, k: usize, g: f64) -> bool {
        g.abs() > self.l1[j] && self.end(j, k, -g) > 0.0
    }

    /// The least change of a gradient g by which u minimises g·u + h_j(u) in its box.
    pub(crate) fn imbalance(&self, j: usize, g: &[f64], u: &[f64]) -> f64 {
        let (l1, ridge) = (self.l1[j], self.ridge[j]);
        let length = if self.grouped { square(u).sqrt() } else { 0.0 };
        if self.grouped && length == 0.0 {
            return (self.reach(j, g) - l1).max(0.0);
        }
        let parts = u.iter().zip(g).enumerate().map(|(k, (u, g))| {
            let (low, high) = self.limits(j, k);
            let force = g + ridge * u + if self.grouped { l1 * u / length } else { 0.0 };
            let (down, up) = match () {
                () if self.grouped || l1 == 0.0 => (force, force),
                () if *u > 0.0 => (force + l1, force + l1),
                () if *u < 0.0 => (force - l1, force - l1),
                () => (force - l1, force + l1),
            };
            // What pulls it down, or up.
            let down = if *u > low { down.max(0.0) } else { 0.0 };
            let up = if *u < high { (-up).max(0.0) } else { 0.0 };
            down.max(up)
        });
        parts.fold(0.0, f64::max)
    }

    /// The least ℓ at which θ_j = 0 withstands the gradient g: its dual norm over the directions that are allowed.
    pub(crate) fn reach(&self, j: usize, g: &[f64]) -> f64 {
        self.dual_norm(j, g, |end| end > 0.0)
    }

    /// The dual norm over the directions that nothing bounds: h_j* is infinite where it exceeds ℓ_j and ρ_j = 0.
    pub(crate) fn unbounded_reach(&self, j: usize, g: &[f64]) -> f64 {
        self.dual_norm(j, g, f64::is_infinite)
    }

    fn dual_norm(&self, j: usize, g: &[f64], counts: impl Fn(f64) -> bool) -> f64 {
        if self.bounds.is_none() {
            return if self.grouped {
                square(g).sqrt()
            } else {
                g.iter().fold(0.0, |most, g| most.max(g.abs()))
            };
        }
        let force = |(k, g): (usize, &f64)| if counts(self.end(j, k, -g)) { g.abs() } else { 0.0 };
        let forces = g.iter().enumerate().map(force);
        if self.grouped { forces.map(|f| f * f).sum::<f64>().sqrt() } else { forces.fold(0.0, f64::max) }
    }

    /// h_j*(v), or an upper bound to rounding; infinite where v is out of its domain.
    pub(crate) fn conjugate(&self, j: usize, v: &[f64]) -> f64 {
        let (l1, ridge) = (self.l1[j], self.ridge[j]);
        if !self.grouped {
            let parts = v.iter().enumerate();
            return parts.map(|(k, v)| conjugate_in_box(v.abs() - l1, ridge, self.end(j, k, *v))).sum();
        }
        // sup_u v·u − ℓ‖u‖ − … = min over ‖w‖ ≤ ℓ of Σ_k sup (v − w)_k u_k − …; any w gives a bound.
        let useful: Vec<f64> =
            v.iter().enumerate().map(|(k, v)| if self.end(j, k, *v) > 0.0 { *v } else { 0.0 }).collect();
        let norm = square(&useful).sqrt();
        if norm <= l1 {
            return 0.0;
        }
        let ends: Vec<f64> = useful.iter().enumerate().map(|(k, v)| self.end(j, k, *v)).collect();
        let u = group_maximiser(&useful, &ends, ridge, l1);
        let length = square(&u).sqrt();
        let share = if length > 0.0 { l1 / length } else { 0.0 };
        let w = |k: usize| if length > 0.0 { share * u[k] } else { l1 / norm * useful[k] };
        (0..v.len()).map(|k| conjugate_in_box((useful[k] - w(k)).abs(), ridge, ends[k])).sum()
    }

    /// How far u may go in the direction of v.
    fn end(&self, j: usize, k: usize, v: f64) -> f64 {
        let (low, high) = self.limits(j, k);
        if v > 0.0 {
            high
        } else if v < 0.0 {
            -low
        } else {
            0.0
        }
    }

    /// The shift c that makes h_j(u − c) least: the median for ρ = 0 (of an interval of them the point nearest to
    /// 0), the mean for groups. `None` where the gauge is fixed.
    pub(crate) fn gauge(&self, j: usize, u: &[f64]) -> Option<f64> {
        if !self.has_gauge(j) {
            return None;
        }
        let mean = u.iter().sum::<f64>() / u.len() as f64;
        if self.grouped || self.l1[j] == 0.0 {
            return Some(mean);
        }
        // As a rule 0 is best already: its zeros outweigh what pulls.
        let signs: f64 = u.iter().map(|u| if *u == 0.0 { 0.0 } else { u.signum() }).sum();
        let zeros = u.iter().filter(|u| **u == 0.0).count() as f64;
        if (self.ridge[j] * mean * u.len() as f64 + self.l1[j] * signs).abs() <= self.l1[j] * zeros {
            return Some(0.0);
        }
        let mut sorted = u.to_vec();
        sorted.sort_by(f64::total_cmp);
        let k = u.len();
        // The slope of Σ ½ρ(u − c)² + ℓ|u − c| between sorted values rises by 2ℓ at each of them.
        let slope = |c: f64, below: usize| {
            self.ridge[j] * k as f64 * (c - mean) + self.l1[j] * (2.0 * below as f64 - k as f64)
        };
        let (mut low, mut high) = (sorted[k - 1], sorted[k - 1]);
        for (i, &c) in sorted.iter().enumerate() {
            if slope(c, i + 1) >= 0.0 {
                low = c;
                high = c;
                if slope(c, i) > 0.0 {
                    // The zero lies before c: between it and the value below.
                    low = mean - self.l1[j] * (2.0 * i as f64 - k as f64) / (self.ridge[j] * k as f64);
                    high = low;
                } else if self.ridge[j] == 0.0 && slope(c, i + 1) == 0.0 {
                    high = sorted[(i + 1).min(k - 1)];
                }
                break;
            }
        }
        Some(0.0f64.clamp(low, high))
    }
}

/// sup of v u − ½ρu² over 0 ≤ u ≤ end.
fn conjugate_in_box(v: f64, ridge: f64, end: f64) -> f64 {
    if v <= 0.0 || end == 0.0 {
        return 0.0;
    }
    if ridge == 0.0 {
        return v * end;
    }
    let u = (v / ridge).min(end);
    u * (v - 0.5 * ridge * u)
}

/// The u that maximises v·u − ½ρ‖u‖² − ℓ‖u‖ with |u_k| ≤ ends_k and the signs of v; ‖v‖ > ℓ.
///
/// u_k = clip(v_k / (ρ + ℓ/r)) with r = ‖u‖, found by bisection on r.
fn group_maximiser(v: &[f64], ends: &[f64], ridge: f64, l1: f64) -> Vec<f64> {
    let at = |r: f64| -> Vec<f64> {
        let scale = r / (ridge * r + l1);
        v.iter().zip(ends).map(|(v, end)| (v.abs() * scale).min(*end).copysign(*v)).collect()
    };
    let free = ends.iter().zip(v).all(|(e, v)| *v == 0.0 || e.is_infinite());
    if free && ridge > 0.0 {
        return at((square(v).sqrt() - l1) / ridge);
    }
    let mut high = if ridge > 0.0 { square(v).sqrt() / ridge } else { f64::INFINITY };
    let box_norm = ends.iter().zip(v).filter(|(_, v)| **v != 0.0).map(|(e, _)| e * e).sum::<f64>().sqrt();
    high = high.min(box_norm);
    if !high.is_finite() {
        return v.iter().map(|v| if *v == 0.0 { 0.0 } else { f64::MAX.sqrt().copysign(*v) }).collect();
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let r = 0.5 * (low + high);
        if square(&at(r)).sqrt() > r { low = r } else { high = r }
    }
    at(high)
}

/// ‖v‖².
pub(crate) fn square(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn penalty(grouped: bool, l1: f64, ridge: f64, bounds: Option<(Vec<f64>, Vec<f64>)>) -> Penalty {
        Penalty { classes: 3, l1: vec![l1], ridge: vec![ridge], grouped, groups: None, bounds }
    }

    fn vector() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-3.0..3.0f64, 3)
    }

    proptest! {
        #[test]
        fn conjugates_bound_every_point(
            grouped: bool, boxed: bool, l1 in 0.0..2.0f64, ridge in prop_oneof![Just(0.0), 0.01..2.0f64],
            u in vector(), v in vector(), low in vector(), high in vector(),
        ) {
            let low: Vec<f64> = low.iter().map(|l| -l.abs()).collect();
            let high: Vec<f64> = high.iter().map(|h| h.abs()).collect();
            let clipped: Vec<f64> = (0..3).map(|k| if boxed { u[k].clamp(low[k], high[k]) } else { u[k] }).collect();
            let p = penalty(grouped, l1, ridge, boxed.then_some((low, high)));
            let dot: f64 = clipped.iter().zip(&v).map(|(u, v)| u * v).sum();
            prop_assert!(p.conjugate(0, &v) >= dot - p.value(0, &clipped) - 1e-12);
        }

        #[test]
        fn group_conjugates_are_attained(l1 in 0.0..2.0f64, ridge in 0.1..2.0f64, v in vector()) {
            let p = penalty(true, l1, ridge, None);
            let expected = (square(&v).sqrt() - l1).max(0.0).powi(2) / (2.0 * ridge);
            prop_assert!((p.conjugate(0, &v) - expected).abs() <= 1e-12 * (1.0 + expected));
            let wide = penalty(true, l1, ridge, Some((vec![-1e9; 3], vec![1e9; 3])));
            prop_assert!((wide.conjugate(0, &v) - expected).abs() <= 1e-9 * (1.0 + expected));
        }

        #[test]
        fn no_other_gauge_is_better(
            grouped: bool, l1 in 0.0..2.0f64, ridge in prop_oneof![Just(0.0), 0.01..2.0f64],
            mut u in vector(), zeros: bool, other in -3.0..3.0f64,
        ) {
            if zeros { u[0] = 0.0; u[2] = 0.0; }
            let p = penalty(grouped, l1, ridge, None);
            let at = |c: f64| p.value(0, &u.iter().map(|u| u - c).collect::<Vec<f64>>());
            let c = p.gauge(0, &u).unwrap();
            prop_assert!(at(c) <= at(other) + 1e-12, "{} at {c}, {} at {other}", at(c), at(other));
        }
    }

    #[test]
    fn the_median_keeps_zeros_and_the_reach_knows_bounds() {
        let p = penalty(false, 1.0, 0.0, None);
        assert_eq!(p.gauge(0, &[1.0, 0.0, 2.0]), Some(1.0));
        let even = Penalty { classes: 4, ..p.clone() };
        assert_eq!(even.gauge(0, &[-1.0, 0.5, 2.0, 3.0]), Some(0.5));
        assert_eq!(even.gauge(0, &[-1.0, -0.5, 2.0, 3.0]), Some(0.0));
        assert_eq!(p.reach(0, &[1.0, -3.0, 2.0]), 3.0);
        let up = penalty(false, 1.0, 0.0, Some((vec![0.0; 3], vec![f64::INFINITY; 3])));
        assert_eq!(up.reach(0, &[4.0, -1.0, 2.0]), 1.0);
        assert_eq!(up.conjugate(0, &[-9.0, 0.5, 0.5]), 0.0);
        assert_eq!(up.conjugate(0, &[-9.0, 1.5, 0.5]), f64::INFINITY);
        assert!(up.gauge(0, &[1.0, 2.0, 3.0]).is_none());
    }
}
