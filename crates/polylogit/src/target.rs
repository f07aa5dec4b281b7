//! What each row is labelled with: class ids or soft labels, sample weights, offsets.

use crate::error::{Error, Result, check_len};
use crate::label::Label;
use std::collections::HashMap;

/// How far a soft label's sum may stray from 1.
const SOFT_SUM_TOLERANCE: f64 = 1e-6;

/// Targets of n rows over K classes, with sample weights s_i > 0 and offsets o (n × K).
///
/// ```
/// use polylogit::Target;
/// let target = Target::from_labels(["cat", "dog", "cat"])?.weights(vec![1.0, 2.0, 0.5])?;
/// assert_eq!(target.classes().len(), 2);
/// # Ok::<(), polylogit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Target {
    classes: Vec<Label>,
    labels: Labels,
    weights: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
}

/// One-hot labels as ids, or a distribution for each row.
#[derive(Debug, Clone)]
pub(crate) enum Labels {
    /// Class ids, each below K.
    Hard(Vec<u32>),
    /// Distributions, row-major (n × K), each row summing to 1.
    Soft(Vec<f64>),
}

impl Target {
    /// One label for each row; the classes are the distinct labels in the order of [`Label`].
    ///
    /// # Errors
    /// [`Error::NoRows`] if there are none, [`Error::OneClass`] if all are equal.
    pub fn from_labels<L: Into<Label>>(labels: impl IntoIterator<Item = L>) -> Result<Self> {
        let labels: Vec<Label> = labels.into_iter().map(Into::into).collect();
        let mut classes = labels.clone();
        classes.sort();
        classes.dedup();
        let ids = labels
            .iter()
            .map(|label| classes.binary_search(label).unwrap_or_default() as u32) // every label is there
            .collect();
        Self::from_classes(classes, ids)
    }

    /// The given rows, with other weights.
    pub(crate) fn subset(&self, rows: &[usize], weights: Vec<f64>) -> Self {
        let k = self.classes.len();
        let wide =
            |v: &[f64]| rows.iter().flat_map(|&i| &v[i * k..(i + 1) * k]).copied().collect::<Vec<f64>>();
        let labels = match &self.labels {
            Labels::Hard(ids) => Labels::Hard(rows.iter().map(|&i| ids[i]).collect()),
            Labels::Soft(y) => Labels::Soft(wide(y)),
        };
        let offset = self.offset.as_deref().map(wide);
        Self { classes: self.classes.clone(), labels, weights: Some(weights), offset }
    }

    /// With other weights, of which some may be 0: their rows are not learnt from.
    pub(crate) fn reweighted(&self, weights: Vec<f64>) -> Self {
        Self { weights: Some(weights), ..self.clone() }
    }

    /// Class ids (`ids[i] < classes.len()`), in the classes' given order.
    ///
    /// # Errors
    /// [`Error::NoRows`], [`Error::OneClass`], [`Error::EmptyClass`] (a class without rows has no
    /// finite intercept), [`Error::DuplicateClass`], [`Error::ClassOutOfRange`].
    pub fn from_classes(classes: Vec<Label>, ids: Vec<u32>) -> Result<Self> {
        if ids.is_empty() {
            return Err(Error::NoRows);
        }
        check_distinct(&classes)?;
        let mut seen = vec![false; classes.len()];
        for (row, &id) in ids.iter().enumerate() {
            match seen.get_mut(id as usize) {
                Some(s) => *s = true,
                None => {
                    return Err(Error::ClassOutOfRange { row, class: id as usize, classes: classes.len() });
                }
            }
        }
        check_present(&classes, &seen)?;
        Ok(Self { classes, labels: Labels::Hard(ids), weights: None, offset: None })
    }

