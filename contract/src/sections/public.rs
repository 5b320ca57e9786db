//! Which values of a section may be shown.
//!
//! A list of what is public, with what the value must look like to be it; all else is a secret. A key that nobody knows, a
//! value that does not fit its key, a new key that this list was not told of: none of them is shown. Our own keys are in the
//! table that the readers use, whose forms say which of their texts may be shown.

mod table;

use super::ours::{self, Kind};
use super::{Section, TIMING_KEY, args, tezos, values};
use crate::pem;
use crate::reader::decimal;

/// One step from the root of a section to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Into the value of a key.
    Key(&'a str),
    /// Into an item of a list.
    Item,
}

/// A path, its keys joined by dots: `[]` stands for an item, `*…` for a name that an operator chose. And what a value must
/// look like to be shown.
type Known = (&'static str, fn(&str) -> bool);

/// Whether the last of these steps is a known key, or a name where names are chosen; only then may the key be shown.
pub(crate) fn is_known(env: bool, steps: &[Step<'_>]) -> bool {
    match steps {
        [Step::Key("bakehouse")] => true,
        [Step::Key("bakehouse"), Step::Key(first), rest @ ..] => ours(env, first, rest).is_some(),
        _ => table(env).any(|(pattern, _)| leads(pattern, steps).is_some()),
    }
}

/// Whether the value at the end of these steps may be shown.
pub(crate) fn is_public(env: bool, steps: &[Step<'_>], value: &str) -> bool {
    match steps {
        [Step::Key("bakehouse"), Step::Key(first), rest @ ..] => {
            ours(env, first, rest).is_some_and(|kind| shown(kind, value))
        }
        _ => table(env).any(|(pattern, fits)| leads(pattern, steps) == Some(true) && fits(value)),
    }
}

/// What may stand below `bakehouse:` at the end of these steps, if anything.
fn ours(env: bool, first: &str, rest: &[Step<'_>]) -> Option<&'static Kind> {
    let own = if env { ours::ENV } else { ours::WORKLOAD };
    let mut own = own.iter().chain([&TIMING_KEY]);
    let mut kind = &own.find(|key| key.name == first)?.kind;
    for step in rest {
        kind = match (step, kind) {
            (Step::Key(name), Kind::Mapping(keys)) => {
                &keys.iter().find(|key| key.name == *name)?.kind
            }
            (Step::Item, Kind::List(_, _, of)) => of,
            _ => return None,
        };
    }
    (!matches!(kind, Kind::Refused(_))).then_some(kind)
}

/// Whether a value of this kind may be shown.
fn shown(kind: &Kind, value: &str) -> bool {
    match kind {
        Kind::Mapping(_) | Kind::List(..) | Kind::Refused(_) => false,
        Kind::Words(words) => words.contains(&value),
        Kind::Whole(..) => number(value),
        Kind::Truth => truth(value),
        Kind::Text(form) => (form.shown)(value),
        Kind::Argument(allowed) => args::is_allowed(value, allowed),
    }
}

fn table(env: bool) -> impl Iterator<Item = &'static Known> {
    let section = if env { Section::Env } else { Section::Workload };
    let own = match section {
        Section::Env => table::ENV,
        Section::Workload => table::WORKLOAD,
    };
    table::BOTH.iter().chain(own)
}

/// Whether a pattern begins with these steps, and if so, whether it ends with them.
fn leads(pattern: &str, steps: &[Step<'_>]) -> Option<bool> {
    let mut segments = pattern.split('.');
    for step in steps {
        let segment = segments.next()?;
        let fits = match step {
            Step::Item => segment == "[]",
            Step::Key(key) => match segment.strip_prefix('*') {
                Some(kind) => is_name(kind, key),
                None => segment == *key,
            },
        };
        if !fits {
            return None;
        }
    }
    Some(segments.next().is_none())
}

/// Whether a key is such a name as its kind has.
fn is_name(kind: &str, key: &str) -> bool {
    let of = |others: &[u8]| {
        (1..=128).contains(&key.len())
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
    };
    match kind {
        "variable" => of(b"_"),
        "registry" => {
            key == "https://index.docker.io/v1/" || host(key) || values::host_port(key).is_some()
        }
        "image" => of(b"_-.:/@"),
        _ => of(b"_-"),
    }
}

pub(super) fn host(text: &str) -> bool {
    values::host(text).is_some()
}

pub(super) fn host_port(text: &str) -> bool {
    values::host_port(text).is_some()
}

pub(super) fn sha256(text: &str) -> bool {
    values::sha256(text).is_some()
}

fn number(text: &str) -> bool {
    text.len() <= 20 && decimal(text).is_some()
}

fn truth(text: &str) -> bool {
    matches!(text, "true" | "false")
}

pub(super) fn certificates(text: &str) -> bool {
    pem::normalise(text, &["CERTIFICATE"]).is_ok()
}

fn public_key(text: &str) -> bool {
    pem::normalise(text, &["PUBLIC KEY", "CERTIFICATE"]).is_ok()
}

/// An address without a query, since tokens stand there.
pub(super) fn url(text: &str) -> bool {
    values::snapshot_url(text).is_some() && !text.contains('?')
}

pub(super) fn network(text: &str) -> bool {
    tezos::built_in(text).is_some() || url(text)
}

fn index(text: &str) -> bool {
    matches!(text.strip_prefix("index-"), Some(digit) if digit.len() == 1 && number(digit))
}

pub(super) fn secret(_: &str) -> bool {
    false
}

/// Every key of ours in a section, for tests of what must know them all.
#[cfg(test)]
pub(crate) fn own_keys(env: bool) -> std::collections::BTreeSet<&'static str> {
    fn collect(keys: &'static [ours::Key], names: &mut std::collections::BTreeSet<&'static str>) {
        for key in keys.iter().filter(|key| key.is_taken()) {
            names.insert(key.name);
            if let Kind::Mapping(below) | Kind::List(_, _, Kind::Mapping(below)) = &key.kind {
                collect(below, names);
            }
        }
    }
    let mut names = std::collections::BTreeSet::new();
    collect(if env { ours::ENV } else { ours::WORKLOAD }, &mut names);
    collect(&[TIMING_KEY], &mut names);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [Step<'_>; 3] = [Step::Key("bakehouse"), Step::Key("keys"), Step::Item];

    fn below(key: &str) -> Vec<Step<'_>> {
        KEYS.into_iter().chain([Step::Key(key)]).collect()
    }

    #[test]
    fn a_value_is_public_where_it_is_known_and_fits() {
        for (key, value, expected) in [
            ("floor", "17", true),
            ("floor", "hunter2", false),
            ("role", "manager", true),
            ("role", "hunter2", false),
            ("blob", "00", false),
            ("nothing", "17", false),
        ] {
            assert_eq!(is_public(false, &below(key), value), expected, "{key}");
            assert_eq!(is_known(false, &below(key)), key != "nothing");
        }
        assert!(!is_public(false, &KEYS, "17") && is_known(false, &KEYS));
        // What belongs to the other section is not known in this one.
        assert!(!is_known(true, &below("floor")));
    }

    #[test]
    fn an_address_with_a_query_is_no_public_one() {
        assert!(url("https://a.example/x") && url("file:///srv/x"));
        assert!(!url("https://a.example/x?token=hunter2"));
    }

    #[test]
    fn names_are_those_of_their_kind() {
        for (kind, name, expected) in [
            ("variable", "HOME_1", true),
            ("variable", "a b", false),
            ("registry", "us.icr.io", true),
            ("registry", "icr.io:443", true),
            ("registry", "https://index.docker.io/v1/", true),
            ("registry", "hunter 2", false),
            ("image", "icr.io/a/b:1@sha256:00", true),
            ("image", "a b", false),
            ("name", "data-1", true),
            ("name", "", false),
        ] {
            assert_eq!(is_name(kind, name), expected, "{kind} {name}");
        }
    }
}
