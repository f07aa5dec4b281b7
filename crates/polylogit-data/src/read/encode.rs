//! From cells to the design matrix, by rules that are inferred once and kept in the schema.

use std::collections::{BTreeMap, HashMap};

use polylogit::Label;

use super::cells::{Cells, Columns, Levels, NO_LEVEL, Role};
use super::labels::{class_ids, clusters, labels, weights};
use super::svmlight::Sparse;
use super::{
    ApplyOptions, Dataset, Matrix, MissingPolicy, ReadOptions, Report, Table, UnseenPolicy, position,
};
use crate::error::{At, Error, Result};
use crate::schema::{Column, Kind, Schema};

/// Texts that a category may have in any table.
const FEW_LEVELS: usize = 50;
/// Rows that a level should have on average beyond that.
const ROWS_PER_LEVEL: usize = 10;
/// The name of the column that stands for all indices of an svmlight file.
const INDEXED: &str = "(index)";

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
    if let Some(cluster) = &options.cluster {
        roles[position(file, header, cluster)?] = Role::Category;
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
            Kind::Indexed { .. } => Role::Ignored,
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
pub(super) fn training(file: &str, columns: Columns, options: &ReadOptions) -> Result<Dataset> {
    let mut report = Report { read: columns.rows, ..Report::default() };
    let target_at = position(file, &columns.header, &options.target)?;
    let weight_at = options.weight.as_ref().map(|w| position(file, &columns.header, w)).transpose()?;
    let Cells::Category(label_cells) = &columns.cells[target_at] else {
        return Err(Error::Schema { problem: "the target was not read as labels".into() });
    };
    let cluster_at = options.cluster.as_ref().map(|c| position(file, &columns.header, c)).transpose()?;
    let others = [Some(target_at), weight_at, cluster_at];
    let features: Vec<usize> = (0..columns.header.len()).filter(|&j| !others.contains(&Some(j))).collect();

    let missing = Missing::find(&columns, &features);
    let refused = |row, j| Err(missing_value(file, &columns, row, j));
    let unlabelled = label_cells.codes.iter().position(|&c| c == NO_LEVEL);
    if options.missing == MissingPolicy::Error {
        if let Some(row) = unlabelled {
            return refused(row, target_at);
        }
        if let Some((row, j)) = missing.first {
            return refused(row, j);
        }
    }
    let drops = options.missing == MissingPolicy::Drop;
    let rows: Vec<usize> = (0..columns.rows)
        .filter(|&r| label_cells.codes[r] != NO_LEVEL && !(drops && missing.in_row(&columns, &features, r)))
        .collect();
    report.missing = missing.by_name(&columns);
    report.left_out = without(columns.rows, &rows);
    if rows.is_empty() {
        return Err(Error::Empty { file: file.to_owned() });
    }

    let means = means(&columns, &rows);
    let mut schema_columns = Vec::new();
    for &j in &features {
        let name = &columns.header[j];
        let kind = match &columns.cells[j] {
            Cells::Ignored => continue,
            Cells::Number(at) => means[*at].map(|mean| Kind::Number { mean }),
            Cells::Category(levels) => category(file, name, levels, &rows, options)?,
        };
        match kind {
            Some(kind) => schema_columns.push(Column { name: name.clone(), kind }),
            None => report.empty.push(name.clone()),
        }
    }
    let schema =
        Schema { target: options.target.clone(), weight: options.weight.clone(), columns: schema_columns };
    let mut target = labels(file, &options.target, label_cells, &rows)?;
    if let Some(j) = weight_at {
        let weights = weights(file, &columns, j, &rows)?;
        target = target.weights(weights).map_err(|source| Error::Engine { file: file.to_owned(), source })?;
    }
    let clusters = cluster_at.map(|j| clusters(file, &columns, j, &rows)).transpose()?;
    let n = rows.len();
    let matrix = matrix(file, columns, &schema, &rows, UnseenPolicy::Ignore, &mut report)?;
    let table = Table { matrix, rows: n, columns: schema.width(), ids: None, weights: None, report };
    Ok(Dataset { schema, table, target, clusters })
}

/// The design matrix of a table that a model is applied to.
pub(super) fn apply(
    file: &str,
    columns: Columns,
    schema: &Schema,
    classes: &[Label],
    options: &ApplyOptions,
) -> Result<Table> {
    let mut report = Report { read: columns.rows, ..Report::default() };
    let features = schema.columns.iter().map(|c| position(file, &columns.header, &c.name));
    let features: Vec<usize> = features.collect::<Result<_>>()?;
    let missing = Missing::find(&columns, &features);
    if let (MissingPolicy::Error, Some((row, j))) = (options.missing, missing.first) {
        return Err(missing_value(file, &columns, row, j));
    }
    let drops = options.missing == MissingPolicy::Drop;
    let rows: Vec<usize> =
        (0..columns.rows).filter(|&r| !(drops && missing.in_row(&columns, &features, r))).collect();
    report.missing = missing.by_name(&columns);
    report.left_out = without(columns.rows, &rows);
    let (mut ids, mut weight) = (None, None);
    if options.labelled {
        let at = position(file, &columns.header, &schema.target)?;
        if let Cells::Category(labels) = &columns.cells[at] {
            let place = |row| (columns.at(row), schema.target.as_str());
            ids = Some(class_ids(file, labels, &rows, &place, classes)?);
        }
        if let Some(j) = schema.weight.as_ref().and_then(|w| columns.header.iter().position(|h| h == w)) {
            weight = Some(weights(file, &columns, j, &rows)?);
        }
    }
    let n = rows.len();
    let matrix = matrix(file, columns, schema, &rows, options.unseen, &mut report)?;
    Ok(Table { matrix, rows: n, columns: schema.width(), ids, weights: weight, report })
}

/// The training set that an svmlight file holds: every index up to the largest is a feature.
pub(super) fn training_sparse(file: &str, sparse: Sparse, options: &ReadOptions) -> Result<Dataset> {
    if let Some(row) = sparse.labels.codes.iter().position(|&c| c == NO_LEVEL) {
        let (at, problem) = (At::Line(sparse.lines[row]), "the row has no label".to_owned());
        return Err(Error::Format { file: file.to_owned(), at, problem });
    }
    // Indices count from 1 unless one of them is 0.
    let first = u32::from(!sparse.indices.contains(&0));
    let count = sparse.indices.iter().max().map_or(0, |max| (max - first) as usize + 1);
    let column = Column { name: INDEXED.to_owned(), kind: Kind::Indexed { first, count } };
    let name = if options.target.is_empty() { "label" } else { &options.target };
    let schema = Schema { target: name.to_owned(), weight: None, columns: vec![column] };
    schema.check()?;
    let n = sparse.rows();
    let target = labels(file, name, &sparse.labels, &(0..n).collect::<Vec<_>>())?;
    let (matrix, _) = sparse.matrix(first, count);
    let report = Report { read: n, ..Report::default() };
    Ok(Dataset {
        schema,
        target,
        clusters: None,
        table: Table { matrix, rows: n, columns: count, ids: None, weights: None, report },
    })
}

/// The matrix of an svmlight file that a model is applied to.
pub(super) fn apply_sparse(
    file: &str,
    sparse: Sparse,
    (first, count): (u32, usize),
    schema: &Schema,
    classes: &[Label],
    options: &ApplyOptions,
) -> Result<Table> {
    let n = sparse.rows();
    let mut report = Report { read: n, ..Report::default() };
    let ids = if options.labelled {
        let place = |row: usize| (At::Line(sparse.lines[row]), schema.target.as_str());
        Some(class_ids(file, &sparse.labels, &(0..n).collect::<Vec<_>>(), &place, classes)?)
    } else {
        None
    };
    let largest = sparse.indices.iter().copied().max().unwrap_or(first);
    let (matrix, unknown) = sparse.matrix(first, count);
    if unknown > 0 && options.unseen == UnseenPolicy::Error {
        let problem = format!("index {largest} was not seen in training (--unseen ignore allows that)");
        return Err(Error::Layout { file: file.to_owned(), problem });
    }
    report.unknown_indices = unknown;
    Ok(Table { matrix, rows: n, columns: count, ids, weights: None, report })
}

/// The rows of n that are not among `rows`, which ascend.
fn without(n: usize, rows: &[usize]) -> Vec<usize> {
    let mut left = rows.iter().peekable();
    (0..n).filter(|r| left.next_if(|next| *next == r).is_none()).collect()
}

/// Missing cells of the columns that predict.
struct Missing {
    /// By column of the file.
    counts: Vec<usize>,
    /// The first one, by rows: row and column of the file.
    first: Option<(usize, usize)>,
}

impl Missing {
    /// Looks at numbers row by row, as they are stored.
    fn find(columns: &Columns, features: &[usize]) -> Self {
        let mut counts = vec![0; columns.header.len()];
        let mut first: Option<(usize, usize)> = None;
        let mut met = |row: usize, j: usize| {
            counts[j] += 1;
            if first.is_none_or(|f| (row, j) < f) {
                first = Some((row, j));
            }
        };
        let mut owner = vec![None; columns.width];
        for &j in features {
            match &columns.cells[j] {
                Cells::Number(at) => owner[*at] = Some(j),
                Cells::Category(c) => {
                    let missing = c.codes.iter().enumerate().filter(|(_, c)| **c == NO_LEVEL);
                    missing.for_each(|(row, _)| met(row, j));
                }
                Cells::Ignored => {}
            }
        }
        for (row, values) in columns.numbers.chunks_exact(columns.width.max(1)).enumerate() {
            for (value, j) in values.iter().zip(&owner) {
                if let Some(j) = j.filter(|_| value.is_nan()) {
                    met(row, j);
                }
            }
        }
        Self { counts, first }
    }

    fn in_row(&self, columns: &Columns, features: &[usize], row: usize) -> bool {
        features.iter().any(|&j| {
            self.counts[j] > 0
                && match &columns.cells[j] {
                    Cells::Number(at) => columns.numbers[row * columns.width + at].is_nan(),
                    Cells::Category(c) => c.codes[row] == NO_LEVEL,
                    Cells::Ignored => false,
                }
        })
    }

    fn by_name(&self, columns: &Columns) -> BTreeMap<String, usize> {
        let named = columns.header.iter().cloned().zip(self.counts.iter().copied());
        named.filter(|(_, count)| *count > 0).collect()
    }
}

pub(super) fn missing_value(file: &str, columns: &Columns, row: usize, j: usize) -> Error {
    Error::MissingValue { file: file.to_owned(), at: columns.at(row), column: columns.header[j].clone() }
}

/// Means of the columns of numbers over some rows; `None` without a value.
fn means(columns: &Columns, rows: &[usize]) -> Vec<Option<f64>> {
    let width = columns.width;
    let mut means = vec![(0.0, 0.0); width];
    for row in rows {
        for ((mean, count), v) in means.iter_mut().zip(&columns.numbers[row * width..]) {
            if !v.is_nan() {
                *count += 1.0;
                *mean += (v - *mean) / *count; // no overflow of a sum
            }
        }
    }
    means.into_iter().map(|(mean, count)| (count > 0.0).then_some(mean)).collect()
}

/// The levels of a category; `None` without a value.
fn category(
    file: &str,
    name: &str,
    cells: &Levels,
    rows: &[usize],
    options: &ReadOptions,
) -> Result<Option<Kind>> {
    let mut seen = vec![false; cells.texts.len()];
    let mut missing = false;
    for &r in rows {
        match seen.get_mut(cells.codes[r] as usize) {
            Some(s) => *s = true,
            None => missing = true,
        }
    }
    let mut levels: Vec<String> =
        cells.texts.iter().zip(seen).filter(|(_, s)| *s).map(|(l, _)| l.clone()).collect();
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

/// The design matrix of the given rows. Takes the cells: where all are numbers it is made in their place.
fn matrix(
    file: &str,
    mut columns: Columns,
    schema: &Schema,
    rows: &[usize],
    unseen: UnseenPolicy,
    report: &mut Report,
) -> Result<Matrix> {
    let d = schema.width();
    let width = columns.width;
    // Numbers: source column, design column, mean.
    let mut numbers = Vec::new();
    let mut categories = Vec::new();
    let mut first = 0;
    for Column { name, kind } in &schema.columns {
        let j = position(file, &columns.header, name)?;
        match (kind, &columns.cells[j]) {
            (Kind::Number { mean }, Cells::Number(at)) => numbers.push((*at, first, *mean)),
            (Kind::Category { levels, missing }, Cells::Category(_)) => {
                categories.push((j, first, levels, *missing));
            }
            _ => {}
        }
        first += kind.width();
    }
    let fill = |from: &[f64], to: &mut [f64]| {
        for &(at, place, mean) in &numbers {
            to[place] = if from[at].is_nan() { mean } else { from[at] };
        }
    };
    if categories.is_empty() && numbers.len() == d {
        // d ≤ width and no row moves back, so that no value is overwritten before it is read.
        let mut values = std::mem::take(&mut columns.numbers);
        let mut row = vec![0.0; d];
        for (to, &from) in rows.iter().enumerate() {
            fill(&values[from * width..], &mut row);
            values[to * d..(to + 1) * d].copy_from_slice(&row);
        }
        values.truncate(rows.len() * d);
        return Ok(Matrix::Dense(values));
    }
    let mut values = vec![0.0; rows.len() * d];
    for (to, &from) in rows.iter().enumerate() {
        fill(&columns.numbers[from * width..], &mut values[to * d..(to + 1) * d]);
    }
    for (j, first, levels, missing) in categories {
        let Cells::Category(cells) = &columns.cells[j] else { continue };
        let name = &columns.header[j];
        let places: HashMap<&str, usize> = levels.iter().enumerate().map(|(i, l)| (l.as_str(), i)).collect();
        let places: Vec<Option<usize>> =
            cells.texts.iter().map(|t| places.get(t.as_str()).copied()).collect();
        for (to, &from) in rows.iter().enumerate() {
            let code = cells.codes[from] as usize;
            let place = match places.get(code) {
                None if missing => Some(levels.len()),
                None | Some(None) if unseen == UnseenPolicy::Error => {
                    return Err(Error::UnseenLevel {
                        file: file.to_owned(),
                        at: columns.at(from),
                        column: name.clone(),
                        value: cells.texts.get(code).map_or("(missing)", String::as_str).to_owned(),
                    });
                }
                None => None,
                Some(None) => {
                    let level = || (0, cells.texts[code].clone());
                    report.unseen.entry(name.clone()).or_insert_with(level).0 += 1;
                    None
                }
                Some(place) => *place,
            };
            if let Some(place) = place {
                values[to * d + first + place] = 1.0;
            }
        }
    }
    Ok(Matrix::Dense(values))
}
