//! The objective.
