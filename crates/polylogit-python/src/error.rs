//! The one map from Rust's errors to Python's exceptions.

use pyo3::PyErr;
use pyo3::exceptions::{PyMemoryError, PyOSError, PyValueError};

/// What a call may fail with: either side's error.
#[derive(Debug)]
pub(crate) enum Error {
    /// The engine refuses its input.
    Engine(polylogit::Error),
    /// A model file cannot be read or written.
    Model(polylogit_model::Error),
    /// Python's own: a wrong type, a callback that raised, Ctrl-C.
    Python(PyErr),
}

impl From<polylogit::Error> for Error {
    fn from(error: polylogit::Error) -> Self {
        Self::Engine(error)
    }
}
impl From<polylogit_model::Error> for Error {
    fn from(error: polylogit_model::Error) -> Self {
        Self::Model(error)
    }
}
impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Python(error) => error,
            Error::Engine(error @ (polylogit::Error::TooLarge { .. } | polylogit::Error::Memory { .. })) => {
                PyMemoryError::new_err(error.to_string())
            }
            Error::Engine(error) => PyValueError::new_err(error.to_string()),
            Error::Model(error) => model(error),
        }
    }
}

/// `OSError` (and its `FileNotFoundError`, `PermissionError`…) where the system said no, else `ValueError`.
fn model(error: polylogit_model::Error) -> PyErr {
    let text = error.to_string();
    match error {
        polylogit_model::Error::Read { source } | polylogit_model::Error::Write { source, .. } => {
            match source.raw_os_error() {
                // OSError's constructor picks the subclass from the number.
                Some(number) => PyOSError::new_err((number, format!("{text}: {source}"))),
                None => PyOSError::new_err(format!("{text}: {source}")),
            }
        }
        _ => PyValueError::new_err(text),
    }
}
