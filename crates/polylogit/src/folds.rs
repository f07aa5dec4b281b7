//! Which rows a cross-validation holds out together.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::error::{Error, Result, check_len};
use crate::target::{Labels, Target};

/// The fold of rows that are never held out.
pub(crate) const NEVER: u32 = u32::MAX;

/// How rows come into folds.
#[derive(Debug, Clone)]
pub(crate) enum Split {
    /// Of each class as many in each fold, give or take one.
    Stratified,
    /// Rows of a group in one fold.
    Groups(Vec<u64>),
    /// The fold of each row.
    Given(Vec<u32>),
}

impl Split {
    /// The fold of each row.
    pub(crate) fn folds(&self, target: &Target, folds: usize, seed: u64) -> Result<Vec<u32>> {
        let n = target.rows();
        if folds < 2 || folds > n {
            let range = "at least 2 and at most the number of rows";
            return Err(Error::Option { option: "the number of folds", value: folds.to_string(), range });
        }
        match self {
            Self::Given(fold_of) => {
                check_len("folds", "rows", n, fold_of.len())?;
                Ok(fold_of.clone())
            }
            Self::Groups(groups) => {
                check_len("groups", "rows", n, groups.len())?;
                Ok(by_groups(groups, folds, seed))
            }
            Self::Stratified => Ok(stratified(target, folds, seed)),
        }
    }
}

/// Rows of each class in a seeded order, dealt out in turn; the next class goes on where the last one ended, so
/// that folds differ by one row at most. The only row of a class is never held out.
fn stratified(target: &Target, folds: usize, seed: u64) -> Vec<u32> {
    let k = target.classes().len();
    let mut classes = vec![vec![]; k];
    for row in 0..target.rows() {
        let class = match target.labels() {
            Labels::Hard(ids) => ids[row] as usize,
            Labels::Soft(y) => crate::softmax::argmax(&y[row * k..(row + 1) * k]).unwrap_or(0),
        };
        classes[class].push(row);
    }
    let mut fold_of = vec![NEVER; target.rows()];
    let mut next = 0;
    for mut rows in classes.into_iter().filter(|rows| rows.len() > 1) {
        rows.sort_by_key(|&row| (mix(seed, row as u64), row));
        for row in rows {
            fold_of[row] = (next % folds) as u32;
            next += 1;
        }
    }
    fold_of
}

/// Whole groups, the largest first, each to the fold with the fewest rows.
fn by_groups(groups: &[u64], folds: usize, seed: u64) -> Vec<u32> {
    let mut sizes = BTreeMap::new();
    for g in groups {
        *sizes.entry(*g).or_insert(0usize) += 1;
    }
    let mut order: Vec<(u64, usize)> = sizes.into_iter().collect();
    order.sort_by_key(|&(group, size)| (Reverse(size), mix(seed, group), group));
    let mut rows = vec![0; folds];
    let mut fold = BTreeMap::new();
    for (group, size) in order {
        let least = (0..folds).min_by_key(|&f| rows[f]).unwrap_or(0);
        rows[least] += size;
        fold.insert(group, least as u32);
    }
    groups.iter().map(|g| fold[g]).collect()
}

/// A number of a row that looks random (SplitMix64; Steele, Lea, Flood 2014).
fn mix(seed: u64, row: u64) -> u64 {
    let mut z =
        seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_stratified_seeded_and_lose_no_class() {
        // 20 of class 0, 7 of class 1, 1 of class 2.
        let ids: Vec<i64> = (0..28).map(|i| i64::from(i >= 20) + i64::from(i == 27)).collect();
        let target = Target::from_labels(ids.clone()).unwrap();
        let folds = Split::Stratified.folds(&target, 5, 3).unwrap();
        for fold in 0..5 {
            let of = |class: i64| (0..28).filter(|&i| folds[i] == fold && ids[i] == class).count();
            assert_eq!(of(0), 4);
            assert!((1..=2).contains(&of(1)));
        }
        assert_eq!(folds[27], NEVER);
        assert_eq!(folds, Split::Stratified.folds(&target, 5, 3).unwrap());
        assert_ne!(folds, Split::Stratified.folds(&target, 5, 4).unwrap());
    }

    #[test]
    fn groups_stay_together() {
        let groups: Vec<u64> = (0..40).map(|i| i / 3).collect();
        let folds = by_groups(&groups, 4, 1);
        for (a, b) in (0..40).flat_map(|a| (0..40).map(move |b| (a, b))) {
            assert!(groups[a] != groups[b] || folds[a] == folds[b]);
        }
        for fold in 0..4 {
            assert!((9..=12).contains(&folds.iter().filter(|f| **f == fold).count()));
        }
    }
}
