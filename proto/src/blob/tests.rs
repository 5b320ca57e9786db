use proptest::prelude::*;

use super::*;

fn blob(attributes: u64, ciphertext: usize) -> Vec<u8> {
    let mut blob = vec![0; 32];
    blob.extend([0x58; 16]);
    blob.extend(attributes.to_be_bytes());
    blob.extend(1_u64.to_be_bytes());
    blob.extend(VERSION);
    blob.extend([9; 14]);
    blob.extend(vec![0xcc; ciphertext + MAC_LEN]);
    blob
}

#[test]
fn the_head_tells_the_master_key_and_what_the_key_may_do() {
    // The bits that real HSMs gave for an extractable and a non-extractable signing key.
    let open = BlobAudit::parse(&blob(0x40_0125, 512)).unwrap();
    assert!(open.extractable() && open.can_sign());
    let closed = BlobAudit::parse(&blob(0x40_0126, 512)).unwrap();
    assert!(!closed.extractable() && closed.can_sign());
    assert_eq!(closed.wkid(), &[0x58; 16]);
    assert_eq!((closed.mode(), closed.session()), (1, None));
    assert!(closed.attributes().has(BlobAttributes::NEVER_EXTRACTABLE));
}

#[test]
fn sizes_of_real_blobs_are_accepted() {
    for size in [624, 640, 656, 560, 256, 272, 448] {
        assert!(
            BlobAudit::parse(&blob(0, size - HEAD_LEN - MAC_LEN)).is_ok(),
            "{size}"
        );
    }
}

#[test]
fn what_is_no_blob_is_refused_with_its_reason() {
    let good = blob(0x100, 64);
    assert_eq!(BlobAudit::parse(&good[..99]), Err(BlobError::Length(99)));
    assert_eq!(
        BlobAudit::parse(&good[..good.len() - 1]),
        Err(BlobError::Cut)
    );
    assert_eq!(
        BlobAudit::parse(&vec![0; MAX_LEN + 1]),
        Err(BlobError::Length(MAX_LEN + 1))
    );
    assert_eq!(BlobAudit::parse(&blob(0, 0)), Err(BlobError::Cut));
    let mut version = good.clone();
    version[65] = 0x35;
    assert_eq!(BlobAudit::parse(&version), Err(BlobError::Version));
    let mut spki = good;
    spki[0] = 0x30;
    assert_eq!(BlobAudit::parse(&spki), Err(BlobError::PublicKey));
}

#[test]
fn a_blob_of_a_session_says_so() {
    let mut bound = blob(0x100, 64);
    bound[31] = 7;
    let audit = BlobAudit::parse(&bound).unwrap();
    assert_eq!(audit.session().unwrap()[31], 7);
}

#[test]
fn bits_are_set_and_cleared_apart() {
    let both = BlobAttributes(0)
        .with(BlobAttributes::SIGN, true)
        .with(BlobAttributes::DERIVE, true);
    assert_eq!(both.0, 0x1100);
    assert_eq!(both.with(BlobAttributes::SIGN, false).0, 0x1000);
    assert_eq!(BlobAttributes::of(Cka::SIGN), Some(BlobAttributes::SIGN));
    assert_eq!(BlobAttributes::of(Cka::LABEL), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(audit) = BlobAudit::parse(&data) {
            prop_assert_eq!(audit.wkid().as_slice(), &data[32..48]);
        }
    }

    #[test]
    fn any_attributes_are_read_back(bits in any::<u64>()) {
        let audit = BlobAudit::parse(&blob(bits, 32)).unwrap();
        prop_assert_eq!(audit.attributes(), BlobAttributes(bits));
        prop_assert_eq!(audit.extractable(), bits & 1 == 1);
    }
}
