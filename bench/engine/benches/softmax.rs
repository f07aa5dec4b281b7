//! Micro-benchmarks of the softmax calculus: nanoseconds a row.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use polylogit::softmax::{log_softmax_in_place, logsumexp, softmax_in_place, softmax_rows_in_place};

fn scores(n: usize) -> Vec<f64> {
    (0..n).map(|i| (i as f64 * 0.7).sin() * 4.0).collect()
}

fn softmax(c: &mut Criterion) {
    let mut group = c.benchmark_group("softmax");
    for k in [3, 10, 100, 1000] {
        let z = scores(k);
        group.throughput(Throughput::Elements(k as u64));
        group.bench_with_input(BenchmarkId::new("logsumexp", k), &z, |b, z| {
            b.iter(|| logsumexp(black_box(z)));
        });
        group.bench_with_input(BenchmarkId::new("softmax", k), &z, |b, z| {
            let mut p = z.clone();
            b.iter(|| {
                p.copy_from_slice(black_box(z));
                softmax_in_place(&mut p);
            });
        });
        group.bench_with_input(BenchmarkId::new("log_softmax", k), &z, |b, z| {
            let mut p = z.clone();
            b.iter(|| {
                p.copy_from_slice(black_box(z));
                log_softmax_in_place(&mut p);
            });
        });
        let rows = scores(k * 1000);
        group.throughput(Throughput::Elements(rows.len() as u64));
        group.bench_with_input(BenchmarkId::new("softmax of 1000 rows", k), &rows, |b, z| {
            let mut p = z.clone();
            b.iter(|| {
                p.copy_from_slice(black_box(z));
                softmax_rows_in_place(&mut p, k)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    targets = softmax
}
criterion_main!(benches);
