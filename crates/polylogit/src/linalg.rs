//! Dense factorisations. The only file that names the linear-algebra crate, which runs sequentially here.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve;
pub(crate) use faer::traits::RealField as Field;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side, Spec};

use crate::scalar::Scalar;

/// A symmetric matrix, row-major.
#[derive(Debug, Clone, Default)]
pub(crate) struct Symmetric {
    pub(crate) n: usize,
    pub(crate) values: Vec<f64>,
}

impl Symmetric {
    pub(crate) fn zeros(n: usize) -> Self {
        Self { n, values: vec![0.0; n * n] }
    }

    /// Eigenvalues, ascending, of the lower triangle. `None` if it is not finite.
    pub(crate) fn eigenvalues(&self) -> Option<Vec<f64>> {
        let n = self.n;
        let a = Mat::from_fn(n, n, |i, j| self.values[i.max(j) * n + i.min(j)]);
        a.self_adjoint_eigenvalues(Side::Lower).ok().filter(|values| values.iter().all(|v| v.is_finite()))
    }

    pub(crate) fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.values.iter().step_by(self.n + 1).copied()
    }
}

/// A = LLᵀ.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky {
    l: Mat<f64>,
    /// Was the diagonal raised to get through?
    pub(crate) jittered: bool,
}

impl Cholesky {
    /// Factors A, or A + εD with the smallest ε of a ladder that is positive definite to rounding, D the
    /// diagonal of A. `None` if A is not finite.
    pub(crate) fn new(a: &Symmetric) -> Option<Self> {
        let n = a.n;
        Self::raised(n, |j, out| {
            out.iter_mut().zip(a.values[j * n..].iter().skip(j).step_by(n)).for_each(|(out, v)| *out = *v);
        })
    }

    /// The same of a lower triangle by rows, n(n + 1)/2 numbers.
    pub(crate) fn of_triangle(n: usize, a: &[f64]) -> Option<Self> {
        Self::raised(n, |j, out| {
            out.iter_mut().zip(j..n).for_each(|(out, i)| *out = a[i * (i + 1) / 2 + j]);
        })
    }

    /// The same of some rows and columns of A, in ascending order, with `ridge` added to their diagonal. Nothing is copied
    /// but the triangle that is factored.
    pub(crate) fn of_part(a: &Symmetric, rows: &[usize], ridge: &[f64]) -> Option<Self> {
        // A is symmetric: a column of the triangle is read along a row.
        let row = |j: usize| &a.values[rows[j] * a.n..(rows[j] + 1) * a.n];
        Self::raised(rows.len(), |j, out| {
            let row = row(j);
            out.iter_mut().zip(&rows[j..]).for_each(|(out, &i)| *out = row[i]);
            out[0] += ridge[j];
        })
    }

    /// Of the lower triangle, whose column j from the diagonal on is what `column` writes. `None` if it is not finite.
    fn raised(n: usize, column: impl Fn(usize, &mut [f64])) -> Option<Self> {
        for epsilon in [0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0] {
            let mut l = Mat::zeros(n, n);
            let mut diagonal = Vec::with_capacity(n);
            for j in 0..n {
                let below = &mut l.col_as_slice_mut(j)[j..];
                column(j, below);
                if below.iter().any(|v| !v.is_finite()) {
                    return None;
                }
                diagonal.push(below[0]);
            }
            if epsilon > 0.0 {
                let floor = diagonal.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1e-14;
                for (i, v) in diagonal.iter().enumerate() {
                    l[(i, i)] = v + epsilon * v.abs() + floor;
                }
            }
            let mut memory =
                MemBuffer::new(llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Spec::default()));
            let done = llt::factor::cholesky_in_place(
                l.as_mut(),
                llt::factor::LltRegularization::default(),
                Par::Seq,
                MemStack::new(&mut memory),
                Spec::default(),
            );
            // A pivot that is all rounding is no pivot.
            if done.is_ok() && (0..n).all(|i| l[(i, i)] * l[(i, i)] > 1e-15 * diagonal[i].abs()) {
                return Some(Self { l, jittered: epsilon > 0.0 });
            }
        }
        None
    }

    /// ln |A|.
    pub(crate) fn log_determinant(&self) -> f64 {
        (0..self.l.nrows()).map(|i| 2.0 * self.l[(i, i)].ln()).sum()
    }

    /// L, row-major.
    pub(crate) fn lower(&self) -> Vec<f64> {
        let n = self.l.nrows();
        // What the factorisation leaves above the diagonal is no part of L.
        let mut lower = vec![0.0; n * n];
        for j in 0..n {
            let below = &self.l.col_as_slice(j)[j..];
            lower[j * n + j..].iter_mut().step_by(n).zip(below).for_each(|(out, l)| *out = *l);
        }
        lower
    }

    /// A⁻¹B in place; `b` is row-major (n × columns).
    pub(crate) fn solve_in_place(&self, b: &mut [f64], columns: usize) {
        llt::solve::solve_in_place(
            self.l.as_ref(),
            MatMut::from_row_major_slice_mut(b, self.l.nrows(), columns),
            Par::Seq,
            MemStack::new(&mut []),
        );
    }
}

