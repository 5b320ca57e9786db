use proptest::prelude::*;

use super::*;

/// A secp256k1 key with its trailer as a real HSM gave it (216 bytes).
pub(crate) const REAL: &str = "3056301006072a8648ce3d020106052b8104000a034200049378d1d10a0c4b2f36d6e7b43716ac277669332c2a0cb6792f7d5627c2c64a3fea516528611b1b51e45a559893c0018411279a68fa2e1db1ae62d2ff7ab76936041050d94c73fbf3137d2239f132191026a50420000000000000000000000000000000000000000000000000000000000000000004081f067a1bd36e4c120408000000000000000104141001000000008024000080248001000a000000010420d6b50c59ce343ab5c96adaeb41e7b43c6f4f2943c26679fb4aa7f000c6142c82";

fn point(curve: Curve) -> Vec<u8> {
    let mut point = vec![7; curve.point_len()];
    if curve != Curve::Ed25519 {
        point[0] = 4;
    }
    point
}

#[test]
fn a_real_public_key_blob_is_read_and_its_trailer_given_back() {
    let blob = hex::decode(REAL).unwrap();
    let (key, trailer) = PublicKey::parse_prefix(&blob).unwrap();
    assert_eq!(key.curve(), Curve::Secp256k1);
    assert_eq!(key.point(), &blob[23..88]);
    assert_eq!(trailer.len(), 128);
    assert_eq!(key.to_spki(), &blob[..88]);
}

#[test]
fn spkis_have_the_prefixes_and_lengths_of_real_ones() {
    for (curve, prefix, length) in [
        (
            Curve::Ed25519,
            "3033300e06072a8648ce3d020106032b6570032100",
            53,
        ),
        (
            Curve::Secp256k1,
            "3056301006072a8648ce3d020106052b8104000a034200",
            88,
        ),
        (
            Curve::P256,
            "3059301306072a8648ce3d020106082a8648ce3d030107034200",
            91,
        ),
        (
            Curve::Bls12_381,
            "307d301706072a8648ce3d0201060c2b0601040102820b87670302036200",
            127,
        ),
    ] {
        let key = PublicKey::from_point(curve, &point(curve)).unwrap();
        let spki = key.to_spki();
        assert_eq!(hex::encode(&spki[..prefix.len() / 2]), prefix);
        assert_eq!(spki.len(), length);
        assert_eq!(PublicKey::parse(&spki), Ok(key));
    }
}

#[test]
fn the_rfc_8410_form_of_ed25519_is_read_too() {
    let mut spki = hex::decode("302a300506032b6570032100").unwrap();
    spki.extend_from_slice(&[9; 32]);
    let key = PublicKey::parse(&spki).unwrap();
    assert_eq!((key.curve(), key.point()), (Curve::Ed25519, &[9; 32][..]));
}

#[test]
fn what_is_no_key_is_refused() {
    let key = PublicKey::from_point(Curve::P256, &point(Curve::P256)).unwrap();
    let good = key.to_spki();
    for cut in 0..good.len() {
        assert_eq!(
            PublicKey::parse(&good[..cut]),
            Err(SpkiError::Malformed),
            "{cut}"
        );
    }
    let mut other_curve = good.clone();
    other_curve[22] ^= 1;
    assert_eq!(PublicKey::parse(&other_curve), Err(SpkiError::UnknownCurve));
    let mut compressed = good.clone();
    compressed[26] = 2;
    assert_eq!(PublicKey::parse(&compressed), Err(SpkiError::BadPoint));
    assert_eq!(
        PublicKey::from_point(Curve::P256, &[4; 64]),
        Err(SpkiError::BadPoint)
    );
    assert_eq!(
        PublicKey::from_point(Curve::Ed25519, &[4; 33]),
        Err(SpkiError::BadPoint)
    );
}

#[test]
fn the_compressed_form_follows_the_parity_of_y() {
    let mut even = point(Curve::P256);
    even[64] = 2;
    let mut odd = even.clone();
    odd[64] = 3;
    for (bytes, tag) in [(even, 2), (odd, 3)] {
        let compressed = PublicKey::from_point(Curve::P256, &bytes)
            .unwrap()
            .compressed()
            .unwrap();
        assert_eq!((compressed.len(), compressed[0]), (33, tag));
        assert_eq!(compressed[1..], bytes[1..33]);
    }
    let bls = PublicKey::from_point(Curve::Bls12_381, &point(Curve::Bls12_381)).unwrap();
    assert_eq!(bls.compressed(), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..256)) {
        if let Ok((key, rest)) = PublicKey::parse_prefix(&data) {
            prop_assert_eq!(key.point().len(), key.curve().point_len());
            prop_assert!(rest.len() < data.len());
        }
    }

    #[test]
    fn a_damaged_key_never_reads_as_another_curve_of_the_same_point_length(
        index in 0_usize..91, flip in 1_u8..,
    ) {
        let key = PublicKey::from_point(Curve::P256, &point(Curve::P256)).unwrap();
        let mut spki = key.to_spki();
        spki[index] ^= flip;
        if let Ok(read) = PublicKey::parse(&spki) {
            prop_assert_eq!(read.curve(), Curve::P256);
        }
    }

    #[test]
    fn what_follows_the_key_is_ignored(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
        let key = PublicKey::from_point(Curve::Ed25519, &point(Curve::Ed25519)).unwrap();
        let mut bytes = key.to_spki();
        bytes.extend_from_slice(&tail);
        prop_assert_eq!(PublicKey::parse_prefix(&bytes), Ok((key, tail.as_slice())));
    }
}
