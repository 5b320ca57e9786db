//! Keys, requests, a store in memory that survives "crashes", and a store that fails when told to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use crate::policy::{Approved, KeyRule, Policy, Role};
use crate::request::{Class, Consensus, Height, Kind, SigningRequest};
use crate::tezos::{ChainId, PublicKeyHash, Signature, blake2b_256};
use crate::watermark::error::StoreError;
use crate::watermark::state::SlotKey;
use crate::watermark::store::{Provenance, SqliteStore, Store, Stored, Write};
use crate::watermark::{Admission, Config, KeyFloor, Refusal, Watermark};

pub(super) const TZ1: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
pub(super) const TZ2: &str = "tz2DTy9uoYbCFZrtSi9AHNUsnyE8CgDSyQqp";
pub(super) const TZ3: &str = "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA";
pub(super) const CHAIN: ChainId = ChainId::from_bytes([1, 2, 3, 4]);
pub(super) const OTHER_CHAIN: ChainId = ChainId::from_bytes([5, 6, 7, 8]);

pub(super) fn key(text: &str) -> PublicKeyHash {
    text.parse().unwrap()
}

pub(super) fn config(dir: &Path) -> Config {
    let keys = [TZ1, TZ2, TZ3]
        .map(|text| KeyFloor {
            key: key(text),
            floor: 0,
        })
        .to_vec();
    Config {
        dir: dir.to_owned(),
        chains: vec![CHAIN],
        keys,
    }
}

/// A message whose bytes are told apart by `salt`.
pub(super) fn message(class: Class, level: i32, round: i32, salt: u8) -> Consensus {
    let kind = match class {
        Class::Block => Kind::Block,
        Class::Preattestation => Kind::Preattestation,
        Class::Attestation => Kind::Attestation,
    };
    let digest = blake2b_256(format!("{class} {level} {round} {salt}").as_bytes());
    Consensus {
        kind,
        chain: CHAIN,
        height: Height { level, round },
        digest,
    }
}

pub(super) fn approve(address: &str, request: Consensus) -> Approved {
    let rule = KeyRule::new(key(address), Role::Consensus, Policy::default()).unwrap();
    rule.approve(SigningRequest::Consensus(request)).unwrap()
}

pub(super) fn block(level: i32, round: i32, salt: u8) -> Consensus {
    message(Class::Block, level, round, salt)
}

pub(super) fn attestation(level: i32, round: i32, salt: u8) -> Consensus {
    message(Class::Attestation, level, round, salt)
}

pub(super) fn signature(address: &str, value: u8) -> Signature {
    Signature::from_stored(key(address).curve(), [value; 64]).unwrap()
}

/// Admits and completes; `value` is what the HSM answers.
pub(super) async fn sign(
    watermark: &Watermark,
    address: &str,
    request: Consensus,
    value: u8,
) -> Result<Signature, Refusal> {
    match watermark.admit(approve(address, request)).await? {
        Admission::Replay(signature) => Ok(signature),
        Admission::Sign(permit, pending) => {
            assert_eq!(
                (permit.key(), *permit.digest()),
                (key(address), request.digest)
            );
            let durable = pending.durable().await.expect("a store that works");
            Ok(durable.complete(signature(address, value)))
        }
    }
}

/// Admits and loses the answer: the HSM failed, or the client went away.
pub(super) async fn lose(watermark: &Watermark, address: &str, request: Consensus) {
    match watermark.admit(approve(address, request)).await.unwrap() {
        Admission::Sign(_permit, pending) => drop(pending.durable().await.unwrap()),
        Admission::Replay(_) => panic!("there is a signature"),
    }
}

/// A disk that is only memory: what is committed stays when the watermark is dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryDisk(Arc<Mutex<BTreeMap<SlotKey, Stored>>>);

struct MemoryStore(MemoryDisk);

/// What a store does wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Commits fail and nothing is written.
    pub(super) fail: AtomicBool,
    /// The machine is gone: nothing is written any more.
    pub(super) crashed: AtomicBool,
    /// Commits succeed and say that they failed.
    pub(super) lie: AtomicBool,
    /// How many commits succeeded.
    pub(super) commits: AtomicUsize,
}

pub(super) struct FailingStore {
    inner: Box<dyn Store>,
    faults: Arc<Faults>,
}

impl MemoryDisk {
    pub(super) fn marks(&self) -> Vec<Stored> {
        self.0.lock().unwrap().values().copied().collect()
    }

