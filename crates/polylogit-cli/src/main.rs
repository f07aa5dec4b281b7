//! The polylogit command: reads what was typed, runs it, turns errors into exit codes.
//!
//! 0: done. 1: the data or the fit is bad. 2: the call is wrong. It knows no mathematics (`polylogit`), no
//! file formats of tables (`polylogit_data`) and none of models (`polylogit_model`).

mod args;
mod commands;
mod describe;
mod failure;
mod path_args;
mod printer;
mod progress;
mod settings;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match commands::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
