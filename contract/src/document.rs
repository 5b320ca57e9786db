//! The outer document: four strings, kept to the byte.
//!
//! Signatures and digests are over the strings as they stand in the document, so this is the one place where they are read,
//! and nothing here changes them. A section that is not a string has no bytes of its own and is refused.

use std::fmt;

use crate::digest::ContractDigest;
use crate::envelope::Token;
use crate::error::{Code, ContractError, Place, Warning};
use crate::limits::Limits;
use crate::node::{Kind, Node, Origin, Scalar, Style};
use crate::secret::Secret;

mod emit;

/// The keys that a document may have.
const KEYS: [&str; 4] = [
    "workload",
    "env",
    "attestationPublicKey",
    "envWorkloadSignature",
];

/// The document that a guest is given, not opened yet.
pub struct ContractDocument {
    workload: Field,
    env: Field,
    attestation_public_key: Option<Field>,
    env_workload_signature: Option<Field>,
    warnings: Vec<Warning>,
}

/// One string and where its lines are.
struct Field {
    text: Secret<String>,
    origin: Origin,
}

// === impl ContractDocument ===

impl ContractDocument {
    /// Reads user-data.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ContractError> {
        limits.check_document(bytes.len())?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ContractError::missing());
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| not_text(bytes, error.valid_up_to()))?;
        let root = Node::parse(text, limits, Origin::Document)?;
        let Kind::Mapping(entries) = &root.kind else {
            let place = Origin::Document.place("", root.mark);
            return Err(ContractError::new(
                Code::ContractNotYaml,
                place,
                "is not a mapping with workload and env",
            ));
        };
        let mut warnings = Vec::new();
        for entry in entries {
            if !KEYS.contains(&entry.key.expose().as_str()) {
                let place = Origin::Document.place("", entry.mark);
                let message = crate::reader::unknown(entry.key.expose(), &KEYS);
                Warning::new(place, message).note(&mut warnings);
            }
        }
        Ok(Self {
            workload: required(&root, "workload")?,
            env: required(&root, "env")?,
            attestation_public_key: optional(&root, "attestationPublicKey")?,
            env_workload_signature: optional(&root, "envWorkloadSignature")?,
            warnings,
        })
    }

    /// Makes a document of two sections, each plain text or a token.
    pub fn new(workload: String, env: String) -> Self {
        Self {
            workload: Field::made(workload, "workload"),
            env: Field::made(env, "env"),
            attestation_public_key: None,
            env_workload_signature: None,
            warnings: Vec::new(),
        }
    }

    /// Adds the key that attestation records are to be encrypted for.
    #[must_use]
    pub fn with_attestation_public_key(mut self, text: String) -> Self {
        self.attestation_public_key = Some(Field::made(text, "attestationPublicKey"));
        self
    }

    /// Adds a signature, or replaces the one that is there.
    #[must_use]
    pub fn with_env_workload_signature(mut self, text: String) -> Self {
        self.env_workload_signature = Some(Field::made(text, "envWorkloadSignature"));
        self
    }

    /// The string of `workload`.
    pub fn workload(&self) -> &str {
        self.workload.text.expose()
    }

    /// The string of `env`.
    pub fn env(&self) -> &str {
        self.env.text.expose()
    }

    /// The string of `attestationPublicKey`.
    pub fn attestation_public_key(&self) -> Option<&str> {
        self.attestation_public_key
            .as_ref()
            .map(|field| field.text.expose().as_str())
    }

    /// The string of `envWorkloadSignature`.
    pub fn env_workload_signature(&self) -> Option<&str> {
        self.env_workload_signature
            .as_ref()
            .map(|field| field.text.expose().as_str())
    }

    /// Whether any of the strings is a token.
    pub fn sealed(&self) -> bool {
        [
            Some(self.workload()),
            Some(self.env()),
            self.attestation_public_key(),
        ]
        .into_iter()
        .flatten()
        .any(Token::is_meant)
    }

    /// What is probably a mistake.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The digest of the four strings.
    pub fn digest(&self) -> ContractDigest {
        ContractDigest::of([
            Some(self.workload()),
            Some(self.env()),
            self.attestation_public_key(),
            self.env_workload_signature(),
        ])
    }

    /// The document as YAML, keys in alphabetical order. [`Self::parse`] reads the same strings from it, to the byte.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        for (key, text) in [
            ("attestationPublicKey", self.attestation_public_key()),
            ("env", Some(self.env())),
            ("envWorkloadSignature", self.env_workload_signature()),
            ("workload", Some(self.workload())),
        ] {
            if let Some(text) = text {
                emit::entry(key, text, &mut out);
            }
        }
        out
    }

    pub(crate) fn workload_origin(&self) -> Origin {
        self.workload.origin
    }

    pub(crate) fn env_origin(&self) -> Origin {
        self.env.origin
    }
}

impl fmt::Debug for ContractDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContractDocument")
            .field("digest", &self.digest().to_string())
            .finish_non_exhaustive()
    }
}

// === impl Field ===

impl Field {
    fn made(text: String, name: &'static str) -> Self {
        Self {
            text: Secret::new(text),
            origin: Origin::Section(name),
        }
    }
}

fn required(root: &Node, key: &'static str) -> Result<Field, ContractError> {
    optional(root, key)?.ok_or_else(|| {
        ContractError::new(
            Code::SectionMissing,
            Place::path(key),
            "the contract does not have this section",
        )
    })
}

fn optional(root: &Node, key: &'static str) -> Result<Option<Field>, ContractError> {
    let Some(entry) = root.get(key) else {
        return Ok(None);
    };
    let node = &entry.value;
    let scalar = match &node.kind {
        // An empty signature is half a signature, and those are refused, not overlooked.
        Kind::Scalar(scalar) if scalar.is_null() && key != "envWorkloadSignature" => {
            return Ok(None);
        }
        Kind::Scalar(scalar) => scalar,
        _ => {
            let message = format!(
                "must be text, and is {}: write | after the key",
                node.noun()
            );
            return Err(ContractError::new(
                Code::ValueInvalid,
                Origin::Document.place(key, node.mark),
                message,
            ));
        }
    };
    let origin = match scalar.style {
        Style::Literal => Origin::Block {
            section: key,
            head: head_of(node, scalar),
            // It is marked where its text begins, be it with a space.
            indent: node.mark.column.saturating_sub(1),
        },
        _ => Origin::Section(key),
    };
    Ok(Some(Field {
        text: Secret::new(scalar.text.expose().clone()),
        origin,
    }))
}

/// The line before a block's first. The parser marks a block where its first word is, below its leading empty lines.
fn head_of(node: &Node, scalar: &Scalar) -> usize {
    let text = scalar.text.expose();
    let empty = text
        .len()
        .saturating_sub(text.trim_start_matches('\n').len());
    node.mark.line.saturating_sub(empty).saturating_sub(1)
}

fn not_text(bytes: &[u8], valid: usize) -> ContractError {
    let lines = bytes.iter().take(valid).filter(|b| **b == b'\n').count();
    let place = Place {
        line: Some(lines.saturating_add(1)),
        ..Place::default()
    };
    ContractError::new(
        Code::ContractNotYaml,
        place,
        "is not UTF-8 text from here on",
    )
}

#[cfg(test)]
mod tests;
