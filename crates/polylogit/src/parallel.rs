//! Threads: a pool of our own, work in fixed slots, sums in a fixed tree. The only user of rayon.
//!
//! Which rows belong to which slot depends on shapes alone, never on the number of threads, and the slots'
//! sums are added in one order: so are the bits the same for any number of threads.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use rayon::{ThreadPool, Yield};

/// Multiply-adds below which a pool costs more than it gives.
const WORTH_A_POOL: f64 = 5e5;
/// Numbers of a vector that one thread works on at a time.
const CHUNK: usize = 1 << 15;

/// Looks for work that a thread takes before it sleeps: some 300 µs. To be woken takes as long as a small pass, and
/// the next pass follows soon.
const LOOKS: usize = 1 << 12;

/// Pools by (process, threads). A forked child gets pools of its own: threads do not survive a fork, and
/// waiting for them would hang it.
type Pools = HashMap<(u32, usize), Arc<Pool>>;
static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// Threads that help a calling one.
#[derive(Debug)]
struct Pool {
    threads: ThreadPool,
    /// How many of them look for work rather than sleep.
    looking: Arc<AtomicUsize>,
}

impl Pool {
    /// Has `helpers` threads look for work until [`LOOKS`] found none.
    fn wake(&self, helpers: usize) {
        for _ in self.looking.load(Ordering::Relaxed)..helpers {
            self.looking.fetch_add(1, Ordering::Relaxed);
            let looking = self.looking.clone();
            self.threads.spawn(move || {
                let mut idle = 0;
                while idle < LOOKS {
                    idle = if rayon::yield_now() == Some(Yield::Executed) { 0 } else { idle + 1 };
                    std::hint::spin_loop();
                }
                looking.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// Runs slots of work on the calling thread, and on those of a pool that help it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workers {
    helpers: Option<Arc<Pool>>,
}

impl Workers {
    /// `threads` of them (default: all cores), or the calling thread alone where one pass of `work`
    /// multiply-adds is not worth waking others.
    pub(crate) fn new(threads: Option<usize>, work: f64) -> Self {
        let threads = at_work(threads, work);
        if threads <= 1 {
            return Self::default();
        }
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        let pools = pools.get_or_insert_default();
        let key = (std::process::id(), threads);
        if let std::collections::hash_map::Entry::Vacant(e) = pools.entry(key) {
            // A machine that refuses threads still gets its fit, on the calling one.
            let Ok(threads) = rayon::ThreadPoolBuilder::new()
                .num_threads(threads - 1)
                .thread_name(|i| format!("polylogit-{i}"))
                .build()
            else {
                return Self::default();
            };
            e.insert(Arc::new(Pool { threads, looking: Arc::default() }));
        }
        Self { helpers: pools.get(&key).cloned() }
    }

    /// Calls `work(index, slot)` once for each slot, in any order.
    ///
    /// The calling thread works, too: it need not sleep and be woken for each pass, which takes as long as a
    /// small pass.
    pub(crate) fn for_each<T: Send>(&self, slots: &mut [T], work: impl Fn(usize, &mut T) + Sync + Send) {
        let Some(pool) = self.helpers.as_ref().filter(|_| slots.len() > 1) else {
            return slots.iter_mut().enumerate().for_each(|(i, slot)| work(i, slot));
        };
        let helpers = pool.threads.current_num_threads().min(slots.len() - 1);
        pool.wake(helpers);
        let queue = Mutex::new(slots.iter_mut().enumerate());
        // From both ends, so that most slots meet the thread, and its cache, that they met in the pass before.
        let take = |own: bool| {
            loop {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                let next = if own { queue.next() } else { queue.next_back() };
                drop(queue);
                let Some((i, slot)) = next else { return };
                work(i, slot);
            }
        };
        let busy = AtomicUsize::new(helpers);
        pool.threads.in_place_scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| {
                    take(false);
                    busy.fetch_sub(1, Ordering::Release);
                });
            }
            take(true);
            // The scope sleeps for those who are not done; mostly they are within a few µs.
            for _ in 0..LOOKS {
                if busy.load(Ordering::Acquire) == 0 {
                    break;
                }
                std::hint::spin_loop();
            }
        });
    }

    /// Runs `own` on the calling thread and `other` beside it; once its own is done the caller is asked `meanwhile` to look about
    /// now and then. `None` where there is no thread for the other.
    pub(crate) fn beside<S: ?Sized, A, B: Send>(
        &self,
        state: &mut S,
        own: impl FnOnce(&mut S) -> A,
        other: impl FnOnce() -> B + Send,
        mut meanwhile: impl FnMut(&mut S),
    ) -> (A, Option<B>) {
        let Some(pool) = &self.helpers else { return (own(state), None) };
        let (send, done) = mpsc::sync_channel(1);
        pool.threads.in_place_scope(|scope| {
            scope.spawn(move |_| drop(send.send(other())));
            let own = own(state);
            loop {
                for _ in 0..LOOKS {
                    match done.try_recv() {
                        Err(mpsc::TryRecvError::Empty) => std::thread::yield_now(),
                        // Nothing is sent by a panic, which the scope passes on.
                        other => return (own, other.ok()),
                    }
                }
                meanwhile(state);
            }
        })
    }

