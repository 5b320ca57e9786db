//! IBM's keys, looked over as IBM's schemas and documentation have them.
//!
//! IBM's schemas leave `env` and `workload` open and close what is below, yet some guests check nothing at all. What IBM's
//! runtime is to use and we do not is no reason to refuse a contract: everything found here is a warning, with a place and
//! what is expected, and never with what is there. A contract that only we open needs neither `compose` or `play` nor
//! `logging`, so their absence is not warned of.

mod table;

use std::collections::BTreeSet;

use crate::error::{Code, ContractError, Warning};
use crate::reader::{View, alternatives};

/// What a value is to be.
enum Shape {
    /// Anything.
    Any,
    /// Text that keeps a rule.
    Text(Rule),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number of this range.
    Whole(u64, u64),
    /// `true` or `false`.
    Truth,
    /// A mapping of these keys.
    Keys(&'static [Member]),
    /// A mapping of names of the operator's own choice that keep a rule, and below each the same.
    Named(Rule, &'static Shape),
    /// A list of so many items, each the same.
    List(usize, usize, &'static Shape),
}

/// What a text is to be, in words and as a check.
struct Rule(&'static str, fn(&str) -> bool);

/// A key, when it is to be there, and what is to be below.
type Member = (&'static str, Need, Shape);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It may be there.
    May,
    /// It must be there.
    Must,
    /// It or another one of this kind must be there, and not both.
    OneOf,
    /// It or another one of this kind may be there, and not both.
    Rival,
    /// It may be there beside this other key only.
    With(&'static str),
}

use Need::{Must, OneOf, Rival, With};
use Shape::{Any, Keys, List, Named, Text, Truth, Whole, Words};

/// Warns of what a section has that IBM's runtime would not take.
pub(super) fn look(root: &View<'_>, env: bool, warnings: &mut Vec<Warning>) {
    let members = if env { table::ENV } else { table::WORKLOAD };
    walk(root, &Keys(members), warnings);
}

/// The names of all keys of IBM's.
pub(super) fn collect(names: &mut BTreeSet<&'static str>) {
    fn below(shape: &'static Shape, names: &mut BTreeSet<&'static str>) {
        match shape {
            Keys(members) => all(members, names),
            Named(_, shape) | List(_, _, shape) => below(shape, names),
            _ => {}
        }
    }
    fn all(members: &'static [Member], names: &mut BTreeSet<&'static str>) {
        for (name, _, shape) in members {
            names.insert(name);
            below(shape, names);
        }
    }
    all(table::WORKLOAD, names);
    all(table::ENV, names);
}

fn walk(view: &View<'_>, shape: &Shape, warnings: &mut Vec<Warning>) {
    let checked = match shape {
        Any => Ok(()),
        Text(rule) => text(view, rule),
        Words(words) => {
            let words: Vec<(&str, ())> = words.iter().map(|word| (*word, ())).collect();
            view.choice(&words)
        }
        Whole(least, most) => view.number(*least..=*most).map(drop),
        Truth => view.boolean().map(drop),
        Keys(members) => keys(view, members, warnings),
        Named(rule, below) => named(view, rule, below, warnings),
        List(least, most, below) => view
            .items(*least..=*most)
            .map(|items| items.iter().for_each(|item| walk(item, below, warnings))),
    };
    if let Err(error) = checked {
        error.into_warning().note(warnings);
    }
}

fn text(view: &View<'_>, Rule(expected, fits): &Rule) -> Result<(), ContractError> {
    if fits(view.string(expected)?) {
        Ok(())
    } else {
        Err(view.must_be(expected))
    }
}

fn keys(
    view: &View<'_>,
    members: &[Member],
    warnings: &mut Vec<Warning>,
) -> Result<(), ContractError> {
    view.entries()?;
    let names: Vec<&str> = members.iter().map(|(name, ..)| *name).collect();
    view.mostly(&names, warnings);
    for (name, need, below) in members {
        let child = view.optional(name);
        let missing = match need {
            Must if child.is_none() => Some(format!("the key `{name}` is missing here")),
            With(other) if child.is_some() && view.optional(other).is_none() => {
                Some(format!("`{name}` needs `{other}` beside it"))
            }
            _ => None,
        };
        if let Some(message) = missing {
            let warning = view.warning(message);
            warning
                .with_remedy(Code::KeyMissing.remedy())
                .note(warnings);
        }
        if let Some(child) = child {
            walk(&child, below, warnings);
        }
    }
    for kind in [OneOf, Rival] {
        let rivals = members.iter().filter(|(_, need, _)| *need == kind);
        let rivals: Vec<&str> = rivals.map(|(name, ..)| *name).collect();
        let there = rivals.iter().filter(|name| view.key_place(name).is_some());
        match there.count() {
            0 if kind == OneOf && !rivals.is_empty() => {
                let message = format!("one of the keys {} must be here", alternatives(&rivals));
                view.warning(message)
                    .with_remedy("Add the one that is meant.")
                    .note(warnings);
            }
            0 | 1 => {}
            _ => {
                let message = format!("only one of the keys {} may be here", alternatives(&rivals));
                view.warning(message)
                    .with_remedy("Keep the one that is meant.")
                    .note(warnings);
            }
        }
    }
    Ok(())
}

fn named(
    view: &View<'_>,
    Rule(expected, fits): &Rule,
    below: &Shape,
    warnings: &mut Vec<Warning>,
) -> Result<(), ContractError> {
    for (entry, child) in view.entries()?.iter().zip(view.children()) {
        if !fits(entry.key.expose()) {
            let message = format!("each key here must be {expected}");
            let warning = Warning::new(view.entry_place(entry), message);
            warning.with_remedy("Correct the name.").note(warnings);
        }
        walk(&child, below, warnings);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
