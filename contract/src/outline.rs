//! A contract as a list of its values, the secret ones masked, and what differs between two of them.
//!
//! Both sections are read as they stand, IBM's keys and ours, whether a guest would take them or not. What may be shown is
//! on a list; whatever is not on it is masked, its key too if nobody knows it. A masked value can be compared and nothing
//! else: not even a digest of it leaves this module, since seeds and passwords can be guessed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::document::ContractDocument;
use crate::envelope::{DecryptionKey, Token, open_text};
use crate::error::ContractError;
use crate::limits::Limits;
use crate::node::{Kind, Node, Origin, Scalar, Style};
use crate::reader::decimal;
use crate::secret::Secret;
use crate::sections::public::{Step, is_known, is_public};

/// The values of a contract by their paths.
pub struct Outline {
    parts: BTreeMap<&'static str, Part>,
}

/// What a contract has under one of its keys.
enum Part {
    /// Its values, by path.
    Open(BTreeMap<String, Leaf>),
    /// A token that was not opened.
    Sealed(String),
}

struct Leaf {
    text: Secret<String>,
    public: bool,
}

/// A value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A public value: its text.
    Public(String),
    /// A secret, of which nothing is shown.
    Masked,
}

/// One difference between two contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, such as `env.bakehouse.state.path`.
    pub path: String,
    /// What.
    pub change: Change,
}

/// How two contracts differ at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Only the new one has it.
    Added(Value),
    /// Only the old one has it.
    Removed(Value),
    /// Both have it.
    Changed {
        /// The value in the old one.
        old: Value,
        /// The value in the new one.
        new: Value,
    },
    /// At least one of them is encrypted and was not opened, and the texts differ.
    Unknown,
}

// === impl Outline ===

impl Outline {
    /// Reads a document. Tokens are opened if there are keys, and otherwise stay what they are.
    pub fn of(
        document: &ContractDocument,
        keys: &[DecryptionKey],
        limits: &Limits,
    ) -> Result<Self, ContractError> {
        let mut parts = BTreeMap::new();
        for (name, text, origin) in [
            (
                "workload",
                Some(document.workload()),
                document.workload_origin(),
            ),
            ("env", Some(document.env()), document.env_origin()),
            (
                "attestationPublicKey",
                document.attestation_public_key(),
                Origin::Document,
            ),
            (
                "envWorkloadSignature",
                document.env_workload_signature(),
                Origin::Document,
            ),
        ] {
            if let Some(text) = text {
                parts.insert(name, Part::of(name, text, origin, keys, limits)?);
            }
        }
        Ok(Self { parts })
    }

    /// Names of the sections that are encrypted and were not opened.
    pub fn sealed(&self) -> Vec<&'static str> {
        let sealed = |part: &Part| matches!(part, Part::Sealed(_));
        let parts = self.parts.iter().filter(|(_, part)| sealed(part));
        parts.map(|(name, _)| *name).collect()
    }

    /// Every value that was read, in the order of the paths.
    pub fn values(&self) -> impl Iterator<Item = (&str, Value)> {
        self.parts.values().flat_map(|part| {
            let leaves = match part {
                Part::Open(leaves) => Some(leaves.iter()),
                Part::Sealed(_) => None,
            };
            let leaves = leaves.into_iter().flatten();
            leaves.map(|(path, leaf)| (path.as_str(), leaf.value()))
        })
    }

    /// What is different in a newer contract.
    pub fn differences(&self, newer: &Self) -> Vec<Difference> {
        let nothing = Part::Open(BTreeMap::new());
        let mut names: Vec<&str> = self
            .parts
            .keys()
            .chain(newer.parts.keys())
            .copied()
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut found = Vec::new();
        for name in names {
            let [old, new] = [self, newer].map(|it| it.parts.get(name).unwrap_or(&nothing));
            match (old, new) {
                (Part::Open(old), Part::Open(new)) => compare(old, new, &mut found),
                (Part::Sealed(old), Part::Sealed(new)) if old == new => {}
                _ => found.push(Difference {
                    path: name.to_owned(),
                    change: Change::Unknown,
                }),
            }
        }
        found
    }
}

fn compare(
    old: &BTreeMap<String, Leaf>,
    new: &BTreeMap<String, Leaf>,
    found: &mut Vec<Difference>,
) {
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let change = match (old.get(path), new.get(path)) {
            (Some(old), Some(new)) if old.text.expose() == new.text.expose() => continue,
            (Some(old), Some(new)) => Change::Changed {
                old: old.value(),
                new: new.value(),
            },
            (Some(old), None) => Change::Removed(old.value()),
            (None, Some(new)) => Change::Added(new.value()),
            (None, None) => continue,
        };
        found.push(Difference {
            path: path.clone(),
            change,
        });
    }
}

