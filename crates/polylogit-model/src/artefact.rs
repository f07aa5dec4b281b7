//! A model with its schema and its record, checked as a whole.

use crate::error::{Error, Result};
use crate::record::Record;
use crate::{calibration, file, json, tensors};
use polylogit::calibration::Scaling;
use polylogit::{Coefficients, Label, Model};
use polylogit_data::Schema;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

/// What is read at most from a file that somebody else made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a safetensors header.
    pub header: u64,
    /// Coefficients and intercepts together.
    pub coefficients: u64,
    /// Bytes of a JSON document.
    pub json: u64,
}

impl Limits {
    /// 64 MiB of header, 2²⁸ coefficients (2 GiB), 1 GiB of JSON.
    pub const DEFAULT: Self = Self { header: 64 << 20, coefficients: 1 << 28, json: 1 << 30 };
}

/// A fitted model, what its columns mean and how it came about.
///
/// Whoever holds one holds finite coefficients of the shape that its classes and its schema ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Artefact {
    model: Model,
    schema: Schema,
    record: Record,
    calibration: Option<Scaling>,
}

impl Artefact {
    /// From the parts.
    ///
    /// # Errors
    /// [`Error::Classes`], [`Error::DuplicateClass`], [`Error::Shape`], [`Error::Schema`] or
    /// [`Error::Record`] where the parts do not fit each other.
    pub fn new(model: Model, schema: Schema, record: Record) -> Result<Self> {
        check_classes(model.classes())?;
        check_schema(&schema)?;
        record.check()?;
        let (k, d) = (model.coefficients().classes(), model.coefficients().features());
        if d != schema.width() {
            return Err(Error::Shape { name: "coef", expected: vec![k, schema.width()], found: vec![k, d] });
        }
        if record.feature_sd.len() != d {
            let found = vec![record.feature_sd.len()];
            return Err(Error::Shape { name: "feature_sd", expected: vec![d], found });
        }
        let factors = record.penalty_factors.len();
        if factors != 0 && factors != d {
            return Err(Error::Shape { name: "penalty_factors", expected: vec![d], found: vec![factors] });
        }
        if let Some(column) = record.misplaced(d) {
            return Err(Error::Record { field: "groups", value: column as f64 });
        }
        Ok(Self { model, schema, record, calibration: None })
    }

    /// The same with its scores scaled: coefficients that include the scaling, and the scaling beside them.
    ///
    /// # Errors
    /// [`Error::Calibrated`] if it is calibrated already, [`Error::Calibration`] or [`Error::Shape`] where the scaling
    /// is none of this model, [`Error::Engine`] where a coefficient overflows.
    pub fn calibrated(&self, scaling: Scaling) -> Result<Self> {
        if let Some(by) = &self.calibration {
            return Err(Error::Calibrated { method: by.method.name() });
        }
        calibration::check(&scaling, self.model.classes().len())?;
        let model = Model::new(self.model.classes().to_vec(), scaling.apply(self.model.coefficients())?)?;
        Ok(Self { model, calibration: Some(scaling), ..self.clone() })
    }

    /// The same with the record of a scaling that its coefficients include already.
    ///
    /// # Errors
    /// [`Error::Calibration`] or [`Error::Shape`] where the scaling is none of this model.
    pub fn including(self, scaling: Scaling) -> Result<Self> {
        calibration::check(&scaling, self.model.classes().len())?;
        Ok(Self { calibration: Some(scaling), ..self })
    }

    /// The classes and the coefficients.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What the columns of a table become.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How the model came about.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The scaling that the coefficients include, if the model was calibrated after its fit.
    pub fn calibration(&self) -> Option<&Scaling> {
        self.calibration.as_ref()
    }

