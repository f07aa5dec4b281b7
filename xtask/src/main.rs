//! Chores of this repository: `cargo xtask tidy`.

mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("tidy") {
        eprintln!("usage: cargo xtask tidy    checks the layout of the repository");
        return ExitCode::from(2);
    }
    let complaints = tidy::check(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")));
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
