//! What a summary says about rows: probabilities with intervals, leverage and influence.

use super::distributions::critical;
use super::quadratic::Quadratic;
use super::sheet::Sheet;
use super::summary::Summary;
use crate::design::Design;
use crate::design::statistics::ColumnStatistics;
use crate::error::{Error, Result};
use crate::linalg::Symmetric;
use crate::parallel::Workers;
use crate::target::Target;

/// Probabilities of rows with their uncertainty, each row-major (n × K).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Probabilities {
    /// p.
    pub value: Vec<f64>,
    /// Standard errors by the delta method.
    pub std_err: Vec<f64>,
    /// Lower ends of intervals on the scale of ln(p/(1 − p)), so that they lie in [0, 1].
    pub low: Vec<f64>,
    /// Upper ends.
    pub high: Vec<f64>,
}

/// How much each row matters to the fit (n each).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Influence {
    /// tr(W_i Q_i): the row's share of the p parameters; they sum to p at a maximum of the likelihood.
    pub leverage: Vec<f64>,
    /// Cook's distance in one step: how far the estimates move, in the metric of their covariance and over p, if the
    /// row is left out.
    pub cook: Vec<f64>,
}

impl Summary {
    /// p = softmax of new rows, with standard errors and intervals of the summary's level.
    ///
    /// With Q_ab = xᵀ V_ab x and g_a = p_k (1[k=a] − p_a): Var p_k = Σ_ab g_a Q_ab g_b; the interval is
    /// logit⁻¹(logit p_k ± z·se/(p_k (1 − p_k))).
    ///
    /// # Errors
    /// [`Error::Features`] if X has another width, [`Error::NotFinite`].
    pub fn probabilities(&self, x: &Design<'_>) -> Result<Probabilities> {
        let (k, n) = (self.classes.len(), x.rows());
        let workers = self.check_rows(x)?;
        let sheet = Sheet::new(*x, &self.standardise, self.intercept, k, workers);
        let quadratic = Quadratic::new(&self.v, sheet.columns(), &self.kept);
        let z = critical(self.level);
        let rows = sheet.fill(&self.theta(), 2 * k, |hand, out| {
            let block = hand.block;
            hand.u.resize(block.len(quadratic.pairs()), 0.0);
            quadratic.columns(block, hand.x, hand.u, hand.extra);
            let mut g = vec![0.0; k];
            for (r, out) in out.chunks_exact_mut(2 * k).enumerate() {
                let p = |c: usize| hand.p[c * block.stride + r];
                for c in 0..k {
                    for (a, g) in g.iter_mut().enumerate() {
                        *g = p(c) * (f64::from(u8::from(a == c)) - p(a));
                    }
                    let mut variance = 0.0;
                    for a in 0..k {
                        for b in 0..k {
                            variance += g[a] * g[b] * hand.u[quadratic.place(a, b) * block.stride + r];
                        }
                    }
                    (out[c], out[k + c]) = (p(c), variance.max(0.0).sqrt());
                }
            }
        });
        let part = |first: usize| (0..n * k).map(|at| rows[at / k * 2 * k + first + at % k]).collect();
        let (value, std_err): (Vec<f64>, Vec<f64>) = (part(0), part(k));
        let end = |z: f64| {
            let bound = |(&p, &se): (&f64, &f64)| {
                let spread = p * (1.0 - p);
                if spread > 0.0 { p / (p + (1.0 - p) * (-z * se / spread).exp()) } else { p }
            };
            value.iter().zip(&std_err).map(bound).collect()
        };
        let (low, high) = (end(-z), end(z));
        Ok(Probabilities { value, std_err, low, high })
    }

