//! Random problems with every kind of label, weight and offset.

use polylogit::{Coefficients, Label, Target};
use proptest::prelude::*;

/// Deterministic pseudo-random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Mean 0, deviation 1, within ±3.5.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub(crate) fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    pub(crate) fn coefficients(&mut self, classes: usize, features: usize) -> Coefficients {
        let (w, b) = (self.normals(classes * features), self.normals(classes));
        Coefficients::new(classes, features, w, b).unwrap()
    }
}

/// X, y, s and o.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub n: usize,
    pub d: usize,
    pub k: usize,
    pub x: Vec<f64>,
    /// Hard labels.
    pub ids: Vec<u32>,
    /// Soft labels (n × K) in place of `ids`.
    pub soft: Option<Vec<f64>>,
    pub weights: Option<Vec<f64>>,
    pub offset: Option<Vec<f64>>,
}

impl Problem {
    /// n rows whose classes follow a softmax model; every class occurs.
    pub(crate) fn random(seed: u64, n: usize, d: usize, k: usize) -> Self {
        let mut random = Random(seed);
        let x = random.normals(n * d);
        let w = random.normals(k * d);
        let mut ids = Vec::new();
        for (i, x) in (0..n).map(|i| (i, &x[i * d..(i + 1) * d])) {
            let score = |c: usize, noise: f64| {
                w[c * d..(c + 1) * d].iter().zip(x).map(|(w, x)| w * x).sum::<f64>() - (-noise.ln()).ln()
            };
            let scores: Vec<f64> = (0..k).map(|c| score(c, random.uniform().max(1e-12))).collect();
            let best = (0..k).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            ids.push(if i < k { i as u32 } else { best as u32 });
        }
        Self { n, d, k, x, ids, soft: None, weights: None, offset: None }
    }

    pub(crate) fn classes(&self) -> Vec<Label> {
        (0..self.k).map(|c| Label::Int(i64::from(c as u32))).collect()
    }

    pub(crate) fn target(&self) -> Target {
        let mut target = match &self.soft {
            Some(y) => Target::soft(self.classes(), y.clone()).unwrap(),
            None => Target::from_classes(self.classes(), self.ids.clone()).unwrap(),
        };
        if let Some(s) = &self.weights {
            target = target.weights(s.clone()).unwrap();
        }
        if let Some(o) = &self.offset {
            target = target.offset(o.clone()).unwrap();
        }
        target
    }

    /// y_ik.
    pub(crate) fn y(&self, row: usize, class: usize) -> f64 {
        match &self.soft {
            Some(y) => y[row * self.k + class],
            None => f64::from(self.ids[row] as usize == class),
        }
    }

    /// s_i.
    pub(crate) fn s(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |s| s[row])
    }

    /// p_i at any coefficients, by the formula of the course text.
    pub(crate) fn p(&self, at: &Coefficients, row: usize) -> Vec<f64> {
        let x = &self.x[row * self.d..(row + 1) * self.d];
        let z: Vec<f64> = (0..self.k)
            .map(|c| {
                let wx: f64 = at.class_weights(c).iter().zip(x).map(|(w, x)| w * x).sum();
                wx + at.intercepts()[c] + self.offset.as_ref().map_or(0.0, |o| o[row * self.k + c])
            })
            .collect();
        polylogit::softmax::softmax(&z)
    }
}

/// Small problems of every kind.
pub(crate) fn problems() -> impl Strategy<Value = Problem> {
    let shape = (2usize..5, 0usize..6, 0usize..50);
    (any::<u64>(), shape, any::<[bool; 3]>()).prop_map(|(seed, (k, d, more), [soft, weighted, shifted])| {
        let n = k + more;
        let mut problem = Problem::random(seed, n, d, k);
        let mut random = Random(!seed);
        if soft {
            let rows = (0..n).flat_map(|_| {
                let y: Vec<f64> = (0..k).map(|_| random.uniform() + 1e-3).collect();
                let sum: f64 = y.iter().sum();
                y.into_iter().map(move |v| v / sum)
            });
            problem.soft = Some(rows.collect());
        }
        if weighted {
            problem.weights = Some((0..n).map(|_| 0.1 + 3.0 * random.uniform()).collect());
        }
        if shifted {
            problem.offset = Some(random.normals(n * k));
        }
        problem
    })
}
