//! The descent where signs are known: on the weights that are not 0 the model is a plain quadratic. Its minimum is
//! found by factoring explicit curvature, or by conjugate gradients; where it is beyond a change of sign or a
//! bound, the weight stops there, and after a factor the others go on for as long as the model falls.

use std::collections::HashMap;

use super::descent::Descent;
use super::quadratic::Along;
use crate::objective::penalty::square;

/// The most steps of conjugate gradients, and the share of the squared residual that ends them.
const CG_STEPS: usize = 60;
const GOAL: f64 = 1e-8;
/// Curvature along a direction that is less than this share of its weights' own is rounding.
const FLAT: f64 = 1e-13;
/// A factor before any sweep is one of so many weights that their number squared is at most this many times that of all.
const FACTORED_FIRST: usize = 64;

/// The active weights at a point, in rows of K.
struct Face {
    now: Vec<f64>,
    /// Which of them may move.
    free: Vec<bool>,
    /// The force on each; 0 where none may move it.
    force: Vec<f64>,
    /// ℓ/‖u‖ of each feature's group: its curvature is ∂²(ℓ‖u‖) = ℓ/‖u‖ (I − ûûᵀ).
    bend: Vec<f64>,
    /// ‖u‖² of the group, and which of the active features leads it.
    square: Vec<f64>,
    lead: Vec<usize>,
    /// The curvature along each weight alone.
    scale: Vec<f64>,
}

impl Face {
    /// ‖u‖² of each feature's group from those of its features.
    fn share(&mut self) {
        for a in 0..self.lead.len() {
            if self.lead[a] != a {
                self.square[self.lead[a]] += self.square[a];
            }
        }
        for a in 0..self.lead.len() {
            self.square[a] = self.square[self.lead[a]];
        }
    }

    /// u·v/‖u‖² of each group, at the feature that leads it.
    fn along(&self, k: usize, v: &[f64]) -> Vec<f64> {
        let mut along = vec![0.0; self.lead.len()];
        for (a, (u, v)) in self.now.chunks_exact(k).zip(v.chunks_exact(k)).enumerate() {
            if self.bend[a] > 0.0 {
                along[self.lead[a]] += u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
            }
        }
        along.iter_mut().zip(&self.square).filter(|(along, _)| **along != 0.0).for_each(|(a, s)| *a /= s);
        along
    }
}

