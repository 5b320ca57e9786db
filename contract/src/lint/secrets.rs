//! Secrets in a section that is not encrypted.

use crate::error::Warning;
use crate::pem;
use crate::reader::View;

/// Keys whose values are secrets, and what to call them.
const KEYS: [(&str, &str); 12] = [
    ("password", "password"),
    ("seed", "seed"),
    ("previousSeed", "seed"),
    ("iamApiKey", "API key"),
    ("apiKey", "API key"),
    ("ingestionKey", "ingestion key"),
    ("secret", "secret"),
    ("blob", "blob of a private key"),
    ("aesKeyBlob", "blob of a key"),
    ("previousaesKeyBlob", "blob of a key"),
    ("decryptionKey", "private key"),
    ("clientKey", "private key"),
];
/// What the names of variables that hold secrets have in them.
const VARIABLES: [&str; 7] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "PRIVATE_KEY",
    "API_KEY",
];
const REMEDY: &str = "Encrypt the section before anybody else gets the contract.";

/// Warns of a value that is a secret for what it is or for the key that it stands under.
pub(super) fn bare(view: &View<'_>, key: Option<&str>, text: &str) -> Option<Warning> {
    let noun = noun(view, key.unwrap_or_default(), text)?;
    let message = format!("this {noun} can be read by whoever sees the contract");
    Some(view.warning(message).with_remedy(REMEDY))
}

fn noun(view: &View<'_>, key: &str, text: &str) -> Option<&'static str> {
    if let Some((_, noun)) = KEYS.iter().find(|(name, _)| *name == key) {
        return Some(noun);
    }
    let private = |block: &pem::Block| block.label.ends_with("PRIVATE KEY");
    match pem::blocks(text) {
        Ok(blocks) if blocks.iter().any(private) => return Some("private key"),
        // What has a passphrase can be read by nobody without it, yet it is a key all the same.
        Err(pem::PemError::Encrypted) => return Some("private key"),
        _ => {}
    }
    let path = view.place().path;
    let variable = path.starts_with("workload.env[") || path.starts_with("env.env[");
    let name = key.to_ascii_uppercase();
    (variable && VARIABLES.iter().any(|part| name.contains(part))).then_some("variable")
}
