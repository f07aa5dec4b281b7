//! One block of the quadratic model: the K weights of a feature (or some of them), all others held.
//!
//! ```text
//! min over u:  ½ (u−θ)·H (u−θ) + G·(u−θ) + ½ρ‖u‖² + ℓ‖u‖₁        by cyclic descent, exact along each class
//!              … + ℓ‖u‖₂                                          ‖(H + (ρ+μ)I)⁻¹ c‖ = ℓ/μ, c = Hθ − G, by Newton's
//! ```
//!
//! method on μ. Inside boxes groups take proximal steps of length 1/‖H‖.
//!
//! Source: Simon, Friedman, Hastie 2013 (there with a multiple of the identity in place of H).

use crate::objective::penalty::square;

/// Rounds at most.
const ROUNDS: usize = 100;
/// Changes that end the rounds, relative to the largest so far.
const SMALL: f64 = 1e-2;

/// The block's curvature H (c × c) and its penalty.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) h: &'a [f64],
    pub(crate) l1: f64,
    pub(crate) ridge: f64,
    /// Bounds of each class.
    pub(crate) low: &'a [f64],
    pub(crate) high: &'a [f64],
    pub(crate) grouped: bool,
}

impl Block<'_> {
    /// Replaces u by the minimiser; `g` (c) is the gradient G at u, updated with it.
    pub(crate) fn minimise(&self, u: &mut [f64], g: &mut [f64]) {
        if !self.grouped || self.l1 == 0.0 {
            self.cyclic(u, g);
        } else if self.low.iter().all(|l| l.is_infinite()) && self.high.iter().all(|h| h.is_infinite()) {
            self.secular(u, g);
        } else {
            self.proximal(u, g);
        }
    }

    /// Gradient updates for a change of u.
    fn moved(&self, k: usize, delta: f64, g: &mut [f64]) {
        let c = g.len();
        for (g, h) in g.iter_mut().zip(&self.h[k * c..(k + 1) * c]) {
            *g += delta * h;
        }
    }

    fn cyclic(&self, u: &mut [f64], g: &mut [f64]) {
        let c = u.len();
        let mut largest = 0.0f64;
        for _ in 0..ROUNDS {
            let mut change = 0.0f64;
            for k in 0..c {
                let h = self.h[k * c + k];
                if h + self.ridge <= 0.0 {
                    continue;
                }
                let v = h * u[k] - g[k];
                let next = soft(v, self.l1) / (h + self.ridge);
                let delta = next.clamp(self.low[k], self.high[k]) - u[k];
                if delta != 0.0 {
                    u[k] = next.clamp(self.low[k], self.high[k]);
                    self.moved(k, delta, g);
                    change = change.max(delta * delta * h);
                }
            }
            largest = largest.max(change);
            if change <= SMALL * SMALL * largest {
                break;
            }
        }
    }

    fn secular(&self, u: &mut [f64], g: &mut [f64]) {
        let c = u.len();
        let target: Vec<f64> =
            (0..c).map(|k| (0..c).map(|e| self.h[k * c + e] * u[e]).sum::<f64>() - g[k]).collect();
        let norm = square(&target).sqrt();
        let mut next = vec![0.0; c];
        if norm > self.l1 {
            // μ‖u(μ)‖ rises from at most ℓ to ‖c‖ > ℓ.
            let (mut low, mut high) = (0.0, f64::INFINITY);
            let length = square(u).sqrt();
            let mut mu = if length > 0.0 {
                self.l1 / length
            } else {
                let trace: f64 = (0..c).map(|k| self.h[k * c + k]).sum();
                self.l1 * (trace + self.ridge) / (norm - self.l1).max(f64::MIN_POSITIVE)
            };
            let mut l = vec![0.0; c * c];
            let mut slope = vec![0.0; c];
            for _ in 0..ROUNDS {
                mu = if mu.is_finite() { mu.max(f64::MIN_POSITIVE) } else { f64::MAX.sqrt() };
                if !factor(self.h, self.ridge + mu, &mut l) {
                    low = mu;
                    mu *= 2.0;
                    continue;
                }
                next.copy_from_slice(&target);
                solve(&l, &mut next);
                let length = square(&next).sqrt();
                let excess = mu * length - self.l1;
                if excess.abs() <= 1e-15 * self.l1 {
                    break;
                }
                if excess > 0.0 {
                    high = mu;
                } else {
                    low = mu;
                }
                slope.copy_from_slice(&next);
                solve(&l, &mut slope);
                let along: f64 = next.iter().zip(&slope).map(|(a, b)| a * b).sum();
                let newton = mu - excess / (length - mu * along / length);
                let before = mu;
                mu = if newton > low && newton < high {
                    newton
                } else if high.is_finite() {
                    0.5 * (low + high)
                } else {
                    2.0 * mu
                };
                if (mu - before).abs() <= 1e-15 * mu {
                    break;
                }
            }
        }
        for k in 0..c {
            let delta = next[k] - u[k];
            u[k] = next[k];
            self.moved(k, delta, g);
        }
    }

    fn proximal(&self, u: &mut [f64], g: &mut [f64]) {
        let c = u.len();
        let lipschitz = (0..c)
            .map(|k| self.h[k * c..(k + 1) * c].iter().map(|h| h.abs()).sum::<f64>())
            .fold(0.0, f64::max);
        if lipschitz <= 0.0 {
            return;
        }
        let mut largest = 0.0f64;
        for _ in 0..ROUNDS {
            let v: Vec<f64> = u.iter().zip(&*g).map(|(u, g)| lipschitz * u - g).collect();
            let next = in_box(&v, lipschitz + self.ridge, self.l1, self.low, self.high);
            let mut change = 0.0f64;
            for k in 0..c {
                let delta = next[k] - u[k];
                u[k] = next[k];
                self.moved(k, delta, g);
                change = change.max(delta.abs());
            }
            largest = largest.max(change);
            if change <= SMALL * largest {
                break;
            }
        }
    }
}

