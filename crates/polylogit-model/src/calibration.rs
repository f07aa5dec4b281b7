//! A calibration as JSON, and its numbers held against each other.

use crate::error::Error;
use polylogit::calibration::{Method, Scaling};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The fields of [`Scaling`] under their names.
#[derive(Serialize, Deserialize)]
struct Plain {
    method: String,
    scale: Vec<f64>,
    shift: Vec<f64>,
    rows: usize,
    total_weight: f64,
    log_loss_before: f64,
    log_loss: f64,
    gap: f64,
}

#[expect(clippy::ref_option, reason = "the signature that serde's `with` calls")]
pub(crate) fn serialize<S: Serializer>(scaling: &Option<Scaling>, out: S) -> Result<S::Ok, S::Error> {
    let plain = |s: &Scaling| Plain {
        method: s.method.name().to_owned(),
        scale: s.scale.clone(),
        shift: s.shift.clone(),
        rows: s.rows,
        total_weight: s.total_weight,
        log_loss_before: s.log_loss_before,
        log_loss: s.log_loss,
        gap: s.gap,
    };
    scaling.as_ref().map(plain).serialize(out)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Scaling>, D::Error> {
    let Some(plain) = Option::<Plain>::deserialize(from)? else { return Ok(None) };
    let Plain { method, scale, shift, rows, total_weight, log_loss_before, log_loss, gap } = plain;
    let method = Method::ALL
        .into_iter()
        .find(|m| m.name() == method)
        .ok_or_else(|| de::Error::custom(format!("unknown method of calibration `{method}`")))?;
    Ok(Some(Scaling { method, scale, shift, rows, total_weight, log_loss_before, log_loss, gap }))
}

/// Could it be the calibration of a model of K `classes`?
pub(crate) fn check(scaling: &Scaling, classes: usize) -> Result<(), Error> {
    let Scaling { method, scale, shift, total_weight, log_loss_before, log_loss, gap, .. } = scaling;
    for (name, values) in [("calibration.scale", scale), ("calibration.shift", shift)] {
        if values.len() != classes {
            return Err(Error::Shape { name, expected: vec![classes], found: vec![values.len()] });
        }
    }
    let wrong = |field, values: &[f64], right: &dyn Fn(f64) -> bool| {
        let bad = values.iter().find(|v| !(v.is_finite() && right(**v)));
        bad.map_or(Ok(()), |value| Err(Error::Calibration { field, value: *value }))
    };
    match method {
        // One temperature, T > 0.
        Method::Temperature => {
            wrong("scale", scale, &|v| v > 0.0 && v == scale[0])?;
            wrong("shift", shift, &|v| v == 0.0)?;
        }
        Method::Vector => {
            wrong("scale", scale, &|_| true)?;
            wrong("shift", shift, &|_| true)?;
        }
    }
    wrong("total_weight", &[*total_weight], &|v| v > 0.0)?;
    let at_least_0 = [("log_loss_before", *log_loss_before), ("log_loss", *log_loss), ("gap", *gap)];
    at_least_0.into_iter().try_for_each(|(field, value)| wrong(field, &[value], &|v| v >= 0.0))
}
