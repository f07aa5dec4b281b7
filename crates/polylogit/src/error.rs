//! Everything that can be wrong with what a caller hands over, one variant a remedy.
//!
//! Rows, columns and classes are counted from 0. How a fit *ended* is no error: see
//! [`Status`](crate::solver::Status).

/// The engine's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice is not as long as the shapes that belong to it.
    #[error("{what} has {found} values where {expected} are needed ({shape})")]
    Shape {
        /// The argument's name.
        what: &'static str,
        /// How the expected length comes about, e.g. `rows × features`.
        shape: &'static str,
        /// The expected length.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
    /// The product of the shapes does not fit the machine's integers.
    #[error("{what} is too large for this machine")]
    TooLarge {
        /// The product.
        what: &'static str,
    },
    /// There is no row to learn from.
    #[error("the table has no rows")]
    NoRows,
    /// A value of the design matrix is NaN or infinite.
    #[error(
        "row {row}, column {column} is {value}: every value must be finite (impute or drop missing ones)"
    )]
    NotFinite {
        /// Row of the value.
        row: usize,
        /// Column of the value.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A compressed sparse row matrix breaks its own layout.
    #[error("sparse matrix: {problem} at position {position}")]
    Sparse {
        /// What is broken.
        problem: &'static str,
        /// Index into the array that breaks it.
        position: usize,
    },
    /// X and the target differ in their number of rows.
    #[error("X has {design} rows, the target has {target}")]
    Rows {
        /// Rows of X.
        design: usize,
        /// Rows of the target.
        target: usize,
    },
    /// A class id is not below the number of classes.
    #[error("row {row} has class {class}, but there are only {classes} classes (0 to {})", .classes.saturating_sub(1))]
    ClassOutOfRange {
        /// Row of the label.
        row: usize,
        /// The class id found.
        class: usize,
        /// The number of classes.
        classes: usize,
    },
    /// All rows (of positive weight) belong to one class.
    #[error("the target has one class only ({class}): at least two are needed to tell apart")]
    OneClass {
        /// The only class.
        class: String,
    },
    /// A class that is listed has no row of positive weight, so its intercept would run to −∞.
    #[error("class {class} has no rows: leave it out of the classes")]
    EmptyClass {
        /// The class without rows.
        class: String,
    },
    /// Two classes carry the same label.
    #[error("class {class} is listed twice")]
    DuplicateClass {
        /// The repeated label.
        class: String,
    },
    /// A soft label is not a distribution over the classes.
    #[error(
        "soft label of row {row} is not a distribution (found {problem}): entries must be ≥ 0 and sum to 1"
    )]
    SoftLabel {
        /// Row of the label.
        row: usize,
        /// What was found.
        problem: String,
    },
    /// A sample weight is zero, negative, NaN or infinite.
    #[error("weight of row {row} is {value}: weights must be positive and finite (drop rows of weight 0)")]
    Weight {
        /// Row of the weight.
        row: usize,
        /// The weight.
        value: f64,
    },
    /// An offset is NaN or infinite.
    #[error("offset of row {row}, class {class} is {value}: offsets must be finite")]
    Offset {
        /// Row of the offset.
        row: usize,
        /// Class of the offset.
        class: usize,
        /// The value.
        value: f64,
    },
    /// An option lies outside its range.
    #[error("{option} is {value}: it must be {range}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: String,
        /// The values allowed.
        range: &'static str,
    },
    /// A group of features that cannot be one.
    #[error("group {group}: {problem}")]
    Group {
        /// Which group.
        group: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The model and the rows to predict have different widths.
    #[error("the model has {expected} features, the rows have {found}")]
    Features {
        /// Features of the model.
        expected: usize,
        /// Features of the rows.
        found: usize,
    },
    /// A coefficient or an intercept is NaN or infinite.
    #[error("{what} of class {class} is {value}: coefficients must be finite")]
    Coefficient {
        /// Which one.
        what: String,
        /// Its class.
        class: usize,
        /// The value.
        value: f64,
    },
    /// All rows of a class are in one fold of a cross-validation, so that it is unknown where they are held out.
    #[error("all rows of class {class} are in fold {fold}: spread them over the folds")]
    FoldWithoutClass {
        /// The fold.
        fold: usize,
        /// The class.
        class: String,
    },
    /// A function of probabilities got something that is none.
    #[error(
        "probability of row {row}, class {class} is {value}: probabilities lie in [0, 1] and a row sums to 1"
    )]
    Probability {
        /// Row of the value.
        row: usize,
        /// Class of the value.
        class: usize,
        /// The value.
        value: f64,
    },
    /// Unpenalised classes are told apart without error, so that estimates are infinite.
    #[error(
        "the classes are {}separated, so their estimates are infinite: use Firth's penalty or a ridge, or drop columns",
        if *complete { "" } else { "quasi-" }
    )]
    Separated {
        /// The classes that are told apart.
        classes: Vec<usize>,
        /// Columns that suffice for it.
        columns: Vec<usize>,
        /// Without rows on the boundary?
        complete: bool,
    },
    /// Statistics of a penalised fit were asked for.
    #[error(
        "the fit is penalised (lambda {lambda}): its estimates are biased by an unknown amount that standard errors \
         leave out, so p-values would be wrong; fit without a penalty, or ask for them despite it"
    )]
    Penalised {
        /// λ.
        lambda: f64,
    },
    /// Statistics of soft labels were asked for.
    #[error("statistics need one class for each row: soft labels are no observations")]
    SoftStatistics,
    /// Leverage and influence of a fit by Firth's method were asked for.
    #[error("leverage and influence are those of the likelihood's maximum, which Firth's estimates are not")]
    FirthInfluence,
    /// Sampling weights with a covariance or a test that they make wrong.
    #[error("sampling weights make no likelihood: use the covariance hc0, hc1 or cluster, and Wald's tests")]
    SamplingCovariance,
    /// A cluster covariance without enough clusters.
    #[error(
        "there are {found} clusters: a cluster covariance needs the cluster of each row, and two or more of them"
    )]
    Clusters {
        /// How many there are.
        found: usize,
    },
    /// A linear hypothesis that no coefficients satisfy.
    #[error("contrast {row} (counted from 0) contradicts the others: no coefficients satisfy them all")]
    Contradiction {
        /// One of the contrasts that cannot hold together.
        row: usize,
    },
    /// The number of rows does not exceed that of the parameters.
    #[error(
        "{rows} rows are too few for {parameters} parameters: leave out columns, or use the covariance hc0"
    )]
    TooFewRows {
        /// N.
        rows: f64,
        /// p.
        parameters: usize,
    },
    /// The solver did not arrive at the maximum of the likelihood.
    #[error(
        "the fit stopped before the maximum of the likelihood (decrement {decrement:.1e}): allow more steps; if that \
         does not help, the classes are nearly separated"
    )]
    NoMaximum {
        /// Twice the log-likelihood that is missing, about.
        decrement: f64,
    },
    /// The information matrix cannot be inverted.
    #[error(
        "the information matrix is singular to rounding: classes are nearly separated or columns nearly dependent"
    )]
    SingularInformation,
    /// A score is NaN or infinite.
    #[error("score of row {row}, class {class} is {value}: scores must be finite")]
    Score {
        /// Row of the score.
        row: usize,
        /// Class of the score.
        class: usize,
        /// The value.
        value: f64,
    },
    /// Held-out rows that are all predicted rightly, so that ever larger scores suit them better.
    #[error(
        "every held-out row is predicted rightly, so the best temperature is 0: the rows are too few or too easy to \
         calibrate on (a vector scaling is penalised, and has an answer)"
    )]
    HeldOutSeparated,
    /// Scores that are no better than none on the held-out rows.
    #[error(
        "the best temperature is infinite: on the held-out rows the scores are no better than equal probabilities; are \
         they of the same kind as the training rows?"
    )]
    NoSkill,
    /// A fit would take more memory than it may.
    #[error(
        "the fit needs about {} beside the data ({parts}), {} are allowed: {remedy}, or allow it more memory",
        size(*needed), size(*limit)
    )]
    Memory {
        /// Bytes that it would take.
        needed: u64,
        /// Bytes that it may take.
        limit: u64,
        /// What most of them are for.
        parts: String,
        /// What would need less.
        remedy: &'static str,
    },
    /// An observer ended the fit before it could say anything.
    #[error("the fit was interrupted")]
    Cancelled,
}

/// Bytes as people read them, e.g. `4.1 GiB`.
pub fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "bytes");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1023.5 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if value < 9.95 && unit != "bytes" { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// `Ok` if `found == expected`, else [`Error::Shape`].
pub(crate) fn check_len(
    what: &'static str,
    shape: &'static str,
    expected: usize,
    found: usize,
) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Shape { what, shape, expected, found }) }
}