    /// The leverage and the influence of the rows that were fitted.
    ///
    /// With W = s (diag p − p pᵀ), u = s (y − p) and Q over the free classes: leverage tr(WQ) and Cook's distance
    /// uᵀ (I − QW)⁻¹ Q (I − WQ)⁻¹ u / p (Pregibon 1981; Lesaffre and Albert 1989). V is the model's, whatever the
    /// summary's covariance.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Features`], [`Error::NotFinite`] if these are not the rows that were fitted,
    /// [`Error::SoftStatistics`], [`Error::FirthInfluence`].
    pub fn influence(&self, x: &Design<'_>, target: &Target) -> Result<Influence> {
        if self.firth.is_some() {
            return Err(Error::FirthInfluence);
        }
        if x.rows() != target.rows() {
            return Err(Error::Rows { design: x.rows(), target: target.rows() });
        }
        let ids = target.ids().ok_or(Error::SoftStatistics)?;
        let workers = self.check_rows(x)?;
        let free: Vec<usize> = (0..self.classes.len()).filter(|&k| k != self.reference).collect();
        let f = free.len();
        // Weights as the fit had them: scaled, unless they are counts.
        let scale = self.likelihood.observations / target.total_weight();
        let sheet = Sheet::new(*x, &self.standardise, self.intercept, self.classes.len(), workers)
            .with_target(target);
        let narrow = self.narrow(&self.inverse);
        let quadratic = Quadratic::new(&narrow, sheet.columns(), &self.kept);
        let p = self.likelihood.parameters as f64;
        let rows = sheet.fill(&self.theta(), 2, |mut hand, out| {
            let block = hand.block;
            hand.residuals(ids, &free);
            hand.extra.resize(block.len(quadratic.pairs()), 0.0);
            quadratic.columns(block, hand.x, hand.extra, &mut Vec::new());
            let (mut q, mut w) = (vec![0.0; f * f], vec![0.0; f * f]);
            for (r, out) in out.chunks_exact_mut(2).enumerate() {
                let s = scale * hand.weight[r];
                for a in 0..f {
                    for b in 0..f {
                        let (pa, pb) =
                            (hand.p[free[a] * block.stride + r], hand.p[free[b] * block.stride + r]);
                        q[a * f + b] = hand.extra[quadratic.place(a, b) * block.stride + r];
                        w[a * f + b] = s * pa * (f64::from(u8::from(a == b)) - pb);
                    }
                }
                let trace: f64 = (0..f * f).map(|at| w[at] * q[at]).sum();
                // y = (I − WQ)⁻¹ u.
                let mut m = vec![0.0; f * f];
                for a in 0..f {
                    for b in 0..f {
                        let wq: f64 = (0..f).map(|c| w[a * f + c] * q[c * f + b]).sum();
                        m[a * f + b] = f64::from(u8::from(a == b)) - wq;
                    }
                }
                let mut y: Vec<f64> = (0..f).map(|a| s * hand.u[a * block.stride + r]).collect();
                eliminate(&mut m, &mut y);
                let cook: f64 = (0..f * f).map(|at| y[at / f] * q[at] * y[at % f]).sum::<f64>() / p;
                (out[0], out[1]) = (trace, cook);
            }
        });
        let part = |at: usize| rows.chunks_exact(2).map(|r| r[at]).collect();
        Ok(Influence { leverage: part(0), cook: part(1) })
    }

    /// The condition number of the information, in the metric where every parameter alone has information 1.
    pub fn condition_number(&self) -> f64 {
        let inverse = self.narrow(&self.inverse);
        // V and J have the same condition once V has a unit diagonal up to the order of scaling.
        let scale: Vec<f64> = inverse.diagonal().map(f64::sqrt).collect();
        let mut unit = inverse.clone();
        for (at, v) in unit.values.iter_mut().enumerate() {
            *v /= scale[at / inverse.n] * scale[at % inverse.n];
        }
        let Some(values) = unit.eigenvalues() else { return f64::NAN };
        let (low, high) =
            values.iter().fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(*v), high.max(*v)));
        high / low.max(0.0)
    }

    /// θ (m × K), zeros for the reference.
    pub(super) fn theta(&self) -> Vec<f64> {
        let (k, mk) = (self.classes.len(), self.kept.len());
        let mut theta = vec![0.0; (self.features + usize::from(self.intercept)) * k];
        for class in 0..k {
            for (i, &j) in self.kept.iter().enumerate() {
                theta[j * k + class] = self.beta[class * mk + i];
            }
        }
        theta
    }

    /// Without the zeros of the reference class.
    fn narrow(&self, wide: &Symmetric) -> Symmetric {
        let mk = self.kept.len();
        let at: Vec<usize> = (0..wide.n).filter(|i| i / mk.max(1) != self.reference).collect();
        let mut out = Symmetric::zeros(at.len());
        for (a, i) in at.iter().enumerate() {
            for (b, j) in at.iter().enumerate() {
                out.values[a * at.len() + b] = wide.values[i * wide.n + j];
            }
        }
        out
    }

    /// Rows of the right width with finite values.
    pub(super) fn check_rows(&self, x: &Design<'_>) -> Result<Workers> {
        if x.features() != self.features {
            return Err(Error::Features { expected: self.features, found: x.features() });
        }
        let workers = Workers::new(None, x.stored() as f64 * self.v.n as f64);
        ColumnStatistics::new(x, None, &workers)?;
        Ok(workers)
    }
}

/// Solves M y = u in place, small and general (Gauss with row exchanges).
fn eliminate(m: &mut [f64], y: &mut [f64]) {
    let n = y.len();
    for c in 0..n {
        let pivot = (c..n).max_by(|&a, &b| m[a * n + c].abs().total_cmp(&m[b * n + c].abs())).unwrap_or(c);
        for j in 0..n {
            m.swap(c * n + j, pivot * n + j);
        }
        y.swap(c, pivot);
        for i in c + 1..n {
            let factor = m[i * n + c] / m[c * n + c];
            for j in c..n {
                m[i * n + j] -= factor * m[c * n + j];
            }
            y[i] -= factor * y[c];
        }
    }
    for c in (0..n).rev() {
        for j in c + 1..n {
            y[c] -= m[c * n + j] * y[j];
        }
        y[c] /= m[c * n + c];
    }
}
