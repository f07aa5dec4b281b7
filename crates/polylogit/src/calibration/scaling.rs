//! Recalibration: a fitted map of the scores that makes held-out rows likeliest, and leaves a linear model linear.
//!
//! ```text
//! temperature    z ↦ z/T                   T > 0
//! vector         z ↦ a ∘ (z − z̄1) + b      z̄ the mean of z over the classes
//!
//! f = (1/S) Σ_i s_i [ logsumexp(u_i) − u_i,y_i ]    u_i the new scores; for a vector plus
//!     (1/2S) Σ_k [ q_k (a_k − t)² + b_k² ]          q_k = (1/S) Σ_i s_i (z_ik − z̄_i)², t the best 1/T (or 1)
//! ```
//!
//! Both are convex. The temperature keeps the order of the classes, so that no prediction changes. The vector's scores
//! are centred, so that it does not depend on the gauge of the model; its penalty is a normal prior of one unit for
//! what changes a score beside the temperature, and of no weight beside many rows. Without it the factor of a class
//! that its own score tells apart from the others without error, or the shift of one without held-out rows, would be
//! infinite; with it the log loss is never above that of the temperature. For K = 2 it is Platt's scaling (2000). As
//! scores are z = Wx + c, the new ones are those of weights diag(a) W and intercepts a ∘ c + b, which is how
//! [`Scaling::apply`] keeps them.
//!
//! With t = 1/T, f′(t) = (1/S) Σ s_i Σ_k p_ik (z_ik − z_i,y_i) rises with slope the mean variance of z under p: Newton
//! within a bracket, and f(t) − f* ≤ |f′(t)| · (the bracket's width) by convexity. A root t > 0 exists if and only if
//! f′(0) < 0 and some row is predicted wrongly. The vector is found by damped Newton steps with the exact Hessian
//! (2K × 2K); f is strongly convex by its penalty P alone, so that f − f* ≤ ½ ∇fᵀP⁻¹∇f.
//!
//! Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks (2017).

use crate::coefficients::Coefficients;
use crate::error::{Error, Result, check_len};
use crate::label::Label;
use crate::linalg::{Cholesky, Symmetric};
use crate::metrics;
use crate::softmax::{argmax, logsumexp, softmax_in_place};

/// Newton steps, at most; a tenth of them is much.
const STEPS: usize = 100;
/// Halvings of a step, at most.
const HALVINGS: i32 = 40;
/// Bound on f − f*, in nats, that ends the iteration (coefficients are then some 1e-10 away), and the largest that
/// rounding may leave.
const NEAR: f64 = 1e-20;
const ROUNDED: f64 = 1e-10;
/// Newton's squared decrement below which differences of f are rounding, so that steps are taken untried.
const QUADRATIC: f64 = 1e-10;

/// Which map of the scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// One factor for all scores.
    #[default]
    Temperature,
    /// A factor and a shift for each class.
    Vector,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Temperature, Self::Vector];

    /// `temperature` or `vector`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::Vector => "vector",
        }
    }
}

/// A map of scores, and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Which kind.
    pub method: Method,
    /// a (K); for a temperature 1/T everywhere.
    pub scale: Vec<f64>,
    /// b (K); for a temperature 0.
    pub shift: Vec<f64>,
    /// The held-out rows that it was fitted on.
    pub rows: usize,
    /// Their weight S.
    pub total_weight: f64,
    /// Their mean log loss before, in nats.
    pub log_loss_before: f64,
    /// And after, on the same rows.
    pub log_loss: f64,
    /// By how much f is at most above its minimum.
    pub gap: f64,
}

impl Scaling {
    /// Fits to scores (n × K, row-major) of rows that the model has not seen, and their classes (n), weighted.
    /// `labels` (K) are for messages.
    ///
    /// # Errors
    /// [`Error::NoRows`], [`Error::Shape`], [`Error::ClassOutOfRange`], [`Error::Weight`], [`Error::Score`],
    /// [`Error::OneClass`]; [`Error::HeldOutSeparated`] and [`Error::NoSkill`] where the best temperature is 0 or
    /// infinite.
    pub fn fit(
        method: Method,
        scores: &[f64],
        truth: &[u32],
        weights: Option<&[f64]>,
        labels: &[Label],
    ) -> Result<Self> {
        let k = labels.len();
        let total_weight = metrics::check(truth, weights, k)?;
        check_len("scores", "rows × classes", truth.len() * k, scores.len())?;
        if let Some(at) = scores.iter().position(|z| !z.is_finite()) {
            return Err(Error::Score { row: at / k, class: at % k, value: scores[at] });
        }
        if truth.iter().all(|y| *y == truth[0]) {
            return Err(Error::OneClass { class: labels[truth[0] as usize].to_string() });
        }
        let rows = Rows { k, z: centred(scores, k), truth, weights, total: total_weight };
        let log_loss_before = rows.loss(&vec![1.0; k], &vec![0.0; k]);
        let (mut scale, gap) = match method {
            Method::Temperature => {
                rows.temperature().map(|(t, gap)| ([vec![t; k], vec![0.0; k]].concat(), gap))?
            }
            // Where there is no best temperature, changes are counted from the model as it is.
            Method::Vector => rows.vector(rows.temperature().map_or(1.0, |(t, _)| t))?,
        };
        let shift = scale.split_off(k);
        let log_loss = rows.loss(&scale, &shift);
        Ok(Self { method, scale, shift, rows: truth.len(), total_weight, log_loss_before, log_loss, gap })
    }

