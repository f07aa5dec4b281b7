//! Reliability tables: confidence against frequency in bins, and the errors that sum them up.
//!
//! Row i has confidence p_i (of its predicted class, or of one class), outcome y_i ∈ {0, 1} and weight s_i; S_B, p̄_B
//! and ȳ_B are the weight, mean confidence and frequency of bin B, d_i = y_i − p_i, and S = Σ s_i.
//!
//! ```text
//! error                Σ_B (S_B/S) |ȳ_B − p̄_B|                                (Guo, Pleiss, Sun and Weinberger 2017)
//! error by chance      Σ_B (S_B/S) √(2/π) σ_B       σ_B² = Σ_B s_i² p_i (1−p_i) / S_B²
//! squared error        Σ_B (S_B/S) Σ_{i≠j ∈ B} s_i s_j d_i d_j / Σ_{i≠j ∈ B} s_i s_j
//! ```
//!
//! The first is never negative, so noise alone makes it positive: perfectly calibrated probabilities are given about
//! the second, the mean of |N(0, σ_B²)|. The third is an unbiased estimate of Σ_B (S_B/S) E[d | B]², and so 0 on average
//! where the first is not. It is the debiased estimate of Kumar, Liang and Ma (2019), p̄ and ȳ's variance replaced by
//! those of d: the same number where confidences are equal within a bin, and without the variance of p within bins
//! that theirs subtracts where they are not. (The same correction of the Brier score's reliability term: Bröcker 2012;
//! Ferro and Fricker 2012.)

use crate::error::{Error, Result};
use crate::inference::critical;
use crate::metrics::{check, check_probabilities};
use crate::softmax::argmax;

/// How confidences are put into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// So many intervals of one length: [0, 1/B), [1/B, 2/B), …, the last one closed.
    EqualWidth(usize),
    /// So many intervals of about one weight; equal confidences share a bin.
    EqualMass(usize),
}

impl Default for Bins {
    /// 15 of equal width, as in Guo et al. (2017).
    fn default() -> Self {
        Self::EqualWidth(15)
    }
}

/// The rows whose confidence lies in one interval.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Bin {
    /// Where the interval begins (of equal mass: the smallest confidence in it).
    pub low: f64,
    /// Where it ends (of equal mass: the largest confidence in it).
    pub high: f64,
    /// How many rows.
    pub rows: usize,
    /// S_B, their weight.
    pub weight: f64,
    /// p̄_B, their mean confidence.
    pub confidence: f64,
    /// ȳ_B, the share of their weight for which it came true.
    pub frequency: f64,
    /// Σ s².
    squares: f64,
    /// Σ s d.
    surplus: f64,
    /// Σ s² d².
    noise: f64,
    /// Σ s² p (1 − p).
    chance: f64,
}

impl Bin {
    /// An interval that covers the true frequency with probability `level` (Wilson 1927), of as many rows as their
    /// weights are worth: (Σ s)² / Σ s² (Kish 1965).
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let z2 = critical(level).powi(2);
        let (n, y) = (self.weight * self.weight / self.squares, self.frequency);
        let middle = (y + 0.5 * z2 / n) / (1.0 + z2 / n);
        let half = (z2 / n * (y * (1.0 - y) + 0.25 * z2 / n)).sqrt() / (1.0 + z2 / n);
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }

    fn new(low: f64, high: f64) -> Self {
        let (rows, weight, confidence, frequency) = (0, 0.0, 0.0, 0.0);
        let (squares, surplus, noise, chance) = (0.0, 0.0, 0.0, 0.0);
        Self { low, high, rows, weight, confidence, frequency, squares, surplus, noise, chance }
    }

    /// Takes a row in; until [`Bin::close`] means are sums.
    fn add(&mut self, row: &Row) {
        let &Row { confidence: p, right, weight: s } = row;
        let y = f64::from(u8::from(right));
        self.rows += 1;
        self.weight += s;
        self.confidence += s * p;
        self.frequency += s * y;
        self.squares += s * s;
        self.surplus += s * (y - p);
        self.noise += (s * (y - p)).powi(2);
        self.chance += s * s * p * (1.0 - p);
    }

    fn close(mut self) -> Self {
        self.confidence /= self.weight;
        self.frequency /= self.weight;
        self
    }
}

/// One row as the tables see it.
#[derive(Clone, Copy)]
struct Row {
    confidence: f64,
    right: bool,
    weight: f64,
}

/// Confidence against frequency.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// The bins that have rows, by confidence.
    pub bins: Vec<Bin>,
}

impl Table {
    fn new(rows: &mut [Row], bins: Bins) -> Self {
        let mut found = match bins {
            Bins::EqualWidth(count) => equal_width(rows, count),
            Bins::EqualMass(count) => equal_mass(rows, count),
        };
        found.retain(|bin| bin.rows > 0);
        Self { bins: found.into_iter().map(Bin::close).collect() }
    }

    /// S.
    fn weight(&self) -> f64 {
        self.bins.iter().map(|bin| bin.weight).sum()
    }

