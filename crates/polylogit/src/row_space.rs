//! A start where columns outnumber rows: the fit in the space of the rows.
//!
//! With every λ_j > 0 the optimum is a combination of rows. Let x′_ij = x̃_ij/√λ_j and X′X′ᵀ = U S Uᵀ (n × n): with
//! θ′ = X′ᵀ U S^{-½} φ the scores are z = U S^{½} φ + b and the penalty is ½‖φ‖², so a dense problem of at most n
//! columns has the same optimum. The way back is one more product with X′ᵀ.
//!
//! Source: Hastie, Tibshirani, Efficient quadratic regularization for expression arrays (2004).

use crate::design::rows::Standardise;
use crate::design::{Design, Storage};
use crate::kernel::{self, Block, Panels};
use crate::linalg::Symmetric;
use crate::parallel::{Workers, tree_reduce};
use crate::scalar::Scalar;

/// Rows up to which their Gram matrix is decomposed.
const ROWS: usize = 3000;
/// Columns a row from which on it pays.
const COLUMNS_PER_ROW: usize = 2;
/// Columns that are worked on together.
const CHUNK: usize = 256;
/// Ranges of columns that are shared out, each with a sum of its own.
const SHARES: usize = 4;
/// Eigenvalues below this share of the largest are rounding.
const ROUNDING: f64 = 1e-13;

/// Does a design have so many columns, and so few rows?
pub(crate) fn pays(design: &Design<'_>) -> bool {
    let (n, d) = (design.rows(), design.features());
    !design.is_sparse() && n <= ROWS && d >= COLUMNS_PER_ROW * n
}

/// The rows of a design in coordinates of their own.
#[derive(Debug)]
pub(crate) struct RowSpace {
    /// x̃_j = (x_j − shift_j) · factor_j, and 1/√λ_j.
    standardise: Standardise,
    scale: Vec<f64>,
    /// U S^{½}, row-major (n × rank).
    pub(crate) rows: Vec<f64>,
    pub(crate) rank: usize,
    /// U S^{-½}, row-major (n × rank).
    back: Vec<f64>,
}

impl RowSpace {
    /// `None` where it does not pay or does not hold. `ridge`: λ_j of x̃_j.
    pub(crate) fn new(
        design: &Design<'_>,
        standardise: &Standardise,
        ridge: &[f64],
        workers: &Workers,
    ) -> Option<Self> {
        let (n, d) = (design.rows(), design.features());
        let free = ridge.iter().zip(&standardise.factor).any(|(l, f)| *l <= 0.0 && *f > 0.0);
        if free || !pays(design) {
            return None;
        }
        let scale = ridge.iter().map(|l| if *l > 0.0 { 1.0 / l.sqrt() } else { 0.0 }).collect();
        let mut space = Self { standardise: standardise.clone(), scale, rows: vec![], rank: 0, back: vec![] };
        let chunks = d.div_ceil(CHUNK);
        let shares = SHARES.min(chunks);
        let mut grams = vec![vec![0.0; n * n]; shares];
        workers.for_each(&mut grams, |s, gram| {
            let block = Block::new(CHUNK);
            let mut x = vec![0.0; block.len(n)];
            for chunk in chunks * s / shares..chunks * (s + 1) / shares {
                space.load(design, chunk, block, &mut x);
                kernel::outer_lower(block, &x, &x, gram);
            }
        });
        tree_reduce(&mut grams, |into, from| into.iter_mut().zip(from).for_each(|(a, b)| *a += b));
        let (values, vectors) = Symmetric { n, values: grams.swap_remove(0) }.eigen()?;
        let largest = values.iter().copied().fold(0.0, f64::max);
        let kept: Vec<usize> = (0..n).filter(|&c| values[c] > ROUNDING * largest).collect();
        space.rank = kept.len();
        for row in vectors.chunks_exact(n) {
            space.rows.extend(kept.iter().map(|&c| row[c] * values[c].sqrt()));
            space.back.extend(kept.iter().map(|&c| row[c] / values[c].sqrt()));
        }
        (space.rank > 0).then_some(space)
    }

    /// θ (d × K, row-major) of φ (rank × K).
    pub(crate) fn theta(
        &self,
        design: &Design<'_>,
        phi: &[f64],
        classes: usize,
        workers: &Workers,
    ) -> Vec<f64> {
        let d = design.features();
        let mut weights = vec![0.0; design.rows() * classes];
        for (out, back) in weights.chunks_exact_mut(classes).zip(self.back.chunks_exact(self.rank)) {
            for (back, phi) in back.iter().zip(phi.chunks_exact(classes)) {
                for (out, phi) in out.iter_mut().zip(phi) {
                    *out += back * phi;
                }
            }
        }
        let mut panels = Panels::<f64>::default();
        panels.pack(&weights, classes, 1.0);
        let mut theta = vec![0.0; d * classes];
        let block = Block::new(CHUNK);
        let mut chunks: Vec<&mut [f64]> = theta.chunks_mut(CHUNK * classes).collect();
        workers.for_each(&mut chunks, |chunk, out| {
            let mut x = vec![0.0; block.len(design.rows())];
            let mut z = vec![0.0; block.len(classes)];
            self.load(design, chunk, block, &mut x);
            kernel::logits(block, &x, &panels, &mut z);
            for (j, out) in out.chunks_exact_mut(classes).enumerate() {
                for (c, out) in out.iter_mut().enumerate() {
                    // θ = θ′/√λ.
                    *out = z[c * block.stride + j] * self.scale[chunk * CHUNK + j];
                }
            }
        });
        theta
    }

    /// X′ of a chunk of columns: a run of `block.stride` numbers for each row.
    fn load(&self, design: &Design<'_>, chunk: usize, block: Block, x: &mut [f64]) {
        match design.storage() {
            Storage::F64(values) => self.load_dense(values, chunk, block, x),
            Storage::F32(values) => self.load_dense(values, chunk, block, x),
            Storage::Csr(_) => {}
        }
    }

    fn load_dense<V: Scalar>(&self, values: &[V], chunk: usize, block: Block, x: &mut [f64]) {
        let d = self.scale.len();
        let of = chunk * CHUNK..((chunk + 1) * CHUNK).min(d);
        let Standardise { shift, factor } = &self.standardise;
        let (shift, factor, scale) = (&shift[of.clone()], &factor[of.clone()], &self.scale[of.clone()]);
        for (row, out) in values.chunks_exact(d).zip(x.chunks_exact_mut(block.stride)) {
            let (inside, beyond) = out.split_at_mut(of.len());
            for (j, (out, v)) in inside.iter_mut().zip(&row[of.clone()]).enumerate() {
                *out = (v.to_f64() - shift[j]) * (factor[j] * scale[j]);
            }
            beyond.fill(0.0);
        }
    }
}
