//! The record of a fit: what was solved, on what, how surely, at what cost.

use crate::error::{Error, Result};
use crate::history::{Trace, Validation};
use polylogit::solver::Status;
use polylogit::{Certificate, CertificateKind, Fit, Label};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::HashSet;

/// The version of the file format that this crate writes, and the last that it reads.
pub const FORMAT: u64 = 1;

/// What a fit leaves beside its coefficients; the fields mean what they mean in [`Fit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// λ.
    pub lambda: f64,
    /// α.
    pub l1_ratio: f64,
    /// The factors on the penalty of the design columns (d); none where all are 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub penalty_factors: Vec<f64>,
    /// Were features penalised as groups over the classes? Left out of documents where they were not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grouped: bool,
    /// The design columns of each group that was penalised as one; left out of documents where there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Vec<usize>>,
    /// Was `sd_j·W_·j` penalised?
    pub standardize: bool,
    /// Were intercepts fitted?
    pub fit_intercept: bool,
    /// F, the penalised mean form.
    pub objective: f64,
    /// L/S in nats.
    pub nll_mean: f64,
    /// The bound on F − F*.
    #[serde(with = "certificate")]
    pub certificate: Certificate,
    /// How the fit ended.
    #[serde(with = "status")]
    pub status: Status,
    /// n.
    pub rows: usize,
    /// S.
    pub total_weight: f64,
    /// Steps taken.
    pub steps: usize,
    /// Passes over X.
    pub passes: f64,
    /// Seconds that the fit took, without reading the table.
    pub seconds: f64,
    /// The method.
    pub solver: String,
    /// Why that method.
    pub reason: String,
    /// The version of polylogit that fitted.
    pub version: String,
    /// Standard deviation (with 1/S weights) of each design column in the training table (d): a weight times
    /// it is the effect of a typical change of that column.
    pub feature_sd: Vec<f64>,
    /// The steps of the fit, where they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// The cross-validation that chose λ, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

impl Record {
    /// The record of `fit`, which took `seconds`, on columns of these standard deviations.
    pub fn new(fit: &Fit, seconds: f64) -> Self {
        Self {
            lambda: fit.lambda,
            l1_ratio: fit.l1_ratio,
            penalty_factors: Self::factors(fit),
            grouped: fit.grouped,
            groups: fit.groups.clone(),
            standardize: fit.standardize,
            fit_intercept: fit.intercept,
            objective: fit.objective,
            nll_mean: fit.nll_mean,
            certificate: fit.certificate,
            status: fit.status,
            rows: fit.rows,
            total_weight: fit.total_weight,
            steps: fit.steps,
            passes: fit.passes,
            seconds,
            solver: fit.solver.to_owned(),
            reason: fit.reason.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            feature_sd: fit.feature_sd.clone(),
            trace: Trace::new(&fit.trace),
            validation: None,
        }
    }

    /// The penalty factors of a fit; none where all are 1.
    pub fn factors(fit: &Fit) -> Vec<f64> {
        if fit.penalty_factors.iter().all(|v| *v == 1.0) { Vec::new() } else { fit.penalty_factors.clone() }
    }

    /// A design column of a group that is none of d, or in a group before.
    pub(crate) fn misplaced(&self, d: usize) -> Option<usize> {
        let mut seen = HashSet::new();
        self.groups.iter().flatten().copied().find(|&j| j >= d || !seen.insert(j))
    }

