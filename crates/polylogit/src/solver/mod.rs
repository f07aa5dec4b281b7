//! The solvers, one method a file, and what they tell: how a fit ended, and each step on the way.

mod block;
pub(crate) mod descent;
mod face;
mod group;
pub(crate) mod line;
pub(crate) mod newton_cg;
pub(crate) mod pcg;
pub(crate) mod plan;
pub(crate) mod preconditioner;
pub(crate) mod proximal_newton;
pub(crate) mod quadratic;
pub(crate) mod trace;
mod vectors;
mod working_set;

use std::fmt;
use std::ops::ControlFlow;

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The certified gap is within `tol`.
    Converged,
    /// λ = 0 and a linear rule separates classes: the likelihood has no maximum, the weights grow without
    /// end. The model is the last iterate; see [`Diagnosis::separation`](crate::diagnose::Diagnosis).
    Separated,
    /// An observer asked to stop; the model is the best one so far.
    Cancelled,
    /// `max_steps` were taken; the model is the best one so far, its certificate says how good.
    StepLimit,
    /// No step improves F in floating point and the gap is still above `tol`: the last digits of this
    /// problem are out of reach of float64. The certificate says how good the model is.
    PrecisionLimit,
}

impl Status {
    /// [`Status::Converged`]?
    pub fn is_converged(self) -> bool {
        self == Self::Converged
    }

    /// A stable name in lower case, e.g. `converged`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Separated => "separated",
            Self::Cancelled => "cancelled",
            Self::StepLimit => "step_limit",
            Self::PrecisionLimit => "precision_limit",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an [`Observer`] hears after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Steps taken (0 at the start).
    pub step: usize,
    /// Passes over X so far: one is X·Wᵀ and Xᵀ·R for all rows.
    pub passes: f64,
    /// F of the best point so far.
    pub objective: f64,
    /// Certified bound on F − F*, relative to F.
    pub relative_gap: f64,
    /// The bound that ends the fit.
    pub tol: f64,
}

/// Hears of every step and may end the fit there. Any `FnMut(&Event) -> ControlFlow<()>` is one.
pub trait Observer {
    /// After each step. `ControlFlow::Break(())` ends the fit with the best model so far.
    fn step(&mut self, event: &Event) -> ControlFlow<()>;

    /// Asked more often than steps are told, inside long steps: end the fit now?
    fn cancelled(&self) -> bool {
        false
    }
}

impl<F: FnMut(&Event) -> ControlFlow<()>> Observer for F {
    fn step(&mut self, event: &Event) -> ControlFlow<()> {
        self(event)
    }
}

/// Hears no steps, for they are those of another objective, but may still stop the work.
pub(crate) struct Muted<'o>(pub(crate) &'o mut dyn Observer);

impl Observer for Muted<'_> {
    fn step(&mut self, _: &Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// Hears no steps, ends fits from outside.
pub(crate) struct Watch<'w>(pub(crate) &'w (dyn Fn() -> bool + Sync));

impl Observer for Watch<'_> {
    fn step(&mut self, _: &Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn cancelled(&self) -> bool {
        (self.0)()
    }
}

/// Hears nothing, stops nothing.
pub(crate) struct Silent;

impl Observer for Silent {
    fn step(&mut self, _: &Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
