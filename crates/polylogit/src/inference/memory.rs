//! What statistics take beside the data: the fit, and the covariance of its coefficients.

use super::sheet;
use crate::design::Design;
use crate::design::rows::block;
use crate::memory::{Estimate, F64, FEWER_COLUMNS, Moment, fullest, moments};
use crate::options::Options;
use crate::parallel::at_work;
use crate::target::Target;

/// Square matrices of all coefficients that a covariance is made of.
const INFORMATION: u64 = 7;

/// The fullest moment of a fit by maximum likelihood and of the covariance of its coefficients. `robust`: is there a
/// second matrix by rows? `clusters`: their number, or 0.
pub(super) fn estimate(
    design: &Design<'_>,
    target: &Target,
    options: &Options,
    (robust, clusters): (bool, usize),
) -> Estimate {
    let (n, k) = (design.rows(), target.classes().len());
    let (m, free) = (design.features() + usize::from(options.intercept), k - 1);
    let p = (m * free) as u64;
    let mut all = moments(design, target, options);
    let block = block(n, m + 2 * k);
    let count = n.div_ceil(block.rows);
    let products = free * (free + 1) / 2 * (1 + usize::from(robust));
    let len = 1 + m * free + products * m * (m + 1) / 2;
    let slots = sheet::ranges(count, design.stored(), len);
    let threads = at_work(options.threads, design.stored() as f64 * k as f64).min(slots);
    let mut sums = Moment::default();
    sums.add("sums by ranges of rows", FEWER_COLUMNS, [slots as u64, len as u64, F64]);
    let columns = 2 * (m + k) + products.max(m);
    sums.add("blocks at work", FEWER_COLUMNS, [threads as u64, block.len(columns) as u64, F64]);
    let mut matrices = Moment::default();
    let wide = (m * k) as u64;
    let square = (INFORMATION * p * p).max(4 * p * p + 2 * wide * wide);
    matrices.add("the information, its inverse and the covariance", FEWER_COLUMNS, [square, 1, F64]);
    if clusters > 0 {
        let numbers = clusters as u64 * p + (n * free) as u64;
        matrices.add("scores of the clusters", FEWER_COLUMNS, [numbers, 1, F64]);
    }
    all.extend([sums, matrices]);
    fullest(all)
}
