//! The private key that opens tokens.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{Work, pbes2};
use crate::pem;
use crate::secret::Secret;

/// Separates the key of the stand-in passwords from every other use of the private key.
const STAND_IN: &[u8] = b"bakehouse contract stand-in password v1\0";

/// An RSA private key of a guest image, 2048 to 8192 bits.
pub struct DecryptionKey {
    rsa: Pkcs1PrivateDecryptingKey,
    /// Makes the password that stands in for one that RSA does not yield: the same each time, and unknown to all.
    stand_in: hmac::Key,
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
    /// Not an RSA key of 2048 to 8192 bits.
    #[error("the key is not a sound RSA key of 2048 to 8192 bits")]
    Rsa,
}

/// A password in a buffer of the key's size, so that neither its bytes nor its length decide what is done.
pub(super) struct Password {
    bytes: Zeroizing<Vec<u8>>,
    len: u64,
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

    /// Reads each private key of a PEM text, in its order: an image may know the key before its own too.
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

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let rsa = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| KeyError::Rsa)?;
        let rsa = Pkcs1PrivateDecryptingKey::new(rsa).map_err(|_| KeyError::Rsa)?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(
            Sha256::new()
                .chain_update(STAND_IN)
                .chain_update(der)
                .finalize()
                .into(),
        );
        Ok(Self {
            rsa,
            stand_in: hmac::Key::new(hmac::HMAC_SHA256, &*seed),
        })
    }

    /// The password in `ciphertext`, or the one that stands in for it; both are always computed.
    pub(super) fn password(&self, ciphertext: &[u8], work: &mut Work) -> Password {
        let size = self.rsa.key_size_bytes();
        // A ciphertext of another length would be turned down before the RSA operation; its length is no secret.
        let mut input = ciphertext.to_vec();
        input.resize(size, 0);
        let fits = Choice::from(u8::from(ciphertext.len() == size));

        let mut bytes = Zeroizing::new(vec![0_u8; size]);
        work.rsa = work.rsa.saturating_add(1);
        let (len, yielded) = match self.rsa.decrypt(&input, &mut bytes) {
            Ok(plain) => (plain.len(), Choice::from(1)),
            Err(_) => (0, Choice::from(0)),
        };
        work.mac = work.mac.saturating_add(1);
        let other = hmac::sign(&self.stand_in, ciphertext);

        let sound = yielded & fits;
        let other_len = other.as_ref().len();
        let padded = other.as_ref().iter().chain(std::iter::repeat(&0));
        for (byte, other) in bytes.iter_mut().zip(padded) {
            *byte = u8::conditional_select(other, byte, sound);
        }
        let len = u64::conditional_select(&wide(other_len), &wide(len), sound);
        Password { bytes, len }
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey([redacted])")
    }
}

// === impl Password ===

impl Password {
    /// All of it.
    pub(super) fn whole(&self) -> &[u8] {
        self.up_to(self.len)
    }

    /// As `openssl -pass stdin` reads it: up to the first line feed or NUL.
    pub(super) fn cut(&self) -> &[u8] {
        let mut end = self.len;
        let mut index = wide(self.bytes.len());
        for byte in self.bytes.iter().rev() {
            index = index.saturating_sub(1);
            let stops = byte.ct_eq(&b'\n') | byte.ct_eq(&0);
            end.conditional_assign(&index, stops & Choice::from(u8::from(index < self.len)));
        }
        self.up_to(end)
    }

    fn up_to(&self, end: u64) -> &[u8] {
        usize::try_from(end)
            .ok()
            .and_then(|end| self.bytes.get(..end))
            .unwrap_or_default()
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

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// PKCS#1 inside PKCS#8: `SEQUENCE { 0, SEQUENCE { rsaEncryption, NULL }, OCTET STRING }`.
pub(crate) fn pkcs8_of(pkcs1: &[u8]) -> Zeroizing<Vec<u8>> {
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
    let len = wide(content.len()).to_be_bytes();
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

    fn password(bytes: &[u8], size: usize) -> Password {
        let mut buffer = bytes.to_vec();
        buffer.resize(size, 0);
        Password {
            bytes: Zeroizing::new(buffer),
            len: wide(bytes.len()),
        }
    }

    #[test]
    fn a_password_is_cut_where_openssl_cuts_it() {
        for (whole, cut) in [
            (&b"abc"[..], &b"abc"[..]),
            (b"ab\ncd\n", b"ab"),
            (b"ab\0cd\n", b"ab"),
            (b"ab\r\ncd", b"ab\r"),
            (b"\nabc", b""),
            (b"\0", b""),
            (b"", b""),
        ] {
            assert_eq!(password(whole, 64).cut(), cut);
            assert_eq!(password(whole, 64).whole(), whole);
        }
    }

    #[test]
    fn key_texts_that_are_none_are_refused() {
        assert_eq!(
            DecryptionKey::from_pem("x!").unwrap_err(),
            KeyError::Pem(pem::PemError::Missing)
        );
        for (label, expected) in [
            ("PRIVATE KEY", KeyError::Rsa),
            ("RSA PRIVATE KEY", KeyError::Rsa),
            ("CERTIFICATE", KeyError::Kind),
            ("ENCRYPTED PRIVATE KEY", KeyError::Encrypted),
        ] {
            let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
            assert_eq!(DecryptionKey::from_pem(&text).unwrap_err(), expected);
        }
    }
}
