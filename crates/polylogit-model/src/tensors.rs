//! The safetensors file: eight bytes of length, a JSON header, the numbers.
//!
//! The header is read with the safetensors crate's own types, but piece by piece: every length is held
//! against the limits and against the others before anything of that size is allocated, and the numbers
//! are read as they come, so a file that promises more than it has costs what it has.

use crate::artefact::{Artefact, Limits, assemble, check_classes, check_schema};
use crate::calibration;
use crate::error::{Error, Result};
use crate::record::{FORMAT, Record, labels};
use polylogit::Label;
use polylogit::calibration::Scaling;
use polylogit_data::Schema;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Read;

/// Bytes that tell the length of the header.
pub(crate) const LENGTH_BYTES: usize = 8;
/// The metadata key.
const KEY: &str = "polylogit";
const COEF: &str = "coef";
const INTERCEPT: &str = "intercept";
const F64_BYTES: usize = size_of::<f64>();

/// The format version alone: read first, because the rest may mean something else in another version.
#[derive(Deserialize)]
pub(crate) struct Version {
    pub(crate) format: u64,
}

impl Version {
    pub(crate) fn check(&self) -> Result<()> {
        if self.format > FORMAT {
            return Err(Error::Newer { found: self.format, supported: FORMAT });
        }
        Ok(())
    }
}

/// The JSON under `polylogit` in `__metadata__`.
#[derive(Deserialize)]
struct Description {
    #[serde(with = "labels")]
    classes: Vec<Label>,
    schema: Schema,
    fit: Record,
    #[serde(default, with = "calibration")]
    calibration: Option<Scaling>,
}

#[derive(Serialize)]
struct DescriptionRef<'a> {
    format: u64,
    #[serde(serialize_with = "labels::serialize")]
    classes: &'a Vec<Label>,
    schema: &'a Schema,
    fit: &'a Record,
    #[serde(serialize_with = "calibration::serialize", skip_serializing_if = "Option::is_none")]
    calibration: &'a Option<Scaling>,
}

pub(crate) fn write(artefact: &Artefact) -> Result<Vec<u8>> {
    let model = artefact.model();
    let c = model.coefficients();
    let description = serde_json::to_string(&DescriptionRef {
        format: FORMAT,
        classes: &model.classes().to_vec(),
        schema: artefact.schema(),
        fit: artefact.record(),
        calibration: &artefact.calibration().cloned(),
    })?;
    let coef = bytes_of(c.weights());
    let intercept = bytes_of(c.intercepts());
    let view = |shape, bytes| TensorView::new(Dtype::F64, shape, bytes).map_err(header);
    let tensors = [
        (COEF, view(vec![c.classes(), c.features()], &coef)?),
        (INTERCEPT, view(vec![c.classes()], &intercept)?),
    ];
    let metadata = HashMap::from([(KEY.to_owned(), description)]);
    let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(header)?;
    let length = header_length(&bytes);
    if length > Limits::DEFAULT.header {
        return Err(Error::Limit { what: "header", found: length, limit: Limits::DEFAULT.header });
    }
    Ok(bytes)
}

/// Reads a file whose first (up to) eight bytes are `head`.
pub(crate) fn read(head: &[u8], mut stream: impl Read, limits: Limits) -> Result<Artefact> {
    if head.len() < LENGTH_BYTES {
        return Err(if head.is_empty() { truncated(LENGTH_BYTES as u64, 0) } else { Error::NotAModel });
    }
    let length = header_length(head);
    if length > limits.header {
        // Any other file's first eight bytes are such a number, too.
        return Err(if length > u64::from(u32::MAX) {
            Error::NotAModel
        } else {
            Error::Limit { what: "header", found: length, limit: limits.header }
        });
    }
    let text = read_exactly(&mut stream, length)?;
    if text.first() != Some(&b'{') {
        return Err(Error::NotAModel);
    }
    if text.len() as u64 != length {
        return Err(truncated(length, text.len() as u64));
    }
    let metadata: Metadata = serde_json::from_slice(&text).map_err(header)?;
    let description = description(&metadata)?;
    let (coef, intercept) = shapes(&metadata, &description, limits)?;

    let total = coef.data_offsets.1.max(intercept.data_offsets.1) as u64;
    let data = read_exactly(&mut stream, total)?;
    if data.len() as u64 != total {
        return Err(truncated(total, data.len() as u64));
    }
    let extra = read_exactly(&mut stream, 1)?.len() as u64;
    if extra > 0 {
        return Err(Error::Trailing { extra });
    }
    let values = |info: &TensorInfo| data.get(info.data_offsets.0..info.data_offsets.1).map(values_of);
    let (Some(coef), Some(intercept)) = (values(coef), values(intercept)) else {
        return Err(header("tensors overlap"));
    };
    let Description { classes, schema, fit, calibration } = description;
    assemble(classes, schema, fit, calibration, coef, intercept)
}

