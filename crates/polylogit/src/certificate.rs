//! The certificate of a fit: an upper bound on F − F*.

use std::fmt;

/// How the bound was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateKind {
    /// F − D at a feasible dual point: rigorous, whatever the solver did.
    DualityGap,
    /// Half the squared Newton decrement: an estimate, used where no ridge makes the dual finite.
    NewtonDecrement,
}

impl CertificateKind {
    /// `duality_gap` or `newton_decrement`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DualityGap => "duality_gap",
            Self::NewtonDecrement => "newton_decrement",
        }
    }
}

impl fmt::Display for CertificateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An upper bound on F − F*, in nats (the unit of F).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// How the bound was found.
    pub kind: CertificateKind,
    /// The bound.
    pub gap: f64,
    /// The bound over F.
    pub relative_gap: f64,
}