    /// T, if it is one for all: above 1 the model was too sure.
    pub fn temperature(&self) -> Option<f64> {
        (self.method == Method::Temperature).then(|| 1.0 / self.scale[0])
    }

    /// The coefficients whose scores are the new ones: for a temperature in their own gauge, for a vector in the
    /// zero-sum gauge.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of classes, [`Error::Coefficient`] where one overflows.
    pub fn apply(&self, of: &Coefficients) -> Result<Coefficients> {
        let (k, d) = (of.classes(), of.features());
        check_len("the scaling", "classes", k, self.scale.len())?;
        let vector = self.method == Method::Vector;
        let of = if vector { of.clone().center() } else { of.clone() };
        let weights = of.weights().iter().enumerate().map(|(at, w)| self.scale[at / d] * w).collect();
        let intercepts =
            of.intercepts().iter().zip(&self.scale).zip(&self.shift).map(|((b, a), c)| a * b + c);
        let scaled = Coefficients::new(k, d, weights, intercepts.collect())?;
        Ok(if vector { scaled.center() } else { scaled })
    }
}

/// z − z̄1 by rows.
fn centred(scores: &[f64], k: usize) -> Vec<f64> {
    let mut z = scores.to_vec();
    for row in z.chunks_exact_mut(k) {
        let mean = row.iter().sum::<f64>() / k as f64;
        row.iter_mut().for_each(|z| *z -= mean);
    }
    z
}

/// Held-out rows: centred scores, classes, weights.
struct Rows<'r> {
    k: usize,
    z: Vec<f64>,
    truth: &'r [u32],
    weights: Option<&'r [f64]>,
    /// S.
    total: f64,
}

