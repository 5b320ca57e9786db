use std::sync::atomic::Ordering;

use tokio::task::JoinHandle;

use super::*;
use crate::backend::fake::Fake;
use crate::tezos::ChainId;
use crate::watermark;
use crate::watermark::tests::bench::{Disk, slow};

struct Bench {
    backend: Arc<Fake>,
    health: Arc<Health>,
    disk: Disk,
    stop: CancellationToken,
}

impl Bench {
    fn new() -> Self {
        let backend = Fake::new(&[]);
        let config = watermark::Config {
            dir: "".into(),
            chains: vec![ChainId::from_bytes([1, 2, 3, 4])],
            keys: backend.keyring().floors(),
        };
        let (watermark, disk) = slow(&config);
        let health = Health::new(backend.keyring(), Arc::new(watermark));
        Self {
            backend,
            health: Arc::new(health),
            disk,
            stop: CancellationToken::new(),
        }
    }

    fn watch(&self) -> [JoinHandle<()>; 2] {
        let part = || (self.health.clone(), self.backend.clone(), self.stop.clone());
        let (health, backend, stop) = part();
        let hsm = tokio::spawn(async move { health.watch_hsm(&*backend, &stop).await });
        let (health, backend, stop) = part();
        let keys = tokio::spawn(async move { health.prove_keys(&*backend, &stop).await });
        [hsm, keys]
    }

    /// Waits until the check of keys is so, and tells how long it took.
    async fn keys(&self, ok: bool) -> Duration {
        let began = Instant::now();
        while self.health.keys().is_ok() != ok {
            sleep(Duration::from_millis(10)).await;
            assert!(began.elapsed() < Duration::from_mins(5), "in vain");
        }
        began.elapsed()
    }

    fn refuse(&self, transient: bool) {
        self.backend.refuse(Some(BackendError::Refused {
            name: "CKR_IBM_WKID_MISMATCH".to_owned(),
            transient,
        }));
    }
}

#[tokio::test(start_paused = true)]
async fn an_hsm_that_lost_its_master_key_shows_without_a_signature_and_heals() {
    let bench = Bench::new();
    let tasks = bench.watch();
    bench.keys(true).await;
    bench.refuse(false);
    let lost = bench.keys(false).await;
    assert!(lost <= Duration::from_secs(31), "{lost:?}");
    let reason = bench.health.keys().unwrap_err().reason;
    assert!(reason.contains("CKR_IBM_WKID_MISMATCH"), "{reason}");
    bench.backend.refuse(None);
    let healed = bench.keys(true).await;
    assert!(healed <= Duration::from_secs(1), "{healed:?}");
    bench.stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_signature_unproved_is_tested_again_at_once() {
    let bench = Bench::new();
    let _tasks = bench.watch();
    bench.keys(true).await;
    let error = BackendError::WrongSignature("for the test".to_owned());
    note_failure(bench.backend.key(), &error);
    assert!(bench.health.keys().is_err());
    let healed = bench.keys(true).await;
    assert!(healed <= Duration::from_secs(1), "{healed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_of_a_self_test_unproves_only_when_it_comes_again() {
    let bench = Bench::new();
    let _tasks = bench.watch();
    bench.keys(true).await;
    let proofs = || bench.backend.proofs.load(Ordering::SeqCst);
    let before = proofs();
    bench.refuse(true);
    while proofs() == before {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(bench.health.keys().is_ok(), "doubted");
    let lost = bench.keys(false).await;
    assert!(lost <= Duration::from_secs(1), "{lost:?}");
}

#[tokio::test]
async fn the_end_of_the_watermarks_writer_ends_its_watch() {
    let bench = Bench::new();
    bench.disk.panic();
    bench.health.watch_watermark(&bench.stop).await;
    assert!(!bench.stop.is_cancelled());
}
