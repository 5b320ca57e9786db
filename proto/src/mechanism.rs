//! Builders of the `Mechanism` message.

use crate::constants::Ckm;
use crate::grep11::mechanism::Parameter;
use crate::grep11::{BtcDeriveParm, EcsgParm, Mechanism, btc_derive_parm, ecsg_parm};
use crate::spki::Curve;

/// A mechanism without parameter.
pub fn plain(mechanism: Ckm) -> Mechanism {
    Mechanism {
        mechanism: mechanism.0,
        parameter: None,
    }
}

/// A mechanism with a byte parameter, such as the IV of `CKM_AES_CBC_PAD`.
pub fn with_bytes(mechanism: Ckm, parameter: impl Into<Vec<u8>>) -> Mechanism {
    Mechanism {
        mechanism: mechanism.0,
        parameter: Some(Parameter::ParameterB(parameter.into())),
    }
}

/// BLS signatures: `CKM_IBM_ECDSA_OTHER` with its variant.
pub fn bls() -> Mechanism {
    Mechanism {
        mechanism: Ckm::IBM_ECDSA_OTHER.0,
        parameter: Some(Parameter::EcsgParameter(EcsgParm {
            r#type: ecsg_parm::EcsgType::CkEcsgIbmBls.into(),
        })),
    }
}

/// One SLIP-0010 or BIP32 step; a hardened index is `i + 0x8000_0000`.
pub fn btc_derive(
    step: btc_derive_parm::BtcDeriveType,
    index: u64,
    chain_code: impl Into<Vec<u8>>,
) -> Mechanism {
    Mechanism {
        mechanism: Ckm::IBM_BTC_DERIVE.0,
        parameter: Some(Parameter::BtcDeriveParameter(BtcDeriveParm {
            r#type: step.into(),
            child_key_index: index,
            chain_code: chain_code.into(),
            version: 1,
        })),
    }
}

/// The mechanism that signs for a Tezos key of this curve.
///
/// Ed25519, secp256k1 and P-256 sign the BLAKE2b-256 digest of the payload, BLS the payload itself.
pub fn signing(curve: Curve) -> Mechanism {
    match curve {
        Curve::Ed25519 => plain(Ckm::IBM_ED25519_SHA512),
        Curve::Secp256k1 | Curve::P256 => plain(Ckm::ECDSA),
        Curve::Bls12_381 => bls(),
    }
}

/// The number of a request's mechanism; `u64::MAX`, which none has, if missing.
pub fn number(mechanism: Option<&Mechanism>) -> Ckm {
    Ckm(mechanism.map_or(u64::MAX, |mechanism| mechanism.mechanism))
}
