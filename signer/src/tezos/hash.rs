//! Hashes: digests of what is signed, addresses (hashes of public keys) and chain ids.

use std::fmt;
use std::str::FromStr;

use blake2::digest::consts::{U20, U32};
use blake2::{Blake2b, Digest as _};

use super::{Curve, TezosError, base58};

/// The BLAKE2b-256 hash of a request's bytes: what an HSM is asked to sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The BLAKE2b-256 hash of `bytes`.
pub fn blake2b_256(bytes: &[u8]) -> Digest {
    Digest(Blake2b::<U32>::digest(bytes).into())
}

/// The address of a key: its curve and the BLAKE2b-160 hash of the public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKeyHash {
    curve: Curve,
    bytes: [u8; 20],
}

/// The four bytes that name a chain in what is signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId([u8; 4]);

/// The hash that names a protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolHash([u8; 32]);

// === impl Digest ===

impl Digest {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

// === impl PublicKeyHash ===

impl PublicKeyHash {
    pub(crate) fn of(curve: Curve, public_key: &[u8]) -> Self {
        Self {
            curve,
            bytes: Blake2b::<U20>::digest(public_key).into(),
        }
    }

    /// The curve of the key.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The binary form: curve tag, then 20 bytes.
    pub fn to_tagged(&self) -> [u8; 21] {
        let mut bytes = [0; 21];
        let [tag, rest @ ..] = &mut bytes;
        *tag = self.curve.tag();
        *rest = self.bytes;
        bytes
    }

    /// Reads the binary form.
    pub fn from_tagged(bytes: &[u8; 21]) -> Result<Self, TezosError> {
        let [tag, rest @ ..] = bytes;
        Ok(Self {
            curve: Curve::from_tag(*tag)?,
            bytes: *rest,
        })
    }
}

impl FromStr for PublicKeyHash {
    type Err = TezosError;

    fn from_str(text: &str) -> Result<Self, TezosError> {
        const EXPECTED: &str = "a tz1, tz2, tz3 or tz4 address";
        let curves = [
            Curve::Ed25519,
            Curve::Secp256k1,
            Curve::P256,
            Curve::Bls12_381,
        ];
        let (index, payload) = base58::decode_any(&curves.map(base58::address), EXPECTED, text)?;
        let curve = *curves
            .get(index)
            .ok_or(TezosError::Prefix { expected: EXPECTED })?;
        let bytes = payload
            .try_into()
            .map_err(|_| TezosError::Prefix { expected: EXPECTED })?;
        Ok(Self { curve, bytes })
    }
}

impl fmt::Display for PublicKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58::encode(base58::address(self.curve), &self.bytes))
    }
}

impl fmt::Debug for PublicKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl ChainId ===

impl ChainId {
    /// The four bytes as they stand in a request.
    pub fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// The chain of these four bytes; every value is a chain.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }
}

impl FromStr for ChainId {
    type Err = TezosError;

    fn from_str(text: &str) -> Result<Self, TezosError> {
        Ok(Self(base58::decode(base58::CHAIN, text)?))
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58::encode(base58::CHAIN, &self.0))
    }
}

impl fmt::Debug for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl ProtocolHash ===

impl ProtocolHash {
    /// The protocol of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for ProtocolHash {
    type Err = TezosError;

    fn from_str(text: &str) -> Result<Self, TezosError> {
        Ok(Self(base58::decode(base58::PROTOCOL, text)?))
    }
}

impl fmt::Display for ProtocolHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58::encode(base58::PROTOCOL, &self.0))
    }
}

impl fmt::Debug for ProtocolHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
