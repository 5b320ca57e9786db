//! What the commands do.

use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use bakehouse_contract::envelope::{self, DecryptionKey, Prefix, Recipient, Token};
use bakehouse_contract::secret::Secret;
use bakehouse_contract::{Contract, ContractDocument, ContractError, Limits, look};

use super::{CliError, PrefixName};

/// Bytes that a key or certificate file may have.
const PEM_BYTES: usize = 256 * 1024;

/// The files that a contract is made of.
pub(super) struct Sections {
    pub(super) workload: PathBuf,
    pub(super) env: PathBuf,
    pub(super) attestation_public_key: Option<PathBuf>,
}

/// A private key and the passphrase that opens it.
pub(super) struct KeyFiles {
    pub(super) key: PathBuf,
    pub(super) passphrase: Option<PathBuf>,
}

pub(super) fn encrypt(
    certificate: &Path,
    sections: &Sections,
    prefix: Prefix,
    to: Option<&Path>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let recipient =
        Recipient::from_pem(read_text(certificate, PEM_BYTES)?.expose()).map_err(|source| {
            CliError::Certificate {
                path: name(certificate),
                source,
            }
        })?;
    let limits = Limits::default();
    let seal = |path: &Path, section: &'static str| -> Result<String, CliError> {
        let bytes = read(path, limits.section_bytes)?;
        limits.check_section(bytes.expose().len(), section)?;
        let text = text_of(path, &bytes)?;
        if Token::is_meant(text.expose()) {
            return Ok(text.expose().trim().to_owned());
        }
        envelope::seal(text.expose().as_bytes(), &recipient, prefix)
            .map(|token| token.to_string())
            .map_err(|source| CliError::Certificate {
                path: name(certificate),
                source,
            })
    };
    let mut document = ContractDocument::new(
        seal(&sections.workload, "workload")?,
        seal(&sections.env, "env")?,
    );
    if let Some(path) = &sections.attestation_public_key {
        document = document.with_attestation_public_key(seal(path, "attestationPublicKey")?);
    }
    let yaml = document.to_yaml();
    // A document that no guest would read is better refused here: encrypted sections are larger than their texts.
    ContractDocument::parse(yaml.as_bytes(), &limits)?;
    match to {
        Some(path) => std::fs::write(path, yaml).map_err(|error| write_error(path, &error)),
        None => print(out, yaml.as_bytes()),
    }
}

pub(super) fn decrypt(files: &KeyFiles, file: &Path, out: &mut impl Write) -> Result<(), CliError> {
    let keys = keys(files)?;
    let limits = Limits::default();
    let bytes = read(file, limits.document_bytes)?;
    limits.check_document(bytes.expose().len())?;
    let text = text_of(file, &bytes)?;
    if Token::is_meant(text.expose()) {
        return print(out, plain(text.expose(), &keys, &limits)?.expose());
    }
    let document = ContractDocument::parse(text.expose().as_bytes(), &limits)?;
    // The signature is over the tokens: beside their texts it would prove nothing, and without it the contract is another.
    if document.env_workload_signature().is_some() {
        return Err(ContractError::signed().into());
    }
    let section = |text: &str| -> Result<String, CliError> {
        if !Token::is_meant(text) {
            return Ok(text.to_owned());
        }
        let bytes = plain(text, &keys, &limits)?;
        Ok(std::str::from_utf8(bytes.expose())
            .map_err(|_| ContractError::undecryptable())?
            .to_owned())
    };
    let mut opened = ContractDocument::new(section(document.workload())?, section(document.env())?);
    if let Some(text) = document.attestation_public_key() {
        opened = opened.with_attestation_public_key(section(text)?);
    }
    print(out, opened.to_yaml().as_bytes())
}

pub(super) fn lint(
    files: Option<&KeyFiles>,
    file: &Path,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let limits = Limits::default();
    let bytes = read(file, limits.document_bytes)?;
    let document = ContractDocument::parse(bytes.expose(), &limits)?;
    let (warnings, sealed) = match files {
        Some(files) => (
            Contract::open(&document, &keys(files)?, &limits)?.warnings,
            Vec::new(),
        ),
        None => look(&document, &limits)?,
    };
    for warning in warnings {
        print(out, format!("warning: {warning}\n").as_bytes())?;
    }
    for section in &sealed {
        print(
            out,
            format!("note: {section} is encrypted and was not looked into; give --key\n")
                .as_bytes(),
        )?;
    }
    let verdict = if sealed.is_empty() {
        "sound"
    } else {
        "nothing wrong in what can be read"
    };
    print(
        out,
        format!("{}: {verdict} (digest {})\n", name(file), document.digest()).as_bytes(),
    )
}

fn plain(text: &str, keys: &[DecryptionKey], limits: &Limits) -> Result<Secret<Vec<u8>>, CliError> {
    let token = Token::parse(text, limits).map_err(|_| ContractError::undecryptable())?;
    Ok(envelope::open(&token, keys).map_err(|_| ContractError::undecryptable())?)
}

fn keys(files: &KeyFiles) -> Result<Vec<DecryptionKey>, CliError> {
    let text = read_text(&files.key, PEM_BYTES)?;
    let keys = match &files.passphrase {
        None => DecryptionKey::all_from_pem(text.expose()),
        Some(path) => {
            let passphrase = read_text(path, PEM_BYTES)?;
            let line = passphrase
                .expose()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            DecryptionKey::from_encrypted_pem(text.expose(), &Secret::new(line))
                .map(|key| vec![key])
        }
    };
    keys.map_err(|source| CliError::Key {
        path: name(&files.key),
        source,
    })
}

fn read_text(path: &Path, limit: usize) -> Result<Secret<String>, CliError> {
    let bytes = read(path, limit)?;
    if bytes.expose().len() > limit {
        return Err(CliError::Read {
            path: name(path),
            reason: format!("it has more than the {limit} bytes allowed"),
        });
    }
    text_of(path, &bytes)
}

fn text_of(path: &Path, bytes: &Secret<Vec<u8>>) -> Result<Secret<String>, CliError> {
    match std::str::from_utf8(bytes.expose()) {
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(CliError::Read {
            path: name(path),
            reason: "it is not UTF-8 text".to_owned(),
        }),
    }
}

/// Reads a file of at most `limit` bytes and one more, so that a longer one is seen to be too long.
fn read(path: &Path, limit: usize) -> Result<Secret<Vec<u8>>, CliError> {
    let failed = |error: std::io::Error| CliError::Read {
        path: name(path),
        reason: error.to_string(),
    };
    let mut bytes = Vec::with_capacity(limit.saturating_add(1));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)
        .map_err(failed)?
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(Secret::new(bytes))
}

fn print(out: &mut impl Write, bytes: &[u8]) -> Result<(), CliError> {
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| write_error(Path::new("standard output"), &error))
}

fn write_error(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Write {
        path: name(path),
        reason: error.to_string(),
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

// === impl PrefixName ===

impl From<PrefixName> for Prefix {
    fn from(name: PrefixName) -> Self {
        match name {
            PrefixName::HyperProtectBasic => Self::HyperProtectBasic,
            PrefixName::ContractBasic => Self::ContractBasic,
        }
    }
}
