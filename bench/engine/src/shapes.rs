//! Problems of given shapes with labels drawn from a softmax model, for what is predicted from shapes alone.

use anyhow::Result;
use polylogit::{Csr, Design, Target};

use crate::data::{Stream, classes};

/// How X is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F64,
    F32,
    /// With so many stored values a row as `Shape::row` says.
    Csr,
}

/// A problem by its shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) n: usize,
    pub(crate) d: usize,
    pub(crate) k: usize,
    /// Stored values a row of a sparse one.
    pub(crate) row: usize,
}

impl Shape {
    pub(crate) const fn dense(kind: Kind, n: usize, d: usize, k: usize) -> Self {
        Self { kind, n, d, k, row: 0 }
    }

    pub(crate) const fn sparse(n: usize, d: usize, k: usize, row: usize) -> Self {
        Self { kind: Kind::Csr, n, d, k, row }
    }

    /// Runs `work` on a problem of this shape.
    pub(crate) fn with<T>(self, work: impl FnOnce(&Design<'_>, &Target) -> Result<T>) -> Result<T> {
        let Self { kind, n, d, k, row } = self;
        let mut stream = Stream(7);
        let weights: Vec<f32> = stream.uniforms(k * d).into_iter().map(|w| w as f32).collect();
        match kind {
            Kind::F64 => {
                let x = stream.uniforms(n * d);
                let rows = x.chunks_exact(d).map(|row| row.iter().map(|v| *v as f32).enumerate());
                let target = labels(rows, &weights, d, k, &mut stream)?;
                work(&Design::dense(&x, n, d)?, &target)
            }
            Kind::F32 => {
                let x: Vec<f32> = (0..n * d).map(|_| stream.uniform() as f32).collect();
                let rows = x.chunks_exact(d).map(|row| row.iter().copied().enumerate());
                let target = labels(rows, &weights, d, k, &mut stream)?;
                work(&Design::dense(&x, n, d)?, &target)
            }
            Kind::Csr => {
                let (mut indices, mut indptr) = (Vec::with_capacity(n * row), vec![0u32]);
                for _ in 0..n {
                    let first = indices.len();
                    // Low columns are drawn more often, as words are.
                    indices.extend((0..row).map(|_| column(stream.uniform().abs().powi(3) * d as f64, d)));
                    indices[first..].sort_unstable();
                    let mut kept = first;
                    for at in first..indices.len() {
                        if at == first || indices[at] != indices[kept - 1] {
                            indices[kept] = indices[at];
                            kept += 1;
                        }
                    }
                    indices.truncate(kept);
                    indptr.push(indices.len() as u32);
                }
                let values = stream.uniforms(indices.len());
                let rows = indptr.windows(2).map(|of| {
                    let of = of[0] as usize..of[1] as usize;
                    indices[of.clone()].iter().map(|j| *j as usize).zip(values[of].iter().map(|v| *v as f32))
                });
                let target = labels(rows, &weights, d, k, &mut stream)?;
                work(&Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d)?, &target)
            }
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "columns are not negative")]
fn column(at: f64, d: usize) -> u32 {
    (at as u32).min(d as u32 - 1)
}

/// A label for each row, y = argmax_k (x·w_k + noise), every class among them.
fn labels<R: Iterator<Item = (usize, f32)>>(
    rows: impl Iterator<Item = R>,
    weights: &[f32],
    d: usize,
    k: usize,
    stream: &mut Stream,
) -> Result<Target> {
    let mut ids = Vec::new();
    for (i, row) in rows.enumerate() {
        // Gumbel noise makes the scores those of a softmax model.
        let mut z: Vec<f32> =
            (0..k).map(|_| -(-(0.5 + 0.499_999 * stream.uniform()).ln()).ln() as f32).collect();
        let mut squares = 0.0;
        let row: Vec<(usize, f32)> = row.inspect(|(_, v)| squares += v * v).collect();
        let scale = 3.0 / f32::sqrt(squares.max(1.0));
        for (c, z) in z.iter_mut().enumerate() {
            *z += scale * row.iter().map(|(j, v)| weights[c * d + j] * v).sum::<f32>();
        }
        let best = (0..k).max_by(|a, b| z[*a].total_cmp(&z[*b])).unwrap_or(0);
        ids.push(if i < k { i as u32 } else { best as u32 });
    }
    Ok(Target::from_classes(classes(k)?, ids)?)
}
