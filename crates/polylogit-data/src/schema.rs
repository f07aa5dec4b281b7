//! What each column of a table means: remembered by the fit, applied again at predict.

use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::near::nearest;

/// Most design columns that a schema may have: a bound on what an untrusted file can ask for.
const MAX_WIDTH: usize = 1 << 24;

/// The columns that a model reads, by name and in the order of its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The column that is predicted.
    pub target: String,
    /// The column of sample weights.
    pub weight: Option<String>,
    /// The columns that predict.
    pub columns: Vec<Column>,
}

/// A column that predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// How its cells become numbers.
    pub kind: Kind,
}

/// How the cells of a column become design columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// One design column; a missing cell becomes the training mean.
    Number {
        /// Mean of the values seen in training.
        mean: f64,
    },
    /// One design column for each level: 1 where the cell is that level, else 0.
    Category {
        /// The levels seen in training, in byte order.
        levels: Vec<String>,
        /// Is a missing cell a level of its own (the last one)? Else it is 0 in every column.
        missing: bool,
    },
    /// The features `first..first + count` of an svmlight file; what a row does not list is 0.
    Indexed {
        /// The first index: 0 or 1.
        first: u32,
        /// How many there are.
        count: usize,
    },
}

impl Kind {
    /// Number of design columns.
    pub fn width(&self) -> usize {
        match self {
            Self::Number { .. } => 1,
            Self::Indexed { count, .. } => *count,
            Self::Category { levels, missing } => levels.len() + usize::from(*missing),
        }
    }
}

impl Schema {
    /// The column that is predicted.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// d, the number of design columns.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|c| c.kind.width()).sum()
    }

    /// First index and number of the features of an svmlight file, where the model was trained on one.
    pub fn indexed(&self) -> Option<(u32, usize)> {
        match self.columns[..] {
            [Column { kind: Kind::Indexed { first, count }, .. }] => Some((first, count)),
            _ => None,
        }
    }

    /// The names of the d design columns: `bill`, `sex=female`, `sex=(missing)`.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for Column { name, kind } in &self.columns {
            match kind {
                Kind::Number { .. } => names.push(name.clone()),
                Kind::Indexed { first, count } => {
                    names.extend((0..*count).map(|i| (i + *first as usize).to_string()));
                }
                Kind::Category { levels, missing } => {
                    let own = missing.then_some("(missing)");
                    names.extend(levels.iter().map(String::as_str).chain(own).map(|l| format!("{name}={l}")));
                }
            }
        }
        names
    }

    /// The design columns of a column, or the one of a level by its name (`sex=female`).
    pub fn find(&self, name: &str) -> Option<Range<usize>> {
        let mut start = 0;
        for column in &self.columns {
            let end = start + column.kind.width();
            if column.name == name && !matches!(column.kind, Kind::Indexed { .. }) {
                return Some(start..end);
            }
            start = end;
        }
        self.feature_names().iter().position(|feature| feature == name).map(|j| j..j + 1)
    }

    /// A column's or a level's name much like this one.
    pub fn near(&self, name: &str) -> Option<String> {
        let features = self.feature_names();
        let columns = self.columns.iter().map(|c| c.name.as_str());
        nearest(name, columns)
            .or_else(|| nearest(name, features.iter().map(String::as_str)))
            .map(str::to_owned)
    }

    /// Checks a schema of unknown origin.
    ///
    /// # Errors
    /// [`Error::Schema`]: a column twice or equal to the target, a level twice, a mean that is not finite, or
    /// more than 2²⁴ design columns.
    pub fn check(&self) -> Result<()> {
        let bad = |problem: String| Err(Error::Schema { problem });
        let mut seen = HashSet::from([self.target.as_str()]);
        let names = self.columns.iter().map(|c| c.name.as_str()).chain(self.weight.as_deref());
        if let Some(twice) = names.into_iter().find(|n| !seen.insert(n)) {
            return bad(format!("column {twice} has two roles"));
        }
        for Column { name, kind } in &self.columns {
            match kind {
                Kind::Number { mean } if !mean.is_finite() => {
                    return bad(format!("column {name} has mean {mean}"));
                }
                Kind::Category { levels, .. } => {
                    let mut seen = HashSet::new();
                    if let Some(twice) = levels.iter().find(|l| !seen.insert(*l)) {
                        return bad(format!("column {name} lists level {twice} twice"));
                    }
                }
                Kind::Indexed { .. } if self.indexed().is_none() => {
                    return bad(format!("column {name} stands for indices beside other columns"));
                }
                Kind::Indexed { first, .. } if *first > 1 => {
                    return bad(format!("indices count from {first}"));
                }
                Kind::Number { .. } | Kind::Indexed { .. } => {}
            }
        }
        let width = self.columns.iter().try_fold(0usize, |sum, c| sum.checked_add(c.kind.width()));
        if width.is_none_or(|w| w > MAX_WIDTH) {
            return bad(format!("it has more than {MAX_WIDTH} design columns"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let category = Kind::Category { levels: vec!["f".into(), "m".into()], missing: true };
        Schema {
            target: "y".into(),
            weight: Some("w".into()),
            columns: vec![
                Column { name: "bill".into(), kind: Kind::Number { mean: 3.0 } },
                Column { name: "sex".into(), kind: category },
            ],
        }
    }

    #[test]
    fn names_and_width() {
        assert_eq!(schema().feature_names(), ["bill", "sex=f", "sex=m", "sex=(missing)"]);
        assert_eq!(schema().width(), 4);
        assert!(schema().check().is_ok());
        let find = |name| schema().find(name);
        assert_eq!((find("bill"), find("sex"), find("sex=m")), (Some(0..1), Some(1..4), Some(2..3)));
        assert_eq!((find("Sex"), find("y"), find("sex=x")), (None, None, None));
        let near = |name| schema().near(name);
        assert_eq!((near("Bill").as_deref(), near("sex=x").as_deref()), (Some("bill"), Some("sex")));
        assert_eq!(near("weight"), None);
    }

    #[test]
    fn hostile_schemas_are_refused() {
        let refused = |change: fn(&mut Schema)| {
            let mut s = schema();
            change(&mut s);
            s.check().unwrap_err().to_string()
        };
        assert!(refused(|s| s.columns[0].name = "sex".into()).contains("sex has two roles"));
        assert!(refused(|s| s.weight = Some("y".into())).contains("y has two roles"));
        assert!(refused(|s| s.columns[0].kind = Kind::Number { mean: f64::NAN }).contains("NaN"));
        let twice = |s: &mut Schema| {
            s.columns[1].kind = Kind::Category { levels: vec!["a".into(), "a".into()], missing: false };
        };
        assert!(refused(twice).contains("level a twice"));
    }
}
