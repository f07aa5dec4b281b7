//! Columns that are copies of another one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::design::statistics::ColumnStatistics;
use crate::design::{Csr, Design, Storage};
use crate::scalar::Scalar;

/// Pairs (copy, first column with these values). Constant columns do not count.
pub(crate) fn duplicate_columns(design: &Design<'_>, statistics: &ColumnStatistics) -> Vec<(usize, usize)> {
    // Copies have the same mean and deviation to the last bit: only such columns are compared.
    let key = |j: usize| (statistics.mean[j].to_bits(), statistics.sd[j].to_bits());
    let mut order: Vec<usize> = (0..design.features()).filter(|&j| !statistics.constant[j]).collect();
    order.sort_by_key(|&j| (key(j), j));
    let groups: Vec<&[usize]> =
        order.chunk_by(|&a, &b| key(a) == key(b)).filter(|alike| alike.len() > 1).collect();
    let mut pairs = match design.storage() {
        Storage::F64(x) => dense(&groups, x, design.features()),
        Storage::F32(x) => dense(&groups, x, design.features()),
        Storage::Csr(x) => sparse(&groups, x, design),
    };
    pairs.sort_unstable();
    pairs
}

fn dense<T: Scalar>(groups: &[&[usize]], x: &[T], d: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for alike in groups {
        let mut firsts: Vec<usize> = Vec::new();
        for &j in *alike {
            match firsts.iter().find(|&&first| x.chunks_exact(d).all(|row| row[first] == row[j])) {
                Some(&first) => pairs.push((j, first)),
                None => firsts.push(j),
            }
        }
    }
    pairs
}

/// One pass over the rows collects the values of all candidates.
fn sparse(groups: &[&[usize]], x: Csr<'_>, design: &Design<'_>) -> Vec<(usize, usize)> {
    let mut place = vec![None; design.features()];
    let candidates = groups.iter().flat_map(|alike| alike.iter());
    let mut count = 0;
    for &j in candidates {
        place[j] = Some(count);
        count += 1;
    }
    // Of each candidate: (row, value), stored zeros left out.
    let mut columns: Vec<Vec<(usize, u64)>> = vec![Vec::new(); count];
    for row in 0..design.rows() {
        for (j, v) in x.row(row).filter(|(_, v)| *v != 0.0) {
            if let Some(at) = place[j] {
                columns[at].push((row, v.to_bits()));
            }
        }
    }
    let mut pairs = Vec::new();
    for alike in groups {
        let mut firsts = HashMap::new();
        for &j in *alike {
            let Some(at) = place[j] else { continue };
            match firsts.entry(&columns[at]) {
                Entry::Occupied(first) => pairs.push((j, *first.get())),
                Entry::Vacant(free) => {
                    free.insert(j);
                }
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Workers;

    fn pairs(design: Design<'_>) -> Vec<(usize, usize)> {
        let statistics = ColumnStatistics::new(&design, None, &Workers::default()).unwrap();
        duplicate_columns(&design, &statistics)
    }

    #[test]
    fn copies_are_found_and_lookalikes_are_not() {
        // 1 copies 0; 2 has their moments, but not their rows; 4 copies 2; 3 and 5 are constant.
        let rows = [[1.0, 1.0, 2.0, 7.0, 2.0, 7.0], [2.0, 2.0, 1.0, 7.0, 1.0, 7.0]];
        let x = rows.concat();
        assert_eq!(pairs(Design::dense(&x, 2, 6).unwrap()), [(1, 0), (4, 2)]);
        let x: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        assert_eq!(pairs(Design::dense(&x, 2, 6).unwrap()), [(1, 0), (4, 2)]);
        let (values, indices, indptr) = ([3.0, 3.0, 1.0], [0u32, 2, 1], [0u64, 2, 2, 3]);
        let sparse = Csr::new(&values[..], &indices[..], &indptr[..]);
        assert_eq!(pairs(Design::sparse(sparse, 3).unwrap()), [(2, 0)]);
        // A stored zero is none.
        let (values, indices, indptr) = ([3.0, 3.0, 0.0, 5.0], [0u32, 1, 1, 2], [0u64, 2, 3, 4]);
        let sparse = Csr::new(&values[..], &indices[..], &indptr[..]);
        assert_eq!(pairs(Design::sparse(sparse, 3).unwrap()), [(1, 0)]);
    }
}
