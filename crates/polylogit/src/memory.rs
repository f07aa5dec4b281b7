//! How much memory a fit takes beside the data, known before it starts.
//!
//! The parts are those of the method that the fit will choose, at its fullest moment: what the engine itself allocates,
//! from shapes alone. What else values may ask for is a reserve beside the parts: a Hessian or a dear block that are
//! factored if steps grow slow, the columns that a penalty of L1 norms leaves at work among many.

use crate::composite;
use crate::design::Design;
use crate::design::rows::block;
use crate::error::{Error, Result, size};
use crate::kernel;
use crate::lead::sample_sizes;
use crate::objective::DENSE_COLUMNS;
use crate::objective::curvature::pair_len;
use crate::objective::dense_columns::{explicit_pays, packs_all, row_block};
use crate::objective::kept::{Keep, KeptBytes, Mode};
use crate::objective::readings::KEPT;
use crate::objective::ridge::{SLOTS, ranges};
use crate::objective::sparse_hessian::WEIGHTS;
use crate::options::{LogisticRegression, Options};
use crate::parallel::at_work;
use crate::problem::precision;
use crate::row_space;
use crate::solver::pcg::cuts;
use crate::solver::plan::{Hessians, Plan};
use crate::solver::preconditioner::room;
use crate::solver::proximal_newton::EXPECTED_SWEEPS;
use crate::target::Target;

/// Vectors of the size of θ that a smooth fit holds, and one with another penalty.
const VECTORS: u64 = 13;
const COMPOSITE_VECTORS: u64 = 8;
/// Matrices that a metric takes while it is renewed: the new one, its factor and that of the one before.
const METRIC: u64 = 3;
/// Columns that an L1 norm leaves at work among many, at the least.
const AT_WORK: usize = 256;
/// Parts that a refusal names.
const NAMED: usize = 3;
pub(crate) const F64: u64 = size_of::<f64>() as u64;
/// A stored value with its index.
const STORED: u64 = F64 + size_of::<u32>() as u64;

pub(crate) const FEWER_COLUMNS: &str =
    "fewer columns (rare levels of categories merged, say) or fewer classes need less";
const FEWER_ROWS: &str = "a sample of the rows needs less";

/// What a fit takes beside the data, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// The parts, the largest first.
    pub parts: Vec<Part>,
    /// Bytes that values may ask for, which no shape tells: a Hessian if steps grow slow (short of memory there is none),
    /// or columns that stay at work under a penalty of L1 norms.
    pub reserve: u64,
}

/// Something that a fit keeps in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// What it is, in words.
    pub what: &'static str,
    /// How many bytes it takes.
    pub bytes: u64,
    remedy: &'static str,
}

impl Estimate {
    /// Of all parts.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Of all parts and the reserve.
    pub fn at_most(&self) -> u64 {
        self.bytes().saturating_add(self.reserve)
    }

    /// An error if even without the reserve it is more than this.
    pub(crate) fn keep(&self, limit: Option<u64>) -> Result<()> {
        match limit {
            Some(limit) if self.bytes() > limit => Err(self.refusal(limit)),
            _ => Ok(()),
        }
    }

    fn refusal(&self, limit: u64) -> Error {
        let named: Vec<String> =
            self.parts.iter().take(NAMED).map(|p| format!("{} {}", size(p.bytes), p.what)).collect();
        let remedy = self.parts.first().map_or(FEWER_ROWS, |p| p.remedy);
        Error::Memory { needed: self.bytes(), limit, parts: named.join(", "), remedy }
    }
}

impl LogisticRegression {
    /// How much memory a fit takes beside X and the target, without starting it.
    ///
    /// ```
    /// use polylogit::{Design, LogisticRegression, Target};
    /// # let x: Vec<f64> = (0..3000).map(|i| f64::from(i * 7919 % 101)).collect();
    /// let (design, target) = (Design::dense(&x, 1000, 3)?, Target::from_labels((0..1000).map(|i| i % 3))?);
    /// let estimate = LogisticRegression::new().memory(&design, &target)?;
    /// assert!(estimate.bytes() < 10 << 20);
    /// # Ok::<(), polylogit::Error>(())
    /// ```
    ///
    /// # Errors
    /// Options out of range, shapes that do not fit.
    pub fn memory(&self, design: &Design<'_>, target: &Target) -> Result<Estimate> {
        Ok(estimate(design, target, &self.check(design, target)?))
    }
}

