//! The public key that tokens are made for.

use std::fmt;

use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::SealError;
use super::hpke::HpkeRecipient;
use super::pkcs1::PublicNumbers;
use crate::pem;

/// The public key of a guest image: RSA for IBM's tokens, X25519 for ours.
pub struct Recipient {
    pub(super) kind: Kind,
    /// SHA-256 of the key's SPKI.
    pub(super) digest: [u8; 32],
}

/// What kind of token a recipient takes.
pub(super) enum Kind {
    Rsa(Box<Rsa>),
    X25519(Box<HpkeRecipient>),
}

/// An RSA public key, for both ways of padding.
pub(super) struct Rsa {
    pub(super) key: Pkcs1PublicEncryptingKey,
    pub(super) numbers: PublicNumbers,
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

    /// Whether its tokens are ours, hence bound to a section and to a serial.
    pub fn is_x25519(&self) -> bool {
        matches!(self.kind, Kind::X25519(_))
    }

    fn from_spki(der: &[u8]) -> Result<Self, SealError> {
        let x25519 = HpkeRecipient::from_spki(der).map(|key| Kind::X25519(Box::new(key)));
        let kind = x25519
            .or_else(|| Rsa::from_spki(der).map(|key| Kind::Rsa(Box::new(key))))
            .ok_or(SealError::Unsound)?;
        Ok(Self {
            kind,
            digest: Sha256::digest(der).into(),
        })
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Rsa(rsa) => write!(f, "Recipient(RSA, {} bits)", rsa.key.key_size_bits()),
            Kind::X25519(_) => f.write_str("Recipient(X25519)"),
        }
    }
}

// === impl Rsa ===

impl Rsa {
    fn from_spki(der: &[u8]) -> Option<Self> {
        let key = PublicEncryptingKey::from_der(der).ok()?;
        let (_, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
        Some(Self {
            key: Pkcs1PublicEncryptingKey::new(key).ok()?,
            numbers: PublicNumbers::from_spki(&spki)?,
        })
    }
}