impl Descent<'_> {
    /// Which of the active features leads each of them.
    fn leads(&self, active: &[usize]) -> Vec<usize> {
        let mut leads: Vec<usize> = (0..active.len()).collect();
        if !self.members.is_empty() {
            let place: HashMap<usize, usize> = active.iter().enumerate().map(|(a, i)| (*i, a)).collect();
            for (a, i) in active.iter().enumerate() {
                for member in &self.members[*i] {
                    leads[place[member]] = a;
                }
            }
        }
        leads
    }

    /// Goes to the minimum on the active weights as if their signs were known, or a part of the way, where the model
    /// is lower. `false` if it is not.
    pub(super) fn newton(&mut self, active: &[usize], enough: f64) -> bool {
        let face = self.face(active, false);
        let before = self.value(active, &face.now, &self.delta());
        if let Some(target) = self.factored(active, &face, None) {
            return self.take(active, &face, &target, before);
        }
        let step = self.conjugate_gradients(active, &face, enough);
        for share in [1.0, 0.3] {
            let target = face.now.iter().zip(&step).map(|(u, s)| u + share * s).collect();
            if self.try_target(active, &face.now, target, before) {
                return true;
            }
        }
        self.go(active, &face.now);
        false
    }

    /// Goes to a target where the model is lower than `before`.
    fn take(&mut self, active: &[usize], face: &Face, target: &[f64], before: f64) -> bool {
        let lower = self.go(active, target) < before;
        if !lower {
            self.go(active, &face.now);
        }
        lower
    }

    /// As [`Descent::newton`] before any sweep, by a cheap factor: weights that are 0 and would move have the sign that they
    /// are pulled to.
    pub(super) fn jump(&mut self) -> bool {
        if self.penalty.grouped || !self.model.is_explicit() {
            return false;
        }
        let (k, open) = (self.penalty.classes, &self.buffers.open);
        let opens = |i: &usize| open[i * k..(i + 1) * k].contains(&true);
        let active: Vec<usize> = (0..self.features.len()).filter(opens).collect();
        let face = self.face(&active, true);
        let before = self.value(&active, &face.now, &self.delta());
        let target = self.factored(&active, &face, Some(FACTORED_FIRST));
        let lower = target.is_some_and(|target| self.take(&active, &face, &target, before));
        // One class of what is not penalised stayed (see `factored`).
        for &i in active.iter().filter(|_| lower) {
            if self.shifts(i) {
                self.set_gauge(i);
            }
        }
        lower
    }

    /// May a shift of all classes of a feature change nothing, because nothing is penalised?
    fn shifts(&self, i: usize) -> bool {
        let j = self.features[i];
        self.penalty.l1[j] == 0.0 && self.penalty.ridge[j] == 0.0
    }

    /// As [`Descent::newton`] where a factor serves; `false` if none does.
    pub(super) fn newton_known(&mut self, active: &[usize]) -> bool {
        if self.penalty.grouped || !self.model.is_explicit() {
            return false;
        }
        self.newton(active, 0.0)
    }

    /// `joins`: weights that are 0 and open move, too.
    fn face(&mut self, active: &[usize], joins: bool) -> Face {
        let k = self.penalty.classes;
        let now = self.iterate(active);
        let len = now.len();
        let every: Vec<u32> = (0..k as u32).collect();
        let mut face = Face {
            free: vec![false; len],
            force: vec![0.0; len],
            bend: vec![0.0; active.len()],
            square: now.chunks_exact(k).map(square).collect(),
            lead: self.leads(active),
            scale: vec![1.0; len],
            now,
        };
        face.share();
        for (a, &i) in active.iter().enumerate() {
            let j = self.features[i];
            let (l1, ridge) = (self.penalty.l1[j], self.penalty.ridge[j]);
            let u = &face.now[a * k..(a + 1) * k];
            let length = if self.penalty.grouped { face.square[a].sqrt() } else { 0.0 };
            if l1 > 0.0 && length > 0.0 {
                face.bend[a] = l1 / length;
            }
            let g = &mut face.force[a * k..(a + 1) * k];
            g.copy_from_slice(&self.gradient[j * k..(j + 1) * k]);
            self.model.dots(i, j, &every, g);
            let (known, h) = &self.buffers.cache[i];
            for c in 0..k {
                let (low, high) = self.penalty.limits(j, c);
                let inside = u[c] > low && u[c] < high;
                let at = a * k + c;
                let joins = joins && self.buffers.open[i * k + c];
                face.free[at] = inside && (l1 == 0.0 || u[c] != 0.0 || joins);
                let sign = if u[c] == 0.0 { -g[c].signum() } else { u[c].signum() };
                let pull = if self.penalty.grouped { face.bend[a] * u[c] } else { l1 * sign };
                g[c] = if face.free[at] { -(g[c] + ridge * u[c] + pull) } else { 0.0 };
                let own =
                    known.iter().position(|e| *e as usize == c).map_or(0.0, |p| h[p * (known.len() + 1)]);
                let own = own + ridge + face.bend[a];
                face.scale[at] = if own > 0.0 { own } else { 1.0 };
            }
        }
        face
    }

    /// The least point on the way to the minimum, which a factor tells; weights that reach 0 or a bound stay there. `None`
    /// where there is no factor (see [`Model::solve`](super::quadratic::Model::solve)), and for groups, whose curvature changes with
    /// every step.
    fn factored(&mut self, active: &[usize], face: &Face, most: Option<usize>) -> Option<Vec<f64>> {
        if face.bend.iter().any(|bend| *bend > 0.0) {
            return None;
        }
        let k = self.penalty.classes;
        let may = |at: &usize| {
            // A shift of all classes changes nothing: one class stays.
            let first = at / k * k;
            let shifts = self.shifts(active[at / k]);
            face.free[*at] && !(shifts && *at == first && face.free[first..first + k].iter().all(|f| *f))
        };
        let mut moving = Vec::with_capacity(face.now.len());
        moving.extend((0..face.now.len()).filter(may));
        let weights: Vec<(usize, usize)> = moving.iter().map(|at| (active[at / k], at % k)).collect();
        let ridge: Vec<f64> = weights.iter().map(|(i, _)| self.penalty.ridge[self.features[*i]]).collect();
        let force: Vec<f64> = moving.iter().map(|at| face.force[*at]).collect();
        let mut step = force.clone();
        self.model.solve(&weights, ridge.clone(), &mut step, most)?;
        let end = |(at, step): (&usize, &f64)| {
            let j = self.features[active[at / k]];
            let (low, high) = self.penalty.limits(j, at % k);
            let side = if face.now[*at] == 0.0 { face.force[*at] } else { face.now[*at] };
            let back = self.penalty.l1[j] > 0.0 && side * step < 0.0;
            if back {
                0.0
            } else if *step > 0.0 {
                high
            } else {
                low
            }
        };
        let ends: Vec<f64> = moving.iter().zip(&step).map(end).collect();
        let mut u: Vec<f64> = moving.iter().map(|at| face.now[*at]).collect();
        self.model.descend(&weights, Along { force, step, ends: &ends, ridge: &ridge, whole: true }, &mut u);
        let mut target = face.now.clone();
        moving.iter().zip(u).for_each(|(at, u)| target[*at] = u);
        Some(target)
    }

    /// The step to the minimum, or close.
    fn conjugate_gradients(&mut self, active: &[usize], face: &Face, enough: f64) -> Vec<f64> {
        let k = self.penalty.classes;
        let Face { now, free, force, bend, scale, .. } = face;
        let mut residual = force.clone();
        self.model.focus(self.features, active, free);
        let (mut step, mut product) = (vec![0.0; now.len()], vec![0.0; now.len()]);
        let mut y: Vec<f64> = residual.iter().zip(scale).map(|(r, s)| r / s).collect();
        let mut direction = y.clone();
        let mut rho: f64 = residual.iter().zip(&y).map(|(r, y)| r * y).sum();
        let goal = rho * GOAL;
        for _ in 0..CG_STEPS {
            if rho <= goal || rho <= 0.0 {
                break;
            }
            self.model.product(k, active, &direction, &mut product);
            let along = face.along(k, &direction);
            for (a, &i) in active.iter().enumerate() {
                let ridge = self.penalty.ridge[self.features[i]];
                let of = a * k..(a + 1) * k;
                let (u, v) = (&now[of.clone()], &direction[of.clone()]);
                let along = along[face.lead[a]];
                for (c, at) in of.enumerate() {
                    product[at] += ridge * v[c] + bend[a] * (v[c] - along * u[c]);
                    if !free[at] {
                        product[at] = 0.0;
                    }
                }
            }
            let curvature: f64 = direction.iter().zip(&product).map(|(d, p)| d * p).sum();
            // What rounding leaves of a shift of all classes has no curvature of its own.
            let alone: f64 = direction.iter().zip(scale).map(|(d, s)| d * d * s).sum();
            if curvature <= FLAT * alone {
                break;
            }
            let alpha = rho / curvature;
            step.iter_mut().zip(&direction).for_each(|(s, d)| *s += alpha * d);
            residual.iter_mut().zip(&product).for_each(|(r, p)| *r -= alpha * p);
            y.iter_mut().zip(&residual).zip(scale).for_each(|((y, r), s)| *y = r / s);
            let next: f64 = residual.iter().zip(&y).map(|(r, y)| r * y).sum();
            let beta = next / rho;
            rho = next;
            direction.iter_mut().zip(&y).for_each(|(d, y)| *d = y + beta * *d);
            let left = residual.iter().enumerate().fold(0.0f64, |left, (at, r)| {
                let l1 = self.penalty.l1[self.features[active[at / k]]];
                left.max(r.abs() / if l1 > 0.0 { l1 } else { self.unit })
            });
            if left <= 0.5 * enough {
                break;
            }
        }
        step
    }
}
