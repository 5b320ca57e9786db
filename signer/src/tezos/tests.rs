//! Vectors of Octez, taquito, pytezos and of real HSMs.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const ED: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
const SP: &str = "sppk7cXzUGMoqqa3MNc5zUZrwuqCAtmxQYcQA82f1xRyZFnzyzYUS5Z";
const P2: &str = "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk";
/// taquito's key and its signature of 03‖1234, with low s.
const TAQUITO_P2: &str = "p2pk66tTYL5EvahKAXncbtbRPBkAnxo3CszzUho5wPCgWauBMyvybuB";
const TAQUITO_P2_LOW: &str = "1ab01b20e9e134f3e3a39dcdc7b85d79a28ef8aa188c2b78022b11e24ec392e0\
     7546258dc9f632e7e82d7ad9edc66058da7d75afca71cf4289ff22c9c2bc07d6";
/// n − s of it.
const TAQUITO_P2_HIGH_S: &str = "8ab9da713609cd1917d2852612399fa6e26984fddca5cf4269baa7f939a71d7b";
/// pytezos' signature of the same bytes by the same key, with another nonce and a high s.
const PYTEZOS_P2_HIGH: &str = "p2sigfQ4njbCjcc9tYDR4Gskr2z4mWRtzQYmVZLE7HYV7woBDovfd5F3Cocea6CWrarUm8rjX8CT6ehBDqbMx9vf2Axrm5rZNX";
/// A real HSM's secp256k1 key (ep11rust) and its signature of SHA-256("This data needs to be signed"), with high s.
const HSM_SPKI: &str = "3056301006072a8648ce3d020106052b8104000a034200049378d1d10a0c4b2f36d6e7b43716ac277669332c2a0cb6792f7d5627c2c64a3fea516528611b1b51e45a559893c0018411279a68fa2e1db1ae62d2ff7ab76936041050d94c73fbf3137d2239f132191026a50420000000000000000000000000000000000000000000000000000000000000000004081f067a1bd36e4c120408000000000000000104141001000000008024000080248001000a000000010420d6b50c59ce343ab5c96adaeb41e7b43c6f4f2943c26679fb4aa7f000c6142c82";
const HSM_SIGNATURE: &str = "fef6ae95523c41342d3565909f8be67870f4a1200b576128ca339d5d2e46246ffad5be0f19f3ad57aa66e09274953a25ec31a8ac68d14026c78a1d4f1668cf6b";

fn key(text: &str) -> PublicKey {
    text.parse().unwrap()
}

fn raw(hexadecimal: &str) -> [u8; 64] {
    hex::decode(hexadecimal).unwrap().try_into().unwrap()
}

#[rstest]
#[case(ED, "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx")]
#[case(SP, "tz2DTy9uoYbCFZrtSi9AHNUsnyE8CgDSyQqp")]
#[case(P2, "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA")]
#[case(
    "edpkuhmrbunxumoiVdQuxBZUPMmwkPt7yLtY5Qnua3VJVTLWr3vXXa",
    "tz1b9kV41KV9N3sp69ycLdSoZ2Ak8jXwtNPv"
)]
#[case(
    "sppk7aqSksZan1AGXuKtCz9UBLZZ77e3ZWGpFxR7ig1Z17GneEhSSbH",
    "tz2Ch1abG7FNiibmV26Uzgdsnfni9XGrk5wD"
)]
#[case(
    "sppk7bFd7b4DWcabg4yw4N5q8rn9thycWmY21EJDCKfTskNiBH8RJrd",
    "tz2JFbdFh1RVYuYX4gWbVQz9SAtqEZSwZaB8"
)]
#[case(TAQUITO_P2, "tz3Lfm6CyfSTZ7EgMckptZZGiPxzs9GK59At")]
fn keys_and_their_addresses_round_trip(#[case] text: &str, #[case] address: &str) {
    let key = key(text);
    assert_eq!(key.to_string(), text);
    assert_eq!(key.hash().to_string(), address);
    assert_eq!(address.parse::<PublicKeyHash>().unwrap(), key.hash());
    assert_eq!(
        PublicKeyHash::from_tagged(&key.hash().to_tagged()).unwrap(),
        key.hash()
    );
    assert_eq!(
        PublicKey::from_point(key.curve(), &key.to_bytes()).unwrap(),
        key
    );
}

