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
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// The signature is over the tokens: beside their texts it would prove nothing.
const UNSIGNED: &str = "envWorkloadSignature was left out, for it is over the encrypted sections; sign the contract anew before a \
     guest is given it";

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
        return console.answer(&Decrypted {
            contract,
            note: None,
        });
    }
    let document = ContractDocument::parse(text.expose().as_bytes(), &limits)?;
    let contract = decrypted(&document, &keys, &limits)?.to_yaml();
    // Where nothing was encrypted the signature is over these very texts, and stays.
    let dropped = document.sealed() && document.env_workload_signature().is_some();
    let note = dropped.then_some(UNSIGNED);
    if let Some(note) = note {
        console.note(note);
    }
    console.answer(&Decrypted { contract, note })
}

fn decrypted(
    document: &ContractDocument,
    keys: &[DecryptionKey],
    limits: &Limits,
) -> Result<ContractDocument, CliError> {
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
    let opened = match document.attestation_public_key() {
        Some(text) => opened.with_attestation_public_key(section(text, attestation)?),
        None => opened,
    };
    Ok(match document.env_workload_signature() {
        Some(signature) if !document.sealed() => {
            opened.with_env_workload_signature(signature.to_owned())
        }
        _ => opened,
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
