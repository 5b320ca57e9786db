use super::*;

const ED_KEY: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
const SECP_KEY: &str = "sppk7cXzUGMoqqa3MNc5zUZrwuqCAtmxQYcQA82f1xRyZFnzyzYUS5Z";
const P256_KEY: &str = "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk";
const P256_SIGNATURE: &str = "p2sigo6KPAwT5cTbmEEBT5VLHrELMk1zvyPARKFsf9s1cAbHfuk4X1dAeAS2LAL5X69eWm9aojySRo1xWPWZfkH8SEfB3Q67D3";

fn check(key: &str, message: &str, signature: &str) -> Result<(), KeyError> {
    let key = PublicKey::parse(key).unwrap();
    let raw = key.parse_signature(signature)?;
    key.verify(&hex::decode(message).unwrap(), &raw)
}

#[test]
fn keys_hash_to_their_addresses() {
    for (key, address) in [
        (ED_KEY, "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx"),
        (SECP_KEY, "tz2DTy9uoYbCFZrtSi9AHNUsnyE8CgDSyQqp"),
        (P256_KEY, "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA"),
    ] {
        let parsed = PublicKey::parse(key).unwrap();
        assert_eq!(parsed.hash().to_string(), address);
        assert_eq!(PublicKeyHash::parse(address).unwrap(), parsed.hash());
        assert_eq!(parsed.to_string(), key);
    }
}

#[test]
fn known_signatures_of_each_curve_verify() {
    check(ED_KEY, "03aabbcc", "edsigteneNzvjGC3RBXCXY8a6augUosW6c3YpxD12RmXeKfGuQ9XT9gLa4abqCg8Yng7qjBEYicUZCPMpkQPZuJJtTZLzwK35NA").unwrap();
    check(SECP_KEY, "03aabbcc", "spsig1Y8f4v3orfCtcYgQtkaQaHTHbNYSqU3XcHoFmbybBye7QrGjGz7vx1dvE2hi1ro3osMwyftv3ZQkYotDtQ9LKkXyLvtRjk").unwrap();
    check(P256_KEY, "03aabbcc", P256_SIGNATURE).unwrap();
}

#[test]
fn other_bytes_another_key_and_another_curve_are_refused() {
    assert_eq!(
        check(P256_KEY, "03aabbcd", P256_SIGNATURE),
        Err(KeyError::Wrong)
    );
    assert_eq!(
        check(SECP_KEY, "03aabbcc", P256_SIGNATURE),
        Err(KeyError::OtherCurve)
    );
    assert_eq!(
        check(
            ED_KEY,
            "03aabbcc",
            &base58::encode(base58::SIGNATURE, &[0; 64])
        ),
        Err(KeyError::Wrong)
    );
    assert_eq!(
        PublicKey::parse(
            "BLpk1tX2GUHB4pYNtDkYWyWDXWVnBfDMTkSYYyUTCy6Sjpx9xResnDGCpGKnzYHzd8MZMoDZVvQm"
        ),
        Err(KeyError::Curve)
    );
}

#[test]
fn the_generic_prefix_is_accepted() {
    let key = PublicKey::parse(P256_KEY).unwrap();
    let raw = key.parse_signature(P256_SIGNATURE).unwrap();
    check(
        P256_KEY,
        "03aabbcc",
        &base58::encode(base58::SIGNATURE, &raw),
    )
    .unwrap();
}

#[test]
fn the_mirrored_signature_with_a_high_s_is_refused() {
    // Order of P-256; n − s is the other s that plain ECDSA would accept.
    let order =
        hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let key = PublicKey::parse(P256_KEY).unwrap();
    let mut raw = key.parse_signature(P256_SIGNATURE).unwrap();
    let mut borrow = 0_i16;
    for index in (0..32).rev() {
        let mut value = i16::from(order[index]) - i16::from(raw[32 + index]) - borrow;
        borrow = i16::from(value < 0);
        value += 256 * borrow;
        raw[32 + index] = u8::try_from(value).unwrap();
    }
    assert_eq!(
        key.verify(&[0x03, 0xaa, 0xbb, 0xcc], &raw),
        Err(KeyError::HighS)
    );
}
