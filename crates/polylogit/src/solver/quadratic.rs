//! The quadratic model of a proximal Newton step: Q(Δ) = ½ Δ·∇²(L/S)Δ on some features.
//!
//! Its curvature is explicit, (features·K)², where building that is cheaper than the sweeps it saves, and then may
//! be that of an earlier point; where not, the columns compute products with it.

use crate::kernel;
use crate::linalg::{Cholesky, Symmetric};
use crate::objective::columns::Columns;

/// Explicit curvature at some point, kept for as long as it serves.
#[derive(Debug)]
pub(crate) struct Curvature {
    h: Symmetric,
    /// Where each feature (and the intercept) has its rows: at this many times K.
    position: Vec<u32>,
    factored: Option<Factored>,
}

/// The factor of some rows and columns.
#[derive(Debug)]
struct Factored {
    rows: Vec<usize>,
    ridge: Vec<f64>,
    factor: Cholesky,
}

/// Weights are solved for by factoring where their number squared is at most this many times that of all.
const FACTORED: usize = 512;
/// No position.
const NONE: u32 = u32::MAX;

impl Curvature {
    /// Of some features at the columns' probabilities; `None` where sweeps cost less without.
    pub(crate) fn new(columns: &mut dyn Columns, features: &[usize], sweeps: f64) -> Option<Self> {
        let h = columns.hessian(features, sweeps)?;
        let mut position = vec![NONE; features.iter().max().map_or(0, |j| j + 1)];
        for (at, &j) in (0..).zip(features) {
            position[j] = at;
        }
        Some(Self { h, position, factored: None })
    }

    /// Does it have these features, and not many more?
    pub(crate) fn covers(&self, features: &[usize], classes: usize) -> bool {
        let has = |j: &usize| self.position.get(*j).is_some_and(|at| *at != NONE);
        self.h.n <= 2 * features.len() * classes && features.iter().all(has)
    }

    /// Solves with some of its rows and columns, `ridge` added to their diagonal; the factor is kept for the next
    /// solve with the same. `None` where that is not finite.
    fn solve(&mut self, rows: Vec<usize>, ridge: Vec<f64>, b: &mut [f64]) -> Option<()> {
        if !self.factored.as_ref().is_some_and(|f| f.rows == rows && f.ridge == ridge) {
            let mut a = self.part(&rows);
            let n = a.n;
            a.values.iter_mut().step_by(n + 1).zip(&ridge).for_each(|(a, ridge)| *a += ridge);
            self.factored = Some(Factored { factor: Cholesky::new(&a)?, rows, ridge });
        }
        self.factored.as_ref().map(|f| f.factor.solve_in_place(b, 1))
    }

    /// Some of its rows and columns.
    fn part(&self, rows: &[usize]) -> Symmetric {
        let values = rows.iter().flat_map(|&row| rows.iter().map(move |&column| self.row(row)[column]));
        Symmetric { n: rows.len(), values: values.collect() }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.h.values[row * self.h.n..(row + 1) * self.h.n]
    }
}

/// The quadratic model on some features.
pub(crate) struct Model<'m> {
    columns: &'m mut dyn Columns,
    explicit: Option<Explicit<'m>>,
}

/// ∂²Q, and ∂²Q·Δ.
struct Explicit<'m> {
    of: &'m mut Curvature,
    /// The first row of each feature.
    first: Vec<usize>,
    moved: Vec<f64>,
}

impl<'m> Model<'m> {
    /// With explicit curvature, or that of the columns' last probabilities.
    pub(crate) fn new(
        columns: &'m mut dyn Columns,
        features: &[usize],
        classes: usize,
        explicit: Option<&'m mut Curvature>,
    ) -> Self {
        if explicit.is_none() {
            columns.model();
        }
        let explicit = explicit.map(|of| Explicit {
            first: features.iter().map(|j| of.position[*j] as usize * classes).collect(),
            moved: vec![0.0; of.h.n],
            of,
        });
        Self { columns, explicit }
    }

    pub(super) fn dots(&mut self, i: usize, feature: usize, classes: &[u32], out: &mut [f64]) {
        match &self.explicit {
            Some(e) => {
                for (out, c) in out.iter_mut().zip(classes) {
                    *out += e.moved[e.first[i] + *c as usize];
                }
            }
            None => self.columns.dots(feature, classes, out),
        }
    }

