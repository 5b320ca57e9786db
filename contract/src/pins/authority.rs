//! A certificate authority whose every certificate makes a deployer.
//!
//! The authority is trusted because it is pinned, so its own validity is not looked at: to end it, build an image without
//! it. It must have signed the deployer's certificate itself; there are no chains.

use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::prelude::{FromDer as _, ParsedExtension};

use super::DeployerError;
use crate::pem::{self, Block};
use crate::secret::Secret;

/// The certificate of an authority (DER), which was read once and found to be one.
#[derive(Debug)]
pub(super) struct Authority {
    der: Vec<u8>,
}

// === impl Authority ===

impl Authority {
    pub(super) fn from_der(der: &[u8]) -> Result<Self, DeployerError> {
        let certificate = parse(der).ok_or(DeployerError::Certificate)?;
        let may_sign = match certificate.key_usage() {
            Ok(None) => true,
            Ok(Some(usage)) => usage.value.key_cert_sign(),
            Err(_) => false,
        };
        if !certificate.is_ca() || !may_sign || !understood(&certificate) {
            return Err(DeployerError::NoAuthority);
        }
        Ok(Self { der: der.to_vec() })
    }

    /// Whether this authority signed a certificate (DER) whose key may sign documents.
    pub(super) fn signed(&self, der: &[u8]) -> bool {
        let (Some(authority), Some(certificate)) = (parse(&self.der), parse(der)) else {
            return false;
        };
        let may_sign = match certificate.key_usage() {
            Ok(None) => true,
            Ok(Some(usage)) => usage.value.digital_signature() || usage.value.non_repudiation(),
            Err(_) => false,
        };
        // A certificate for something else, such as a TLS server's, makes nobody a deployer.
        let meant = match certificate.extended_key_usage() {
            Ok(None) => true,
            Ok(Some(usage)) => usage.value.any || usage.value.code_signing,
            Err(_) => false,
        };
        // SHA-1 is not collision free: two certificates could share a signature.
        let algorithm = &certificate.signature_algorithm.algorithm;
        let sound = *algorithm != OID_PKCS1_SHA1WITHRSA && *algorithm != OID_SHA1_WITH_RSA;
        certificate.issuer().as_raw() == authority.subject().as_raw()
            && certificate.signature_algorithm == certificate.tbs_certificate.signature
            && may_sign
            && meant
            && sound
            && understood(&certificate)
            && certificate
                .verify_signature(Some(authority.public_key()))
                .is_ok()
    }

    pub(super) fn to_pem(&self) -> String {
        let block = Block {
            label: "CERTIFICATE".to_owned(),
            der: Secret::new(self.der.clone()),
        };
        let mut out = String::new();
        pem::write(&block, &mut out);
        out
    }

    /// SHA-256 of its public key.
    pub(super) fn fingerprint(&self) -> String {
        parse(&self.der).map_or_else(String::new, |certificate| {
            hex::encode(Sha256::digest(certificate.public_key().raw))
        })
    }
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der)
        .ok()
        .filter(|(rest, _)| rest.is_empty())
        .map(|(_, certificate)| certificate)
}

/// Whether no critical extension is one that is not heeded here.
fn understood(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().all(|extension| {
        !extension.critical
            || matches!(
                extension.parsed_extension(),
                ParsedExtension::BasicConstraints(_)
                    | ParsedExtension::KeyUsage(_)
                    | ParsedExtension::ExtendedKeyUsage(_)
                    | ParsedExtension::SubjectAlternativeName(_)
            )
    })
}
