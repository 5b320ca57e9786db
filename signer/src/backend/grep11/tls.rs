//! TLS towards one grep11 endpoint.
//!
//! Everything is said explicitly: the aws-lc-rs provider, the roots of the configuration, the name. No process default,
//! no system store, no proxy and no environment variable has a say. Where the only name in the server's certificate is
//! a `host:port` (old deployments), a pin of the certificate takes the place of the check of the name; the chain is
//! checked all the same.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::credentials::Credentials;
use crate::config::EndpointConfig;

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Not `host:port`.
    #[error("a grep11 endpoint's address is not host:port")]
    Address,
    /// Neither a DNS name nor an IP address.
    #[error(
        "a grep11 endpoint's server name is no DNS name and no IP address (a port does not belong to it)"
    )]
    ServerName,
    /// Not 32 bytes in hex.
    #[error("a grep11 endpoint's pin_sha256 is not 64 hex digits")]
    Pin,
    /// rustls refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] Error),
    /// rustls refused the authorities.
    #[error("TLS cannot be set up: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// What a connection to one endpoint needs.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: String,
    pub(super) name: ServerName<'static>,
    pub(super) tls: Arc<ClientConfig>,
}

/// Accepts one certificate, if its chain is good.
#[derive(Debug)]
struct PinnedCertificate {
    pin: [u8; 32],
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

/// The provider that this process uses, and no other.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

// === impl Target ===

impl Target {
    pub(super) fn new(
        provider: &Arc<CryptoProvider>,
        credentials: &Credentials,
        endpoint: &EndpointConfig,
    ) -> Result<Self, EndpointError> {
        let host = host_of(&endpoint.address)?;
        let name = endpoint.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| EndpointError::ServerName)?;
        let verifier: Arc<dyn ServerCertVerifier> = match endpoint.pin_sha256.as_deref() {
            Some(pin) => Arc::new(PinnedCertificate {
                pin: parse_pin(pin)?,
                roots: credentials.roots(),
                provider: Arc::clone(provider),
            }),
            None => WebPkiServerVerifier::builder_with_provider(
                credentials.roots(),
                Arc::clone(provider),
            )
            .build()?,
        };
        let mut tls = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(credentials.resolver());
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            address: endpoint.address.clone(),
            name,
            tls: Arc::new(tls),
        })
    }
}

// === impl PinnedCertificate ===

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        if digest(&SHA256, end_entity).as_ref() == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The host of `host:port` or `[v6]:port`.
fn host_of(address: &str) -> Result<&str, EndpointError> {
    let (host, port) = address.rsplit_once(':').ok_or(EndpointError::Address)?;
    let port: u16 = port.parse().map_err(|_| EndpointError::Address)?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or(EndpointError::Address)?,
        None if host.contains(':') => return Err(EndpointError::Address),
        None => host,
    };
    if bare.is_empty() || port == 0 {
        Err(EndpointError::Address)
    } else {
        Ok(bare)
    }
}

fn parse_pin(pin: &str) -> Result<[u8; 32], EndpointError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(pin, &mut bytes).map_err(|_| EndpointError::Pin)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_come_without_port_and_brackets() {
        assert_eq!(host_of("grep11.svc.net:9876").unwrap(), "grep11.svc.net");
        assert_eq!(host_of("[fd00::2]:9876").unwrap(), "fd00::2");
        for bad in [
            "",
            "host",
            ":9876",
            "host:",
            "host:0",
            "host:70000",
            "fd00::2:9876",
            "[fd00::2:9876",
        ] {
            assert!(host_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pins_are_64_hex_digits() {
        assert!(parse_pin(&"ab".repeat(32)).is_ok());
        for bad in ["", "ab", &"ab".repeat(33), &"zz".repeat(32)] {
            assert!(parse_pin(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_address_gives_an_answer(address in ".{0,40}") {
            if let Ok(host) = host_of(&address) {
                prop_assert!(address.contains(host));
            }
        }
    }
}
