//! `--at`: values that variables are set to, as in `bill_length_mm=45, island=Dream`.

use super::contrasts::{begins, hint};
use super::terms::{Levels, Setting, Terms};
use crate::describe::list;
use crate::failure::BadCall;
use crate::printer::number;
use anyhow::{Error, Result, anyhow};

/// The variables that are set, by their positions; the others are at their means.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) text: String,
    pub(super) set: Vec<(usize, Setting)>,
}

impl Settings {
    pub(super) fn new(typed: &str, terms: &Terms) -> Result<Self> {
        let parser = Parser { typed, variables: terms.settings() };
        let (mut rest, mut set, mut texts) = (typed.trim(), Vec::new(), Vec::new());
        loop {
            let (at, value) = parser.variable(rest)?;
            let name = parser.variables[at].0;
            if set.iter().any(|(other, _)| *other == at) {
                return Err(parser.wrong(&format!("{name} is set twice")));
            }
            let (setting, text, after) = match &parser.variables[at].1 {
                None => parser.number(name, value)?,
                Some(levels) => parser.level(name, levels, value)?,
            };
            set.push((at, setting));
            texts.push(format!("{name} = {text}"));
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more.trim_start(),
                None if rest.is_empty() => return Ok(Self { text: texts.join(", "), set }),
                None => return Err(parser.wrong(&format!("a , is missing before {rest:?}"))),
            }
        }
    }
}

struct Parser<'t> {
    typed: &'t str,
    variables: Vec<(&'t str, Option<Levels<'t>>)>,
}

impl<'t> Parser<'t> {
    fn wrong(&self, what: &str) -> Error {
        BadCall(format!("--at {:?}: {what}", self.typed)).into()
    }

    /// The variable that a text begins with, and what stands behind its `=`. The longest name that fits is meant.
    fn variable(&self, text: &'t str) -> Result<(usize, &'t str)> {
        let fits = |(at, (name, _)): (usize, &(&str, _))| {
            let value = text[begins(text, name)?..].trim_start().strip_prefix('=')?;
            Some((at, value.trim_start()))
        };
        let found = self.variables.iter().enumerate().filter_map(fits).min_by_key(|(_, value)| value.len());
        found.ok_or_else(|| match text.split_once('=') {
            None if text.is_empty() => self.wrong("a VARIABLE=VALUE is missing at the end"),
            None => self.wrong(&format!("a VARIABLE=VALUE is missing before {text:?}")),
            Some((name, _)) => {
                let (name, names) = (name.trim(), self.variables.iter().map(|(name, _)| *name));
                let (all, hint) = (list(&names.clone().collect::<Vec<_>>()), hint(name, names));
                anyhow!("--at {:?}: {name} is no variable{hint}: these are {all}", self.typed)
            }
        })
    }

    /// The number that a text begins with, in words, and the rest.
    fn number(&self, name: &str, text: &'t str) -> Result<(Setting, String, &'t str)> {
        let (value, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
        match value.trim().parse::<f64>() {
            Ok(v) if v.is_finite() => Ok((Setting::Number(v), number(v), rest)),
            _ => Err(self.wrong(&format!("{name} is a number, which {:?} is not", value.trim()))),
        }
    }

    /// The level that a text begins with, and the rest.
    fn level(&self, name: &str, levels: &Levels<'t>, text: &'t str) -> Result<(Setting, String, &'t str)> {
        let fits = levels.iter().filter_map(|&(level, setting)| Some((level, setting, begins(text, level)?)));
        fits.max_by_key(|(.., length)| *length)
            .map(|(level, setting, length)| (setting, level.to_owned(), &text[length..]))
            .ok_or_else(|| {
                let value = text.split(',').next().unwrap_or_default().trim();
                let names = levels.iter().map(|(level, _)| *level);
                let (all, hint) = (list(&names.clone().collect::<Vec<_>>()), hint(value, names));
                anyhow!("--at {:?}: {name} has no level {value:?}{hint}: its levels are {all}", self.typed)
            })
    }
}
