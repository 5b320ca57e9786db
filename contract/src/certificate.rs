//! Encryption and attestation certificates of images, checked as IBM describes it.
//!
//! IBM signs the certificate of an image with a code-signing certificate, which is no authority in the sense of X.509: path
//! building stops there. So the *leaf* is held against the intermediate by its signature and by its issuer's name, and only the
//! intermediate and what is above it by the rules of RFC 5280. Anyone can buy a code-signing certificate: below the root that
//! IBM uses, the intermediate must name IBM.
//!
//! Nothing here asks for the time or for the network: both time and revocation lists are given. What could not be checked is
//! said, and is not the same as what failed. RSA alone is known (PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512).

mod chain;
mod details;
mod path;
mod report;
mod revocation;
mod signature;

#[cfg(test)]
mod tests;

use std::fmt;

use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

pub use chain::check;
pub use details::Details;
pub use report::{Check, CheckName, Described, Outcome, Report, Role};

use crate::pem;

/// Days below which a certificate is worth a warning, as in IBM's tools.
pub const WARN_DAYS: i64 = 180;

/// An X.509 certificate that can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

/// An X.509 revocation list that can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList(Vec<u8>);

/// What a certificate is held against.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// Whose key signed the certificate.
    pub intermediate: Option<Certificate>,
    /// The authorities above it, root included, in any order. A self-signed one is trusted because it is given.
    pub authorities: Vec<Certificate>,
    /// Revocation lists of any of them, in any order.
    pub revocation_lists: Vec<RevocationList>,
}

/// Why a file holds no certificate or no revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not PEM.
    #[error("the file is not PEM: {0}")]
    Pem(#[from] pem::PemError),
    /// PEM of something else.
    #[error("the file has a PEM block of another kind")]
    Kind,
    /// Not one certificate, but several.
    #[error("the file has more than one certificate")]
    Several,
    /// Bytes that are no certificate.
    #[error("the certificate can't be read")]
    Certificate,
    /// Bytes that are no revocation list.
    #[error("the revocation list can't be read")]
    RevocationList,
}

// === impl Certificate ===

impl Certificate {
    /// Reads the one certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        match <[Self; 1]>::try_from(Self::all_from_pem(text)?) {
            Ok([certificate]) => Ok(certificate),
            Err(_) => Err(CertificateError::Several),
        }
    }

    /// Reads every certificate of a PEM text.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        pem::blocks(text)?
            .into_iter()
            .map(|block| match block.label.as_str() {
                "CERTIFICATE" => Self::from_der(block.der.expose().clone()),
                _ => Err(CertificateError::Kind),
            })
            .collect()
    }

    /// Reads the DER of a certificate.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        match X509Certificate::from_der(&der) {
            Ok(([], _)) => Ok(Self(der)),
            _ => Err(CertificateError::Certificate),
        }
    }

    /// Whether its key signed a text: RSASSA-PKCS1-v1_5 with SHA-256, as attestation records are signed.
    pub fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.parsed().is_some_and(|certificate| {
            signature::rsa_sha256(certificate.public_key(), text, signature)
        })
    }

    fn parsed(&self) -> Option<X509Certificate<'_>> {
        X509Certificate::from_der(&self.0).ok().map(|(_, it)| it)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.0.len())
    }
}

// === impl RevocationList ===

impl RevocationList {
    /// Reads a file: DER, as authorities publish it, or PEM.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.first() == Some(&0x30) {
            return Self::from_der(bytes.to_vec());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CertificateError::RevocationList)?;
        match pem::blocks(text)?.as_slice() {
            [block] if block.label == "X509 CRL" => Self::from_der(block.der.expose().clone()),
            _ => Err(CertificateError::Kind),
        }
    }

    fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        match CertificateRevocationList::from_der(&der) {
            Ok(([], _)) => Ok(Self(der)),
            _ => Err(CertificateError::RevocationList),
        }
    }

    fn parsed(&self) -> Option<CertificateRevocationList<'_>> {
        CertificateRevocationList::from_der(&self.0)
            .ok()
            .map(|(_, it)| it)
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({} bytes)", self.0.len())
    }
}
