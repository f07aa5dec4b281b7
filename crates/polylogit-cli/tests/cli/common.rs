//! Runs the command in a folder of its own and looks at what it prints, writes and returns.

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a run gave.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The folder that a test runs the command in, so that messages name files without their folders.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with one file.
    pub(crate) fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.write(name, content);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// A copy of a table of the repository.
    pub(crate) fn table(&self, name: &str) {
        fs::copy(repository().join("data").join(name), self.path(name)).unwrap();
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("polylogit");
        command.current_dir(self.0.path());
        command
    }

    /// Runs a call as it would be typed; 'quotes' hold blanks together.
    pub(crate) fn run(&self, call: &str) -> Run {
        let parts = call.split('\'').enumerate();
        let words = parts.flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        let output = self.command().args(words).output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a call that works; gives its standard output.
    pub(crate) fn works(&self, call: &str) -> String {
        let run = self.run(call);
        assert_eq!(run.code, 0, "{call}\n{}", run.stderr);
        run.stdout
    }

    /// Runs a call that fails with `code` and says each of `messages`; it prints no result, does not
    /// panic and leaves no file.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, call: &str, messages: &[&str]) {
        let before = self.names();
        let run = self.run(call);
        assert_eq!(run.code, code, "{call}\nstdout: {}\nstderr: {}", run.stdout, run.stderr);
        for message in messages {
            assert!(run.stderr.contains(message), "{call}\nexpected: {message}\nstderr: {}", run.stderr);
        }
        assert!(run.stderr.starts_with("error: "), "{call}\n{}", run.stderr);
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        assert_eq!(self.names(), before, "{call}");
    }
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A JSON document that a call printed.
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A folder with the penguins.
pub(crate) fn penguins() -> Folder {
    let folder = Folder::new();
    folder.table("penguins.csv");
    folder
}

/// A number of a document.
#[track_caller]
pub(crate) fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}
