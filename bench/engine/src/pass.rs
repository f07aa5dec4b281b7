//! `pass`: one evaluation of F and its gradient, and one Hessian product, against the roofline.
//!
//! Both are computed in f64 here, whatever X is stored in: so the roofline takes the bytes of X as stored, once, and the
//! flops of f64. A sparse pass reads X by rows and by columns, θ once at least, and writes and reads residuals (n × K):
//! these are its bytes. Rows of θ and of residuals that stored values meet (`gathered_bytes`) come from caches at best; they
//! are told beside it.

use anyhow::Result;
use polylogit::objective::SoftmaxObjective;
use polylogit::{Coefficients, Csr, Design, Target};
use serde_json::{Value, json};

use crate::ceilings::Ceilings;
use crate::clock;
use crate::data::{Stream, random_coefficients, random_labels};

const CLASSES: [usize; 4] = [3, 10, 100, 1000];
const FEATURES: [usize; 4] = [10, 54, 384, 768];
/// Bytes of X: beyond the caches; less where a pass is bound by arithmetic anyhow.
const BYTES: usize = 96 << 20;
const BYTES_WIDE: usize = 16 << 20;
/// n·K is kept below this, so that K does not decide how much memory is needed.
const SCORES: usize = 40_000_000;
/// A row of sparse text: this many of so many features.
const SPARSE_ROW: usize = 100;
const SPARSE_FEATURES: usize = 100_000;
const SPARSE_ROWS: usize = 50_000;
/// Rows and features where K is large: with W of 100000 × 1000 it would be measured, not X.
const SPARSE_WIDE: (usize, usize) = (4_000, 2_000);
/// A stored value and its index.
const STORED_BYTES: f64 = 12.0;
/// The quick table: a narrow and a wide K, a narrow and a wide d.
const QUICK: ([usize; 2], [usize; 2]) = ([3, 100], [54, 384]);
/// Seconds that the timed passes of one shape should take at most; three are made anyhow.
const PATIENCE: f64 = 1.0;

