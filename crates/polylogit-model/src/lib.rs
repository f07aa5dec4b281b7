//! The artefact: a fitted model in one file that is data only.
//!
//! `model.safetensors` holds two tensors, `coef` (K × d) and `intercept` (K), and one metadata key,
//! `polylogit`, with the classes, the schema of the table and the record of the fit as JSON. Any reader of
//! safetensors opens it. [`to_json`](Artefact::to_json) writes the same as one JSON document and
//! [`from_json`](Artefact::from_json) reads it back bit by bit. `docs/format.md` describes both.
//!
//! Loading a file that somebody else made can fail ([`Error`]), never run anything, and never allocates
//! more than a small multiple of the bytes that the file really has.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let bytes = include_bytes!("../tests/attacks/valid.safetensors");
//! use polylogit_model::Artefact;
//!
//! let artefact = Artefact::from_bytes(bytes)?;
//! println!("{} classes, λ = {}", artefact.model().classes().len(), artefact.record().lambda);
//! let again = Artefact::from_json(&artefact.to_json()?)?;
//! assert_eq!(again.model(), artefact.model());
//! # Ok(())
//! # }
//! ```
//!
//! What it is not: it fits and predicts nothing ([`polylogit::Model`] does) and reads no tables.

mod artefact;
mod calibration;
mod error;
mod file;
mod history;
mod json;
mod record;
mod tensors;

pub use artefact::{Artefact, Limits};
pub use error::{Error, Result};
pub use file::replace_file;
pub use history::{Point, Trace, Validation, ValidationCurve};
pub use json::Summary;
pub use record::{FORMAT, Record};
