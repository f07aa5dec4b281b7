//! `fit` and `worker`: whole fits of data in memory.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use anyhow::{Context, Result};
use polylogit::solver::{Event, Observer};
use polylogit::{Design, Fit, LogisticRegression, Target};
use serde_json::{Value, json};

use crate::clock::{self, median};
use crate::data::{self, Matrix};
use crate::{memory, npy};

/// Fits R times and tells of it.
#[derive(Debug, clap::Args)]
pub(crate) struct FitArgs {
    #[command(flatten)]
    problem: ProblemArgs,
    /// Certified relative gap that ends the fit
    #[arg(long, default_value_t = 1e-6)]
    tol: f64,
    /// Runs before those that count
    #[arg(long, default_value_t = 0)]
    warmup: u32,
    /// Runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Write PREFIX.weights.npy (K × d) and PREFIX.intercepts.npy (K)
    #[arg(long, value_name = "PREFIX")]
    save: Option<PathBuf>,
}

/// The data and the objective.
#[derive(Debug, clap::Args)]
pub(crate) struct ProblemArgs {
    #[command(flatten)]
    x: XArgs,
    /// Integer labels, .npy
    #[arg(long)]
    y: PathBuf,
    #[command(flatten)]
    options: OptionArgs,
}

/// Where X comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct XArgs {
    /// Dense float32 or float64, .npy
    #[arg(long, required_unless_present = "csr", conflicts_with = "csr")]
    x: Option<PathBuf>,
    /// Sparse: data,indices,indptr, three .npy
    #[arg(long, value_delimiter = ',', requires = "features")]
    csr: Vec<PathBuf>,
    /// d of the sparse matrix
    #[arg(long)]
    features: Option<usize>,
}

impl XArgs {
    pub(crate) fn load(&self) -> Result<Matrix> {
        match &self.x {
            Some(path) => Matrix::dense(path),
            None => Matrix::sparse(&self.csr, self.features.context("--csr wants --features")?),
        }
    }
}

/// What is fitted.
#[derive(Debug, clap::Args)]
pub(crate) struct OptionArgs {
    /// Inverse strength, λ = 1/(C·S)
    #[arg(long, default_value_t = 1.0, conflicts_with = "lambda")]
    c: f64,
    /// Strength of the penalty on the mean loss
    #[arg(long)]
    lambda: Option<f64>,
    /// Share α of the L1 norm in the penalty
    #[arg(long, default_value_t = 0.0)]
    l1_ratio: f64,
    /// Penalise ‖W_·j‖₂ in place of ‖W_·j‖₁
    #[arg(long)]
    grouped: bool,
    /// Penalise standardised columns
    #[arg(long)]
    standardize: bool,
    /// Threads [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
    /// Bytes that a fit may take beside X and the labels
    #[arg(long)]
    memory_limit: Option<u64>,
}

impl OptionArgs {
    fn builder(&self) -> LogisticRegression {
        let new = LogisticRegression::new().standardize(self.standardize);
        let new = new.l1_ratio(self.l1_ratio).grouped(self.grouped);
        let new = self.lambda.map_or(new.clone().c(self.c), |lambda| new.lambda(lambda));
        let new = self.threads.map_or(new.clone(), |threads| new.threads(threads));
        self.memory_limit.map_or(new.clone(), |limit| new.memory_limit(limit))
    }
}

/// One fit with the seconds it took and its steps.
struct Run {
    seconds: f64,
    trajectory: Vec<(f64, Event)>,
    fit: Fit,
}

/// A line `TOL REPEAT PREFIX [LIMIT]`; after LIMIT seconds a fit ends with what it has.
pub(crate) struct Request {
    pub(crate) tol: f64,
    pub(crate) repeat: u32,
    pub(crate) prefix: PathBuf,
    pub(crate) limit: f64,
}

impl FromStr for Request {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (&[tol, repeat, prefix], limit) =
            words.split_first_chunk().context("a request is `TOL REPEAT PREFIX [LIMIT]`")?;
        let limit = limit.first().map_or(Ok(f64::INFINITY), |l| l.parse())?;
        Ok(Self { tol: tol.parse()?, repeat: repeat.parse()?, prefix: prefix.into(), limit })
    }
}

/// Keeps the steps, and ends the fit when its time is over.
pub(crate) struct Watch {
    start: Instant,
    limit: f64,
    steps: Vec<(f64, Event)>,
}

impl Watch {
    pub(crate) fn new(limit: f64) -> Self {
        Self { start: Instant::now(), limit, steps: Vec::with_capacity(1000) }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.start.elapsed().as_secs_f64() > self.limit
    }
}

impl Observer for Watch {
    fn step(&mut self, event: &Event) -> ControlFlow<()> {
        self.steps.push((self.start.elapsed().as_secs_f64(), *event));
        ControlFlow::Continue(())
    }

