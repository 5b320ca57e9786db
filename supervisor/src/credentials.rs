//! The grep11 credentials, checked before anything uses them.
//!
//! A key that does not match its certificate, an expired certificate or a chain that does not verify is found here, with
//! the place and the remedy, not minutes later in a TLS alert. X.509 v1 client certificates, as existing deployments have
//! them, are accepted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bakehouse_contract::settings::{Endpoint, Grep11Settings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use x509_parser::prelude::{FromDer, X509Certificate};

const CA: &str = "env.bakehouse.grep11.credentials.ca";
const CERTIFICATE: &str = "env.bakehouse.grep11.credentials.certificate";
const KEY: &str = "env.bakehouse.grep11.credentials.key";

/// Why credentials are refused. Messages name the contract's path and the remedy, never a value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialError {
    /// PEM or DER that cannot be read.
    #[error("{0} is not a readable PEM {1}; put the whole PEM text there")]
    Unreadable(&'static str, &'static str),
    /// Key and certificate are not a pair.
    #[error(
        "{KEY} does not belong to {CERTIFICATE}; seal the key that the certificate was made for"
    )]
    Mismatch,
    /// A certificate is outside of its validity.
    #[error("{path} is {state}; seal a valid certificate")]
    Validity {
        /// Which certificate.
        path: &'static str,
        /// `expired` or `not yet valid`.
        state: &'static str,
    },
    /// The issuer is known, but its signature does not verify.
    #[error(
        "{CERTIFICATE} names an issuer of {CA}, but that issuer did not sign it; seal certificates of one authority"
    )]
    Chain,
    /// A name that no certificate can be checked against.
    #[error(
        "env.bakehouse.grep11.endpoints[{0}] has a server name that no certificate can bear; give server_name or pin_sha256"
    )]
    ServerName(usize),
}

// === impl CredentialError ===

impl CredentialError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Mismatch => "credentials_mismatch",
            Self::Validity { .. } => "credentials_expired",
            Self::Unreadable(..) | Self::Chain | Self::ServerName(_) => "credentials_invalid",
        }
    }
}

/// Checks everything that can be checked without a connection. `now` is a clock that nobody trusts alone: the caller gives
/// the later of the system's clock and the time this program was built.
pub fn check(settings: &Grep11Settings, now: SystemTime) -> Result<(), CredentialError> {
    let authorities = certificates(&settings.credentials.ca, CA)?;
    let chain = certificates(&settings.credentials.certificate, CERTIFICATE)?;
    let unreadable = || CredentialError::Unreadable(CERTIFICATE, "certificate");
    let leaf = parse(chain.first().ok_or_else(unreadable)?, CERTIFICATE)?;

    if !key_matches(settings.credentials.key.expose(), &leaf)? {
        return Err(CredentialError::Mismatch);
    }
    for der in &authorities {
        valid_at(&parse(der, CA)?, CA, now)?;
    }
    valid_at(&leaf, CERTIFICATE, now)?;
    issued_by_known_authority(&leaf, chain.iter().skip(1).chain(&authorities))?;
    for (index, endpoint) in settings.endpoints.iter().enumerate() {
        server_name_fits(index, endpoint)?;
    }
    Ok(())
}

fn certificates(
    pem: &str,
    path: &'static str,
) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let unreadable = || CredentialError::Unreadable(path, "certificate");
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable())?;
    if all.is_empty() {
        Err(unreadable())
    } else {
        Ok(all)
    }
}

fn parse<'a>(
    der: &'a CertificateDer<'_>,
    path: &'static str,
) -> Result<X509Certificate<'a>, CredentialError> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|_| CredentialError::Unreadable(path, "certificate"))
}

fn key_matches(pem: &str, leaf: &X509Certificate<'_>) -> Result<bool, CredentialError> {
    let unreadable = || CredentialError::Unreadable(KEY, "private key");
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable())?;
    let key =
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).map_err(|_| unreadable())?;
    let public = key.public_key().ok_or_else(unreadable)?;
    Ok(public.as_ref() == leaf.public_key().raw)
}

fn valid_at(
    certificate: &X509Certificate<'_>,
    path: &'static str,
    now: SystemTime,
) -> Result<(), CredentialError> {
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    let now = i64::try_from(seconds).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now > validity.not_after.timestamp() {
        return Err(CredentialError::Validity {
            path,
            state: "expired",
        });
    }
    if now < validity.not_before.timestamp() {
        return Err(CredentialError::Validity {
            path,
            state: "not yet valid",
        });
    }
    Ok(())
}

/// Servers may trust client certificates of another authority than their own, so an unknown issuer is no fault; a known
/// issuer that did not sign is.
fn issued_by_known_authority<'a>(
    leaf: &X509Certificate<'_>,
    issuers: impl Iterator<Item = &'a CertificateDer<'static>>,
) -> Result<(), CredentialError> {
    let mut known = false;
    for der in issuers {
        let issuer = parse(der, CA)?;
        if issuer.subject() == leaf.issuer() {
            known = true;
            if leaf.verify_signature(Some(issuer.public_key())).is_ok() {
                return Ok(());
            }
        }
    }
    if known {
        Err(CredentialError::Chain)
    } else {
        Ok(())
    }
}

fn server_name_fits(index: usize, endpoint: &Endpoint) -> Result<(), CredentialError> {
    if endpoint.pin_sha256.is_some() {
        return Ok(());
    }
    let name = endpoint.server_name.as_deref().unwrap_or(&endpoint.host);
    ServerName::try_from(name)
        .map(|_| ())
        .map_err(|_| CredentialError::ServerName(index))
}

#[cfg(test)]
mod tests;
