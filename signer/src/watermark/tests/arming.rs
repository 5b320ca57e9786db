//! What it takes before anything is signed, and from where on.

use std::path::Path;
use std::sync::atomic::Ordering;

use rstest::rstest;

use super::bench::*;
use crate::watermark::{ArmError, KeyFloor, Refusal};

#[tokio::test]
async fn unarmed_it_signs_nothing_and_armed_from_three_above_the_head_on() {
    let (watermark, _disk) = fresh();
    for level in [0, 1, 100, i32::MAX] {
        let result = sign(&watermark, TZ3, block(level, 0, 0), 1).await;
        assert_eq!(result, Err(Refusal::Unarmed(CHAIN)));
    }
    assert!(!watermark.armed());
    assert_eq!(watermark.arm(CHAIN, 100).await.unwrap(), 102);
    assert!(watermark.armed());
    for level in [0, 99, 100, 101, 102] {
        assert_eq!(
            code(&sign(&watermark, TZ3, block(level, 7, 0), 1).await),
            "below_mark"
        );
    }
    assert_eq!(
        code(&sign(&watermark, TZ3, block(103, 0, 0), 1).await),
        "signed"
    );
}

#[tokio::test]
async fn the_contract_floor_is_a_lower_bound_and_arms_nothing() {
    let disk = MemoryDisk::default();
    let mut config = config(Path::new(""));
    config.keys = vec![
        KeyFloor {
            key: key(TZ1),
            floor: 500,
        },
        KeyFloor {
            key: key(TZ3),
            floor: 5,
        },
    ];
    let watermark = over(&config, disk.store(), Vec::new());
    assert_eq!(
        code(&sign(&watermark, TZ1, block(600, 0, 0), 1).await),
        "unarmed"
    );
    watermark.arm(CHAIN, 100).await.unwrap();
    assert_eq!(
        code(&sign(&watermark, TZ1, block(500, 0, 0), 1).await),
        "below_mark"
    );
    assert_eq!(
        code(&sign(&watermark, TZ1, block(501, 0, 0), 1).await),
        "signed"
    );
    assert_eq!(
        code(&sign(&watermark, TZ3, block(102, 0, 0), 1).await),
        "below_mark"
    );
    assert_eq!(
        code(&sign(&watermark, TZ3, block(103, 0, 0), 1).await),
        "signed"
    );
}

#[tokio::test]
async fn arming_again_or_below_the_stored_mark_lowers_nothing() {
    let (watermark, disk) = fresh();
    watermark.arm(CHAIN, 100).await.unwrap();
    sign(&watermark, TZ3, block(200, 3, 0), 1).await.unwrap();
    assert_eq!(
        watermark.arm(CHAIN, 900).await.unwrap(),
        102,
        "the first answer"
    );
    drop(watermark);
    let watermark = reopened(&disk);
    watermark.arm(CHAIN, 50).await.unwrap();
    assert_eq!(
        code(&sign(&watermark, TZ3, block(200, 2, 0), 1).await),
        "below_mark"
    );
    assert_eq!(
        code(&sign(&watermark, TZ3, block(200, 3, 1), 1).await),
        "different_data"
    );
    assert_eq!(
        code(&sign(&watermark, TZ3, block(200, 4, 0), 1).await),
        "signed"
    );
}

#[rstest]
#[case(-1)]
#[case(i32::MIN)]
#[case(i32::MAX)]
#[case(i32::MAX - 1)]
#[tokio::test]
async fn a_head_that_cannot_be_arms_nothing(#[case] head: i32) {
    let (watermark, _disk) = fresh();
    assert!(matches!(
        watermark.arm(CHAIN, head).await,
        Err(ArmError::Head(_))
    ));
    assert!(!watermark.armed());
}

#[tokio::test]
async fn a_floor_that_cannot_be_written_arms_nothing() {
    let (disk, faults) = (MemoryDisk::default(), std::sync::Arc::default());
    let store = failing_over(disk.store(), &faults);
    let watermark = over(&config(Path::new("")), store, Vec::new());
    faults.fail.store(true, Ordering::SeqCst);
    assert!(matches!(
        watermark.arm(CHAIN, 10).await,
        Err(ArmError::Write(_))
    ));
    assert!(!watermark.armed());
    assert_eq!(
        code(&sign(&watermark, TZ3, block(50, 0, 0), 1).await),
        "unarmed"
    );
    faults.fail.store(false, Ordering::SeqCst);
    watermark.arm(CHAIN, 10).await.unwrap();
    assert_eq!(disk.marks().len(), 9, "three keys, three classes");
    assert!(
        disk.marks()
            .iter()
            .all(|stored| stored.mark.height.level == 12)
    );
}
