//! Where bytes come from, and what format they are in.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result};

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// Where a table comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file; `.gz` or not is told from its first bytes.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// A path, or standard input for `-`.
    pub fn new(path: &Path) -> Self {
        if path == Path::new("-") { Self::Stdin } else { Self::Path(path.to_path_buf()) }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
        }
    }

    /// The extension in lower case, `.gz` taken off.
    fn extension(&self) -> Option<String> {
        let Self::Path(path) = self else { return None };
        let lower = |p: &Path| p.extension().map(|e| e.to_string_lossy().to_lowercase());
        match lower(path) {
            Some(gz) if gz == "gz" => lower(Path::new(path.file_stem()?)),
            other => other,
        }
    }
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// Told from the first bytes, then from the extension; else [`Format::Csv`].
    #[default]
    Auto,
    /// Delimited text with a header, plain or gzipped; the delimiter is found in the header.
    Csv,
    /// The same, delimited by tabs.
    Tsv,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC: a file (Feather version 2) or a stream.
    Arrow,
    /// `label index:value …` (svmlight, LIBSVM), plain or gzipped; read as a sparse matrix.
    Svmlight,
}

/// Bytes at their start, decompressed, without a byte order mark.
pub(super) struct Input {
    pub(super) file: String,
    pub(super) format: Format,
    pub(super) bytes: Box<dyn BufRead>,
}

/// Opens a table and finds out its format.
pub(super) fn open(source: &Source, format: Format) -> Result<Input> {
    let file = source.name();
    let failed = |source| Error::Read { file: file.clone(), source };
    let raw: Box<dyn Read> = match source {
        Source::Path(path) => Box::new(File::open(path).map_err(failed)?),
        Source::Stdin => Box::new(std::io::stdin()),
    };
    let mut raw = BufReader::with_capacity(BUFFER, raw);
    let zipped = raw.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let mut bytes: Box<dyn BufRead> = if zipped {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw)))
    } else {
        Box::new(raw)
    };
    let start = bytes.fill_buf().map_err(failed)?;
    let format = match format {
        Format::Auto => detect(start, source.extension().as_deref()),
        given => given,
    };
    if start.starts_with(b"\xEF\xBB\xBF") {
        bytes.consume(3);
    }
    Ok(Input { file, format, bytes })
}

fn detect(start: &[u8], extension: Option<&str>) -> Format {
    // An Arrow stream begins with a continuation mark.
    match extension {
        _ if start.starts_with(b"PAR1") => Format::Parquet,
        _ if start.starts_with(b"ARROW1") || start.starts_with(&[0xff; 4]) => Format::Arrow,
        Some("parquet" | "pq") => Format::Parquet,
        Some("arrow" | "arrows" | "feather" | "ipc") => Format::Arrow,
        Some("svm" | "svmlight" | "libsvm") => Format::Svmlight,
        Some("tsv" | "tab") => Format::Tsv,
        _ => Format::Csv,
    }
}
