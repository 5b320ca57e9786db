//! `disk`: a contract in, the `cidata` disk of its guest out.

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::disk::{Disk, FILE_BYTES, HostName};
use bakehouse_contract::network_config::NetworkConfig;
use bakehouse_contract::secret::Secret;
use bakehouse_contract::{ContractDocument, Limits, Opening, look};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::console::Console;
use super::error::CliError;
use super::files;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The contract, which becomes user-data; one that a guest would refuse is refused here
    #[arg(long, value_name = "FILE")]
    contract: PathBuf,
    /// Name of the guest, for meta-data
    #[arg(long, value_name = "NAME")]
    hostname: String,
    /// What becomes vendor-data; an empty file if not given
    #[arg(long, value_name = "FILE")]
    vendor_data: Option<PathBuf>,
    /// What becomes network-config; without it the guest uses DHCP
    #[arg(long, value_name = "FILE")]
    network_config: Option<PathBuf>,
    /// Where to write the image
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What was made.
#[derive(Serialize)]
struct Made {
    out: String,
    bytes: usize,
    sha256: String,
    /// Digest of the contract.
    digest: String,
    /// Sections that were not looked into.
    encrypted: Vec<&'static str>,
    /// Sections that anyone can read.
    plain: Vec<&'static str>,
    warnings: Vec<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let host_name = HostName::parse(&args.hostname)?;
    let limits = Limits::default();
    let contract = files::read(&args.contract, limits.document_bytes)?;
    let document = ContractDocument::parse(contract.expose(), &limits)?;
    let (mut warnings, encrypted) = look(&document, &Opening::new(&[], &limits))?;
    let vendor_data = optional(args.vendor_data.as_deref())?;
    let network_config = optional(args.network_config.as_deref())?;
    // One that is too large is refused below, by its name.
    let readable = network_config
        .as_ref()
        .filter(|bytes| bytes.expose().len() <= FILE_BYTES);
    if let Some(bytes) = readable {
        warnings.extend(NetworkConfig::parse(bytes.expose(), &limits)?.warnings);
    }
    let image = Disk {
        user_data: contract.expose(),
        host_name: &host_name,
        vendor_data: vendor_data.as_ref().map_or(&[], |bytes| bytes.expose()),
        network_config: network_config
            .as_ref()
            .map(|bytes| bytes.expose().as_slice()),
    }
    .to_iso()?;
    files::write(&args.out, &image)?;
    let plain = ["workload", "env"]
        .into_iter()
        .filter(|name| !encrypted.contains(name))
        .collect();
    console.answer(&Made {
        out: files::name(&args.out),
        bytes: image.len(),
        sha256: hex::encode(Sha256::digest(&image)),
        digest: document.digest().to_string(),
        encrypted,
        plain,
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

fn optional(path: Option<&Path>) -> Result<Option<Secret<Vec<u8>>>, CliError> {
    path.map(|path| files::read(path, FILE_BYTES)).transpose()
}

// === impl Made ===

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for section in &self.encrypted {
            writeln!(f, "note: {section} is encrypted and was not looked into")?;
        }
        match self.plain[..] {
            [] => {}
            [one] => writeln!(
                f,
                "note: {one} is not encrypted: whoever holds the disk reads it"
            )?,
            _ => writeln!(
                f,
                "note: {} are not encrypted: whoever holds the disk reads them",
                self.plain.join(" and ")
            )?,
        }
        writeln!(
            f,
            "{}: {} bytes, sha256 {} (contract digest {})",
            self.out, self.bytes, self.sha256, self.digest
        )
    }
}
