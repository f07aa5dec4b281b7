//! From cells to the design matrix, by rules that are inferred once and kept in the schema.

use std::collections::{BTreeMap, HashMap};

use polylogit::{Label, Target};

use super::csv::{Cells, Columns, NO_LEVEL, Role};
use super::{ApplyOptions, Dataset, MissingPolicy, ReadOptions, Report, Table, UnseenPolicy, position};
use crate::error::{Error, Result};
use crate::schema::{Column, Kind, Schema};

/// Texts that a category may have in any table.
const FEW_LEVELS: usize = 50;
/// Rows that a level should have on average beyond that.
const ROWS_PER_LEVEL: usize = 10;

/// The roles of the columns in training.
pub(super) fn roles(file: &str, header: &[String], options: &ReadOptions) -> Result<Vec<Role>> {
    let wanted = if options.features.is_empty() { Role::Infer } else { Role::Ignored };
    let mut roles = vec![wanted; header.len()];
    for name in &options.features {
        roles[position(file, header, name)?] = Role::Infer;
    }
    for name in &options.as_category {
        let at = position(file, header, name)?;
        if roles[at] == Role::Infer {
            roles[at] = Role::Category;
        }
    }
    for name in &options.exclude {
        roles[position(file, header, name)?] = Role::Ignored;
    }
    if let Some(weight) = &options.weight {
        roles[position(file, header, weight)?] = Role::Number;
    }
    roles[position(file, header, &options.target)?] = Role::Category;
    Ok(roles)
}

/// The roles of the columns at predict.
pub(super) fn schema_roles(
    file: &str,
    header: &[String],
    schema: &Schema,
    labelled: bool,
) -> Result<Vec<Role>> {
    let mut roles = vec![Role::Ignored; header.len()];
    for Column { name, kind } in &schema.columns {
        roles[position(file, header, name)?] = match kind {
            Kind::Number { .. } => Role::Number,
            Kind::Category { .. } => Role::Category,
        };
    }
    if labelled {
        roles[position(file, header, &schema.target)?] = Role::Category;
        if let Some(weight) = &schema.weight
            && let Ok(at) = position(file, header, weight)
        {
            roles[at] = Role::Number;
        }
    }
    Ok(roles)
}

/// The design matrix, target and schema of a table to learn from.
pub(super) fn training(file: &str, columns: &Columns, options: &ReadOptions) -> Result<Dataset> {
    let mut report = Report { read: columns.rows, ..Report::default() };
    let target_at = position(file, &columns.header, &options.target)?;
    let weight_at = options.weight.as_ref().map(|w| position(file, &columns.header, w)).transpose()?;
    let Cells::Category { codes: label_codes, levels: label_texts } = &columns.cells[target_at] else {
        return Err(Error::Schema { problem: "the target was not read as labels".into() });
    };
    let features: Vec<usize> =
        (0..columns.header.len()).filter(|&j| j != target_at && Some(j) != weight_at).collect();

    let mut keep = vec![true; columns.rows];
    for row in (0..columns.rows).filter(|&r| label_codes[r] == NO_LEVEL) {
        if options.missing == MissingPolicy::Error {
            return Err(missing_value(file, columns, row, target_at));
        }
        keep[row] = false;
    }
    for &j in &features {
        let mut count = 0;
        for row in 0..columns.rows {
            if is_missing(&columns.cells[j], row) {
                match options.missing {
                    MissingPolicy::Error => return Err(missing_value(file, columns, row, j)),
                    MissingPolicy::Drop => keep[row] = false,
                    MissingPolicy::Impute => {}
                }
                count += 1;
            }
        }
        if count > 0 {
            report.missing.insert(columns.header[j].clone(), count);
        }
    }
    let rows: Vec<usize> = (0..columns.rows).filter(|&r| keep[r]).collect();
    report.dropped = columns.rows - rows.len();
    if rows.is_empty() {
        return Err(Error::Empty { file: file.to_owned() });
    }

    let mut schema_columns = Vec::new();
    for &j in &features {
        let name = &columns.header[j];
        match kind(file, name, &columns.cells[j], &rows, options)? {
            Some(kind) => schema_columns.push(Column { name: name.clone(), kind }),
            None if matches!(columns.cells[j], Cells::Ignored) => {}
            None => report.empty.push(name.clone()),
        }
    }
    let schema =
        Schema { target: options.target.clone(), weight: options.weight.clone(), columns: schema_columns };
    let weights = weight_at.map(|j| weights(file, columns, j, &rows)).transpose()?;
    let labels = labels(file, &options.target, label_texts, columns.rows)?;
    let engine = |source| Error::Engine { file: file.to_owned(), source };
    let mut target =
        Target::from_labels(rows.iter().map(|&r| labels[label_codes[r] as usize].clone())).map_err(engine)?;
    if let Some(s) = weights {
        target = target.weights(s).map_err(engine)?;
    }
    let values = values(file, columns, &schema, &rows, UnseenPolicy::Ignore, &mut report)?;
    let table = Table { values, rows: rows.len(), columns: schema.width(), ids: None, weights: None, report };
    Ok(Dataset { schema, table, target })
}

