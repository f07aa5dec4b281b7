//! What is fitted: arrays from files, tables of the repository, generated numbers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use polylogit::{Coefficients, Csr, Design, Label, Target};

use crate::npy::{self, Array, Values};

/// X in memory; a [`Design`] borrows it.
#[derive(Debug)]
pub(crate) enum Matrix {
    Dense(Array),
    Sparse { values: Values, indices: Values, indptr: Values, features: usize },
}

impl Matrix {
    /// From one .npy file.
    pub(crate) fn dense(path: &Path) -> Result<Self> {
        let array = npy::read(path)?;
        ensure!(array.shape.len() == 2, "{} is not a matrix", path.display());
        Ok(Self::Dense(array))
    }

    /// From the files of data, indices and indptr.
    pub(crate) fn sparse(paths: &[PathBuf], features: usize) -> Result<Self> {
        let [values, indices, indptr] = paths else { bail!("--csr wants data,indices,indptr") };
        let read = |path: &PathBuf| npy::read(path).map(|a| a.values);
        Ok(Self::Sparse { values: read(values)?, indices: read(indices)?, indptr: read(indptr)?, features })
    }

    pub(crate) fn design(&self) -> Result<Design<'_>> {
        match self {
            Self::Dense(Array { shape, values: Values::F64(x) }) => Ok(Design::dense(x, shape[0], shape[1])?),
            Self::Dense(Array { shape, values: Values::F32(x) }) => Ok(Design::dense(x, shape[0], shape[1])?),
            Self::Sparse { values, indices, indptr, features } => {
                let csr = match (values, indices, indptr) {
                    (Values::F64(v), Values::I32(i), Values::I32(p)) => Csr::new(&v[..], &i[..], &p[..]),
                    (Values::F64(v), Values::I64(i), Values::I64(p)) => Csr::new(&v[..], &i[..], &p[..]),
                    (Values::F32(v), Values::I32(i), Values::I32(p)) => Csr::new(&v[..], &i[..], &p[..]),
                    (Values::F32(v), Values::I64(i), Values::I64(p)) => Csr::new(&v[..], &i[..], &p[..]),
                    _ => bail!("values want to be floats, indices and indptr integers of one width"),
                };
                Ok(Design::sparse(csr, *features)?)
            }
            Self::Dense(_) => bail!("X wants to be float32 or float64"),
        }
    }
}

/// Integer labels from a .npy file.
pub(crate) fn labels(path: &Path) -> Result<Target> {
    match npy::read(path)?.values {
        Values::I64(y) => Ok(Target::from_labels(y)?),
        Values::I32(y) => Ok(Target::from_labels(y)?),
        _ => bail!("{}: labels want to be integers", path.display()),
    }
}

/// A table of numbers whose column `target` has the labels: X (n × d, row-major), d, y.
pub(crate) fn table(path: &Path, target: &str) -> Result<(Vec<f64>, usize, Target)> {
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    let at = reader.headers()?.iter().position(|name| name == target).context("no such column")?;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for record in reader.records() {
        for (column, cell) in record?.iter().enumerate() {
            if column == at { y.push(cell.to_owned()) } else { x.push(cell.parse()?) }
        }
    }
    let d = x.len() / y.len().max(1);
    Ok((x, d, Target::from_labels(y)?))
}

/// A fixed stream of numbers (Steele, Lea, Flood 2014: SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Stream(pub(crate) u64);

impl Stream {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [−1, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub(crate) fn uniforms(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.uniform()).collect()
    }
}

/// Labels at random, every class among them.
pub(crate) fn random_labels(n: usize, k: usize, stream: &mut Stream) -> Result<Target> {
    let ids = (0..n).map(|i| if i < k { i as u32 } else { (stream.next() % k as u64) as u32 }).collect();
    Ok(Target::from_classes(classes(k)?, ids)?)
}

/// Coefficients at random, with scores of order 1.
pub(crate) fn random_coefficients(k: usize, d: usize, stream: &mut Stream) -> Result<Coefficients> {
    let scale = 1.0 / (d as f64).sqrt();
    let weights = stream.uniforms(k * d).into_iter().map(|w| scale * w).collect();
    Ok(Coefficients::new(k, d, weights, stream.uniforms(k))?)
}

/// The classes 0, …, K − 1.
pub(crate) fn classes(k: usize) -> Result<Vec<Label>> {
    (0..k).map(|c| Ok(Label::Int(i64::try_from(c)?))).collect()
}
