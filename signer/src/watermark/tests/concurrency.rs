//! Many at once: one of many is admitted, the same bytes share one answer, one commit serves all who wait.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use tokio::task::JoinSet;

use super::bench::*;
use crate::request::Class;
use crate::watermark::error::StoreError;
use crate::watermark::store::{Store, Write};
use crate::watermark::{Admission, Refusal, Watermark};

/// 64 different blocks at each level, all at once; gives how many were admitted at each level.
async fn race(watermark: Arc<Watermark>, levels: std::ops::Range<i32>) {
    for level in levels {
        let mut tasks = JoinSet::new();
        for salt in 0..64 {
            let watermark = Arc::clone(&watermark);
            tasks.spawn(async move { sign(&watermark, TZ3, block(level, 0, salt), salt).await });
        }
        let results = tasks.join_all().await;
        let admitted = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(admitted, 1, "level {level}");
        let different =
            |result: &&Result<_, Refusal>| matches!(result, Err(Refusal::DifferentData { .. }));
        assert_eq!(
            results.iter().filter(different).count(),
            63,
            "level {level}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_different_blocks_exactly_one_is_admitted_at_each_of_1000_levels() {
    let (watermark, _faults, _disk) = failing().await;
    race(Arc::new(watermark), 3..1003).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_over_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let watermark = Watermark::open(config(dir.path())).unwrap();
    watermark.arm(CHAIN, 0).await.unwrap();
    race(Arc::new(watermark), 3..53).await;
}

/// Polls once: `None` if it would wait.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => Some(value),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn the_same_bytes_in_flight_wait_for_the_first_answer() {
    let (watermark, ..) = failing().await;
    let watermark = Arc::new(watermark);
    let approved = || approve(TZ3, block(10, 0, 0));
    let Admission::Sign(_permit, pending) = watermark.admit(approved()).await.unwrap() else {
        panic!("the first")
    };
    assert!(
        at_once(watermark.admit(approved())).await.is_none(),
        "it waits"
    );
    let mut waiters = JoinSet::new();
    for _ in 0..8 {
        let watermark = Arc::clone(&watermark);
        waiters.spawn(async move { watermark.admit(approve(TZ3, block(10, 0, 0))).await });
    }
    tokio::task::yield_now().await;
    // Others are not kept waiting.
    assert!(
        at_once(watermark.admit(approve(TZ3, block(10, 0, 1))))
            .await
            .unwrap()
            .is_err()
    );
    let answer = pending.durable().await.unwrap().complete(signature(TZ3, 1));
    for waited in waiters.join_all().await {
        assert!(matches!(waited, Ok(Admission::Replay(replayed)) if replayed == answer));
    }
}

#[tokio::test]
async fn those_who_waited_for_a_failed_call_are_decided_anew() {
    let (watermark, ..) = failing().await;
    for (request, expected) in [
        (block(10, 0, 0), Some("signature_lost")),
        (attestation(10, 0, 0), None),
    ] {
        let first = watermark.admit(approve(TZ3, request)).await.unwrap();
        let second = watermark.admit(approve(TZ3, request));
        tokio::pin!(second);
        assert!(at_once(&mut second).await.is_none());
        // The HSM failed, or whoever asked is gone.
        drop(first);
        let second = second.await;
        assert_eq!(second.as_ref().err().map(Refusal::code), expected);
        assert_eq!(
            matches!(second, Ok(Admission::Sign(..))),
            expected.is_none()
        );
    }
}

#[tokio::test]
async fn a_waiter_of_a_superseded_call_gets_its_answer_and_a_failed_one_is_refused() {
    let (watermark, ..) = failing().await;
    for (level, lands) in [(10, true), (20, false)] {
        let request = attestation(level, 0, 0);
        let Admission::Sign(_permit, pending) =
            watermark.admit(approve(TZ3, request)).await.unwrap()
        else {
            panic!("the first")
        };
        let second = watermark.admit(approve(TZ3, request));
        tokio::pin!(second);
        assert!(at_once(&mut second).await.is_none());
        sign(&watermark, TZ3, attestation(level + 1, 0, 0), 2)
            .await
            .unwrap();
        let durable = pending.durable().await.unwrap();
        if lands {
            let answer = durable.complete(signature(TZ3, 1));
            assert!(matches!(second.await, Ok(Admission::Replay(replayed)) if replayed == answer));
        } else {
            drop(durable);
            assert!(matches!(second.await, Err(Refusal::BelowMark { .. })));
        }
        // The later mark stands, with its own signature.
        let later = sign(&watermark, TZ3, attestation(level + 1, 0, 0), 3).await;
        assert_eq!(later, Ok(signature(TZ3, 2)));
    }
}

/// Tells when a commit begins, and lets it go on when told.
struct GatedStore {
    inner: Box<dyn Store>,
    begun: tokio::sync::mpsc::UnboundedSender<usize>,
    go: mpsc::Receiver<()>,
}

impl Store for GatedStore {
    fn commit(&mut self, batch: &[Write]) -> Result<(), StoreError> {
        self.begun.send(batch.len()).ok();
        self.go.recv().ok();
        self.inner.commit(batch)
    }
}

#[tokio::test]
async fn marks_that_wait_share_one_commit_and_admission_waits_for_none() {
    let (begun, mut commits) = tokio::sync::mpsc::unbounded_channel();
    let (go, gate) = mpsc::channel();
    let disk = MemoryDisk::default();
    let store = GatedStore {
        inner: disk.store(),
        begun,
        go: gate,
    };
    let watermark = over(&config(Path::new("")), Box::new(store), Vec::new());
    go.send(()).unwrap();
    watermark.arm(CHAIN, 0).await.unwrap();
    assert_eq!(commits.recv().await, Some(9));

    let admit = async |address, class| {
        let approved = approve(address, message(class, 10, 0, 0));
        match at_once(watermark.admit(approved)).await {
            Some(Ok(Admission::Sign(_permit, pending))) => pending,
            other => panic!("admitted at once, though the disk is busy: {other:?}"),
        }
    };
    let first = admit(TZ3, Class::Block).await;
    assert_eq!(
        commits.recv().await,
        Some(1),
        "the first commit is under way"
    );
    let mut others = vec![];
    for address in [TZ1, TZ2, TZ3] {
        for class in [Class::Preattestation, Class::Attestation] {
            others.push(admit(address, class).await);
        }
    }
    let first = first.durable();
    tokio::pin!(first);
    assert!(
        at_once(&mut first).await.is_none(),
        "not durable before the commit"
    );
    go.send(()).unwrap();
    drop(first.await.unwrap());
    assert_eq!(commits.recv().await, Some(6), "all others in one");
    go.send(()).unwrap();
    for pending in others {
        drop(pending.durable().await.unwrap());
    }
    drop(go);
}

#[tokio::test]
async fn a_mark_is_written_even_if_whoever_asked_is_gone() {
    let (watermark, faults, disk) = failing().await;
    let before = faults.commits.load(Ordering::SeqCst);
    drop(
        watermark
            .admit(approve(TZ3, block(10, 0, 0)))
            .await
            .unwrap(),
    );
    drop(watermark);
    assert!(faults.commits.load(Ordering::SeqCst) > before);
    assert!(
        disk.marks()
            .iter()
            .any(|stored| stored.mark.height.level == 10)
    );
}

/// Panics at the first commit that it is told to.
struct PanickingStore(Box<dyn Store>, Arc<Faults>);

impl Store for PanickingStore {
    fn commit(&mut self, batch: &[Write]) -> Result<(), StoreError> {
        assert!(!self.1.fail.load(Ordering::SeqCst), "told to panic");
        self.0.commit(batch)
    }
}

#[tokio::test]
async fn a_writer_that_panics_makes_the_store_unwritable_and_lets_nothing_out() {
    let faults = Arc::new(Faults::default());
    let store = PanickingStore(MemoryDisk::default().store(), Arc::clone(&faults));
    let watermark = over(&config(Path::new("")), Box::new(store), Vec::new());
    watermark.arm(CHAIN, 0).await.unwrap();
    faults.fail.store(true, Ordering::SeqCst);
    for level in [10, 11] {
        let Admission::Sign(_permit, pending) = watermark
            .admit(approve(TZ3, block(level, 0, 0)))
            .await
            .unwrap()
        else {
            panic!("nothing was signed")
        };
        assert!(pending.durable().await.is_err());
    }
    assert!(watermark.probe().await.is_err());
    drop(watermark);
}
