//! A small model for the tests.

use polylogit::calibration::{Method, Scaling};
use polylogit::solver::Status;
use polylogit::{Certificate, CertificateKind, Coefficients, Label, Model};
use polylogit_data::{Column, Kind, Schema};
use polylogit_model::{Artefact, Record};

/// Two columns.
pub(crate) fn schema() -> Schema {
    let number = |name: &str, mean| Column { name: name.to_owned(), kind: Kind::Number { mean } };
    Schema {
        target: "kind".to_owned(),
        weight: None,
        columns: vec![number("bill", 44.0), number("year", 2008.0)],
    }
}

/// What a fit would have left.
pub(crate) fn record() -> Record {
    Record {
        lambda: 0.01,
        l1_ratio: 0.0,
        penalty_factors: vec![],
        grouped: false,
        groups: vec![],
        standardize: true,
        fit_intercept: true,
        objective: 0.25,
        nll_mean: 0.2,
        certificate: Certificate { kind: CertificateKind::DualityGap, gap: 1e-9, relative_gap: 4e-9 },
        status: Status::Converged,
        rows: 342,
        total_weight: 342.0,
        steps: 7,
        passes: 15.0,
        seconds: 0.002,
        solver: "newton".to_owned(),
        reason: "few coefficients".to_owned(),
        version: "0.1.0".to_owned(),
        feature_sd: vec![5.5, 0.8],
        trace: None,
        validation: None,
    }
}

/// Three classes.
pub(crate) fn sample() -> Artefact {
    let classes = ["Adelie", "Chinstrap", "Gentoo"].map(Label::from).to_vec();
    let weights = vec![-1.25, 0.5, 1.0, -0.1, 0.25, -0.4];
    let coefficients = Coefficients::new(3, 2, weights, vec![0.75, -0.5, -0.25]).unwrap();
    Artefact::new(Model::new(classes, coefficients).unwrap(), schema(), record()).unwrap()
}

/// A scaling of three classes.
pub(crate) fn scaling(method: Method) -> Scaling {
    let (scale, shift) = match method {
        Method::Temperature => (vec![0.625; 3], vec![0.0; 3]),
        Method::Vector => (vec![0.5, 1.25, 0.75], vec![0.1, -0.3, 0.2]),
    };
    let (log_loss_before, log_loss) = (0.4, 0.35);
    Scaling { method, scale, shift, rows: 100, total_weight: 100.0, log_loss_before, log_loss, gap: 1e-17 }
}
