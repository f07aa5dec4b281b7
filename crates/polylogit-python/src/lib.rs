//! The compiled half of the Python package: `polylogit._core`, which `python/polylogit` dresses.
//!
//! Registration only. Arrays come in by [`convert`], every computation goes through the one door
//! [`enter`], every error leaves by the one map [`error`]. There is no mathematics here: that is the engine's.

#![expect(clippy::needless_pass_by_value, reason = "a Python function's arguments are handed over by value")]

mod artefact;
mod calibration;
mod convert;
mod enter;
mod error;
mod estimator;
mod functions;
mod path;
mod statistics;

/// Rust half of polylogit; use the package's public names instead.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use super::artefact::{load, save};
    #[pymodule_export]
    use super::calibration::{calibrate, reliability};
    #[pymodule_export]
    use super::convert::class_ids;
    #[pymodule_export]
    use super::estimator::fit;
    #[pymodule_export]
    use super::functions::{
        log_probabilities, log_softmax, logsumexp, nll, nll_gradient, nll_hessian_vector_product,
        probabilities, softmax, softmax_jacobian, softmax_jvp,
    };
    #[pymodule_export]
    use super::path::path;
    #[pymodule_export]
    use super::statistics::{Statistics, statistics};
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
