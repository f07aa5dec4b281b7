//! svmlight and LIBSVM: `label index:value index:value … # comment`, as compressed sparse rows.

use std::io::BufRead;

use super::Matrix;
use super::cells::Levels;
use super::source::Input;
use crate::error::{At, Error, Result};

/// A file's rows.
#[derive(Debug)]
pub(super) struct Sparse {
    pub(super) labels: Levels,
    pub(super) values: Vec<f64>,
    /// As they stand in the file.
    pub(super) indices: Vec<u32>,
    pub(super) indptr: Vec<u64>,
    /// The line of each row.
    pub(super) lines: Vec<u64>,
}

impl Sparse {
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The matrix of features `first..first + count`, and how many values have another index.
    pub(super) fn matrix(mut self, first: u32, count: usize) -> (Matrix, usize) {
        let known = |index: u32| index >= first && ((index - first) as usize) < count;
        let unknown = self.indices.iter().filter(|i| !known(**i)).count();
        if unknown > 0 {
            let mut kept = 0;
            let mut start = 0;
            for row in 0..self.rows() {
                let end = self.indptr[row + 1] as usize;
                for at in start..end {
                    if known(self.indices[at]) {
                        self.indices[kept] = self.indices[at];
                        self.values[kept] = self.values[at];
                        kept += 1;
                    }
                }
                start = end;
                self.indptr[row + 1] = kept as u64;
            }
            self.indices.truncate(kept);
            self.values.truncate(kept);
        }
        for index in &mut self.indices {
            *index -= first;
        }
        (Matrix::Sparse { values: self.values, indices: self.indices, indptr: self.indptr }, unknown)
    }
}

/// Reads all rows; those without values count.
pub(super) fn read(input: Input) -> Result<Sparse> {
    let Input { file, mut bytes, .. } = input;
    let mut rows = Sparse {
        labels: Levels::default(),
        values: Vec::new(),
        indices: Vec::new(),
        indptr: vec![0],
        lines: Vec::new(),
    };
    let mut text = Vec::new();
    let mut line = 0;
    loop {
        text.clear();
        let read = bytes.read_until(b'\n', &mut text);
        if read.map_err(|source| Error::Read { file: file.clone(), source })? == 0 {
            break;
        }
        line += 1;
        let content = text.split(|b| *b == b'#').next().unwrap_or_default().trim_ascii();
        if !content.is_empty() {
            push(&mut rows, content).map_err(|problem| Error::Format {
                file: file.clone(),
                at: At::Line(line),
                problem,
            })?;
            rows.lines.push(line);
        }
    }
    if rows.lines.is_empty() {
        return Err(Error::Empty { file });
    }
    Ok(rows)
}

fn push(rows: &mut Sparse, content: &[u8]) -> std::result::Result<(), String> {
    let show = |t: &[u8]| String::from_utf8_lossy(t).into_owned();
    let mut tokens = content.split(u8::is_ascii_whitespace).filter(|t| !t.is_empty()).peekable();
    let label = tokens.next_if(|t| !t.contains(&b':'));
    if let Some(label) = label.filter(|l| l.contains(&b',')) {
        return Err(format!("{} is a list of labels; a row has one class here", show(label)));
    }
    rows.labels.push(label);
    let mut last = None;
    for token in tokens {
        let Some(colon) = token.iter().position(|b| *b == b':') else {
            return Err(format!("{} is not index:value", show(token)));
        };
        let (index, value) = (&token[..colon], &token[colon + 1..]);
        if index == b"qid" {
            continue; // groups of ranking problems
        }
        let number: Option<u32> = std::str::from_utf8(index).ok().and_then(|t| t.parse().ok());
        let index = number.ok_or_else(|| format!("{} is not an index", show(index)))?;
        if last.is_some_and(|last| last >= index) {
            return Err(format!("index {index} is not greater than the one before it"));
        }
        last = Some(index);
        let value: f64 = fast_float2::parse(value).map_err(|_| format!("{} is not a number", show(value)))?;
        if !value.is_finite() {
            return Err(format!("{value} is not finite"));
        }
        rows.indices.push(index);
        rows.values.push(value);
    }
    rows.indptr.push(rows.indices.len() as u64);
    Ok(())
}
