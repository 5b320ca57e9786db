//! One promise, one test; in memory.

use std::sync::atomic::Ordering;

use rstest::rstest;

use super::bench::*;
use crate::request::{Class, Consensus, Height};
use crate::watermark::{Admission, ArmError, Refusal, WriteError};

#[tokio::test]
async fn other_chains_and_keys_are_refused() {
    let (watermark, _disk) = fresh();
    let error = watermark.arm(OTHER_CHAIN, 1).await.unwrap_err();
    assert!(matches!(
        error,
        ArmError::Chain(Refusal::ChainUnknown(OTHER_CHAIN))
    ));
    watermark.arm(CHAIN, 0).await.unwrap();
    let elsewhere = Consensus {
        chain: OTHER_CHAIN,
        ..block(10, 0, 0)
    };
    assert_eq!(
        code(&sign(&watermark, TZ3, elsewhere, 1).await),
        "chain_unknown"
    );
    let stranger = "tz1b9kV41KV9N3sp69ycLdSoZ2Ak8jXwtNPv";
    assert_eq!(
        code(&sign(&watermark, stranger, block(10, 0, 0), 1).await),
        "key_unknown"
    );
}

#[tokio::test]
async fn marks_are_per_kind_and_per_key_and_not_one_order() {
    let (watermark, _disk) = fresh();
    watermark.arm(CHAIN, 0).await.unwrap();
    for address in [TZ3, TZ1, TZ2] {
        // A block of the next level first, then the votes of this one, as bakers do.
        for (class, level) in [
            (Class::Block, 11),
            (Class::Preattestation, 10),
            (Class::Attestation, 10),
        ] {
            let request = super::bench::message(class, level, 0, 0);
            assert_eq!(
                code(&sign(&watermark, address, request, 1).await),
                "signed",
                "{class}"
            );
        }
    }
}

#[tokio::test]
async fn same_digest_same_answer() {
    let (watermark, disk) = fresh();
    watermark.arm(CHAIN, 0).await.unwrap();
    let first = sign(&watermark, TZ3, block(10, 0, 0), 1).await.unwrap();
    // The HSM would answer something else, and is not asked.
    assert_eq!(
        sign(&watermark, TZ3, block(10, 0, 0), 2).await.unwrap(),
        first
    );
    assert_eq!(
        code(&sign(&watermark, TZ3, block(10, 0, 1), 3).await),
        "different_data"
    );
    drop(watermark);
    let watermark = reopened(&disk);
    watermark.arm(CHAIN, 5).await.unwrap();
    assert_eq!(
        sign(&watermark, TZ3, block(10, 0, 0), 4).await.unwrap(),
        first
    );
}

#[rstest]
#[case::ecdsa_block(TZ3, block(10, 0, 0), "signature_lost")]
#[case::ecdsa_block_tz2(TZ2, block(10, 0, 0), "signature_lost")]
#[case::deterministic_block(TZ1, block(10, 0, 0), "signed")]
#[case::vote(TZ3, attestation(10, 0, 0), "signed")]
#[tokio::test]
async fn mark_never_lowered_on_sign_failure(
    #[case] address: &str,
    #[case] request: Consensus,
    #[case] again: &str,
) {
    let (watermark, disk) = fresh();
    watermark.arm(CHAIN, 0).await.unwrap();
    lose(&watermark, address, request).await;
    let other = Consensus {
        digest: block(10, 0, 9).digest,
        ..request
    };
    let lower = Consensus {
        height: Height { level: 9, round: 0 },
        ..request
    };
    for watermark in [watermark, reopened(&disk)] {
        watermark.arm(CHAIN, 0).await.unwrap();
        assert_eq!(
            code(&sign(&watermark, address, other, 1).await),
            "different_data"
        );
        assert_eq!(
            code(&sign(&watermark, address, lower, 1).await),
            "below_mark"
        );
    }
    let watermark = reopened(&disk);
    watermark.arm(CHAIN, 0).await.unwrap();
    assert_eq!(code(&sign(&watermark, address, request, 1).await), again);
    assert_eq!(
        code(
            &sign(
                &watermark,
                address,
                Consensus {
                    height: Height {
                        level: 10,
                        round: 1
                    },
                    ..other
                },
                1
            )
            .await
        ),
        "signed"
    );
}

