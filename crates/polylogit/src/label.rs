//! Class labels and their order.

use std::cmp::Ordering;
use std::fmt;

/// A class label as it stood in the data. The order is the order of the classes everywhere:
/// booleans false before true, numbers ascending, strings by bytes (and in that order of kinds).
#[derive(Debug, Clone)]
pub enum Label {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
}

impl Label {
    fn kind(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Float(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

impl Ord for Label {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            // Mixed numbers compare as floats, a tie by kind so that the order stays total.
            (Self::Int(a), Self::Float(b)) => (*a as f64).total_cmp(b).then(Ordering::Less),
            (Self::Float(a), Self::Int(b)) => a.total_cmp(&(*b as f64)).then(Ordering::Greater),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            _ => self.kind().cmp(&other.kind()),
        }
    }
}
impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Label {}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::Text(v) => f.write_str(v),
        }
    }
}

impl From<bool> for Label {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Label {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<i32> for Label {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}
impl From<f64> for Label {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}
impl From<&str> for Label {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Label {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_then_numbers_then_bytes() {
        let mut labels: Vec<Label> = vec![
            "b".into(),
            "B".into(),
            10.into(),
            Label::Float(2.5),
            true.into(),
            "10".into(),
            9.into(),
            false.into(),
        ];
        labels.sort();
        let shown: Vec<String> = labels.iter().map(Label::to_string).collect();
        assert_eq!(shown, ["false", "true", "2.5", "9", "10", "10", "B", "b"]);
    }
}
