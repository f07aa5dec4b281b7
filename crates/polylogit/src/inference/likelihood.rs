//! Log-likelihoods and the numbers made of them.
//!
//! ```text
//! LR = 2 (ℓ − ℓ₀)                     against the model of the intercepts alone
//! McFadden    1 − ℓ/ℓ₀                                      (1974)
//! Cox–Snell   1 − exp(2 (ℓ₀ − ℓ)/N)                         (1989)
//! Nagelkerke  Cox–Snell / (1 − exp(2 ℓ₀/N))                 (1991)
//! AIC = −2ℓ + 2p (Akaike 1974)        BIC = −2ℓ + p ln N (Schwarz 1978)
//! ```

use super::distributions::chi_square_tail;
use super::hypotheses::Test;
use crate::design::Design;
use crate::error::{Error, Result};
use crate::options::LogisticRegression;
use crate::problem::Problem;
use crate::solver::Status;

/// How likely the labels are under the fit and under the intercepts alone, in nats.
///
/// Weights that are no counts are scaled to sum to n. Tests and criteria are `None` where the sum is no
/// log-likelihood: sampling weights, a penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Likelihood {
    /// ℓ = Σ s_i ln p_i,y_i.
    pub loglik: f64,
    /// ℓ₀, with intercepts alone (without any: all classes equally likely), and the offsets.
    pub null: f64,
    /// p, the number of parameters.
    pub parameters: usize,
    /// Those of the null model.
    pub null_parameters: usize,
    /// N.
    pub observations: f64,
    /// Is it the likelihood of independent observations at its maximum?
    pub ordinary: bool,
}

impl Likelihood {
    /// The test that no column has an effect.
    pub fn ratio_test(&self) -> Option<Test> {
        let (statistic, df) = (2.0 * (self.loglik - self.null), self.parameters - self.null_parameters);
        let statistic = statistic.max(0.0);
        (self.ordinary && df > 0).then(|| Test { statistic, df, p_value: chi_square_tail(statistic, df) })
    }

    /// McFadden's pseudo-R².
    pub fn mcfadden(&self) -> f64 {
        1.0 - self.loglik / self.null
    }

    /// Cox and Snell's pseudo-R².
    pub fn cox_snell(&self) -> Option<f64> {
        self.ordinary.then(|| -(2.0 * (self.null - self.loglik) / self.observations).exp_m1())
    }

    /// Nagelkerke's pseudo-R²: Cox and Snell's over the largest that it can be.
    pub fn nagelkerke(&self) -> Option<f64> {
        self.cox_snell().map(|r| r / -(2.0 * self.null / self.observations).exp_m1())
    }

    /// Akaike's criterion.
    pub fn aic(&self) -> Option<f64> {
        self.ordinary.then_some(2.0 * self.parameters as f64 - 2.0 * self.loglik)
    }

    /// The Bayesian criterion.
    pub fn bic(&self) -> Option<f64> {
        self.ordinary.then(|| self.parameters as f64 * self.observations.ln() - 2.0 * self.loglik)
    }
}

/// ℓ₀ and its number of parameters.
pub(super) fn null(problem: &Problem<'_>) -> Result<(f64, usize)> {
    let target = problem.target;
    let s = target.total_weight();
    let k = problem.classes();
    let intercept = problem.options.intercept;
    let parameters = if intercept { k - 1 } else { 0 };
    if target.offsets().is_none() {
        let loglik = if intercept {
            target.class_weights().iter().map(|w| w * (w / s).ln()).sum()
        } else {
            -s * (k as f64).ln()
        };
        return Ok((loglik, parameters));
    }
    let empty: [f64; 0] = [];
    let design = Design::dense(&empty, target.rows(), 0)?;
    let regression = LogisticRegression::new().lambda(0.0).intercept(intercept).tol(1e-15);
    let fit = regression.fit(&design, target)?;
    match fit.status {
        Status::Converged | Status::PrecisionLimit => Ok((-s * fit.nll_mean, parameters)),
        _ => Err(Error::NoMaximum { decrement: fit.certificate.gap }),
    }
}
