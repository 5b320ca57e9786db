//! The master key: 32 random bytes in a private file, from which everything else follows.
//!
//! A real HSM keeps its master key in tamper-proof hardware and shows only a verification pattern,
//! whose first half is the WKID in every blob. Here the pattern is a hash of a derived value, so
//! the WKID tells nothing of the key.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::{digest, hmac, rand};

use super::HsmError;

/// What seals blobs and MACs public keys.
pub struct MasterKey {
    pub(super) seal: LessSafeKey,
    pub(super) mac: hmac::Key,
    pub(super) wkid: [u8; 16],
}

// === impl MasterKey ===

impl MasterKey {
    /// A key that lives as long as the process.
    pub fn random() -> Result<Self, HsmError> {
        Self::from_bytes(&fresh()?)
    }

    /// The key of 32 bytes.
    pub fn from_bytes(master: &[u8; 32]) -> Result<Self, HsmError> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, master);
        let derive = |label: &str| hmac::sign(&root, label.as_bytes());
        let seal = UnboundKey::new(&AES_256_GCM, derive("seal").as_ref())
            .map_err(|_| HsmError::Crypto("master key"))?;
        let pattern = digest::digest(&digest::SHA256, derive("verification pattern").as_ref());
        let wkid = pattern
            .as_ref()
            .first_chunk()
            .ok_or(HsmError::Crypto("master key"))?;
        Ok(Self {
            seal: LessSafeKey::new(seal),
            mac: hmac::Key::new(hmac::HMAC_SHA256, derive("public keys").as_ref()),
            wkid: *wkid,
        })
    }

    /// The key in a file of 64 hexadecimal letters; a missing file is made with mode 0600, one that
    /// others may read is refused.
    pub fn load_or_create(path: &Path) -> Result<Self, HsmError> {
        match File::open(path) {
            Ok(file) => load(file).map_err(|why| HsmError::MasterKey(path.to_owned(), why)),
            Err(error) if error.kind() == ErrorKind::NotFound => create(path),
            Err(error) => Err(HsmError::MasterKey(path.to_owned(), error.to_string())),
        }
    }

    /// The WKID that every blob of this key carries.
    pub fn wkid(&self) -> [u8; 16] {
        self.wkid
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey")
            .field("wkid", &hex::encode(self.wkid))
            .finish_non_exhaustive()
    }
}

fn fresh() -> Result<[u8; 32], HsmError> {
    let mut master = [0; 32];
    rand::fill(&mut master).map_err(|_| HsmError::Crypto("random numbers"))?;
    Ok(master)
}

fn load(mut file: File) -> Result<MasterKey, String> {
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if metadata.mode() & 0o077 != 0 {
        return Err("others may read it; its mode must be 0600".to_owned());
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    let mut master = [0; 32];
    hex::decode_to_slice(text.trim_end(), &mut master)
        .map_err(|_| "it must hold 64 hexadecimal letters".to_owned())?;
    MasterKey::from_bytes(&master).map_err(|error| error.to_string())
}

fn create(path: &Path) -> Result<MasterKey, HsmError> {
    let failed = |error: std::io::Error| HsmError::MasterKey(path.to_owned(), error.to_string());
    let master = fresh()?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    writeln!(file, "{}", hex::encode(master)).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    MasterKey::from_bytes(&master)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_missing_file_is_made_private_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master");
        let made = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            MasterKey::load_or_create(&path).unwrap().wkid(),
            made.wkid()
        );
        assert_ne!(MasterKey::random().unwrap().wkid(), made.wkid());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master");
        MasterKey::load_or_create(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = MasterKey::load_or_create(&path).unwrap_err();
        assert!(error.to_string().contains("0600"), "{error}");
    }

    #[test]
    fn nothing_shows_the_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master");
        let key = MasterKey::load_or_create(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!format!("{key:?}").contains(text.trim()));
    }
}
