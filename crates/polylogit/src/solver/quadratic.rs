//! The quadratic model of a proximal Newton step: Q(Δ) = ½ Δ·∇²(L/S)Δ on some features.
//!
//! Its curvature is explicit where building that is cheaper than the sweeps it saves, of all weights of the features or of
//! chosen ones, and then may be that of an earlier point; where not, the columns compute products with it.

use crate::kernel;
use crate::linalg::{Cholesky, Symmetric};
use crate::objective::columns::{Columns, Damping};
use crate::objective::kept::Precision;

/// Explicit curvature at some point, kept for as long as it serves.
#[derive(Debug)]
pub(crate) struct Curvature {
    h: Symmetric,
    /// The row of each weight (m × K).
    rows: Vec<u32>,
    factored: Option<Factored>,
}

/// The factor of some rows and columns.
#[derive(Debug)]
struct Factored {
    rows: Vec<usize>,
    ridge: Vec<f64>,
    factor: Cholesky,
}

/// A step of some weights.
pub(super) struct Along<'a> {
    /// −∂ of the penalised model where it starts.
    pub(super) force: Vec<f64>,
    pub(super) step: Vec<f64>,
    /// 0 or a bound, the first that a weight comes to.
    pub(super) ends: &'a [f64],
    pub(super) ridge: &'a [f64],
    /// Is the whole step the best where nothing is in its way?
    pub(super) whole: bool,
}

/// Weights are solved for by factoring where their number squared is at most this many times that of all: of all weights
/// of the features, of chosen ones (which are about those that are not 0, so that their factor serves more than once).
const FACTORED: usize = 512;
const FACTORED_CHOSEN: usize = 4096;
/// No row.
const NONE: u32 = u32::MAX;

impl Curvature {
    /// Of some features at the columns' probabilities, of all their weights or, with a damping, at least those `wanted` (a row
    /// of K for each of them); `None` where sweeps cost less without.
    pub(crate) fn new(
        columns: &mut dyn Columns,
        features: &[usize],
        wanted: &[bool],
        damping: Option<Damping<'_>>,
        precision: Precision,
        sweeps: f64,
    ) -> Option<Self> {
        let k = wanted.len() / features.len().max(1);
        let mut rows = vec![NONE; features.iter().max().map_or(0, |j| j + 1) * k];
        let mut next = 0;
        let mut place = |chosen: &[bool]| {
            for (&j, chosen) in features.iter().zip(chosen.chunks_exact(k)) {
                for c in (0..k).filter(|c| chosen[*c]) {
                    rows[j * k + c] = next;
                    next += 1;
                }
            }
        };
        let mut most = wanted.to_vec();
        let h = if let Some(h) = columns.hessian(features, &mut most, precision, sweeps) {
            place(&most);
            h
        } else {
            let h = columns.hessian_of(features, wanted, damping?)?;
            place(wanted);
            h
        };
        Some(Self { h, rows, factored: None })
    }

    /// The matrix, of no more use but for its memory.
    pub(crate) fn into_memory(self) -> Symmetric {
        self.h
    }

    /// Does it have all weights that are wanted (a row of K for each of the features), and not many more?
    pub(crate) fn covers(&self, features: &[usize], wanted: &[bool], classes: usize) -> bool {
        let row = |j: usize| self.rows.get(j * classes..(j + 1) * classes);
        let has = |(&j, wanted): (&usize, &[bool])| {
            let all = |row: &[u32]| row.iter().zip(wanted).all(|(row, wanted)| !wanted || *row != NONE);
            row(j).map_or(!wanted.contains(&true), all)
        };
        let count = wanted.iter().filter(|w| **w).count();
        let whole = features.iter().all(|&j| row(j).is_some_and(|row| !row.contains(&NONE)));
        let enough = if whole { features.len() * classes } else { count };
        self.h.n <= 2 * enough && features.iter().zip(wanted.chunks_exact(classes)).all(has)
    }

    /// Solves with some of its rows and columns, `ridge` added to their diagonal; the factor is kept for the next
    /// solve with the same. `None` where that is not finite.
    fn solve(&mut self, rows: Vec<usize>, ridge: Vec<f64>, b: &mut [f64]) -> Option<()> {
        if !self.factored.as_ref().is_some_and(|f| f.rows == rows && f.ridge == ridge) {
            // Not both at a time.
            self.factored = None;
            let factor = Cholesky::of_part(&self.h, &rows, &ridge)?;
            self.factored = Some(Factored { rows, ridge, factor });
        }
        self.factored.as_ref().map(|f| f.factor.solve_in_place(b, 1))
    }

