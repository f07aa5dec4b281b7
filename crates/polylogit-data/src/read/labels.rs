//! What rows are called: labels as classes, weights, clusters.

use polylogit::{Label, Target};

use super::cells::{Cells, Columns, Levels, NO_LEVEL};
use super::encode::missing_value;
use crate::error::{At, Error, Result};

/// Different fractional numbers that a column of labels may have in any table.
const FEW_LEVELS: usize = 50;
/// Rows that each of them should have on average beyond that.
const ROWS_PER_LEVEL: usize = 10;

/// The weights of some rows.
pub(super) fn weights(file: &str, columns: &Columns, j: usize, rows: &[usize]) -> Result<Vec<f64>> {
    let Cells::Number(at) = columns.cells[j] else { return Ok(vec![1.0; rows.len()]) };
    let weight = columns.number(at);
    match rows.iter().find(|&&r| !(weight(r).is_finite() && weight(r) > 0.0)) {
        Some(&r) => Err(Error::Weight {
            file: file.to_owned(),
            at: columns.at(r),
            column: columns.header[j].clone(),
            value: if weight(r).is_nan() { "(missing)".to_owned() } else { weight(r).to_string() },
        }),
        None => Ok(rows.iter().map(|&r| weight(r)).collect()),
    }
}

/// The cluster of some rows.
pub(super) fn clusters(file: &str, columns: &Columns, j: usize, rows: &[usize]) -> Result<Vec<u32>> {
    let Cells::Category(cells) = &columns.cells[j] else { return Ok(vec![0; rows.len()]) };
    match rows.iter().find(|&&r| cells.codes[r] == NO_LEVEL) {
        Some(&row) => Err(missing_value(file, columns, row, j)),
        None => Ok(rows.iter().map(|&r| cells.codes[r]).collect()),
    }
}

/// The labels of some rows.
pub(super) fn labels(file: &str, column: &str, cells: &Levels, rows: &[usize]) -> Result<Target> {
    let all = read_labels(file, column, &cells.texts, rows.len())?;
    let mut used = vec![false; all.len()];
    for &r in rows {
        used[cells.codes[r] as usize] = true;
    }
    // Two texts may be one label: 1 and +1.
    let mut classes: Vec<Label> =
        all.iter().zip(&used).filter(|(_, u)| **u).map(|(l, _)| l.clone()).collect();
    classes.sort();
    classes.dedup();
    let ids: Vec<u32> = all.iter().map(|l| classes.binary_search(l).unwrap_or(0) as u32).collect();
    Target::from_classes(classes, rows.iter().map(|&r| ids[cells.codes[r] as usize]).collect())
        .map_err(|source| Error::Engine { file: file.to_owned(), source })
}

/// Texts as labels: all integers, all numbers, all booleans, or texts.
fn read_labels(file: &str, column: &str, texts: &[String], rows: usize) -> Result<Vec<Label>> {
    if let Ok(ints) =
        texts.iter().map(|t| t.parse().map(Label::Int)).collect::<std::result::Result<Vec<_>, _>>()
    {
        return Ok(ints);
    }
    if let Ok(numbers) = texts.iter().map(|t| t.parse::<f64>()).collect::<std::result::Result<Vec<_>, _>>() {
        let fractions = numbers.iter().filter(|v| v.fract() != 0.0).count();
        if fractions > FEW_LEVELS.max(rows / ROWS_PER_LEVEL).min(rows / 2) {
            let (file, column) = (file.to_owned(), column.to_owned());
            return Err(Error::RegressionTarget { file, column, levels: texts.len(), rows });
        }
        return Ok(numbers.into_iter().map(Label::from).collect());
    }
    let boolean = |t: &String| match t.to_ascii_lowercase().as_str() {
        "true" => Some(Label::Bool(true)),
        "false" => Some(Label::Bool(false)),
        _ => None,
    };
    Ok(texts
        .iter()
        .map(boolean)
        .collect::<Option<Vec<_>>>()
        .unwrap_or_else(|| texts.iter().map(|t| Label::from(t.as_str())).collect()))
}

/// The ids of the labels of some rows; `place` says where a row is in the file, and its column.
pub(super) fn class_ids<'a>(
    file: &str,
    labels: &Levels,
    rows: &[usize],
    place: &dyn Fn(usize) -> (At, &'a str),
    classes: &[Label],
) -> Result<Vec<u32>> {
    // A text is a class if it reads like it, as a number or as it stands.
    let id = |text: &String| {
        classes.iter().position(|c| match c {
            Label::Int(v) => text.parse() == Ok(*v),
            Label::Float(_) => text.parse::<f64>().is_ok_and(|v| Label::from(v) == *c),
            Label::Bool(v) => text.eq_ignore_ascii_case(if *v { "true" } else { "false" }),
            Label::Text(v) => text == v,
        })
    };
    let ids: Vec<Option<u32>> =
        labels.texts.iter().map(|l| id(l).and_then(|i| u32::try_from(i).ok())).collect();
    let known = |&row: &usize| {
        let code = labels.codes[row] as usize;
        ids.get(code).copied().flatten().ok_or_else(|| {
            let (file, (at, column)) = (file.to_owned(), place(row));
            match labels.texts.get(code) {
                None => Error::MissingValue { file, at, column: column.to_owned() },
                Some(value) => {
                    let classes = classes.iter().map(ToString::to_string).collect();
                    Error::UnseenLabel { file, at, value: value.clone(), classes }
                }
            }
        })
    };
    rows.iter().map(known).collect()
}
