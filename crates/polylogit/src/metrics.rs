//! Metrics of probabilities: accuracy, log loss, Brier score, calibration error, confusion.
