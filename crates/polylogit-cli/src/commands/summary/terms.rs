//! The columns of a model of statistics: categories against a base level, powers of numbers, products of variables.
//!
//! Every design column is a product of powers of columns of the table, so that derivatives are columns again.

use crate::failure::BadCall;
use anyhow::{Result, anyhow};
use polylogit::inference::{Effect, Value};
use polylogit_data::{Kind, Matrix, Schema, Table};
use std::collections::BTreeMap;

/// A column of the design: Π x_source^power.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    name: String,
    /// Source column → power.
    factors: BTreeMap<usize, u32>,
}

/// A variable of the table.
#[derive(Debug, Clone)]
struct Variable {
    name: String,
    /// Its columns in the table, without the base level.
    sources: Vec<usize>,
    /// The base level of a category.
    base: Option<String>,
}

/// What a variable is set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Setting {
    Number(f64),
    /// A column of the table; `None` is the base level.
    Level(Option<usize>),
}

/// The levels of a category, the base level first.
pub(super) type Levels<'t> = Vec<(&'t str, Setting)>;

/// What is tested together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) columns: Vec<usize>,
}

/// The effect of a variable, or of one level of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) name: String,
    pub(super) effect: Effect,
}

/// The design columns and where they come from.
#[derive(Debug)]
pub(in crate::commands) struct Terms {
    variables: Vec<Variable>,
    columns: Vec<Column>,
    pub(super) groups: Vec<Group>,
    sources: usize,
}

impl Terms {
    /// All variables, then powers, then products.
    pub(in crate::commands) fn new(
        schema: &Schema,
        powers: &[(String, u32)],
        products: &[(String, String)],
    ) -> Result<Self> {
        let names = schema.feature_names();
        let mut variables = Vec::new();
        let mut at = 0;
        for column in &schema.columns {
            let width = column.kind.width();
            let own: Vec<usize> = (at..at + width).collect();
            at += width;
            match &column.kind {
                // An index is a number of its own.
                Kind::Indexed { .. } => variables.extend(own.into_iter().map(|j| Variable {
                    name: names[j].clone(),
                    sources: vec![j],
                    base: None,
                })),
                Kind::Number { .. } => {
                    variables.push(Variable { name: column.name.clone(), sources: own, base: None });
                }
                Kind::Category { levels, .. } => variables.push(Variable {
                    name: column.name.clone(),
                    sources: own[1..].to_vec(),
                    base: levels.first().cloned(),
                }),
            }
        }
        let mut terms = Self { variables, columns: Vec::new(), groups: Vec::new(), sources: at };
        let column = |source: usize, power: u32| {
            let name = if power == 1 { names[source].clone() } else { format!("{}^{power}", names[source]) };
            Column { name, factors: BTreeMap::from([(source, power)]) }
        };
        for at in 0..terms.variables.len() {
            let Variable { name, sources, .. } = terms.variables[at].clone();
            let mut group: Vec<Column> = sources.iter().map(|&j| column(j, 1)).collect();
            if let Some((_, power)) = powers.iter().find(|(of, _)| *of == name) {
                group.extend((2..=*power).map(|p| column(sources[0], p)));
            }
            terms.add(name, group);
        }
        for (name, _) in powers {
            if terms.variable(name)?.base.is_some() {
                return Err(BadCall(format!("--polynomial {name}: a category has no powers")).into());
            }
        }
        for (a, b) in products {
            let (left, right) = (terms.variable(a)?.clone(), terms.variable(b)?.clone());
            if left.name == right.name {
                let text = format!(
                    "--interact {a}:{b} is a variable with itself: --polynomial {a}:2 has its square"
                );
                return Err(BadCall(text).into());
            }
            let both = left.sources.iter().flat_map(|&i| right.sources.iter().map(move |&j| (i, j)));
            let product = |(i, j): (usize, usize)| Column {
                name: format!("{}:{}", names[i], names[j]),
                factors: BTreeMap::from([(i, 1), (j, 1)]),
            };
            terms.add(format!("{a}:{b}"), both.map(product).collect());
        }
        Ok(terms)
    }

    fn add(&mut self, name: String, columns: Vec<Column>) {
        let first = self.columns.len();
        self.columns.extend(columns);
        if self.columns.len() > first && self.groups.iter().all(|g| g.name != name) {
            self.groups.push(Group { name, columns: (first..self.columns.len()).collect() });
        } else {
            self.columns.truncate(first);
        }
    }

