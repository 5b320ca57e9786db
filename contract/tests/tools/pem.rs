//! PEM, and keys in it.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// A throw-away RSA key: its private and its public half.
pub(crate) fn rsa_pair(size: KeySize) -> (String, String) {
    let key = PrivateDecryptingKey::generate(size).unwrap();
    let private: Pkcs8V1Der<'static> = key.as_der().unwrap();
    let public: PublicKeyX509Der<'static> = key.public_key().as_der().unwrap();
    (
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", public.as_ref()),
    )
}
