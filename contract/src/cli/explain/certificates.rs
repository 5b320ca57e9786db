//! What certificates say of themselves.

use bakehouse_contract::certificate::Details;
use bakehouse_contract::pem;
use bakehouse_contract::record::{Digest, sha256};
use serde::Serialize;

/// One certificate.
#[derive(Serialize)]
pub(super) struct Certificate {
    /// SHA-256 of its DER.
    pub(super) sha256: Digest,
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
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let blocks = pem::blocks(text).unwrap_or_default();
    blocks
        .iter()
        .map(|block| Certificate {
            sha256: sha256(block.der.expose()),
            contents: Details::from_der(block.der.expose()).map(|it| Contents {
                days_left: it.days_left(now),
                not_after: it.not_after,
                subject: it.subject,
                issuer: it.issuer,
            }),
        })
        .collect()
}