// === impl Part ===

impl Part {
    fn of(
        name: &'static str,
        text: &str,
        origin: Origin,
        keys: &[DecryptionKey],
        limits: &Limits,
    ) -> Result<Self, ContractError> {
        let (text, origin) = if !Token::is_meant(text) {
            (Secret::new(text.to_owned()), origin)
        } else if keys.is_empty() {
            return Ok(Self::Sealed(text.trim().to_owned()));
        } else {
            let text = open_text(text, name, keys, limits);
            let text = text.map_err(|_| ContractError::undecryptable())?;
            (text, Origin::Section(name))
        };
        let mut leaves = BTreeMap::new();
        match name {
            "workload" | "env" => {
                limits.check_section(text.expose().len(), name)?;
                let root = Node::parse(text.expose(), limits, origin)?;
                Walk {
                    env: name == "env",
                    leaves: &mut leaves,
                }
                .node(&root, name.to_owned(), &mut Vec::new());
            }
            // A public key and a signature are as public as things get; anything else there is not.
            _ => {
                let public = is_public(true, &[Step::Key("signingKey")], text.expose())
                    || (name == "envWorkloadSignature" && is_base64(text.expose()));
                leaves.insert(name.to_owned(), Leaf { text, public });
            }
        }
        Ok(Self::Open(leaves))
    }
}

/// A walk through one section.
struct Walk<'a> {
    env: bool,
    leaves: &'a mut BTreeMap<String, Leaf>,
}

// === impl Walk ===

impl Walk<'_> {
    fn node<'n>(&mut self, node: &'n Node, path: String, steps: &mut Vec<Step<'n>>) {
        match &node.kind {
            Kind::Scalar(scalar) => {
                let public = is_public(self.env, steps, scalar.text.expose());
                self.leaf(path, literal(scalar), public);
            }
            Kind::Sequence(items) if items.is_empty() => self.leaf(path, "[]".into(), true),
            Kind::Mapping(entries) if entries.is_empty() => self.leaf(path, "{}".into(), true),
            Kind::Sequence(items) => {
                steps.push(Step::Item);
                for (index, item) in items.iter().enumerate() {
                    let name = self.name_of(item, steps, items);
                    let name = name.unwrap_or_else(|| index.to_string());
                    self.node(item, format!("{path}[{name}]"), steps);
                }
                steps.pop();
            }
            Kind::Mapping(entries) => {
                let mut unknown = 0_usize;
                for entry in entries {
                    let key = entry.key.expose();
                    steps.push(Step::Key(key));
                    let below = if is_known(self.env, steps) {
                        format!("{path}.{key}")
                    } else {
                        unknown = unknown.saturating_add(1);
                        // Compared, since the value alone would not tell that it has another name now.
                        let name = format!("{path}.(name of unknown key {unknown})");
                        self.leaf(name, key.clone(), false);
                        format!("{path}.(unknown key {unknown})")
                    };
                    self.node(&entry.value, below, steps);
                    steps.pop();
                }
            }
        }
    }

    /// An item is called by its own public name, if no other has it, so that moving it in the list moves nothing else.
    fn name_of(
        &self,
        item: &Node,
        steps: &[Step<'_>],
        all: &[std::sync::Arc<Node>],
    ) -> Option<String> {
        ["name", "address"].into_iter().find_map(|key| {
            let name = text_of(item, key)?;
            let path: Vec<Step<'_>> = steps.iter().copied().chain([Step::Key(key)]).collect();
            let namesakes = all.iter().filter(|it| text_of(it, key) == Some(name));
            let unique = namesakes.count() == 1 && decimal(name).is_none();
            (unique && is_public(self.env, &path, name)).then(|| name.to_owned())
        })
    }

    fn leaf(&mut self, path: String, text: String, public: bool) {
        let text = Secret::new(text);
        self.leaves.insert(path, Leaf { text, public });
    }
}

// === impl Leaf ===

impl Leaf {
    fn value(&self) -> Value {
        if self.public {
            Value::Public(self.text.expose().clone())
        } else {
            Value::Masked
        }
    }
}

fn text_of<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    match &node.get(key)?.value.kind {
        Kind::Scalar(scalar) => Some(scalar.text.expose()),
        _ => None,
    }
}

fn is_base64(text: &str) -> bool {
    let compact: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(compact).is_ok()
}

/// A scalar so that two are equal where they mean the same: `"1"` is no number, and `"a"` is `a`.
fn literal(scalar: &Scalar) -> String {
    let text = scalar.text.expose();
    let plain = Scalar {
        text: Secret::new(text.clone()),
        style: Style::Plain,
    };
    if plain.is_other_than_text() && scalar.style != Style::Plain {
        format!("\"{text}\"")
    } else {
        text.clone()
    }
}

#[cfg(test)]
mod tests;
