//! Micro-benchmarks of the objective: F with its gradient, and a Hessian-vector product, on a few shapes.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use polylogit::objective::SoftmaxObjective;
use polylogit::{Coefficients, Csr, Design, Target};

/// n, d, K: a small table, a middling one, an embedding.
const SHAPES: [(usize, usize, usize); 3] = [(1000, 16, 3), (4000, 54, 7), (1000, 384, 100)];

fn wave(n: usize) -> Vec<f64> {
    (0..n).map(|i| (i as f64 * 0.7).sin()).collect()
}

fn coefficients(k: usize, d: usize) -> Coefficients {
    let weights = wave(k * d).iter().map(|w| w / (d as f64).sqrt()).collect();
    Coefficients::new(k, d, weights, wave(k)).expect("finite numbers of the right shape")
}

fn passes(c: &mut Criterion) {
    let mut group = c.benchmark_group("objective");
    for (n, d, k) in SHAPES {
        let x = wave(n * d);
        let single: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let dense = Design::dense(&x, n, d).expect("n × d");
        let narrow = Design::dense(&single, n, d).expect("n × d");
        let target = Target::from_labels((0..n).map(|i| (i % k) as f64)).expect("k classes");
        let at = coefficients(k, d);
        group.throughput(Throughput::Elements((4 * n * d * k) as u64));
        for (kind, design) in [("f64", dense), ("f32", narrow)] {
            let mut f = SoftmaxObjective::new(&design, &target).expect("finite");
            let shape = format!("{kind} {n}×{d}, K={k}");
            group.bench_function(BenchmarkId::new("gradient", &shape), |b| {
                b.iter(|| f.gradient(black_box(&at)));
            });
            group.bench_function(BenchmarkId::new("Hessian-vector", &shape), |b| {
                b.iter(|| f.hessian_vector_product(black_box(&at), &at));
            });
        }
    }
    group.finish();
}

fn sparse(c: &mut Criterion) {
    let (n, d, k, in_row) = (4000, 8192, 20, 40);
    let indices: Vec<u32> =
        (0..n * in_row).map(|at| (at % in_row * 199 + at / in_row * 7) as u32 % 8192).collect();
    let indptr: Vec<u32> = (0..=n).map(|i| (i * in_row) as u32).collect();
    let values = wave(n * in_row);
    let design = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d)
        .expect("rows of distinct columns");
    let target = Target::from_labels((0..n).map(|i| (i % k) as f64)).expect("k classes");
    let at = coefficients(k, d);
    let mut f = SoftmaxObjective::new(&design, &target).expect("finite");
    let mut group = c.benchmark_group("objective");
    group.throughput(Throughput::Elements((4 * values.len() * k) as u64));
    group.bench_function("gradient/csr 4000×8192, K=20", |b| b.iter(|| f.gradient(black_box(&at))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = passes, sparse
}
criterion_main!(benches);
