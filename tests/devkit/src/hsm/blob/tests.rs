use bakehouse_proto::Curve;
use proptest::prelude::*;

use super::*;

const BITS: BlobAttributes = BlobAttributes(0x40_0126);

fn key() -> Secret {
    Secret::Private(Curve::P256, [7; 32])
}

#[test]
fn a_sealed_key_is_opened_and_its_head_is_in_the_clear() {
    let master = MasterKey::random().unwrap();
    let blob = master.seal(BITS, &key()).unwrap();
    let audit = BlobAudit::parse(&blob).unwrap();
    assert_eq!(
        (audit.wkid(), audit.attributes(), audit.mode()),
        (&master.wkid(), BITS, 1)
    );
    assert!(!audit.extractable() && audit.can_sign());
    let opened = master.open(&blob).unwrap();
    assert_eq!(opened.attributes, BITS);
    assert_eq!(opened.secret.to_bytes(), key().to_bytes());
}

#[test]
fn blobs_have_the_sizes_of_real_ones() {
    let master = MasterKey::random().unwrap();
    for (secret, size) in [
        (Secret::Private(Curve::Ed25519, [7; 32]), 624),
        (Secret::Private(Curve::Secp256k1, [7; 32]), 560),
        (Secret::Aes(vec![7; 32]), 256),
        (Secret::Generic(vec![7; 64]), 448),
    ] {
        assert_eq!(master.seal(BITS, &secret).unwrap().len(), size);
    }
    let large = Secret::Generic(vec![7; 256]);
    let blob = master.seal(BITS, &large).unwrap();
    assert_eq!(
        master.open(&blob).unwrap().secret.to_bytes(),
        large.to_bytes()
    );
}

#[test]
fn a_blob_of_another_master_key_is_told_apart_from_a_damaged_one() {
    let master = MasterKey::random().unwrap();
    let other = MasterKey::random().unwrap();
    let blob = other.seal(BITS, &key()).unwrap();
    assert_eq!(master.open(&blob).err(), Some(Ckr::IBM_WKID_MISMATCH));
    assert_eq!(master.open(&[]).err(), Some(Ckr::IBM_BLOB_ERROR));
}

#[test]
fn no_byte_of_a_blob_can_be_changed() {
    let master = MasterKey::random().unwrap();
    let good = master.seal(BITS, &key()).unwrap();
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 0x01;
        let expected = if (32..48).contains(&index) {
            Ckr::IBM_WKID_MISMATCH
        } else {
            Ckr::IBM_BLOB_ERROR
        };
        assert_eq!(master.open(&bad).err(), Some(expected), "byte {index}");
    }
}

#[test]
fn no_byte_of_a_public_key_can_be_changed() {
    let master = MasterKey::random().unwrap();
    let key = key().public_key().unwrap();
    let good = master.seal_public(&key, true).unwrap();
    assert_eq!(good.len(), 91 + 128);
    assert_eq!(master.open_public(&good), Ok((key.clone(), true)));
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 0x01;
        assert!(master.open_public(&bad).is_err(), "byte {index}");
    }
    let silent = master.seal_public(&key, false).unwrap();
    assert_eq!(master.open_public(&silent), Ok((key.clone(), false)));
    assert_eq!(master.open_public(&key.to_spki()), Err(Ckr::IBM_BLOB_ERROR));
    let other = MasterKey::random().unwrap();
    assert_eq!(other.open_public(&good), Err(Ckr::IBM_WKID_MISMATCH));
}

#[test]
fn the_trailer_has_the_layout_of_a_real_one() {
    let master = MasterKey::random().unwrap();
    let blob = master
        .seal_public(&key().public_key().unwrap(), true)
        .unwrap();
    let trailer = hex::encode(&blob[91..]);
    assert_eq!(&trailer[..4], "0410");
    assert_eq!(&trailer[36..104], format!("0420{}", "00".repeat(32)));
    assert_eq!(&trailer[104..108], "0408");
    assert_eq!(
        &trailer[124..188],
        "0408000000000000000104141001000000008024000080248001000a00000001"
    );
    assert_eq!(&trailer[188..192], "0420");
}

proptest! {
    #[test]
    fn any_bytes_are_opened_without_panic(data in proptest::collection::vec(any::<u8>(), 0..700)) {
        let master = MasterKey::from_bytes(&[1; 32]).unwrap();
        prop_assert!(master.open(&data).is_err());
        prop_assert!(master.open_public(&data).is_err());
    }
}
