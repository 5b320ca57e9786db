//! Public keys, from text, from a point and from what an HSM gives; and the check of every signature.

use std::fmt;
use std::str::FromStr;

use k256::ecdsa::signature::hazmat::PrehashVerifier;

use super::signature::Scheme;
use super::{Curve, Digest, PublicKeyHash, Signature, TezosError, base58, low_s, spki};

/// A public key whose point has been checked to be on its curve.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Point);

#[derive(Clone, PartialEq, Eq)]
enum Point {
    Ed25519(ed25519_dalek::VerifyingKey),
    Secp256k1(k256::ecdsa::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

// === impl PublicKey ===

impl PublicKey {
    /// A key from its point: 32 bytes for Ed25519; 33 (compressed) or 65 (`04‖X‖Y`) for the others.
    pub fn from_point(curve: Curve, bytes: &[u8]) -> Result<Self, TezosError> {
        let bad = |_| TezosError::Point(curve);
        let point = match curve {
            Curve::Ed25519 => {
                let bytes = bytes.try_into().map_err(|_| TezosError::Length {
                    what: "the Ed25519 point",
                    length: bytes.len(),
                })?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(bad)?;
                if key.is_weak() {
                    return Err(TezosError::Point(curve));
                }
                Point::Ed25519(key)
            }
            Curve::Secp256k1 => {
                Point::Secp256k1(k256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map_err(bad)?)
            }
            Curve::P256 => {
                Point::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map_err(bad)?)
            }
            Curve::Bls12_381 => return Err(TezosError::CurveUnsupported(curve)),
        };
        Ok(Self(point))
    }

    /// A key from a `SubjectPublicKeyInfo`, with or without the trailer that EP11 appends. EP11 writes
    /// `ecPublicKey` with the curve's identifier for every curve, Ed25519 too; the form of RFC 8410 is read as well.
    pub fn from_spki(der: &[u8]) -> Result<Self, TezosError> {
        let (curve, point) = spki::parse(der)?;
        Self::from_point(curve, point)
    }

    /// The key's curve.
    pub fn curve(&self) -> Curve {
        match self.0 {
            Point::Ed25519(_) => Curve::Ed25519,
            Point::Secp256k1(_) => Curve::Secp256k1,
            Point::P256(_) => Curve::P256,
        }
    }

    /// The key's address.
    pub fn hash(&self) -> PublicKeyHash {
        PublicKeyHash::of(self.curve(), &self.to_bytes())
    }

    /// 32 bytes for Ed25519, the 33 bytes of the compressed point for the others.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Point::Ed25519(key) => key.as_bytes().to_vec(),
            Point::Secp256k1(key) => key.to_sec1_point(true).as_bytes().to_vec(),
            Point::P256(key) => key.to_sec1_point(true).as_bytes().to_vec(),
        }
    }

    /// Checks the 64 bytes of a signature (r‖s, or R‖S for Ed25519) over a digest. A high s is refused for
    /// secp256k1, as Octez refuses it, and accepted for P-256, as Octez accepts it.
    pub fn verify(&self, digest: &Digest, raw: &[u8; 64]) -> Result<(), TezosError> {
        let digest = digest.as_bytes();
        let unverified = |_| TezosError::Unverified;
        match &self.0 {
            Point::Ed25519(key) => key
                .verify_strict(digest, &ed25519_dalek::Signature::from_bytes(raw))
                .map_err(unverified),
            Point::Secp256k1(key) => {
                let signature =
                    k256::ecdsa::Signature::from_slice(raw).map_err(|_| TezosError::Scalar)?;
                if signature.normalize_s() != signature {
                    return Err(TezosError::Unverified);
                }
                key.verify_prehash(digest, &signature).map_err(unverified)
            }
            Point::P256(key) => {
                let signature =
                    p256::ecdsa::Signature::from_slice(raw).map_err(|_| TezosError::Scalar)?;
                key.verify_prehash(digest, &signature).map_err(unverified)
            }
        }
    }

    /// Takes what an HSM answered: 64 bytes, brought to low s, verified. The only way to a [`Signature`] that may leave.
    pub fn accept(&self, digest: &Digest, raw: &[u8]) -> Result<Signature, TezosError> {
        let raw = raw.try_into().map_err(|_| TezosError::Length {
            what: "the signature",
            length: raw.len(),
        })?;
        let raw = low_s(self.curve(), raw)?;
        self.verify(digest, &raw)?;
        Ok(Signature::of(self.scheme(), raw))
    }

    fn scheme(&self) -> Scheme {
        match self.0 {
            Point::Ed25519(_) => Scheme::Ed25519,
            Point::Secp256k1(_) => Scheme::Secp256k1,
            Point::P256(_) => Scheme::P256,
        }
    }
}

impl FromStr for PublicKey {
    type Err = TezosError;

    fn from_str(text: &str) -> Result<Self, TezosError> {
        let kinds = [base58::EDPK, base58::SPPK, base58::P2PK, base58::BLPK];
        let (index, payload) =
            base58::decode_any(&kinds, "an edpk, sppk or p2pk public key", text)?;
        let tag = u8::try_from(index).map_err(|_| TezosError::Base58)?;
        Self::from_point(Curve::from_tag(tag)?, &payload)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Point::Ed25519(_) => base58::EDPK,
            Point::Secp256k1(_) => base58::SPPK,
            Point::P256(_) => base58::P2PK,
        };
        f.write_str(&base58::encode(kind, &self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
