//! What a probability of one class says about its rows: receiver operating characteristic, precision and recall,
//! histograms.

use super::check;
use crate::error::{Error, Result, check_len};

/// The rows in the order of a score, from the largest down: how much of the class, and how much of the rest, scores at
/// least so much. Rows of equal score stand together, so no order among them is made up.
///
/// ```
/// use polylogit::metrics::Ranking;
/// let ranking = Ranking::new(&[0.9, 0.8, 0.4, 0.1], &[0, 1, 0, 1], None, 0)?;
/// assert_eq!(ranking.auc(), Some(0.75));
/// assert_eq!(ranking.average_precision(), Some((1.0 + 2.0 / 3.0) / 2.0));
/// # Ok::<(), polylogit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    steps: Vec<Step>,
}

/// What scores at least a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The score.
    pub threshold: f64,
    /// Weight of rows of the class.
    pub hits: f64,
    /// Weight of other rows.
    pub false_alarms: f64,
}

impl Ranking {
    /// Ranks the rows by `scores` (n), for instance the probabilities of `class`; `truth` and `weights` (n) as everywhere
    /// in [`metrics`](super).
    ///
    /// # Errors
    /// [`Error::NoRows`], [`Error::Shape`], [`Error::Weight`]; [`Error::Probability`] where a score is NaN.
    pub fn new(scores: &[f64], truth: &[u32], weights: Option<&[f64]>, class: u32) -> Result<Self> {
        check(truth, weights, usize::MAX)?;
        check_len("scores", "rows", truth.len(), scores.len())?;
        if let Some(row) = scores.iter().position(|s| s.is_nan()) {
            return Err(Error::Probability { row, class: class as usize, value: scores[row] });
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let mut steps: Vec<Step> = Vec::new();
        for row in order {
            let (mut hits, mut false_alarms) = steps.last().map_or((0.0, 0.0), |s| (s.hits, s.false_alarms));
            let weight = weights.map_or(1.0, |s| s[row]);
            *(if truth[row] == class { &mut hits } else { &mut false_alarms }) += weight;
            let step = Step { threshold: scores[row], hits, false_alarms };
            match steps.last_mut() {
                Some(last) if last.threshold == step.threshold => *last = step,
                _ => steps.push(step),
            }
        }
        Ok(Self { steps })
    }

    /// A step for each different score, falling.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Weight of the class and of the rest.
    fn totals(&self) -> (f64, f64) {
        self.steps.last().map_or((0.0, 0.0), |s| (s.hits, s.false_alarms))
    }

    /// The receiver operating characteristic: (false-alarm rate, hit rate) from (0, 0) to (1, 1). `None` unless there
    /// are rows of the class and others.
    pub fn roc(&self) -> Option<Vec<(f64, f64)>> {
        let (hits, others) = self.totals();
        let rate = |s: &Step| (s.false_alarms / others, s.hits / hits);
        (hits > 0.0 && others > 0.0)
            .then(|| std::iter::once((0.0, 0.0)).chain(self.steps.iter().map(rate)).collect())
    }

    /// (recall, precision) at each threshold, recall rising. `None` if there are no rows of the class.
    pub fn precision_recall(&self) -> Option<Vec<(f64, f64)>> {
        let (hits, _) = self.totals();
        let point = |s: &Step| (s.hits / hits, s.hits / (s.hits + s.false_alarms));
        (hits > 0.0).then(|| self.steps.iter().map(point).collect())
    }

    /// The area under [`Ranking::roc`]: the probability that a row of the class scores higher than one of the rest, ties
    /// counting half (Hanley and McNeil 1982).
    pub fn auc(&self) -> Option<f64> {
        let trapezium = |w: &[(f64, f64)]| (w[1].0 - w[0].0) * f64::midpoint(w[0].1, w[1].1);
        self.roc().map(|roc| roc.windows(2).map(trapezium).sum())
    }

    /// Average precision: Σ_i (recall_i − recall_{i−1}) precision_i.
    pub fn average_precision(&self) -> Option<f64> {
        let mut before = 0.0;
        let strip =
            |(recall, precision): (f64, f64)| (recall - std::mem::replace(&mut before, recall)) * precision;
        self.precision_recall().map(|curve| curve.into_iter().map(strip).sum())
    }
}

/// Weight of the rows in each of so many bins of equal width of [0, 1]; a bin has its lower end, the last both.
///
/// # Errors
/// [`Error::Shape`]; [`Error::Probability`] where a value does not lie in [0, 1].
pub fn histogram(p: &[f64], weights: Option<&[f64]>, bins: usize) -> Result<Vec<f64>> {
    check_len("weights", "rows", p.len(), weights.map_or(p.len(), <[f64]>::len))?;
    let mut out = vec![0.0; bins.max(1)];
    let last = out.len() - 1;
    for (row, &value) in p.iter().enumerate() {
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::Probability { row, class: 0, value });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "p lies in [0, 1]")]
        let bin = ((value * (last + 1) as f64) as usize).min(last);
        out[bin] += weights.map_or(1.0, |s| s[row]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: pairs of a row of the class and another.
    fn auc_by_pairs(scores: &[f64], truth: &[u32], weights: &[f64]) -> Option<f64> {
        let (mut won, mut total) = (0.0, 0.0);
        for (i, _) in truth.iter().enumerate().filter(|(_, y)| **y == 1) {
            for (j, _) in truth.iter().enumerate().filter(|(_, y)| **y != 1) {
                let weight = weights[i] * weights[j];
                total += weight;
                if scores[i] > scores[j] {
                    won += weight;
                } else if scores[i] == scores[j] {
                    won += weight / 2.0;
                }
            }
        }
        (total > 0.0).then(|| won / total)
    }

    #[test]
    fn by_hand_with_ties() {
        let (scores, truth) = ([0.1, 0.4, 0.35, 0.8, 0.4], [0, 0, 1, 1, 1]);
        let ranking = Ranking::new(&scores, &truth, None, 1).unwrap();
        let third = 1.0 / 3.0;
        assert_eq!(
            ranking.roc().unwrap(),
            [(0.0, 0.0), (0.0, third), (0.5, 2.0 * third), (0.5, 1.0), (1.0, 1.0)]
        );
        let precision: Vec<f64> = ranking.precision_recall().unwrap().iter().map(|p| p.1).collect();
        assert_eq!(precision, [1.0, 2.0 / 3.0, 0.75, 0.6]);
        // scikit-learn 1.9: roc_auc_score 0.75, average_precision_score 0.8055555555555555.
        assert!((ranking.auc().unwrap() - 0.75).abs() < 1e-15);
        assert!((ranking.average_precision().unwrap() - 0.805_555_555_555_555_5).abs() < 1e-15);
    }

    #[test]
    fn a_class_alone_or_absent_has_no_curve() {
        let none = Ranking::new(&[0.2, 0.3], &[0, 0], None, 1).unwrap();
        assert_eq!((none.roc(), none.precision_recall(), none.auc()), (None, None, None));
        let all = Ranking::new(&[0.2, 0.3], &[1, 1], None, 1).unwrap();
        assert_eq!((all.roc(), all.average_precision()), (None, Some(1.0)));
    }

    #[test]
    fn bins_by_hand() {
        let p = [0.0, 0.24, 0.25, 0.5, 0.99, 1.0];
        assert_eq!(histogram(&p, None, 4).unwrap(), [2.0, 1.0, 1.0, 2.0]);
        let s = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(histogram(&p, Some(&s), 4).unwrap(), [3.0, 3.0, 4.0, 11.0]);
        assert!(matches!(histogram(&[0.5, 1.5], None, 4), Err(Error::Probability { row: 1, .. })));
        assert!(matches!(histogram(&[f64::NAN], None, 4), Err(Error::Probability { row: 0, .. })));
        assert!(matches!(histogram(&p, Some(&s[..2]), 4), Err(Error::Shape { .. })));
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(Ranking::new(&[], &[], None, 0), Err(Error::NoRows)));
        assert!(matches!(Ranking::new(&[0.5], &[0, 1], None, 0), Err(Error::Shape { .. })));
        assert!(matches!(
            Ranking::new(&[0.5, f64::NAN], &[0, 1], None, 0),
            Err(Error::Probability { row: 1, .. })
        ));
        assert!(matches!(Ranking::new(&[0.5], &[0], Some(&[-1.0]), 0), Err(Error::Weight { row: 0, .. })));
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_won(
            rows in prop::collection::vec((0u8..6, 0u32..3, 1u8..4), 1..40)
        ) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0) / 5.0).collect();
            let truth: Vec<u32> = rows.iter().map(|r| r.1).collect();
            let weights: Vec<f64> = rows.iter().map(|r| f64::from(r.2)).collect();
            let ranking = Ranking::new(&scores, &truth, Some(&weights), 1).unwrap();
            match (ranking.auc(), auc_by_pairs(&scores, &truth, &weights)) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
            // A row of weight 2 is the row twice.
            let twice: Vec<usize> = (0..rows.len()).flat_map(|i| vec![i; usize::from(rows[i].2)]).collect();
            let of = |v: &[f64]| twice.iter().map(|&i| v[i]).collect::<Vec<_>>();
            let again = Ranking::new(&of(&scores), &twice.iter().map(|&i| truth[i]).collect::<Vec<_>>(), None, 1);
            let (a, b) = (ranking.average_precision(), again.unwrap().average_precision());
            prop_assert!(a.is_some() == b.is_some() && (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-12);
        }
    }
}
