//! The help pages, as they are read.

use crate::common::Folder;

#[test]
fn help_pages() {
    let folder = Folder::new();
    for command in [
        "",
        "fit",
        "path",
        "cv",
        "predict",
        "evaluate",
        "calibrate",
        "summary",
        "show",
        "report",
        "export",
        "completions",
        "man",
    ] {
        let page = folder.works(&format!("{command} --help"));
        let name = if command.is_empty() { "polylogit" } else { command };
        insta::assert_snapshot!(format!("help_{name}"), page);
    }
}

#[test]
fn every_command_shows_an_example() {
    let folder = Folder::new();
    for command in [
        "",
        "fit",
        "path",
        "cv",
        "predict",
        "evaluate",
        "calibrate",
        "summary",
        "show",
        "report",
        "export",
        "completions",
        "man",
    ] {
        assert!(folder.works(&format!("{command} --help")).contains("Examples:\n  "), "{command}");
    }
}

#[test]
fn completions_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = folder.works(&format!("completions {shell}"));
        assert!(script.contains("polylogit") && script.contains("no-standardize"), "{shell}");
    }
    folder.fails(2, "completions tcsh", &["invalid value 'tcsh'"]);
}

#[test]
fn manual_pages() {
    let folder = Folder::new();
    assert!(folder.works("man").starts_with(".ie"));
    folder.works("man -o pages");
    let pages = std::fs::read_dir(folder.path("pages")).unwrap();
    let names: Vec<String> = pages.map(|p| p.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.contains(&"polylogit.1".to_owned()) && names.contains(&"polylogit-fit.1".to_owned()));
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("polylogit"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
