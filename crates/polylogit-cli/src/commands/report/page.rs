//! The page: the template with its style, its scripts and the report as JSON.
//!
//! What comes from files is in the JSON only and never becomes markup: `<` is escaped there, and the scripts make text
//! nodes of it. The policy in the head lets these very scripts run (by their hash) and nothing be loaded.

use super::Report;
use anyhow::Result;
use base64::Engine as _;
use sha2::{Digest as _, Sha256};

const TEMPLATE: &str = include_str!("../../../assets/report/page.html");
const STYLE: &str = include_str!("../../../assets/report/style.css");
/// In the order in which they run.
const SCRIPTS: [&str; 9] = [
    include_str!("../../../assets/report/vendor/d3.min.js"),
    include_str!("../../../assets/report/vendor/plot.umd.min.js"),
    include_str!("../../../assets/report/base.js"),
    include_str!("../../../assets/report/table.js"),
    include_str!("../../../assets/report/canvas.js"),
    include_str!("../../../assets/report/model.js"),
    include_str!("../../../assets/report/coefficients.js"),
    include_str!("../../../assets/report/predictions.js"),
    include_str!("../../../assets/report/main.js"),
];
const LICENCES: [&str; 2] = [
    include_str!("../../../assets/report/vendor/LICENSE-d3"),
    include_str!("../../../assets/report/vendor/LICENSE-plot"),
];

pub(super) fn write(report: &Report<'_>) -> Result<String> {
    let script = SCRIPTS.join("\n;\n");
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&script));
    let parts = [
        ("hash", hash.as_str()),
        ("style", STYLE),
        ("licences", &LICENCES.join("\n")),
        ("data", &escape(&serde_json::to_string(report)?)),
        ("script", &script),
    ];
    Ok(fill(TEMPLATE, &parts))
}

/// JSON that no HTML parser ends early.
fn escape(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The template with `{{name}}` replaced, each once and in this order; what is put in is not looked at again.
fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + parts.iter().map(|p| p.1.len()).sum::<usize>());
    let mut rest = template;
    for (name, text) in parts {
        if let Some((before, after)) = rest.split_once(&format!("{{{{{name}}}}}")) {
            out.push_str(before);
            out.push_str(text);
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_in_untouched() {
        assert_eq!(fill("a {{x}} b {{y}} c", &[("x", "{{y}}"), ("y", "2")]), "a {{y}} b 2 c");
    }

    #[test]
    fn the_template_has_a_place_for_every_part() {
        let parts = ["hash", "style", "licences", "data", "script"].map(|name| (name, "·"));
        let page = fill(TEMPLATE, &parts);
        assert_eq!(page.matches('·').count() - TEMPLATE.matches('·').count(), 5);
        assert!(!page.contains("{{"));
    }

    #[test]
    fn no_text_ends_the_data() {
        let json = serde_json::to_string("</script><!--&amp;").unwrap();
        let escaped = escape(&json);
        assert!(!escaped.contains(['<', '>', '&']));
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), "</script><!--&amp;");
    }

    #[test]
    fn scripts_hold_no_end_of_a_script() {
        for script in SCRIPTS {
            assert!(!script.to_ascii_lowercase().contains("</script") && !script.contains("<!--"));
        }
    }
}
