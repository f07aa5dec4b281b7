//! `cost`: what the cost model predicts beside what is measured, as a table.
//!
//! Seconds are those that this process has spent on a processor, so that others on the machine do not count; pin it to
//! one core (`taskset -c 0`), for the model is that of one thread.

use anyhow::Result;
use polylogit::cost::Shape as Cost;
use polylogit::objective::SoftmaxObjective;

use crate::data::{Stream, random_coefficients};
use crate::shapes::{Kind, Shape};

/// n, d, K.
const SHAPES: [(usize, usize, usize); 12] = [
    (200_000, 4, 3),
    (100_000, 10, 3),
    (50_000, 16, 26),
    (50_000, 54, 7),
    (20_000, 64, 10),
    (20_000, 128, 5),
    (10_000, 200, 4),
    (5_000, 384, 3),
    (10_000, 54, 50),
    (20_000, 20, 100),
    (5_000, 300, 100),
    (2_000, 784, 10),
];
/// A Hessian is built up to so many parameters.
const PARAMETERS: usize = 1500;
/// Seconds of calls in a row: the kernel counts them in ticks of a few milliseconds.
const LONG_ENOUGH: f64 = 0.3;

pub(crate) fn run() -> Result<()> {
    anyhow::ensure!(on_processor() > 0.0, "seconds on a processor are read from /proc, which is not there");
    println!("| n × d, K | pass ms | predicted | product ms | predicted | Hessian ms | predicted |");
    println!("|-|-|-|-|-|-|-|");
    for (n, d, k) in SHAPES {
        one(n, d, k)?;
    }
    Ok(())
}

fn one(n: usize, d: usize, k: usize) -> Result<()> {
    let cost = Cost { rows: n, columns: d + 1, classes: k };
    Shape::dense(Kind::F64, n, d, k).with(|design, target| {
        let at = random_coefficients(k, d, &mut Stream(3))?;
        let mut f = SoftmaxObjective::new(design, target)?;
        let pass = seconds(|| f.gradient(&at).map(drop))?;
        // Both start with a pass of their own.
        let product = seconds(|| f.hessian_vector_product(&at, &at).map(drop))? - pass;
        let hessian =
            if (d + 1) * k > PARAMETERS { None } else { Some(seconds(|| f.hessian(&at).map(drop))? - pass) };
        let beside = |measured: f64, predicted: f64| {
            format!("{:.2} | {:.2} ({:.2})", 1e3 * measured, 1e3 * predicted, predicted / measured)
        };
        println!(
            "| {n} × {d}, {k} | {} | {} | {} |",
            beside(pass, cost.pass()),
            beside(product, cost.product()),
            hessian.map_or_else(|| "– | –".to_owned(), |measured| beside(measured, cost.hessian())),
        );
        Ok(())
    })
}

/// Mean seconds on a processor of one call, after one to warm up.
fn seconds(mut work: impl FnMut() -> polylogit::Result<()>) -> Result<f64> {
    work()?;
    let (start, mut calls) = (on_processor(), 0u32);
    while on_processor() - start < LONG_ENOUGH {
        work()?;
        calls += 1;
    }
    Ok((on_processor() - start) / f64::from(calls.max(1)))
}

/// Seconds that all threads of this process have run, from the /proc of Linux, without which there is no table.
fn on_processor() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = |task: std::fs::DirEntry| -> Option<f64> {
        let told = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        told.split_whitespace().next()?.parse().ok()
    };
    tasks.filter_map(nanoseconds).sum::<f64>() / 1e9
}
