//! A group of features in the descent: as one block, whose curvature is met by products only.
//!
//! ```text
//! min over U:  ½ (U−θ)·H (U−θ) + G·(U−θ) + ½ρ‖U‖² + ℓ‖U‖_F
//! U = 0                                     if the gradient G₀ there is within the ball
//! U ← t·U, or t·(−G₀) where that is lower      t = (−G₀·U − ℓ‖U‖)₊ / (U·HU + ρ‖U‖²), exact along the ray
//! U_j ← argmin … + ½ (ρ + ℓ/‖U‖) ‖U_j‖²        feature by feature: ‖U‖ ≤ (‖U‖² + r²)/2r, equal at r = ‖U‖
//! ```
//!
//! No part makes the model larger, and only at its minimum does none make it smaller. Where groups grow and shrink
//! together the plain quadratic of `face.rs` takes over.
//!
//! Sources: Yuan, Lin 2006; Hunter, Lange, A tutorial on MM algorithms (2004).

use std::collections::HashMap;

use super::block::Block;
use super::descent::Descent;
use crate::objective::penalty::square;

impl Descent<'_> {
    /// The positions of the features that each leads; none where all lead themselves.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        if self.penalty.groups.is_none() {
            return vec![];
        }
        let position: HashMap<usize, usize> =
            self.features.iter().enumerate().map(|(i, j)| (*j, i)).collect();
        let of = |j: &usize| self.penalty.members(j).iter().map(|j| position[j]).collect();
        self.features.iter().map(|j| if self.penalty.leads(*j) { of(j) } else { vec![] }).collect()
    }

    /// One block, if the feature at i leads it; the force that was out of balance.
    pub(super) fn visit_group(&mut self, i: usize) -> f64 {
        let places = std::mem::take(&mut self.members[i]);
        let force = if places.is_empty() { 0.0 } else { self.descend(&places) };
        self.members[i] = places;
        force
    }

    fn descend(&mut self, places: &[usize]) -> f64 {
        let (j, k) = (self.features[places[0]], self.penalty.classes);
        let (l1, ridge) = (self.penalty.l1[j], self.penalty.ridge[j]);
        let u = self.penalty.rows(j, self.theta).into_owned();
        let g = self.forces(places);
        let length = square(&u).sqrt();
        if length == 0.0 && self.penalty.reach(j, &g) <= l1 {
            return 0.0;
        }
        let force = self.penalty.imbalance(j, &g, &u);
        let mut at_zero = g.clone();
        if length > 0.0 {
            self.shift_group(places, &u, -1.0);
            at_zero = self.forces(places);
        }
        self.set_group(places, |_| 0.0);
        if self.penalty.reach(j, &at_zero) <= l1 {
            return force / l1;
        }
        let gain =
            |v: &[f64]| -at_zero.iter().zip(v).map(|(g, v)| g * v).sum::<f64>() - l1 * square(v).sqrt();
        let (ray, curvature, moved);
        if gain(&u) > 0.0 {
            curvature = u.iter().zip(&g).zip(&at_zero).map(|((u, g), z)| u * (g - z)).sum::<f64>();
            (ray, moved) = (u, 0.0);
        } else {
            // The steepest way out of 0, scaled to the block's own curvature.
            let room = |at: usize| {
                let (low, high) = self.penalty.limits(j, at);
                if at_zero[at] > 0.0 { low < 0.0 } else { high > 0.0 }
            };
            ray = (0..u.len()).map(|at| if room(at) { -at_zero[at] } else { 0.0 }).collect::<Vec<f64>>();
            self.shift_group(places, &ray, 1.0);
            let there = self.forces(places);
            curvature = ray.iter().zip(&there).zip(&at_zero).map(|((v, g), z)| v * (g - z)).sum::<f64>();
            moved = 1.0;
        }
        let bend = curvature.max(0.0) + ridge * square(&ray);
        let most = (0..ray.len()).fold(f64::INFINITY, |most, at| {
            let (low, high) = self.penalty.limits(j, at);
            let end = if ray[at] > 0.0 { high } else { low };
            if ray[at] == 0.0 { most } else { most.min(end / ray[at]) }
        });
        let t = if bend > 0.0 { (gain(&ray) / bend).min(most) } else { 0.0 };
        self.shift_group(places, &ray, t - moved);
        self.set_group(places, |at| t * ray[at]);
        self.polish(places, k, l1, ridge);
        force / l1
    }

    /// Minimises feature by feature what bounds the block from above.
    fn polish(&mut self, places: &[usize], k: usize, l1: f64, ridge: f64) {
        let j = self.features[places[0]];
        let every: Vec<u32> = (0..k as u32).collect();
        for &i in places {
            let of = self.features[i];
            let length = square(&self.penalty.rows(j, self.theta)).sqrt();
            if length == 0.0 {
                return;
            }
            let (known, h) = &mut self.buffers.cache[i];
            if *known != every {
                known.clone_from(&every);
                h.clear();
                h.resize(k * k, 0.0);
                self.model.curvature(i, of, &every, h);
            }
            let mut g = self.gradient[of * k..(of + 1) * k].to_vec();
            self.model.dots(i, of, &every, &mut g);
            let (low, high): (Vec<f64>, Vec<f64>) = (0..k).map(|c| self.penalty.limits(of, c)).unzip();
            let theta = &mut self.theta[of * k..(of + 1) * k];
            let before = theta.to_vec();
            Block { h, l1: 0.0, ridge: ridge + l1 / length, low: &low, high: &high, grouped: false }
                .minimise(theta, &mut g);
            let moved: Vec<f64> = theta.iter().zip(&before).map(|(a, b)| a - b).collect();
            if let Some(shift) = self.penalty.gauge(of, theta) {
                for t in theta.iter_mut() {
                    *t -= shift;
                }
            }
            if moved.iter().any(|d| *d != 0.0) {
                self.model.shift(i, of, &every, &moved);
            }
        }
    }

    /// The gradient of the block, without its penalty.
    fn forces(&mut self, places: &[usize]) -> Vec<f64> {
        let k = self.penalty.classes;
        let every: Vec<u32> = (0..k as u32).collect();
        let mut forces = Vec::with_capacity(places.len() * k);
        for &i in places {
            let j = self.features[i];
            let first = forces.len();
            forces.extend_from_slice(&self.gradient[j * k..(j + 1) * k]);
            self.model.dots(i, j, &every, &mut forces[first..]);
        }
        forces
    }

    /// Moves the model by `times` v.
    fn shift_group(&mut self, places: &[usize], v: &[f64], times: f64) {
        let k = self.penalty.classes;
        let every: Vec<u32> = (0..k as u32).collect();
        for (&i, v) in places.iter().zip(v.chunks_exact(k)) {
            let moved: Vec<f64> = v.iter().map(|v| times * v).collect();
            if moved.iter().any(|d| *d != 0.0) {
                self.model.shift(i, self.features[i], &every, &moved);
            }
        }
    }

    /// θ of the block.
    fn set_group(&mut self, places: &[usize], u: impl Fn(usize) -> f64) {
        let k = self.penalty.classes;
        for (at, &i) in places.iter().enumerate() {
            let j = self.features[i];
            for c in 0..k {
                self.theta[j * k + c] = u(at * k + c);
            }
        }
    }
}
