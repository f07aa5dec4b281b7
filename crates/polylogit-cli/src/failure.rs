//! Errors at the end of their way: a message on standard error and an exit code.

use crate::printer::{BOLD, ERROR, HELP};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// The call is wrong, whatever the data: exit code 2, as for what clap refuses.
#[derive(Debug)]
pub(crate) struct BadCall(pub(crate) String);

impl std::fmt::Display for BadCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for BadCall {}

/// An error with a remedy, which is printed in a line of its own.
#[derive(Debug)]
pub(crate) struct Remedied {
    error: anyhow::Error,
    help: String,
}

impl std::fmt::Display for Remedied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}
impl std::error::Error for Remedied {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// `error` and what to do about it.
pub(crate) fn with_help(error: anyhow::Error, help: impl Into<String>) -> anyhow::Error {
    Remedied { error, help: help.into() }.into()
}

/// Prints the error with its causes; gives the exit code. A reader that went away (`| head`) is no error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let mut text = format!("{ERROR}error{ERROR:#}{BOLD}:{BOLD:#} {error}\n");
    for cause in error.chain().skip(1) {
        let _ = writeln!(text, "  {cause}");
    }
    for remedied in error.chain().filter_map(|cause| cause.downcast_ref::<Remedied>()) {
        let _ = writeln!(text, "  {HELP}help{HELP:#}: {}", remedied.help);
    }
    // Where even standard error is gone there is nobody to tell.
    let _ = anstream::stderr().write_all(text.as_bytes());
    ExitCode::from(if error.is::<BadCall>() { 2 } else { 1 })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(io)
}
