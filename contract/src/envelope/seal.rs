//! Making a token.

use std::fmt;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::kdf::{self, MAGIC, SALT};
use super::{Prefix, Token};
use crate::pem;

/// Bytes of a password, as IBM's tools draw them.
const PASSWORD: usize = 32;

/// The RSA public key that tokens are made for.
pub struct Recipient(Pkcs1PublicEncryptingKey);

/// Why no token can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not PEM.
    #[error("the encryption certificate is not PEM: {0}")]
    Pem(#[from] pem::PemError),
    /// Not a `CERTIFICATE` or `PUBLIC KEY`.
    #[error("the encryption certificate is not a PEM block named CERTIFICATE or PUBLIC KEY")]
    Kind,
    /// A certificate that can't be read.
    #[error("the encryption certificate can't be read")]
    Certificate,
    /// Not an RSA key of 2048 to 8192 bits.
    #[error("the encryption key is not a sound RSA key of 2048 to 8192 bits")]
    Rsa,
    /// The cryptographic library failed.
    #[error("the encryption failed")]
    Failed,
}

// === impl Recipient ===

impl Recipient {
    /// Reads the first block of a PEM text: an X.509 certificate or a public key.
    pub fn from_pem(text: &str) -> Result<Self, SealError> {
        let block = pem::blocks(text)?
            .into_iter()
            .next()
            .ok_or(SealError::Kind)?;
        let der = block.der.expose();
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki(der),
            "CERTIFICATE" => {
                let (_, certificate) =
                    X509Certificate::from_der(der).map_err(|_| SealError::Certificate)?;
                Self::from_spki(certificate.public_key().raw)
            }
            _ => Err(SealError::Kind),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, SealError> {
        let key = PublicEncryptingKey::from_der(der).map_err(|_| SealError::Rsa)?;
        Pkcs1PublicEncryptingKey::new(key)
            .map(Self)
            .map_err(|_| SealError::Rsa)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient(RSA, {} bits)", self.0.key_size_bits())
    }
}

/// Encrypts a text for a recipient.
///
/// The password has no 0x00 and no 0x0A, so that decoders that cut there and decoders that do not agree.
pub fn seal(plaintext: &[u8], recipient: &Recipient, prefix: Prefix) -> Result<Token, SealError> {
    let password = draw_password()?;
    let mut salt = [0; SALT];
    rand::fill(&mut salt).map_err(|_| SealError::Failed)?;
    seal_with(plaintext, recipient, prefix, &*password, salt)
}

pub(super) fn seal_with(
    plaintext: &[u8],
    recipient: &Recipient,
    prefix: Prefix,
    password: &[u8],
    salt: [u8; SALT],
) -> Result<Token, SealError> {
    let mut encrypted = vec![0; recipient.0.ciphertext_size()];
    recipient
        .0
        .encrypt(password, &mut encrypted)
        .map_err(|_| SealError::Failed)?;

    let derived = kdf::derive(password, salt);
    let key = UnboundCipherKey::new(&AES_256, &*derived.key).map_err(|_| SealError::Failed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| SealError::Failed)?;
    // Room for the padding, so that no copy of the plaintext is left behind by growth.
    let mut body = Zeroizing::new(Vec::with_capacity(
        plaintext.len().saturating_add(kdf::BLOCK),
    ));
    body.extend_from_slice(plaintext);
    let context = EncryptionContext::Iv128(FixedLength::from(derived.iv));
    key.less_safe_encrypt(&mut *body, context)
        .map_err(|_| SealError::Failed)?;

    let blob = [MAGIC.as_slice(), &salt, &body].concat();
    Ok(Token {
        prefix,
        password: encrypted,
        blob,
    })
}

fn draw_password() -> Result<Zeroizing<[u8; PASSWORD]>, SealError> {
    let mut password = Zeroizing::new([0; PASSWORD]);
    for byte in password.iter_mut() {
        while matches!(*byte, 0 | b'\n') {
            let mut drawn = [0];
            rand::fill(&mut drawn).map_err(|_| SealError::Failed)?;
            let [drawn] = drawn;
            *byte = drawn;
        }
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_never_hold_what_a_decoder_cuts_at() {
        for _ in 0..crate::testing::cases(1000) {
            let password = draw_password().unwrap();
            assert!(password.iter().all(|b| !matches!(b, 0 | b'\n')));
        }
    }

    #[test]
    fn texts_that_are_no_certificate_are_refused() {
        assert_eq!(
            Recipient::from_pem("?").unwrap_err(),
            SealError::Pem(pem::PemError::Missing)
        );
        for (label, expected) in [
            ("CERTIFICATE", SealError::Certificate),
            ("PUBLIC KEY", SealError::Rsa),
            ("PRIVATE KEY", SealError::Kind),
        ] {
            let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
            assert_eq!(Recipient::from_pem(&text).unwrap_err(), expected);
        }
    }
}
