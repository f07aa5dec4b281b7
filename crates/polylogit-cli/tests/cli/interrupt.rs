//! Ctrl-C in the middle of a fit: a clean end, nothing half-written, and the best model where it is asked for.
#![cfg(unix)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::Folder;

/// A table of noise in 200 classes, which takes seconds to fit on one thread.
fn long() -> Folder {
    let mut table = String::from("y");
    for j in 0..40 {
        let _ = write!(table, ",x{j}");
    }
    let mut state = 1u64;
    for _ in 0..20_000 {
        for j in 0..=40 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let _ = match j {
                0 => write!(table, "\nc{}", (state >> 33) % 200),
                _ => write!(table, ",{}", (state >> 33) % 1000),
            };
        }
    }
    Folder::with("long.csv", table + "\n")
}

/// Starts a fit, presses Ctrl-C while it runs, and gives the exit code and standard error.
fn interrupted(folder: &Folder, call: &str) -> (Option<i32>, String) {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("polylogit"))
        .current_dir(folder.path(""))
        .args(call.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What was read is told before the fit begins.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("numbers")), "{call}: no data sheet");
    std::thread::sleep(Duration::from_millis(150));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    lines.for_each(drop);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (child.wait().unwrap().code(), stderr)
}

#[test]
fn a_fit_ends_cleanly_and_writes_nothing() {
    let folder = long();
    let (code, stderr) =
        interrupted(&folder, "fit long.csv --target y -o m.safetensors --threads 1 --tol 1e-12");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("error: interrupted after"), "{stderr}");
    assert!(stderr.contains("--keep-on-interrupt"), "{stderr}");
    assert_eq!(folder.names(), ["long.csv"]);

    let call = "fit long.csv --target y -o m.safetensors --threads 1 --tol 1e-12 --keep-on-interrupt";
    let (code, stderr) = interrupted(&folder, call);
    assert_eq!(code, Some(0), "{stderr}");
    let shown = crate::common::json(&folder.works("show m.safetensors --format json"));
    assert_eq!(shown["status"], "cancelled");
    assert!(shown["objective"].as_f64().unwrap().is_finite());
}
