//! What an operator should know of a contract before a guest gets it.
//!
//! It is what the guest itself says, by the guest's own parser and section rules, and then advice that no guest gives:
//! certificates that are about to expire, keys that do not belong to their certificates, secrets that anybody can read.
//! Like everything here it names places and never shows a value.

mod certificates;
mod secrets;

use std::collections::BTreeSet;

use crate::contract::{Contract, Opening, look, readable};
use crate::document::ContractDocument;
use crate::error::{ContractError, Warning};
use crate::node::{Kind, Node, Scalar};
use crate::reader::View;
use crate::sections;

/// What was found in a contract that a guest would take.
#[derive(Debug)]
pub struct Findings {
    /// What is probably a mistake, in the order of its lines.
    pub warnings: Vec<Warning>,
    /// Sections that are encrypted and were not looked into.
    pub encrypted: Vec<&'static str>,
}

/// Looks at a document as a guest would, and more closely. Without keys, what is encrypted is left alone.
///
/// Certificates are judged by [`Opening::now`]; without a clock their validity is not looked at.
pub fn lint(document: &ContractDocument, opening: &Opening<'_>) -> Result<Findings, ContractError> {
    let (mut warnings, encrypted) = if opening.keys.is_empty() {
        look(document, opening)?
    } else {
        (Contract::open(document, opening)?.warnings, Vec::new())
    };
    let known = sections::known_names();
    for section in readable(document, opening) {
        let tree = Node::parse(section.text.expose(), opening.limits, section.origin)?;
        let root = View::new(&tree, section.name, section.origin);
        let mut advice = Advice {
            now: opening.now,
            sealed: section.sealed,
            known: &known,
            warnings: &mut warnings,
        };
        advice.give(&root, None);
    }
    warnings.sort_by_key(|warning| (warning.place().section, warning.place().line));
    Ok(Findings {
        warnings,
        encrypted,
    })
}

/// The advice on one section.
struct Advice<'a> {
    now: Option<u64>,
    /// Whether the section is encrypted in the document.
    sealed: bool,
    known: &'a BTreeSet<&'static str>,
    warnings: &'a mut Vec<Warning>,
}

// === impl Advice ===

impl Advice<'_> {
    /// Looks at a node that stands under this key, and at all below it.
    fn give(&mut self, view: &View<'_>, key: Option<&str>) {
        match view.kind() {
            Kind::Scalar(scalar) => self.scalar(view, key, scalar),
            Kind::Sequence(_) => {
                for item in view.children() {
                    self.give(&item, key);
                }
            }
            Kind::Mapping(entries) => {
                self.warnings.extend(certificates::pair(view));
                self.warnings.extend(elsewhere(view));
                for (entry, child) in entries.iter().zip(view.children()) {
                    let name = entry.key.expose().as_str();
                    // A name that nobody knows may be a secret itself, so it is in no path.
                    let child = match self.known.get(name) {
                        Some(name) => view.optional(name).unwrap_or(child),
                        None => child,
                    };
                    self.give(&child, Some(name));
                }
            }
        }
    }

    fn scalar(&mut self, view: &View<'_>, key: Option<&str>, scalar: &Scalar) {
        if scalar.is_null() {
            return;
        }
        let text = scalar.text.expose();
        if let Some(now) = self.now {
            self.warnings
                .extend(certificates::validity(view, text, now));
        }
        if !self.sealed {
            self.warnings.extend(secrets::bare(view, key, text));
        }
    }
}

/// A volume whose passphrase needs more than the contract has.
fn elsewhere(view: &View<'_>) -> Option<Warning> {
    if !view.place().path.starts_with("env.volumes[") {
        return None;
    }
    let place = ["uv-secret-id", "kms", "grep11"]
        .iter()
        .find_map(|key| view.key_place(key))?;
    let warning = Warning::new(
        place,
        "a part of this volume's secret is kept elsewhere, so that only IBM's runtime can open it",
    );
    Some(
        warning
            .with_remedy("Give the volume a seed in both sections if our own image is to open it."),
    )
}

#[cfg(test)]
mod tests;
