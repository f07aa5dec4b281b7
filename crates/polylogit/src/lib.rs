//! Multinomial (softmax) logistic regression: certified, fast, explained.
//!
//! Every fit minimises, over the weights W (K × d) and the intercepts b (K) of n rows in K classes,
//!
//! ```text
//! F(W, b) = (1/S) Σ_i s_i [ logsumexp(z_i) − y_i·z_i ] + (λ/2) Σ_j v_j ‖W_·j‖²      z_i = W x_i + b (+ offset_i)
//! ```
//!
//! with S = Σ s_i, and returns with it a rigorous upper bound on F − F* ([`Certificate`]). Columns of any
//! scale go in as they are.
//!
//! # A complete example
//!
//! ```
//! use polylogit::{Design, LogisticRegression, Target};
//!
//! // Six flowers: petal length and width in cm, and the species.
//! let x = [1.4, 0.2, 1.3, 0.2, 4.7, 1.4, 4.5, 1.5, 6.0, 2.5, 5.9, 2.1];
//! let design = Design::dense(&x, 6, 2)?;
//! let target = Target::from_labels(["setosa", "setosa", "versicolor", "versicolor", "virginica", "virginica"])?;
//!
//! let fit = LogisticRegression::new().c(1.0).fit(&design, &target)?;
//! assert!(fit.status.is_converged());
//! assert!(fit.certificate.relative_gap <= 1e-6); // no weights anywhere are better by more than this
//!
//! let new = [5.8, 2.2];
//! let classes = fit.model.predict(&Design::dense(&new, 1, 2)?)?;
//! assert_eq!(fit.model.classes()[classes[0]].to_string(), "virginica");
//! let p = fit.model.probabilities(&Design::dense(&new, 1, 2)?)?;
//! assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
//! # Ok::<(), polylogit::Error>(())
//! ```
//!
//! # Where things are
//!
//! - [`softmax`](mod@softmax): the formula itself, its Jacobian and their products, on slices.
//! - [`Design`], [`Csr`], [`Target`]: what goes in, borrowed and checked.
//! - [`LogisticRegression`]: how to fit; [`Fit`]: what came out; [`Model`]: what predicts.
//! - [`SoftmaxObjective`](objective::SoftmaxObjective): F, its gradient, Hessian and Hessian-vector product at any point.
//! - [`inference`]: standard errors, tests, intervals and effects of a fit.
//! - [`metrics`]: accuracy, log loss, Brier score, confusion; [`calibration`]: reliability of probabilities.
//! - [`cost`]: what work costs, in seconds of a fixed machine.
//! - [`memory`]: how much a fit takes beside the data, known before it starts.
//! - [`Error`]: everything that can be wrong with the input. How a fit ended is a [`Status`](solver::Status).
//!
//! The engine knows no files, terminal, environment or clock: the same input gives the same bits, for any
//! number of threads.

pub mod calibration;
pub mod certificate;
mod coefficients;
mod composite;
mod convention;
pub mod cost;
mod cv;
mod design;
pub mod error;
mod fit;
mod folds;
pub mod inference;
mod kernel;
mod label;
mod lead;
mod linalg;
pub mod memory;
pub mod metrics;
mod model;
pub mod objective;
mod options;
mod parallel;
mod path;
mod problem;
mod row_space;
mod scalar;
pub mod softmax;
pub mod solver;
mod target;

pub mod diagnose;

pub use certificate::{Certificate, CertificateKind};
pub use coefficients::Coefficients;
pub use convention::Convention;
pub use cv::{Choice, CrossValidation, Curve, Score, Validated};
pub use design::{Csr, CsrIndices, CsrValues, Design};
pub use error::{Error, Result};
pub use fit::Fit;
pub use label::Label;
pub use model::Model;
pub use options::LogisticRegression;
pub use path::{Lambdas, Path, PathPoint};
pub use scalar::Scalar;
pub use target::Target;
