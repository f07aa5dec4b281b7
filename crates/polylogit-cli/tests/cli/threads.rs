//! The same table gives the same bits, for any number of threads.

use crate::common::{Folder, json};
use serde_json::Value;

/// The whole model but the time that it took.
fn model(folder: &Folder, call: &str) -> Value {
    folder.works(&format!("fit {call} --quiet -o model.json.safetensors"));
    let mut document = json(&folder.works("export model.json.safetensors --to json"));
    document.as_object_mut().unwrap().remove("seconds").unwrap();
    document
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    for (name, call) in [
        ("penguins.csv", "penguins.csv --target species"),
        ("digits.csv", "digits.csv --target digit --lambda 0.001"),
        ("letter.csv", "letter.csv --target letter --tol 1e-4"),
    ] {
        let folder = Folder::new();
        folder.table(name);
        let one = model(&folder, &format!("{call} --threads 1"));
        for threads in [2, 3] {
            // JSON keeps every bit of every number.
            assert_eq!(model(&folder, &format!("{call} --threads {threads}")), one, "{call}");
        }
    }
}
