//! The private keys that open tokens.

use std::fmt;

use zeroize::Zeroizing;

use super::hpke::HpkeKey;
use super::password::RsaKey;
use super::pbes2;
use crate::pem;
use crate::secret::Secret;

/// A private key of a guest image: RSA of 2048 to 8192 bits for IBM's tokens, or X25519 for ours.
pub struct DecryptionKey(Kind);

/// What kind of token a key opens.
enum Kind {
    Rsa(Box<RsaKey>),
    X25519(Box<HpkeKey>),
}

/// Why a text gives no private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM.
    #[error("the key is not PEM: {0}")]
    Pem(#[from] pem::PemError),
    /// Not one `PRIVATE KEY` or `RSA PRIVATE KEY`.
    #[error("the key is not a PEM block named PRIVATE KEY or RSA PRIVATE KEY")]
    Kind,
    /// Encrypted with a passphrase, and none was given.
    #[error("the key is encrypted, and no passphrase was given")]
    Encrypted,
    /// Encrypted in a way that is not known here.
    #[error("the key is encrypted in another way than PBES2 with PBKDF2, HMAC-SHA256 and AES-CBC")]
    Scheme,
    /// Encrypted with another passphrase.
    #[error("the passphrase does not open the key")]
    Passphrase,
    /// Neither an RSA key of 2048 to 8192 bits nor an X25519 key.
    #[error("the key is neither a sound RSA key of 2048 to 8192 bits nor an X25519 key")]
    Unsound,
}

// === impl DecryptionKey ===

impl DecryptionKey {
    /// Reads the one private key of a PEM text, PKCS#8 or PKCS#1.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::all_from_pem(text)?
            .into_iter()
            .next()
            .ok_or(KeyError::Kind)
    }

    /// Reads each private key of a PEM text, of both kinds and in its order: an image may know the keys before its own too.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        for block in pem::blocks(text)? {
            keys.push(match block.label.as_str() {
                "PRIVATE KEY" => Self::from_pkcs8(block.der.expose())?,
                "RSA PRIVATE KEY" => Self::from_pkcs8(&pkcs8_of(block.der.expose()))?,
                "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
                _ => return Err(KeyError::Kind),
            });
        }
        Ok(keys)
    }

    /// Reads the private key of a PEM text whose PKCS#8 is encrypted with a passphrase.
    pub fn from_encrypted_pem(text: &str, passphrase: &Secret<String>) -> Result<Self, KeyError> {
        Self::from_pkcs8(decrypted_pkcs8(text, passphrase)?.expose())
    }

    pub(super) fn as_rsa(&self) -> Option<&RsaKey> {
        match &self.0 {
            Kind::Rsa(key) => Some(key),
            Kind::X25519(_) => None,
        }
    }

    pub(super) fn as_x25519(&self) -> Option<&HpkeKey> {
        match &self.0 {
            Kind::Rsa(_) => None,
            Kind::X25519(key) => Some(key),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let x25519 = HpkeKey::from_pkcs8(der).map(|key| Kind::X25519(Box::new(key)));
        x25519
            .or_else(|| RsaKey::from_pkcs8(der).map(|key| Kind::Rsa(Box::new(key))))
            .map(Self)
            .ok_or(KeyError::Unsound)
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey([redacted])")
    }
}

/// Opens the encrypted PKCS#8 of a PEM text.
pub fn decrypted_pkcs8(
    text: &str,
    passphrase: &Secret<String>,
) -> Result<Secret<Vec<u8>>, KeyError> {
    let block = pem::blocks(text)?
        .into_iter()
        .next()
        .ok_or(KeyError::Kind)?;
    if block.label != "ENCRYPTED PRIVATE KEY" {
        return Err(KeyError::Kind);
    }
    let mut der = pbes2::open(block.der.expose(), passphrase.expose())?;
    Ok(Secret::new(std::mem::take(&mut *der)))
}

/// PKCS#1 inside PKCS#8: `SEQUENCE { 0, SEQUENCE { rsaEncryption, NULL }, OCTET STRING }`.
fn pkcs8_of(pkcs1: &[u8]) -> Zeroizing<Vec<u8>> {
    const HEAD: [u8; 18] = [
        0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
        0x01, 0x05, 0x00,
    ];
    let mut inner = Zeroizing::new(Vec::with_capacity(pkcs1.len().saturating_add(32)));
    inner.extend_from_slice(&HEAD);
    element(0x04, pkcs1, &mut inner);
    let mut out = Zeroizing::new(Vec::with_capacity(inner.len().saturating_add(8)));
    element(0x30, &inner, &mut out);
    out
}

fn element(tag: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    let len = content.len().to_be_bytes();
    let significant: Vec<u8> = len.into_iter().skip_while(|b| *b == 0).collect();
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_texts_that_are_none_are_refused() {
        assert_eq!(
            DecryptionKey::from_pem("x!").unwrap_err(),
            KeyError::Pem(pem::PemError::Missing)
        );
        for (label, expected) in [
            ("PRIVATE KEY", KeyError::Unsound),
            ("RSA PRIVATE KEY", KeyError::Unsound),
            ("CERTIFICATE", KeyError::Kind),
            ("ENCRYPTED PRIVATE KEY", KeyError::Encrypted),
        ] {
            let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
            assert_eq!(DecryptionKey::from_pem(&text).unwrap_err(), expected);
        }
    }
}
