//! `ceilings`: what this machine can do at most, measured: reading memory, and multiply-adds.

use std::hint::black_box;
use std::thread;

use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, Mat, Par};
use serde_json::{Value, json};

use crate::clock::timed;

/// Far beyond any cache.
const BYTES: usize = 1 << 29;
/// Rows and columns of the product.
const SIDE: usize = 2048;
const RUNS: usize = 5;

/// Bytes and floating point operations a second, by threads (1, then all cores up to 2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceilings {
    pub(crate) bandwidth: [f64; 2],
    pub(crate) flops_f32: [f64; 2],
    pub(crate) flops_f64: [f64; 2],
}

impl Ceilings {
    pub(crate) fn measure() -> Self {
        let numbers = vec![1.0; BYTES / 8];
        Self {
            bandwidth: [1, 2].map(|t| bandwidth(&numbers, t)),
            flops_f32: [1, 2].map(flops::<f32>),
            flops_f64: [1, 2].map(flops::<f64>),
        }
    }

    /// Seconds of the fastest conceivable pass on as many threads as were measured best:
    /// max(bytes of X / bandwidth, 4·stored·K / peak flops).
    pub(crate) fn roofline_pass(&self, bytes: f64, stored: f64, k: usize, single: bool) -> f64 {
        let best = |by_threads: [f64; 2]| by_threads[0].max(by_threads[1]);
        let flops = best(if single { self.flops_f32 } else { self.flops_f64 });
        (bytes / best(self.bandwidth)).max(4.0 * stored * k as f64 / flops)
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "bandwidth_bytes_per_second": { "1": self.bandwidth[0], "2": self.bandwidth[1] },
            "f32_flops_per_second": { "1": self.flops_f32[0], "2": self.flops_f32[1] },
            "f64_flops_per_second": { "1": self.flops_f64[0], "2": self.flops_f64[1] },
            "how": format!("sum of {} MiB; product of {SIDE}×{SIDE} matrices (faer), one on each thread; \
                best of {RUNS}", BYTES >> 20),
        })
    }
}

pub(crate) fn run() -> Value {
    Ceilings::measure().to_json()
}

/// Bytes a second of a sum on `threads` threads.
fn bandwidth(numbers: &[f64], threads: usize) -> f64 {
    let part = numbers.len() / threads;
    let all = || {
        thread::scope(|scope| {
            for part in numbers.chunks(part) {
                scope.spawn(|| black_box(sum(part)));
            }
        });
    };
    size_of_val(numbers) as f64 / best(all)
}

/// Sixteen sums side by side: the additions' latency does not count.
fn sum(numbers: &[f64]) -> f64 {
    let mut sums = [0.0; 16];
    for sixteen in numbers.as_chunks::<16>().0 {
        for (sum, x) in sums.iter_mut().zip(sixteen) {
            *sum += x;
        }
    }
    sums.iter().sum()
}

/// Floating point operations a second of `threads` independent products.
fn flops<T: ComplexField>(threads: usize) -> f64 {
    let one = faer::traits::math_utils::one::<T>;
    let filled = || Mat::<T>::from_fn(SIDE, SIDE, |_, _| one());
    let mut work: Vec<_> = (0..threads).map(|_| (filled(), filled(), filled())).collect();
    let product = |(c, a, b): &mut (Mat<T>, Mat<T>, Mat<T>)| {
        matmul(c.as_mut(), Accum::Replace, a.as_ref(), b.as_ref(), one(), Par::Seq);
    };
    let seconds = best(|| {
        thread::scope(|scope| {
            for operands in &mut work {
                scope.spawn(|| product(operands));
            }
        });
    });
    2.0 * (threads * SIDE.pow(3)) as f64 / seconds
}

/// The least seconds of several runs.
fn best(mut work: impl FnMut()) -> f64 {
    (0..RUNS).map(|_| timed(&mut work).0).fold(f64::INFINITY, f64::min)
}
