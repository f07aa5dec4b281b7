//! Which features, and which of their weights, a proximal Newton method works on.

use std::collections::HashSet;

use super::proximal_newton::Solver;
use crate::certificate::RESTS;
use crate::objective::penalty::Penalty;

/// Weights that are not 0 are joined by others up to so many.
const WANTED: usize = 7000;
/// Features that join at least, if so many are wanted; and at most this many times those that are not 0.
const JOIN: usize = 100;
const JOIN_TIMES: usize = 2;

impl Solver<'_> {
    /// Is one of the features that are penalised with j not 0?
    pub(super) fn is_moving(&self, penalty: &Penalty, j: usize) -> bool {
        penalty.members(&j).iter().any(|&j| self.is_active(j))
    }

    /// Features that are not 0, that nothing would keep there, or whose gradient reaches a threshold; whole groups. `above` is
    /// the penalty of the last fit, if there was one.
    pub(crate) fn candidates(
        &self,
        penalty: &Penalty,
        above: Option<&Penalty>,
        threshold: impl Fn(usize) -> f64,
    ) -> Vec<usize> {
        let mut set = Vec::new();
        let rests =
            |j: usize| self.bounded[j] && above.is_some_and(|above| RESTS * above.l1[j] < threshold(j));
        for j in (0..self.features()).filter(|&j| penalty.leads(j) && !rests(j)) {
            if self.is_moving(penalty, j)
                || penalty.l1[j] == 0.0
                || penalty.reach(j, &penalty.rows(j, &self.gradient)) >= threshold(j)
            {
                set.extend_from_slice(penalty.members(&j));
            }
        }
        set
    }

    /// Lets the features join a set, which is sorted, whose gradient leaves the ball, the farthest first; how many.
    pub(super) fn join(&self, penalty: &Penalty, set: &mut Vec<usize>) -> usize {
        let active = set.iter().filter(|&&j| self.is_active(j)).count();
        self.join_beyond(penalty, set, 1.0, JOIN.max(JOIN_TIMES * active))
    }

    /// As [`Solver::join`], of the features whose gradient goes beyond a share of ℓ_j, not more than so many.
    fn join_beyond(&self, penalty: &Penalty, set: &mut Vec<usize>, share: f64, most: usize) -> usize {
        let mut others: Vec<(f64, usize)> = (0..self.features())
            .filter(|&j| penalty.leads(j) && set.binary_search(&j).is_err())
            .map(|j| (penalty.reach(j, &penalty.rows(j, &self.gradient)) / penalty.l1[j], j))
            .filter(|(r, _)| *r > share)
            .collect();
        others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        others.truncate(most);
        set.extend(others.iter().flat_map(|(_, j)| penalty.members(j)));
        others.len()
    }

    /// A working set for a λ far below the one before: features that are not 0, that nothing would keep there, and of those
    /// whose gradient reaches a share of ℓ_j the farthest, so many at most.
    pub(crate) fn nearest(&self, penalty: &Penalty, share: f64, most: usize) -> Vec<usize> {
        let mut set = self.candidates(penalty, None, |_| f64::INFINITY);
        set.sort_unstable();
        self.join_beyond(penalty, &mut set, share, most);
        set
    }

    /// Which weights a step is about where not all of its features' are (a row of K for each): those that are not 0 and
    /// those that move or nearly do, the farthest first and not many more; all where one of a feature's moves the others.
    pub(super) fn wanted(&self, penalty: &Penalty, features: &[usize], near: f64) -> Vec<bool> {
        let k = self.dual.offsets.len();
        let mut wanted = vec![false; features.len() * k];
        let mut others = Vec::new();
        for (i, &j) in features.iter().enumerate() {
            let l1 = penalty.l1[j];
            let lead = penalty.lead(j);
            let reach =
                if penalty.grouped { penalty.reach(lead, &penalty.rows(lead, &self.gradient)) } else { 0.0 };
            let moving = penalty.grouped && self.is_moving(penalty, j);
            for (c, at) in self.row(j).enumerate() {
                let force = reach.max(self.gradient[at].abs());
                if l1 == 0.0 || moving || self.theta[at] != 0.0 {
                    wanted[i * k + c] = true;
                } else if force >= near * l1 {
                    others.push((force / l1, i * k + c));
                }
            }
        }
        let count = wanted.iter().filter(|w| **w).count();
        others.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        others.truncate(JOIN.max(JOIN_TIMES * count).min(WANTED.saturating_sub(count)));
        for (_, at) in others {
            wanted[at] = true;
        }
        if penalty.groups.is_some() {
            // A group is wanted as a whole.
            let rows = || features.iter().zip(wanted.chunks_exact(k));
            let leads: HashSet<usize> =
                rows().filter(|(_, row)| row.contains(&true)).map(|(j, _)| penalty.lead(*j)).collect();
            for (&j, row) in features.iter().zip(wanted.chunks_exact_mut(k)) {
                row[0] |= leads.contains(&penalty.lead(j));
            }
        }
        for wanted in wanted.chunks_exact_mut(k) {
            let count = wanted.iter().filter(|w| **w).count();
            // Where most are at work, the gauge moves all.
            if 2 * count > k || (penalty.grouped && count > 0) {
                wanted.fill(true);
            }
        }
        wanted
    }
}
