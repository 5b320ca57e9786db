//! The key that a contract is signed with while it is made: its public half goes into env, then everything is signed.

use std::path::PathBuf;

use bakehouse_contract::envelope::Token;
use bakehouse_contract::secret::Secret;
use bakehouse_contract::signature::{Signer, SigningKey, belongs, with_signing_key};
use bakehouse_contract::{ContractDocument, Limits};

use super::error::CliError;
use super::files::{self, PEM_BYTES};

#[derive(clap::Args)]
pub(super) struct SigningFiles {
    /// Private key to sign the contract with (PEM, PKCS#8 or PKCS#1); its public half goes into signingKey of env
    #[arg(long = "signing-key", value_name = "FILE")]
    key: Option<PathBuf>,
    /// File with the passphrase of that key, if it has one
    #[arg(long = "signing-passphrase", value_name = "FILE", requires = "key")]
    signing_passphrase: Option<PathBuf>,
    /// Certificate of that key, to go into signingKey in its place: the contract then expires with it
    #[arg(long = "signing-certificate", value_name = "FILE", requires = "key")]
    signing_certificate: Option<PathBuf>,
}

/// A key to sign with, and what is to go into the contract for it.
pub(super) struct Signing {
    path: PathBuf,
    signer: Signer,
    public: SigningKey,
}

// === impl SigningFiles ===

impl SigningFiles {
    /// The key, if one is given.
    pub(super) fn read(&self) -> Result<Option<Signing>, CliError> {
        let Some(path) = self.key.clone() else {
            return Ok(None);
        };
        let signer = files::read_signer(&path, self.signing_passphrase.as_deref())?;
        let public = match &self.signing_certificate {
            None => signer
                .public()
                .map_err(|source| files::unusable(&path, source))?,
            Some(path) => {
                let text = files::read_text(path, PEM_BYTES)?;
                SigningKey::from_pem(text.expose()).map_err(|source| CliError::SigningKey {
                    path: files::name(path),
                    source,
                })?
            }
        };
        belongs(&public, &signer)?;
        Ok(Some(Signing {
            path,
            signer,
            public,
        }))
    }
}

// === impl Signing ===

impl Signing {
    /// Names the key in an env that is not encrypted yet; one that is must have its signingKey already.
    pub(super) fn add_to(&self, env: Secret<String>) -> Result<Secret<String>, CliError> {
        if Token::is_meant(env.expose()) {
            return Ok(env);
        }
        Ok(with_signing_key(
            env.expose(),
            &self.public,
            &Limits::default(),
        )?)
    }

    /// Signs the document, after which nothing in it may change.
    pub(super) fn sign(&self, document: ContractDocument) -> Result<ContractDocument, CliError> {
        self.signer
            .sign(document)
            .map_err(|source| files::unusable(&self.path, source))
    }
}
