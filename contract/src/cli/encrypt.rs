//! `encrypt`: sections in, the document of a guest out.

mod signing;

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::envelope::{Prefix, Recipient, SERIALS, SealError, Sealing, Seed, Token};
use bakehouse_contract::secret::Secret;
use bakehouse_contract::signature::with_signing_key;
use bakehouse_contract::{ContractDocument, Limits, serial_of};
use clap::ValueEnum;
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files::{self, PEM_BYTES};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Encryption certificate of the image, or its public key (PEM); for an X25519 key, tokens are of our own kind
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
    /// What tokens of IBM's kind begin with; guests older than June 2026 know only the default
    #[arg(long, value_enum, default_value_t)]
    prefix: PrefixName,
    /// Serial of the contract, for tokens of our own kind; by default env's `bakehouse.serial`, and equal to it
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(SERIALS))]
    serial: Option<u64>,
    /// File with a secret of at least 32 bytes: the same inputs then give the same tokens, to everyone's eyes
    #[arg(long, value_name = "SEED_FILE")]
    deterministic: Option<PathBuf>,
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
    let certificate = files::read_text(&args.certificate, PEM_BYTES)?;
    let recipient =
        Recipient::from_pem(certificate.expose()).map_err(|source| args.refused(source))?;
    let seed = args.deterministic.as_deref().map(seed).transpose()?;
    let signing = signing::keys(args)?;
    let workload = section(&args.workload, "workload")?;
    let mut env = section(&args.env, "env")?;
    // What is encrypted already must have its signingKey already.
    if let Some((_, key)) = signing.as_ref().filter(|_| !Token::is_meant(env.expose())) {
        env = with_signing_key(env.expose(), key, &Limits::default())?;
    }
    // IBM's token has no serial, and takes an env of any text.
    let serial = if recipient.is_x25519() || args.serial.is_some() {
        agreed(args.serial, env.expose())?
    } else {
        None
    };
    let base = Sealing {
        serial,
        prefix: args.prefix.into(),
        seed: seed.as_ref(),
        ..Sealing::default()
    };
    let seal = |text: &Secret<String>, section: &str| -> Result<String, CliError> {
        let text = text.expose();
        if Token::is_meant(text) {
            return same_serial(text, base.serial);
        }
        Sealing { section, ..base }
            .seal(text.as_bytes(), &recipient)
            .map(|token| token.to_string())
            .map_err(|source| args.refused(source))
    };
    let mut document = ContractDocument::new(seal(&workload, "workload")?, seal(&env, "env")?);
    if let Some(path) = &args.attestation_public_key {
        let name = "attestationPublicKey";
        document = document.with_attestation_public_key(seal(&section(path, name)?, name)?);
    }
    signing::signed(args, document, signing)
}

fn section(path: &Path, name: &'static str) -> Result<Secret<String>, CliError> {
    let limits = Limits::default();
    let bytes = files::read(path, limits.section_bytes)?;
    limits.check_section(bytes.expose().len(), name)?;
    files::text_of(path, &bytes)
}

fn seed(path: &Path) -> Result<Seed, CliError> {
    let bytes = files::read(path, PEM_BYTES)?;
    Seed::new(bytes.expose()).map_err(|source| CliError::Seed {
        path: files::name(path),
        source,
    })
}

/// The one serial of the contract: a guest compares the tokens' with env's, so to make two would be to make a contract that
/// no guest opens.
fn agreed(given: Option<u64>, env: &str) -> Result<Option<u64>, CliError> {
    let limits = Limits::default();
    let sealed = Token::is_meant(env);
    let named = if sealed {
        Token::parse(env, &limits).ok().and_then(|it| it.serial())
    } else {
        serial_of(env, &limits)?
    };
    match (given, named) {
        (Some(given), Some(named)) if given != named => Err(CliError::Serial {
            reason: "is not the same in --serial and in env",
        }),
        (Some(_), None) if !sealed => Err(CliError::Serial {
            reason: "must stand in env too, as bakehouse.serial",
        }),
        _ => Ok(given.or(named)),
    }
}

/// A token as it is, if it is not one of ours for another contract.
fn same_serial(text: &str, serial: Option<u64>) -> Result<String, CliError> {
    match Token::parse(text, &Limits::default()).map(|it| it.serial()) {
        Ok(Some(own)) if Some(own) != serial => Err(CliError::Serial {
            reason: "of a token is not the contract's",
        }),
        _ => Ok(text.trim().to_owned()),
    }
}

// === impl Args ===

impl Args {
    fn refused(&self, source: SealError) -> CliError {
        CliError::Certificate {
            path: files::name(&self.certificate),
            source,
        }
    }
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