#[rstest]
#[case(
    ED,
    "03aabbcc",
    "edsigteneNzvjGC3RBXCXY8a6augUosW6c3YpxD12RmXeKfGuQ9XT9gLa4abqCg8Yng7qjBEYicUZCPMpkQPZuJJtTZLzwK35NA"
)]
#[case(
    SP,
    "436865657273",
    "spsig1A1DJ2ECwr3AivzrWZppySzcWw4f7MyzxV6v3wHmJyCn4y6KnxyJEbQMCi2TaWiSd4HXy2TxZxAK7XZcpPgxAYtHTVvGgS"
)]
#[case(
    SP,
    "03aabbcc",
    "spsig1Y8f4v3orfCtcYgQtkaQaHTHbNYSqU3XcHoFmbybBye7QrGjGz7vx1dvE2hi1ro3osMwyftv3ZQkYotDtQ9LKkXyLvtRjk"
)]
#[case(
    P2,
    "436865657273",
    "p2sigVes2cEk5Zj9H7bXbQnX5cds3bm8RFPytR9FaUquGbjPUgEpBdsDe4wmd2wKrKiFSMVuKSPUmcyCBsTZLfdi854CyTNddr"
)]
#[case(
    P2,
    "03aabbcc",
    "p2sigo6KPAwT5cTbmEEBT5VLHrELMk1zvyPARKFsf9s1cAbHfuk4X1dAeAS2LAL5X69eWm9aojySRo1xWPWZfkH8SEfB3Q67D3"
)]
fn signatures_of_octez_verify_and_round_trip(
    #[case] public: &str,
    #[case] message: &str,
    #[case] text: &str,
) {
    let signature: Signature = text.parse().unwrap();
    let digest = blake2b_256(&hex::decode(message).unwrap());
    assert_eq!(signature.to_string(), text);
    assert_eq!(
        key(public).accept(&digest, &signature.to_bytes()).unwrap(),
        signature
    );
    let other = blake2b_256(b"something else");
    assert_eq!(
        key(public).accept(&other, &signature.to_bytes()),
        Err(TezosError::Unverified)
    );
}

#[rstest]
#[case(
    "edpkuhmrbunxumoiVdQuxBZUPMmwkPt7yLtY5Qnua3VJVTLWr3vXXa",
    "edsigtz8duidBGCFToGonG1zxuKjqvkjLAv5iD3p8SDUYN5299hrMgh5uGVPPggcu1ngLDWLcb51PAgenro3A5cqwHESVJ31m4x",
    "sigpKAnfQGzG4Rk5pV7z9mx2TL9veQCHD7qN4PhsUZMj1BqsumBoApBS9Ue616vKVymxrzfZE2L4h27zzxRUVy6BNPRMpufb"
)]
fn the_generic_form_is_of_the_same_bytes(
    #[case] public: &str,
    #[case] signature: &str,
    #[case] generic: &str,
) {
    let signature: Signature = signature.parse().unwrap();
    let digest = blake2b_256(&[0x03, 0x12, 0x34]);
    assert_eq!(
        digest.to_string(),
        "0ca34c8b7618c620b0bb3d45d91b98852df7cadae6d0cda161fcebb731dbeeb3"
    );
    key(public).verify(&digest, &signature.to_bytes()).unwrap();
    assert_eq!(signature.to_generic(), generic);
}

