//! The one door into the engine: lets other Python threads run meanwhile, notices Ctrl-C, maps errors.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use polylogit::solver::{Event, Observer};
use pyo3::prelude::*;

use crate::error::Error;

/// How often a fit asks Python whether Ctrl-C was pressed, at least where the engine asks us that often.
const EVERY: Duration = Duration::from_millis(20);

/// Runs `work` without holding the interpreter.
pub(crate) fn enter<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    py.detach(work).map_err(|error| error.into().into())
}

/// Watches a fit for Python: signals, and a callable that hears of every step.
pub(crate) struct Watch {
    callback: Option<Py<PyAny>>,
    asked: Cell<Instant>,
    stopped: Cell<bool>,
    raised: RefCell<Option<PyErr>>,
}

impl Watch {
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, asked: Cell::new(now()), stopped: Cell::new(false), raised: RefCell::new(None) }
    }

    /// The exception that ended the fit, if one did.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        self.raised.into_inner().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Remembers that the fit is to end, and why.
    fn note(&self, outcome: PyResult<bool>) {
        match outcome {
            Ok(stop) => self.stopped.set(self.stopped.get() || stop),
            Err(error) => {
                self.stopped.set(true);
                *self.raised.borrow_mut() = Some(error);
            }
        }
    }
}

impl Observer for Watch {
    fn step(&mut self, event: &Event) -> ControlFlow<()> {
        if let Some(callback) = &self.callback
            && !self.stopped.get()
        {
            self.note(Python::attach(|py| {
                let Event { step, passes, objective, relative_gap, .. } = *event;
                callback.bind(py).call1((step, passes, objective, relative_gap))?.is_truthy()
            }));
        }
        if self.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn cancelled(&self) -> bool {
        if !self.stopped.get() && self.asked.get().elapsed() >= EVERY {
            // Does nothing but look when called from another thread than Python's main one.
            self.note(Python::attach(|py| py.check_signals().map(|()| false)));
            self.asked.set(now());
        }
        self.stopped.get()
    }
}

#[expect(clippy::disallowed_methods, reason = "the binding has a clock: it decides when to look for Ctrl-C")]
fn now() -> Instant {
    Instant::now()
}