    fn cancelled(&self) -> bool {
        self.is_over()
    }
}

pub(crate) fn run(args: &FitArgs) -> Result<Value> {
    let matrix = args.problem.x.load()?;
    let design = matrix.design()?;
    let target = data::labels(&args.problem.y)?;
    let builder = args.problem.options.builder().tol(args.tol);
    for _ in 0..args.warmup {
        once(&builder, &design, &target, f64::INFINITY)?;
    }
    fits(&builder, &design, &target, args.repeat, f64::INFINITY, args.save.as_deref())
}

/// Loads, fits a few random rows to warm up, then answers requests as bench/worker.py says.
pub(crate) fn serve(args: &ProblemArgs) -> Result<()> {
    answer(args, |builder, design, target, request| {
        fits(builder, design, target, request.repeat, request.limit, Some(&request.prefix))
    })
}

/// The loop of a worker.
pub(crate) fn answer(
    args: &ProblemArgs,
    work: impl Fn(&LogisticRegression, &Design<'_>, &Target, &Request) -> Result<Value>,
) -> Result<()> {
    let matrix = args.x.load()?;
    let design = matrix.design()?;
    let target = data::labels(&args.y)?;
    // Work enough to start the threads, memory so little that what the allocator keeps of it hides no peak.
    let mut stream = data::Stream(0);
    let (few, labels) = (stream.uniforms(1 << 16), data::random_labels(1 << 12, 32, &mut stream)?);
    args.options.builder().tol(0.5).fit(&Design::dense(&few, 1 << 12, 16)?, &labels)?;
    drop((few, labels));
    say(&json!({ "ready": true }))?;
    for line in std::io::stdin().lines() {
        let request: Request = line?.parse()?;
        say(&work(&args.options.builder().tol(request.tol), &design, &target, &request)?)?;
    }
    Ok(())
}

fn say(told: &Value) -> Result<()> {
    println!("{told}");
    Ok(std::io::stdout().flush()?)
}

fn fits(
    builder: &LogisticRegression,
    design: &Design<'_>,
    target: &Target,
    repeat: u32,
    limit: f64,
    prefix: Option<&Path>,
) -> Result<Value> {
    memory::forget_peak();
    let before = memory::resident();
    let mut runs = vec![once(builder, design, target, limit)?];
    let peak = memory::peak();
    for _ in 1..repeat {
        runs.push(once(builder, design, target, limit)?);
    }
    if let Some(prefix) = prefix {
        save(prefix, &runs[0].fit)?;
    }
    let mut told = json!({
        "n": design.rows(), "d": design.features(), "k": target.classes().len(), "stored": design.stored(),
        "seconds": runs.iter().map(|r| r.seconds).collect::<Vec<_>>(),
        "median_seconds": median(runs.iter().map(|r| r.seconds).collect()),
        "data_bytes": before, "peak_bytes": peak, "extra_bytes": peak.saturating_sub(before),
    });
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let typical = &runs[(runs.len() - 1) / 2];
    let Value::Object(of_fit) = describe(typical) else { return Ok(told) };
    told.as_object_mut().context("an object")?.extend(of_fit);
    Ok(told)
}

fn once(builder: &LogisticRegression, design: &Design<'_>, target: &Target, limit: f64) -> Result<Run> {
    let mut watch = Watch::new(limit);
    let (seconds, fit) = clock::timed(|| builder.fit_observed(design, target, &mut watch));
    Ok(Run { seconds, trajectory: watch.steps, fit: fit? })
}

fn describe(run: &Run) -> Value {
    let Fit { certificate, .. } = &run.fit;
    let trajectory: Vec<Value> = run
        .trajectory
        .iter()
        .map(|(seconds, e)| {
            json!({ "seconds": seconds, "passes": e.passes, "objective": e.objective, "relative_gap": e.relative_gap })
        })
        .collect();
    json!({
        "status": run.fit.status.name(), "solver": run.fit.solver, "reason": run.fit.reason,
        "steps": run.fit.steps, "passes": run.fit.passes, "lambda": run.fit.lambda,
        "objective": run.fit.objective,
        "certificate": {
            "kind": certificate.kind.name(), "gap": certificate.gap, "relative_gap": certificate.relative_gap,
        },
        "nonzeros": run.fit.model.coefficients().weights().iter().filter(|w| **w != 0.0).count(),
        "trajectory": trajectory,
    })
}

fn save(prefix: &Path, fit: &Fit) -> Result<()> {
    let c = fit.model.coefficients();
    npy::write(&named(prefix, "weights"), &[c.classes(), c.features()], c.weights())?;
    npy::write(&named(prefix, "intercepts"), &[c.classes()], c.intercepts())
}

/// PREFIX.what.npy
pub(crate) fn named(prefix: &Path, what: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(format!(".{what}.npy"));
    name.into()
}
