//! `lint`: what a guest would say of a contract, before a guest has to say it.

use std::fmt;
use std::path::PathBuf;

use bakehouse_contract::{Contract, ContractDocument, Limits, Opening, look};
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files::{self, OptionalKeyFiles};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    keys: OptionalKeyFiles,
    /// Pins of the image that is to open it
    #[arg(long, value_name = "FILE")]
    pins: Option<PathBuf>,
    /// The contract
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What was found.
#[derive(Serialize)]
struct Findings {
    file: String,
    digest: String,
    /// Sections that were not looked into.
    encrypted: Vec<&'static str>,
    warnings: Vec<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let limits = Limits::default();
    let bytes = files::read(&args.file, limits.document_bytes)?;
    let document = ContractDocument::parse(bytes.expose(), &limits)?;
    let pins = args.pins.as_deref().map(files::read_pins).transpose()?;
    let keys = args.keys.read()?;
    let opening = Opening {
        pins: pins.as_ref(),
        now: Some(files::now()),
        ..Opening::new(keys.as_deref().unwrap_or_default(), &limits)
    };
    let (warnings, encrypted) = match keys {
        Some(_) => (Contract::open(&document, &opening)?.warnings, Vec::new()),
        None => look(&document, &opening)?,
    };
    console.answer(&Findings {
        file: files::name(&args.file),
        digest: document.digest().to_string(),
        encrypted,
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

// === impl Findings ===

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for section in &self.encrypted {
            writeln!(
                f,
                "note: {section} is encrypted and was not looked into; give --key"
            )?;
        }
        let verdict = if self.encrypted.is_empty() {
            "sound"
        } else {
            "nothing wrong in what can be read"
        };
        writeln!(f, "{}: {verdict} (digest {})", self.file, self.digest)
    }
}