/// The options, thrifty where the limit asks for it; an error where even that takes more. `at_once`: so many fits.
pub(crate) fn within(
    options: Options,
    design: &Design<'_>,
    target: &Target,
    at_once: usize,
) -> Result<Options> {
    let Some(limit) = options.memory_limit else { return Ok(options) };
    let each = limit / at_once.max(1) as u64;
    let thrifty = [
        (Keep::All, true),
        (Keep::Probabilities, true),
        (Keep::Probabilities, false),
        (Keep::Nothing, false),
    ];
    let mut options = options;
    for (keep, reserve) in thrifty {
        options = Options { keep, reserve, ..options };
        let needed = estimate(design, target, &options);
        if each >= if reserve { needed.at_most() } else { needed.bytes() } {
            return Ok(options);
        }
    }
    Err(estimate(design, target, &options).refusal(limit))
}

/// Parts that are there at the same time.
#[derive(Default)]
pub(crate) struct Moment {
    parts: Vec<Part>,
    reserve: u64,
}

impl Moment {
    /// `count` times `each` of `width` bytes.
    pub(crate) fn add(&mut self, what: &'static str, remedy: &'static str, [count, each, width]: [u64; 3]) {
        let bytes = count.saturating_mul(each).saturating_mul(width);
        if bytes > 0 {
            self.parts.push(Part { what, bytes, remedy });
        }
    }

    fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }
}

/// A problem by its shape.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    /// Columns of X̃ with the intercept.
    m: usize,
    k: usize,
    /// Stored values and bytes of X.
    stored: usize,
    bytes: usize,
    rarest: f64,
    threads: usize,
    keep: Keep,
    /// Do the rows only lead to a start?
    leads: bool,
}

/// The fullest moment of a fit.
pub(crate) fn estimate(design: &Design<'_>, target: &Target, options: &Options) -> Estimate {
    fullest(moments(design, target, options))
}

pub(crate) fn fullest(moments: Vec<Moment>) -> Estimate {
    let fullest = moments.iter().map(Moment::bytes).max().unwrap_or(0);
    let at_most = moments.iter().map(|m| m.bytes().saturating_add(m.reserve)).max().unwrap_or(0);
    let Moment { mut parts, .. } = moments.into_iter().find(|m| m.bytes() == fullest).unwrap_or_default();
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    Estimate { parts, reserve: at_most - fullest }
}

/// Every moment of a fit that may be its fullest.
pub(crate) fn moments(design: &Design<'_>, target: &Target, options: &Options) -> Vec<Moment> {
    let (n, d, k) = (design.rows(), design.features(), target.classes().len());
    let rarest = target.class_weights().iter().copied().fold(f64::INFINITY, f64::min) / target.total_weight();
    let shape = Shape {
        n,
        m: d + usize::from(options.intercept),
        k,
        stored: design.stored(),
        bytes: design.bytes(),
        rarest,
        threads: at_work(options.threads, design.stored() as f64 * k as f64),
        keep: options.keep,
        leads: false,
    };
    let mut moments = vec![statistics(design, shape), dependent(design, options, shape)];
    if composite::applies(options) {
        moments.push(if design.is_sparse() { sparse_columns(shape) } else { dense_columns(shape) });
    } else {
        if options.warm_start.is_none() {
            moments.extend(lead(design, target, options, shape));
        }
        let by_values = design.is_sparse() && shape.m > DENSE_COLUMNS;
        moments.push(if by_values { sparse_rows(shape) } else { dense_rows(shape) });
    }
    moments
}

/// The first read: moments of the columns for each range of rows.
fn statistics(design: &Design<'_>, shape: Shape) -> Moment {
    let (ranges, d) = (shape.n.div_ceil(256).min(SLOTS), design.features());
    let own = if design.is_sparse() { 1 } else { 4 };
    let mut moment = Moment::default();
    let count = (4 * ranges + own * shape.threads.min(ranges)) as u64;
    moment.add("column statistics", FEWER_COLUMNS, [count, d as u64, F64]);
    moment
}

