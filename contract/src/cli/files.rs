//! The files that commands read and write.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bakehouse_contract::envelope::{DecryptionKey, KeyError};
use bakehouse_contract::pins::{Deployer, Pins};
use bakehouse_contract::secret::Secret;
use bakehouse_contract::signature::Signer;
use bakehouse_contract::time;

use super::error::CliError;

/// Bytes that a key or certificate file may have.
pub(super) const PEM_BYTES: usize = 256 * 1024;

/// The private key of an image.
#[derive(clap::Args)]
pub(super) struct KeyFiles {
    /// Private key of the image (PEM, PKCS#8 or PKCS#1), RSA or X25519; several may stand in it
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// File with the passphrase of the key, if it has one
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase: Option<PathBuf>,
}

/// The same, where a command does without.
#[derive(clap::Args)]
pub(super) struct OptionalKeyFiles {
    /// Private key of the image, to look into encrypted sections
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File with the passphrase of the key, if it has one
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase: Option<PathBuf>,
}

// === impl KeyFiles ===

impl KeyFiles {
    pub(super) fn read(&self) -> Result<Vec<DecryptionKey>, CliError> {
        read_keys(&self.key, self.passphrase.as_deref())
    }
}

// === impl OptionalKeyFiles ===

impl OptionalKeyFiles {
    pub(super) fn read(&self) -> Result<Option<Vec<DecryptionKey>>, CliError> {
        self.key
            .as_deref()
            .map(|key| read_keys(key, self.passphrase.as_deref()))
            .transpose()
    }
}

/// A private key that signs.
pub(super) fn read_signer(key: &Path, passphrase: Option<&Path>) -> Result<Signer, CliError> {
    let text = read_text(key, PEM_BYTES)?;
    let signer = match passphrase {
        None => Signer::from_pem(text.expose()),
        Some(path) => Signer::from_encrypted_pem(text.expose(), &read_line(path)?),
    };
    signer.map_err(|source| unusable(key, source))
}

/// The error of a private key in a file.
pub(super) fn unusable(key: &Path, source: KeyError) -> CliError {
    CliError::Key {
        path: name(key),
        source,
    }
}

/// A deployer that pins are to know.
pub(super) fn read_deployer(path: &Path) -> Result<Deployer, CliError> {
    let text = read_text(path, PEM_BYTES)?;
    Deployer::from_pem(text.expose()).map_err(|source| CliError::Deployer {
        path: name(path),
        source,
    })
}

/// Pins, as an image has them.
pub(super) fn read_pins(path: &Path) -> Result<Pins, CliError> {
    let bytes = read(path, PEM_BYTES)?;
    Ok(Pins::parse(bytes.expose())?)
}

/// What the clock says, in seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// A time of the command line.
pub(super) fn time(text: &str) -> Result<u64, String> {
    time::parse(text).ok_or_else(|| "give a time in UTC such as 2026-01-31T12:00:00Z".to_owned())
}

pub(super) fn read_keys(
    key: &Path,
    passphrase: Option<&Path>,
) -> Result<Vec<DecryptionKey>, CliError> {
    let text = read_text(key, PEM_BYTES)?;
    let keys = match passphrase {
        None => DecryptionKey::all_from_pem(text.expose()),
        Some(path) => {
            DecryptionKey::from_encrypted_pem(text.expose(), &read_line(path)?).map(|key| vec![key])
        }
    };
    keys.map_err(|source| unusable(key, source))
}

/// The first line of a file, such as a passphrase.
pub(super) fn read_line(path: &Path) -> Result<Secret<String>, CliError> {
    let text = read_text(path, PEM_BYTES)?;
    let line = text.expose().lines().next().unwrap_or_default();
    Ok(Secret::new(line.to_owned()))
}

/// A text file of at most `limit` bytes.
pub(super) fn read_text(path: &Path, limit: usize) -> Result<Secret<String>, CliError> {
    let bytes = read(path, limit)?;
    if bytes.expose().len() > limit {
        return Err(CliError::Read {
            path: name(path),
            reason: format!("it has more than the {limit} bytes allowed"),
        });
    }
    text_of(path, &bytes)
}

pub(super) fn text_of(path: &Path, bytes: &Secret<Vec<u8>>) -> Result<Secret<String>, CliError> {
    match std::str::from_utf8(bytes.expose()) {
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(CliError::Read {
            path: name(path),
            reason: "it is not UTF-8 text".to_owned(),
        }),
    }
}

/// Reads a file of at most `limit` bytes and one more, so that a longer one is seen to be too long.
pub(super) fn read(path: &Path, limit: usize) -> Result<Secret<Vec<u8>>, CliError> {
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

/// Writes a file that anyone may read.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(path, bytes).map_err(|error| write_error(path, &error))
}

/// Writes a file that is not there yet, for its owner alone.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| write_error(path, &error))
}

pub(super) fn write_error(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Write {
        path: name(path),
        reason: error.to_string(),
    }
}

pub(super) fn name(path: &Path) -> String {
    path.display().to_string()
}
