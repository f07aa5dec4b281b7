//! The same as one JSON document, for people, other languages and version control.

use crate::artefact::{Artefact, Limits, assemble, check_classes, check_schema};
use crate::calibration;
use crate::error::{Error, Result};
use crate::record::{FORMAT, Record, labels};
use crate::tensors::Version;
use polylogit::Label;
use polylogit::calibration::Scaling;
use polylogit_data::Schema;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// The document: the model in plain sight, everything else beside it.
///
/// ```text
/// format      version of this document
/// classes     the K labels
/// features    the d names of the design columns
/// intercept   K numbers
/// coef        K lists of d numbers, on the raw scale
/// …           the fields of the record: lambda, objective, certificate, rows, seconds, …
/// calibration the scaling that coef and intercept include, if there is one
/// schema      what the columns of a table become
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    format: u64,
    #[serde(with = "labels")]
    classes: Vec<Label>,
    features: Vec<String>,
    intercept: Vec<f64>,
    coef: Vec<Vec<f64>>,
    #[serde(flatten)]
    record: Record,
    #[serde(default, with = "calibration", skip_serializing_if = "Option::is_none")]
    calibration: Option<Scaling>,
    schema: Schema,
}

impl From<&Artefact> for Summary {
    fn from(artefact: &Artefact) -> Self {
        let model = artefact.model();
        let c = model.coefficients();
        Self {
            format: FORMAT,
            classes: model.classes().to_vec(),
            features: artefact.schema().feature_names().clone(),
            intercept: c.intercepts().to_vec(),
            coef: (0..c.classes()).map(|k| c.class_weights(k).to_vec()).collect(),
            record: artefact.record().clone(),
            calibration: artefact.calibration().cloned(),
            schema: artefact.schema().clone(),
        }
    }
}

/// Could these first bytes begin a JSON document? A safetensors file holds a zero among its first eight
/// bytes (the length of a header of less than 2⁵⁶ bytes), a JSON text never does.
pub(crate) fn starts(head: &[u8]) -> bool {
    !head.contains(&0) && head.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
}

pub(crate) fn write(artefact: &Artefact) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&Summary::from(artefact))?;
    text.push('\n');
    Ok(text)
}

pub(crate) fn read(stream: impl Read, limits: Limits) -> Result<Artefact> {
    let mut text = Vec::new();
    let found = stream
        .take(limits.json.saturating_add(1))
        .read_to_end(&mut text)
        .map_err(|source| Error::Read { source })? as u64;
    if found > limits.json {
        return Err(Error::Limit { what: "the JSON document", found, limit: limits.json });
    }
    version(&text)?.check()?;
    let Summary { classes, features, intercept, coef, record, calibration, schema, .. } =
        serde_json::from_slice(&text)?;
    check_classes(&classes)?;
    check_schema(&schema)?;
    let (k, d) = (classes.len(), schema.width());
    if features != schema.feature_names() {
        return Err(Error::Schema { problem: "`features` are not the columns of `schema`".to_owned() });
    }
    if intercept.len() != k {
        return Err(Error::Shape { name: "intercept", expected: vec![k], found: vec![intercept.len()] });
    }
    if coef.len() != k {
        return Err(Error::Shape { name: "coef", expected: vec![k, d], found: vec![coef.len()] });
    }
    if let Some(row) = coef.iter().find(|row| row.len() != d) {
        return Err(Error::Shape { name: "coef", expected: vec![k, d], found: vec![k, row.len()] });
    }
    assemble(classes, schema, record, calibration, coef.concat(), intercept)
}

/// The version; any JSON document without one is somebody else's.
fn version(text: &[u8]) -> Result<Version> {
    serde_json::from_slice(text).map_err(|error| {
        if error.is_data() { Error::Foreign { what: "JSON", key: "format" } } else { error.into() }
    })
}