    pub(super) fn wipe(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(super) fn store(&self) -> Box<dyn Store> {
        Box::new(MemoryStore(self.clone()))
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, batch: &[Write]) -> Result<(), StoreError> {
        let mut marks = self.0.0.lock().unwrap();
        for write in batch {
            match *write {
                Write::Mark { slot, mark } => {
                    let stored = marks.get(&slot);
                    if stored.is_none_or(|stored| stored.mark.height < mark.height) {
                        marks.insert(
                            slot,
                            Stored {
                                slot,
                                mark,
                                signature: None,
                            },
                        );
                    }
                }
                Write::Signature {
                    slot,
                    mark,
                    signature,
                } => {
                    if let Some(stored) = marks.get_mut(&slot).filter(|stored| stored.mark == mark)
                    {
                        stored.signature.get_or_insert(signature);
                    }
                }
                Write::Probe => {}
            }
        }
        Ok(())
    }
}

impl Store for FailingStore {
    fn commit(&mut self, batch: &[Write]) -> Result<(), StoreError> {
        let down = &self.faults;
        if down.fail.load(Ordering::SeqCst) || down.crashed.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
        }
        self.inner.commit(batch)?;
        if down.lie.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
        }
        down.commits.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A disk that takes its time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<(Mutex<DiskState>, Condvar)>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum DiskState {
    #[default]
    Well,
    Stalled,
    Panicking,
}

struct SlowStore {
    inner: MemoryStore,
    disk: Disk,
}

impl Disk {
    fn set(&self, state: DiskState) {
        *self.0.0.lock().unwrap() = state;
        self.0.1.notify_all();
    }

    /// Commits neither succeed nor fail from now on.
    pub(crate) fn stall(&self) {
        self.set(DiskState::Stalled);
    }

    /// They go on.
    pub(crate) fn mend(&self) {
        self.set(DiskState::Well);
    }

    /// The next commit panics.
    pub(crate) fn panic(&self) {
        self.set(DiskState::Panicking);
    }
}

impl Store for SlowStore {
    fn commit(&mut self, batch: &[Write]) -> Result<(), StoreError> {
        let (state, changed) = &*self.disk.0;
        let state = state.lock().unwrap();
        let state = *changed
            .wait_while(state, |state| *state == DiskState::Stalled)
            .unwrap();
        assert_ne!(state, DiskState::Panicking, "for the test");
        self.inner.commit(batch)
    }
}

/// A watermark in memory behind a disk that can stall.
pub(crate) fn slow(config: &Config) -> (Watermark, Disk) {
    let disk = Disk::default();
    let store = SlowStore {
        inner: MemoryStore(MemoryDisk::default()),
        disk: disk.clone(),
    };
    (over(config, Box::new(store), Vec::new()), disk)
}

/// A watermark over any store, without a lock file.
pub(super) fn over(config: &Config, store: Box<dyn Store>, marks: Vec<Stored>) -> Watermark {
    let (shared, writer) =
        Watermark::start(config.chains.clone(), &config.keys, store, marks, None).unwrap();
    Watermark {
        shared,
        provenance: Provenance::Found,
        _writer: writer,
    }
}

/// A watermark in memory that fails when told to, armed at head 0 (so that level 3 is the first).
pub(super) async fn failing() -> (Watermark, Arc<Faults>, MemoryDisk) {
    let (disk, faults) = (MemoryDisk::default(), Arc::new(Faults::default()));
    let store = FailingStore {
        inner: disk.store(),
        faults: Arc::clone(&faults),
    };
    let watermark = over(&config(Path::new("")), Box::new(store), Vec::new());
    watermark.arm(CHAIN, 0).await.unwrap();
    (watermark, faults, disk)
}

pub(super) fn failing_over(inner: Box<dyn Store>, faults: &Arc<Faults>) -> Box<dyn Store> {
    Box::new(FailingStore {
        inner,
        faults: Arc::clone(faults),
    })
}

pub(super) fn sqlite(dir: &Path) -> (Box<dyn Store>, Vec<Stored>) {
    let opened = SqliteStore::open(dir, &[CHAIN], &[TZ1, TZ2, TZ3].map(key)).unwrap();
    (Box::new(opened.store), opened.marks)
}

/// A new watermark in memory, unarmed.
pub(super) fn fresh() -> (Watermark, MemoryDisk) {
    let disk = MemoryDisk::default();
    (over(&config(Path::new("")), disk.store(), Vec::new()), disk)
}

/// The same disk after a restart.
pub(super) fn reopened(disk: &MemoryDisk) -> Watermark {
    over(&config(Path::new("")), disk.store(), disk.marks())
}

pub(super) fn code(result: &Result<Signature, Refusal>) -> &'static str {
    result.as_ref().map_or_else(Refusal::code, |_| "signed")
}
