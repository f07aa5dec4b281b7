//! The steps of a fit, kept to be drawn: evenly thinned where there are very many.

use super::{Event, Observer};
use std::ops::ControlFlow;

/// Events that are kept at most; beyond, every second one goes.
const MOST: usize = 512;

/// Passes every event on and keeps it.
pub(crate) struct Recorder<'o> {
    inner: &'o mut dyn Observer,
    kept: Vec<Event>,
    heard: usize,
    /// One event of so many is kept.
    every: usize,
    last: Option<Event>,
}

impl<'o> Recorder<'o> {
    pub(crate) fn new(inner: &'o mut dyn Observer) -> Self {
        Self { inner, kept: Vec::new(), heard: 0, every: 1, last: None }
    }

    /// What was kept, and in any case the last event.
    pub(crate) fn into_events(mut self) -> Vec<Event> {
        if self.last != self.kept.last().copied() {
            self.kept.extend(self.last);
        }
        self.kept
    }
}

impl Observer for Recorder<'_> {
    fn step(&mut self, event: &Event) -> ControlFlow<()> {
        if self.heard.is_multiple_of(self.every) {
            if self.kept.len() == MOST {
                let mut at = 0;
                self.kept.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.every *= 2;
            }
            if self.heard.is_multiple_of(self.every) {
                self.kept.push(*event);
            }
        }
        self.heard += 1;
        self.last = Some(*event);
        self.inner.step(event)
    }

    fn cancelled(&self) -> bool {
        self.inner.cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::Silent;

    fn events(count: usize) -> Vec<usize> {
        let mut silent = Silent;
        let mut recorder = Recorder::new(&mut silent);
        for step in 0..count {
            let event = Event { step, passes: step as f64, objective: 1.0, relative_gap: 0.5, tol: 1e-6 };
            assert!(recorder.step(&event).is_continue());
        }
        recorder.into_events().iter().map(|e| e.step).collect()
    }

    #[test]
    fn few_events_are_all_kept() {
        assert_eq!(events(0), [] as [usize; 0]);
        assert_eq!(events(MOST), (0..MOST).collect::<Vec<_>>());
    }

    #[test]
    fn many_are_thinned_evenly_and_end_with_the_last() {
        for count in [MOST + 1, MOST + 2, 5 * MOST + 3, 100_000] {
            let kept = events(count);
            assert!(kept.len() <= MOST + 1, "{count}: {}", kept.len());
            assert!(kept.len() > MOST / 2, "{count}: {}", kept.len());
            assert_eq!((kept[0], *kept.last().unwrap()), (0, count - 1));
            let step = kept[1];
            let even = kept.windows(2).take(kept.len() - 2).all(|w| w[1] - w[0] == step);
            assert!(even, "{count}");
        }
    }
}
