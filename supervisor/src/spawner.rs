//! The small process that makes, signals and reaps all others.
//!
//! It is forked before the supervisor has threads, secrets or a contract, and is PID 1 of its own PID namespace in its own mount
//! namespace. Promises: whatever happens to the supervisor, the kernel ends the spawner, and with it every unit, every grandchild
//! and the only mount on which credentials lie. It accepts one plan, once, and afterwards only indexes into it. It keeps no power
//! that serving does not need, speaks to nobody but the supervisor, and never steals or loses an exit status, for it is the only
//! one who waits.

mod channel;
mod credentials;
mod directory;
mod driver;
mod error;
mod executable;
mod files;
mod furnish;
mod handle;
mod launch;
mod load;
mod lobby;
mod running;
mod server;
mod wire;

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::driver::{SpawnerDriver, SpawnerEnd};
pub use self::error::{Refusal, RefusalCode, SpawnerError};
pub use self::handle::{SpawnerEvents, SpawnerHandle};
pub use self::lobby::Spawner;
use crate::plan::spec::{DirectorySpec, FileSpec, UnitSpec};
use crate::process::ExitReason;

/// Where the spawner finds and puts things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnerPaths {
    /// The credentials are mounted somewhere beneath it.
    pub runtime_dir: PathBuf,
    /// The folder of the units' executables.
    pub units_dir: PathBuf,
}

/// The plan's part that the spawner carries out.
#[derive(Debug)]
pub struct LoadSpec {
    /// Where the private tmpfs for credentials is mounted.
    pub credentials_path: PathBuf,
    /// Folders, parents first.
    pub directories: Vec<DirectorySpec>,
    /// Files with their bytes.
    pub files: Vec<LoadFile>,
    /// Units; the order gives their indexes.
    pub units: Vec<UnitSpec>,
}

/// A file with its bytes.
pub struct LoadFile {
    /// Where it goes and to whom.
    pub spec: FileSpec,
    /// What is in it.
    pub content: Zeroizing<Vec<u8>>,
}

/// What came of loading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// What the credentials lie on.
    pub credentials: CredentialsMount,
    /// True when units see a `/proc` of their own PID namespace only.
    pub fresh_proc: bool,
}

/// A file system that never reaches a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialsMount {
    /// tmpfs with `noswap`
    Tmpfs,
    /// ramfs, which is never swapped
    Ramfs,
}

/// A command of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The n-th preparation.
    Prepare(usize),
    /// The unit itself.
    Main,
}

/// How a unit is signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitSignal {
    /// SIGTERM to its first process only, which knows how to stop the others.
    Terminate,
    /// SIGKILL to its whole process group.
    Kill,
}

/// What came of a start.
#[derive(Debug)]
pub enum StartOutcome {
    /// The program runs.
    Running(Started),
    /// A preparation whose `unless_exists` exists.
    Skipped,
}

/// A program that was just executed.
#[derive(Debug)]
pub struct Started {
    /// Its pid as the supervisor sees it.
    pub pid: i32,
    /// Read end of its standard output, non-blocking.
    pub stdout: OwnedFd,
    /// Read end of its standard error, non-blocking.
    pub stderr: OwnedFd,
}

/// A step whose first process ended. What was left of its process group has been sent SIGKILL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// Index of the unit.
    pub unit: usize,
    /// Which of its commands.
    pub step: Step,
    /// Why.
    pub reason: ExitReason,
}

/// What was wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiped {
    /// Number of secret files that were overwritten and removed.
    pub files: usize,
}

// === impl LoadFile ===

impl fmt::Debug for LoadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadFile")
            .field("spec", &self.spec)
            .field("content", &"[redacted]")
            .finish()
    }
}
