//! Everything the supervisor does to the world, behind one bundle of traits.
//!
//! A whole boot runs in a unit test against fakes, and a test can make the n-th effect fail for every n. Each effect maps its
//! library's errors to a [`Halt`]: code and message, no secret. Monotonic time is tokio's, which tests can drive.

pub mod delegated;
pub mod dns;
#[cfg(test)]
pub(crate) mod fake;
pub mod fetch;
pub mod instance;
pub mod mounts;
pub mod real;
pub mod utc;

use std::future::Future;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bakehouse_contract::settings::Settings;

use crate::console::WallClock;
use crate::error::Halt;
use crate::firewall::AllReady;
use crate::http::{Answer, Ask, HttpError};
use crate::logs::Pipe;
use crate::plan::spec::{FirewallSpec, SnapshotSpec};
use crate::spawner::{LoadSpec, Loaded};
use crate::unit::{ExitReason, Step};

/// An effect under way.
pub type Job<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The world.
#[derive(Clone)]
pub struct Host {
    /// Files.
    pub fs: Arc<dyn Fs>,
    /// Names and connections.
    pub net: Arc<dyn Net>,
    /// The firewall.
    pub wall: Arc<dyn Wall>,
    /// The spawner and its children.
    pub units: Arc<dyn Units>,
    /// The contract's opener.
    pub opener: Arc<dyn Opener>,
    /// The time of day.
    pub clock: WallClock,
    /// The machine's switch.
    pub power: Arc<dyn Power>,
    /// Seed of all jitter.
    pub seed: u64,
}

/// Which of the three ways this process was started in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A laptop.
    Bench,
    /// In a container of IBM's runtime, which opened the contract.
    Workload,
    /// Our own Secure Execution image.
    Sealed,
}

/// Where bytes are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A descriptor that was handed to us.
    Descriptor(RawFd),
}

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing there.
    #[error("does not exist")]
    Missing,
    /// More than allowed.
    #[error("is too large")]
    TooLarge,
    /// Anything else.
    #[error("cannot be read")]
    Unreadable,
    /// Nothing can be written there.
    #[error("cannot be written")]
    Unwritable,
}

/// Files.
pub trait Fs: Send + Sync {
    /// Reads all, at most `limit` bytes.
    fn read(&self, source: &Source, limit: usize)
    -> Result<zeroize::Zeroizing<Vec<u8>>, ReadError>;
    /// The mount table, in the kernel's `mountinfo` form.
    fn mounts(&self) -> Result<String, ReadError>;
    /// The id, as in the mount table, of the mount that a path leads to; nothing where the kernel does not tell.
    fn mount_id(&self, path: &Path) -> Option<u64>;
    /// The path without symbolic links; what does not exist yet stays as it is.
    fn real_path(&self, path: &Path) -> PathBuf;
    /// Makes and removes a file in this folder.
    fn try_write(&self, folder: &Path) -> Result<(), ReadError>;
    /// Whether something is there.
    fn exists(&self, path: &Path) -> bool;
    /// Makes an empty file that survives a loss of power; fine when it is there.
    fn mark(&self, path: &Path) -> Result<(), ReadError>;
    /// Removes a file; fine when it is not there.
    fn remove(&self, path: &Path);
    /// `core_pattern_piped` where the kernel hands cores to a program.
    fn core_pattern(&self) -> Result<(), Halt>;
}

/// Names and connections.
pub trait Net: Send + Sync {
    /// The addresses of a name, asked of these servers only.
    fn resolve(&self, servers: Vec<IpAddr>, name: String) -> Job<'_, Result<Vec<IpAddr>, String>>;
    /// One HTTP exchange with a unit on this machine.
    fn ask(&self, ask: Ask, timeout: Duration) -> Job<'_, Result<Answer, HttpError>>;
    /// Fetches a snapshot from one of these addresses of its host, and checks its digest.
    fn fetch(&self, snapshot: SnapshotSpec, from: Vec<IpAddr>) -> Job<'_, Result<(), Halt>>;
}

