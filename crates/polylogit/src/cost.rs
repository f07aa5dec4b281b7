//! What work costs: seconds of one thread of a reference machine, from shapes alone.
//!
//! ```text
//! pass           n (4mK · FLOP + K · SOFTMAX)               scores, softmax and gradient, in f64
//! product        n (4mK · FLOP + K · WEIGHING)              a Hessian-vector product with kept probabilities
//! Hessian        n m² K² / 2 · FLOP + (mK)³ / 3 · FACTOR    over all rows, and its factor
//! shared block   n m² · FLOP + m³ / 3 · FACTOR
//! ```
//!
//! for n rows, m columns (with the intercept) and K classes. The rates are fixed: what they decide is the same on every
//! machine and for any number of threads. `bench` `cost` prints these seconds beside measured ones.

/// A flop of the products of a dense block.
const FLOP: f64 = 0.08e-9;
/// A flop of a factorisation, which runs on one thread and has no blocks in cache.
const FACTOR: f64 = 8.0 * FLOP;
/// A score: its exponential, residual and sums.
const SOFTMAX: f64 = 3e-9;
/// A score's difference, weighed with its probabilities.
const WEIGHING: f64 = 1e-9;

/// A dense problem by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// n.
    pub rows: usize,
    /// m, the features and the intercept.
    pub columns: usize,
    /// K.
    pub classes: usize,
}

impl Shape {
    /// n, m and K as numbers.
    fn numbers(self) -> (f64, f64, f64) {
        (self.rows as f64, self.columns as f64, self.classes as f64)
    }

    /// Seconds of the two products of a pass, the unit in which methods are compared.
    pub(crate) fn products(self) -> f64 {
        let (n, m, k) = self.numbers();
        4.0 * n * m * k * FLOP
    }

    /// Seconds of F and its gradient.
    pub fn pass(self) -> f64 {
        self.products() + self.rows as f64 * self.classes as f64 * SOFTMAX
    }

    /// Seconds of a Hessian-vector product.
    pub fn product(self) -> f64 {
        self.products() + self.rows as f64 * self.classes as f64 * WEIGHING
    }

    /// Seconds of the Hessian's sums over all rows.
    pub fn hessian(self) -> f64 {
        let (n, m, k) = self.numbers();
        n * (m * k).powi(2) / 2.0 * FLOP
    }

    /// Seconds of one block of curvature for all classes.
    pub fn shared_block(self) -> f64 {
        let (n, m, _) = self.numbers();
        n * m * m * FLOP
    }
}

/// Seconds of a factorisation of p rows and columns.
pub fn factorisation(p: usize) -> f64 {
    (p as f64).powi(3) / 3.0 * FACTOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hessian_costs_an_eighth_of_its_parameters_in_passes() {
        let shape = Shape { rows: 1000, columns: 12, classes: 5 };
        assert!((shape.hessian() / shape.products() - 60.0 / 8.0).abs() < 1e-12);
        assert!((shape.shared_block() / shape.products() - 12.0 / 20.0).abs() < 1e-12);
        assert!(shape.pass() > shape.product() && shape.product() > shape.products());
    }
}
