//! What certificates say of themselves.

use bakehouse_contract::pem;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const DAY: i64 = 86_400;

/// One certificate.
#[derive(Serialize)]
pub(super) struct Certificate {
    /// SHA-256 of its DER.
    pub(super) sha256: String,
    /// What is in it, if that can be read.
    #[serde(flatten)]
    pub(super) contents: Option<Contents>,
}

/// What is in a certificate.
#[derive(Serialize)]
pub(super) struct Contents {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// Its last second, in seconds since 1970.
    pub(super) not_after: i64,
    /// Whole days until then; negative once it has expired.
    pub(super) days_left: i64,
}

/// Every certificate of a PEM text.
pub(super) fn all(text: &str, now: u64) -> Vec<Certificate> {
    let blocks = pem::blocks(text).unwrap_or_default();
    blocks
        .iter()
        .map(|block| Certificate {
            sha256: hex::encode(Sha256::digest(block.der.expose())),
            contents: contents(block.der.expose(), now),
        })
        .collect()
}

fn contents(der: &[u8], now: u64) -> Option<Contents> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let not_after = certificate.validity().not_after.timestamp();
    let left = not_after.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
    Some(Contents {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        not_after,
        days_left: left.div_euclid(DAY),
    })
}

/// A name could hold what a terminal takes for a command.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
