//! `encrypt`: sections in, the document of a guest out.

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::envelope::{self, Prefix, Recipient, Token};
use bakehouse_contract::{ContractDocument, Limits};
use clap::ValueEnum;
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files::{self, PEM_BYTES};
use super::signing::SigningFiles;

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
    #[command(flatten)]
    signing: SigningFiles,
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
    let signing = args.signing.read()?;
    let seal = |path: &Path, section: &'static str| -> Result<String, CliError> {
        let bytes = files::read(path, limits.section_bytes)?;
        limits.check_section(bytes.expose().len(), section)?;
        let mut text = files::text_of(path, &bytes)?;
        if let (Some(signing), "env") = (&signing, section) {
            text = signing.add_to(text)?;
        }
        if Token::is_meant(text.expose()) {
            return Ok(text.expose().trim().to_owned());
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
    match &signing {
        Some(signing) => signing.sign(document),
        None => Ok(document),
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