    /// ∂Q/∂Δ of all features (rows as the features).
    pub(super) fn gradient(&mut self, features: &[usize], out: &mut [f64]) {
        match &self.explicit {
            Some(e) => {
                let k = out.len() / features.len();
                for (out, at) in out.chunks_exact_mut(k).zip(&e.first) {
                    out.copy_from_slice(&e.moved[*at..at + k]);
                }
            }
            None => self.columns.model_gradient(features, out),
        }
    }

    pub(super) fn curvature(&mut self, i: usize, feature: usize, classes: &[u32], out: &mut [f64]) {
        match &self.explicit {
            Some(e) => {
                for (a, c) in classes.iter().enumerate() {
                    let row = &e.of.row(e.first[i] + *c as usize)[e.first[i]..];
                    for (b, c) in classes.iter().enumerate() {
                        out[a * classes.len() + b] = row[*c as usize];
                    }
                }
            }
            None => self.columns.curvature(feature, classes, out),
        }
    }

    pub(super) fn shift(&mut self, i: usize, feature: usize, classes: &[u32], delta: &[f64]) {
        match &mut self.explicit {
            Some(e) => {
                for (delta, c) in delta.iter().zip(classes).filter(|(d, _)| **d != 0.0) {
                    kernel::axpy(*delta, e.of.row(e.first[i] + *c as usize), &mut e.moved);
                }
            }
            None => self.columns.shift(feature, classes, delta),
        }
    }

    /// Readies [`Model::product`] on some of the features (`active`), for the weights of them that are `free`.
    pub(super) fn focus(&mut self, features: &[usize], active: &[usize], free: &[bool]) {
        if self.explicit.is_none() {
            let chosen: Vec<usize> = active.iter().map(|&i| features[i]).collect();
            self.columns.focus(&chosen, free);
        }
    }

    /// ∂²Q v on the active features.
    pub(super) fn product(&mut self, k: usize, active: &[usize], v: &[f64], out: &mut [f64]) {
        let Some(e) = &self.explicit else { return self.columns.product(v, out) };
        let mut wide = vec![0.0; e.of.h.n];
        for (v, &i) in v.chunks_exact(k).zip(active) {
            e.add(i, v, &mut wide);
        }
        for (out, &i) in out.chunks_exact_mut(k).zip(active) {
            out.copy_from_slice(&wide[e.first[i]..][..k]);
        }
    }

    /// (∂²Q + ridge)⁻¹ b on some weights, each a feature's position and a class. `None` where curvature is not
    /// explicit, or too many weights make factoring it dearer than products.
    pub(super) fn solve(&mut self, weights: &[(usize, usize)], ridge: Vec<f64>, b: &mut [f64]) -> Option<()> {
        let e = self.explicit.as_mut().filter(|e| weights.len().pow(2) <= FACTORED * e.of.h.n)?;
        let rows = weights.iter().map(|(i, class)| e.first[*i] + class).collect();
        e.of.solve(rows, ridge, b)
    }

    /// Δ anew (rows as the features).
    pub(super) fn set_step(&mut self, features: &[usize], delta: &[f64]) {
        let Some(e) = &mut self.explicit else { return self.columns.set_step(features, delta) };
        let mut moved = std::mem::take(&mut e.moved);
        moved.fill(0.0);
        for (i, delta) in delta.chunks_exact(delta.len() / features.len()).enumerate() {
            e.add(i, delta, &mut moved);
        }
        e.moved = moved;
    }

    /// Q(Δ).
    pub(super) fn value(&mut self, delta: &[f64]) -> f64 {
        match &self.explicit {
            Some(e) => {
                let k = delta.len() / e.first.len();
                let rows = delta.chunks_exact(k).zip(&e.first);
                0.5 * rows
                    .map(|(d, at)| d.iter().zip(&e.moved[*at..]).map(|(a, b)| a * b).sum::<f64>())
                    .sum::<f64>()
            }
            None => self.columns.model_value(),
        }
    }
}

impl Explicit<'_> {
    /// `out` += the rows of a feature times `v`.
    fn add(&self, i: usize, v: &[f64], out: &mut [f64]) {
        for (row, v) in (self.first[i]..).zip(v).filter(|(_, v)| **v != 0.0) {
            kernel::axpy(*v, self.of.row(row), out);
        }
    }
}