/// The correlations of unpenalised columns.
fn dependent(design: &Design<'_>, options: &Options, shape: Shape) -> Moment {
    let mut moment = Moment::default();
    let free = options.penalty_factors.iter().filter(|v| **v * options.lambda == 0.0).count();
    if free >= 2 && design.features() <= crate::diagnose::rank::COLUMNS {
        let (d, free) = (design.features() as u64, free as u64);
        let sums = shape.n.div_ceil(block(shape.n, shape.m).rows).min(SLOTS) as u64;
        moment.add("correlations of columns without a penalty", FEWER_COLUMNS, [sums * d + 2 * free, d, F64]);
    }
    moment
}

/// What leads to the start.
fn lead(design: &Design<'_>, target: &Target, options: &Options, shape: Shape) -> Vec<Moment> {
    let Shape { n, m, k, .. } = shape;
    let d = design.features();
    let penalised = options.lambda > 0.0 && options.penalty_factors.iter().all(|v| *v > 0.0);
    if penalised && row_space::pays(design) {
        // Triangles of sums by ranges of columns, and products of each thread on the way there.
        let halves = row_space::SHARES + 2 * shape.threads.min(row_space::SHARES);
        let square = [(halves * n / 2) as u64, n as u64, F64];
        let mut decomposed = Moment::default();
        decomposed.add("the Gram matrix of the rows", FEWER_ROWS, square);
        let inner = Shape { m: n + m - d, stored: n * n, bytes: 8 * n * n, ..shape };
        let mut solved = dense_rows(inner);
        solved.add("the rows in coordinates of their own", FEWER_ROWS, [n as u64, n as u64, F64]);
        return vec![decomposed, solved];
    }
    let samples = sample_sizes(n, d + 1, k).last().filter(|_| {
        target.ids().is_some()
            && d < n
            && !(options.penalty_factors.iter().all(|v| v * options.lambda == 0.0))
    });
    let Some(rows) = samples else { return vec![] };
    let share = |all: usize| (all as u128 * rows as u128 / n as u128) as usize;
    // Dense rows are gathered in f32.
    let bytes = if design.is_sparse() { share(shape.bytes) } else { 4 * rows * d };
    let sampled = Shape { n: rows, stored: share(shape.stored), bytes, leads: true, ..shape };
    let by_values = design.is_sparse() && m > DENSE_COLUMNS;
    let mut moment = if by_values { sparse_rows(sampled) } else { dense_rows(sampled) };
    moment.add("a sample of the rows", FEWER_ROWS, [1, sampled.bytes as u64, 1]);
    vec![moment]
}

/// A smooth objective over dense blocks, its metric, and the solver; in reserve what slow steps ask for.
fn dense_rows(shape: Shape) -> Moment {
    let plan = Plan::new(shape.n, shape.m, shape.k, shape.rarest, true);
    let shared = plan.hessians != Hessians::Always && plan.may_share;
    let at_once = matches!(plan.hessians, Hessians::Always | Hessians::Next);
    let mut moment = dense_with(shape, plan, (at_once, shared && plan.shares_after(0.0)));
    let most = dense_with(shape, plan, (at_once || plan.hessians == Hessians::IfSlow, shared));
    moment.reserve = most.bytes().saturating_sub(moment.bytes());
    moment
}

/// With a Hessian, and with a block for all classes.
fn dense_with(shape: Shape, plan: Plan, (hessian, shared): (bool, bool)) -> Moment {
    let Shape { n, m, k, .. } = shape;
    let mut moment = Moment::default();
    let block = block(n, m + 3 * k);
    let count = n.div_ceil(block.rows);
    let mode = Mode { precision: precision(n, m, k), keep: shape.keep, leads: shape.leads };
    let kept = KeptBytes::new(block, count, (m, k), shape.bytes, mode);
    moment.add("copies of the rows", FEWER_ROWS, [1, (kept.double + kept.single) as u64, 1]);
    moment.add("probabilities of the rows", FEWER_ROWS, [1, kept.probabilities as u64, 1]);
    let ranges = ranges(count, shape.stored, m * k);
    let of_hessian = if hessian { pair_len(m, k) } else { 0 };
    let of_shared = if shared { m * m } else { 0 };
    // A gradient, or the moments before it.
    let sums = (m * k).max(of_hessian).max(of_shared);
    moment.add("sums by ranges of rows", FEWER_COLUMNS, [ranges as u64, sums as u64, F64]);
    let metric = (if hessian { (m * k).pow(2) } else { of_shared }) as u64;
    let what = if hessian { "the Hessian and its factors" } else { "a block of curvature and its factors" };
    moment.add(what, FEWER_COLUMNS, [METRIC, metric, F64]);
    let pairs = if plan.hessians == Hessians::Always { 0 } else { 4 * room(m * k) as u64 };
    moment.add(
        "vectors of the size of the coefficients",
        FEWER_COLUMNS,
        [VECTORS + cuts(m * k).len() as u64 + pairs, (m * k) as u64, F64],
    );
    // θ and a direction, in f64 or in both types.
    moment.add("coefficients packed for passes", FEWER_COLUMNS, [2, (m * k) as u64, F64]);
    let columns = 2 * m + if hessian { k * (k - 1) / 2 } else { 0 } + 2 * k;
    moment.add(
        "blocks at work",
        FEWER_COLUMNS,
        [shape.threads.min(ranges) as u64, block.len(columns) as u64, F64],
    );
    moment
}