    /// Moves `u`, weights of some rows, along a step for as long as the model falls; a weight that comes to its end stays
    /// there and the others go on.
    fn descend(&self, rows: &[usize], along: Along<'_>, u: &mut [f64]) {
        let Along { mut force, mut step, ends, ridge, whole } = along;
        let stop = |i: usize| ((ends[i] - u[i]) / step[i], i);
        let mut stops: Vec<(f64, usize)> = (0..u.len()).map(stop).filter(|(t, _)| t.is_finite()).collect();
        if whole && stops.iter().all(|(t, _)| *t >= 1.0) {
            u.iter_mut().zip(&step).for_each(|(u, step)| *u += step);
            return;
        }
        stops.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut bent = vec![0.0; self.h.n];
        for (step, &row) in step.iter().zip(rows) {
            kernel::axpy(*step, self.row(row), &mut bent);
        }
        let mut stops = stops.into_iter();
        let mut now = 0.0;
        loop {
            let (mut fall, mut curvature) = (0.0, 0.0);
            for (i, &row) in rows.iter().enumerate() {
                fall += force[i] * step[i];
                curvature += step[i] * (bent[row] + ridge[i] * step[i]);
            }
            let next = stops.next();
            // Without curvature it falls as far as something stops it.
            let least = if curvature > 0.0 { fall / curvature } else { f64::INFINITY };
            let until = next.map_or(f64::INFINITY, |(stop, _)| stop - now);
            let t = least.min(until);
            if fall <= 0.0 || !t.is_finite() {
                return;
            }
            for (i, &row) in rows.iter().enumerate() {
                u[i] += t * step[i];
                force[i] -= t * (bent[row] + ridge[i] * step[i]);
            }
            let Some((stop, i)) = next.filter(|_| until <= least) else { return };
            now = stop;
            u[i] = ends[i];
            kernel::axpy(-step[i], self.row(rows[i]), &mut bent);
            step[i] = 0.0;
        }
    }

    /// The row of each weight of some features.
    fn rows_of(&self, features: &[usize], classes: usize) -> Vec<u32> {
        let mut rows = vec![NONE; features.len() * classes];
        for (rows, j) in rows.chunks_exact_mut(classes).zip(features) {
            if let Some(known) = self.rows.get(j * classes..(j + 1) * classes) {
                rows.copy_from_slice(known);
            }
        }
        rows
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
    /// The row of each weight (as the features).
    rows: Vec<u32>,
    classes: usize,
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
            rows: of.rows_of(features, classes),
            classes,
            moved: vec![0.0; of.h.n],
            of,
        });
        Self { columns, explicit }
    }

    pub(super) fn is_explicit(&self) -> bool {
        self.explicit.is_some()
    }

    /// Does it know the curvature of a weight? Where not, the weight stays where it is.
    pub(super) fn has(&self, i: usize, class: usize) -> bool {
        self.explicit.as_ref().is_none_or(|e| e.row(i, class as u32).is_some())
    }

    pub(super) fn dots(&mut self, i: usize, feature: usize, classes: &[u32], out: &mut [f64]) {
        match &self.explicit {
            Some(e) => {
                for (out, c) in out.iter_mut().zip(classes) {
                    *out += e.row(i, *c).map_or(0.0, |row| e.moved[row]);
                }
            }
            None => self.columns.dots(feature, classes, out),
        }
    }

    /// ∂Q/∂Δ of all features (rows as the features).
    pub(super) fn gradient(&mut self, features: &[usize], out: &mut [f64]) {
        match &self.explicit {
            Some(e) => {
                for (out, row) in out.iter_mut().zip(&e.rows) {
                    *out = e.moved.get(*row as usize).copied().unwrap_or(0.0);
                }
            }
            None => self.columns.model_gradient(features, out),
        }
    }

    pub(super) fn curvature(&mut self, i: usize, feature: usize, classes: &[u32], out: &mut [f64]) {
        match &self.explicit {
            Some(e) => {
                let rows = || classes.iter().map(|c| e.row(i, *c));
                for (out, a) in out.chunks_exact_mut(classes.len()).zip(rows()) {
                    for (out, b) in out.iter_mut().zip(rows()) {
                        *out = a.zip(b).map_or(0.0, |(a, b)| e.of.row(a)[b]);
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
                    if let Some(row) = e.row(i, *c) {
                        kernel::axpy(*delta, e.of.row(row), &mut e.moved);
                    }
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
            for (out, row) in out.iter_mut().zip(&e.rows[i * k..]) {
                *out = wide.get(*row as usize).copied().unwrap_or(0.0);
            }
        }
    }

    /// (∂²Q + ridge)⁻¹ b on some weights, each a feature's position and a class. `None` where curvature is not
    /// explicit, or too many weights (their number squared over that of all is more than `most`) make factoring it dearer than
    /// products.
    pub(super) fn solve(
        &mut self,
        weights: &[(usize, usize)],
        ridge: Vec<f64>,
        b: &mut [f64],
        most: Option<usize>,
    ) -> Option<()> {
        let e = self.explicit.as_mut()?;
        let most = most.unwrap_or(if e.rows.contains(&NONE) { FACTORED_CHOSEN } else { FACTORED });
        if weights.len().pow(2) > most * e.of.h.n {
            return None;
        }
        let mut rows = Vec::with_capacity(weights.len());
        for (i, class) in weights {
            rows.push(e.row(*i, *class as u32)?);
        }
        e.of.solve(rows, ridge, b)
    }

    /// [`Curvature::descend`] on some weights, each a feature's position and a class; nothing where it is not explicit.
    pub(super) fn descend(&self, weights: &[(usize, usize)], along: Along<'_>, u: &mut [f64]) {
        if let Some(e) = &self.explicit {
            let rows: Vec<usize> = weights.iter().filter_map(|(i, c)| e.row(*i, *c as u32)).collect();
            e.of.descend(&rows, along, u);
        }
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
                let parts = delta.iter().zip(&e.rows).filter(|(d, _)| **d != 0.0);
                0.5 * parts.map(|(d, row)| d * e.moved.get(*row as usize).unwrap_or(&0.0)).sum::<f64>()
            }
            None => self.columns.model_value(),
        }
    }
}