    /// Every number in its range?
    pub(crate) fn check(&self) -> Result<()> {
        let at_least_0 = [
            ("lambda", self.lambda),
            ("objective", self.objective),
            ("nll_mean", self.nll_mean),
            ("total_weight", self.total_weight),
            ("passes", self.passes),
            ("seconds", self.seconds),
        ];
        if let Some(&(field, value)) = at_least_0.iter().find(|(_, v)| !(v.is_finite() && *v >= 0.0)) {
            return Err(Error::Record { field, value });
        }
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return Err(Error::Record { field: "l1_ratio", value: self.l1_ratio });
        }
        for (field, values) in [("feature_sd", &self.feature_sd), ("penalty_factors", &self.penalty_factors)]
        {
            if let Some(&value) = values.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
                return Err(Error::Record { field, value });
            }
        }
        let Certificate { gap, relative_gap, .. } = self.certificate;
        for (field, value) in [("certificate.gap", gap), ("certificate.relative_gap", relative_gap)] {
            if value.is_nan() {
                return Err(Error::Record { field, value });
            }
        }
        self.trace.as_ref().map_or(Ok(()), Trace::check)?;
        self.validation.as_ref().map_or(Ok(()), Validation::check)
    }
}

/// A certificate as `{kind, gap, relative_gap}`; a bound that was never reached (+∞) is `null`.
mod certificate {
    use super::{Certificate, CertificateKind, Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Serialize, Deserialize)]
    struct Plain {
        kind: String,
        gap: Option<f64>,
        relative_gap: Option<f64>,
    }

    pub(super) fn serialize<S: Serializer>(c: &Certificate, out: S) -> Result<S::Ok, S::Error> {
        let finite = |v: f64| v.is_finite().then_some(v);
        Plain { kind: c.kind.name().to_owned(), gap: finite(c.gap), relative_gap: finite(c.relative_gap) }
            .serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Certificate, D::Error> {
        let plain = Plain::deserialize(from)?;
        let kind = CertificateKind::named(&plain.kind)
            .ok_or_else(|| de::Error::custom(format!("unknown certificate kind `{}`", plain.kind)))?;
        Ok(Certificate {
            kind,
            gap: plain.gap.unwrap_or(f64::INFINITY),
            relative_gap: plain.relative_gap.unwrap_or(f64::INFINITY),
        })
    }
}

/// A status by its name.
mod status {
    use super::{Deserialize, Deserializer, Serializer, Status, de};

    const ALL: [Status; 5] =
        [Status::Converged, Status::Separated, Status::Cancelled, Status::StepLimit, Status::PrecisionLimit];

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde's `with` calls")]
    pub(super) fn serialize<S: Serializer>(status: &Status, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(status.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Status, D::Error> {
        let name = String::deserialize(from)?;
        ALL.into_iter()
            .find(|status| status.name() == name)
            .ok_or_else(|| de::Error::custom(format!("unknown status `{name}`")))
    }
}

/// Class labels as plain JSON: `true`, `3`, `3.0` and `"3"` are four different labels.
pub(crate) mod labels {
    use super::{Deserialize, Deserializer, Label, Serialize, Serializer, de};
    use serde_json::Value;

    #[expect(clippy::ptr_arg, reason = "the signature that serde's `with` calls")]
    pub(crate) fn serialize<S: Serializer>(labels: &Vec<Label>, out: S) -> Result<S::Ok, S::Error> {
        labels.iter().map(to_value).collect::<Vec<_>>().serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Label>, D::Error> {
        Vec::<Value>::deserialize(from)?.into_iter().map(from_value).collect()
    }

    fn to_value(label: &Label) -> Value {
        match label {
            Label::Bool(v) => (*v).into(),
            Label::Int(v) => (*v).into(),
            Label::Float(v) => (*v).into(),
            Label::Text(v) => v.as_str().into(),
        }
    }

    fn from_value<E: de::Error>(value: Value) -> Result<Label, E> {
        match value {
            Value::Bool(v) => Ok(Label::Bool(v)),
            Value::String(v) => Ok(Label::Text(v)),
            Value::Number(v) if v.is_i64() => Ok(Label::Int(v.as_i64().unwrap_or_default())),
            Value::Number(v) if v.is_f64() => Ok(Label::Float(v.as_f64().unwrap_or_default())),
            other => Err(E::custom(format!("{other} is no class label"))),
        }
    }
}
