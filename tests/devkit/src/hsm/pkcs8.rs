//! The private-key format of `WrapKey` and `UnwrapKey`: IBM's PKCS #8, the same for every curve.
//!
//! `SEQ { 0, SEQ { ecPublicKey, curve }, OCTET STRING { SEQ { 1, sk, [1] BIT STRING pk } } }`, for
//! Ed25519 too. The public key is recomputed, not believed.

use bakehouse_proto::constants::oid;
use bakehouse_proto::{Ckr, Curve, der};

use super::keys::Secret;

const PUBLIC_KEY: u8 = 0xa1;

/// Writes a private key.
pub(super) fn encode(curve: Curve, secret: &[u8; 32]) -> Result<Vec<u8>, Ckr> {
    let public = Secret::Private(curve, *secret).public_key()?;
    write(curve, secret, public.point()).ok_or(Ckr::IBM_INTERNAL_ERROR)
}

fn write(curve: Curve, secret: &[u8; 32], point: &[u8]) -> Option<Vec<u8>> {
    let bits = der::write(der::BIT_STRING, &[&[0], point].concat())?;
    let inner = [
        der::write(der::INTEGER, &[1])?,
        der::write(der::OCTET_STRING, secret)?,
        der::write(PUBLIC_KEY, &bits)?,
    ];
    let inner = der::write(der::SEQUENCE, &inner.concat())?;
    let outer = [
        der::write(der::INTEGER, &[0])?,
        der::write(der::SEQUENCE, &[oid::EC_PUBLIC_KEY, curve.oid()].concat())?,
        der::write(der::OCTET_STRING, &inner)?,
    ];
    der::write(der::SEQUENCE, &outer.concat())
}

/// Reads a private key; attributes after it and a missing public key are accepted.
pub(super) fn decode(bytes: &[u8]) -> Option<Secret> {
    let whole = der::expect(bytes, der::SEQUENCE)?;
    let version = der::expect(whole.content, der::INTEGER)?;
    let algorithm = der::expect(version.rest, der::SEQUENCE)?;
    let wrapped = der::expect(algorithm.rest, der::OCTET_STRING)?;

    let name = der::expect(algorithm.content, der::OID)?;
    if name.whole != oid::EC_PUBLIC_KEY {
        return None;
    }
    let curve = Curve::from_oid(der::expect(name.rest, der::OID)?.whole)?;

    let inner = der::expect(wrapped.content, der::SEQUENCE)?;
    let version = der::expect(inner.content, der::INTEGER)?;
    let secret = der::expect(version.rest, der::OCTET_STRING)?;
    Secret::private(curve, secret.content.try_into().ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keys of the taquito test suite in the format that hpcstezos writes.
    const KNOWN: [&str; 3] = [
        "3061020100300e06072a8648ce3d020106032b6570044c304a0201010420ebc10f4db5067371765cea392ee836bfffbf345f588d2477f102f20382245210a1230321008bc1ef0944928b7fe9d7b7db1d4f15a4547c37dc7080844975dd4f8bdd6c89ea",
        "308184020100301006072a8648ce3d020106052b8104000a046d306b0201010420bb94fd06404a48b874850d8603d2114c94cd24b55b9e6c1cb44df7bc49659948a14403420004c9a6a1cafec7ab8a5624a04f0b07aad7c2a4e4aa2137e977af43b56e0ef59ad0f6c52983035d68cb9e2507fd726252430301a28f5baa9e662ac452b25b49e658",
        "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104203cdee0ff28337463455cd1cc43d29b1bf749d9615576525853ccc02b83c8b433a1440342000430ef59d5da4547c684aa0d5b7d8c1527fceab462cfd8d4a3529319c469b0d4d7896fd6b04882b4736eb99a1e60c1547dee3d180e85c72ec9ec55f50777214341",
    ];

    #[test]
    fn known_keys_are_read_and_written_to_the_byte() {
        for known in KNOWN {
            let bytes = hex::decode(known).unwrap();
            let Some(Secret::Private(curve, secret)) = decode(&bytes) else {
                panic!("not read: {known}");
            };
            assert_eq!(hex::encode(encode(curve, &secret).unwrap()), known);
        }
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        let good = hex::decode(KNOWN[2]).unwrap();
        for cut in 0..good.len() {
            assert!(decode(&good[..cut]).is_none(), "{cut}");
        }
        let mut zero = good;
        zero[36..68].fill(0);
        assert!(decode(&zero).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&data).is_none_or(|key| key.public_key().is_ok()));
        }
    }
}
