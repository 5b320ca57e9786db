//! An opened contract.

use std::collections::BTreeMap;

use crate::digest::ContractDigest;
use crate::document::ContractDocument;
use crate::envelope::{DecryptionKey, Token, TokenError, open_text};
use crate::error::{Code, ContractError, Place, Warning};
use crate::limits::Limits;
use crate::node::Origin;
use crate::pem;
use crate::secret::Secret;
use crate::sections::{self, Login, Sections, Text, Volume};
use crate::settings::Settings;

/// What a contract asks for, and which contract it is.
#[derive(Debug)]
pub struct Contract {
    /// Our parts of both sections, checked and merged.
    pub settings: Settings,
    /// The encrypted data volumes, in the order of `workload`.
    pub volumes: Vec<Volume>,
    /// The variables of `env` in both sections; those of `workload` win.
    pub environment: BTreeMap<String, Secret<String>>,
    /// The logins of `auths` in both sections, by registry; those of `workload` win.
    pub auths: BTreeMap<String, Login>,
    /// The digest of the contract's original strings.
    pub digest: ContractDigest,
    /// The key that attestation records are to be encrypted for, as PEM.
    pub attestation_public_key: Option<String>,
    /// What is probably a mistake, yet no reason to refuse the contract.
    pub warnings: Vec<Warning>,
}

/// A string of the contract, decrypted if it was encrypted.
struct Opened {
    text: Secret<String>,
    origin: Origin,
}

// === impl Contract ===

impl Contract {
    /// Opens a document with the keys of the image.
    pub fn open(
        document: &ContractDocument,
        keys: &[DecryptionKey],
        limits: &Limits,
    ) -> Result<Self, ContractError> {
        if document.env_workload_signature().is_some() {
            return Err(ContractError::signed());
        }
        // All are opened before the first error is looked at, so that time does not tell which of them it was.
        let workload = opened(
            "workload",
            document.workload(),
            document.workload_origin(),
            keys,
            limits,
        );
        let env = opened("env", document.env(), document.env_origin(), keys, limits);
        let attestation = document.attestation_public_key().map(|text| {
            let name = "attestationPublicKey";
            opened(name, text, Origin::Section(name), keys, limits)
        });
        let (workload, env, attestation) = (workload?, env?, attestation.transpose()?);

        let attestation_public_key = attestation.map(|it| public_key(&it)).transpose()?;
        let mut read = sections::read(workload.as_text(), env.as_text(), limits)?;
        read.warnings
            .splice(..0, document.warnings().iter().cloned());
        Ok(Self::of(read, document.digest(), attestation_public_key))
    }

    /// Takes both sections from a runtime that has opened them itself. The digest is then over these texts.
    pub fn from_sections(
        workload: &str,
        env: &str,
        limits: &Limits,
    ) -> Result<Self, ContractError> {
        let read = sections::read(
            Text {
                text: workload,
                origin: Origin::Section("workload"),
            },
            Text {
                text: env,
                origin: Origin::Section("env"),
            },
            limits,
        )?;
        let digest = ContractDigest::of([Some(workload), Some(env), None, None]);
        Ok(Self::of(read, digest, None))
    }

    fn of(read: Sections, digest: ContractDigest, attestation_public_key: Option<String>) -> Self {
        Self {
            settings: read.settings,
            volumes: read.volumes,
            environment: read.environment,
            auths: read.auths,
            digest,
            attestation_public_key,
            warnings: read.warnings,
        }
    }
}

/// Looks at a document without a key: at each section that is not encrypted. Says which of them are.
pub fn look(
    document: &ContractDocument,
    limits: &Limits,
) -> Result<(Vec<Warning>, Vec<&'static str>), ContractError> {
    if !document.sealed() {
        return Contract::open(document, &[], limits)
            .map(|contract| (contract.warnings, Vec::new()));
    }
    if document.env_workload_signature().is_some() {
        return Contract::open(document, &[], limits)
            .map(|contract| (contract.warnings, Vec::new()));
    }
    let mut warnings = document.warnings().to_vec();
    let mut sealed = Vec::new();
    for (name, text, origin) in [
        ("workload", document.workload(), document.workload_origin()),
        ("env", document.env(), document.env_origin()),
    ] {
        if Token::is_meant(text) {
            Token::parse(text, limits).map_err(|error| refused(name, error))?;
            sealed.push(name);
        } else {
            warnings.extend(sections::look(name, Text { text, origin }, limits)?);
        }
    }
    Ok((warnings, sealed))
}

// === impl Opened ===

impl Opened {
    fn as_text(&self) -> Text<'_> {
        Text {
            text: self.text.expose(),
            origin: self.origin,
        }
    }
}

fn opened(
    name: &'static str,
    text: &str,
    origin: Origin,
    keys: &[DecryptionKey],
    limits: &Limits,
) -> Result<Opened, ContractError> {
    if !Token::is_meant(text) {
        return Ok(Opened {
            text: Secret::new(text.to_owned()),
            origin,
        });
    }
    let bytes = open_text(text, keys, limits).map_err(|error| refused(name, error))?;
    // Bytes that are no text come from a wrong password that passed the padding check: the same error, then.
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| ContractError::decrypt(name))?;
    Ok(Opened {
        text: Secret::new(text.to_owned()),
        origin: Origin::Section(name),
    })
}

fn refused(name: &'static str, error: TokenError) -> ContractError {
    match error {
        TokenError::TooLarge => ContractError::new(
            Code::ContractTooLarge,
            Place::path(name),
            "the encrypted section is too large",
        ),
        TokenError::Plain | TokenError::Damaged => ContractError::decrypt(name),
    }
}

fn public_key(opened: &Opened) -> Result<String, ContractError> {
    let name = "attestationPublicKey";
    let normal = pem::normalise(opened.text.expose(), &["PUBLIC KEY"]).map_err(|error| {
        let message = format!("must be a PEM public key, or base64 of one; there is {error}");
        ContractError::new(Code::ValueInvalid, Place::path(name), message)
    })?;
    Ok(normal.expose().clone())
}

#[cfg(test)]
mod tests;
