//! Empty cells of a category against the classes, a frequent reason of separation.

use crate::design::{Design, Storage};
use crate::error::{Error, Result};
use crate::target::Target;

/// The pairs (column, class) without a row in which the column is not 0: for a column that is 1 at a level of a
/// category and 0 elsewhere, no row of the class has that level, and its coefficient has no finite estimate.
///
/// ```
/// use polylogit::{Design, Target, diagnose::empty_cells};
/// let x = [1.0, 0.0, 0.0, 0.0];
/// let target = Target::from_labels(["a", "a", "b", "b"])?;
/// assert_eq!(empty_cells(&Design::dense(&x, 4, 1)?, &target, &[0])?, [(0, 1)]);
/// # Ok::<(), polylogit::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rows`] if X and the target differ, [`Error::SoftStatistics`] for soft labels, [`Error::Features`] for a
/// column that is not there.
pub fn empty_cells(design: &Design<'_>, target: &Target, columns: &[usize]) -> Result<Vec<(usize, usize)>> {
    if design.rows() != target.rows() {
        return Err(Error::Rows { design: design.rows(), target: target.rows() });
    }
    let ids = target.ids().ok_or(Error::SoftStatistics)?;
    let (k, d) = (target.classes().len(), design.features());
    if let Some(&bad) = columns.iter().find(|j| **j >= d) {
        return Err(Error::Features { expected: d, found: bad + 1 });
    }
    let mut seen = vec![false; d * k];
    for (row, &id) in ids.iter().enumerate() {
        let mut note = |j: usize, there: bool| seen[j * k + id as usize] |= there;
        match design.storage() {
            Storage::F64(x) => columns.iter().for_each(|&j| note(j, x[row * d + j] != 0.0)),
            Storage::F32(x) => columns.iter().for_each(|&j| note(j, x[row * d + j] != 0.0)),
            Storage::Csr(x) => x.row(row).for_each(|(j, v)| note(j, v != 0.0)),
        }
    }
    let cells = columns.iter().flat_map(|&j| (0..k).map(move |class| (j, class)));
    Ok(cells.filter(|(j, class)| !seen[j * k + class]).collect())
}
