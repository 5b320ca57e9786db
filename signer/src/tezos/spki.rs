//! Just enough DER to take the point out of a `SubjectPublicKeyInfo`.
//!
//! An EP11 public key is one DER SEQUENCE followed by a trailer with a MAC of the HSM; what follows the SEQUENCE is ignored.

use super::{Curve, TezosError};

const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const SECP256K1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const BLS12_381: &[u8] = &[
    0x2b, 0x06, 0x01, 0x04, 0x01, 0x02, 0x82, 0x0b, 0x87, 0x67, 0x03, 0x02,
];

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const BIT_STRING: u8 = 0x03;

/// The curve, and the bytes of the point.
pub(super) fn parse(der: &[u8]) -> Result<(Curve, &[u8]), TezosError> {
    let (info, _trailer) = element(SEQUENCE, der)?;
    let (algorithm, rest) = element(SEQUENCE, info)?;
    let (bits, rest) = element(BIT_STRING, rest)?;
    if !rest.is_empty() {
        return Err(TezosError::Spki("bytes after the point"));
    }
    let (identifier, parameters) = element(OBJECT, algorithm)?;
    let named = match identifier {
        ED25519 if parameters.is_empty() => ED25519,
        EC_PUBLIC_KEY => {
            let (named, rest) = element(OBJECT, parameters)?;
            if !rest.is_empty() {
                return Err(TezosError::Spki("bytes after the curve"));
            }
            named
        }
        _ => return Err(TezosError::Spki("not an elliptic-curve key")),
    };
    let curve = match named {
        ED25519 => Curve::Ed25519,
        SECP256K1 => Curve::Secp256k1,
        P256 => Curve::P256,
        BLS12_381 => Curve::Bls12_381,
        _ => return Err(TezosError::Spki("unknown curve")),
    };
    match bits {
        [0, point @ ..] => Ok((curve, point)),
        _ => Err(TezosError::Spki("not a whole number of bytes")),
    }
}

/// One DER element of this tag: its content, and what follows it.
fn element(tag: u8, der: &[u8]) -> Result<(&[u8], &[u8]), TezosError> {
    let (length, rest) = match der {
        [first, length @ 0..=0x7f, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x81, length @ 0x80..=0xff, rest @ ..] if *first == tag => {
            (usize::from(*length), rest)
        }
        _ => return Err(TezosError::Spki("an unexpected DER element")),
    };
    rest.split_at_checked(length)
        .ok_or(TezosError::Spki("cut short"))
}
