//! SLIP-0010 key derivation: master key from a seed, private child from a private parent.
//!
//! BIP32 for secp256k1 gives the same keys, so its steps come here too. Ed25519 has hardened
//! children only. The other curves have the retry rule of SLIP-0010 for values outside the field.

use aws_lc_rs::hmac;
use bakehouse_proto::{Ckr, Curve};

use super::keys::{Secret, add_scalars};

const HARDENED: u32 = 0x8000_0000;

/// A private key and its chain code.
pub(super) struct Node {
    pub(super) key: [u8; 32],
    pub(super) chain_code: [u8; 32],
}

/// The master node of a seed.
pub(super) fn master(curve: Curve, seed: &[u8]) -> Result<Node, Ckr> {
    let label: &[u8] = match curve {
        Curve::Ed25519 => b"ed25519 seed",
        Curve::Secp256k1 => b"Bitcoin seed",
        Curve::P256 => b"Nist256p1 seed",
        Curve::Bls12_381 => return Err(Ckr::CURVE_NOT_SUPPORTED),
    };
    let mut data = seed.to_vec();
    loop {
        let node = split(label, &data)?;
        if Secret::private(curve, node.key).is_some() {
            return Ok(node);
        }
        data = [node.key, node.chain_code].concat();
    }
}

/// The child of a private parent.
pub(super) fn child(
    curve: Curve,
    parent: &[u8; 32],
    chain_code: &[u8],
    index: u32,
) -> Result<Node, Ckr> {
    if chain_code.len() != 32 {
        return Err(Ckr::MECHANISM_PARAM_INVALID);
    }
    let mut data = if index >= HARDENED {
        [&[0], parent.as_slice()].concat()
    } else if curve == Curve::Ed25519 {
        return Err(Ckr::MECHANISM_PARAM_INVALID);
    } else {
        let public = Secret::Private(curve, *parent).public_key()?;
        public.compressed().ok_or(Ckr::CURVE_NOT_SUPPORTED)?
    };
    data.extend(index.to_be_bytes());
    loop {
        let node = split(chain_code, &data)?;
        if curve == Curve::Ed25519 {
            return Ok(node);
        }
        if let Some(key) = add_scalars(curve, &node.key, parent) {
            return Ok(Node {
                key,
                chain_code: node.chain_code,
            });
        }
        data = [&[1], node.chain_code.as_slice(), &index.to_be_bytes()].concat();
    }
}

fn split(key: &[u8], data: &[u8]) -> Result<Node, Ckr> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), data);
    let both = tag.as_ref().split_first_chunk::<32>();
    let (left, right) = both.ok_or(Ckr::IBM_INTERNAL_ERROR)?;
    let chain_code = right.try_into().map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
    Ok(Node {
        key: *left,
        chain_code,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "000102030405060708090a0b0c0d0e0f";
    const B: &str = "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542";
    const H: u32 = HARDENED;

    #[test]
    fn known_answers_of_slip_0010() {
        let cases: [(Curve, &str, &[u32], &str, &str); 9] = [
            (
                Curve::Ed25519,
                A,
                &[],
                "90046a93de5380a72b5e45010748567d5ea02bbf6522f979e05c0d8d8ca9fffb",
                "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7",
            ),
            (
                Curve::Ed25519,
                A,
                &[H, H + 1],
                "a320425f77d1b5c2505a6b1b27382b37368ee640e3557c315416801243552f14",
                "b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2",
            ),
            (
                Curve::Ed25519,
                B,
                &[],
                "ef70a74db9c3a5af931b5fe73ed8e1a53464133654fd55e7a66f8570b8e33c3b",
                "171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012",
            ),
            (
                Curve::Secp256k1,
                A,
                &[],
                "873dff81c02f525623fd1fe5167eac3a55a049de3d314bb42ee227ffed37d508",
                "e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35",
            ),
            (
                Curve::Secp256k1,
                A,
                &[H, 1, H + 2],
                "04466b9cc8e161e966409ca52986c584f07e9dc81f735db683c3ff6ec7b1503f",
                "cbce0d719ecf7431d88e6a89fa1483e02e35092af60c042b1df2ff59fa424dca",
            ),
            (
                Curve::Secp256k1,
                B,
                &[],
                "60499f801b896d83179a4374aeb7822aaeaceaa0db1f85ee3e904c4defbd9689",
                "4b03d6fc340455b363f51020ad3ecca4f0850280cf436c70c727923f6db46c3e",
            ),
            (
                Curve::P256,
                A,
                &[],
                "beeb672fe4621673f722f38529c07392fecaa61015c80c34f29ce8b41b3cb6ea",
                "612091aaa12e22dd2abef664f8a01a82cae99ad7441b7ef8110424915c268bc2",
            ),
            (
                Curve::P256,
                A,
                &[H, 1],
                "4187afff1aafa8445010097fb99d23aee9f599450c7bd140b6826ac22ba21d0c",
                "284e9d38d07d21e4e281b645089a94f4cf5a5a81369acf151a1c3a57f18b2129",
            ),
            // This one passes through the retry rule.
            (
                Curve::P256,
                A,
                &[H + 28_578, 33_941],
                "9e87fe95031f14736774cd82f25fd885065cb7c358c1edf813c72af535e83071",
                "092154eed4af83e078ff9b84322015aefe5769e31270f62c3f66c33888335f3a",
            ),
        ];
        for (curve, seed, path, chain_code, key) in cases {
            let mut node = master(curve, &hex::decode(seed).unwrap()).unwrap();
            for index in path {
                node = child(curve, &node.key, &node.chain_code, *index).unwrap();
            }
            assert_eq!(
                hex::encode(node.chain_code),
                chain_code,
                "{curve:?} {path:?}"
            );
            assert_eq!(hex::encode(node.key), key, "{curve:?} {path:?}");
        }
    }

    #[test]
    fn ed25519_has_hardened_children_only() {
        let node = master(Curve::Ed25519, &[1; 32]).unwrap();
        let refused = child(Curve::Ed25519, &node.key, &node.chain_code, 0);
        assert_eq!(refused.err(), Some(Ckr::MECHANISM_PARAM_INVALID));
        let short = child(Curve::Ed25519, &node.key, &[0; 31], HARDENED);
        assert_eq!(short.err(), Some(Ckr::MECHANISM_PARAM_INVALID));
    }
}
