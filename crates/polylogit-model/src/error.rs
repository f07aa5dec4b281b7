//! Everything that can be wrong with a model file, one variant a way.

use std::io;
use std::path::PathBuf;

/// The artefact's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a model file, where, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened or read.
    #[error("the file cannot be read")]
    Read {
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be written; whatever stood there before still stands.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file to write.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is neither safetensors nor JSON.
    #[error("not a model: neither a safetensors file nor a JSON document of polylogit")]
    NotAModel,
    /// Safetensors or JSON, but made by another program.
    #[error(
        "a {what} file, but not one of polylogit (it has no `{key}`): give a file that `polylogit fit -o` wrote"
    )]
    Foreign {
        /// `safetensors` or `JSON`.
        what: &'static str,
        /// The key that is not there.
        key: &'static str,
    },
    /// The file was made by a later version of the format.
    #[error("made by a newer polylogit (format {found}); this one reads up to {supported}: update polylogit")]
    Newer {
        /// The file's format.
        found: u64,
        /// The last format known here.
        supported: u64,
    },
    /// The file ends before its content does.
    #[error("truncated: {found} bytes where {expected} are announced; copy or write the file again")]
    Truncated {
        /// Bytes announced.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// The file goes on behind its content.
    #[error("{extra} or more bytes follow the end of the model: the file is damaged")]
    Trailing {
        /// Bytes seen behind the end.
        extra: u64,
    },
    /// A length exceeds what is read from an untrusted file.
    #[error("{what} is {found}, more than the limit of {limit}: refused")]
    Limit {
        /// The length.
        what: &'static str,
        /// Its value.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The header of the safetensors file is not a header.
    #[error("damaged header: {problem}")]
    Header {
        /// What is wrong with it.
        problem: String,
    },
    /// The JSON inside is no JSON, or lacks a part.
    #[error("the description in it is damaged")]
    Json {
        /// Where and why.
        source: serde_json::Error,
    },
    /// A tensor that belongs to a model is not there.
    #[error("tensor `{name}` is missing")]
    MissingTensor {
        /// Its name.
        name: &'static str,
    },
    /// A tensor that does not belong to a model is there.
    #[error("unexpected tensor `{name}`: a model has `coef` and `intercept` only")]
    UnknownTensor {
        /// Its name.
        name: String,
    },
    /// A tensor has another type than f64.
    #[error("tensor `{name}` holds {found}, expected F64")]
    TensorType {
        /// Its name.
        name: &'static str,
        /// The type found.
        found: String,
    },
    /// A tensor's shape does not follow from the classes and the schema.
    #[error("`{name}` has shape {found:?}, expected {expected:?} (classes, features)")]
    Shape {
        /// The tensor.
        name: &'static str,
        /// Its shape after the classes and the schema.
        expected: Vec<usize>,
        /// The shape found.
        found: Vec<usize>,
    },
    /// A coefficient is NaN or infinite.
    #[error("the {what} of class {class} is {value}: a model's numbers are finite")]
    NotFinite {
        /// `intercept` or the feature's name.
        what: String,
        /// The class.
        class: String,
        /// The value.
        value: f64,
    },
    /// Fewer than two classes.
    #[error("the model has {found} classes: at least two are needed")]
    Classes {
        /// How many there are.
        found: usize,
    },
    /// A class is listed twice.
    #[error("class {class} is listed twice")]
    DuplicateClass {
        /// Its label.
        class: String,
    },
    /// The schema contradicts itself or the coefficients.
    #[error("the schema does not fit the model: {problem}")]
    Schema {
        /// What does not fit.
        problem: String,
    },
    /// A number of the fit record is out of its range.
    #[error("the record of the fit is damaged: {field} is {value}")]
    Record {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// A number of the calibration is out of its range.
    #[error("the calibration is damaged: {field} is {value}")]
    Calibration {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// A second calibration.
    #[error("the model is calibrated already ({method} scaling): calibrate the one that it was made from")]
    Calibrated {
        /// How it was.
        method: &'static str,
    },
    /// The engine refused the parts.
    #[error(transparent)]
    Engine(#[from] polylogit::Error),
}

impl From<serde_json::Error> for Error {
    fn from(source: serde_json::Error) -> Self {
        Self::Json { source }
    }
}