impl Explicit<'_> {
    /// `out` += the rows of a feature times `v`.
    fn add(&self, i: usize, v: &[f64], out: &mut [f64]) {
        for (class, v) in (0..).zip(v).filter(|(_, v)| **v != 0.0) {
            if let Some(row) = self.row(i, class) {
                kernel::axpy(*v, self.of.row(row), out);
            }
        }
    }

    /// The row of a weight.
    fn row(&self, i: usize, class: u32) -> Option<usize> {
        let row = self.rows[i * self.classes + class as usize];
        (row != NONE).then_some(row as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_ends_where_the_model_is_least_along_it(
            root in prop::collection::vec(-1.0..1.0f64, 25), numbers in prop::collection::vec(-1.0..1.0f64, 12),
            ridge in 0.0..0.5f64,
        ) {
            // Row 3 of five takes no part.
            let rows = [0, 1, 2, 4];
            let product = |a: usize, b: usize| (0..5).map(|t| root[a * 5 + t] * root[b * 5 + t]).sum::<f64>();
            let h = Symmetric { n: 5, values: (0..25).map(|at| product(at / 5, at % 5)).collect() };
            let (start, mut step) = (&numbers[..4], numbers[4..8].to_vec());
            let force = numbers[8..].to_vec();
            if force.iter().zip(&step).map(|(f, s)| f * s).sum::<f64>() < 0.0 {
                for s in &mut step {
                    *s = -*s;
                }
            }
            if force.iter().zip(&step).map(|(f, s)| f * s).sum::<f64>() <= 1e-6 {
                return Ok(());
            }
            // Towards 0 it ends there, away from 0 nowhere.
            let ends: Vec<f64> = (0..4)
                .map(|i| if start[i] * step[i] < 0.0 { 0.0 } else { step[i].signum() * f64::INFINITY })
                .collect();
            let ridges = [ridge; 4];
            let value = |u: &[f64]| {
                let d: Vec<f64> = u.iter().zip(start).map(|(u, s)| u - s).collect();
                let bent = |i: usize| (0..4).map(|j| h.values[rows[i] * 5 + rows[j]] * d[j]).sum::<f64>();
                (0..4).map(|i| d[i] * (0.5 * bent(i) + 0.5 * ridge * d[i] - force[i])).sum::<f64>()
            };
            let at = |t: f64| -> Vec<f64> {
                (0..4)
                    .map(|i| {
                        let u = start[i] + t * step[i];
                        if start[i] * step[i] < 0.0 && u * start[i] < 0.0 { 0.0 } else { u }
                    })
                    .collect()
            };
            // Beyond all stops the model must bend, or it has no end.
            let last: Vec<f64> =
                start.iter().zip(&step).zip(&ends).map(|((u, s), end)| if end.is_finite() { *u } else { u + s }).collect();
            let pull: f64 = last.iter().zip(start).zip(&force).map(|((u, s), f)| (u - s) * f).sum();
            if value(&last) + pull <= 1e-6 {
                return Ok(());
            }
            let curvature = Curvature { h: h.clone(), rows: vec![], factored: None };
            let mut u = start.to_vec();
            let along = Along { force: force.clone(), step: step.clone(), ends: &ends, ridge: &ridges, whole: false };
            curvature.descend(&rows, along, &mut u);
            // How far it went, by a weight that nothing stops; until there the model falls, and then no more.
            let Some(free) = (0..4).find(|i| ends[*i].is_infinite() && step[*i].abs() > 1e-3) else { return Ok(()) };
            let reached = (u[free] - start[free]) / step[free];
            prop_assert!(u.iter().zip(at(reached)).all(|(u, there)| (u - there).abs() < 1e-9 * (1.0 + reached)));
            for t in (0..100).map(|i| f64::from(i) / 100.0 * reached) {
                prop_assert!(value(&u) <= value(&at(t)) + 1e-12);
            }
            let falls = |by: f64| value(&at(reached + by)) < value(&u) - 1e-12 * (1.0 + value(&u).abs());
            prop_assert!(!falls(1e-7 * (1.0 + reached)));
        }
    }
}
