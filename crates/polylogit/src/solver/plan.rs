//! Which curvature is worth its price, in passes by the seconds of `cost.rs`.

use crate::cost::{Shape, factorisation};

/// Parameters up to which the Hessian is factored at every step.
const ALWAYS_EXACT: usize = 160;
/// Passes that an exact Hessian may cost to be taken at every step.
const CHEAP_PASSES: f64 = 12.0;
/// Parameters up to which a Hessian is taken at all (72 MB).
const EXACT: usize = 3000;
/// Columns up to which a shared block is factored,
const SHARED: usize = 2500;
/// and rows for each column that it reads.
const SHARED_SAMPLE: usize = 64;
/// A shared block of more passes waits for a step of as many products as a share of them: rows of wide tables are often so
/// different from each other that the diagonal will do.
const DEAR: f64 = 20.0;
const WAITS: f64 = 0.5;
/// Rows for each parameter that a sampled Hessian reads,
const SAMPLE: f64 = 6.0;
/// and rows of the rarest class for each column.
const SAMPLE_RAREST: f64 = 1.0;
/// A Hessian of at most this cost is taken at once.
const AT_ONCE: f64 = 12.0;

/// When a Hessian is factored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hessians {
    Never,
    /// When the last step was slow.
    IfSlow,
    /// At the next step.
    Next,
    Always,
}

/// Which curvature a fit of some shape takes, and what it costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) hessians: Hessians,
    /// Every how manyth block a sampled Hessian reads, and its cost in passes.
    pub(crate) every: usize,
    pub(crate) hessian_cost: f64,
    /// That of all rows.
    pub(super) whole_cost: f64,
    /// Is one block for all classes formed where no Hessian is, and at which cost in passes?
    pub(crate) may_share: bool,
    pub(crate) shared_cost: f64,
    /// Every how manyth block of rows it reads.
    pub(crate) shared_every: usize,
    /// Seconds of such a pass.
    pass: f64,
}

/// Is the Hessian of this shape factored at every step?
pub(crate) fn always_exact(rows: usize, columns: usize, classes: usize) -> bool {
    let parameters = columns * classes;
    parameters <= ALWAYS_EXACT
        || parameters <= EXACT && hessian_cost(rows, columns, classes, 1) <= CHEAP_PASSES
}

/// Passes of 4·n·m·K flops that a factored Hessian of every `every`th block costs.
fn hessian_cost(rows: usize, columns: usize, classes: usize, every: usize) -> f64 {
    let shape = Shape { rows, columns: columns.max(1), classes };
    (shape.hessian() / every as f64 + factorisation(columns * classes)) / shape.products()
}

impl Plan {
    /// For n rows, m columns and K classes, the rarest of which has a share `rarest` of the weight; `dense`: is there
    /// explicit curvature beyond the diagonal?
    pub(crate) fn new(n: usize, m: usize, k: usize, rarest: f64, dense: bool) -> Self {
        let parameters = m * k;
        let sample = (SAMPLE * parameters as f64).max(SAMPLE_RAREST * m as f64 / rarest);
        #[expect(clippy::cast_sign_loss, reason = "both are positive")]
        let every = if always_exact(n, m, k) { 1 } else { ((n as f64 / sample) as usize).max(1) };
        let shape = Shape { rows: n, columns: m.max(1), classes: k };
        let hessian_cost = hessian_cost(n, m, k, every);
        let hessians = if always_exact(n, m, k) {
            Hessians::Always
        } else if parameters > EXACT || !dense {
            Hessians::Never
        } else if hessian_cost <= AT_ONCE {
            Hessians::Next
        } else {
            Hessians::IfSlow
        };
        let shared_every = (n / (SHARED_SAMPLE * m.max(1))).max(1);
        Self {
            hessians,
            every,
            hessian_cost,
            whole_cost: self::hessian_cost(n, m, k, 1),
            may_share: m <= SHARED && dense,
            shared_every,
            shared_cost: (shape.shared_block() / shared_every as f64 + factorisation(m)) / shape.products(),
            pass: shape.products(),
        }
    }

    /// Is a shared block formed after a step of so many products?
    pub(crate) fn shares_after(&self, products: f64) -> bool {
        self.may_share && (self.shared_cost <= DEAR || products >= WAITS * self.shared_cost)
    }

    /// Has Hessians read all rows from now on.
    pub(super) fn read_all(&mut self) {
        (self.every, self.hessian_cost) = (1, self.whole_cost);
    }

    /// The method's name and the reason for it; seconds are those of `cost.rs`.
    pub(super) fn explain(&self) -> (&'static str, String) {
        let cost = |passes: f64| {
            let seconds = passes * self.pass;
            let (value, unit) = [(1.0, "s"), (1e-3, "ms")]
                .into_iter()
                .find_map(|(one, unit)| (seconds >= one).then_some((seconds / one, unit)))
                .unwrap_or((seconds * 1e6, "µs"));
            let digits = usize::from(value < 9.95);
            let few = usize::from(passes < 9.95);
            format!("{value:.digits$} {unit} ({passes:.few$} passes)")
        };
        let (hessian, shared) = (cost(self.hessian_cost), cost(self.shared_cost));
        if self.hessians == Hessians::Always {
            return ("newton", format!("an exact Hessian costs about {hessian}: factored at every step"));
        }
        if !self.may_share {
            let reason = "too many columns for a dense block: conjugate gradients with the diagonal";
            return ("newton-cg", reason.into());
        }
        let of = if self.every > 1 {
            format!("the Hessian of 1/{} of the rows", self.every)
        } else {
            "an exact Hessian".into()
        };
        let reason = match self.hessians {
            Hessians::Next => format!("{of} costs about {hessian}: conjugate gradients with it"),
            hessians => {
                let with = if self.shares_after(0.0) { "block" } else { "diagonal" };
                let then = match (self.shares_after(0.0), hessians == Hessians::IfSlow) {
                    (true, true) => ", the Hessian when those grow slow",
                    (true, false) => "",
                    (false, true) => ", the block or the Hessian when those grow slow",
                    (false, false) => ", the block when those grow slow",
                };
                format!(
                    "{of} costs about {hessian}, one block for all classes {shared}: conjugate gradients with the \
                     {with}{then}"
                )
            }
        };
        ("newton-cg", reason)
    }
}
