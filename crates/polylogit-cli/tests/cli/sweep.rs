//! Real tables, raw, over six powers of ten of strength: every fit converges with its certificate, silently.

use crate::common::{Folder, json};

const TABLES: [(&str, &str); 8] = [
    ("iris", "species"),
    ("wine", "cultivar"),
    ("digits", "digit"),
    ("glass", "type"),
    ("letter", "letter"),
    ("dna", "splice"),
    ("penguins", "species"),
    ("soybean", "Class"),
];

#[test]
fn every_table_converges_at_every_strength() {
    for (name, target) in TABLES {
        let folder = Folder::new();
        folder.table(&format!("{name}.csv"));
        for c in ["0.01", "1", "100", "1e4"] {
            for scale in ["", "--no-standardize"] {
                // The columns go in raw either way; `letter` once is enough for the time.
                if name == "letter" && scale.is_empty() {
                    continue;
                }
                let call = format!("fit {name}.csv --target {target} --c {c} {scale} --format json");
                let run = folder.run(&call);
                assert_eq!(run.code, 0, "{call}\n{}", run.stderr);
                assert!(!run.stderr.contains("warning"), "{call}\n{}", run.stderr);
                let fit = json(&run.stdout);
                assert_eq!(fit["status"], "converged", "{call}");
                assert_eq!(fit["certificate"]["kind"], "duality_gap", "{call}");
                let gap = fit["certificate"]["relative_gap"].as_f64().unwrap();
                assert!((0.0..=1e-6).contains(&gap), "{call}: relative gap {gap:e}");
            }
        }
    }
}
