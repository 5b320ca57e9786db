//! Signatures: 64 bytes with their scheme, in one canonical form.
//!
//! ECDSA signatures are malleable (s and n−s both verify) and HSMs give either; what leaves the signer is always low-s.

use std::fmt;
use std::str::FromStr;

use super::{Curve, TezosError, base58};

/// A signature as it leaves the signer. Ed25519, or ECDSA with low s.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    scheme: Scheme,
    bytes: [u8; 64],
}

/// The schemes whose signatures have 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Ed25519,
    Secp256k1,
    P256,
}

/// The signature with s replaced by n−s where s is above n/2. The identity for Ed25519.
pub fn low_s(curve: Curve, raw: [u8; 64]) -> Result<[u8; 64], TezosError> {
    match curve {
        Curve::Ed25519 => Ok(raw),
        Curve::Secp256k1 => {
            let signature =
                k256::ecdsa::Signature::from_slice(&raw).map_err(|_| TezosError::Scalar)?;
            Ok(signature.normalize_s().to_bytes().into())
        }
        Curve::P256 => {
            let signature =
                p256::ecdsa::Signature::from_slice(&raw).map_err(|_| TezosError::Scalar)?;
            Ok(signature.normalize_s().to_bytes().into())
        }
        Curve::Bls12_381 => Err(TezosError::CurveUnsupported(curve)),
    }
}

// === impl Signature ===

impl Signature {
    pub(super) fn of(scheme: Scheme, bytes: [u8; 64]) -> Self {
        Self { scheme, bytes }
    }

    /// Reads a stored signature back.
    pub(crate) fn from_stored(curve: Curve, bytes: [u8; 64]) -> Result<Self, TezosError> {
        let scheme = match curve {
            Curve::Ed25519 => Scheme::Ed25519,
            Curve::Secp256k1 => Scheme::Secp256k1,
            Curve::P256 => Scheme::P256,
            Curve::Bls12_381 => return Err(TezosError::CurveUnsupported(curve)),
        };
        Ok(Self { scheme, bytes })
    }

    /// The curve of the key that made it.
    pub fn curve(&self) -> Curve {
        match self.scheme {
            Scheme::Ed25519 => Curve::Ed25519,
            Scheme::Secp256k1 => Curve::Secp256k1,
            Scheme::P256 => Curve::P256,
        }
    }

    /// r‖s, or R‖S for Ed25519.
    pub fn to_bytes(&self) -> [u8; 64] {
        self.bytes
    }

    /// The 64 bytes of a signature in text, `sig…` included, whoever made it: what a client says, unverified.
    pub fn bytes_of_text(text: &str) -> Result<[u8; 64], TezosError> {
        const EXPECTED: &str = "an edsig, spsig1, p2sig or sig signature";
        let kinds = [base58::EDSIG, base58::SPSIG1, base58::P2SIG, base58::SIG];
        let (_, payload) = base58::decode_any(&kinds, EXPECTED, text)?;
        payload
            .try_into()
            .map_err(|_| TezosError::Prefix { expected: EXPECTED })
    }

    /// The form that does not name the curve, `sig…`.
    pub fn to_generic(&self) -> String {
        base58::encode(base58::SIG, &self.bytes)
    }
}

impl FromStr for Signature {
    type Err = TezosError;

    fn from_str(text: &str) -> Result<Self, TezosError> {
        const EXPECTED: &str = "an edsig, spsig1 or p2sig signature";
        let kinds = [base58::EDSIG, base58::SPSIG1, base58::P2SIG];
        let (index, payload) = base58::decode_any(&kinds, EXPECTED, text)?;
        let scheme = match index {
            0 => Scheme::Ed25519,
            1 => Scheme::Secp256k1,
            _ => Scheme::P256,
        };
        let bytes = payload
            .try_into()
            .map_err(|_| TezosError::Prefix { expected: EXPECTED })?;
        Ok(Self { scheme, bytes })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.scheme {
            Scheme::Ed25519 => base58::EDSIG,
            Scheme::Secp256k1 => base58::SPSIG1,
            Scheme::P256 => base58::P2SIG,
        };
        f.write_str(&base58::encode(kind, &self.bytes))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
