//! Tezos' own names for things: addresses, public keys, signatures, chains and hashes.
//!
//! This module exists so that the rest of the signer handles checked values, never strings or loose bytes.
//! It promises: what parses here is well formed (checksum, prefix, length, point on its curve), a
//! [`Signature`] made by [`PublicKey::accept`] has been verified and is low-s, and nothing here depends on the
//! byte order of the machine.

mod address;
mod base58;
pub(crate) mod binary;
mod hash;
mod key;
mod signature;
mod spki;

pub use address::Address;
pub use hash::{ChainId, Digest, ProtocolHash, PublicKeyHash, blake2b_256};
pub use key::PublicKey;
pub use signature::{Signature, low_s};

/// Why bytes or text are not the Tezos value that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TezosError {
    /// The text is not base58check: a foreign character or a wrong checksum.
    #[error("not base58check text: a character or the checksum is wrong")]
    Base58,
    /// The text is base58check, but of something else.
    #[error("this is not {expected}")]
    Prefix {
        /// What was expected, in words.
        expected: &'static str,
    },
    /// The bytes have a wrong length.
    #[error("{what} has {length} bytes, which is wrong")]
    Length {
        /// What was read.
        what: &'static str,
        /// How many bytes there were.
        length: usize,
    },
    /// The curve tag of a binary address is unknown.
    #[error("unknown curve tag {0}")]
    Tag(u8),
    /// The point is not on its curve.
    #[error("not a point of {0}")]
    Point(Curve),
    /// The key's curve is known, but this signer can't verify its signatures.
    #[error("{0} keys are not supported")]
    CurveUnsupported(Curve),
    /// The DER bytes are not a `SubjectPublicKeyInfo` of a curve that we know.
    #[error("not a public key of a known curve: {0}")]
    Spki(&'static str),
    /// r or s of an ECDSA signature is zero or not below the order.
    #[error("r or s is out of range")]
    Scalar,
    /// The signature is not one of this key over this digest.
    #[error("the signature does not verify against the public key")]
    Unverified,
}

/// A signature scheme of Tezos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Curve {
    /// tz1.
    Ed25519,
    /// tz2.
    Secp256k1,
    /// tz3.
    P256,
    /// tz4, "`MinPk`".
    Bls12_381,
}

// === impl Curve ===

impl Curve {
    /// The first three characters of an address: `tz1` to `tz4`.
    pub fn address_prefix(self) -> &'static str {
        match self {
            Self::Ed25519 => "tz1",
            Self::Secp256k1 => "tz2",
            Self::P256 => "tz3",
            Self::Bls12_381 => "tz4",
        }
    }

    /// Whether signing the same bytes twice gives the same signature. The HSM's ECDSA nonces are random.
    pub fn is_deterministic(self) -> bool {
        matches!(self, Self::Ed25519 | Self::Bls12_381)
    }

    /// The tag in front of a binary address or public key.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Ed25519 => 0,
            Self::Secp256k1 => 1,
            Self::P256 => 2,
            Self::Bls12_381 => 3,
        }
    }

    pub(crate) fn from_tag(tag: u8) -> Result<Self, TezosError> {
        match tag {
            0 => Ok(Self::Ed25519),
            1 => Ok(Self::Secp256k1),
            2 => Ok(Self::P256),
            3 => Ok(Self::Bls12_381),
            other => Err(TezosError::Tag(other)),
        }
    }
}

impl std::fmt::Display for Curve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519 (tz1)",
            Self::Secp256k1 => "secp256k1 (tz2)",
            Self::P256 => "P-256 (tz3)",
            Self::Bls12_381 => "BLS12-381 (tz4)",
        })
    }
}

#[cfg(test)]
mod tests;
