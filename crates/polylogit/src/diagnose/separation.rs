//! Which classes a rule separates, and a small set of columns that suffices for it.

use super::Separation;
use crate::design::Storage;
use crate::problem::Problem;
use crate::solver::Silent;
use crate::solver::newton_cg::{self, Limits, Recession};

/// Numbers of X times classes up to which smaller sets of columns are tried by refitting.
const REFIT: usize = 4_000_000;
/// Columns that are named where no refit is affordable.
const NAMED: usize = 5;
/// Steps of a refit.
const REFIT_STEPS: usize = 40;

/// Describes the rule of a recession.
pub(crate) fn describe(problem: &Problem<'_>, recession: &Recession) -> Separation {
    let Recession { direction, complete, classes } = recession;
    let (k, d) = (problem.classes(), problem.design.features());
    let size = |j: usize| direction[j * k..(j + 1) * k].iter().map(|v| v * v).sum::<f64>();
    let mut columns: Vec<usize> =
        (0..d).filter(|&j| problem.standardise.factor[j] > 0.0 && size(j) > 0.0).collect();
    columns.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
    let sparse = matches!(problem.design.storage(), Storage::Csr(_));
    if problem.design.stored().saturating_mul(k) <= REFIT && !sparse {
        columns = fewest(problem, recession, &columns);
    } else {
        columns.truncate(NAMED);
    }
    Separation { complete: *complete, classes: classes.clone(), columns }
}

/// The shortest prefix that separates the same classes as well, of `columns` by bisection, thinned from its weak end.
fn fewest(problem: &Problem<'_>, recession: &Recession, columns: &[usize]) -> Vec<usize> {
    let separates = |columns: &[usize]| {
        let mut only = problem.clone();
        for (j, factor) in only.standardise.factor.iter_mut().enumerate() {
            if !columns.contains(&j) {
                *factor = 0.0;
            }
        }
        let limits = Limits { tol: 1e-9, max_steps: REFIT_STEPS, ..problem.limits() };
        let found = newton_cg::minimise(&mut *only.objective(), only.start(), limits, &mut Silent).recession;
        found.is_some_and(|r| {
            r.complete >= recession.complete && recession.classes.iter().all(|c| r.classes.contains(c))
        })
    };
    let (mut low, mut high) = (0, columns.len()); // columns[..high] separates.
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if separates(&columns[..middle]) { high = middle } else { low = middle }
    }
    let mut kept = columns[..high].to_vec();
    for at in (0..kept.len().saturating_sub(1)).rev() {
        let mut fewer = kept.clone();
        fewer.remove(at);
        if separates(&fewer) {
            kept = fewer;
        }
    }
    kept
}
