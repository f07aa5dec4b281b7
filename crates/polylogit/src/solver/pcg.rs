//! Conjugate gradients in a trust region: the step of a truncated Newton method.
//!
//! Minimises q(s) = g·s + ½ s·Hs over ‖s‖_M ≤ Δ with residuals r = g + Hs, y = M⁻¹r, directions d, and stops at
//! ‖r‖_{M⁻¹} ≤ η ‖g‖_{M⁻¹}, where r, the gradient that the model foresees after the step, is small `enough` to end
//! the fit, at the boundary, or where the curvature is not positive.
//!
//! Source: T. Steihaug, The conjugate gradient method and trust regions in large scale optimization (1983).

use super::preconditioner::{Pair, Preconditioner};
use crate::objective::Objective;

/// Products after which a step is good enough in any case.
const MAX_PRODUCTS: usize = 250;

/// A step and what its model promises.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// s.
    pub(super) s: Vec<f64>,
    /// −q(s).
    pub(super) predicted: f64,
    /// ‖s‖_M.
    pub(super) length: f64,
    /// ‖g‖_{M⁻¹}.
    pub(super) gradient_norm: f64,
    /// Did the boundary stop it?
    pub(super) boundary: bool,
    /// Hessian-vector products taken.
    pub(super) products: usize,
    /// The steps that end at smaller radii on the way, the smallest first.
    shorter: Vec<Shorter>,
}

/// A step cut off at a smaller radius.
#[derive(Debug)]
struct Shorter {
    s: Vec<f64>,
    predicted: f64,
    radius: f64,
}

impl Step {
    /// Becomes the step within `radius` or less if that is known: conjugate gradients would walk the same way.
    pub(super) fn shorten(&mut self, radius: f64) -> bool {
        let Some(at) = self.shorter.iter().rposition(|shorter| shorter.radius <= radius) else {
            return false;
        };
        let Shorter { s, predicted, radius } = self.shorter.swap_remove(at);
        self.shorter.truncate(at);
        self.s = s;
        self.predicted = predicted;
        self.length = radius;
        self.boundary = true;
        self.products = 0;
        true
    }
}

/// The radii at which steps are cut, as shares of the given one.
const CUTS: [f64; 3] = [1.0 / 64.0, 1.0 / 16.0, 1.0 / 4.0];
/// A step of more numbers is not cut (2 MB): it is seldom refused, and then taken anew.
const CUT: usize = 1 << 18;

/// At which radii steps of so many parameters are cut.
pub(crate) fn cuts(parameters: usize) -> &'static [f64] {
    if parameters <= CUT { &CUTS } else { &[] }
}

/// The vectors of the iteration, allocated once a fit.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    r: Vec<f64>,
    y: Vec<f64>,
    d: Vec<f64>,
    hd: Vec<f64>,
    /// Directions of the last step, evenly taken.
    pub(super) pairs: Vec<Pair>,
}

/// Keeps every `stride`th direction in at most `room` pairs.
fn keep(pairs: &mut Vec<Pair>, room: usize, stride: &mut usize, at: usize, pair: impl FnOnce() -> Pair) {
    if room == 0 || !at.is_multiple_of(*stride) {
        return;
    }
    if pairs.len() == room {
        // Those of the double stride stay.
        let mut index = 0;
        pairs.retain(|_| {
            index += 1;
            index % 2 == 0
        });
        *stride *= 2;
    }
    if at.is_multiple_of(*stride) {
        pairs.push(pair());
    }
}

/// Solves for `step.s`. `radius` is Δ; `None` takes ‖g‖_{M⁻¹}, the length of the first step.
#[expect(clippy::too_many_arguments, reason = "what one step depends on, nothing hidden")]
pub(super) fn solve(
    objective: &mut dyn Objective,
    metric: &Preconditioner,
    gradient: &[f64],
    radius: Option<f64>,
    forcing: impl Fn(f64) -> f64,
    mut enough: impl FnMut(f64, &[f64], &[f64]) -> bool,
    cancelled: &dyn Fn() -> bool,
    work: &mut Workspace,
    step: &mut Step,
) {
    let n = gradient.len();
    let Workspace { r, y, d, hd, pairs } = work;
    pairs.clear();
    let (room, mut stride) = (metric.room(n), 1);
    let vectors = &metric.vectors;
    for v in [&mut *y, &mut *d, &mut *hd, &mut step.s] {
        v.resize(n, 0.0);
    }
    r.clear();
    r.extend_from_slice(gradient);
    step.s.fill(0.0);
    metric.apply(r, y);
    let mut ry = vectors.dot(r, y);
    step.gradient_norm = ry.max(0.0).sqrt();
    step.predicted = 0.0;
    step.boundary = false;
    step.products = 0;
    let radius = radius.unwrap_or(step.gradient_norm);
    step.shorter.clear();
    if metric.is_hessian() {
        // M = H: the Newton step −M⁻¹g, cut at the boundary.
        let t = if step.gradient_norm > radius { radius / step.gradient_norm } else { 1.0 };
        for (s, y) in step.s.iter_mut().zip(&*y) {
            *s = -t * y;
        }
        step.predicted = (t - 0.5 * t * t) * ry;
        step.length = t * step.gradient_norm;
        step.boundary = t < 1.0;
        return;
    }
    let target = forcing(step.gradient_norm) * step.gradient_norm;
    vectors.turn(d, 0.0, y);
    let (mut ss, mut sd, mut dd) = (0.0, 0.0, ry);
    while step.products < MAX_PRODUCTS && ry > 0.0 && !cancelled() {
        objective.hessian_vector_product(d, hd);
        step.products += 1;
        let curvature = vectors.dot(d, hd);
        let alpha = ry / curvature;
        let length = ss + 2.0 * alpha * sd + alpha * alpha * dd;
        let open = curvature <= 0.0 || !curvature.is_finite();
        if !open {
            let pair = || Pair { s: d.clone(), y: hd.clone(), rho: 1.0 / curvature };
            keep(pairs, room, &mut stride, step.products, pair);
        }
        // The positive root of ‖s + τd‖_M = Δ.
        let until = |radius: f64| ((sd * sd + dd * (radius * radius - ss).max(0.0)).sqrt() - sd) / dd;
        for cut in cuts(n).iter().skip(step.shorter.len()).map(|share| share * radius) {
            if !open && length < cut * cut {
                break;
            }
            let tau = until(cut);
            step.shorter.push(Shorter {
                s: step.s.iter().zip(&*d).map(|(s, d)| s + tau * d).collect(),
                predicted: step.predicted + tau * ry - 0.5 * tau * tau * curvature,
                radius: cut,
            });
        }
        if open || length >= radius * radius {
            let tau = until(radius);
            vectors.add(&mut step.s, tau, d);
            step.predicted += tau * ry - 0.5 * tau * tau * curvature;
            step.length = radius;
            step.boundary = true;
            return;
        }
        vectors.add(&mut step.s, alpha, d);
        vectors.add(r, alpha, hd);
        step.predicted += 0.5 * alpha * ry;
        ss = length;
        metric.apply(r, y);
        let next = vectors.dot(r, y);
        if next.max(0.0).sqrt() <= target || enough(step.gradient_norm, &step.s, r) {
            break;
        }
        let beta = next / ry;
        ry = next;
        sd = beta * (sd + alpha * dd);
        dd = ry + beta * beta * dd;
        vectors.turn(d, beta, y);
    }
    step.length = ss.max(0.0).sqrt();
}
