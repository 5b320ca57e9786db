//! Base58check with Tezos' prefixes, so that a string of one kind is never taken for another.

use super::{Curve, TezosError};

/// A kind of base58check text: its prefix bytes, the length of what follows, and its name for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    prefix: &'static [u8],
    length: usize,
    name: &'static str,
}

macro_rules! kinds {
    ($($constant:ident = $prefix:expr, $length:expr, $name:expr;)+) => {
        $(pub(super) const $constant: Kind = Kind { prefix: &$prefix, length: $length, name: $name };)+
    };
}

kinds! {
    TZ1 = [0x06, 0xa1, 0x9f], 20, "a tz1 address";
    TZ2 = [0x06, 0xa1, 0xa1], 20, "a tz2 address";
    TZ3 = [0x06, 0xa1, 0xa4], 20, "a tz3 address";
    TZ4 = [0x06, 0xa1, 0xa6], 20, "a tz4 address";
    EDPK = [0x0d, 0x0f, 0x25, 0xd9], 32, "an edpk public key";
    SPPK = [0x03, 0xfe, 0xe2, 0x56], 33, "an sppk public key";
    P2PK = [0x03, 0xb2, 0x8b, 0x7f], 33, "a p2pk public key";
    BLPK = [0x06, 0x95, 0x87, 0xcc], 48, "a BLpk public key";
    EDSIG = [0x09, 0xf5, 0xcd, 0x86, 0x12], 64, "an edsig signature";
    SPSIG1 = [0x0d, 0x73, 0x65, 0x13, 0x3f], 64, "an spsig1 signature";
    P2SIG = [0x36, 0xf0, 0x2c, 0x34], 64, "a p2sig signature";
    SIG = [0x04, 0x82, 0x2b], 64, "a sig signature";
    CHAIN = [0x57, 0x52, 0x00], 4, "a chain id (Net…)";
    KT1 = [0x02, 0x5a, 0x79], 20, "a KT1 address";
    PROTOCOL = [0x02, 0xaa], 32, "a protocol hash (P…)";
}

/// The kind of the addresses of a curve.
pub(super) fn address(curve: Curve) -> Kind {
    match curve {
        Curve::Ed25519 => TZ1,
        Curve::Secp256k1 => TZ2,
        Curve::P256 => TZ3,
        Curve::Bls12_381 => TZ4,
    }
}

pub(super) fn encode(kind: Kind, payload: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(kind.prefix.len() + payload.len());
    bytes.extend_from_slice(kind.prefix);
    bytes.extend_from_slice(payload);
    bs58::encode(bytes).with_check().into_string()
}

/// The payload of `text`, if it is of this kind.
pub(super) fn decode<const N: usize>(kind: Kind, text: &str) -> Result<[u8; N], TezosError> {
    decode_any(&[kind], kind.name, text)?
        .1
        .try_into()
        .map_err(|bytes: Vec<u8>| TezosError::Length {
            what: kind.name,
            length: bytes.len(),
        })
}

/// The index of the kind that fits, and the payload.
pub(super) fn decode_any(
    kinds: &[Kind],
    expected: &'static str,
    text: &str,
) -> Result<(usize, Vec<u8>), TezosError> {
    // No Tezos text of ours is longer than a BLsig; decoding base58 is quadratic.
    if text.len() > 160 {
        return Err(TezosError::Length {
            what: "the text",
            length: text.len(),
        });
    }
    let bytes = bs58::decode(text)
        .with_check(None)
        .into_vec()
        .map_err(|_| TezosError::Base58)?;
    for (index, kind) in kinds.iter().enumerate() {
        if let Some(payload) = bytes.strip_prefix(kind.prefix)
            && payload.len() == kind.length
        {
            return Ok((index, payload.to_vec()));
        }
    }
    Err(TezosError::Prefix { expected })
}
