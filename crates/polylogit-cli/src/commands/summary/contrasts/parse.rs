//! Contrasts as they are typed: `2*B:x - C:x = 0.5`, several rows joined by `,` or `;`.
//!
//! ```text
//! rows    row { (, | ;) row }
//! row     sum { = sum }                     every part equals the last
//! sum     product { (+ | -) product }
//! product factor { (* | /) factor }         linear in the coefficients
//! factor  (+ | -) factor | ( sum ) | number | [class :] term
//! ```
//!
//! The names are known, so the longest one that fits is meant; `"…"` or `` `…` `` say where a name ends.

use super::names::{Names, QUOTES};
use crate::failure::BadCall;
use anyhow::{Result, anyhow};
use polylogit::inference::Term;
use std::collections::BTreeSet;

/// Signs and parentheses that may be open at once.
const DEEPEST: usize = 100;

/// constant + Σ weight · coefficient; a term without a class stands for each class in turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Linear {
    pub(super) constant: f64,
    pub(super) of: Vec<(Option<usize>, Term, f64)>,
    /// What is 0 by convention, in words.
    pub(super) zeros: BTreeSet<String>,
}

impl Linear {
    fn number(constant: f64) -> Self {
        Self { constant, ..Self::default() }
    }

    fn is_number(&self) -> bool {
        self.of.is_empty() && self.zeros.is_empty()
    }

    fn times(mut self, factor: f64) -> Self {
        self.constant *= factor;
        self.of.iter_mut().for_each(|(_, _, weight)| *weight *= factor);
        self
    }

    fn plus(mut self, other: Self) -> Self {
        self.constant += other.constant;
        for (class, term, weight) in other.of {
            match self.of.iter_mut().find(|(c, t, _)| (*c, *t) == (class, term)) {
                Some((.., own)) => *own += weight,
                None => self.of.push((class, term, weight)),
            }
        }
        self.zeros.extend(other.zeros);
        self
    }
}

