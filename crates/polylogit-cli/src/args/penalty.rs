//! What was typed about the objective.

use super::number;
use clap::{Args as Group, ValueEnum};

/// The penalty of a fit, a path or a cross-validation.
#[derive(Debug, Group)]
#[expect(clippy::struct_excessive_bools, reason = "options are on or off")]
pub(crate) struct PenaltyArgs {
    /// Strength λ of the penalty on the mean loss, as in glmnet; 0 for none
    #[arg(long, value_name = "L", value_parser = lambda, allow_negative_numbers = true, help_heading = "Penalty")]
    pub(crate) lambda: Option<f64>,
    /// Inverse strength as in scikit-learn, λ = 1/(C·S) [default: 1]
    #[arg(long, value_name = "C", value_parser = inverse_strength, allow_negative_numbers = true, conflicts_with = "lambda", help_heading = "Penalty")]
    pub(crate) c: Option<f64>,
    /// Share α of the L1 norm in the penalty: 0 the ridge, 1 the lasso, between them the elastic net [default: 0]
    #[arg(long, value_name = "A", value_parser = l1_ratio, allow_negative_numbers = true, help_heading = "Penalty")]
    pub(crate) l1_ratio: Option<f64>,
    /// Keep or drop a feature for all classes together: ‖W·ⱼ‖₂ in place of ‖W·ⱼ‖₁
    #[arg(long, help_heading = "Penalty")]
    pub(crate) grouped: bool,
    /// Keep or drop columns together, and for all classes: NAME=COLUMN,COLUMN,…, or the levels of one COLUMN; their L2 norm
    /// counts √(their number) times
    #[arg(long, value_name = "GROUP", value_parser = group, help_heading = "Penalty")]
    pub(crate) group: Vec<(String, Vec<String>)>,
    /// Keep or drop all levels of a category together: a group of each that is in no --group
    #[arg(long, help_heading = "Penalty")]
    pub(crate) group_categories: bool,
    /// Factor V ≥ 0 on the penalty of a column (of all levels of a category, or of one: sex=female=0); 0: always in
    #[arg(long, value_name = "COLUMN=V", value_parser = factor, help_heading = "Penalty")]
    pub(crate) penalty_factor: Vec<(String, f64)>,
    /// Least value of every weight, at most 0
    #[arg(long, value_name = "W", value_parser = lower, allow_negative_numbers = true, help_heading = "Penalty")]
    pub(crate) lower: Option<f64>,
    /// Largest value of every weight, at least 0
    #[arg(long, value_name = "W", value_parser = upper, allow_negative_numbers = true, help_heading = "Penalty")]
    pub(crate) upper: Option<f64>,
    /// Penalise the coefficients of the columns as they are, not of standardised columns
    #[arg(long, help_heading = "Penalty")]
    pub(crate) no_standardize: bool,
    /// Fit no intercepts
    #[arg(long, help_heading = "Penalty")]
    pub(crate) no_intercept: bool,
    /// Take the numbers above, and what is left out, as this package does, and give its coefficients
    #[arg(long, value_enum, value_name = "PACKAGE", help_heading = "Penalty")]
    pub(crate) like: Option<Like>,
}

/// Packages whose numbers can be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Like {
    /// R: --lambda, --l1-ratio (alpha, 1 if left out); two classes as family "binomial"; --penalty-factor is rescaled
    Glmnet,
    /// --c (1 if left out), --l1-ratio; not standardised
    ScikitLearn,
    /// --lambda (regParam, 0 if left out), --l1-ratio (elasticNetParam); its standard deviation
    Spark,
}

pub(crate) fn lambda(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err("must be finite and at least 0".to_owned())
    }
}

fn inverse_strength(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value > 0.0 { Ok(value) } else { Err("must be greater than 0".to_owned()) }
}

pub(crate) fn l1_ratio(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if !(0.0..=1.0).contains(&value) {
        return Err("must lie between 0 and 1".to_owned());
    }
    Ok(value)
}

/// The name of a group, and its columns. A group's name holds no `=`, those of its columns may.
fn group(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, columns) = text.split_once('=').unwrap_or((text, text));
    let columns: Vec<String> = columns.split(',').map(|c| c.trim().to_owned()).collect();
    if name.is_empty() || columns.iter().any(String::is_empty) {
        return Err("must be NAME=COLUMN,COLUMN,… or COLUMN, such as size=height,weight".to_owned());
    }
    Ok((name.to_owned(), columns))
}

/// Names may hold `=`, numbers do not.
fn factor(text: &str) -> Result<(String, f64), String> {
    match text.rsplit_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), lambda(value)?)),
        _ => Err("must be COLUMN=V, such as age=0".to_owned()),
    }
}

fn lower(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value <= 0.0 { Ok(value) } else { Err("must be at most 0".to_owned()) }
}

fn upper(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value >= 0.0 { Ok(value) } else { Err("must be at least 0".to_owned()) }
}
