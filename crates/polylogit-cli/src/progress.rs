//! The line that moves while a fit runs, and the end of the fit by Ctrl-C.
//!
//! The line is on standard error, on terminals only. The time left follows from the fall of the certified
//! gap: its logarithm falls about evenly with the work done.

use crate::printer::{number, seconds, significant, thousands};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use polylogit::solver::{Event, Observer};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Shown while a fit runs.
pub(crate) struct Progress {
    line: ProgressBar,
    stop: Arc<AtomicBool>,
    start: Instant,
    first: Option<(f64, f64)>,
}

impl Progress {
    /// Starts the clock and listens for Ctrl-C: the first ends the fit, a second one the program.
    pub(crate) fn start(show: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let listening = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(1);
            }
        });
        // Without a handler Ctrl-C ends the program at once: nothing is half-written then either.
        drop(listening);
        let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            line.set_style(style);
        }
        line.enable_steady_tick(Duration::from_millis(120));
        Self { line, stop, start: now(), first: None }
    }

    /// Whether Ctrl-C came, for work that runs on several threads.
    pub(crate) fn stop(&self) -> Stop {
        Stop(Arc::clone(&self.stop))
    }

    /// Takes the line away; gives the seconds since the start.
    pub(crate) fn finish(self) -> f64 {
        self.line.finish_and_clear();
        self.start.elapsed().as_secs_f64()
    }
}

/// Has Ctrl-C come?
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Observer for Progress {
    fn step(&mut self, event: &Event) -> ControlFlow<()> {
        let elapsed = self.start.elapsed().as_secs_f64();
        if self.first.is_none() && event.relative_gap.is_finite() && event.relative_gap > 0.0 {
            self.first = Some((elapsed, event.relative_gap));
        }
        self.line.set_message(message(event, elapsed, self.first));
        if self.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

#[expect(clippy::disallowed_methods, reason = "the engine has no clock; the command is where fits are timed")]
fn now() -> Instant {
    Instant::now()
}

fn message(event: &Event, elapsed: f64, first: Option<(f64, f64)>) -> String {
    let mut text = format!("step {}   objective {}", thousands(event.step), number(event.objective));
    if event.relative_gap.is_finite() {
        let _ = write!(
            text,
            "   certified gap {} (goal {})",
            significant(event.relative_gap, 2),
            significant(event.tol, 2)
        );
    }
    let _ = write!(text, "   {} passes", significant(event.passes, 3));
    if let Some(left) = time_left(event, elapsed, first) {
        let _ = write!(text, "   about {} left", seconds(left));
    }
    text
}

/// Seconds until the gap reaches the goal if its logarithm keeps falling as it has since `first`.
fn time_left(event: &Event, elapsed: f64, first: Option<(f64, f64)>) -> Option<f64> {
    let (since, gap) = first?;
    let fallen = (gap / event.relative_gap).ln();
    let to_fall = (event.relative_gap / event.tol).ln();
    (fallen > 0.0 && to_fall > 0.0 && to_fall.is_finite()).then(|| (elapsed - since) * to_fall / fallen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(relative_gap: f64) -> Event {
        Event { step: 3, passes: 7.0, objective: 0.25, relative_gap, tol: 1e-6 }
    }

    #[test]
    fn the_time_left_follows_the_gap() {
        // From 1e-2 to 1e-4 in four seconds: two more powers of ten take four more.
        let left = time_left(&event(1e-4), 5.0, Some((1.0, 1e-2))).unwrap();
        assert!((left - 4.0).abs() < 1e-9);
        assert_eq!(time_left(&event(1e-2), 5.0, Some((1.0, 1e-2))), None);
        assert_eq!(time_left(&event(f64::INFINITY), 5.0, None), None);
    }

    #[test]
    fn the_line_tells_what_is_known() {
        assert_eq!(
            message(&event(1e-4), 5.0, Some((1.0, 1e-2))),
            "step 3   objective 0.25   certified gap 0.0001 (goal 1e-6)   7 passes   about 4.0 s left"
        );
        assert_eq!(message(&event(f64::INFINITY), 5.0, None), "step 3   objective 0.25   7 passes");
    }
}
