//! A start where columns outnumber rows: the fit in the space of the rows.
//!
//! With every λ_j > 0 the optimum is a combination of rows. Let x′_ij = x̃_ij/√λ_j and X′X′ᵀ = LLᵀ (n × n): with
//! θ′ = X′ᵀ L⁻ᵀ φ the scores are z = Lφ + b and the penalty is ½‖φ‖², so a dense problem of n columns has the same
//! optimum. The way back is one more product with X′ᵀ. Rows that depend on others (their mean is 0 beside an
//! intercept) leave columns of L that are next to 0, and a φ that is.
//!
//! Source: Hastie, Tibshirani, Efficient quadratic regularization for expression arrays (2004).

use crate::design::rows::Standardise;
use crate::design::{Design, Storage};
use crate::kernel::{self, Block, Panels, Real};
use crate::linalg::{Cholesky, Symmetric};
use crate::objective::kept::Precision;
use crate::parallel::{Workers, tree_reduce};
use crate::scalar::Scalar;

/// Rows up to which their Gram matrix is decomposed.
const ROWS: usize = 3000;
/// Columns a row from which on it pays.
const COLUMNS_PER_ROW: usize = 2;
/// Columns that are worked on together.
const CHUNK: usize = 256;
/// Ranges of columns that are shared out, each with a sum of its own.
pub(crate) const SHARES: usize = 4;

/// Does a design have so many columns, and so few rows?
pub(crate) fn pays(design: &Design<'_>) -> bool {
    let (n, d) = (design.rows(), design.features());
    !design.is_sparse() && n <= ROWS && d >= COLUMNS_PER_ROW * n
}

/// The rows of a design in coordinates of their own.
#[derive(Debug)]
pub(crate) struct RowSpace<'a> {
    x: Columns<'a>,
    /// L.
    factor: Cholesky,
}

impl<'a> RowSpace<'a> {
    /// `None` where it does not pay or does not hold. `ridge`: λ_j of x̃_j; `precision`: that of the Gram matrix.
    pub(crate) fn new(
        design: &'a Design<'a>,
        standardise: &'a Standardise,
        ridge: &[f64],
        precision: Precision,
        workers: &Workers,
    ) -> Option<Self> {
        let free = ridge.iter().zip(&standardise.factor).any(|(l, f)| *l <= 0.0 && *f > 0.0);
        if free || !pays(design) {
            return None;
        }
        let mut scale: Vec<f64> = ridge.iter().map(|l| if *l > 0.0 { 1.0 / l.sqrt() } else { 0.0 }).collect();
        let unit = scale.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for s in &mut scale {
            *s /= unit;
        }
        let x = Columns { design, standardise, scale, unit };
        let (mut gram, rounding) = match precision {
            Precision::Single => (x.gram::<f32>(workers), 1e-8),
            Precision::Double => (x.gram::<f64>(workers), 1e-13),
        };
        // A little more on the diagonal, so that what rounding leaves of dependent rows can be factored.
        let n = gram.n;
        gram.values.iter_mut().for_each(|v| *v *= unit * unit);
        gram.values.iter_mut().step_by(n + 1).for_each(|v| *v *= 1.0 + rounding);
        Some(Self { x, factor: Cholesky::new(&gram)? })
    }

    /// The rows in coordinates of their own, row-major (n × n).
    pub(crate) fn rows(&self) -> Vec<f64> {
        self.factor.lower()
    }

    /// θ (d × K, row-major) of φ (n × K).
    pub(crate) fn theta(&self, mut phi: Vec<f64>, classes: usize, workers: &Workers) -> Vec<f64> {
        self.factor.solve_transposed_in_place(&mut phi, classes);
        let mut panels = Panels::<f64>::default();
        panels.pack(&phi, classes, 1.0);
        let unit = self.x.unit * self.x.unit;
        let mut theta = vec![0.0; self.x.scale.len() * classes];
        let block = Block::new(CHUNK);
        let mut chunks: Vec<&mut [f64]> = theta.chunks_mut(CHUNK * classes).collect();
        workers.for_each(&mut chunks, |chunk, out| {
            let mut x = vec![0.0; block.len(self.x.design.rows())];
            let mut z = vec![0.0; block.len(classes)];
            self.x.load(chunk, block, &mut x);
            kernel::logits(block, &x, &panels, &mut z);
            for (j, out) in out.chunks_exact_mut(classes).enumerate() {
                for (c, out) in out.iter_mut().enumerate() {
                    // θ = θ′/√λ.
                    *out = z[c * block.stride + j] * self.x.scale[chunk * CHUNK + j] * unit;
                }
            }
        });
        theta
    }
}

/// X′/u, read by columns.
#[derive(Debug)]
struct Columns<'a> {
    design: &'a Design<'a>,
    /// x̃_j = (x_j − shift_j) · factor_j, and 1/(u√λ_j).
    standardise: &'a Standardise,
    scale: Vec<f64>,
    /// u, the largest 1/√λ_j: no product leaves the range of f32 whatever λ is.
    unit: f64,
}

impl Columns<'_> {
    /// X′X′ᵀ/u²: products in `T`, sums in f64; its lower triangle, and some numbers beside it.
    fn gram<T: Real>(&self, workers: &Workers) -> Symmetric {
        let (n, chunks) = (self.design.rows(), self.scale.len().div_ceil(CHUNK));
        let shares = SHARES.min(chunks);
        let mut grams = vec![vec![0.0; n * n]; shares];
        workers.for_each(&mut grams, |s, gram| {
            let block = Block::new(CHUNK);
            let mut x = vec![T::ZERO; block.len(n)];
            for chunk in chunks * s / shares..chunks * (s + 1) / shares {
                self.load(chunk, block, &mut x);
                kernel::outer_lower(block, &x, &x, gram);
            }
        });
        tree_reduce(&mut grams, |into, from| into.iter_mut().zip(from).for_each(|(a, b)| *a += b));
        Symmetric { n, values: grams.swap_remove(0) }
    }

    /// X′/u of a chunk of columns: a run of `block.stride` numbers for each row.
    fn load<T: Real>(&self, chunk: usize, block: Block, x: &mut [T]) {
        match self.design.storage() {
            Storage::F64(values) => self.load_dense(values, chunk, block, x),
            Storage::F32(values) => self.load_dense(values, chunk, block, x),
            Storage::Csr(_) => {}
        }
    }

    fn load_dense<V: Scalar, T: Real>(&self, values: &[V], chunk: usize, block: Block, x: &mut [T]) {
        let d = self.scale.len();
        let of = chunk * CHUNK..((chunk + 1) * CHUNK).min(d);
        let Standardise { shift, factor } = self.standardise;
        let (shift, factor, scale) = (&shift[of.clone()], &factor[of.clone()], &self.scale[of.clone()]);
        for (row, out) in values.chunks_exact(d).zip(x.chunks_exact_mut(block.stride)) {
            let (inside, beyond) = out.split_at_mut(of.len());
            for (j, (out, v)) in inside.iter_mut().zip(&row[of.clone()]).enumerate() {
                *out = T::from_f64((v.to_f64() - shift[j]) * (factor[j] * scale[j]));
            }
            beyond.fill(T::ZERO);
        }
    }
}
