//! IBM's own contract library and its files, for tests, the demo and the benchmark.
//!
//! Nothing of IBM's is kept here. `tests/interop/contract-go` pins the version and its checksum; Go's module client brings it.
//! Where something is not to be had (no Go, no module), the caller gets the reason and says it with [`skipped`]: a test that
//! could not run is never silent.

pub mod contract_go;
pub mod go;
pub mod ibm;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Says on standard error that `what` was not tried, why, and how many were not so far.
pub fn skipped(what: &str, reason: &str) {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let reason = reason.lines().next().unwrap_or_default();
    let line = format!("SKIPPED {what}: {reason} (skipped so far: {count})\n");
    // Written past the test harness, which keeps the output of a test that passes to itself.
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// The Go module around IBM's library.
const CONTRACT_GO: &str = "contract-go";

/// The folder of a Go module.
fn module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A folder for what is fetched and built, under cargo's own.
fn workshop() -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let folder = target.join("interop");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}