/// The design matrix of a table that a model is applied to.
pub(super) fn apply(
    file: &str,
    columns: &Columns,
    schema: &Schema,
    classes: &[Label],
    options: &ApplyOptions,
) -> Result<Table> {
    let mut report = Report { read: columns.rows, ..Report::default() };
    let rows: Vec<usize> = (0..columns.rows).collect();
    for Column { name, .. } in &schema.columns {
        let cells = &columns.cells[position(file, &columns.header, name)?];
        let count = rows.iter().filter(|&&r| is_missing(cells, r)).count();
        if count > 0 {
            report.missing.insert(name.clone(), count);
        }
    }
    let (mut ids, mut weight) = (None, None);
    if options.labelled {
        let at = position(file, &columns.header, &schema.target)?;
        ids = Some(class_ids(file, columns, at, classes)?);
        if let Some(j) = schema.weight.as_ref().and_then(|w| columns.header.iter().position(|h| h == w)) {
            weight = Some(weights(file, columns, j, &rows)?);
        }
    }
    let values = values(file, columns, schema, &rows, options.unseen, &mut report)?;
    Ok(Table { values, rows: columns.rows, columns: schema.width(), ids, weights: weight, report })
}

fn is_missing(cells: &Cells, row: usize) -> bool {
    match cells {
        Cells::Ignored => false,
        Cells::Number(v) => v[row].is_nan(),
        Cells::Category { codes, .. } => codes[row] == NO_LEVEL,
    }
}

fn missing_value(file: &str, columns: &Columns, row: usize, j: usize) -> Error {
    Error::MissingValue { file: file.to_owned(), line: columns.line(row), column: columns.header[j].clone() }
}

/// How a column's cells become numbers; `None` if it is ignored or has no value at all.
fn kind(
    file: &str,
    name: &str,
    cells: &Cells,
    rows: &[usize],
    options: &ReadOptions,
) -> Result<Option<Kind>> {
    match cells {
        Cells::Ignored => Ok(None),
        Cells::Number(v) => {
            let (mut mean, mut count) = (0.0, 0.0);
            for v in rows.iter().map(|&r| v[r]).filter(|v| !v.is_nan()) {
                count += 1.0;
                mean += (v - mean) / count; // no overflow of a sum
            }
            Ok((count > 0.0).then_some(Kind::Number { mean }))
        }
        Cells::Category { codes, levels } => {
            let mut seen = vec![false; levels.len()];
            let mut missing = false;
            for &r in rows {
                match seen.get_mut(codes[r] as usize) {
                    Some(s) => *s = true,
                    None => missing = true,
                }
            }
            let mut levels: Vec<String> =
                levels.iter().zip(seen).filter(|(_, s)| *s).map(|(l, _)| l.clone()).collect();
            levels.sort();
            let allowed = FEW_LEVELS.max(rows.len() / ROWS_PER_LEVEL);
            if levels.len() > allowed && !options.as_category.iter().any(|c| c == name) {
                return Err(Error::ManyLevels {
                    file: file.to_owned(),
                    column: name.to_owned(),
                    levels: levels.len(),
                    rows: rows.len(),
                });
            }
            Ok((!levels.is_empty()).then_some(Kind::Category { levels, missing }))
        }
    }
}

