//! Certificates: whether they can be read, how long they are valid, and whether their keys are theirs.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::certificate::{Details, WARN_DAYS};
use crate::error::Warning;
use crate::pem::{self, Block};
use crate::reader::View;
use crate::time::date;

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
            let (message, remedy) = match Details::from_der(block.der.expose()) {
                Some(certificate) => of_time(&certificate, now)?,
                None => (
                    "holds a certificate that can't be read".to_owned(),
                    "Put the whole X.509 certificate there.",
                ),
            };
            Some(view.warning(message).with_remedy(remedy))
        })
        .collect()
}

fn of_time(certificate: &Details, now: u64) -> Option<(String, &'static str)> {
    const RENEW: &str = "Have the certificate renewed and seal the contract again.";
    // Whatever began or ended before 1970 is as good as then.
    let (start, end) = (certificate.not_before.max(0), certificate.not_after.max(0));
    let now = i64::try_from(now).unwrap_or(i64::MAX);
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
    let days = certificate.days_left(now);
    (days < WARN_DAYS).then(|| {
        let message = format!(
            "holds a certificate that expires in {days} days, on {}",
            date(end)
        );
        (message, RENEW)
    })
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
