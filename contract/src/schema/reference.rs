//! The reference of our keys as Markdown.

use std::fmt::Write as _;

use crate::sections::{Key, Kind, TABLES, TIMING_KEY};

const HEAD: &str = "\
# Keys of a contract

Written by `bakehouse-contract schema --reference` from the table that the readers use; `docs/contract.schema.json` is the same as a JSON Schema.
Everything below stands under `bakehouse:` of the section named. A key that is not here is an error, and so is one in the wrong section.
Text that YAML would read as a number or a truth value must stand in quotes.
";

/// Every key of ours: section, type, unit, default, meaning.
pub fn reference() -> String {
    let mut out = HEAD.to_owned();
    for (section, keys) in TABLES {
        title(&format!("`bakehouse:` of {section}"), &mut out);
        rows(keys, "", &mut out);
    }
    title(
        "`bakehouse:` of both: env's values win over the defaults, workload's over env's",
        &mut out,
    );
    rows(&[TIMING_KEY], "", &mut out);
    out
}

fn title(title: &str, out: &mut String) {
    out.push_str("\n## ");
    out.push_str(title);
    out.push_str("\n\n| key | type | unit | default | meaning |\n|---|---|---|---|---|\n");
}

fn rows(keys: &[Key], path: &str, out: &mut String) {
    for key in keys.iter().filter(|key| key.is_taken()) {
        let path = format!("{path}{}", key.name);
        let default = match key.default {
            _ if key.must => "**required**",
            default => default,
        };
        let (kind, below) = described(&key.kind);
        let cells = [&format!("`{path}`"), &kind, key.unit, default, key.meaning];
        // Writing to a String can't fail.
        writeln!(
            out,
            "| {} |",
            cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
        )
        .unwrap_or_default();
        if let Some((keys, suffix)) = below {
            rows(keys, &format!("{path}{suffix}."), out);
        }
    }
}

/// A kind in words, and the keys below it with what stands between.
fn described(kind: &Kind) -> (String, Option<(&'static [Key], &'static str)>) {
    match kind {
        Kind::Mapping(keys) => ("mapping".to_owned(), Some((keys, ""))),
        Kind::List(least, most, of) => {
            let (item, below) = described(of);
            let below = below.map(|(keys, _)| (keys, "[]"));
            (format!("list of {least} to {most}: {item}"), below)
        }
        Kind::Words(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            (words.join(", "), None)
        }
        Kind::Whole(least, most) => (format!("whole number, {least} to {most}"), None),
        Kind::Truth => ("`true` or `false`".to_owned(), None),
        Kind::Text(form) => (form.expected.to_owned(), None),
        Kind::Argument(allowed) => (crate::sections::arguments(allowed), None),
        Kind::Refused(message) => ((*message).to_owned(), None),
    }
}
