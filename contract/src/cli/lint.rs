//! `lint`: what a guest would say of a contract, before a guest has to say it.

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::template::placeholders;
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
    #[arg(value_name = "FILE", required_unless_present = "workload")]
    file: Option<PathBuf>,
    /// Text of the workload section, in place of a contract
    #[arg(long, value_name = "FILE", requires = "env", conflicts_with = "file")]
    workload: Option<PathBuf>,
    /// Text of the env section, in place of a contract
    #[arg(long, value_name = "FILE", requires = "workload")]
    env: Option<PathBuf>,
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
    let (name, document) = document(args, &limits)?;
    let unfilled = placeholders(&document, &limits)?;
    if !unfilled.is_empty() {
        return Err(CliError::Unfilled { places: unfilled });
    }
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
        file: name,
        digest: document.digest().to_string(),
        encrypted,
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

/// The document that was given, whole or as its two sections, and what to call it.
fn document(args: &Args, limits: &Limits) -> Result<(String, ContractDocument), CliError> {
    let (Some(workload), Some(env)) = (&args.workload, &args.env) else {
        let file = args.file.as_deref().unwrap_or(Path::new(""));
        let bytes = files::read(file, limits.document_bytes)?;
        let document = ContractDocument::parse(bytes.expose(), limits)?;
        return Ok((files::name(file), document));
    };
    let text = |path: &Path| -> Result<String, CliError> {
        let text = files::read_text(path, limits.section_bytes)?;
        Ok(text.expose().clone())
    };
    let name = format!("{} and {}", files::name(workload), files::name(env));
    Ok((name, ContractDocument::new(text(workload)?, text(env)?)))
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