/// The firewall. None of these waits for another: `close` is done at once whatever else is under way.
pub trait Wall: Send + Sync {
    /// Nothing but loopback. `power_missing` where the kernel or the container denies it.
    fn lock(&self) -> Job<'_, Result<(), Halt>>;
    /// The rules of the plan, with the port shut.
    fn apply(&self, spec: FirewallSpec) -> Job<'_, Result<(), Halt>>;
    /// Opens the port for one dead-man's interval; false when the proof has gone stale.
    fn rearm(&self, proof: AllReady) -> Job<'_, Result<bool, Halt>>;
    /// Shuts the port.
    fn close(&self) -> Job<'_, Result<(), Halt>>;
    /// What differed from the plan, and is repaired; the port is shut then.
    fn check_drift(&self) -> Job<'_, Result<Option<String>, Halt>>;
}

/// The spawner and its children.
pub trait Units: Send + Sync {
    /// Folders, files, credentials, executables.
    fn load(&self, spec: LoadSpec) -> Job<'_, Result<Loaded, Halt>>;
    /// Starts a step.
    fn start(&self, unit: usize, step: Step) -> Job<'_, Result<Start, Halt>>;
    /// SIGTERM to the unit's main process, or SIGKILL to all of it.
    fn signal(&self, unit: usize, kill: bool) -> Job<'_, Result<(), Halt>>;
    /// The next end of a step; `None` when the spawner is gone.
    fn next(&self) -> Job<'_, Option<Exit>>;
    /// Removes every secret; nothing starts afterwards.
    fn wipe(&self) -> Job<'_, Result<(), Halt>>;
    /// Kills what still runs, wipes, and ends the spawner.
    fn quit(&self) -> Job<'_, Result<(), Halt>>;
}

/// A step that was asked to start.
pub enum Start {
    /// It runs.
    Running {
        /// Its process id.
        pid: i32,
        /// Its standard output.
        stdout: Pipe,
        /// Its standard error.
        stderr: Pipe,
    },
    /// It need not run.
    Skipped,
}

/// A step that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The unit.
    pub unit: usize,
    /// How.
    pub reason: ExitReason,
}

/// Opens contracts.
pub trait Opener: Send + Sync {
    /// Parses, decrypts, checks and merges.
    fn open(&self, input: Input, opening: Opening) -> Result<Contract, Halt>;
}

/// What a contract is opened with.
#[derive(Debug)]
pub struct Opening {
    /// Opens encrypted sections.
    pub key: Option<Bytes>,
    /// What the image was built with.
    pub pins: Option<Bytes>,
    /// The time of day.
    pub now: SystemTime,
}

/// What a contract is opened from.
#[derive(Debug)]
pub enum Input {
    /// The user-data document.
    Document(Bytes),
    /// The document that IBM's runtime wrote when it had opened the contract.
    Opened(Bytes),
    /// The two sections, opened by IBM's runtime.
    Sections {
        /// Text of `workload`.
        workload: Bytes,
        /// Text of `env`.
        env: Bytes,
    },
}

/// Bytes that may be secret.
pub type Bytes = zeroize::Zeroizing<Vec<u8>>;

/// An open contract.
#[derive(Debug)]
pub struct Contract {
    /// What it asks for.
    pub settings: Settings,
    /// Its digest, hex.
    pub digest: String,
    /// Digest of the pins that it had to satisfy, hex.
    pub pins: Option<String>,
    /// What is odd about it, without values.
    pub warnings: Vec<String>,
}

/// The machine's switch.
pub trait Power: Send + Sync {
    /// Writes out all that is cached, and turns the machine off.
    fn off(&self) -> Result<(), Halt>;
}

// === impl Mode ===

impl Mode {
    /// The word of the command line and the plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bench => "bench",
            Self::Workload => "workload",
            Self::Sealed => "sealed",
        }
    }
}

// === impl Host ===

impl Host {
    /// The time of day.
    pub fn now(&self) -> SystemTime {
        (self.clock)()
    }
}
