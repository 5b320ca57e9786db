//! `record verify`: whether a record is what an image signed, and what it says of the operator's own files.

use std::fmt;
use std::path::PathBuf;

use bakehouse_contract::envelope::{self, Token};
use bakehouse_contract::record::{self, Evidence, Expectations, Report};
use bakehouse_contract::secret::Secret;
use bakehouse_contract::{ContractError, Limits};
use serde::Serialize;

use super::super::certificate::ChainFiles;
use super::super::console::Console;
use super::super::error::CliError;
use super::super::files;
use super::{CidataFiles, NamedFile, NamedHash, hash_of, read_contract};

/// Bytes that a record may have, encrypted.
const RECORD_BYTES: usize = 128 * 1024;
/// Bytes of the largest RSA signature.
const SIGNATURE_BYTES: usize = 1024;

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// The record: se-checksums.txt, or se-checksums.txt.enc with --key
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// Private key to the contract's attestationPublicKey (PEM, PKCS#8 or PKCS#1)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File with the passphrase of the key, if it has one
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase: Option<PathBuf>,
    /// The signature: se-signature.bin
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    #[command(flatten)]
    certificate: ChainFiles,
    /// The contract that the guest was given (user-data)
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    #[command(flatten)]
    cidata: CidataFiles,
    /// Hash that a name must have, such as root.tar.gz=44d9...; goes before what other options say of the name
    #[arg(long, value_name = "NAME=HEX")]
    expect: Vec<NamedHash>,
    /// File that a name must be the hash of, such as /dev/disk/by-label/cidata=cidata.iso
    #[arg(long, value_name = "NAME=FILE")]
    file: Vec<NamedFile>,
}

/// What was found.
#[derive(Serialize)]
struct Verdict {
    /// Nothing is wrong in what was checked.
    verified: bool,
    /// Everything was checked: the certificate's chain, and lines against the operator's own files.
    complete: bool,
    record: String,
    encrypted: bool,
    #[serde(flatten)]
    report: Report,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), CliError> {
    let given = args.certificate.read()?;
    let signature = files::read(&args.signature, SIGNATURE_BYTES)?;
    let (text, encrypted) = text_of(args)?;
    let evidence = Evidence {
        text: text.expose(),
        signature: signature.expose(),
        certificate: &given.certificate,
        chain: &given.chain,
        now: given.now,
    };
    let report = record::verify(&evidence, &expectations(args)?)?;
    let verified = report.passed();
    console.answer(&Verdict {
        verified,
        complete: report.complete(),
        record: files::name(&args.record),
        encrypted,
        report,
    })?;
    if verified {
        Ok(())
    } else {
        let code = "record_refused";
        Err(CliError::Failed { code })
    }
}

/// The text of the record, and whether it was encrypted.
fn text_of(args: &Args) -> Result<(Secret<String>, bool), CliError> {
    let text = files::read_text(&args.record, RECORD_BYTES)?;
    if !Token::is_meant(text.expose()) {
        return Ok((text, false));
    }
    let Some(key) = &args.key else {
        return Err(CliError::AttestationKey {
            reason: "the record is encrypted: give --key, the private key to the contract's attestationPublicKey",
        });
    };
    let keys = files::read_keys(key, args.passphrase.as_deref())?;
    let token = Token::parse(text.expose(), &Limits::default())
        .map_err(|_| ContractError::undecryptable())?;
    let plain =
        envelope::open(&token, "record", &keys).map_err(|_| ContractError::undecryptable())?;
    let text = std::str::from_utf8(plain.expose()).map_err(|_| ContractError::undecryptable())?;
    Ok((Secret::new(text.to_owned()), true))
}

fn expectations(args: &Args) -> Result<Expectations, CliError> {
    let mut expectations = Expectations::default();
    let user_data = args
        .cidata
        .cidata
        .as_deref()
        .map(|dir| dir.join("user-data"));
    let user_data = user_data.filter(|path| path.exists());
    if let Some(path) = args.contract.as_ref().or(user_data.as_ref()) {
        let (document, bytes) = read_contract(path)?;
        expectations.contract(&document, bytes.expose());
    }
    // Where both are given, the disk's own file is what the guest was given.
    if let (Some(_), Some(path)) = (&args.contract, &user_data) {
        expectations.hash_if_listed("cidata/user-data", hash_of(path)?);
    }
    for (name, digest) in args.cidata.hashes()? {
        match digest {
            Some(digest) => expectations.hash(name, digest),
            None => expectations.absent(name),
        }
    }
    for file in &args.file {
        expectations.hash(&file.name, hash_of(&file.path)?);
    }
    for hash in &args.expect {
        expectations.hash(&hash.name, hash.digest);
    }
    Ok(expectations)
}

// === impl Verdict ===

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)
    }
}