    fn variable(&self, name: &str) -> Result<&Variable> {
        self.variables.iter().find(|v| v.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
            anyhow!("{name} is no column to learn from: these are {}", crate::describe::list(&names))
        })
    }

    /// The names of the design columns.
    pub(in crate::commands) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// The base level of each category.
    pub(in crate::commands) fn bases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|v| Some((v.name.as_str(), v.base.as_deref()?)))
    }

    /// The design columns that stand for a level of a category.
    pub(super) fn levels_of_categories(&self) -> Vec<usize> {
        let level = |c: &Column| {
            let source = c.factors.keys().next();
            c.factors.len() == 1
                && self
                    .variables
                    .iter()
                    .any(|v| v.base.is_some() && source.is_some_and(|s| v.sources.contains(s)))
        };
        (0..self.columns.len()).filter(|&at| level(&self.columns[at])).collect()
    }

    /// The table's matrix as the design's. Taken as it is where nothing changes.
    pub(in crate::commands) fn matrix(&self, table: &mut Table) {
        let plain = |(j, c): (usize, &Column)| c.factors == BTreeMap::from([(j, 1)]);
        if self.columns.len() == self.sources && self.columns.iter().enumerate().all(plain) {
            return;
        }
        let d = self.columns.len();
        let Matrix::Dense(values) = &table.matrix else { return };
        let mut out = Vec::with_capacity(table.rows * d);
        for row in values.chunks_exact(self.sources.max(1)) {
            out.extend(self.columns.iter().map(|c| value(row, c)));
        }
        (table.matrix, table.columns) = (Matrix::Dense(out), d);
    }

    /// The row of a design at which every variable is at its mean (a category: the shares of its levels).
    pub(super) fn at_means(&self, column_means: &[f64]) -> Vec<f64> {
        self.row_at(column_means, &[])
    }

    /// The same with some variables, by their positions, set to something else.
    pub(super) fn row_at(&self, column_means: &[f64], set: &[(usize, Setting)]) -> Vec<f64> {
        let mut row = vec![0.0; self.sources];
        for (c, mean) in self.columns.iter().zip(column_means) {
            if let (1, Some((&source, 1))) = (c.factors.len(), c.factors.iter().next().map(|(s, p)| (s, *p)))
            {
                row[source] = *mean;
            }
        }
        for &(variable, setting) in set {
            let sources = &self.variables[variable].sources;
            match setting {
                Setting::Number(value) => row[sources[0]] = value,
                Setting::Level(level) => {
                    for &s in sources {
                        row[s] = f64::from(u8::from(Some(s) == level));
                    }
                }
            }
        }
        self.columns.iter().map(|c| value(&row, c)).collect()
    }

    /// The variables by name; of a category the levels with what each of them is.
    pub(super) fn settings(&self) -> Vec<(&str, Option<Levels<'_>>)> {
        let level = |name: &str, source: usize| {
            let own = BTreeMap::from([(source, 1)]);
            let column = self.columns.iter().find(|c| c.factors == own)?;
            Some((column.name.get(name.len() + 1..)?, Setting::Level(Some(source))))
        };
        let mut all = Vec::new();
        for Variable { name, sources, base } in &self.variables {
            let others = sources.iter().filter_map(|&source| level(name, source));
            let base = base.as_ref().map(|base| (base.as_str(), Setting::Level(None)));
            all.push((name.as_str(), base.map(|base| std::iter::once(base).chain(others).collect())));
        }
        all
    }

    /// The effect of each variable: of a number its derivative, of a category each level against the base.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.variables
            .iter()
            .flat_map(|v| if v.base.is_some() { self.levels(v) } else { self.slope(v) })
            .collect()
    }

    fn slope(&self, variable: &Variable) -> Vec<Change> {
        let source = variable.sources[0];
        let mut derivative = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let Some(&power) = column.factors.get(&source) else { continue };
            let mut rest = column.factors.clone();
            if power == 1 {
                rest.remove(&source);
            } else {
                rest.insert(source, power - 1);
            }
            derivative.push((at, self.product(&rest, f64::from(power))));
        }
        vec![Change { name: variable.name.clone(), effect: Effect::Derivative(derivative) }]
    }

    fn levels(&self, variable: &Variable) -> Vec<Change> {
        let depends = |c: &Column| c.factors.keys().find(|s| variable.sources.contains(s)).copied();
        let setting = |level: Option<usize>| -> Vec<(usize, Value)> {
            let of = |(at, column): (usize, &Column)| {
                let own = depends(column)?;
                if Some(own) != level {
                    return Some((at, Value::Constant(0.0)));
                }
                let mut rest = column.factors.clone();
                rest.remove(&own);
                Some((at, self.product(&rest, 1.0)))
            };
            self.columns.iter().enumerate().filter_map(of).collect()
        };
        let change = |&level: &usize| {
            let name = self.columns.iter().find(|c| c.factors == BTreeMap::from([(level, 1)]));
            let effect = Effect::Change { from: setting(None), to: setting(Some(level)) };
            Change { name: name.map_or_else(String::new, |c| c.name.clone()), effect }
        };
        variable.sources.iter().map(change).collect()
    }

    /// `factor` times a product, which is a design column because lower powers and single variables are there.
    fn product(&self, factors: &BTreeMap<usize, u32>, factor: f64) -> Value {
        match self.columns.iter().position(|c| c.factors == *factors) {
            Some(column) => Value::Column { column, factor },
            None => Value::Constant(factor),
        }
    }
}

