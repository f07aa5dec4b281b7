//! The clock of the benchmarks, and what is made of its readings.

use std::time::Instant;

/// Seconds that `work` takes, and what it gives.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

/// Seconds of one call: the median of `runs`, after one call to warm up.
pub(crate) fn median_seconds(runs: usize, mut work: impl FnMut()) -> f64 {
    work();
    median((0..runs).map(|_| timed(&mut work).0).collect())
}

/// Seconds of one short call: the median of `runs` batches that last about a millisecond or longer.
pub(crate) fn median_of_batches(runs: usize, mut work: impl FnMut()) -> f64 {
    let once = median_seconds(5, &mut work);
    let mut batch = 1u32;
    while f64::from(batch) * once < 1e-3 && batch < 1 << 20 {
        batch *= 2;
    }
    median_seconds(runs, || (0..batch).for_each(|_| work())) / f64::from(batch)
}

/// The middle value; the mean of the two middle ones of an even number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
