//! The one door into the engine: lets other Python threads run meanwhile, notices Ctrl-C, maps errors.
//!
//! Short work runs in the calling thread ([`enter`]), and a [`Watch`] looks for signals where the engine asks
//! it. Long work runs in a thread of its own ([`enter_aside`]), because a single pass over much data may take
//! longer than a user waits for Ctrl-C.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use polylogit::solver::{Event, Observer};
use pyo3::exceptions::PyRuntimeError;
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

/// How long an interrupted fit is waited for: usually it ends by then, and is gone when the exception arrives.
const GRACE: Duration = Duration::from_millis(80);
/// Stack of the thread, as large as a main thread's.
const STACK: usize = 8 << 20;

/// Runs `work` in a thread of its own, while this one does nothing but look for signals. After one, the caller
/// gets its exception at once; the work ends, unheard, when the engine next asks its [`Stop`].
pub(crate) fn enter_aside<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(Python<'_>, Stop) -> PyResult<T> + Send + 'static,
) -> PyResult<T> {
    let stop = Stop::default();
    let (tell, told) = mpsc::channel();
    let own = stop.clone();
    std::thread::Builder::new()
        .name("polylogit fit".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody may listen any more.
            let _ = tell.send(Python::attach(|py| work(py, own)));
        })
        .map_err(|error| PyRuntimeError::new_err(format!("no thread for the fit: {error}")))?;
    let told = Mutex::new(told);
    let wait = |time| py.detach(|| told.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time));
    loop {
        match wait(EVERY) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => {
                if let Err(raised) = py.check_signals() {
                    stop.0.store(true, Ordering::Relaxed);
                    let _ = wait(GRACE);
                    return Err(raised);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the fit's thread ended early: a bug in polylogit"));
            }
        }
    }
}

/// What is left to say after a fit.
pub(crate) trait Finish {
    /// The exception that ended the fit, if one did.
    fn finish(self) -> Result<(), Error>;
}

impl Finish for Stop {
    fn finish(self) -> Result<(), Error> {
        Ok(()) // whoever stopped it has the exception
    }
}

impl Finish for Watch {
    fn finish(self) -> Result<(), Error> {
        self.raised.into_inner().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Ends a fit from another thread.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Observer for Stop {
    fn step(&mut self, _: &Event) -> ControlFlow<()> {
        if self.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
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