/// Seconds of a pass over X, as a share of the roofline.
#[derive(Debug, clap::Args)]
pub(crate) struct PassArgs {
    /// Only these K
    #[arg(long, value_delimiter = ',')]
    classes: Vec<usize>,
    /// Only these d
    #[arg(long, value_delimiter = ',')]
    features: Vec<usize>,
    /// Only these kinds of X: f32, f64, csr
    #[arg(long, value_delimiter = ',', default_values = ["f32", "f64", "csr"])]
    kinds: Vec<String>,
    /// Timed passes for each shape
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Few shapes
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(args: &PassArgs) -> Result<Value> {
    let ceilings = Ceilings::measure();
    let all = |given: &[usize], full: [usize; 4], quick: [usize; 2]| match given {
        [] if args.quick => quick.to_vec(),
        [] => full.to_vec(),
        given => given.to_vec(),
    };
    let mut passes = Vec::new();
    let wants = |kind: &str| args.kinds.iter().any(|k| k == kind);
    for k in all(&args.classes, CLASSES, QUICK.0) {
        for d in all(&args.features, FEATURES, QUICK.1) {
            for kind in ["f32", "f64"].into_iter().filter(|kind| wants(kind)) {
                passes.push(dense(args, &ceilings, k, d, kind == "f32")?);
            }
        }
        if wants("csr") {
            passes.push(sparse(args, &ceilings, k)?);
        }
    }
    Ok(json!({ "ceilings": ceilings.to_json(), "passes": passes }))
}

fn dense(args: &PassArgs, ceilings: &Ceilings, k: usize, d: usize, single: bool) -> Result<Value> {
    let bytes = if k >= 1000 { BYTES_WIDE } else { BYTES };
    let width = if single { 4 } else { 8 };
    let n = (bytes / (width * d)).min(SCORES / k).max(2 * k);
    let mut stream = Stream(1);
    let target = random_labels(n, k, &mut stream)?;
    let at = random_coefficients(k, d, &mut stream)?;
    let pass = if single {
        let x: Vec<f32> = (0..n * d).map(|_| stream.uniform() as f32).collect();
        pass_seconds(&Design::dense(&x, n, d)?, &target, &at, args.runs)?
    } else {
        let x = stream.uniforms(n * d);
        pass_seconds(&Design::dense(&x, n, d)?, &target, &at, args.runs)?
    };
    let bytes = (width * n * d) as f64;
    let roofline = ceilings.roofline_pass(bytes, (n * d) as f64, k, false);
    let kind = if single { "f32" } else { "f64" };
    Ok(pass.against(
        roofline,
        json!({ "kind": kind, "products": "f64", "n": n, "d": d, "k": k, "bytes": bytes }),
    ))
}

/// Columns of a row are drawn with a preference for low ones, as words are.
fn sparse(args: &PassArgs, ceilings: &Ceilings, k: usize) -> Result<Value> {
    let (n, d) = if k >= 1000 { SPARSE_WIDE } else { (SPARSE_ROWS.min(SCORES / k), SPARSE_FEATURES) };
    let mut stream = Stream(2);
    let (mut indices, mut indptr) = (Vec::new(), vec![0u32]);
    for _ in 0..n {
        let mut row: Vec<u32> = (0..SPARSE_ROW)
            .map(|_| stream.uniform().abs().powi(3))
            .map(|u| (u * d as f64).min(d as f64 - 1.0))
            .map(column)
            .collect();
        row.sort_unstable();
        row.dedup();
        indices.extend(row);
        indptr.push(indices.len() as u32);
    }
    let values = stream.uniforms(indices.len());
    let target = random_labels(n, k, &mut stream)?;
    let at = random_coefficients(k, d, &mut stream)?;
    let design = Design::sparse(Csr::new(&values[..], &indices[..], &indptr[..]), d)?;
    let pass = pass_seconds(&design, &target, &at, args.runs)?;
    let stored = design.stored() as f64;
    // θ in, its gradient out; residuals out and in.
    let row = (8 * k.next_multiple_of(8)) as f64;
    let bytes = 2.0 * STORED_BYTES * stored + 2.0 * row * (n + d) as f64;
    let roofline = ceilings.roofline_pass(bytes, stored, k, false);
    let what = json!({
        "kind": "csr", "products": "f64", "n": n, "d": d, "k": k, "stored": design.stored(), "bytes": bytes,
        "gathered_bytes": 2.0 * row * stored,
    });
    Ok(pass.against(roofline, what))
}

#[expect(clippy::cast_sign_loss, reason = "columns are not negative")]
fn column(u: f64) -> u32 {
    u as u32
}

/// Median seconds of F and ∂F, and of ∇²F·v after it.
struct Pass {
    gradient: f64,
    product: f64,
}

impl Pass {
    fn against(&self, roofline: f64, mut what: Value) -> Value {
        let measured = json!({
            "roofline_seconds": roofline,
            "seconds": self.gradient, "share": roofline / self.gradient,
            "product_seconds": self.product, "product_share": roofline / self.product,
        });
        if let (Value::Object(what), Value::Object(measured)) = (&mut what, measured) {
            what.extend(measured);
        }
        what
    }
}

/// The one place that knows how a pass is made. A product comes with the pass that it needs, which is taken off: that of
/// its own turn, for a shared machine is faster in one second than in the next.
fn pass_seconds(design: &Design<'_>, target: &Target, at: &Coefficients, runs: usize) -> Result<Pass> {
    let mut objective = SoftmaxObjective::new(design, target)?;
    let (once, first) = clock::timed(|| objective.gradient(at));
    first?;
    let runs = if once * runs as f64 > PATIENCE { runs.min(3) } else { runs };
    let (mut gradients, mut products) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for _ in 0..runs {
        let gradient = clock::timed(|| std::hint::black_box(objective.gradient(at)).ok()).0;
        let both = clock::timed(|| std::hint::black_box(objective.hessian_vector_product(at, at)).ok()).0;
        gradients.push(gradient);
        products.push(both - gradient);
    }
    // On a busy machine the difference may be nothing: then it is not known.
    let product = Some(clock::median(products)).filter(|product| *product > 0.0).unwrap_or(f64::NAN);
    Ok(Pass { gradient: clock::median(gradients), product })
}
