//! `record write`: the files that a guest leaves for its operator.

use std::fmt;
use std::path::{Path, PathBuf};

use bakehouse_contract::ContractDocument;
use bakehouse_contract::envelope::{Recipient, Token};
use bakehouse_contract::record::{self, Hash, Record, contract_hashes, sha256};
use serde::Serialize;

use super::super::console::Console;
use super::super::error::CliError;
use super::super::files::{self, PEM_BYTES};
use super::{CidataFiles, NamedFile, NamedHash, hash_of, read_contract};

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// Version of the runtime: the first line
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// Informational line; several stand in the order given
    #[arg(long, value_name = "LINE")]
    note: Vec<String>,
    /// The contract that the guest was given (user-data)
    #[arg(long, value_name = "FILE")]
    contract: PathBuf,
    #[command(flatten)]
    cidata: CidataFiles,
    /// Hash of something else, such as root.tar.gz=44d9...
    #[arg(long, value_name = "NAME=HEX")]
    hash: Vec<NamedHash>,
    /// File to be hashed under a name, such as /dev/disk/by-label/cidata=cidata.iso
    #[arg(long, value_name = "NAME=FILE")]
    file: Vec<NamedFile>,
    /// Private key that signs: RSA, 4096 bits for what IBM's own tools expect (PEM)
    #[arg(long, value_name = "FILE")]
    signing_key: PathBuf,
    /// File with the passphrase of the key, if it has one
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
    /// Public key to encrypt the record to, where the contract has it encrypted (PEM)
    #[arg(long, value_name = "FILE")]
    attestation_public_key: Option<PathBuf>,
    /// Directory to write se-checksums.txt (or .enc) and se-signature.bin to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    record: String,
    signature: String,
    encrypted: bool,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let (document, bytes) = read_contract(&args.contract)?;
    let recipient = recipient(args, &document)?;
    let signer = files::read_signer(&args.signing_key, args.passphrase.as_deref())?;
    let record = Record::new(
        &args.version,
        args.note.clone(),
        hashes(args, &document, bytes.expose())?,
    )?;
    let signature = record::sign(&record, &signer).map_err(|_| CliError::Sign)?;
    let (name, text) = match &recipient {
        None => ("se-checksums.txt", record.to_string()),
        Some((path, recipient)) => {
            let token = record::encrypt(&record, recipient).map_err(|source| {
                let path = files::name(path);
                CliError::Certificate { path, source }
            })?;
            ("se-checksums.txt.enc", token.to_string())
        }
    };
    let paths = (args.out.join(name), args.out.join("se-signature.bin"));
    files::write(&paths.0, text.as_bytes())?;
    files::write(&paths.1, &signature)?;
    console.answer(&Written {
        record: files::name(&paths.0),
        signature: files::name(&paths.1),
        encrypted: recipient.is_some(),
    })
}

fn hashes(args: &Args, document: &ContractDocument, bytes: &[u8]) -> Result<Vec<Hash>, CliError> {
    let hash = |name: &str, digest| Hash {
        name: name.to_owned(),
        digest,
    };
    let mut hashes = contract_hashes(document);
    hashes.push(hash("cidata/user-data", sha256(bytes)));
    for (name, digest) in args.cidata.hashes()? {
        hashes.extend(digest.map(|digest| hash(name, digest)));
    }
    for file in &args.file {
        hashes.push(hash(&file.name, hash_of(&file.path)?));
    }
    hashes.extend(args.hash.iter().map(|it| hash(&it.name, it.digest)));
    Ok(hashes)
}

/// Whom to encrypt to: a file's key, else the contract's; in clear if the contract has none.
fn recipient<'a>(
    args: &'a Args,
    document: &ContractDocument,
) -> Result<Option<(&'a Path, Recipient)>, CliError> {
    let (path, pem) = match (
        &args.attestation_public_key,
        document.attestation_public_key(),
    ) {
        (Some(path), _) => (
            path.as_path(),
            files::read_text(path, PEM_BYTES)?.expose().clone(),
        ),
        (None, None) => return Ok(None),
        (None, Some(text)) if Token::is_meant(text) => {
            return Err(CliError::AttestationKey {
                reason: "the contract's attestationPublicKey is encrypted: give --attestation-public-key",
            });
        }
        (None, Some(text)) => (args.contract.as_path(), text.to_owned()),
    };
    let recipient = Recipient::from_pem(&pem).map_err(|source| {
        let path = files::name(path);
        CliError::Certificate { path, source }
    })?;
    Ok(Some((path, recipient)))
}

// === impl Written ===

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.record)?;
        writeln!(f, "{}", self.signature)
    }
}
