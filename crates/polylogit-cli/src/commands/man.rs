//! `polylogit man`: the manual pages.

use crate::args::Args;
use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_mangen::Man;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

pub(crate) fn run(folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else {
        let mut out = io::stdout().lock();
        Man::new(Args::command()).render(&mut out)?;
        out.flush()?;
        return Ok(());
    };
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Args::command(), folder))
        .with_context(|| format!("cannot write manual pages into {}", folder.display()))
}
