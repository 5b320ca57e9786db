use bakehouse_proto::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::*;

const CURVES: [Curve; 3] = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];

fn generated(curve: Curve) -> ([u8; 32], PublicKey) {
    let key = Secret::generate(curve).unwrap();
    let public = key.public_key().unwrap();
    let Secret::Private(_, secret) = key else {
        unreachable!()
    };
    (secret, public)
}

#[test]
fn what_is_signed_verifies_and_nothing_else_does() {
    for curve in CURVES {
        let (secret, public) = generated(curve);
        let (_, other) = generated(curve);
        for data in [
            &b""[..],
            b"This data needs to be signed",
            &[7; 32],
            &[7; 64],
        ] {
            let signature = sign(curve, &secret, data).unwrap();
            assert_eq!(verify(&public, data, &signature), Ok(()), "{curve:?}");
            assert_eq!(
                verify(&other, data, &signature),
                Err(Ckr::SIGNATURE_INVALID)
            );
            let mut damaged = signature.clone();
            damaged[0] ^= 0xff;
            assert_eq!(verify(&public, data, &damaged), Err(Ckr::SIGNATURE_INVALID));
            assert_eq!(
                verify(&public, data, &signature[1..]),
                Err(Ckr::SIGNATURE_LEN_RANGE)
            );
        }
        let signature = sign(curve, &secret, &[7; 32]).unwrap();
        assert_eq!(
            verify(&public, &[8; 32], &signature),
            Err(Ckr::SIGNATURE_INVALID)
        );
        assert_eq!(
            verify(&public, &[7; 32], &[0; 64]),
            Err(Ckr::SIGNATURE_INVALID)
        );
    }
}

#[test]
fn ecdsa_is_random_and_high_s_about_half_of_the_time() {
    for curve in [Curve::Secp256k1, Curve::P256] {
        let (secret, public) = generated(curve);
        let mut high = 0;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..64 {
            let signature = sign(curve, &secret, &[7; 32]).unwrap();
            verify(&public, &[7; 32], &signature).unwrap();
            // The order of both curves begins with ff…, so the half does with 7f….
            high += usize::from(signature[32] > 0x7f);
            assert!(seen.insert(signature));
        }
        // Outside of 8..=56 once in 10^9 runs.
        assert!(
            (8..=56).contains(&high),
            "{curve:?}: {high} of 64 are high-s"
        );
    }
}

#[test]
fn ed25519_is_pure_and_deterministic() {
    // RFC 8032, 7.1, test 3.
    let secret: [u8; 32] =
        hex::decode("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
            .unwrap()
            .try_into()
            .unwrap();
    let signature = sign(Curve::Ed25519, &secret, &[0xaf, 0x82]).unwrap();
    assert_eq!(
        hex::encode(signature),
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    );
}

/// From the README of ep11rust: a real HSM's signature, which is high-s.
#[test]
fn a_real_hsms_high_s_signature_verifies() {
    let spki = hex::decode("3056301006072a8648ce3d020106052b8104000a034200049378d1d10a0c4b2f36d6e7b43716ac277669332c2a0cb6792f7d5627c2c64a3fea516528611b1b51e45a559893c0018411279a68fa2e1db1ae62d2ff7ab76936").unwrap();
    let signature = hex::decode("fef6ae95523c41342d3565909f8be67870f4a1200b576128ca339d5d2e46246ffad5be0f19f3ad57aa66e09274953a25ec31a8ac68d14026c78a1d4f1668cf6b").unwrap();
    let key = PublicKey::parse(&spki).unwrap();
    let digest = Sha256::digest(b"This data needs to be signed");
    assert!(signature[32] > 0x7f);
    assert_eq!(verify(&key, &digest, &signature), Ok(()));
}

/// From the README of ep11signingserver: 25 bytes of data are the integer that they spell.
#[test]
fn a_real_hsms_signature_of_short_data_verifies() {
    let spki = STANDARD.decode("MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEx7FZrKZGXl0ZLWniqzoEzNfngaheJ3wsFzmHUMbeddmTxA+dJ50/xd9w8/s6egFIwKWmBsctZkZ5QbMKPVSM1wQQUNlMc/vzE30iOfEyGRAmpQQgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAECAGD8fPXuoDxBAgAAAAAAAAAAQQUEAEAAAAAgCQAAIAkgAEACgAAAAEEIBR2S6pmmG4arzn6fzAAmmVpm3sgRaJE6oarrTXV0/99").unwrap();
    let signature = STANDARD
        .decode("DZ6QPx1F5eqPGjHp9LDGFRXcnBoVHzhrYB3gvprvwV0y1o+3tOpME0+2LvM0CBUTlEPLcH3dnQXzmwMj4gVztg==")
        .unwrap();
    let data = STANDARD
        .decode("SGVsbG8gV29ybGQga2luZCBvZiB0ZXN0Cg==")
        .unwrap();
    assert_eq!(data.len(), 25);
    let key = PublicKey::parse(&spki).unwrap();
    assert_eq!(verify(&key, &data, &signature), Ok(()));
}

#[test]
fn keys_of_known_secrets_are_the_known_ones() {
    // The keys of the taquito test suite.
    for (curve, secret, point) in [
        (
            Curve::Ed25519,
            "ebc10f4db5067371765cea392ee836bfffbf345f588d2477f102f20382245210",
            "8bc1ef0944928b7fe9d7b7db1d4f15a4547c37dc7080844975dd4f8bdd6c89ea",
        ),
        (
            Curve::Secp256k1,
            "bb94fd06404a48b874850d8603d2114c94cd24b55b9e6c1cb44df7bc49659948",
            "04c9a6a1cafec7ab8a5624a04f0b07aad7c2a4e4aa2137e977af43b56e0ef59ad0f6c52983035d68cb9e2507fd726252430301a28f5baa9e662ac452b25b49e658",
        ),
        (
            Curve::P256,
            "3cdee0ff28337463455cd1cc43d29b1bf749d9615576525853ccc02b83c8b433",
            "0430ef59d5da4547c684aa0d5b7d8c1527fceab462cfd8d4a3529319c469b0d4d7896fd6b04882b4736eb99a1e60c1547dee3d180e85c72ec9ec55f50777214341",
        ),
    ] {
        let secret = hex::decode(secret).unwrap().try_into().unwrap();
        let key = Secret::private(curve, secret)
            .unwrap()
            .public_key()
            .unwrap();
        assert_eq!(hex::encode(key.point()), point);
    }
}

#[test]
fn scalars_outside_the_field_are_no_keys() {
    for curve in [Curve::Secp256k1, Curve::P256] {
        assert!(Secret::private(curve, [0; 32]).is_none());
        assert!(Secret::private(curve, [0xff; 32]).is_none());
        assert_eq!(add_scalars(curve, &[0xff; 32], &[1; 32]), None);
    }
    assert_eq!(
        Secret::generate(Curve::Bls12_381).err(),
        Some(Ckr::CURVE_NOT_SUPPORTED)
    );
}
