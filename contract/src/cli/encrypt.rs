//! `encrypt`: sections in, the document of a guest out.

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::envelope::{self, Prefix, Recipient, Token};
use bakehouse_contract::signature::{Signer, SigningKey, belongs, with_signing_key};
use bakehouse_contract::{ContractDocument, Limits};
use clap::ValueEnum;
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files::{self, PEM_BYTES};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Encryption certificate of the image, or its public key (PEM)
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Text of the workload section; a token is taken as it is
    #[arg(long, value_name = "FILE")]
    workload: PathBuf,
    /// Text of the env section; a token is taken as it is
    #[arg(long, value_name = "FILE")]
    env: PathBuf,
    /// Public key that attestation records are to be encrypted for (PEM)
    #[arg(long, value_name = "FILE")]
    attestation_public_key: Option<PathBuf>,
    /// Private key to sign the contract with (PEM, PKCS#8 or PKCS#1); its public half goes into signingKey of env
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// File with the passphrase of that key, if it has one
    #[arg(long, value_name = "FILE", requires = "signing_key")]
    signing_passphrase: Option<PathBuf>,
    /// Certificate of that key, to go into signingKey in its place: the contract then expires with it
    #[arg(long, value_name = "FILE", requires = "signing_key")]
    signing_certificate: Option<PathBuf>,
    /// What the tokens begin with; guests older than June 2026 know only the default
    #[arg(long, value_enum, default_value_t)]
    prefix: PrefixName,
    /// Where to write; standard output if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum PrefixName {
    #[default]
    HyperProtectBasic,
    ContractBasic,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    digest: String,
    /// The document, where it is not written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let document = document(args)?;
    let yaml = document.to_yaml();
    // A document that no guest would read is better refused here: encrypted sections are larger than their texts.
    ContractDocument::parse(yaml.as_bytes(), &Limits::default())?;
    let mut made = Made {
        digest: document.digest().to_string(),
        contract: None,
        out: None,
    };
    match &args.out {
        Some(path) => {
            files::write(path, yaml.as_bytes())?;
            made.out = Some(files::name(path));
        }
        None => made.contract = Some(yaml),
    }
    console.answer(&made)
}

fn document(args: &Args) -> Result<ContractDocument, CliError> {
    let refused = |source| CliError::Certificate {
        path: files::name(&args.certificate),
        source,
    };
    let certificate = files::read_text(&args.certificate, PEM_BYTES)?;
    let recipient = Recipient::from_pem(certificate.expose()).map_err(refused)?;
    let limits = Limits::default();
    let signing = signing(args)?;
    let seal = |path: &Path, section: &'static str| -> Result<String, CliError> {
        let bytes = files::read(path, limits.section_bytes)?;
        limits.check_section(bytes.expose().len(), section)?;
        let mut text = files::text_of(path, &bytes)?;
        // What is encrypted already must have its signingKey already.
        if Token::is_meant(text.expose()) {
            return Ok(text.expose().trim().to_owned());
        }
        if let (Some((_, key)), "env") = (&signing, section) {
            text = with_signing_key(text.expose(), key, &limits)?;
        }
        envelope::seal(text.expose().as_bytes(), &recipient, args.prefix.into())
            .map(|token| token.to_string())
            .map_err(refused)
    };
    let document =
        ContractDocument::new(seal(&args.workload, "workload")?, seal(&args.env, "env")?);
    let document = match &args.attestation_public_key {
        Some(path) => document.with_attestation_public_key(seal(path, "attestationPublicKey")?),
        None => document,
    };
    match (&signing, &args.signing_key) {
        (Some((signer, _)), Some(path)) => signer
            .sign(document)
            .map_err(|source| files::unusable(path, source)),
        _ => Ok(document),
    }
}

/// The key to sign with and what is to go into the contract for it.
fn signing(args: &Args) -> Result<Option<(Signer, SigningKey)>, CliError> {
    let Some(path) = &args.signing_key else {
        return Ok(None);
    };
    let signer = files::read_signer(path, args.signing_passphrase.as_deref())?;
    let public = match &args.signing_certificate {
        None => signer
            .public()
            .map_err(|source| files::unusable(path, source))?,
        Some(path) => {
            let text = files::read_text(path, PEM_BYTES)?;
            SigningKey::from_pem(text.expose()).map_err(|source| CliError::SigningKey {
                path: files::name(path),
                source,
            })?
        }
    };
    belongs(&public, &signer)?;
    Ok(Some((signer, public)))
}

// === impl PrefixName ===

impl From<PrefixName> for Prefix {
    fn from(name: PrefixName) -> Self {
        match name {
            PrefixName::HyperProtectBasic => Self::HyperProtectBasic,
            PrefixName::ContractBasic => Self::ContractBasic,
        }
    }
}

// === impl Made ===

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.contract.as_deref().unwrap_or_default())
    }
}
