//! What the compiler does not check: floors, module headers, where a library may be named, sizes of files.

use std::fs;
use std::path::{Path, PathBuf};

/// The engine's modules from the ground up; a module imports from its own floor and those below.
const FLOORS: [&[&str]; 8] = [
    &["error", "scalar", "parallel"],
    &["softmax", "metrics", "linalg", "kernel", "label", "cost"],
    &["design", "target", "coefficients"],
    &["objective"],
    &["certificate"],
    &["solver"],
    &[
        "convention",
        "options",
        "problem",
        "row_space",
        "lead",
        "fit",
        "composite",
        "memory",
        "model",
        "diagnose",
    ],
    &["path", "folds", "cv", "inference", "calibration"],
];
/// Libraries with one place where they are named.
const CONFINED: [(&str, &str); 4] = [
    ("faer::", "src/linalg.rs"),
    ("rayon::", "src/parallel.rs"),
    ("pulp::", "src/kernel/"),
    ("libm::", "src/inference/distributions.rs"),
];
/// What an engine has no business with.
const OUTSIDE: [&str; 6] = ["std::fs", "std::env", "std::time", "std::io", "println!", "eprintln!"];
/// Longer files want to become two.
const LINES: usize = 500;

/// Everything that is wrong, in words.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for folder in ["crates", "xtask", "bench"] {
        for path in rust_files(&root.join(folder)) {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => complaints.extend(file(&name, &text).into_iter().map(|c| format!("{name}: {c}"))),
                Err(error) => complaints.push(format!("{name}: {error}")),
            }
        }
    }
    complaints.extend(tables(&root.join("data")));
    complaints
}

/// What is wrong with one file; `name` is its path from the root.
fn file(name: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !text.starts_with("//!") {
        complaints.push("does not open with `//!`: what is it?".to_owned());
    }
    let lines = text.lines().count();
    if lines > LINES {
        complaints.push(format!("{lines} lines are more than {LINES}: make it two rooms"));
    }
    let Some(module) = name.strip_prefix("crates/polylogit/src/") else { return complaints };
    let own = floor(module.split(['/', '.']).next().unwrap_or_default());
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    // Tests beside the code may look upwards.
    for (at, line) in code.take_while(|(_, line)| *line != "#[cfg(test)]") {
        let at = at + 1;
        for (library, place) in CONFINED {
            if line.contains(library) && !name.contains(place) {
                complaints.push(format!("line {at}: {library} is named in {place} only"));
            }
        }
        for outside in OUTSIDE.iter().filter(|o| line.contains(**o)) {
            complaints.push(format!("line {at}: the engine knows no {outside}"));
        }
        let Some(own) = own else { continue };
        for used in line.split("crate::").skip(1) {
            let used = used.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
            if floor(used).is_some_and(|f| f > own) {
                complaints.push(format!("line {at}: {used} lies on a floor above"));
            }
        }
    }
    complaints
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            // Neither what is built nor what is installed (`.venv`) is ours.
            if path.file_name().is_some_and(|n| n != "target" && !n.as_encoded_bytes().starts_with(b".")) {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every table is described in `data/README.md`.
fn tables(folder: &Path) -> Vec<String> {
    let readme = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name());
    let names = names.filter_map(|n| n.into_string().ok()).filter(|n| n != "README.md");
    names
        .filter(|n| !readme.contains(n.as_str()))
        .map(|n| format!("data/{n} is not in data/README.md"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        assert_eq!(check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))), Vec::<String>::new());
    }

    #[test]
    fn what_is_untidy_is_named() {
        let complaints = |name: &str, text: &str| file(name, text).join("; ");
        assert_eq!(
            complaints("crates/polylogit/src/softmax.rs", "//! Fine.\nuse crate::scalar::Scalar;\n"),
            ""
        );
        assert!(complaints("crates/polylogit/src/softmax.rs", "fn f() {}\n").contains("does not open"));
        let up = "//! Up.\nuse crate::solver::Status;\n";
        assert!(
            complaints("crates/polylogit/src/design/rows.rs", up)
                .contains("line 2: solver lies on a floor above")
        );
        assert_eq!(complaints("crates/polylogit/src/fit.rs", up), "");
        let linked = "//! Up.\n/// See [`crate::solver::Status`].\n";
        assert_eq!(complaints("crates/polylogit/src/design/rows.rs", linked), "");
        assert!(complaints("crates/polylogit/src/fit.rs", "//! R.\nuse rayon::join;\n").contains("rayon::"));
        assert!(
            complaints("crates/polylogit/src/fit.rs", "//! R.\nuse std::fs;\n").contains("knows no std::fs")
        );
        assert!(
            complaints("crates/polylogit-cli/src/main.rs", &"//! Long.\n".repeat(501)).contains("501 lines")
        );
    }
}
