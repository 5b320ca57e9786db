//! What an operator expects of a record: hashes of files of their own.

use serde::Serialize;

use super::hashes::{Digest, contract_strings, sha256};
use super::names;
use crate::document::ContractDocument;

/// Hashes that a record should have, and names that it should not have.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    names: Vec<Expected>,
}

/// In which form a string of the contract was hashed. IBM does not say what becomes of the line break that a block scalar
/// leaves at the end, so both are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As it stands in the document, or the bytes of a file.
    AsPassed,
    /// Without the line breaks at its end.
    WithoutFinalLineBreak,
}

#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) name: String,
    pub(super) rule: Rule,
}

#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// It must be there, with one of these hashes.
    Required(Vec<(Form, Digest)>),
    /// If it is there, it must have one of these hashes; not every version writes it.
    IfListed(Vec<(Form, Digest)>),
    /// It must not be there: the guest was given nothing of the kind.
    Absent,
}

// === impl Expectations ===

impl Expectations {
    /// Expects a name with a hash, and drops what was expected of the name before.
    pub fn hash(&mut self, name: &str, digest: Digest) {
        self.expect(name, Rule::Required(vec![(Form::AsPassed, digest)]));
    }

    /// Expects a name, if the record has it at all, with a hash.
    pub fn hash_if_listed(&mut self, name: &str, digest: Digest) {
        self.expect(name, Rule::IfListed(vec![(Form::AsPassed, digest)]));
    }

    /// Expects that a record does not have a name.
    pub fn absent(&mut self, name: &str) {
        self.expect(name, Rule::Absent);
    }

    /// Expects the strings of a contract, none that it does not have, and the file `user-data` that it was read from.
    pub fn contract(&mut self, document: &ContractDocument, file: &[u8]) {
        for (name, text) in contract_strings(document) {
            let rule = text.map_or(Rule::Absent, |text| Rule::Required(forms(text)));
            self.expect(&format!("contract:{name}"), rule);
        }
        self.hash_if_listed("cidata/user-data", sha256(file));
    }

    fn expect(&mut self, name: &str, rule: Rule) {
        let name = names::current(name);
        self.names.retain(|expected| expected.name != name);
        self.names.push(Expected { name, rule });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Expected> {
        self.names.iter()
    }

    pub(super) fn of(&self, name: &str) -> Option<&Rule> {
        self.names
            .iter()
            .find(|expected| expected.name == name)
            .map(|expected| &expected.rule)
    }
}

// === impl Form ===

impl Form {
    /// What to say of a line that matches in this form.
    pub(super) fn remark(self) -> &'static str {
        match self {
            Self::AsPassed => "",
            Self::WithoutFinalLineBreak => " (hashed without the line break at its end)",
        }
    }
}

fn forms(text: &str) -> Vec<(Form, Digest)> {
    let short = text.trim_end_matches(['\r', '\n']);
    let mut forms = vec![(Form::AsPassed, sha256(text.as_bytes()))];
    if short.len() != text.len() {
        forms.push((Form::WithoutFinalLineBreak, sha256(short.as_bytes())));
    }
    forms
}
