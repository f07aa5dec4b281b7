//! Writes tables in every format and reads them back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use polylogit_data::{
    ApplyOptions, Dataset, Matrix, ReadOptions, Result, Schema, Source, Table, read_training,
    read_with_schema,
};
use tempfile::TempDir;

/// A folder of its own.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub(crate) fn options() -> ReadOptions {
    ReadOptions { target: "y".to_owned(), ..ReadOptions::default() }
}

pub(crate) fn train_path(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    read_training(&Source::new(path), options)
}

/// Trains on a CSV text.
pub(crate) fn train_with(text: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Dataset> {
    train_path(&Folder::new().write("t.csv", text), options)
}

pub(crate) fn train(text: impl AsRef<[u8]>) -> Result<Dataset> {
    train_with(text, &options())
}

/// What is wrong with a CSV text, without the folder's name.
#[track_caller]
pub(crate) fn error(text: impl AsRef<[u8]>, options: &ReadOptions) -> String {
    let folder = Folder::new();
    let message = train_path(&folder.write("t.csv", text), options).unwrap_err().to_string();
    message.replace(&format!("{}/", folder.0.path().display()), "")
}

pub(crate) fn apply(text: impl AsRef<[u8]>, to: &Dataset, options: &ApplyOptions) -> Result<Table> {
    apply_path(&Folder::new().write("new.csv", text), &to.schema, to, options)
}

pub(crate) fn apply_path(
    path: &Path,
    schema: &Schema,
    to: &Dataset,
    options: &ApplyOptions,
) -> Result<Table> {
    read_with_schema(&Source::new(path), schema, to.target.classes(), options)
}

pub(crate) fn dense(table: &Table) -> &[f64] {
    match &table.matrix {
        Matrix::Dense(values) => values,
        Matrix::Sparse { .. } => panic!("a sparse table"),
    }
}

pub(crate) fn classes(data: &Dataset) -> Vec<String> {
    data.target.classes().iter().map(ToString::to_string).collect()
}

/// A table to be written in every format: two columns of numbers, a text, a boolean, labels.
#[derive(Debug, Clone)]
pub(crate) struct Rows(pub(crate) Vec<Row>);

type Row = (Option<f64>, f64, Option<String>, Option<bool>, String);

impl Rows {
    pub(crate) fn delimited(&self, delimiter: char, end: &str) -> String {
        let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut out = ["a", "b", "text", "flag", "y"].join(&delimiter.to_string()) + end;
        for (a, b, text, flag, y) in &self.0 {
            let cells = [
                a.map_or_else(String::new, |a| format!("{a:?}")),
                format!("{b:?}"),
                text.as_deref().map_or_else(String::new, quote),
                flag.map_or_else(|| "NA".to_owned(), |f| f.to_string()),
                quote(y),
            ];
            out += &(cells.join(&delimiter.to_string()) + end);
        }
        out
    }

    fn batch(&self) -> RecordBatch {
        let columns: [(&str, ArrayRef); 5] = [
            ("a", Arc::new(self.0.iter().map(|r| r.0).collect::<Float64Array>())),
            ("b", Arc::new(self.0.iter().map(|r| Some(r.1)).collect::<Float64Array>())),
            ("text", Arc::new(self.0.iter().map(|r| r.2.clone()).collect::<StringArray>())),
            ("flag", Arc::new(self.0.iter().map(|r| r.3).collect::<BooleanArray>())),
            ("y", Arc::new(self.0.iter().map(|r| Some(r.4.clone())).collect::<StringArray>())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
    }

    pub(crate) fn parquet(&self) -> Vec<u8> {
        parquet(&self.batch())
    }

    pub(crate) fn arrow_file(&self) -> Vec<u8> {
        let (batch, mut out) = (self.batch(), Vec::new());
        let mut writer = FileWriter::try_new(&mut out, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        out
    }

    /// In two batches.
    pub(crate) fn arrow_stream(&self) -> Vec<u8> {
        let (batch, mut out) = (self.batch(), Vec::new());
        let mut writer = StreamWriter::try_new(&mut out, &batch.schema()).unwrap();
        let half = batch.num_rows() / 2;
        writer.write(&batch.slice(0, half)).unwrap();
        writer.write(&batch.slice(half, batch.num_rows() - half)).unwrap();
        writer.finish().unwrap();
        drop(writer);
        out
    }
}

pub(crate) fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    out
}

pub(crate) fn gz(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes.as_ref()).unwrap();
    out.finish().unwrap()
}