#[tokio::test]
async fn a_failed_write_lets_nothing_out_until_a_write_succeeds() {
    let (watermark, faults, disk) = failing().await;
    assert!(watermark.writable());
    faults.fail.store(true, Ordering::SeqCst);
    for address in [TZ1, TZ3] {
        let Admission::Sign(_permit, pending) = watermark
            .admit(approve(address, block(10, 0, 0)))
            .await
            .unwrap()
        else {
            panic!("nothing was signed before")
        };
        assert!(matches!(
            pending.durable().await,
            Err(WriteError::Failed(_))
        ));
        assert!(!watermark.writable());
    }
    assert!(watermark.probe().await.is_err());
    assert!(
        disk.marks()
            .iter()
            .all(|stored| stored.mark.height.level < 10)
    );
    // Memory was not lowered.
    assert_eq!(
        code(&sign(&watermark, TZ3, block(10, 0, 1), 1).await),
        "different_data"
    );
    assert_eq!(
        code(&sign(&watermark, TZ3, block(9, 0, 0), 1).await),
        "below_mark"
    );
    faults.fail.store(false, Ordering::SeqCst);
    assert!(!watermark.writable(), "only a write shows that it works");
    watermark.probe().await.unwrap();
    assert!(watermark.writable());
    assert_eq!(
        code(&sign(&watermark, TZ3, block(10, 0, 0), 1).await),
        "signature_lost"
    );
    assert_eq!(
        code(&sign(&watermark, TZ1, block(10, 0, 0), 1).await),
        "signed"
    );
    assert_eq!(
        code(&sign(&watermark, TZ3, block(11, 0, 0), 1).await),
        "signed"
    );
}

#[tokio::test]
async fn a_write_that_happened_and_was_reported_failed_lets_nothing_out_either() {
    let (watermark, faults, disk) = failing().await;
    faults.lie.store(true, Ordering::SeqCst);
    let Admission::Sign(_permit, pending) = watermark
        .admit(approve(TZ3, attestation(10, 0, 0)))
        .await
        .unwrap()
    else {
        panic!("nothing was signed before")
    };
    assert!(pending.durable().await.is_err());
    faults.lie.store(false, Ordering::SeqCst);
    let after = reopened(&disk);
    after.arm(CHAIN, 0).await.unwrap();
    assert_eq!(
        code(&sign(&after, TZ3, attestation(10, 0, 1), 1).await),
        "different_data"
    );
}

#[tokio::test]
async fn operations_need_an_armed_signer_and_no_mark() {
    use crate::policy::{KeyRule, Policy, Role};
    use crate::request::SigningRequest;
    let (watermark, disk) = fresh();
    let rule = KeyRule::new(
        key(TZ3),
        Role::Manager,
        Policy::parse(["failing_noop"]).unwrap(),
    );
    let rule = rule.unwrap();
    let bytes = [&[3][..], &[0; 32], &[17, 0, 0, 0, 0]].concat();
    let approved = || {
        rule.approve(SigningRequest::parse(&bytes).unwrap())
            .unwrap()
    };
    assert!(matches!(
        watermark.admit(approved()).await,
        Err(Refusal::Unarmed(CHAIN))
    ));
    watermark.arm(CHAIN, 0).await.unwrap();
    let before = disk.marks();
    for _ in 0..2 {
        let Admission::Sign(permit, pending) = watermark.admit(approved()).await.unwrap() else {
            panic!("operations are never replayed")
        };
        assert_eq!(permit.name(), "operation");
        let durable = pending.durable().await.unwrap();
        assert_eq!(durable.complete(signature(TZ3, 1)), signature(TZ3, 1));
    }
    assert_eq!(disk.marks(), before);
}

#[tokio::test]
async fn status_shows_every_mark() {
    let (watermark, _disk) = fresh();
    assert!(watermark.marks().is_empty());
    watermark.arm(CHAIN, 0).await.unwrap();
    sign(&watermark, TZ3, attestation(10, 2, 0), 1)
        .await
        .unwrap();
    let marks = watermark.marks();
    assert_eq!(marks.len(), 9);
    let mine = marks.iter().find(|mark| mark.signed).unwrap();
    assert_eq!((mine.key, mine.class), (key(TZ3), Class::Attestation));
    assert_eq!(
        mine.height,
        Height {
            level: 10,
            round: 2
        }
    );
    assert_eq!(mine.digest, Some(attestation(10, 2, 0).digest));
    assert!(
        marks
            .iter()
            .filter(|mark| !mark.signed)
            .all(|mark| mark.digest.is_none())
    );
}
