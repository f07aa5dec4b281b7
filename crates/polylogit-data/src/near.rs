//! Which name was probably meant.

/// Characters from which on the beginning of a name is enough.
const BEGINNING: usize = 3;
/// Share of a name's characters that may be wrong.
const WRONG: usize = 3;

/// The one among `names` that is most like a wrong name: equal but for case and punctuation, the longer or the
/// shorter of the two, or with every third character wrong at most (Damerau 1964).
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (as_it_is, wrong) = (wrong.chars().collect::<Vec<_>>(), plain(wrong));
    let distance = |name: &'a str| {
        let other = plain(name);
        let edits = edits(&wrong, &other);
        let (short, long) = if wrong.len() < other.len() { (&wrong, &other) } else { (&other, &wrong) };
        let begins = short.len() >= BEGINNING && long.starts_with(short);
        (!short.is_empty() && (begins || edits * WRONG <= long.len())).then(|| {
            // Case and punctuation decide between equals.
            (edits, self::edits(&as_it_is, &name.chars().collect::<Vec<_>>()), name)
        })
    };
    names.into_iter().filter_map(distance).min().map(|(.., name)| name)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Characters to insert, remove, change or swap with their neighbour.
fn edits(a: &[char], b: &[char]) -> usize {
    let first: Vec<usize> = (0..=b.len()).collect();
    let (mut before, mut last) = (Vec::new(), first);
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut least = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        (before, last) = (last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let names = ["species", "bill_length_mm", "bill_depth_mm", "Sex", "x"];
        for (wrong, meant) in [
            ("spceies", Some("species")),
            ("specis", Some("species")),
            ("bill.length.mm", Some("bill_length_mm")),
            ("bill_len", Some("bill_length_mm")),
            ("bill_depth", Some("bill_depth_mm")),
            ("sex_of_the_bird", Some("Sex")),
            ("year", None),
            ("bill-length_mm", Some("bill_length_mm")),
            ("z", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, names), meant, "{wrong}");
        }
    }
}
