//! Signing a record and encrypting it, as a guest does.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::Record;
use crate::envelope::{
    KeyError, Prefix, Recipient, SealError, Token, decrypted_pkcs8, pkcs8_of, seal_printable,
};
use crate::pem;
use crate::secret::Secret;

/// The private key that signs records: RSA, 4096 bits in IBM's images, at least 2048 here.
pub struct RecordKey(RsaKeyPair);

/// The cryptographic library failed to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record can't be signed")]
pub struct SignError;

// === impl RecordKey ===

impl RecordKey {
    /// Reads the first block of a PEM text, PKCS#8 or PKCS#1.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::blocks(text)?
            .into_iter()
            .next()
            .ok_or(KeyError::Kind)?;
        match block.label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(block.der.expose()),
            "RSA PRIVATE KEY" => Self::from_pkcs8(&pkcs8_of(block.der.expose())),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            _ => Err(KeyError::Kind),
        }
    }

    /// Reads a PEM text whose PKCS#8 is encrypted with a passphrase.
    pub fn from_encrypted_pem(text: &str, passphrase: &Secret<String>) -> Result<Self, KeyError> {
        Self::from_pkcs8(decrypted_pkcs8(text, passphrase)?.expose())
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        RsaKeyPair::from_pkcs8(der)
            .map(Self)
            .map_err(|_| KeyError::Unsound)
    }

    /// Signs the text of a record: RSASSA-PKCS1-v1_5 with SHA-256, the bytes of `se-signature.bin`.
    pub fn sign(&self, record: &Record) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                record.to_string().as_bytes(),
                &mut signature,
            )
            .map_err(|_| SignError)?;
        Ok(signature)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey([redacted])")
    }
}

/// Encrypts the text of a record for `attestationPublicKey`: `se-checksums.txt.enc`, to be written without a line break.
pub fn encrypt(record: &Record, recipient: &Recipient) -> Result<Token, SealError> {
    seal_printable(record.to_string().as_bytes(), recipient, Prefix::default())
}
