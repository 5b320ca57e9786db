//! A disk that neither succeeds nor fails, and a writer that is gone.

use std::path::Path;
use std::time::{Duration, Instant};

use super::bench::*;
use crate::watermark::{Admission, ArmError, WriteError};

#[tokio::test]
async fn a_stalled_disk_is_not_writable_and_holds_nobody_for_ever() {
    let (watermark, disk) = slow(&config(Path::new("")));
    watermark.arm(CHAIN, 0).await.unwrap();
    disk.stall();
    let admitted = watermark.admit(approve(TZ3, block(10, 0, 0))).await;
    let Ok(Admission::Sign(_permit, pending)) = admitted else {
        panic!("nothing was signed before")
    };
    let began = Instant::now();
    while watermark.writable() {
        assert!(began.elapsed() < Duration::from_secs(20), "still writable");
        tokio::task::yield_now().await;
    }
    assert!(began.elapsed() > Duration::from_secs(1), "slow is no stall");
    tokio::time::pause();
    assert!(matches!(pending.durable().await, Err(WriteError::Late(5))));
    assert!(matches!(watermark.probe().await, Err(WriteError::Late(5))));
    tokio::time::resume();
    assert_eq!(
        code(&sign(&watermark, TZ3, block(10, 0, 1), 1).await),
        "different_data",
        "the mark stays"
    );

    disk.mend();
    watermark.probe().await.unwrap();
    assert!(watermark.writable());
    let next = sign(&watermark, TZ3, block(11, 0, 0), 1).await;
    assert_eq!(code(&next), "signed");
}

#[tokio::test]
async fn a_stalled_disk_arms_nothing() {
    let (watermark, disk) = slow(&config(Path::new("")));
    disk.stall();
    tokio::time::pause();
    let late = watermark.arm(CHAIN, 0).await;
    tokio::time::resume();
    assert!(matches!(late, Err(ArmError::Write(WriteError::Late(_)))));
    assert!(!watermark.armed());
    disk.mend();
    watermark.arm(CHAIN, 0).await.unwrap();
    assert!(watermark.armed());
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_stalled_disk() {
    let (watermark, disk) = slow(&config(Path::new("")));
    disk.stall();
    let probe = watermark.probe();
    drop(probe);
    let began = Instant::now();
    drop(watermark);
    assert!(began.elapsed() < Duration::from_secs(10));
    disk.mend();
}

#[tokio::test]
async fn the_end_of_the_writer_is_heard_of() {
    let (watermark, disk) = slow(&config(Path::new("")));
    disk.panic();
    assert!(matches!(watermark.probe().await, Err(WriteError::Ended)));
    watermark.ended().await;
    assert!(!watermark.writable());
}