#[test]
fn a_high_s_of_p256_becomes_the_low_s_of_taquito() {
    let digest = blake2b_256(&[0x03, 0x12, 0x34]);
    let mut high = raw(TAQUITO_P2_LOW);
    high[32..].copy_from_slice(&hex::decode(TAQUITO_P2_HIGH_S).unwrap());
    key(TAQUITO_P2).verify(&digest, &high).unwrap();
    let accepted = key(TAQUITO_P2).accept(&digest, &high).unwrap();
    assert_eq!(accepted.to_bytes(), raw(TAQUITO_P2_LOW));
    assert_eq!(
        accepted.to_bytes(),
        low_s(Curve::P256, accepted.to_bytes()).unwrap()
    );
    assert_eq!(
        accepted.to_generic(),
        "sigRUobRZ4oG7CvdtQfNoDe3Gqn8zrLw6RXjXVa84rX3HMzWuCuncWgDqY8wRkssofLUsfbdR6MNGJzDWaNXEwTxDktfrKmj"
    );
}

#[test]
fn the_high_s_of_pytezos_verifies_and_leaves_low() {
    let digest = blake2b_256(&[0x03, 0x12, 0x34]);
    let high: Signature = PYTEZOS_P2_HIGH.parse().unwrap();
    key(TAQUITO_P2).verify(&digest, &high.to_bytes()).unwrap();
    let accepted = key(TAQUITO_P2)
        .accept(&digest, &high.to_bytes())
        .unwrap()
        .to_bytes();
    assert_eq!(accepted[..32], high.to_bytes()[..32], "r stays");
    assert!(
        accepted[32] < 0x80 && high.to_bytes()[32] >= 0x80,
        "s was high and is low"
    );
    key(TAQUITO_P2).verify(&digest, &accepted).unwrap();
}

#[test]
fn a_high_s_of_a_real_hsm_is_normalised() {
    let spki = hex::decode(HSM_SPKI).unwrap();
    let key = PublicKey::from_spki(&spki).unwrap();
    assert_eq!(key.curve(), Curve::Secp256k1);
    // The HSM signed a SHA-256 hash; a digest is 32 bytes whatever made it.
    let digest = Digest::from_bytes(aws_lc_rs_sha256(b"This data needs to be signed"));
    let high = raw(HSM_SIGNATURE);
    assert_eq!(
        key.verify(&digest, &high),
        Err(TezosError::Unverified),
        "Octez refuses high s"
    );
    let accepted = key.accept(&digest, &high).unwrap();
    assert_ne!(accepted.to_bytes(), high);
    key.verify(&digest, &accepted.to_bytes()).unwrap();
}

fn aws_lc_rs_sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}

