//! `polylogit completions`: completions for a shell.

use crate::args::Args;
use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::{self, Write as _};

pub(crate) fn run(shell: Shell) -> Result<()> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "polylogit", &mut text);
    let mut out = io::stdout().lock();
    out.write_all(&text)?;
    out.flush()?;
    Ok(())
}
