//! Our keys as a table: what stands where, of which kind, and what it means.
//!
//! The readers check a section's form against this table before they look at its values; the published JSON Schema and the
//! reference of keys are written from it. So none of the three can say what the others do not.

mod env;
mod forms;
mod workload;

pub(super) use self::env::ENV;
pub(crate) use self::env::TIMING_KEY;
pub(super) use self::workload::WORKLOAD;
pub(crate) use forms::{Form, form};

use std::collections::BTreeSet;

use super::args::Allowed;
use crate::error::{Code, ContractError};
use crate::reader::View;

/// One key of a mapping.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether it must be there.
    pub(crate) must: bool,
    /// What its number counts; empty if it is none.
    pub(crate) unit: &'static str,
    /// What is taken if it is missing; empty if it must be there, or nothing is.
    pub(crate) default: &'static str,
    /// One sentence.
    pub(crate) meaning: &'static str,
}

/// What may stand under a key.
pub(crate) enum Kind {
    /// A mapping of these keys and no others.
    Mapping(&'static [Key]),
    /// A list of so many items.
    List(usize, usize, &'static Kind),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number of this range.
    Whole(u64, u64),
    /// `true` or `false`.
    Truth,
    /// Text of a form.
    Text(&'static Form),
    /// An argument of a program.
    Argument(&'static [Allowed]),
    /// Nothing: the key is known so that it can be refused with these words.
    Refused(&'static str),
}

// === impl Key ===

impl Key {
    const fn must(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self {
            must: true,
            ..Self::may(name, kind, "", meaning)
        }
    }

    const fn may(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            must: false,
            unit: "",
            default,
            meaning,
        }
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Whether it may be there at all.
    pub(crate) fn is_taken(&self) -> bool {
        !matches!(self.kind, Kind::Refused(_))
    }
}

/// Names that a mapping may have.
pub(super) fn names(keys: &[Key]) -> Vec<&'static str> {
    let taken = keys.iter().filter(|key| key.is_taken());
    taken.map(|key| key.name).collect()
}

/// The names of all keys, those below others too.
pub(super) fn collect(keys: &'static [Key], names: &mut BTreeSet<&'static str>) {
    for key in keys {
        names.insert(key.name);
        match &key.kind {
            Kind::Mapping(below) | Kind::List(_, _, Kind::Mapping(below)) => collect(below, names),
            _ => {}
        }
    }
}

/// The names of a list of choices.
pub(super) const fn words<T: Copy, const N: usize>(
    choices: &[(&'static str, T); N],
) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated by the compiler, which refuses what is out of bounds"
        )]
        {
            words[index] = choices[index].0;
        }
        index += 1;
    }
    words
}

/// Checks the form of what stands under a key, down to the last value.
pub(super) fn check(view: &View<'_>, kind: &Kind) -> Result<(), ContractError> {
    match kind {
        Kind::Mapping(keys) => mapping(view, keys),
        Kind::List(least, most, of) => view
            .items(*least..=*most)?
            .iter()
            .try_for_each(|item| check(item, of)),
        Kind::Words(words) => {
            let words: Vec<(&str, ())> = words.iter().map(|word| (*word, ())).collect();
            view.choice(&words)
        }
        Kind::Whole(least, most) => view.number(*least..=*most).map(drop),
        Kind::Truth => view.boolean().map(drop),
        Kind::Text(form) => view.string(form.expected).map(drop),
        Kind::Argument(allowed) => view.string(&super::args::forms(allowed)).map(drop),
        Kind::Refused(message) => Err(view.error(Code::ValueInvalid, *message)),
    }
}

fn mapping(view: &View<'_>, keys: &[Key]) -> Result<(), ContractError> {
    view.entries()?;
    let refused = keys.iter().filter(|key| !key.is_taken());
    for key in refused {
        if let Some(child) = view.optional(key.name) {
            check(&child, &key.kind)?;
        }
    }
    view.only(&names(keys))?;
    for key in keys {
        if key.must {
            check(&view.required(key.name)?, &key.kind)?;
        } else if let Some(child) = view.optional(key.name) {
            check(&child, &key.kind)?;
        }
    }
    Ok(())
}
