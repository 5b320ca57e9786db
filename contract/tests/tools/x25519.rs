//! X25519 keys as PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, Serializable as _};

/// The two halves of a key, from its 32 bytes.
pub(crate) fn x25519_pair(private: &[u8]) -> (String, String) {
    let key = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(private).unwrap();
    let public = X25519HkdfSha256::sk_to_pk(&key).to_bytes();
    (
        pem("PRIVATE KEY", "302e020100300506032b656e04220420", private),
        pem("PUBLIC KEY", "302a300506032b656e032100", &public),
    )
}

fn pem(label: &str, head: &str, key: &[u8]) -> String {
    let body = STANDARD.encode([hex::decode(head).unwrap().as_slice(), key].concat());
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
