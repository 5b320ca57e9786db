//! `seal`: the pins that an image is built with.

use std::fmt;
use std::path::PathBuf;

use bakehouse_contract::pins::Pins;
use bakehouse_contract::time;
use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::files;

/// A bound of `bakehouse.serial`.
const MOST: u64 = 1 << 53;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Public key of a deployer, or certificate of an authority whose every certificate makes one (PEM); up to eight
    #[arg(long = "deployer", value_name = "FILE", required = true)]
    deployers: Vec<PathBuf>,
    /// The least bakehouse.serial that a contract may have
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    minimum_serial: u64,
    /// When the image is built (UTC, such as 2026-01-31T12:00:00Z); now if not given
    #[arg(long, value_name = "TIME", value_parser = files::time)]
    built_at: Option<u64>,
    /// Where to write; standard output if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What was made.
#[derive(Serialize)]
struct Sealed {
    digest: String,
    deployers: Vec<Known>,
    minimum_serial: u64,
    built_at: String,
    /// The pins, where they are not written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pins: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
}

/// A deployer.
#[derive(Serialize)]
struct Known {
    kind: &'static str,
    /// SHA-256 of the public key.
    sha256: String,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let deployers = args
        .deployers
        .iter()
        .map(|path| files::read_deployer(path))
        .collect::<Result<Vec<_>, _>>()?;
    let built_at = args.built_at.unwrap_or_else(files::now);
    let yaml = Pins::new(deployers, Some(args.minimum_serial), built_at).to_yaml();
    // What no guest would read is better refused here.
    let pins = Pins::parse(yaml.as_bytes())?;
    let mut sealed = Sealed {
        digest: pins.digest(),
        deployers: pins
            .deployers()
            .map(|deployer| {
                let (kind, sha256) = deployer.describe();
                Known { kind, sha256 }
            })
            .collect(),
        minimum_serial: args.minimum_serial,
        built_at: time::format(built_at),
        pins: None,
        out: None,
    };
    match &args.out {
        Some(path) => {
            files::write(path, yaml.as_bytes())?;
            sealed.out = Some(files::name(path));
        }
        None => sealed.pins = Some(yaml),
    }
    console.answer(&sealed)
}

// === impl Sealed ===

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pins.as_deref().unwrap_or_default())
    }
}
