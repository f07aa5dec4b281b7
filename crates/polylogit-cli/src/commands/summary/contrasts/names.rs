//! The classes and terms that a contrast may name, and what to say about other names.

use crate::commands::summary::Terms;
use crate::describe::list;
use polylogit::inference::Term;
use polylogit_data::nearest;

/// What may stand around a name.
pub(super) const QUOTES: [char; 2] = ['"', '`'];

/// The vocabulary of contrasts.
pub(in crate::commands::summary) struct Names {
    pub(super) classes: Vec<String>,
    pub(super) reference: usize,
    /// Terms with what they are; `None` for base levels, whose coefficients are 0.
    pub(super) terms: Vec<(String, Option<Term>)>,
}

impl Names {
    pub(in crate::commands::summary) fn new(
        classes: Vec<String>,
        reference: usize,
        terms: &Terms,
        intercept: bool,
    ) -> Self {
        let intercept = intercept.then(|| ("(intercept)".to_owned(), Some(Term::Intercept)));
        let columns = terms.names().into_iter().enumerate().map(|(j, name)| (name, Some(Term::Column(j))));
        let bases = terms.bases().map(|(variable, level)| (format!("{variable}={level}"), None));
        Self { classes, reference, terms: intercept.into_iter().chain(columns).chain(bases).collect() }
    }

    /// The classes that a text begins with, each with its length.
    pub(super) fn classes_at<'s>(&'s self, text: &'s str) -> impl Iterator<Item = (usize, usize)> + 's {
        let found = |(k, class): (usize, &String)| begins(text, class).map(|length| (k, length));
        self.classes.iter().enumerate().filter_map(found)
    }

    /// The longest term that a text begins with, and its length.
    pub(super) fn term_at(&self, text: &str) -> Option<(usize, usize)> {
        let found = |(t, (name, _)): (usize, &(String, _))| begins(text, name).map(|length| (t, length));
        // The first of equals.
        self.terms.iter().enumerate().filter_map(found).rev().max_by_key(|(_, length)| *length)
    }

    /// How a coefficient is written.
    pub(super) fn text(&self, class: usize, term: Term) -> String {
        let name = self.terms.iter().find(|(_, t)| *t == Some(term));
        format!("{}:{}", self.classes[class], name.map_or("", |(name, _)| name.as_str()))
    }

    /// What is wrong with a name that is none.
    pub(super) fn unknown(&self, word: &str) -> String {
        let bare = |name: &str| name.trim_matches(QUOTES).to_owned();
        let of_class =
            |(class, length)| word[length..].trim_start().strip_prefix(':').map(|rest| (class, bare(rest)));
        let terms = || self.terms.iter().filter(|(_, term)| term.is_some()).map(|(name, _)| name.as_str());
        let all = list(&terms().collect::<Vec<_>>());
        if let Some((class, term)) = self.classes_at(word).find_map(of_class) {
            if term.is_empty() {
                return format!("a term is missing after {}: the terms are {all}", self.classes[class]);
            }
            return format!("{term} is no term{}: the terms are {all}", hint(&term, terms()));
        }
        if let Some((class, _)) = word.split_once(':') {
            let (class, classes) = (bare(class), self.classes.iter().map(String::as_str));
            let reference = &self.classes[self.reference];
            return format!(
                "{class} is no class{}: the classes are {} (compared with {reference})",
                hint(&class, classes),
                list(&self.classes)
            );
        }
        let word = bare(word);
        format!("{word} is neither a number nor a term{}: the terms are {all}", hint(&word, terms()))
    }
}

/// A name that was probably meant, as a remark.
pub(in crate::commands::summary) fn hint<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> String {
    nearest(wrong, names).map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

/// The length of a name at the beginning of a text, quoted or up to where a longer word would go on.
pub(in crate::commands::summary) fn begins(text: &str, name: &str) -> Option<usize> {
    let in_quotes = |quote: char| {
        let inside = text.strip_prefix(quote)?;
        let end = inside.find(quote)?;
        (&inside[..end] == name).then_some(end + 2)
    };
    let plain = || {
        let after = text.strip_prefix(name)?.chars().next();
        let word = |c: char| c.is_alphanumeric() || "_.".contains(c);
        let cut = name.ends_with(word) && after.is_some_and(word);
        (!name.is_empty() && !cut).then_some(name.len())
    };
    QUOTES.into_iter().find_map(in_quotes).or_else(plain)
}
