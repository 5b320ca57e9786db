//! The client's mutual-TLS credentials: read, checked, and made ready for presenting.
//!
//! Existing grep11 deployments have X.509 **v1** client certificates. rustls refuses to *parse* those, though a client
//! needs no more of its own certificate than to send it; so the check that key and certificate belong together is ours
//! (x509-parser), and rustls gets the pair through a resolver that looks at neither.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

/// No PEM file of ours is longer.
const MAX_PEM_BYTES: u64 = 256 * 1024;

/// Which of the three files an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The certificate authority.
    Ca,
    /// The client certificate.
    Certificate,
    /// The client's private key.
    Key,
}

/// Why the credentials cannot be used. No message holds a byte of a file.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file cannot be read.
    #[error("credentials_invalid: {} cannot be read: {source}", .part.name())]
    Read {
        /// The file.
        part: Part,
        /// Why.
        source: std::io::Error,
    },
    /// A file has no usable PEM block, or one that does not decode.
    #[error("credentials_invalid: {} {problem}", .part.name())]
    Invalid {
        /// The file.
        part: Part,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The private key is not the one of the certificate.
    #[error("credentials_mismatch: the private key does not belong to the client certificate")]
    Mismatch,
}

/// Credentials that have been checked.
#[derive(Clone)]
pub struct Credentials {
    certified: Arc<CertifiedKey>,
    roots: Arc<RootCertStore>,
}

/// Gives rustls our one certificate, whatever the server hints at.
#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

// === impl Part ===

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Ca => "the certificate authority's file",
            Self::Certificate => "the client certificate's file",
            Self::Key => "the private key's file",
        }
    }
}

// === impl CredentialsError ===

impl CredentialsError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Invalid { .. } => "credentials_invalid",
            Self::Mismatch => "credentials_mismatch",
        }
    }
}

// === impl Credentials ===

impl Credentials {
    /// Reads and checks the three files.
    pub fn load(
        provider: &CryptoProvider,
        ca: &Path,
        certificate: &Path,
        key: &Path,
    ) -> Result<Self, CredentialsError> {
        let ca = read(Part::Ca, ca)?;
        let certificate = read(Part::Certificate, certificate)?;
        let key = read(Part::Key, key)?;
        Self::from_pem(provider, &ca, &certificate, &key)
    }

    /// Checks credentials given as PEM text.
    pub fn from_pem(
        provider: &CryptoProvider,
        ca: &[u8],
        certificate: &[u8],
        key: &[u8],
    ) -> Result<Self, CredentialsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(Part::Ca, ca)? {
            roots.add(root).map_err(|_| {
                invalid(Part::Ca, "holds a certificate that cannot be an authority")
            })?;
        }
        let chain = certificates(Part::Certificate, certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| invalid(Part::Key, "has no private key in PEM"))?;
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|_| invalid(Part::Key, "holds a key of an unknown kind"))?;
        let certified = CertifiedKey::new(chain, key);
        check_pair(&certified)?;
        Ok(Self {
            certified: Arc::new(certified),
            roots: Arc::new(roots),
        })
    }

    /// The authorities that the server's certificate must come from.
    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    /// What presents the client certificate.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::new(OneCertificate(Arc::clone(&self.certified)))
    }
}

// === impl OneCertificate ===

impl ResolvesClientCert for OneCertificate {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn invalid(part: Part, problem: &'static str) -> CredentialsError {
    CredentialsError::Invalid { part, problem }
}

fn read(part: Part, path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
    let failed = |source| CredentialsError::Read { part, source };
    let file = File::open(path).map_err(failed)?;
    if part == Part::Key && file.metadata().map_err(failed)?.mode() & 0o007 != 0 {
        return Err(invalid(part, "is open to every user of the machine"));
    }
    // Room for all of it at once: a vector that grows leaves copies of the key behind.
    let mut text = Zeroizing::new(Vec::with_capacity(
        usize::try_from(MAX_PEM_BYTES).unwrap_or(0) + 2,
    ));
    file.take(MAX_PEM_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > MAX_PEM_BYTES {
        return Err(invalid(part, "is too long"));
    }
    Ok(text)
}

fn certificates(part: Part, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| invalid(part, "is not PEM"))?;
    if found.is_empty() {
        return Err(invalid(part, "has no certificate in PEM"));
    }
    Ok(found)
}

/// The bits of both public keys must be the same; algorithm identifiers may be written in more than one way.
fn check_pair(certified: &CertifiedKey) -> Result<(), CredentialsError> {
    let leaf = certified.cert.first().ok_or(CredentialsError::Mismatch)?;
    let (_, leaf) = X509Certificate::from_der(leaf)
        .map_err(|_| invalid(Part::Certificate, "holds a certificate that does not parse"))?;
    let ours = certified
        .key
        .public_key()
        .ok_or(CredentialsError::Mismatch)?;
    let (_, ours) = SubjectPublicKeyInfo::from_der(&ours)
        .map_err(|_| invalid(Part::Key, "holds a key of an unknown kind"))?;
    let theirs = leaf.public_key();
    let same = ours.algorithm.algorithm == theirs.algorithm.algorithm
        && ours.subject_public_key.data == theirs.subject_public_key.data;
    if same {
        Ok(())
    } else {
        Err(CredentialsError::Mismatch)
    }
}