    /// Reads a safetensors file or a JSON document; the first bytes tell which.
    ///
    /// # Errors
    /// [`Error::Read`] if it cannot be read, and every other variant for every other way to be no model.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::Read { source })?;
        Self::read(file)
    }

    /// As [`Artefact::load`], from any stream.
    ///
    /// # Errors
    /// As [`Artefact::load`].
    pub fn read(stream: impl Read) -> Result<Self> {
        Self::read_within(stream, Limits::DEFAULT)
    }

    /// As [`Artefact::load`], from memory.
    ///
    /// # Errors
    /// As [`Artefact::load`], without [`Error::Read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes)
    }

    /// As [`Artefact::read`], with limits of your own.
    ///
    /// # Errors
    /// As [`Artefact::load`]; [`Error::Limit`] beyond a limit.
    pub fn read_within(mut stream: impl Read, limits: Limits) -> Result<Self> {
        let mut head = Vec::with_capacity(tensors::LENGTH_BYTES);
        stream
            .by_ref()
            .take(tensors::LENGTH_BYTES as u64)
            .read_to_end(&mut head)
            .map_err(|source| Error::Read { source })?;
        if json::starts(&head) {
            return json::read(Cursor::new(head).chain(stream), limits);
        }
        tensors::read(&head, stream, limits)
    }

    /// The bytes of the safetensors file.
    ///
    /// # Errors
    /// [`Error::Limit`] if the description is larger than a reader would accept.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        tensors::write(self)
    }

    /// Writes the safetensors file: a temporary neighbour first, then renamed.
    ///
    /// # Errors
    /// [`Error::Write`]; then nothing is left of the attempt.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save(path.as_ref(), &self.to_bytes()?)
    }

    /// One JSON document with everything; see `docs/format.md` for its keys.
    ///
    /// # Errors
    /// [`Error::Json`] if the schema cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        json::write(self)
    }

    /// Reads what [`Artefact::to_json`] wrote, to the last bit.
    ///
    /// # Errors
    /// As [`Artefact::load`].
    pub fn from_json(text: &str) -> Result<Self> {
        json::read(text.as_bytes(), Limits::DEFAULT)
    }

    /// Writes the JSON document: a temporary neighbour first, then renamed.
    ///
    /// # Errors
    /// [`Error::Write`]; then nothing is left of the attempt.
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<()> {
        save(path.as_ref(), self.to_json()?.as_bytes())
    }
}

fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    file::replace_file(path, |out| out.write_all(bytes))
        .map_err(|source| Error::Write { path: path.to_owned(), source })
}

pub(crate) fn check_classes(classes: &[Label]) -> Result<()> {
    if classes.len() < 2 {
        return Err(Error::Classes { found: classes.len() });
    }
    let mut sorted: Vec<&Label> = classes.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::DuplicateClass { class: pair[0].to_string() }),
        None => Ok(()),
    }
}

pub(crate) fn check_schema(schema: &Schema) -> Result<()> {
    schema.check().map_err(|problem| Error::Schema { problem: problem.to_string() })
}

/// The parts of a file that were read one by one, as a whole.
pub(crate) fn assemble(
    classes: Vec<Label>,
    schema: Schema,
    record: Record,
    scaling: Option<Scaling>,
    coef: Vec<f64>,
    intercept: Vec<f64>,
) -> Result<Artefact> {
    let (k, d) = (classes.len(), schema.width());
    if let Some(at) = coef.iter().position(|w| !w.is_finite()) {
        // `coef` is not empty here, so d > 0; a wrong shape is named below.
        let what = schema.feature_names().get(at % d.max(1)).cloned().unwrap_or_else(|| "weight".to_owned());
        return Err(Error::NotFinite { what, class: class_name(&classes, at / d.max(1)), value: coef[at] });
    }
    if let Some(at) = intercept.iter().position(|b| !b.is_finite()) {
        let class = class_name(&classes, at);
        return Err(Error::NotFinite { what: "intercept".to_owned(), class, value: intercept[at] });
    }
    let model = Model::new(classes, Coefficients::new(k, d, coef, intercept)?)?;
    let artefact = Artefact::new(model, schema, record)?;
    match scaling {
        Some(scaling) => artefact.including(scaling),
        None => Ok(artefact),
    }
}

fn class_name(classes: &[Label], k: usize) -> String {
    classes.get(k).map_or_else(|| k.to_string(), ToString::to_string)
}