/// A smooth objective over the stored values of a sparse design, and the solver.
fn sparse_rows(shape: Shape) -> Moment {
    let Shape { n, m, k, .. } = shape;
    let mut moment = Moment::default();
    let width = kernel::padded(k) as u64;
    moment.add("stored values by rows and by columns", FEWER_ROWS, [2, shape.stored as u64, STORED]);
    // Residuals in both types and probabilities in f32.
    moment.add("probabilities and residuals of the rows", FEWER_ROWS, [2 * width, n as u64, F64]);
    // The table of θ in both types.
    moment.add("tables of the coefficients", FEWER_COLUMNS, [3 * width, m as u64, F64 / 2]);
    let vectors = VECTORS + (cuts(m * k).len() + 4 * room(m * k)) as u64;
    moment.add("vectors of the size of the coefficients", FEWER_COLUMNS, [vectors, (m * k) as u64, F64]);
    moment
}

/// The likelihood by dense columns, and the solver.
fn dense_columns(shape: Shape) -> Moment {
    if packs_all(shape.n, shape.m) {
        return columns_with(shape, shape.m);
    }
    let mut moment = columns_with(shape, shape.m.min(AT_WORK));
    moment.reserve = columns_with(shape, shape.m).bytes().saturating_sub(moment.bytes());
    let reading = [(KEPT * shape.k + 1) as u64, (shape.n + shape.m) as u64, F64];
    moment.add("residuals and gradients of some points before", FEWER_COLUMNS, reading);
    moment
}

fn columns_with(shape: Shape, features: usize) -> Moment {
    let Shape { n, m, k, .. } = shape;
    let mut moment = Moment::default();
    let block = row_block(n, m, k);
    let count = n.div_ceil(block.rows);
    let tables = (block.len(7 * k) + 6 * block.rows) as u64;
    moment.add("tables of scores, probabilities and residuals", FEWER_ROWS, [count as u64, tables, F64]);
    moment.add("packed columns", FEWER_COLUMNS, [2 * count as u64, block.len(features) as u64, F64]);
    let weights = features * k;
    let explicit = explicit_pays(n as f64, weights as f64, EXPECTED_SWEEPS);
    let sums = (if explicit { pair_len(features, k) } else { 0 }).max(weights);
    moment.add("sums by ranges of rows", FEWER_COLUMNS, [count.min(SLOTS) as u64, sums as u64, F64]);
    if explicit {
        moment.add("the Hessian and its factor", FEWER_COLUMNS, [2 * weights as u64, weights as u64, F64]);
    }
    let vectors = [COMPOSITE_VECTORS, (m * k) as u64, F64];
    moment.add("vectors of the size of the coefficients", FEWER_COLUMNS, vectors);
    moment
}

/// The likelihood by the stored values of sparse columns, and the solver.
fn sparse_columns(shape: Shape) -> Moment {
    let Shape { n, m, k, .. } = shape;
    let mut moment = Moment::default();
    let width = kernel::padded(k) as u64;
    // All, and those in focus.
    moment.add("stored values by rows and by columns", FEWER_ROWS, [4, shape.stored as u64, STORED]);
    moment.add("tables of scores, probabilities and residuals", FEWER_ROWS, [6 * width + 2, n as u64, F64]);
    let vectors = [COMPOSITE_VECTORS, (m * k) as u64, F64];
    moment.add("vectors of the size of the coefficients", FEWER_COLUMNS, vectors);
    // How many weights are at work is for the values to say: their curvature, and the factor of a part of it.
    let weights = (m * k).min(WEIGHTS) as u64;
    moment.reserve = 2 * F64 * weights * weights;
    moment
}