    /// A distribution over the classes for each row, row-major (n × K).
    ///
    /// # Errors
    /// [`Error::SoftLabel`] where entries are negative, not finite or do not sum to 1 (within 1e-6), and as
    /// [`Target::from_classes`].
    pub fn soft(classes: Vec<Label>, mut distributions: Vec<f64>) -> Result<Self> {
        if distributions.is_empty() {
            return Err(Error::NoRows);
        }
        check_distinct(&classes)?;
        let k = classes.len();
        if k == 0 || !distributions.len().is_multiple_of(k) {
            let expected = distributions.len().checked_div(k).map_or(0, |rows| (rows + 1) * k);
            check_len("soft labels", "rows × classes", expected, distributions.len())?;
        }
        let mut seen = vec![false; k];
        for (row, y) in distributions.chunks_exact_mut(k).enumerate() {
            if let Some(bad) = y.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
                return Err(Error::SoftLabel { row, problem: format!("the entry {bad}") });
            }
            let sum: f64 = y.iter().sum();
            if (sum - 1.0).abs() > SOFT_SUM_TOLERANCE {
                return Err(Error::SoftLabel { row, problem: format!("the sum {sum}") });
            }
            for (v, s) in y.iter_mut().zip(&mut seen) {
                *v /= sum;
                *s |= *v > 0.0;
            }
        }
        check_present(&classes, &seen)?;
        Ok(Self { classes, labels: Labels::Soft(distributions), weights: None, offset: None })
    }

    /// With a sample weight s_i > 0 for each row.
    ///
    /// # Errors
    /// [`Error::Weight`] if one is not positive and finite, [`Error::Shape`] if there are not n of them.
    pub fn weights(mut self, weights: Vec<f64>) -> Result<Self> {
        check_len("weights", "rows", self.rows(), weights.len())?;
        if let Some(row) = weights.iter().position(|w| !(w.is_finite() && *w > 0.0)) {
            return Err(Error::Weight { row, value: weights[row] });
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// With an offset for each row and class, added to the scores as it is; row-major (n × K).
    ///
    /// # Errors
    /// [`Error::Offset`] if one is not finite, [`Error::Shape`] if there are not n × K of them.
    pub fn offset(mut self, offset: Vec<f64>) -> Result<Self> {
        let k = self.classes.len();
        check_len("offset", "rows × classes", self.rows() * k, offset.len())?;
        if let Some(at) = offset.iter().position(|o| !o.is_finite()) {
            return Err(Error::Offset { row: at / k, class: at % k, value: offset[at] });
        }
        self.offset = Some(offset);
        Ok(self)
    }

    /// The classes, in the order of every K in this crate.
    pub fn classes(&self) -> &[Label] {
        &self.classes
    }

    /// n.
    pub fn rows(&self) -> usize {
        match &self.labels {
            Labels::Hard(ids) => ids.len(),
            Labels::Soft(y) => y.len() / self.classes.len(),
        }
    }

    /// The class ids, unless the labels are soft.
    pub fn ids(&self) -> Option<&[u32]> {
        match &self.labels {
            Labels::Hard(ids) => Some(ids),
            Labels::Soft(_) => None,
        }
    }

    /// The sample weights, if any were given.
    pub fn sample_weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// S = Σ s_i.
    pub fn total_weight(&self) -> f64 {
        self.weights.as_ref().map_or(self.rows() as f64, |s| s.iter().sum())
    }

    /// The weight of each class, Σ_i s_i y_ik.
    pub(crate) fn class_weights(&self) -> Vec<f64> {
        let k = self.classes.len();
        let mut sums = vec![0.0; k];
        match &self.labels {
            Labels::Hard(ids) => {
                for (row, &id) in ids.iter().enumerate() {
                    sums[id as usize] += self.weight(row);
                }
            }
            Labels::Soft(y) => {
                for (row, y) in y.chunks_exact(k).enumerate() {
                    for (sum, y) in sums.iter_mut().zip(y) {
                        *sum += self.weight(row) * y;
                    }
                }
            }
        }
        sums
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    pub(crate) fn offsets(&self) -> Option<&[f64]> {
        self.offset.as_deref()
    }

    /// s_i.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |s| s[row])
    }
}

fn check_distinct(classes: &[Label]) -> Result<()> {
    let mut seen = HashMap::with_capacity(classes.len());
    for class in classes {
        if seen.insert(class.to_string(), class).is_some_and(|other| other == class) {
            return Err(Error::DuplicateClass { class: class.to_string() });
        }
    }
    Ok(())
}

fn check_present(classes: &[Label], seen: &[bool]) -> Result<()> {
    if seen.iter().filter(|s| **s).count() < 2 {
        let class = seen.iter().position(|s| *s).map_or_else(String::new, |k| classes[k].to_string());
        return Err(Error::OneClass { class });
    }
    match seen.iter().position(|s| !s) {
        Some(k) => Err(Error::EmptyClass { class: classes[k].to_string() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_sorted_and_ids_follow() {
        let t = Target::from_labels([3, 1, 2, 1]).unwrap();
        assert_eq!(t.classes(), [Label::Int(1), Label::Int(2), Label::Int(3)]);
        assert_eq!(t.ids().unwrap(), [2, 0, 1, 0]);
    }

    #[test]
    fn bad_targets_are_named() {
        let abc = || vec![Label::from("a"), Label::from("b"), Label::from("c")];
        assert_eq!(Target::from_labels(Vec::<i64>::new()).unwrap_err(), Error::NoRows);
        assert_eq!(Target::from_labels([1, 1]).unwrap_err(), Error::OneClass { class: "1".into() });
        assert!(matches!(Target::from_classes(abc(), vec![0, 1]), Err(Error::EmptyClass { .. })));
        assert!(matches!(
            Target::from_classes(abc(), vec![0, 7]),
            Err(Error::ClassOutOfRange { row: 1, class: 7, classes: 3 })
        ));
        let twice = vec![Label::from("a"), Label::from("a")];
        assert!(matches!(Target::from_classes(twice, vec![0, 1]), Err(Error::DuplicateClass { .. })));
        let soft = Target::soft(abc(), vec![0.5, 0.5, 0.0, 0.2, 0.2, 0.2]);
        assert!(matches!(soft, Err(Error::SoftLabel { row: 1, .. })));
        assert!(matches!(Target::soft(abc(), vec![0.5, 0.5]), Err(Error::Shape { .. })));
        let t = || Target::from_labels([0, 1]).unwrap();
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(t().weights(vec![1.0, bad]), Err(Error::Weight { row: 1, .. })));
        }
        assert!(matches!(t().weights(vec![1.0]), Err(Error::Shape { .. })));
        assert!(matches!(
            t().offset(vec![0.0, 0.0, f64::NAN, 0.0]),
            Err(Error::Offset { row: 1, class: 0, .. })
        ));
    }
}
