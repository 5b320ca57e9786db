//! `decrypt`: a contract or a token in, its plain text out.

use std::fmt;
use std::path::PathBuf;

use bakehouse_contract::envelope::{self, DecryptionKey, Token};
use bakehouse_contract::secret::Secret;
use bakehouse_contract::{ContractDocument, ContractError, Limits};
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files::{self, KeyFiles};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keys: KeyFiles,
    /// The contract or the token
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The names that a token may be bound to.
const SECTIONS: [&str; 3] = ["workload", "env", "attestationPublicKey"];

/// A decrypted contract.
#[derive(Serialize)]
struct Decrypted {
    contract: String,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let keys = args.keys.read()?;
    let limits = Limits::default();
    let bytes = files::read(&args.file, limits.document_bytes)?;
    limits.check_document(bytes.expose().len())?;
    let text = files::text_of(&args.file, &bytes)?;
    if Token::is_meant(text.expose()) {
        let plain = lone(text.expose(), &keys, &limits)?;
        if !console.is_json() {
            return console.print(plain.expose());
        }
        let contract = String::from_utf8_lossy(plain.expose()).into_owned();
        return console.answer(&Decrypted { contract });
    }
    let document = ContractDocument::parse(text.expose().as_bytes(), &limits)?;
    let contract = decrypted(&document, &keys, &limits)?.to_yaml();
    console.answer(&Decrypted { contract })
}

fn decrypted(
    document: &ContractDocument,
    keys: &[DecryptionKey],
    limits: &Limits,
) -> Result<ContractDocument, CliError> {
    // The signature is over the tokens: beside their texts it would prove nothing, and without it the contract is another.
    if document.env_workload_signature().is_some() {
        return Err(ContractError::signed().into());
    }
    let section = |text: &str, name: &str| -> Result<String, CliError> {
        if !Token::is_meant(text) {
            return Ok(text.to_owned());
        }
        let bytes = plain(text, name, keys, limits)?;
        Ok(std::str::from_utf8(bytes.expose())
            .map_err(|_| ContractError::undecryptable())?
            .to_owned())
    };
    let [workload, env, attestation] = SECTIONS;
    let opened = ContractDocument::new(
        section(document.workload(), workload)?,
        section(document.env(), env)?,
    );
    Ok(match document.attestation_public_key() {
        Some(text) => opened.with_attestation_public_key(section(text, attestation)?),
        None => opened,
    })
}

/// A token by itself does not say which section it is of: each is tried.
fn lone(text: &str, keys: &[DecryptionKey], limits: &Limits) -> Result<Secret<Vec<u8>>, CliError> {
    SECTIONS
        .into_iter()
        .find_map(|section| plain(text, section, keys, limits).ok())
        .ok_or_else(|| ContractError::undecryptable().into())
}

fn plain(
    text: &str,
    section: &str,
    keys: &[DecryptionKey],
    limits: &Limits,
) -> Result<Secret<Vec<u8>>, CliError> {
    let token = Token::parse(text, limits).map_err(|_| ContractError::undecryptable())?;
    Ok(envelope::open(&token, section, keys).map_err(|_| ContractError::undecryptable())?)
}

// === impl Decrypted ===

impl fmt::Display for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.contract)
    }
}
