//! What IBM's runtime hashes.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::Hash;
use super::names::CONTRACT;
use crate::document::ContractDocument;
use crate::envelope::Token;

/// A SHA-256, written as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

// === impl Digest ===

impl Digest {
    /// Reads 64 hexadecimal digits of either case.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Takes the 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The hash of a file's bytes.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// The lines `contract:*` of a document: each string as it was passed, a token without the line break after it.
pub fn contract_hashes(document: &ContractDocument) -> Vec<Hash> {
    contract_strings(document)
        .into_iter()
        .filter_map(|(name, text)| {
            let text = text?;
            let hashed = if Token::is_meant(text) {
                text.trim()
            } else {
                text
            };
            Some(Hash {
                name: format!("contract:{name}"),
                digest: sha256(hashed.as_bytes()),
            })
        })
        .collect()
}

/// The four strings with their names, in the order of the current runtime.
pub(super) fn contract_strings(document: &ContractDocument) -> [(&'static str, Option<&str>); 4] {
    let [workload, env, key, signature] = CONTRACT;
    [
        (workload, Some(document.workload())),
        (env, Some(document.env())),
        (key, document.attestation_public_key()),
        (signature, document.env_workload_signature()),
    ]
}
