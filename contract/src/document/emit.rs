//! Writing a string so that YAML reads back the same bytes.

use std::fmt::Write as _;

/// Writes `key: text` in the most readable form that keeps the text.
pub(super) fn entry(key: &str, text: &str, out: &mut String) {
    out.push_str(key);
    out.push(':');
    if is_plain(text) {
        out.push(' ');
        out.push_str(text);
    } else if is_block(text) {
        block(text, out);
        return;
    } else {
        quoted(text, out);
    }
    out.push('\n');
}

/// Tokens and base64: no character that means anything to YAML, and no word that does.
fn is_plain(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'/' | b'=' | b'-'));
    first && rest && text.len() > 20
}

/// Printable lines, of which the first decides the indentation and so must not begin with white space.
fn is_block(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_graphic())
        && text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n'))
}

fn block(text: &str, out: &mut String) {
    out.push_str(match (text.ends_with('\n'), text.ends_with("\n\n")) {
        (false, _) => " |-\n",
        (true, false) => " |\n",
        (true, true) => " |+\n",
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.push_str("  ");
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push_str(" \"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(c),
            // Writing to a String never fails.
            _ => write!(out, "\\U{:08x}", u32::from(c)).unwrap_or_default(),
        }
    }
    out.push('"');
}
