//! Linear hypotheses about the coefficients: contrasts, and Wald's test of several at once.
//!
//! For C β = c and the covariance C V Cᵀ of rank f: Wald's statistic (Cβ − c)ᵀ (C V Cᵀ)⁻ (Cβ − c) against χ²_f
//! (Wald 1943).

use super::distributions::{chi_square_tail, critical};
use super::summary::{Estimate, Summary, Term};
use crate::error::{Error, Result, check_len};
use crate::linalg::{Cholesky, Symmetric, independent_columns};

/// 1 − R² below which a contrast follows from the others.
const DEPENDENT: f64 = 1e-12;
/// What is left of a contrast, and of its value, that follows from the others: rounding of the factorisation, relative.
const SAME: f64 = 1e-6;

/// A statistic, its degrees of freedom, and the probability of a larger one where the hypothesis is true.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Test {
    /// Asymptotically χ² with `df` degrees of freedom.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: usize,
    /// P(χ²_df > statistic).
    pub p_value: f64,
}

impl Summary {
    /// Σ weight · coefficient over (class, term, weight), with its standard error; z and the p-value test that it
    /// is `value`.
    ///
    /// # Errors
    /// [`Error::Option`] for a class or a term that has no estimate (coefficients of the reference class are 0).
    pub fn contrast(&self, of: &[(usize, Term, f64)], value: f64) -> Result<Estimate> {
        let c = self.vector(of)?;
        let (found, variance) = (dot(&c, &self.beta), dot(&c, &self.times_v(&c)));
        Ok(Estimate::new(found, variance, critical(self.level)).against(value))
    }

    /// Wald's test that all these contrasts have their `values` (one each). Contrasts that follow from others do not
    /// count.
    ///
    /// # Errors
    /// As [`Summary::contrast`]; [`Error::Shape`] for another number of values, [`Error::Contradiction`] if no
    /// coefficients whatever satisfy them all.
    pub fn wald(&self, contrasts: &[Vec<(usize, Term, f64)>], values: &[f64]) -> Result<Test> {
        check_len("values", "contrasts", contrasts.len(), values.len())?;
        let rows: Vec<Vec<f64>> = contrasts.iter().map(|c| self.vector(c)).collect::<Result<_>>()?;
        self.wald_of(&rows, values)
    }

    /// Wald's test that the given columns have no effect on any class; those without an estimate do not count. The
    /// reference class does not matter.
    ///
    /// # Errors
    /// [`Error::Features`] for a column that is not there.
    pub fn wald_columns(&self, columns: &[usize]) -> Result<Test> {
        if let Some(&bad) = columns.iter().find(|j| **j >= self.features) {
            return Err(Error::Features { expected: self.features, found: bad + 1 });
        }
        let mk = self.kept.len();
        let mut rows = Vec::new();
        for k in (0..self.classes.len()).filter(|&k| k != self.reference) {
            for at in columns.iter().filter_map(|j| self.kept.iter().position(|kept| kept == j)) {
                let mut row = vec![0.0; self.beta.len()];
                row[k * mk + at] = 1.0;
                rows.push(row);
            }
        }
        let zeros = vec![0.0; rows.len()];
        self.wald_of(&rows, &zeros)
    }

    /// A contrast in the coordinates of X̃.
    pub(super) fn vector(&self, of: &[(usize, Term, f64)]) -> Result<Vec<f64>> {
        let mk = self.kept.len();
        let mut out = vec![0.0; self.beta.len()];
        for &(class, term, weight) in of {
            let at = self.kept.iter().position(|&j| j == self.place(term));
            let (Some(at), true) = (at.filter(|_| self.terms().contains(&term)), class < self.classes.len())
            else {
                let value = format!("class {class}, {term:?}");
                return Err(Error::Option {
                    option: "a contrast",
                    value,
                    range: "about estimated coefficients",
                });
            };
            match term {
                Term::Column(j) => out[class * mk + at] += weight * self.standardise.factor[j],
                // b = β_d − Σ shift_j f_j β_j
                Term::Intercept => {
                    for (i, &j) in self.kept.iter().enumerate() {
                        let moved = |j: usize| -self.standardise.shift[j] * self.standardise.factor[j];
                        out[class * mk + i] += weight * if j < self.features { moved(j) } else { 1.0 };
                    }
                }
            }
        }
        Ok(out)
    }

    pub(super) fn times_v(&self, c: &[f64]) -> Vec<f64> {
        super::maximum::product(&self.v, c)
    }

