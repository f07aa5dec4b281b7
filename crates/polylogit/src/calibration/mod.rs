//! Do the probabilities mean what they say? Tables of reliability, calibration errors, recalibration.
//!
//! Predictions are calibrated when, of the rows that are given a class with probability p, a share p belongs to it.
//! [`reliability`] compares the two in bins of p, for the predicted class and for each class.
//!
//! ```
//! use polylogit::calibration::{Bins, reliability};
//! // Four rows of two classes, row-major, and what they were.
//! let p = [0.9, 0.1, 0.8, 0.2, 0.3, 0.7, 0.4, 0.6];
//! let found = reliability(&p, &[0, 0, 1, 0], None, 2, Bins::EqualWidth(2))?;
//! let table = &found.top_label; // all four confidences lie above 0.5
//! assert_eq!(table.bins.len(), 1);
//! assert_eq!(table.bins[0].frequency, 0.75);
//! assert!((table.bins[0].confidence - 0.75).abs() < 1e-15 && table.error() < 1e-15);
//! # Ok::<(), polylogit::Error>(())
//! ```

mod reliability;
mod scaling;

pub use reliability::{Bin, Bins, Reliability, Table, reliability};
pub use scaling::{Method, Scaling};
