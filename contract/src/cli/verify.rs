//! `verify`: whether a contract's signature is good, whose it is, and what it is over.

use std::fmt;
use std::path::PathBuf;

use bakehouse_contract::pins::Pins;
use bakehouse_contract::signature::Form;
use bakehouse_contract::{ContractDocument, ContractError, Limits, Opening, time, verify};
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files::{self, OptionalKeyFiles};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keys: OptionalKeyFiles,
    /// Pins of the image that is to open it
    #[arg(long, value_name = "FILE", conflicts_with = "deployer")]
    pins: Option<PathBuf>,
    /// Public key or certificate authority that must have signed it (PEM)
    #[arg(long, value_name = "FILE")]
    deployer: Option<PathBuf>,
    /// Judge expiry as of this time (UTC, such as 2026-01-31T12:00:00Z); now if not given
    #[arg(long, value_name = "TIME", value_parser = files::time)]
    at: Option<u64>,
    /// The contract
    #[arg(value_name = "CONTRACT")]
    contract: PathBuf,
}

/// What was verified.
#[derive(Serialize)]
struct Verified {
    file: String,
    digest: String,
    /// `raw` or `stripped`.
    form: String,
    /// SHA-256 of the public key.
    signer: String,
    /// When the key's certificate expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    /// Whether the signer was asked for by pins or as a deployer.
    pinned: bool,
    warnings: Vec<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let limits = Limits::default();
    let bytes = files::read(&args.contract, limits.document_bytes)?;
    let document = ContractDocument::parse(bytes.expose(), &limits)?;
    let keys = args.keys.read()?.unwrap_or_default();
    let pins = match (&args.pins, &args.deployer) {
        (Some(path), _) => Some(files::read_pins(path)?),
        (None, Some(path)) => Some(Pins::new(vec![files::read_deployer(path)?], None, 0)),
        (None, None) => None,
    };
    let opening = Opening {
        pins: pins.as_ref(),
        now: Some(args.at.unwrap_or_else(files::now)),
        ..Opening::new(&keys, &limits)
    };
    let verdict = verify(&document, &opening)?;
    // A guest without pins takes an unsigned contract; whoever asks for a signature to be verified does not.
    let signed = verdict.signed.ok_or_else(ContractError::unsigned)?;
    console.answer(&Verified {
        file: files::name(&args.contract),
        digest: document.digest().to_string(),
        form: signed.form.to_string(),
        signer: signed.signer.to_string(),
        expires: signed.expires.map(|seconds| time::format(seconds)),
        serial: verdict.serial,
        pinned: signed.pinned,
        warnings: document
            .warnings()
            .iter()
            .chain(&verdict.warnings)
            .map(ToString::to_string)
            .collect(),
    })
}

// === impl Verified ===

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let raw = self.form == Form::Raw.to_string();
        let over = if raw {
            "workload and env as they stand (raw)"
        } else {
            "workload and env without their line breaks (stripped)"
        };
        let known = if self.pinned {
            "one that was asked for"
        } else {
            "the contract's own word only: give --pins or --deployer to know whose it is"
        };
        let expires = self.expires.as_deref().unwrap_or("never, it is a bare key");
        writeln!(f, "{}: the signature is good", self.file)?;
        writeln!(f, "  over     {over}")?;
        writeln!(f, "  signer   sha256:{}", self.signer)?;
        writeln!(f, "  known    {known}")?;
        writeln!(f, "  expires  {expires}")?;
        if let Some(serial) = self.serial {
            writeln!(f, "  serial   {serial}")?;
        }
        writeln!(f, "  digest   {}", self.digest)
    }
}