fn value(row: &[f64], column: &Column) -> f64 {
    column.factors.iter().map(|(&s, &p)| row[s].powi(p.cast_signed())).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use polylogit_data::Column as Source;

    fn terms(powers: &[(String, u32)], products: &[(String, String)]) -> Result<Terms> {
        let level = |l: &[&str]| Kind::Category {
            levels: l.iter().map(|l| (*l).to_owned()).collect(),
            missing: false,
        };
        let column = |name: &str, kind| Source { name: name.to_owned(), kind };
        let schema = Schema {
            target: "y".into(),
            weight: None,
            columns: vec![
                column("v", Kind::Number { mean: 0.0 }),
                column("sex", level(&["f", "m"])),
                column("isle", level(&["a", "b", "c"])),
            ],
        };
        Terms::new(&schema, powers, products)
    }

    #[test]
    fn columns_groups_and_effects() {
        let (v, sex, isle) = ("v".to_owned(), "sex".to_owned(), "isle".to_owned());
        let t = terms(&[(v.clone(), 3)], &[(sex.clone(), v.clone()), (isle, sex)]).unwrap();
        assert_eq!(
            t.names(),
            ["v", "v^2", "v^3", "sex=m", "isle=b", "isle=c", "sex=m:v", "isle=b:sex=m", "isle=c:sex=m"]
        );
        let groups: Vec<(&str, usize)> =
            t.groups.iter().map(|g| (g.name.as_str(), g.columns.len())).collect();
        assert_eq!(groups, [("v", 3), ("sex", 1), ("isle", 2), ("sex:v", 1), ("isle:sex", 2)]);
        assert_eq!(t.levels_of_categories(), [3, 4, 5]);
        assert_eq!(t.bases().collect::<Vec<_>>(), [("sex", "f"), ("isle", "a")]);
        let changes = t.changes();
        let names: Vec<&str> = changes.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["v", "sex=m", "isle=b", "isle=c"]);
        let column = |column, factor| Value::Column { column, factor };
        // d/dv of v, v², v³ and sex·v.
        let slope =
            vec![(0, Value::Constant(1.0)), (1, column(0, 2.0)), (2, column(1, 3.0)), (6, column(3, 1.0))];
        assert_eq!(changes[0].effect, Effect::Derivative(slope));
        let none = Value::Constant(0.0);
        let from = vec![(4, none), (5, none), (7, none), (8, none)];
        let to = vec![(4, Value::Constant(1.0)), (5, none), (7, column(3, 1.0)), (8, none)];
        assert_eq!(changes[2].effect, Effect::Change { from, to });
        let means = t.at_means(&[2.0, 9.0, 99.0, 0.25, 0.5, 0.1, 7.0, 7.0, 7.0]);
        assert_eq!(means, [2.0, 4.0, 8.0, 0.25, 0.5, 0.1, 0.5, 0.125, 0.025]);
    }

    #[test]
    fn the_matrix_is_made_of_products() {
        let t = terms(&[("v".to_owned(), 2)], &[("v".to_owned(), "sex".to_owned())]).unwrap();
        // v, sex=f, sex=m, isle=a, isle=b, isle=c
        let values = vec![3.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let mut table = Table {
            matrix: Matrix::Dense(values),
            rows: 1,
            columns: 6,
            ids: None,
            weights: None,
            report: polylogit_data::Report::default(),
        };
        t.matrix(&mut table);
        assert_eq!(table.matrix, Matrix::Dense(vec![3.0, 9.0, 1.0, 1.0, 0.0, 3.0]));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let message = |t: Result<Terms>| t.unwrap_err().to_string();
        assert!(message(terms(&[("sex".into(), 2)], &[])).contains("no powers"));
        assert!(message(terms(&[], &[("v".into(), "v".into())])).contains("--polynomial v:2"));
        assert!(message(terms(&[], &[("v".into(), "w".into())])).contains("w is no column"));
    }
}
