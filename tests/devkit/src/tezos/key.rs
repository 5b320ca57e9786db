//! Public keys, addresses, and the verification of a signature as the real client does it.
//!
//! Promises: a key belongs to the address that it hashes to; [`PublicKey::verify`] accepts a signature only if it is of the
//! key's curve (or the generic `sig…`), has a low `s`, and is over exactly these bytes.

use std::fmt;

use ed25519_dalek::Verifier as _;
use k256::ecdsa::signature::hazmat::PrehashVerifier as _;
use thiserror::Error;

use super::base58::{self, Base58Error};
use super::hash::{blake2b_160, blake2b_256};

/// The curves whose keys the stand-ins can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// tz1
    Ed25519,
    /// tz2
    Secp256k1,
    /// tz3
    P256,
}

/// Why a key, an address or a signature is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text is broken or of another kind.
    #[error(transparent)]
    Text(#[from] Base58Error),
    /// A curve that the stand-ins do not have (tz4, tz5).
    #[error("a key of a curve that the stand-in does not have (it has tz1, tz2, tz3)")]
    Curve,
    /// The bytes are no point of the curve.
    #[error("not a point of its curve")]
    Point,
    /// The signature is of another curve.
    #[error("a signature of another curve")]
    OtherCurve,
    /// ECDSA with an `s` above half the order: a second form of the same signature.
    #[error("a signature with a high s")]
    HighS,
    /// The signature is not over these bytes by this key.
    #[error("the signature does not verify")]
    Wrong,
}

/// An address: curve and BLAKE2b-160 of the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKeyHash {
    curve: Curve,
    bytes: [u8; 20],
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    curve: Curve,
    /// 32 bytes, or 33 in compressed form.
    bytes: Vec<u8>,
}

// === impl Curve ===

impl Curve {
    const ALL: [Curve; 3] = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];

    fn address_prefix(self) -> &'static [u8] {
        match self {
            Curve::Ed25519 => &[0x06, 0xa1, 0x9f],
            Curve::Secp256k1 => &[0x06, 0xa1, 0xa1],
            Curve::P256 => &[0x06, 0xa1, 0xa4],
        }
    }

    fn key_prefix(self) -> &'static [u8] {
        match self {
            Curve::Ed25519 => &[0x0d, 0x0f, 0x25, 0xd9],
            Curve::Secp256k1 => &[0x03, 0xfe, 0xe2, 0x56],
            Curve::P256 => &[0x03, 0xb2, 0x8b, 0x7f],
        }
    }

    fn signature_prefix(self) -> &'static [u8] {
        match self {
            Curve::Ed25519 => &[0x09, 0xf5, 0xcd, 0x86, 0x12],
            Curve::Secp256k1 => &[0x0d, 0x73, 0x65, 0x13, 0x3f],
            Curve::P256 => &[0x36, 0xf0, 0x2c, 0x34],
        }
    }
}

// === impl PublicKeyHash ===

impl PublicKeyHash {
    /// Reads `tz1…`, `tz2…` or `tz3…`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        for curve in Curve::ALL {
            match base58::decode(curve.address_prefix(), text) {
                Ok(bytes) => return Ok(Self { curve, bytes }),
                Err(Base58Error::Prefix) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(KeyError::Curve)
    }
}

impl fmt::Display for PublicKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58::encode(self.curve.address_prefix(), &self.bytes))
    }
}

impl fmt::Debug for PublicKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl PublicKey ===

impl PublicKey {
    /// Reads `edpk…`, `sppk…` or `p2pk…`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        for curve in Curve::ALL {
            let read = match curve {
                Curve::Ed25519 => {
                    base58::decode::<32>(curve.key_prefix(), text).map(|key| key.to_vec())
                }
                Curve::Secp256k1 | Curve::P256 => {
                    base58::decode::<33>(curve.key_prefix(), text).map(|key| key.to_vec())
                }
            };
            match read {
                Ok(bytes) => return Ok(Self { curve, bytes }),
                Err(Base58Error::Prefix) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(KeyError::Curve)
    }

    /// A key from its raw bytes: 32 for ed25519, a compressed point of 33 otherwise.
    pub fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, KeyError> {
        let expected = if curve == Curve::Ed25519 { 32 } else { 33 };
        if bytes.len() == expected {
            Ok(Self {
                curve,
                bytes: bytes.to_vec(),
            })
        } else {
            Err(KeyError::Text(Base58Error::Length))
        }
    }

    /// The address of this key.
    pub fn hash(&self) -> PublicKeyHash {
        PublicKeyHash {
            curve: self.curve,
            bytes: blake2b_160(&self.bytes),
        }
    }

    /// Reads a signature text of this key's curve, or a generic `sig…`.
    pub fn parse_signature(&self, text: &str) -> Result<[u8; 64], KeyError> {
        match base58::decode(self.curve.signature_prefix(), text) {
            Err(Base58Error::Prefix) => match base58::decode(base58::SIGNATURE, text) {
                Err(Base58Error::Prefix) => Err(KeyError::OtherCurve),
                other => Ok(other?),
            },
            other => Ok(other?),
        }
    }

    /// The text of a signature by this key.
    pub fn render_signature(&self, raw: &[u8; 64]) -> String {
        base58::encode(self.curve.signature_prefix(), raw)
    }

    /// Checks a raw signature over `message` (all of it, magic byte included).
    pub fn verify(&self, message: &[u8], raw: &[u8; 64]) -> Result<(), KeyError> {
        let digest = blake2b_256(&[message]);
        match self.curve {
            Curve::Ed25519 => {
                let bytes: &[u8; 32] = self
                    .bytes
                    .as_slice()
                    .try_into()
                    .map_err(|_| KeyError::Point)?;
                let key =
                    ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Point)?;
                let signature = ed25519_dalek::Signature::from_bytes(raw);
                key.verify(&digest, &signature).map_err(|_| KeyError::Wrong)
            }
            Curve::Secp256k1 => {
                let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bytes)
                    .map_err(|_| KeyError::Point)?;
                let signature =
                    k256::ecdsa::Signature::from_slice(raw).map_err(|_| KeyError::Wrong)?;
                if signature.normalize_s() != signature {
                    return Err(KeyError::HighS);
                }
                key.verify_prehash(&digest, &signature)
                    .map_err(|_| KeyError::Wrong)
            }
            Curve::P256 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bytes)
                    .map_err(|_| KeyError::Point)?;
                let signature =
                    p256::ecdsa::Signature::from_slice(raw).map_err(|_| KeyError::Wrong)?;
                if signature.normalize_s() != signature {
                    return Err(KeyError::HighS);
                }
                key.verify_prehash(&digest, &signature)
                    .map_err(|_| KeyError::Wrong)
            }
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58::encode(self.curve.key_prefix(), &self.bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