    /// Runs `work(range, parts)` over consecutive ranges of 0..`len`, whole multiples of `unit`, with the parts of
    /// `vectors` (`len` numbers each) that belong to them. Returns the sum of what it returns, in the ranges' order.
    pub(crate) fn sweep<const M: usize>(
        &self,
        len: usize,
        unit: usize,
        mut vectors: [&mut [f64]; M],
        work: impl Fn(Range<usize>, [&mut [f64]; M]) -> f64 + Sync + Send,
    ) -> f64 {
        if len <= CHUNK {
            return work(0..len, vectors);
        }
        let chunk = (CHUNK / unit).max(1) * unit;
        let mut parts = Vec::with_capacity(len.div_ceil(chunk));
        for start in (0..len).step_by(chunk) {
            let range = start..(start + chunk).min(len);
            let own = vectors.each_mut().map(|rest| {
                let (own, others) = std::mem::take(rest).split_at_mut(range.len());
                *rest = others;
                own
            });
            parts.push((Some((range, own)), 0.0));
        }
        self.for_each(&mut parts, |_, (part, sum)| {
            if let Some((range, own)) = part.take() {
                *sum = work(range, own);
            }
        });
        parts.iter().map(|(_, sum)| sum).sum()
    }
}

/// Buffers that a thread leaves to the next: as many as threads have been at work.
#[derive(Debug)]
pub(crate) struct Spare<T>(Mutex<Vec<T>>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Spare<T> {
    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(crate) fn put(&self, buffers: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
    }
}

/// How many threads [`Workers::new`] has for the same arguments.
pub(crate) fn at_work(threads: Option<usize>, work: f64) -> usize {
    if work < WORTH_A_POOL {
        return 1;
    }
    threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

/// Adds all slots into the first along a binary tree: `add(into, from)`.
pub(crate) fn tree_reduce<T>(slots: &mut [T], mut add: impl FnMut(&mut T, &T)) {
    let mut stride = 1;
    while stride < slots.len() {
        let mut at = 0;
        while at + stride < slots.len() {
            let (left, right) = slots.split_at_mut(at + stride);
            add(&mut left[at], &right[0]);
            at += 2 * stride;
        }
        stride *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn every_slot_runs_once_on_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let workers = Workers::new(Some(threads), f64::INFINITY);
            let mut slots = vec![0; 13];
            workers.for_each(&mut slots, |i, slot| *slot += i + 1);
            assert_eq!(slots, (1..=13).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_runs_beside_is_waited_for() {
        let beside = |threads| {
            let (mut looks, looked) = (0, AtomicBool::new(false));
            let own = |looks: &mut i32| *looks;
            let other = || {
                while !looked.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                7
            };
            let done = Workers::new(Some(threads), f64::INFINITY).beside(&mut looks, own, other, |looks| {
                *looks += 1;
                looked.store(true, Ordering::Relaxed);
            });
            (done, looks)
        };
        assert_eq!(beside(1), ((0, None), 0));
        let (done, looks) = beside(2);
        assert_eq!(done, (0, Some(7)));
        assert!(looks > 0);
    }

    #[test]
    #[should_panic(expected = "beside")]
    fn a_panic_beside_is_passed_on() {
        Workers::new(Some(2), f64::INFINITY).beside(&mut (), |()| (), || panic!("beside"), |()| ());
    }

    #[test]
    fn a_sweep_covers_all_in_whole_units_with_the_same_bits() {
        let n = 3 * CHUNK + 21;
        let a: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
        let run = |threads| {
            let mut b = vec![0.0; n];
            let sum = Workers::new(Some(threads), f64::INFINITY).sweep(n, 7, [&mut b], |of, [b]| {
                assert!(of.start.is_multiple_of(7));
                b.iter_mut().zip(&a[of.clone()]).for_each(|(b, a)| *b += 2.0 * a);
                a[of].iter().sum()
            });
            (b, sum)
        };
        let one = run(1);
        assert!(one.0.iter().zip(&a).all(|(b, a)| *b == 2.0 * a));
        assert!((one.1 - a.iter().sum::<f64>()).abs() < 1e-9);
        assert_eq!(one, run(2));
        assert_eq!(one, run(8));
    }

    #[test]
    fn the_tree_adds_all_in_one_order() {
        for n in 1..20 {
            let mut slots: Vec<String> = (0..n).map(|i| i.to_string()).collect();
            tree_reduce(&mut slots, |into, from| *into = format!("({into}+{from})"));
            for i in 0..n {
                assert_eq!(slots[0].split(['(', ')', '+']).filter(|s| **s == i.to_string()).count(), 1);
            }
        }
        let mut four: Vec<String> = ["a", "b", "c", "d"].map(String::from).to_vec();
        tree_reduce(&mut four, |into, from| *into = format!("({into}+{from})"));
        assert_eq!(four[0], "((a+b)+(c+d))");
    }
}