/// L⁻ᵀB in place; `lower` is L, row-major, and `b` is row-major (n × columns).
pub(crate) fn solve_upper_in_place(lower: &[f64], b: &mut [f64], columns: usize) {
    let n = b.len() / columns;
    triangular_solve::solve_upper_triangular_in_place(
        MatRef::from_row_major_slice(lower, n, n).transpose(),
        MatMut::from_row_major_slice_mut(b, n, columns),
        Par::Seq,
    );
}

/// Adds the lower triangle of XXᵀ by rows to `sum` (n(n + 1)/2), X of n rows; `products`: n × n numbers that are written over.
pub(crate) fn add_products<T: Field + Scalar>(x: &[T], n: usize, products: &mut [T], sum: &mut [f64]) {
    let x = MatRef::from_row_major_slice(x, n, x.len() / n);
    triangular::matmul(
        MatMut::from_row_major_slice_mut(products, n, n),
        BlockStructure::TriangularLower,
        Accum::Replace,
        x,
        BlockStructure::Rectangular,
        x.transpose(),
        BlockStructure::Rectangular,
        T::ONE,
        Par::Seq,
    );
    let mut rest = sum;
    for (i, products) in products.chunks_exact(n).enumerate() {
        let row;
        (row, rest) = rest.split_at_mut(i + 1);
        row.iter_mut().zip(products).for_each(|(sum, p)| *sum += p.to_f64());
    }
}

/// Which columns of a Gram matrix are independent, and how the others depend on them.
#[derive(Debug, Clone)]
pub(crate) struct Independent {
    /// Independent columns, in the order in which they were found.
    pub(crate) columns: Vec<usize>,
    /// For each other column: its coefficients on `columns`.
    pub(crate) dependent: Vec<(usize, Vec<f64>)>,
}

