//! `sign`: a contract that is made already in, the same with a signature out.

use std::fmt;
use std::path::PathBuf;

use bakehouse_contract::envelope::Token;
use bakehouse_contract::{ContractDocument, Limits, Opening, verify};
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Private key to sign with (PEM, PKCS#8 or PKCS#1)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// File with the passphrase of the key, if it has one
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
    /// The contract, whose env names the public half of the key in signingKey; a signature in it is replaced
    #[arg(value_name = "CONTRACT")]
    contract: PathBuf,
    /// Where to write; standard output if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    digest: String,
    /// SHA-256 of the public key.
    signer: String,
    notes: Vec<String>,
    /// The document, where it is not written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let unusable = |source| files::unusable(&args.key, source);
    let limits = Limits::default();
    let signer = files::read_signer(&args.key, args.passphrase.as_deref())?;
    let bytes = files::read(&args.contract, limits.document_bytes)?;
    let document = ContractDocument::parse(bytes.expose(), &limits)?;
    // Keys of the document that no guest knows are not written again.
    let mut notes: Vec<_> = document
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    let document = signer.sign(document).map_err(unusable)?;
    notes.extend(remarks(&document, &limits)?);
    let yaml = document.to_yaml();
    ContractDocument::parse(yaml.as_bytes(), &limits)?;

    let mut made = Made {
        digest: document.digest().to_string(),
        signer: signer.public().map_err(unusable)?.fingerprint().to_string(),
        notes,
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
    for note in &made.notes {
        console.note(note);
    }
    console.answer(&made)
}

/// What can be said of the signature without the image's key: all of it where env is not encrypted.
fn remarks(document: &ContractDocument, limits: &Limits) -> Result<Vec<String>, CliError> {
    let mut notes = Vec::new();
    if Token::is_meant(document.env()) {
        notes.push(
            "env is encrypted, so whether its signingKey is of this key was not looked at: verify --key does"
                .to_owned(),
        );
    } else {
        let opening = Opening {
            now: Some(files::now()),
            ..Opening::new(&[], limits)
        };
        let verdict = verify(document, &opening)?;
        notes.extend(verdict.warnings.iter().map(ToString::to_string));
    }
    let plain = [document.workload(), document.env()]
        .into_iter()
        .any(|text| !Token::is_meant(text) && text.contains(['\r', '\n']));
    if plain {
        notes.push(
            "a section is not encrypted: other guests may verify it without its line breaks and refuse this signature"
                .to_owned(),
        );
    }
    Ok(notes)
}

// === impl Made ===

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.contract.as_deref().unwrap_or_default())
    }
}