#[test]
fn an_ep11_public_key_is_read_with_and_without_its_trailer_and_never_cut_short() {
    let spki = hex::decode(HSM_SPKI).unwrap();
    assert_eq!(spki.len(), 216);
    let whole = PublicKey::from_spki(&spki).unwrap();
    assert_eq!(PublicKey::from_spki(&spki[..88]).unwrap(), whole);
    for length in 0..88 {
        assert!(
            PublicKey::from_spki(&spki[..length]).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn an_ed25519_key_of_ep11_is_read_in_both_forms() {
    let point = key(ED).to_bytes();
    let ep11 = hex::decode("3033300e06072a8648ce3d020106032b6570032100").unwrap();
    let rfc8410 = hex::decode("302a300506032b6570032100").unwrap();
    for prefix in [ep11, rfc8410] {
        let spki = [prefix, point.clone()].concat();
        assert_eq!(PublicKey::from_spki(&spki).unwrap(), key(ED));
    }
}

#[test]
fn a_p256_key_of_ep11_is_read() {
    let compressed = key(P2);
    let Ok(parsed) = p256::ecdsa::VerifyingKey::from_sec1_bytes(&compressed.to_bytes()) else {
        panic!("not a point")
    };
    let prefix = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    let spki = [prefix, parsed.to_sec1_point(false).as_bytes().to_vec()].concat();
    assert_eq!(PublicKey::from_spki(&spki).unwrap(), compressed);
}

#[test]
fn chain_ids_are_those_of_the_networks() {
    let mainnet: ChainId = "NetXdQprcVkpaWU".parse().unwrap();
    assert_eq!(hex::encode(mainnet.as_bytes()), "7a06a770");
    let other = ChainId::from_bytes([0x7a, 0xf6, 0xa7, 0x70]);
    assert_eq!(other.to_string(), "NetXdZvMwNeVq1p");
    assert_eq!(
        "NetXo5iVw1vBoxM".parse::<ChainId>().unwrap().as_bytes(),
        &[0xb3, 0xd7, 0x9f, 0x99]
    );
}

#[test]
fn an_address_of_a_tz4_key_is_known_and_its_key_is_not_supported() {
    let address = "tz4RzMkzuihTXjknoL2hqePPCuDqEP5iXHtA";
    let hash: PublicKeyHash = address.parse().unwrap();
    assert_eq!(
        (hash.curve(), hash.to_string()),
        (Curve::Bls12_381, address.to_owned())
    );
    assert_eq!(
        "BLpk1tX2GUHB4pYNtDkYWyWDXWVnBfDMTkSYYyUTCy6Sjpx9xResnDGCpGKnzYHzd8MZMoDZVvQm"
            .parse::<PublicKey>(),
        Err(TezosError::CurveUnsupported(Curve::Bls12_381))
    );
}

#[rstest]
#[case("")]
#[case("edpk")]
#[case("edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yaV")]
#[case("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx")]
#[case("NetXdQprcVkpaWU")]
#[case("edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh")]
fn what_is_no_public_key_is_refused(#[case] text: &str) {
    assert!(text.parse::<PublicKey>().is_err());
}

#[test]
fn the_neutral_point_of_ed25519_is_no_key() {
    let mut weak = [0; 32];
    weak[0] = 1;
    assert_eq!(
        PublicKey::from_point(Curve::Ed25519, &weak),
        Err(TezosError::Point(Curve::Ed25519))
    );
}

#[rstest]
#[case(Curve::Secp256k1)]
#[case(Curve::P256)]
fn a_zero_r_or_s_and_those_above_the_order_are_refused(#[case] curve: Curve) {
    for (r, s) in [(0x00, 0x01), (0x01, 0x00), (0xff, 0x01), (0x01, 0xff)] {
        let raw: [u8; 64] = [[r; 32], [s; 32]].concat().try_into().unwrap();
        assert_eq!(low_s(curve, raw), Err(TezosError::Scalar));
    }
}

#[test]
fn a_signature_of_a_wrong_length_is_refused() {
    for length in [0, 63, 65, 96] {
        assert!(matches!(
            key(ED).accept(&blake2b_256(b""), &vec![1; length]),
            Err(TezosError::Length { .. })
        ));
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_parsers(text in "\\PC{0,200}") {
        prop_assert!(text.parse::<PublicKey>().is_err());
        prop_assert!(text.parse::<PublicKeyHash>().is_err());
        prop_assert!(text.parse::<Signature>().is_err());
        prop_assert!(text.parse::<ChainId>().is_err());
    }

    #[test]
    fn no_bytes_break_the_key_readers(bytes in proptest::collection::vec(any::<u8>(), 0..130)) {
        drop(PublicKey::from_spki(&bytes));
        for curve in [Curve::Ed25519, Curve::Secp256k1, Curve::P256, Curve::Bls12_381] {
            drop(PublicKey::from_point(curve, &bytes));
        }
    }

    #[test]
    fn one_wrong_character_is_noticed(position in 0..54usize, letter in "[1-9A-HJ-NP-Za-km-z]") {
        let mut text = ED.to_owned();
        text.replace_range(position..=position, &letter);
        prop_assert_eq!(text.parse::<PublicKey>().is_ok(), text == ED);
    }

    #[test]
    fn low_s_is_idempotent(bytes in proptest::array::uniform32(1u8..=254)) {
        let mut raw = [0; 64];
        raw[..32].copy_from_slice(&bytes);
        raw[32..].copy_from_slice(&bytes);
        for curve in [Curve::Secp256k1, Curve::P256] {
            if let Ok(once) = low_s(curve, raw) {
                prop_assert_eq!(low_s(curve, once).unwrap(), once);
            }
        }
    }

    #[test]
    fn chain_ids_round_trip(bytes in any::<[u8; 4]>()) {
        let chain = ChainId::from_bytes(bytes);
        prop_assert_eq!(chain.to_string().parse::<ChainId>().unwrap(), chain);
    }
}