/// Pivoted Cholesky of a Gram matrix with unit diagonal: a column whose remaining squared length
/// (1 − R² on those before it) is below `tolerance` is dependent. Earlier columns are preferred as long as
/// they are not nearly dependent themselves.
pub(crate) fn independent_columns(gram: &Symmetric, tolerance: f64) -> Independent {
    let n = gram.n;
    let mut l: Vec<Vec<f64>> = Vec::new(); // Row t: L[·, t], one entry for each column.
    let mut left: Vec<f64> = gram.diagonal().collect();
    let mut columns = Vec::new();
    let mut open: Vec<usize> = (0..n).collect();
    while let Some(&pivot) = open.iter().max_by(|&&a, &&b| left[a].total_cmp(&left[b]).then(b.cmp(&a))) {
        if left[pivot] <= tolerance {
            break;
        }
        let root = left[pivot].sqrt();
        let mut row = vec![0.0; n];
        for &j in &open {
            let dot: f64 = l.iter().map(|l| l[j] * l[pivot]).sum();
            row[j] = (gram.values[pivot * n + j] - dot) / root;
            left[j] -= row[j] * row[j];
        }
        l.push(row);
        columns.push(pivot);
        open.retain(|&j| j != pivot);
    }
    // A dependent column c solves L₁₁ᵀ a = L_c, L₁₁ the rows of the pivots.
    let dependent = open
        .into_iter()
        .map(|c| {
            let mut a: Vec<f64> = l.iter().map(|l| l[c]).collect();
            for t in (0..columns.len()).rev() {
                a[t] /= l[t][columns[t]];
                for s in 0..t {
                    a[s] -= l[s][columns[t]] * a[t];
                }
            }
            (c, a)
        })
        .collect();
    Independent { columns, dependent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_it_factors() {
        let n = 40;
        let mut a = Symmetric::zeros(n);
        for i in 0..n {
            for j in 0..n {
                a.values[i * n + j] = 1.0 / (1.0 + i.abs_diff(j) as f64) + f64::from(u8::from(i == j));
            }
        }
        let x: Vec<f64> = (0..n * 3).map(|i| (i as f64).sin()).collect();
        let mut b = vec![0.0; n * 3];
        for i in 0..n {
            for j in 0..n {
                for c in 0..3 {
                    b[i * 3 + c] += a.values[i * n + j] * x[j * 3 + c];
                }
            }
        }
        let factor = Cholesky::new(&a).unwrap();
        assert!(!factor.jittered);
        factor.solve_in_place(&mut b, 3);
        assert!(b.iter().zip(&x).all(|(b, x)| (b - x).abs() < 1e-12));
    }

    #[test]
    fn a_part_is_factored_as_a_matrix_of_its_own() {
        let n = 9;
        let values = (0..n * n).map(|at: usize| 1.0 / (1 + (at / n).abs_diff(at % n)) as f64).collect();
        let (a, rows, ridge) = (Symmetric { n, values }, [1, 2, 5, 8], [0.5, 0.0, 0.25, 1.0]);
        let own = |at: usize| {
            a.values[rows[at / 4] * n + rows[at % 4]] + if at / 4 == at % 4 { ridge[at / 4] } else { 0.0 }
        };
        let copied = Cholesky::new(&Symmetric { n: 4, values: (0..16).map(own).collect() }).unwrap();
        let (mut x, mut y) = ([1.0, -2.0, 3.0, 0.5], [1.0, -2.0, 3.0, 0.5]);
        copied.solve_in_place(&mut x, 1);
        Cholesky::of_part(&a, &rows, &ridge).unwrap().solve_in_place(&mut y, 1);
        assert_eq!(x, y);
    }

    #[test]
    fn eigenvalues_are_those_of_the_lower_triangle() {
        // 2I + a block of ones: 2, 2 and 5; what is above the diagonal does not count.
        let a = Symmetric { n: 3, values: vec![3.0, 9.0, 9.0, 1.0, 3.0, 9.0, 1.0, 1.0, 3.0] };
        let values = a.eigenvalues().unwrap();
        assert!(values.iter().zip([2.0, 2.0, 5.0]).all(|(v, expected)| (v - expected).abs() < 1e-14));
        assert!(Symmetric { n: 1, values: vec![f64::NAN] }.eigenvalues().is_none());
    }

    #[test]
    fn what_a_factor_leaves_above_the_diagonal_is_no_part_of_it() {
        let n = 70;
        let a = Symmetric {
            n,
            values: (0..n * n).map(|at| 1.0 / (1 + (at / n).abs_diff(at % n)) as f64).collect(),
        };
        let factor = Cholesky::new(&a).unwrap();
        let l = factor.lower();
        for i in 0..n {
            assert!(l[i * n + i + 1..(i + 1) * n].iter().all(|v| *v == 0.0));
            for j in 0..=i {
                let sum: f64 = (0..n).map(|c| l[i * n + c] * l[j * n + c]).sum();
                assert!((sum - a.values[i * n + j]).abs() < 1e-13);
            }
        }
        // L⁻ᵀ x, and back.
        let x: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
        let mut solved = x.clone();
        solve_upper_in_place(&l, &mut solved, 1);
        for j in 0..n {
            let back: f64 = (0..n).map(|i| l[i * n + j] * solved[i]).sum();
            assert!((back - x[j]).abs() < 1e-12);
        }
    }

    #[test]
    fn products_of_rows_are_summed_and_factored_by_their_triangle() {
        let (n, d) = (37, 90);
        let x: Vec<f64> = (0..n * d).map(|i| (i as f64 * 1.7).sin()).collect();
        let narrow: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let (mut sum, mut single) = (vec![1.0; n * (n + 1) / 2], vec![0.0; n * (n + 1) / 2]);
        add_products(&x, n, &mut vec![9.0; n * n], &mut sum);
        add_products(&narrow, n, &mut vec![9.0; n * n], &mut single);
        let mut a = Symmetric::zeros(n);
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..d).map(|c| x[i * d + c] * x[j * d + c]).sum();
                let at = i * (i + 1) / 2 + j;
                assert!((sum[at] - 1.0 - dot).abs() < 1e-12 && (single[at] - dot).abs() < 1e-4);
                a.values[i * n + j] = sum[at];
                a.values[j * n + i] = sum[at];
            }
        }
        assert_eq!(Cholesky::of_triangle(n, &sum).unwrap().lower(), Cholesky::new(&a).unwrap().lower());
    }

    #[test]
    fn a_singular_matrix_is_raised_and_says_so() {
        let a = Symmetric { n: 2, values: vec![1.0, 1.0, 1.0, 1.0] };
        assert!(Cholesky::new(&a).unwrap().jittered);
        assert!(Cholesky::new(&Symmetric { n: 1, values: vec![f64::NAN] }).is_none());
    }

    #[test]
    fn dependent_columns_are_found_with_their_relation() {
        // Unit columns a, b and (a + b)/√2 with a ⟂ b.
        let h = 0.5f64.sqrt();
        let gram = Symmetric { n: 3, values: vec![1.0, 0.0, h, 0.0, 1.0, h, h, h, 1.0] };
        let found = independent_columns(&gram, 1e-12);
        assert_eq!(found.columns, [0, 1]);
        let (column, on) = &found.dependent[0];
        assert_eq!(*column, 2);
        assert!(on.iter().all(|a| (a - h).abs() < 1e-15));
    }
}
