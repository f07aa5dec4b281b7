//! NumPy's .npy files: what the workloads are cached in. Little-endian numbers in C order, nothing else.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// The numbers of an array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I32(Vec<i32>),
    I64(Vec<i64>),
}

/// An array and its shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values,
}

/// Reads an array.
pub(crate) fn read(path: &Path) -> Result<Array> {
    let named = || path.display().to_string();
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).with_context(named)?);
    parse(&mut file).with_context(named)
}

fn parse(file: &mut impl Read) -> Result<Array> {
    let mut magic = [0; 8];
    file.read_exact(&mut magic)?;
    ensure!(magic.starts_with(b"\x93NUMPY"), "not a .npy file");
    let mut length = [0; 4];
    file.read_exact(if magic[6] == 1 { &mut length[..2] } else { &mut length })?;
    let mut header = vec![0; u32::from_le_bytes(length) as usize];
    file.read_exact(&mut header)?;
    let header = String::from_utf8(header)?;
    ensure!(header.contains("'fortran_order': False"), "not in C order");
    let after = |key: &str| header.split_once(key).map(|(_, rest)| rest).context("a header without its keys");
    let shape: Vec<usize> = after("'shape': (")?
        .split(')')
        .next()
        .unwrap_or_default()
        .split(',')
        .filter(|n| !n.trim().is_empty())
        .map(|n| n.trim().parse())
        .collect::<Result<_, _>>()?;
    let n = shape.iter().product();
    let values = match after("'descr': '")?.split('\'').next().unwrap_or_default() {
        "<f4" => Values::F32(numbers(file, n, f32::from_le_bytes)?),
        "<f8" => Values::F64(numbers(file, n, f64::from_le_bytes)?),
        "<i4" => Values::I32(numbers(file, n, i32::from_le_bytes)?),
        "<i8" => Values::I64(numbers(file, n, i64::from_le_bytes)?),
        other => bail!("numbers of type {other} are not read"),
    };
    Ok(Array { shape, values })
}

/// `n` numbers of `B` bytes, through a small buffer: the file is never twice in memory.
fn numbers<T, const B: usize>(
    file: &mut impl Read,
    n: usize,
    number: impl Fn([u8; B]) -> T,
) -> Result<Vec<T>> {
    let mut values = Vec::with_capacity(n);
    let mut buffer = vec![0; (1 << 18) * B];
    while values.len() < n {
        let bytes = &mut buffer[..((n - values.len()) * B).min((1 << 18) * B)];
        file.read_exact(bytes)?;
        values.extend(bytes.as_chunks::<B>().0.iter().map(|c| number(*c)));
    }
    Ok(values)
}

/// Writes numbers row-major.
pub(crate) fn write(path: &Path, shape: &[usize], values: &[f64]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}");
    // Magic, version, length, header and its newline fill whole lines of 64 bytes.
    let padded = (header.len() + 11).next_multiple_of(64) - 11;
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&u16::try_from(padded + 1)?.to_le_bytes())?;
    writeln!(file, "{header:padded$}")?;
    for value in values {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_come_back_and_foreign_files_are_refused() {
        let path = std::env::temp_dir().join(format!("polylogit-npy-{}.npy", std::process::id()));
        let values = vec![1.5, -0.0, f64::MAX, 4.0, 5.0, 6.0];
        write(&path, &[2, 3], &values).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 128 + 48);
        assert_eq!(read(&path).unwrap(), Array { shape: vec![2, 3], values: Values::F64(values) });
        std::fs::write(&path, b"PK\x03\x04 and so on").unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains("not a .npy file"));
        std::fs::remove_file(&path).unwrap();
    }
}