fn description(metadata: &Metadata) -> Result<Description> {
    let foreign = Error::Foreign { what: "safetensors", key: KEY };
    let text = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or(foreign)?;
    serde_json::from_str::<Version>(text)?.check()?;
    let description: Description = serde_json::from_str(text)?;
    check_classes(&description.classes)?;
    check_schema(&description.schema)?;
    Ok(description)
}

/// The two tensors, their shapes held against the classes and the schema.
fn shapes<'a>(
    metadata: &'a Metadata,
    description: &Description,
    limits: Limits,
) -> Result<(&'a TensorInfo, &'a TensorInfo)> {
    let mut names = metadata.offset_keys();
    names.sort();
    if let Some(name) = names.into_iter().find(|name| name != COEF && name != INTERCEPT) {
        return Err(Error::UnknownTensor { name });
    }
    let (k, d) = (description.classes.len(), description.schema.width());
    let numbers = (k as u64).saturating_mul(d as u64).saturating_add(k as u64);
    if numbers > limits.coefficients {
        return Err(Error::Limit {
            what: "the number of coefficients",
            found: numbers,
            limit: limits.coefficients,
        });
    }
    let coef = tensor(metadata, COEF, &[k, d])?;
    let intercept = tensor(metadata, INTERCEPT, &[k])?;
    // One starts at 0, the other where the first one ends.
    let adjacent =
        |a: &TensorInfo, b: &TensorInfo| a.data_offsets.0 == 0 && b.data_offsets.0 == a.data_offsets.1;
    if !(adjacent(coef, intercept) || adjacent(intercept, coef)) {
        return Err(header("tensors overlap or leave a hole"));
    }
    Ok((coef, intercept))
}

fn tensor<'a>(metadata: &'a Metadata, name: &'static str, expected: &[usize]) -> Result<&'a TensorInfo> {
    let info = metadata.info(name).ok_or(Error::MissingTensor { name })?;
    if info.dtype != Dtype::F64 {
        return Err(Error::TensorType { name, found: format!("{:?}", info.dtype) });
    }
    if info.shape != expected {
        return Err(Error::Shape { name, expected: expected.to_vec(), found: info.shape.clone() });
    }
    // The product is within the limit on coefficients.
    let bytes = expected.iter().product::<usize>() * F64_BYTES;
    let (start, end) = info.data_offsets;
    if end.checked_sub(start) != Some(bytes) {
        return Err(header(format!("`{name}` spans bytes {start} to {end}, but needs {bytes}")));
    }
    Ok(info)
}

/// Up to `length` bytes; fewer if the stream ends before. Memory grows with what arrives.
fn read_exactly(stream: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(length).read_to_end(&mut bytes).map_err(|source| Error::Read { source })?;
    Ok(bytes)
}

fn header_length(bytes: &[u8]) -> u64 {
    bytes.iter().take(LENGTH_BYTES).rev().fold(0, |length, &byte| length << 8 | u64::from(byte))
}

fn bytes_of(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn values_of(bytes: &[u8]) -> Vec<f64> {
    let value = |b: &[u8]| f64::from_bits(b.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte)));
    bytes.chunks_exact(F64_BYTES).map(value).collect()
}

fn truncated(expected: u64, found: u64) -> Error {
    Error::Truncated { expected, found }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn header(problem: impl ToString) -> Error {
    Error::Header { problem: problem.to_string() }
}
