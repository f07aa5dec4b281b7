//! Columns that are copies of another one.

use crate::design::statistics::ColumnStatistics;
use crate::design::{Design, Storage};

/// Pairs (copy, first column with these values). Constant columns do not count.
pub(crate) fn duplicate_columns(design: &Design<'_>, statistics: &ColumnStatistics) -> Vec<(usize, usize)> {
    // Copies have the same mean and deviation to the last bit: only such columns are compared.
    let key = |j: usize| (statistics.mean[j].to_bits(), statistics.sd[j].to_bits());
    let mut order: Vec<usize> = (0..design.features()).filter(|&j| !statistics.constant[j]).collect();
    order.sort_by_key(|&j| (key(j), j));
    let mut pairs = Vec::new();
    for alike in order.chunk_by(|&a, &b| key(a) == key(b)) {
        let mut firsts: Vec<usize> = Vec::new();
        for &j in alike {
            match firsts.iter().find(|&&first| equal(design, first, j)) {
                Some(&first) => pairs.push((j, first)),
                None => firsts.push(j),
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

fn equal(design: &Design<'_>, a: usize, b: usize) -> bool {
    let d = design.features();
    match design.storage() {
        Storage::F64(x) => x.chunks_exact(d).all(|row| row[a] == row[b]),
        Storage::F32(x) => x.chunks_exact(d).all(|row| row[a] == row[b]),
        Storage::Csr(x) => (0..design.rows()).all(|row| {
            let sum = |j: usize| x.row(row).filter(|(at, _)| *at == j).map(|(_, v)| v).sum::<f64>();
            sum(a) == sum(b)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Csr;
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
    }
}