/// sign(v) (|v| − ℓ)₊.
fn soft(v: f64, l1: f64) -> f64 {
    if v > l1 {
        v - l1
    } else if v < -l1 {
        v + l1
    } else {
        0.0
    }
}

/// min ½a‖u‖² − v·u + ℓ‖u‖ in a box around 0: u_k = clip(v_k / (a + ℓ/r)), r = ‖u‖, by bisection on r.
fn in_box(v: &[f64], a: f64, l1: f64, low: &[f64], high: &[f64]) -> Vec<f64> {
    let clip = |k: usize, u: f64| u.clamp(low[k], high[k]);
    let useful: Vec<f64> =
        v.iter().enumerate().map(|(k, v)| if clip(k, *v) == 0.0 { 0.0 } else { *v }).collect();
    let norm = square(&useful).sqrt();
    if norm <= l1 {
        return vec![0.0; v.len()];
    }
    let at = |r: f64| -> Vec<f64> {
        useful.iter().enumerate().map(|(k, v)| clip(k, v * r / (a * r + l1))).collect()
    };
    let (mut least, mut most) = (0.0, norm / a);
    for _ in 0..100 {
        let r = 0.5 * (least + most);
        if square(&at(r)).sqrt() > r { least = r } else { most = r }
    }
    at(most)
}

/// H + shift·I = LLᵀ; `false` where it is not positive.
fn factor(h: &[f64], shift: f64, l: &mut [f64]) -> bool {
    let c = l.len().isqrt();
    for i in 0..c {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|t| l[i * c + t] * l[j * c + t]).sum();
            let v = h[i * c + j] - dot + if i == j { shift } else { 0.0 };
            if i == j {
                if v <= 0.0 || !v.is_finite() {
                    return false;
                }
                l[i * c + i] = v.sqrt();
            } else {
                l[i * c + j] = v / l[j * c + j];
            }
        }
    }
    true
}

/// (LLᵀ)⁻¹ b in place.
fn solve(l: &[f64], b: &mut [f64]) {
    let c = b.len();
    for i in 0..c {
        let dot: f64 = (0..i).map(|t| l[i * c + t] * b[t]).sum();
        b[i] = (b[i] - dot) / l[i * c + i];
    }
    for i in (0..c).rev() {
        let dot: f64 = (i + 1..c).map(|t| l[t * c + i] * b[t]).sum();
        b[i] = (b[i] - dot) / l[i * c + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::penalty::Penalty;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_other_point_is_better(
            grouped: bool, boxed: bool, l1 in 0.0..1.0f64, ridge in prop_oneof![Just(0.0), 0.0..1.0f64],
            root in prop::collection::vec(-1.0..1.0f64, 9), numbers in prop::collection::vec(-1.0..1.0f64, 15),
        ) {
            let mut h = vec![0.0; 9];
            for i in 0..9 {
                h[i] = (0..3).map(|t| root[i / 3 * 3 + t] * root[i % 3 * 3 + t]).sum::<f64>();
                if i % 4 == 0 { h[i] += 0.05; }
            }
            let (g, other) = (&numbers[..3], &numbers[6..9]);
            let bound = |of: &[f64], sign: f64| -> Vec<f64> {
                of.iter().map(|v| if boxed { sign * v.abs() } else { sign * f64::INFINITY }).collect()
            };
            let (low, high) = (bound(&numbers[9..12], -1.0), bound(&numbers[12..15], 1.0));
            let clip = |v: &[f64]| -> Vec<f64> { (0..3).map(|k| v[k].clamp(low[k], high[k])).collect() };
            let start = clip(&numbers[3..6]);
            let penalty = Penalty {
                classes: 3, l1: vec![l1], ridge: vec![ridge], grouped, groups: None,
                bounds: Some((low.clone(), high.clone())),
            };
            let value = |u: &[f64]| {
                let d: Vec<f64> = (0..3).map(|k| u[k] - start[k]).collect();
                let quadratic: f64 = (0..9).map(|i| 0.5 * h[i] * d[i / 3] * d[i % 3]).sum();
                quadratic + d.iter().zip(g).map(|(d, g)| d * g).sum::<f64>() + penalty.value(0, u)
            };
            let block = Block { h: &h, l1, ridge, low: &low, high: &high, grouped };
            let (mut u, mut gradient) = (start.clone(), g.to_vec());
            // Each call goes as far as is worth it once; visits go on.
            for _ in 0..100 { block.minimise(&mut u, &mut gradient); }
            for k in 0..3 {
                let expected = g[k] + (0..3).map(|e| h[k * 3 + e] * (u[e] - start[e])).sum::<f64>();
                prop_assert!((gradient[k] - expected).abs() < 1e-11);
                prop_assert!(u[k] >= low[k] && u[k] <= high[k]);
            }
            for share in [1.0, 1e-2, 1e-4] {
                let near: Vec<f64> = (0..3).map(|k| u[k] + share * (other[k] - u[k])).collect();
                prop_assert!(value(&u) <= value(&clip(&near)) + 1e-9, "{} {}", value(&u), value(&clip(&near)));
            }
            prop_assert!(value(&u) <= value(&[0.0; 3]) + 1e-9);
        }
    }
}
