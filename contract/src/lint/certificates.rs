//! Certificates: whether they can be read, how long they are valid, and whether their keys are theirs.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::error::Warning;
use crate::pem::{self, Block};
use crate::reader::View;

/// How long before its end a certificate is warned of.
const DAYS: u64 = 180;
const DAY: u64 = 86_400;
/// Where a certificate and its key stand beside one another.
const PAIRS: [(&str, &str); 3] = [
    ("certificate", "key"),
    ("cert", "key"),
    ("clientCert", "clientKey"),
];

/// Warns of every certificate in a text that is expired, not valid yet or soon to expire.
pub(super) fn validity(view: &View<'_>, text: &str, now: u64) -> Vec<Warning> {
    let Ok(blocks) = pem::blocks(text) else {
        return Vec::new();
    };
    let certificates = blocks.iter().filter(|block| block.label == "CERTIFICATE");
    certificates
        .filter_map(|block| {
            let (message, remedy) = match X509Certificate::from_der(block.der.expose()) {
                Ok((_, certificate)) => of_time(&certificate, now)?,
                Err(_) => (
                    "holds a certificate that can't be read".to_owned(),
                    "Put the whole X.509 certificate there.",
                ),
            };
            Some(view.warning(message).with_remedy(remedy))
        })
        .collect()
}

fn of_time(certificate: &X509Certificate<'_>, now: u64) -> Option<(String, &'static str)> {
    const RENEW: &str = "Have the certificate renewed and seal the contract again.";
    let validity = certificate.validity();
    let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
    let (start, end) = (
        seconds(validity.not_before.timestamp()),
        seconds(validity.not_after.timestamp()),
    );
    if now > end {
        let message = format!("holds a certificate that expired on {}", date(end));
        return Some((message, RENEW));
    }
    if now < start {
        let message = format!(
            "holds a certificate that is valid only from {}",
            date(start)
        );
        return Some((message, "Wait until then, or correct this machine's clock."));
    }
    let days = end.saturating_sub(now) / DAY;
    (days < DAYS).then(|| {
        let message = format!(
            "holds a certificate that expires in {days} days, on {}",
            date(end)
        );
        (message, RENEW)
    })
}

/// A day as `YYYY-MM-DD`, by the civil calendar.
fn date(seconds: u64) -> String {
    // Days are counted from 1 March of year 0, so that a leap day is a year's last.
    let days = (seconds / DAY).saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Warns of a key that is not its certificate's.
pub(super) fn pair(view: &View<'_>) -> Option<Warning> {
    let (certificate, key) = PAIRS
        .iter()
        .find_map(|(certificate, key)| Some((view.optional(certificate)?, view.optional(key)?)))?;
    let blocks = |view: &View<'_>| pem::blocks(view.text("").ok()?).ok();
    let certificates = blocks(&certificate)?;
    let leaf = certificates.first()?;
    let (_, leaf) = X509Certificate::from_der(leaf.der.expose()).ok()?;
    let keys = blocks(&key)?;
    let private = keys
        .iter()
        .find(|block| block.label.ends_with("PRIVATE KEY"))?;
    let (message, remedy) = match public_half(private) {
        None => (
            "is no private key that TLS can use: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519",
            "Put the private key there that the certificate was made for.",
        ),
        Some(public) if public == *leaf.public_key().subject_public_key.data => return None,
        Some(_) => (
            "is not the key of the certificate beside it",
            "Give the certificate and the key that were made for one another.",
        ),
    };
    Some(key.warning(message).with_remedy(remedy))
}

/// The bits of the public key, as they stand in a certificate.
fn public_half(private: &Block) -> Option<Vec<u8>> {
    let der = private.der.expose();
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let rsa = |key: RsaKeyPair| key.public_key().as_ref().to_vec();
    let ecdsa = |key: EcdsaKeyPair| key.public_key().as_ref().to_vec();
    let ed25519 = |key: Ed25519KeyPair| key.public_key().as_ref().to_vec();
    match private.label.as_str() {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(der).ok().map(rsa),
        "EC PRIVATE KEY" => curves
            .into_iter()
            .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
            .map(ecdsa),
        _ => RsaKeyPair::from_pkcs8(der)
            .ok()
            .map(rsa)
            .or_else(|| {
                curves
                    .into_iter()
                    .find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok())
                    .map(ecdsa)
            })
            .or_else(|| {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .ok()
                    .map(ed25519)
            }),
    }
}

#[cfg(test)]
mod tests;
