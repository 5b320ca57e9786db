//! Random histories of requests, failing HSMs, failing disks, crashes, restarts and wiped disks, against what must hold:
//! at one height of one class of one key, only one message ever leaves, and an ECDSA block only with one signature.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::bench::*;
use crate::request::{Class, Consensus, Height};
use crate::tezos::{Digest, PublicKeyHash, Signature};
use crate::watermark::store::{FILE, Store, Stored};
use crate::watermark::{Admission, Pending, Watermark};

const KEYS: [&str; 2] = [TZ1, TZ3];

#[derive(Debug, Clone)]
enum Step {
    /// A request that stays in flight until `Land`.
    Ask {
        key: usize,
        class: usize,
        ahead: i32,
        round: i32,
        salt: u8,
    },
    /// Ends the n-th flight; the HSM answers, or not.
    Land { flight: usize, answered: bool },
    /// Commits fail from now on, or work again.
    Disk { works: bool },
    /// The machine stops in the middle of everything.
    Crash,
    /// The signer stops in order.
    Restart,
    /// The machine stops and comes back with an empty disk.
    Wipe,
}

fn step() -> impl Strategy<Value = Step> {
    let ask = (0..KEYS.len(), 0..3usize, -2..4i32, 0..3i32, 0..3u8).prop_map(
        |(key, class, ahead, round, salt)| Step::Ask {
            key,
            class,
            ahead,
            round,
            salt,
        },
    );
    let land = (0..4usize, prop::bool::weighted(0.8))
        .prop_map(|(flight, answered)| Step::Land { flight, answered });
    prop_oneof![
        30 => ask,
        30 => land,
        2 => any::<bool>().prop_map(|works| Step::Disk { works }),
        2 => Just(Step::Crash),
        1 => Just(Step::Restart),
        1 => Just(Step::Wipe),
    ]
}

/// Where marks are kept from one life of the signer to the next.
trait Disk {
    fn open(&self) -> (Box<dyn Store>, Vec<Stored>);
    fn wipe(&self);
}

impl Disk for MemoryDisk {
    fn open(&self) -> (Box<dyn Store>, Vec<Stored>) {
        (self.store(), self.marks())
    }

    fn wipe(&self) {
        self.wipe();
    }
}

impl Disk for tempfile::TempDir {
    fn open(&self) -> (Box<dyn Store>, Vec<Stored>) {
        sqlite(self.path())
    }

    fn wipe(&self) {
        std::fs::remove_file(self.path().join(FILE)).unwrap();
    }
}

type Place = (PublicKeyHash, Class, Height);

struct Flight {
    address: &'static str,
    request: Consensus,
    pending: Pending,
}

struct World<'a> {
    disk: &'a dyn Disk,
    faults: Arc<Faults>,
    watermark: Option<Watermark>,
    flights: Vec<Flight>,
    /// What has left.
    left: BTreeMap<Place, (Digest, Signature)>,
    /// The highest level that anything has left at.
    highest: i32,
    /// The HSM's ECDSA nonces: no answer is like another.
    nonce: u8,
}

impl World<'_> {
    fn new(disk: &dyn Disk) -> World<'_> {
        World {
            disk,
            faults: Arc::default(),
            watermark: None,
            flights: Vec::new(),
            left: BTreeMap::new(),
            highest: 10,
            nonce: 0,
        }
    }

    async fn boot(&mut self, head: i32) {
        self.faults = Arc::default();
        let (store, marks) = self.disk.open();
        let watermark = over(
            &config(Path::new("")),
            failing_over(store, &self.faults),
            marks,
        );
        watermark.arm(CHAIN, head).await.unwrap();
        self.watermark = Some(watermark);
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Ask {
                key,
                class,
                ahead,
                round,
                salt,
            } => {
                let level = (self.highest + ahead).max(0);
                self.ask(KEYS[key], message(Class::ALL[class], level, round, salt))
                    .await;
            }
            Step::Land { flight, answered } => {
                if flight < self.flights.len() {
                    let flight = self.flights.remove(flight);
                    self.land(flight, answered).await;
                }
            }
            Step::Disk { works } => self.faults.fail.store(!works, Ordering::SeqCst),
            Step::Crash => self.stop(true, false).await,
            Step::Restart => self.stop(false, false).await,
            Step::Wipe => self.stop(true, true).await,
        }
    }

    async fn ask(&mut self, address: &'static str, request: Consensus) {
        let watermark = self.watermark.as_ref().unwrap();
        let admission = tokio::select! {
            biased;
            admission = watermark.admit(approve(address, request)) => admission,
            // The same bytes are in flight.
            () = std::future::ready(()) => return,
        };
        match admission {
            Ok(Admission::Sign(_permit, pending)) => {
                self.flights.push(Flight {
                    address,
                    request,
                    pending,
                });
            }
            Ok(Admission::Replay(signature)) => self.leaves(address, request, signature),
            Err(_) => {}
        }
    }

    async fn land(&mut self, flight: Flight, answered: bool) {
        let Flight {
            address,
            request,
            pending,
        } = flight;
        let (Ok(durable), true) = (pending.durable().await, answered) else {
            return;
        };
        let value = if address == TZ1 {
            request.digest.as_bytes()[0]
        } else {
            self.nonce = self.nonce.wrapping_add(1);
            self.nonce
        };
        let signature = durable.complete(signature(address, value));
        self.leaves(address, request, signature);
    }

    fn leaves(&mut self, address: &str, request: Consensus, signature: Signature) {
        let place = (key(address), request.class(), request.height);
        if let Some((digest, before)) = self.left.insert(place, (request.digest, signature)) {
            assert_eq!(digest, request.digest, "two messages left at {place:?}");
            if request.class() == Class::Block {
                assert_eq!(
                    before, signature,
                    "two signatures of one block left at {place:?}"
                );
            }
        }
        self.highest = self.highest.max(request.height.level);
    }

    async fn stop(&mut self, crash: bool, wipe: bool) {
        self.faults.crashed.store(crash, Ordering::SeqCst);
        self.flights.clear();
        self.watermark = None;
        let mut head = 0;
        if wipe {
            self.disk.wipe();
            // What left at the highest level may not have reached the node's chain.
            head = self.highest - 1;
        }
        self.boot(head).await;
    }
}

fn play(disk: &dyn Disk, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(disk);
        world.boot(0).await;
        for step in steps {
            world.step(step).await;
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_is_ever_signed_twice(steps in proptest::collection::vec(step(), 1..200)) {
        play(&MemoryDisk::default(), steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn nothing_is_ever_signed_twice_over_sqlite(
        steps in proptest::collection::vec(step(), 100..200),
    ) {
        play(&tempfile::tempdir().unwrap(), steps);
    }
}

#[test]
fn a_plain_history_does_let_signatures_out() {
    let disk = MemoryDisk::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(&disk);
        world.boot(0).await;
        for _ in 0..50 {
            world
                .step(Step::Ask {
                    key: 1,
                    class: 0,
                    ahead: 1,
                    round: 0,
                    salt: 0,
                })
                .await;
            world
                .step(Step::Land {
                    flight: 0,
                    answered: true,
                })
                .await;
        }
        assert_eq!(world.left.len(), 50);
    });
}
