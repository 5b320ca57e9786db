//! Public keys as EP11 gives them: an SPKI, followed by a MAC trailer that is ignored here.
//!
//! EP11 writes the algorithm `ecPublicKey` with the curve's OID for every curve, Ed25519 and
//! BLS12-381 included; the RFC 8410 form of Ed25519 is read too. The parser takes one DER SEQUENCE
//! and never asks that the bytes end there. It checks lengths and the point's form, not that the
//! point is on the curve: whoever verifies a signature with it does that.

use crate::constants::oid;
use crate::der;

/// A curve of Tezos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// tz1.
    Ed25519,
    /// tz2.
    Secp256k1,
    /// tz3.
    P256,
    /// tz4.
    Bls12_381,
}

/// Why bytes are not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpkiError {
    /// Not a DER SEQUENCE with the parts of an SPKI.
    #[error("not an SPKI")]
    Malformed,
    /// The algorithm or curve is none of the four.
    #[error("the curve is not supported")]
    UnknownCurve,
    /// The point's length or form does not fit its curve.
    #[error("the point does not fit its curve")]
    BadPoint,
}

/// A public key: its curve and its point.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    curve: Curve,
    point: Vec<u8>,
}

// === impl Curve ===

impl Curve {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::Secp256k1, Self::P256, Self::Bls12_381];

    /// The OID in DER, as `CKA_EC_PARAMS` carries it.
    pub fn oid(self) -> &'static [u8] {
        match self {
            Self::Ed25519 => oid::ED25519,
            Self::Secp256k1 => oid::SECP256K1,
            Self::P256 => oid::P256,
            Self::Bls12_381 => oid::BLS12_381,
        }
    }

    /// The curve of a `CKA_EC_PARAMS` value.
    pub fn from_oid(der: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == der)
    }

    /// The length of the point in bytes: 32 for Ed25519, uncompressed with its `04` for the others.
    pub fn point_len(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::Secp256k1 | Self::P256 => 65,
            Self::Bls12_381 => 97,
        }
    }
}

// === impl PublicKey ===

impl PublicKey {
    /// A key from its point; the form is checked as when parsing.
    pub fn from_point(curve: Curve, point: &[u8]) -> Result<Self, SpkiError> {
        let formed = curve == Curve::Ed25519 || point.first() == Some(&0x04);
        if point.len() != curve.point_len() || !formed {
            return Err(SpkiError::BadPoint);
        }
        Ok(Self {
            curve,
            point: point.to_vec(),
        })
    }

    /// Reads the SPKI at the start of `bytes`; what follows it is ignored.
    pub fn parse(bytes: &[u8]) -> Result<Self, SpkiError> {
        Self::parse_prefix(bytes).map(|(key, _)| key)
    }

    /// Reads the SPKI at the start of `bytes` and gives back what follows it.
    pub fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), SpkiError> {
        let spki = der::expect(bytes, der::SEQUENCE).ok_or(SpkiError::Malformed)?;
        let algorithm = der::expect(spki.content, der::SEQUENCE).ok_or(SpkiError::Malformed)?;
        let bits = der::expect(algorithm.rest, der::BIT_STRING).ok_or(SpkiError::Malformed)?;
        if !bits.rest.is_empty() {
            return Err(SpkiError::Malformed);
        }
        let Some((0, point)) = bits.content.split_first() else {
            return Err(SpkiError::Malformed);
        };
        let key = Self::from_point(curve_of(algorithm.content)?, point)?;
        Ok((key, spki.rest))
    }

    /// The curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The point: 32 bytes for Ed25519, `04 ‖ X ‖ Y` big-endian for the others.
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// The 33 bytes `02|03 ‖ X` that Tezos keys of secp256k1 and P-256 hold, and the 32 bytes of
    /// an Ed25519 key; `None` for BLS12-381, whose compressed form needs field arithmetic.
    pub fn compressed(&self) -> Option<Vec<u8>> {
        match self.curve {
            Curve::Ed25519 => Some(self.point.clone()),
            Curve::Secp256k1 | Curve::P256 => {
                let odd = self.point.last()? & 1;
                let mut out = vec![0x02 | odd];
                out.extend_from_slice(self.point.get(1..33)?);
                Some(out)
            }
            Curve::Bls12_381 => None,
        }
    }

    /// The SPKI in EP11's form (`ecPublicKey` with the curve's OID for every curve).
    pub fn to_spki(&self) -> Vec<u8> {
        let encode = || {
            let mut algorithm = oid::EC_PUBLIC_KEY.to_vec();
            algorithm.extend_from_slice(self.curve.oid());
            let mut bits = vec![0];
            bits.extend_from_slice(&self.point);
            let mut body = der::write(der::SEQUENCE, &algorithm)?;
            body.extend(der::write(der::BIT_STRING, &bits)?);
            der::write(der::SEQUENCE, &body)
        };
        // A point is at most 97 bytes, so every length fits.
        encode().unwrap_or_default()
    }
}

fn curve_of(algorithm: &[u8]) -> Result<Curve, SpkiError> {
    let name = der::expect(algorithm, der::OID).ok_or(SpkiError::Malformed)?;
    if name.whole == oid::ED25519 && name.rest.is_empty() {
        return Ok(Curve::Ed25519);
    }
    if name.whole != oid::EC_PUBLIC_KEY {
        return Err(SpkiError::UnknownCurve);
    }
    let parameters = der::expect(name.rest, der::OID).ok_or(SpkiError::UnknownCurve)?;
    if !parameters.rest.is_empty() {
        return Err(SpkiError::Malformed);
    }
    Curve::from_oid(parameters.whole).ok_or(SpkiError::UnknownCurve)
}

#[cfg(test)]
mod tests;