impl Rows<'_> {
    /// (z_i, y_i, s_i/S).
    fn each(&self) -> impl Iterator<Item = (&[f64], usize, f64)> {
        self.z
            .chunks_exact(self.k)
            .enumerate()
            .map(|(row, z)| (z, self.truth[row] as usize, self.weights.map_or(1.0, |s| s[row]) / self.total))
    }

    /// f at a, b without its penalty, in nats.
    fn loss(&self, a: &[f64], b: &[f64]) -> f64 {
        let mut u = vec![0.0; self.k];
        let row = |(z, y, s): (&[f64], usize, f64)| {
            map(a, b, z, &mut u);
            s * (logsumexp(&u) - u[y])
        };
        self.each().map(row).sum()
    }

    /// f′ and f″ at t.
    fn slope(&self, t: f64) -> (f64, f64) {
        let (mut first, mut second) = (0.0, 0.0);
        let mut p = vec![0.0; self.k];
        for (z, y, s) in self.each() {
            p.iter_mut().zip(z).for_each(|(p, z)| *p = t * z);
            softmax_in_place(&mut p);
            // Mean and mean square of z − z_y under p.
            let (mut mean, mut square) = (0.0, 0.0);
            for (p, z_k) in p.iter().zip(z) {
                mean += p * (z_k - z[y]);
                square += p * (z_k - z[y]).powi(2);
            }
            first += s * mean;
            second += s * (square - mean * mean);
        }
        (first, second)
    }

    /// t, and a bound on f(t) − f*.
    fn temperature(&self) -> Result<(f64, f64)> {
        if self.slope(0.0).0 >= 0.0 {
            return Err(Error::NoSkill);
        }
        if self.each().all(|(z, y, _)| argmax(z).is_none_or(|top| z[top] == z[y])) {
            return Err(Error::HeldOutSeparated);
        }
        // f′(low) < 0 ≤ f′(high): the latter comes, as some row is predicted wrongly.
        let (mut low, mut high) = (0.0, 1.0);
        while self.slope(high).0 < 0.0 {
            (low, high) = (high, 2.0 * high);
            if !high.is_finite() {
                return Err(Error::HeldOutSeparated);
            }
        }
        let mut t = high;
        for _ in 0..STEPS {
            let (first, second) = self.slope(t);
            (low, high) = if first < 0.0 { (t, high) } else { (low, t) };
            let newton = t - first / second;
            if first == 0.0 || (newton - t).abs() <= f64::EPSILON * t {
                return Ok((t, first.abs() * (high - low)));
            }
            t = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        }
        let gap = self.slope(t).0.abs() * (high - low);
        if gap <= ROUNDED { Ok((t, gap)) } else { Err(Error::NoMaximum { decrement: gap }) }
    }

    /// (a, b), and a bound on f − f*; the prior's middle is a = t.
    fn vector(&self, t: f64) -> Result<(Vec<f64>, f64)> {
        let k = self.k;
        let (penalty, middle) = (self.penalty(), [vec![t; k], vec![0.0; k]].concat());
        let penalised = |theta: &[f64]| {
            let changes = theta.iter().zip(&middle).zip(&penalty);
            let squares: f64 = changes.map(|((v, m), p)| p * (v - m).powi(2)).sum();
            self.loss(&theta[..k], &theta[k..]) + 0.5 * squares
        };
        let mut theta = middle.clone();
        let mut gap = f64::INFINITY;
        for _ in 0..STEPS {
            let (mut gradient, mut hessian) = self.derivatives(&theta);
            for (at, p) in penalty.iter().enumerate() {
                gradient[at] += p * (theta[at] - middle[at]);
                hessian.values[at * 2 * k + at] += p;
            }
            gap = 0.5 * gradient.iter().zip(&penalty).map(|(g, p)| g * g / p).sum::<f64>();
            if gap <= NEAR {
                return Ok((theta, gap));
            }
            let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
            Cholesky::new(&hessian).ok_or(Error::SingularInformation)?.solve_in_place(&mut step, 1);
            let length: f64 = -gradient.iter().zip(&step).map(|(g, s)| g * s).sum::<f64>();
            let now = penalised(&theta);
            let lengths = (0..HALVINGS).map(|h| 0.5f64.powi(h));
            let moved = |t: f64| (t, theta.iter().zip(&step).map(|(v, s)| v + t * s).collect::<Vec<f64>>());
            let better = |(t, to): &(f64, Vec<f64>)| penalised(to) <= now - 1e-4 * t * length;
            match lengths.map(moved).find(|to| length < QUADRATIC || better(to)) {
                Some((_, next)) => theta = next,
                None => break,
            }
        }
        if gap <= ROUNDED { Ok((theta, gap)) } else { Err(Error::NoMaximum { decrement: gap }) }
    }

    /// The diagonal of P over (a, b); where a score is always 0, any positive number will do.
    fn penalty(&self) -> Vec<f64> {
        let mut q = vec![0.0; self.k];
        for (z, _, s) in self.each() {
            q.iter_mut().zip(z).for_each(|(q, z)| *q += s * z * z);
        }
        let q = q.into_iter().map(|q| if q > 0.0 { q } else { 1.0 });
        q.chain(std::iter::repeat_n(1.0, self.k)).map(|q| q / self.total).collect()
    }

    /// Gradient of the loss over θ = (a, b), and its Hessian: Σ s p_k φ_k φ_kᵀ with φ_k = (z_k, 1) for each class, less
    /// Σ s v vᵀ of v = (p ∘ z, p).
    fn derivatives(&self, theta: &[f64]) -> (Vec<f64>, Symmetric) {
        let (k, n) = (self.k, 2 * self.k);
        let (mut gradient, mut hessian) = (vec![0.0; n], Symmetric::zeros(n));
        let (mut p, mut v) = (vec![0.0; k], vec![0.0; n]);
        for (z, y, s) in self.each() {
            map(&theta[..k], &theta[k..], z, &mut p);
            softmax_in_place(&mut p);
            for c in 0..k {
                (v[c], v[k + c]) = (p[c] * z[c], p[c]);
                let residual = s * (p[c] - f64::from(u8::from(c == y)));
                gradient[c] += residual * z[c];
                gradient[k + c] += residual;
                hessian.values[c * n + c] += s * v[c] * z[c];
                hessian.values[c * n + k + c] += s * v[c];
                hessian.values[(k + c) * n + c] += s * v[c];
                hessian.values[(k + c) * n + k + c] += s * p[c];
            }
            for (row, v_row) in hessian.values.chunks_exact_mut(n).zip(&v) {
                row.iter_mut().zip(&v).for_each(|(h, v)| *h -= s * v_row * v);
            }
        }
        (gradient, hessian)
    }
}

/// u = a ∘ z + b.
fn map(a: &[f64], b: &[f64], z: &[f64], u: &mut [f64]) {
    for (u, (z, (a, b))) in u.iter_mut().zip(z.iter().zip(a.iter().zip(b))) {
        *u = a * z + b;
    }
}