fn weights(file: &str, columns: &Columns, j: usize, rows: &[usize]) -> Result<Vec<f64>> {
    let Cells::Number(v) = &columns.cells[j] else { return Ok(vec![1.0; rows.len()]) };
    match rows.iter().find(|&&r| !(v[r].is_finite() && v[r] > 0.0)) {
        Some(&r) => Err(Error::Weight {
            file: file.to_owned(),
            line: columns.line(r),
            column: columns.header[j].clone(),
            value: if v[r].is_nan() { "(missing)".to_owned() } else { v[r].to_string() },
        }),
        None => Ok(rows.iter().map(|&r| v[r]).collect()),
    }
}

/// Texts as labels: all integers, all numbers, all booleans, or texts.
fn labels(file: &str, column: &str, texts: &[String], rows: usize) -> Result<Vec<Label>> {
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

/// The ids of the labels of every row.
fn class_ids(file: &str, columns: &Columns, at: usize, classes: &[Label]) -> Result<Vec<u32>> {
    let Cells::Category { codes, levels } = &columns.cells[at] else { return Ok(Vec::new()) };
    // A text is a class if it reads like it, as a number or as it stands.
    let id = |text: &String| {
        classes.iter().position(|c| match c {
            Label::Int(v) => text.parse() == Ok(*v),
            Label::Float(_) => text.parse::<f64>().is_ok_and(|v| Label::from(v) == *c),
            Label::Bool(v) => text.eq_ignore_ascii_case(if *v { "true" } else { "false" }),
            Label::Text(v) => text == v,
        })
    };
    let ids: Vec<Option<u32>> = levels.iter().map(|l| id(l).and_then(|i| u32::try_from(i).ok())).collect();
    let known = |row: usize, code: u32| {
        ids.get(code as usize).copied().flatten().ok_or_else(|| match levels.get(code as usize) {
            None => missing_value(file, columns, row, at),
            Some(value) => Error::UnseenLabel {
                file: file.to_owned(),
                line: columns.line(row),
                value: value.clone(),
                classes: classes.iter().map(ToString::to_string).collect(),
            },
        })
    };
    codes.iter().enumerate().map(|(row, &code)| known(row, code)).collect()
}

/// The design matrix of the given rows.
fn values(
    file: &str,
    columns: &Columns,
    schema: &Schema,
    rows: &[usize],
    unseen: UnseenPolicy,
    report: &mut Report,
) -> Result<Vec<f64>> {
    let d = schema.width();
    let mut values = vec![0.0; rows.len() * d];
    let mut unseen_count: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut first = 0;
    for Column { name, kind } in &schema.columns {
        let cells = &columns.cells[position(file, &columns.header, name)?];
        match (kind, cells) {
            (Kind::Number { mean }, Cells::Number(v)) => {
                for (x, &r) in values[first..].iter_mut().step_by(d).zip(rows) {
                    *x = if v[r].is_nan() { *mean } else { v[r] };
                }
            }
            (Kind::Category { levels, missing }, Cells::Category { codes, levels: texts }) => {
                let places: HashMap<&str, usize> =
                    levels.iter().enumerate().map(|(i, l)| (l.as_str(), i)).collect();
                let places: Vec<Option<usize>> =
                    texts.iter().map(|t| places.get(t.as_str()).copied()).collect();
                for (row, &r) in rows.iter().enumerate() {
                    let place = match places.get(codes[r] as usize) {
                        None => missing.then_some(levels.len()),
                        Some(None) if unseen == UnseenPolicy::Error => {
                            return Err(Error::UnseenLevel {
                                file: file.to_owned(),
                                line: columns.line(r),
                                column: name.clone(),
                                value: texts[codes[r] as usize].clone(),
                            });
                        }
                        Some(None) => {
                            let level = || (0, texts[codes[r] as usize].clone());
                            unseen_count.entry(name.clone()).or_insert_with(level).0 += 1;
                            None
                        }
                        Some(place) => *place,
                    };
                    if let Some(place) = place {
                        values[row * d + first + place] = 1.0;
                    }
                }
            }
            _ => {}
        }
        first += kind.width();
    }
    report.unseen = unseen_count;
    Ok(values)
}
