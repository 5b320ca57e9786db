//! The public key that a contract says it is signed with.
//!
//! It comes out of a section that anybody may have written, so every reading of it ends in a key or in a typed refusal. Two
//! keys are the same if their canonical encodings are, whether they came bare or in a certificate.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::pem::{self, Block, PemError};
use crate::secret::Secret;

/// An RSA public key that verifies contracts, bare or in a certificate.
pub struct SigningKey {
    spki: Vec<u8>,
    certificate: Option<Certificate>,
}

/// The certificate that a key came in.
struct Certificate {
    der: Vec<u8>,
    not_after: u64,
}

/// SHA-256 of a public key (DER, `SubjectPublicKeyInfo`); prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Why a text gives no signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// Not PEM in any of the shapes contracts have.
    #[error("there is {0}")]
    Pem(#[from] PemError),
    /// Another kind of PEM block than `PUBLIC KEY` or `CERTIFICATE`.
    #[error("there is a PEM block of another kind")]
    Kind,
    /// A certificate that can't be read.
    #[error("the certificate can't be read")]
    Certificate,
    /// Not an RSA key of 2048 to 8192 bits.
    #[error("the key is not a sound RSA key of 2048 to 8192 bits")]
    Rsa,
}

// === impl SigningKey ===

impl SigningKey {
    /// Reads the first block of a PEM text, which may be base64 of PEM up to three times over or have its line breaks escaped.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyError> {
        let block = pem::blocks(text)?
            .into_iter()
            .next()
            .ok_or(SigningKeyError::Kind)?;
        let der = block.der.expose();
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki(der, None),
            "CERTIFICATE" => Self::from_certificate(der),
            _ => Err(SigningKeyError::Kind),
        }
    }

    fn from_certificate(der: &[u8]) -> Result<Self, SigningKeyError> {
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| SigningKeyError::Certificate)?;
        if !rest.is_empty() {
            return Err(SigningKeyError::Certificate);
        }
        // Whatever ended before 1970 has ended.
        let not_after = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
        let certificate = Certificate {
            der: der.to_vec(),
            not_after,
        };
        Self::from_spki(parsed.public_key().raw, Some(certificate))
    }

    fn from_spki(der: &[u8], certificate: Option<Certificate>) -> Result<Self, SigningKeyError> {
        // This type keeps the bounds of the size, and writes the key in the one canonical way.
        let key = PublicEncryptingKey::from_der(der).map_err(|_| SigningKeyError::Rsa)?;
        let spki: PublicKeyX509Der<'static> = key.as_der().map_err(|_| SigningKeyError::Rsa)?;
        Ok(Self {
            spki: spki.as_ref().to_vec(),
            certificate,
        })
    }

    /// Whether this key signed the message: RSASSA-PKCS1-v1_5 with SHA-256.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.spki)
            .verify(message, signature)
            .is_ok()
    }

    /// Which key it is.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.spki).into())
    }

    /// When its certificate expires, in seconds since 1970; nothing for a bare key.
    pub fn expires(&self) -> Option<u64> {
        self.certificate.as_ref().map(|it| it.not_after)
    }

    /// The certificate it came in (DER).
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_ref().map(|it| it.der.as_slice())
    }

    /// The certificate or the bare key as PEM, in the one shape that everybody reads.
    pub fn to_pem(&self) -> String {
        let (label, der) = match &self.certificate {
            Some(certificate) => ("CERTIFICATE", &certificate.der),
            None => ("PUBLIC KEY", &self.spki),
        };
        let block = Block {
            label: label.to_owned(),
            der: Secret::new(der.clone()),
        };
        let mut out = String::new();
        pem::write(&block, &mut out);
        out
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.fingerprint())
    }
}

// === impl Fingerprint ===

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
