//! `explain`: what a guest will do with a contract, in words, secrets masked.
//!
//! What is said is picked value by value from what a guest would read, and nothing is picked that is a secret: of the HSM's
//! credentials the certificates, of the keys the public halves, of IBM's keys what is known to be public.

mod asked;
mod certificates;
mod text;

use std::path::PathBuf;

use bakehouse_contract::outline::{Outline, Value};
use bakehouse_contract::{Contract, ContractDocument, Limits, Opening, look};
use serde::Serialize;

use self::asked::Asked;
use super::console::Console;
use super::error::CliError;
use super::files::{self, OptionalKeyFiles};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keys: OptionalKeyFiles,
    /// Time to judge certificates at, such as 2026-11-22T12:00:00Z; now, if not given
    #[arg(long, value_name = "TIME", value_parser = files::time)]
    at: Option<u64>,
    /// The contract
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What a contract says.
#[derive(Serialize)]
struct Explanation {
    file: String,
    digest: String,
    /// Whether it bears a signature.
    signed: bool,
    /// Fingerprint of the key that verified the signature, if the contract could be opened.
    signer: Option<String>,
    /// The contract's serial, if it has one and could be opened.
    serial: Option<u64>,
    /// Whether attestation records are encrypted for someone.
    attestation_public_key: bool,
    /// Sections that are encrypted and were not opened.
    encrypted: Vec<&'static str>,
    /// What it asks of a guest, if all of it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    asks: Option<Asked>,
    /// Keys that are IBM's, or nobody's.
    others: Vec<Other>,
    warnings: Vec<String>,
}

/// A key that is not ours.
#[derive(Serialize)]
struct Other {
    path: String,
    /// Its value, if that is known to be public.
    value: Option<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let limits = Limits::default();
    let keys = args.keys.read()?;
    let bytes = files::read(&args.file, limits.document_bytes)?;
    let document = ContractDocument::parse(bytes.expose(), &limits)?;
    let now = args.at.unwrap_or_else(files::now);
    let opening = Opening {
        now: Some(now),
        ..Opening::new(keys.as_deref().unwrap_or_default(), &limits)
    };
    let contract = if keys.is_some() || !document.sealed() {
        Some(Contract::open(&document, &opening)?)
    } else {
        None
    };
    let warnings = match &contract {
        Some(contract) => contract.warnings.clone(),
        None => look(&document, &opening)?.0,
    };
    let signed = contract.as_ref().and_then(|contract| contract.signed);
    let settings = contract.as_ref().map(|contract| &contract.settings);
    let outline = Outline::of(&document, keys.as_deref().unwrap_or_default(), &limits)?;
    console.answer(&Explanation {
        file: files::name(&args.file),
        digest: document.digest().to_string(),
        signed: document.env_workload_signature().is_some(),
        signer: signed.map(|signed| signed.signer.to_string()),
        serial: settings.and_then(|settings| settings.serial),
        attestation_public_key: document.attestation_public_key().is_some(),
        encrypted: outline.sealed(),
        asks: settings.map(|settings| Asked::of(settings, now)),
        others: others(&outline),
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

fn others(outline: &Outline) -> Vec<Other> {
    outline
        .values()
        .filter(|(path, _)| {
            let (section, key) = path.split_once('.').unwrap_or((path, ""));
            let ours = key == "type" || key.starts_with("bakehouse.");
            // The name of a key that nobody knows is masked, and there is nothing else to say of it.
            let name = key.contains("(name of unknown key");
            matches!(section, "workload" | "env") && !ours && !name
        })
        .map(|(path, value)| Other {
            path: path.to_owned(),
            value: match value {
                Value::Public(text) => Some(super::diff::shown(&text)),
                Value::Masked => None,
            },
        })
        .collect()
}