    fn wald_of(&self, rows: &[Vec<f64>], values: &[f64]) -> Result<Test> {
        let products: Vec<Vec<f64>> = rows.iter().map(|c| self.times_v(c)).collect();
        let of = |i: usize, j: usize| dot(&rows[i], &products[j]);
        let sd: Vec<f64> = (0..rows.len()).map(|i| of(i, i).max(0.0).sqrt()).collect();
        let there: Vec<usize> = (0..rows.len()).filter(|&i| sd[i] > 0.0).collect();
        let mut gram = Symmetric::zeros(there.len());
        for (a, &i) in there.iter().enumerate() {
            for (b, &j) in there.iter().enumerate() {
                gram.values[a * gram.n + b] = of(i, j) / (sd[i] * sd[j]);
            }
        }
        let found = independent_columns(&gram, DEPENDENT);
        // Contrasts that no estimate moves, and those that follow from others, may not ask for anything else.
        let still = (0..rows.len()).filter(|&i| sd[i] <= 0.0).map(|i| (i, Vec::new()));
        let dependent = found.dependent.iter().map(|(j, on)| {
            let scaled =
                on.iter().zip(&found.columns).map(|(a, &c)| (there[c], a * sd[there[*j]] / sd[there[c]]));
            (there[*j], scaled.collect())
        });
        for (row, on) in still.chain(dependent) {
            if self.contradicts(rows, values, row, &on) {
                return Err(Error::Contradiction { row });
            }
        }
        let mut used = found.columns;
        used.sort_unstable();
        let df = used.len();
        let mut small = Symmetric::zeros(df);
        for (a, &i) in used.iter().enumerate() {
            for (b, &j) in used.iter().enumerate() {
                small.values[a * df + b] = gram.values[i * gram.n + j];
            }
        }
        let off = |i: usize| dot(&rows[i], &self.beta) - values[i];
        let z: Vec<f64> = used.iter().map(|&i| off(there[i]) / sd[there[i]]).collect();
        let statistic = Cholesky::new(&small).map_or(f64::NAN, |factor| {
            let mut solved = z.clone();
            factor.solve_in_place(&mut solved, 1);
            dot(&z, &solved)
        });
        Ok(Test { statistic, df, p_value: chi_square_tail(statistic, df) })
    }

    /// Is a contrast, without the reference class, the combination `on` of others while its value is not theirs?
    fn contradicts(&self, rows: &[Vec<f64>], values: &[f64], row: usize, on: &[(usize, f64)]) -> bool {
        let mk = self.kept.len().max(1);
        let rest = |own: f64, of: &dyn Fn(usize) -> f64| {
            let parts = on.iter().map(|&(i, a)| a * of(i));
            parts.fold((own, own.abs()), |(rest, size), part| (rest - part, size + part.abs()))
        };
        let (left, size) = rest(values[row], &|i| values[i]);
        left.abs() > SAME * size
            && (0..rows[row].len()).filter(|at| at / mk != self.reference).all(|at| {
                let (left, size) = rest(rows[row][at], &|i| rows[i][at]);
                left.abs() <= SAME * size
            })
    }

    /// θ (m × K) of the most likely model without some columns, if ℓ were quadratic:
    /// β − V_·T V_TT⁻¹ β_T.
    pub(super) fn constrained_start(&self, gone: &[usize]) -> Vec<f64> {
        let (k, mk, n) = (self.classes.len(), self.kept.len(), self.v.n);
        let mut beta = self.beta.clone();
        let at: Vec<usize> =
            (0..n).filter(|i| i / mk != self.reference && gone.contains(&self.kept[i % mk])).collect();
        let mut small = Symmetric::zeros(at.len());
        for (a, i) in at.iter().enumerate() {
            for (b, j) in at.iter().enumerate() {
                small.values[a * small.n + b] = self.v.values[i * n + j];
            }
        }
        if let Some(inverse) = super::maximum::invert(&small) {
            let tested: Vec<f64> = at.iter().map(|&i| self.beta[i]).collect();
            let solved = super::maximum::product(&inverse, &tested);
            for (i, beta) in beta.iter_mut().enumerate() {
                *beta -= at.iter().zip(&solved).map(|(&j, s)| self.v.values[i * n + j] * s).sum::<f64>();
            }
        }
        let mut theta = vec![0.0; (self.features + usize::from(self.intercept)) * k];
        for class in 0..k {
            for (i, &j) in self.kept.iter().enumerate().filter(|(_, j)| !gone.contains(j)) {
                theta[j * k + class] = beta[class * mk + i];
            }
        }
        center(&mut theta, k);
        theta
    }
}

/// The zero-sum gauge.
fn center(theta: &mut [f64], k: usize) {
    for row in theta.chunks_exact_mut(k) {
        let mean = row.iter().sum::<f64>() / k as f64;
        for v in row {
            *v -= mean;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
