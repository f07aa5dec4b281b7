//! `polylogit export`: a model in another format.

use super::load;
use crate::args::{ExportArgs, ExportFormat};
use crate::failure::BadCall;
use anyhow::Result;
use std::io::{self, IsTerminal as _, Write as _};

pub(crate) fn run(args: &ExportArgs) -> Result<()> {
    if args.to == ExportFormat::Safetensors && args.output.is_none() && io::stdout().is_terminal() {
        let message = "safetensors is a binary format: give a file with -o, or redirect standard output";
        return Err(BadCall(message.to_owned()).into());
    }
    let artefact = load(&args.model.model)?;
    match (&args.output, args.to) {
        (Some(path), ExportFormat::Json) => artefact.save_json(path)?,
        (Some(path), ExportFormat::Safetensors) => artefact.save(path)?,
        (None, format) => {
            let bytes = match format {
                ExportFormat::Json => artefact.to_json()?.into_bytes(),
                ExportFormat::Safetensors => artefact.to_bytes()?,
            };
            let mut out = io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
        }
    }
    Ok(())
}
