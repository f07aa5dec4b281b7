//! What a fit found out about the columns: constant, collinear, separating.

pub(crate) mod alternative;
mod cells;
pub(crate) mod duplicates;
pub(crate) mod rank;
pub(crate) mod separation;

pub use cells::empty_cells;

/// What was noticed about X and y. Columns and classes are indices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnosis {
    /// Columns with one value only; their weights are 0 (the intercept does their work).
    pub constant: Vec<usize>,
    /// Columns that are copies: (copy, first column with these values). A penalty shares the weight out
    /// between them; without one they stand under `collinear`.
    pub duplicates: Vec<(usize, usize)>,
    /// Unpenalised columns that are linear combinations of others (λ = 0 only). The weights are the
    /// minimum-norm ones: which of the columns carries the effect is not in the data.
    pub collinear: Vec<Collinear>,
    /// A linear rule that separates classes (λ = 0 only).
    pub separation: Option<Separation>,
}

/// `column` = constant + Σ coefficient · other column.
#[derive(Debug, Clone, PartialEq)]
pub struct Collinear {
    /// The dependent column.
    pub column: usize,
    /// The columns that it depends on, with their coefficients on the raw scale.
    pub on: Vec<(usize, f64)>,
}

/// A direction along which the likelihood rises for ever (Albert and Anderson 1984).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Separation {
    /// Every row is on its own side (complete), or some rows lie on the boundary (quasi-complete).
    pub complete: bool,
    /// The classes that the rule tells apart from the rest; if it does so for none without rows on the
    /// boundary, those that gain.
    pub classes: Vec<usize>,
    /// A small set of columns that suffices for it, the strongest first.
    pub columns: Vec<usize>,
}