    /// The expected calibration error Σ_B (S_B/S) |ȳ_B − p̄_B|.
    pub fn error(&self) -> f64 {
        self.bins.iter().map(|bin| bin.surplus.abs()).sum::<f64>() / self.weight()
    }

    /// The error that perfectly calibrated probabilities would be given on so many rows, about.
    pub fn error_by_chance(&self) -> f64 {
        let deviations = self.bins.iter().map(|bin| (2.0 / std::f64::consts::PI * bin.chance).sqrt());
        deviations.sum::<f64>() / self.weight()
    }

    /// The largest |ȳ_B − p̄_B|.
    pub fn maximum_error(&self) -> f64 {
        self.bins.iter().map(|bin| (bin.surplus / bin.weight).abs()).fold(0.0, f64::max)
    }

    /// An unbiased estimate of the squared calibration error Σ_B (S_B/S) E[y − p | B]²; it may be negative. Bins of one
    /// row say nothing about it and are left out; `None` if there are no others.
    pub fn squared_error(&self) -> Option<f64> {
        let several = self.bins.iter().filter(|bin| bin.rows > 1);
        let (mut sum, mut weight) = (0.0, 0.0);
        for bin in several {
            let pairs = bin.weight * bin.weight - bin.squares;
            sum += bin.weight * (bin.surplus * bin.surplus - bin.noise) / pairs;
            weight += bin.weight;
        }
        (weight > 0.0).then(|| sum / weight)
    }

    /// The root of [`Table::squared_error`], 0 where that is negative: in the units of [`Table::error`], which it
    /// exceeds where bins differ in their error.
    pub fn root_squared_error(&self) -> Option<f64> {
        self.squared_error().map(|squared| squared.max(0.0).sqrt())
    }
}

/// Bins of one length; some may be empty.
fn equal_width(rows: &[Row], count: usize) -> Vec<Bin> {
    let edge = |b: usize| b as f64 / count as f64;
    let mut bins: Vec<Bin> = (0..count).map(|b| Bin::new(edge(b), edge(b + 1))).collect();
    for row in rows {
        #[expect(clippy::cast_sign_loss, reason = "a confidence lies in [0, 1]")]
        let bin = (row.confidence * count as f64) as usize;
        bins[bin.min(count - 1)].add(row);
    }
    bins
}

/// Bins of one weight: the b-th ends with the first confidence at which the weight so far reaches b/B.
fn equal_mass(rows: &mut [Row], count: usize) -> Vec<Bin> {
    rows.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
    let total: f64 = rows.iter().map(|row| row.weight).sum();
    let mut bins = Vec::with_capacity(count);
    let (mut bin, mut so_far) = (None, 0.0);
    for (at, row) in rows.iter().enumerate() {
        let open = bin.get_or_insert_with(|| Bin::new(row.confidence, row.confidence));
        open.add(row);
        open.high = row.confidence;
        so_far += row.weight;
        let last_of_its_confidence = rows.get(at + 1).is_none_or(|next| next.confidence > row.confidence);
        let full = so_far * count as f64 >= total * (bins.len() + 1) as f64;
        if last_of_its_confidence && (full || at + 1 == rows.len()) {
            bins.extend(bin.take());
        }
    }
    bins
}

/// How reliable the probabilities of n rows are.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reliability {
    /// The probability of the predicted class (the first of the largest) against how often it is right.
    pub top_label: Table,
    /// The probability of each class against how often it is the true one (K).
    pub classes: Vec<Table>,
}

impl Reliability {
    /// The class-wise expected calibration error: the mean of the classes' errors (Kull et al. 2019).
    pub fn classwise_error(&self) -> f64 {
        self.classes.iter().map(Table::error).sum::<f64>() / self.classes.len() as f64
    }
}

/// The tables of probabilities `p` (n × K, row-major) and true classes (n) below `classes` = K, weighted.
///
/// # Errors
/// [`Error::NoRows`], [`Error::Shape`], [`Error::ClassOutOfRange`], [`Error::Weight`]; [`Error::Probability`] where a
/// row is no distribution; [`Error::Option`] for 0 bins.
pub fn reliability(
    p: &[f64],
    truth: &[u32],
    weights: Option<&[f64]>,
    classes: usize,
    bins: Bins,
) -> Result<Reliability> {
    check(truth, weights, classes)?;
    check_probabilities(p, truth.len(), classes)?;
    if matches!(bins, Bins::EqualWidth(0) | Bins::EqualMass(0)) {
        return Err(Error::Option { option: "bins", value: "0".to_owned(), range: "1 or more" });
    }
    let table = |class: Option<usize>| {
        let row = |(row, p): (usize, &[f64])| {
            let class = class.or_else(|| argmax(p)).unwrap_or(0);
            let weight = weights.map_or(1.0, |s| s[row]);
            Row { confidence: p[class], right: truth[row] as usize == class, weight }
        };
        Table::new(&mut p.chunks_exact(classes).enumerate().map(row).collect::<Vec<_>>(), bins)
    };
    Ok(Reliability {
        top_label: table(None),
        classes: (0..classes).map(|class| table(Some(class))).collect(),
    })
}
