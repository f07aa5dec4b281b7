//! The only way out: results to standard output, everything else to standard error.

use crate::args::{Format, PrintArgs};
use anyhow::Result;
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;
use std::io::Write as _;

/// Headings.
pub(crate) const BOLD: Style = Style::new().bold();
/// Side remarks.
pub(crate) const DIM: Style = Style::new().dimmed();
/// `error`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// `warning`.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// `help`, `note`.
pub(crate) const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// Prints as the options ask for. Colours go to terminals only (anstream strips them elsewhere).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: Format,
    quiet: bool,
}

impl Printer {
    pub(crate) fn new(args: &PrintArgs) -> Self {
        Self { format: args.format, quiet: args.quiet }
    }

    /// For commands whose only output is notes.
    pub(crate) fn notes_only(quiet: bool) -> Self {
        Self { format: Format::Text, quiet }
    }

    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Text for people; nothing if they asked for JSON or for quiet.
    pub(crate) fn text(self, text: &str) -> Result<()> {
        if !self.is_json() && !self.quiet {
            let mut out = anstream::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()?;
        }
        Ok(())
    }

    /// The one document; nothing unless JSON was asked for.
    pub(crate) fn document(self, document: &impl Serialize) -> Result<()> {
        if self.is_json() {
            let mut out = std::io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, document).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
            out.flush()?;
        }
        Ok(())
    }

    /// Something worth knowing.
    pub(crate) fn note(self, text: &str) {
        self.aside(HELP, "note", text);
    }

    /// Something that may make the result other than expected.
    pub(crate) fn warning(self, text: &str) {
        self.aside(WARNING, "warning", text);
    }

    fn aside(self, style: Style, kind: &str, text: &str) {
        if !self.quiet {
            // Where standard error is gone there is nobody to tell.
            let _ = writeln!(anstream::stderr(), "{style}{kind}{style:#}: {text}");
        }
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn count(n: usize, what: &str) -> String {
    let plural = match what {
        _ if n == 1 => "",
        _ if what.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {what}{plural}", thousands(n))
}

/// `1,234,567`.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Six significant digits: as a decimal number where that is short, else with an exponent.
pub(crate) fn number(value: f64) -> String {
    significant(value, 6)
}

/// `digits` significant digits.
pub(crate) fn significant(value: f64, digits: u8) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let scientific = format!("{value:.*e}", usize::from(digits - 1));
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if !(-4..i32::from(digits.max(6))).contains(&exponent) {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return format!("{}e{exponent}", trim(mantissa));
    }
    let decimals = (i32::from(digits) - 1 - exponent).max(0);
    trim(&format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))).to_owned()
}

/// Without zeros at the end of a fraction.
fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A time for people.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 100.0 => format!("{s:.1} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_six_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-0.123_456_789, "-0.123457"),
            (1234.5, "1234.5"),
            (123_456.7, "123457"),
            (1_234_567.0, "1.23457e6"),
            (0.000_123, "0.000123"),
            (3.1e-7, "3.1e-7"),
            (-2.5e-300, "-2.5e-300"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(1_234_567, "row"), "1,234,567 rows");
        assert_eq!(thousands(999), "999");
        assert_eq!(seconds(0.000_25), "250 µs");
        assert_eq!(seconds(12.34), "12.3 s");
    }
}
