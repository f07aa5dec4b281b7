//! Sizes of memory as people type them.

/// Bytes: a number, and B or kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024).
#[expect(clippy::cast_sign_loss, reason = "digits have no sign")]
pub(super) fn size(text: &str) -> Result<u64, String> {
    let bad = || "must be a size such as 4GiB, 500MB or 1000000".to_owned();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (value, unit) = text.split_at(digits);
    let (base, power): (f64, i32) = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => (1.0, 0),
        "kb" => (1e3, 1),
        "mb" => (1e3, 2),
        "gb" => (1e3, 3),
        "tb" => (1e3, 4),
        "kib" => (1024.0, 1),
        "mib" => (1024.0, 2),
        "gib" => (1024.0, 3),
        "tib" => (1024.0, 4),
        _ => return Err(bad()),
    };
    let bytes = value.parse::<f64>().map_err(|_| bad())? * base.powi(power);
    if bytes >= 1.0 { Ok(bytes as u64) } else { Err("must be at least 1 byte".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1000000", 1_000_000),
            ("500MB", 500_000_000),
            ("4GiB", 4 << 30),
            ("1.5 gib", 3 << 29),
            ("64kB", 64_000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }
}
