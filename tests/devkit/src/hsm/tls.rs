//! Mutual TLS that accepts X.509 v1 client certificates, as deployed grep11 servers do.
//!
//! webpki refuses v1, so the client's certificate is checked here: issued directly by one of the
//! given CAs, signed by its key, within its validity. The handshake's signature is checked by the
//! same algorithms that rustls uses.

use std::sync::Arc;

use bakehouse_proto::der;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::{ASN1Time, FromDer};

use super::HsmError;

/// What a server needs for mutual TLS, all PEM.
#[derive(Clone)]
pub struct Tls {
    /// The server's certificate and its chain.
    pub certificate: String,
    /// Its private key. A secret.
    pub key: String,
    /// The CA or CAs that issue client certificates.
    pub client_ca: String,
}

/// Checks client certificates of any X.509 version.
#[derive(Debug)]
struct AnyVersionVerifier {
    authorities: Vec<Issuer>,
    subjects: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A CA: its name and key.
#[derive(Debug)]
struct Issuer {
    subject: Vec<u8>,
    public_key: Vec<u8>,
}

// === impl Tls ===

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// The server's configuration: TLS 1.2 or 1.3, HTTP/2, a client certificate required.
    pub(super) fn server_config(&self) -> Result<ServerConfig, HsmError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let verifier = AnyVersionVerifier::new(&self.client_ca, algorithms)?;
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|_| HsmError::Pem("the server's key"))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(HsmError::Tls)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(chain, key)
            .map_err(HsmError::Tls)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

// === impl AnyVersionVerifier ===

impl AnyVersionVerifier {
    fn new(client_ca: &str, algorithms: WebPkiSupportedAlgorithms) -> Result<Self, HsmError> {
        let bad = || HsmError::Pem("the client CA");
        let mut authorities = Vec::new();
        let mut subjects = Vec::new();
        for certificate in certificates(client_ca)? {
            let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| bad())?;
            let subject = parsed.subject().as_raw().to_vec();
            subjects.push(DistinguishedName::from(subject.clone()));
            authorities.push(Issuer {
                subject,
                public_key: parsed.public_key().raw.to_vec(),
            });
        }
        if authorities.is_empty() {
            return Err(bad());
        }
        Ok(Self {
            authorities,
            subjects,
            algorithms,
        })
    }

    fn handshake(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = parse(certificate)?;
        let mapping = self
            .algorithms
            .mapping
            .iter()
            .find(|entry| entry.0 == signed.scheme);
        let candidates = mapping.map(|entry| entry.1).unwrap_or_default();
        verify(
            certificate.public_key().raw,
            candidates,
            message,
            signed.signature(),
        )
        .then(HandshakeSignatureValid::assertion)
        .ok_or(Error::InvalidCertificate(CertificateError::BadSignature))
    }
}

impl ClientCertVerifier for AnyVersionVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let certificate = parse(end_entity)?;
        let now = i64::try_from(now.as_secs())
            .ok()
            .and_then(|seconds| ASN1Time::from_timestamp(seconds).ok())
            .ok_or(Error::FailedToGetCurrentTime)?;
        let validity = certificate.validity();
        if now < validity.not_before {
            return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
        }
        if now > validity.not_after {
            return Err(Error::InvalidCertificate(CertificateError::Expired));
        }

        let named: Vec<&Issuer> = self
            .authorities
            .iter()
            .filter(|authority| authority.subject == certificate.issuer().as_raw())
            .collect();
        if named.is_empty() {
            return Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        }
        let signed = SignedCertificate::read(end_entity)
            .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let candidates: Vec<&dyn SignatureVerificationAlgorithm> = self
            .algorithms
            .all
            .iter()
            .copied()
            .filter(|algorithm| algorithm.signature_alg_id().as_ref() == signed.algorithm)
            .collect();
        named
            .iter()
            .any(|ca| {
                verify(
                    &ca.public_key,
                    &candidates,
                    signed.message,
                    signed.signature,
                )
            })
            .then(ClientCertVerified::assertion)
            .ok_or(Error::InvalidCertificate(CertificateError::BadSignature))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.handshake(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = parse(cert)?;
        let spki = rustls::pki_types::SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
        rustls::crypto::verify_tls13_signature_with_raw_key(message, &spki, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The three parts of a certificate that its signature is about.
struct SignedCertificate<'a> {
    message: &'a [u8],
    /// The content of the `AlgorithmIdentifier`.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

// === impl SignedCertificate ===

impl<'a> SignedCertificate<'a> {
    fn read(certificate: &'a [u8]) -> Option<Self> {
        let whole = der::expect(certificate, der::SEQUENCE)?;
        let message = der::expect(whole.content, der::SEQUENCE)?;
        let algorithm = der::expect(message.rest, der::SEQUENCE)?;
        let bits = der::expect(algorithm.rest, der::BIT_STRING)?;
        let (_, signature) = bits.content.split_first()?;
        Some(Self {
            message: message.whole,
            algorithm: algorithm.content,
            signature,
        })
    }
}

/// Whether one of these algorithms, for this kind of key, verifies the signature.
fn verify(
    spki: &[u8],
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let parts = || {
        let whole = der::expect(spki, der::SEQUENCE)?;
        let algorithm = der::expect(whole.content, der::SEQUENCE)?;
        let bits = der::expect(algorithm.rest, der::BIT_STRING)?;
        let (_, key) = bits.content.split_first()?;
        Some((algorithm.content, key))
    };
    let Some((kind, key)) = parts() else {
        return false;
    };
    algorithms
        .iter()
        .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == kind)
        .any(|algorithm| algorithm.verify_signature(key, message, signature).is_ok())
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    X509Certificate::from_der(certificate)
        .map(|(_, parsed)| parsed)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, HsmError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| HsmError::Pem("a certificate"))
}
