//! Groups of features that a penalty takes as one.
//!
//! ```text
//! h_G(U) = ½ρ ‖U‖² + ℓ ‖U‖_F        U = θ_G, the K weights of each feature of G, feature by feature
//! ```
//!
//! The first of its features leads a group: what is asked about it is about all of them. A feature in no group leads itself.
//!
//! Source: Yuan, Lin, Model selection and estimation in regression with grouped variables (2006).

use std::borrow::Cow;

use super::penalty::Penalty;

/// No group.
const NONE: u32 = u32::MAX;

/// Groups of at least two features each.
#[derive(Debug)]
pub(crate) struct Groups {
    /// Ascending features of each group.
    members: Vec<Vec<usize>>,
    /// The group of each feature.
    of: Vec<u32>,
}

impl Groups {
    /// `None` if all are of one feature; `members` (ascending) do not overlap.
    pub(crate) fn new(members: Vec<Vec<usize>>, features: usize) -> Option<Self> {
        let members: Vec<Vec<usize>> = members.into_iter().filter(|group| group.len() > 1).collect();
        let mut of = vec![NONE; features];
        for (at, group) in (0..).zip(&members) {
            for &j in group {
                of[j] = at;
            }
        }
        (!members.is_empty()).then_some(Self { members, of })
    }

    fn of(&self, j: usize) -> Option<&[usize]> {
        self.members.get(*self.of.get(j)? as usize).map(Vec::as_slice)
    }

    /// The features of each group.
    pub(crate) fn each(&self) -> impl Iterator<Item = &[usize]> {
        self.members.iter().map(Vec::as_slice)
    }
}

impl Penalty {
    /// The features that are penalised with j as one.
    pub(crate) fn members<'s>(&'s self, j: &'s usize) -> &'s [usize] {
        self.groups.as_ref().and_then(|groups| groups.of(*j)).unwrap_or(std::slice::from_ref(j))
    }

    /// The feature that stands for those that are penalised with j.
    pub(crate) fn lead(&self, j: usize) -> usize {
        self.members(&j)[0]
    }

    /// Does j stand for itself, or for its group?
    pub(crate) fn leads(&self, j: usize) -> bool {
        self.groups.is_none() || self.lead(j) == j
    }

    /// The rows of a table (m × K) that j leads.
    pub(crate) fn rows<'t>(&self, j: usize, table: &'t [f64]) -> Cow<'t, [f64]> {
        let row = |j: usize| &table[j * self.classes..(j + 1) * self.classes];
        match self.members(&j) {
            [_] => Cow::Borrowed(row(j)),
            members => Cow::Owned(members.iter().flat_map(|&j| row(j)).copied().collect()),
        }
    }

    /// Σ_j h_j over some features, which are whole groups.
    pub(crate) fn total(&self, features: &[usize], theta: &[f64]) -> f64 {
        features.iter().filter(|j| self.leads(**j)).map(|&j| self.value(j, &self.rows(j, theta))).sum()
    }
}
