//! `keys create`: a key pair that is born in the HSM and cannot leave it.
//!
//! What the HSM gives back is checked before anything is written: the public key lies on the curve that was asked for,
//! the blob's own attributes say that it cannot be exported, and a signature by the one is verified with the other.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use bakehouse_proto::attribute::Template;
use bakehouse_proto::blob::{BlobAudit, BlobError};
use bakehouse_proto::constants::{Cka, Ckm};
use bakehouse_proto::{keyblob, mechanism};
use zeroize::Zeroizing;

use crate::backend::BackendError;
use crate::backend::grep11::credentials::CredentialsError;
use crate::backend::grep11::{Client, Grep11SetupError};
use crate::config::Grep11Config;
use crate::error::Exit;
use crate::tezos::{Curve, PublicKey, TezosError};

/// Why no key was made, or why one that was made is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The way to the HSM.
    #[error(transparent)]
    Setup(#[from] Grep11SetupError),
    /// The HSM.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The curve is none that this command makes keys on.
    #[error("keys of this curve cannot be made yet")]
    Curve,
    /// A part of the answer is missing.
    #[error("the HSM's answer has no {0}")]
    Missing(&'static str),
    /// The public key does not parse.
    #[error("the HSM's public key is refused: {0}")]
    PublicKey(#[from] TezosError),
    /// The public key is on another curve.
    #[error("the HSM made a key on another curve than the one asked for")]
    WrongCurve,
    /// The blob does not parse.
    #[error("the HSM's key blob is refused: {0}")]
    Blob(#[from] BlobError),
    /// The key could be exported.
    #[error("the HSM made a key that can be extracted")]
    Extractable,
    /// The files cannot be written.
    #[error("the key's files cannot be written: {0}")]
    Write(#[source] io::Error),
}

/// A new key.
pub struct Created {
    blob: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
    public_key: PublicKey,
}

// === impl CreateError ===

impl CreateError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Setup(Grep11SetupError::Credentials(error)) => CredentialsError::code(error),
            Self::Setup(Grep11SetupError::Endpoint(_)) => "endpoint_invalid",
            Self::Backend(error) => error.code(),
            Self::Curve => "curve_unsupported",
            Self::Write(_) => "output_unwritable",
            Self::Missing(_)
            | Self::PublicKey(_)
            | Self::WrongCurve
            | Self::Blob(_)
            | Self::Extractable => "key_refused",
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Setup(Grep11SetupError::Credentials(_)) => Exit::Credentials,
            Self::Setup(_) | Self::Curve => Exit::Usage,
            Self::Write(_) => Exit::State,
            _ => Exit::Unavailable,
        }
    }
}

// === impl Created ===

impl Created {
    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Writes `<address>.sk.hex` (0600) and `<address>.der` (0644, whatever the umask) into a folder, durably.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let address = self.public_key.hash();
        let blob = folder.join(format!("{address}.sk.hex"));
        let text = Zeroizing::new(hex::encode(&*self.blob));
        write_new(&blob, 0o600, text.as_bytes())?;
        write_new(&folder.join(format!("{address}.der")), 0o644, &self.spki)?;
        // The names too, or a crash could take the only copy of the key.
        File::open(folder)?.sync_all()
    }
}

/// Makes a key pair and checks it.
pub async fn create(config: &Grep11Config, curve: Curve) -> Result<Created, CreateError> {
    let client = Client::new(config)?;
    let asked = match curve {
        Curve::Ed25519 => bakehouse_proto::Curve::Ed25519,
        Curve::Secp256k1 => bakehouse_proto::Curve::Secp256k1,
        Curve::P256 => bakehouse_proto::Curve::P256,
        Curve::Bls12_381 => return Err(CreateError::Curve),
    };
    let private = Template::new()
        .with_bool(Cka::SIGN, true)
        .with_bool(Cka::PRIVATE, true)
        .with_bool(Cka::SENSITIVE, true)
        .with_bool(Cka::EXTRACTABLE, false);
    let public = Template::new()
        .with_bytes(Cka::EC_PARAMS, asked.oid())
        .with_bool(Cka::VERIFY, true);
    let mechanism = mechanism::plain(Ckm::EC_KEY_PAIR_GEN);
    let request = keyblob::generate_key_pair_request(mechanism, private, public);
    let answer = client.generate_key_pair(request).await?;
    let (blob, spki) = keyblob::generated_pair(&answer).ok_or(CreateError::Missing("key pair"))?;
    let created = check(blob, spki, curve)?;
    client.prove(&created.blob, &created.public_key).await?;
    Ok(created)
}

fn check(blob: &[u8], spki: &[u8], curve: Curve) -> Result<Created, CreateError> {
    let public_key = PublicKey::from_spki(spki)?;
    if public_key.curve() != curve {
        return Err(CreateError::WrongCurve);
    }
    if BlobAudit::parse(blob)?.extractable() {
        return Err(CreateError::Extractable);
    }
    let spki = one_sequence(spki).ok_or(CreateError::Missing("public key"))?;
    Ok(Created {
        blob: Zeroizing::new(blob.to_vec()),
        spki: spki.to_vec(),
        public_key,
    })
}

/// The DER SEQUENCE without the HSM's trailer. Every SPKI of ours is shorter than 128 bytes.
fn one_sequence(spki: &[u8]) -> Option<&[u8]> {
    match spki {
        [0x30, length @ 0..=0x7f, ..] => spki.get(..usize::from(*length) + 2),
        _ => None,
    }
}

/// Writes a file that did not exist, and makes it durable: the blob is the only copy of the key.
fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::SigningKey;

    fn spki() -> Vec<u8> {
        let prefix = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let mut spki = hex::decode(prefix).unwrap();
        spki.extend(key.verifying_key().to_sec1_point(false).as_bytes());
        spki
    }

    fn blob(attributes: u64) -> Vec<u8> {
        let mut blob = vec![0; 32];
        blob.extend([0x5a; 16]);
        blob.extend(attributes.to_be_bytes());
        blob.extend(1_u64.to_be_bytes());
        blob.extend([0x12, 0x34]);
        blob.extend([0x11; 14 + 64 + 32]);
        blob
    }

    #[test]
    fn a_key_on_another_curve_or_one_that_can_be_extracted_is_refused() {
        let with_trailer = [spki(), vec![4, 16]].concat();
        let created = check(&blob(0x126), &with_trailer, Curve::P256).unwrap();
        assert_eq!(created.spki, spki(), "without the trailer");
        let other = check(&blob(0x126), &spki(), Curve::Secp256k1);
        assert!(matches!(other, Err(CreateError::WrongCurve)));
        let extractable = check(&blob(0x125), &spki(), Curve::P256);
        assert!(matches!(extractable, Err(CreateError::Extractable)));
        assert!(matches!(
            check(&[0; 99], &spki(), Curve::P256),
            Err(CreateError::Blob(_))
        ));
        assert!(matches!(
            check(&blob(0x126), &[0x30], Curve::P256),
            Err(CreateError::PublicKey(_))
        ));
    }

    #[test]
    fn a_blob_is_for_its_owner_only_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let created = check(&blob(0x126), &spki(), Curve::P256).unwrap();
        let path = dir
            .path()
            .join(format!("{}.sk.hex", created.public_key().hash()));
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(
            created.write(dir.path()).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(&path).unwrap();
        created.write(dir.path()).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            hex::encode(blob(0x126))
        );
    }
}
