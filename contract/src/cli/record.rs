//! `record`: attestation records, verified by operators and written by guests.

mod verify;
mod write;

use std::path::{Path, PathBuf};

use bakehouse_contract::record::{Digest, sha256};
use bakehouse_contract::secret::Secret;
use bakehouse_contract::{ContractDocument, Limits};
use clap::Subcommand;

use super::console::Console;
use super::error::CliError;
use super::files;

/// Bytes that a file to be hashed may have; a cidata disk of the largest contract has less than a tenth.
const FILE_BYTES: usize = 64 * 1024 * 1024;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verify a record: decrypt it, check its signature, the certificate and every hash against your own files
    Verify(verify::Args),
    /// Write a record as a guest does, signed, and encrypted if the contract has an attestation public key
    Write(write::Args),
}

/// Files of the cidata disk.
#[derive(clap::Args)]
struct CidataFiles {
    /// Directory with the files of the cidata disk
    #[arg(long, value_name = "DIR")]
    cidata: Option<PathBuf>,
    /// The file meta-data, if it is not in that directory
    #[arg(long, value_name = "FILE")]
    meta_data: Option<PathBuf>,
    /// The file vendor-data, if it is not in that directory
    #[arg(long, value_name = "FILE")]
    vendor_data: Option<PathBuf>,
    /// The file network-config, if it is not in that directory
    #[arg(long, value_name = "FILE")]
    network_config: Option<PathBuf>,
}

/// A name of the record and what it should be: `NAME=HEX`.
#[derive(Clone)]
struct NamedHash {
    name: String,
    digest: Digest,
}

/// A name of the record and the file that it should be the hash of: `NAME=FILE`.
#[derive(Clone)]
struct NamedFile {
    name: String,
    path: PathBuf,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    match &args.command {
        Command::Verify(args) => verify::run(args, console),
        Command::Write(args) => write::run(args, console),
    }
}

// === impl CidataFiles ===

impl CidataFiles {
    /// The names of the record and the hashes of the files, of those that there are.
    fn hashes(&self) -> Result<Vec<(&'static str, Option<Digest>)>, CliError> {
        let mut found = Vec::new();
        for (name, line, given) in [
            ("meta-data", "cidata/meta-data", &self.meta_data),
            ("vendor-data", "cidata/vendor-data", &self.vendor_data),
            (
                "network-config",
                "cidata/network-config",
                &self.network_config,
            ),
        ] {
            let in_directory = self.cidata.as_ref().map(|dir| dir.join(name));
            match (given, in_directory) {
                (Some(path), _) => found.push((line, Some(hash_of(path)?))),
                (None, Some(path)) if path.exists() => found.push((line, Some(hash_of(&path)?))),
                (None, Some(_)) => found.push((line, None)),
                (None, None) => {}
            }
        }
        Ok(found)
    }
}

/// The hash of a file.
fn hash_of(path: &Path) -> Result<Digest, CliError> {
    let bytes = files::read(path, FILE_BYTES)?;
    if bytes.expose().len() > FILE_BYTES {
        return Err(CliError::Read {
            path: files::name(path),
            reason: format!("it has more than the {FILE_BYTES} bytes allowed"),
        });
    }
    Ok(sha256(bytes.expose()))
}

/// A contract and the bytes it was read from.
fn read_contract(path: &Path) -> Result<(ContractDocument, Secret<Vec<u8>>), CliError> {
    let limits = Limits::default();
    let bytes = files::read(path, limits.document_bytes)?;
    let document = ContractDocument::parse(bytes.expose(), &limits)?;
    Ok((document, bytes))
}

// === impl NamedHash ===

impl std::str::FromStr for NamedHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, digits) = text.rsplit_once('=').ok_or("not NAME=HEX")?;
        let digest = Digest::from_hex(digits).ok_or("not 64 hexadecimal digits after the =")?;
        Ok(Self {
            name: name.to_owned(),
            digest,
        })
    }
}

// === impl NamedFile ===

impl std::str::FromStr for NamedFile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = text.split_once('=').ok_or("not NAME=FILE")?;
        Ok(Self {
            name: name.to_owned(),
            path: path.into(),
        })
    }
}
