//! A YAML text as a tree that knows where everything stood.
//!
//! Every scalar is a [`Secret`] from the moment it is read, since nobody can know yet which of them are. The tree is built
//! from parser events within [`Limits`]; no deserialiser runs before all of them have been checked.

mod build;

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{ContractError, Place};
use crate::limits::Limits;
use crate::secret::Secret;

/// A line and a column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One node of the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) kind: Kind,
    /// Levels of collections below and including this one.
    height: usize,
    /// Nodes below and including this one, aliases counted as what they stand for.
    weight: usize,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    Sequence(Vec<Arc<Node>>),
    Mapping(Vec<Entry>),
}

/// A scalar's text, after YAML's own escapes.
#[derive(Debug)]
pub(crate) struct Scalar {
    pub(crate) text: Secret<String>,
    pub(crate) style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Not quoted: may mean a number, a truth value or nothing at all.
    Plain,
    Quoted,
    /// Written after `|`: its lines are lines of the document.
    Literal,
    Folded,
}

/// A key of a mapping and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Secret<String>,
    pub(crate) mark: Mark,
    pub(crate) value: Arc<Node>,
}

/// Where the lines of a text are to be counted from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    /// The text is the document.
    Document,
    /// The text stands in the document, in a literal block whose first line is the one after this.
    Block {
        section: &'static str,
        head: usize,
        /// Characters before each line that are not the text's.
        indent: usize,
    },
    /// The text has lines of its own: it was encrypted, or its line breaks are not the document's.
    Section(&'static str),
    /// The text is a file of its own, beside the contract.
    File(&'static str),
}

// === impl Node ===

impl Node {
    /// Reads the one document of a YAML text.
    pub(crate) fn parse(
        text: &str,
        limits: &Limits,
        origin: Origin,
    ) -> Result<Arc<Self>, ContractError> {
        build::build(text, limits, origin)
    }

    /// What this node is, for an error.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.is_null() => "nothing",
            Kind::Scalar(_) => "a single value",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|entry| entry.key.expose() == key),
            _ => None,
        }
    }
}

// === impl Scalar ===

impl Scalar {
    /// Whether YAML reads it as null.
    pub(crate) fn is_null(&self) -> bool {
        self.style == Style::Plain
            && matches!(
                self.text.expose().as_str(),
                "" | "~" | "null" | "Null" | "NULL"
            )
    }

    /// Whether YAML reads it as nothing, a truth value or a number.
    pub(crate) fn is_other_than_text(&self) -> bool {
        let text = self.text.expose().as_str();
        let truth = matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE");
        self.is_null() || (self.style == Style::Plain && (truth || is_number(text)))
    }
}

/// Whether YAML, 1.1 or 1.2, reads an unquoted text as a number.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Any secret may come by here: no copy of it is left behind, by growing neither.
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    digits.extend(text.split('_'));
    let of = |prefix, radix| {
        digits.strip_prefix(prefix).is_some_and(|rest: &str| {
            !rest.is_empty() && rest.chars().all(|digit: char| digit.is_digit(radix))
        })
    };
    let begins = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    of("0x", 16)
        || of("0o", 8)
        || of("0b", 2)
        || [".inf", ".nan"]
            .iter()
            .any(|it| digits.eq_ignore_ascii_case(it))
        || (begins && digits.parse::<f64>().is_ok())
}

// === impl Origin ===

impl Origin {
    /// The place of a mark in a text that began here.
    pub(crate) fn place(self, path: impl Into<String>, mark: Mark) -> Place {
        let (line, column, section) = match self {
            Self::Document | Self::File(_) => (mark.line, Some(mark.column), None),
            Self::Block { head, indent, .. } => (
                head.saturating_add(mark.line),
                Some(indent.saturating_add(mark.column)),
                None,
            ),
            Self::Section(name) => (mark.line, Some(mark.column), Some(name)),
        };
        Place {
            path: path.into(),
            line: Some(line),
            column,
            section,
        }
    }

    fn root(self) -> &'static str {
        match self {
            Self::Document => "",
            Self::Block { section, .. } | Self::Section(section) | Self::File(section) => section,
        }
    }
}