/// The rows of a contrast; each is to be 0.
pub(super) fn rows(text: &str, names: &Names) -> Result<Vec<Linear>> {
    let mut parser = Parser { text, at: 0, depth: 0, names };
    let mut rows = Vec::new();
    loop {
        let mut parts = vec![parser.sum()?];
        while parser.takes("=") {
            parts.push(parser.sum()?);
        }
        if parts.len() > 1
            && let Some(last) = parts.pop()
        {
            parts = parts.into_iter().map(|part| part.plus(last.clone().times(-1.0))).collect();
        }
        rows.append(&mut parts);
        if !parser.takes(",") && !parser.takes(";") {
            break;
        }
    }
    match parser.rest() {
        "" => Ok(rows),
        rest => Err(parser.wrong(&format!("+, -, *, /, = or , should stand before {rest:?}"))),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// Signs and parentheses that are open.
    depth: usize,
    names: &'t Names,
}

impl<'t> Parser<'t> {
    /// What is left, without blanks before it.
    fn rest(&self) -> &'t str {
        self.text[self.at..].trim_start()
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at = self.text.len() - self.rest().len() + symbol.len();
        }
        found
    }

    fn wrong(&self, what: &str) -> anyhow::Error {
        BadCall(format!("--contrast {:?}: {what}", self.text)).into()
    }

    fn sum(&mut self) -> Result<Linear> {
        let mut sum = self.product()?;
        loop {
            let sign = if self.takes("+") {
                1.0
            } else if self.takes("-") {
                -1.0
            } else {
                return Ok(sum);
            };
            sum = sum.plus(self.product()?.times(sign));
        }
    }

    fn product(&mut self) -> Result<Linear> {
        let mut product = self.factor()?;
        loop {
            if self.takes("*") {
                let other = self.factor()?;
                product = match (product.is_number(), other.is_number()) {
                    (true, _) => other.times(product.constant),
                    (_, true) => product.times(other.constant),
                    _ => return Err(self.wrong("a product of coefficients is not linear")),
                };
            } else if self.takes("/") {
                let other = self.factor()?;
                if !other.is_number() {
                    return Err(self.wrong("one over a coefficient is not linear"));
                }
                product = product.times(1.0 / other.constant);
            } else {
                return Ok(product);
            }
            if !product.constant.is_finite() || product.of.iter().any(|(.., weight)| !weight.is_finite()) {
                return Err(self.wrong("a number is not finite"));
            }
        }
    }

    fn factor(&mut self) -> Result<Linear> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("signs and parentheses are nested too deeply"));
        }
        let factor = self.nested();
        self.depth -= 1;
        factor
    }

    fn nested(&mut self) -> Result<Linear> {
        let rest = self.rest();
        let (number, digits) = number(rest);
        if let Some((coefficient, length)) = self.coefficient(rest).filter(|(_, length)| *length > digits) {
            self.at = self.text.len() - rest.len() + length;
            return Ok(coefficient);
        }
        if let Some(number) = number {
            self.at = self.text.len() - rest.len() + digits;
            return if number.is_finite() {
                Ok(Linear::number(number))
            } else {
                Err(self.wrong("a number is not finite"))
            };
        }
        if self.takes("-") {
            return Ok(self.factor()?.times(-1.0));
        }
        if self.takes("+") {
            return self.factor();
        }
        if self.takes("(") {
            let inner = self.sum()?;
            return if self.takes(")") { Ok(inner) } else { Err(self.wrong("a ) is missing")) };
        }
        match word(rest) {
            None => Err(self.wrong("a quote or a parenthesis is not closed")),
            Some("") => {
                let place =
                    if rest.is_empty() { "at the end".to_owned() } else { format!("before {rest:?}") };
                Err(self.wrong(&format!("a coefficient CLASS:TERM or a number is missing {place}")))
            }
            Some(word) => Err(anyhow!("--contrast {:?}: {}", self.text, self.names.unknown(word))),
        }
    }

    /// The longest coefficient that the text begins with, and its length.
    fn coefficient(&self, text: &str) -> Option<(Linear, usize)> {
        let mut found: Option<(Linear, usize)> = None;
        let mut offer = |linear: Linear, length: usize| {
            if found.as_ref().is_none_or(|(_, longest)| length > *longest) {
                found = Some((linear, length));
            }
        };
        for (class, after) in self.names.classes_at(text) {
            let Some(after) = text[after..].trim_start().strip_prefix(':') else { continue };
            let term = after.trim_start();
            let before = text.len() - term.len();
            if let Some((meaning, length)) = self.names.term_at(term) {
                offer(self.linear(Some(class), meaning), before + length);
            }
        }
        if let Some((meaning, length)) = self.names.term_at(text) {
            offer(self.linear(None, meaning), length);
        }
        found
    }

    /// A coefficient, or what is 0 in its place.
    fn linear(&self, class: Option<usize>, term: usize) -> Linear {
        let zero = |why| Linear { zeros: BTreeSet::from([why]), ..Linear::default() };
        let (name, meaning) = &self.names.terms[term];
        match meaning {
            _ if class == Some(self.names.reference) => zero(format!(
                "coefficients of {} are 0: it is the reference class",
                self.names.classes[self.names.reference]
            )),
            None => zero(format!("coefficients of {name} are 0: it is the base level")),
            Some(term) => Linear { of: vec![(class, *term, 1.0)], ..Linear::default() },
        }
    }
}

/// What looks like a name at the beginning of a text; `None` if a quote is not closed.
fn word(text: &str) -> Option<&str> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if QUOTES.contains(&c) => quote = Some(c),
            // B:(intercept)
            None if c == '(' && text[..at].ends_with(':') => quote = Some(')'),
            None if c.is_whitespace() || "+-*/=,;()".contains(c) => return Some(&text[..at]),
            _ => {}
        }
    }
    quote.is_none().then_some(text)
}

/// The number that a text begins with, and its length.
fn number(text: &str) -> (Option<f64>, usize) {
    let digit = |c: char| c.is_ascii_digit() || c == '.';
    let mut length = text.find(|c| !digit(c)).unwrap_or(text.len());
    if let Some(exponent) = text[length..].strip_prefix(['e', 'E']).filter(|_| length > 0) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let digits = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
        if digits > 0 {
            length = text.len() - unsigned.len() + digits;
        }
    }
    match text[..length].parse() {
        Ok(number) => (Some(number), length),
        Err(_) => (None, 0),
    }
}
