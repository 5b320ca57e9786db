//! What the end-to-end tests share.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bakehouse_e2e::bench::{Bench, Options};

/// Units are told apart by their uids, so one guest at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Folder of the programs that were built beside this test.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

/// What a bench of the tests is made from.
pub fn options() -> Options {
    Options {
        programs: programs(),
        octez: None,
        latency: "5ms".into(),
        contract_from: bakehouse_e2e::bench::ContractFrom::default(),
    }
}

/// Whether namespaces can be made; says loudly when not.
pub fn can_run() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!(
            "SKIPPED: this test makes network namespaces and mounts a volume; run it as root"
        );
    }
    root
}

/// A bench, or nothing where namespaces cannot be made.
#[allow(dead_code, reason = "each test file uses its own part of this module")]
pub fn bench() -> Option<Bench> {
    can_run().then(|| Bench::set_up(&options()).unwrap())
}
