//! The children of the supervisor: how far each has come, and the proof that all of them are ready.
//!
//! [`machine`] decides, [`table`] holds one machine per unit and the graph between them; neither does any I/O nor reads a
//! clock, so that every order of events can be tried. Whoever drives them carries out the [`machine::Action`]s.

pub mod backoff;
pub mod machine;
pub mod table;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use table::Table;

/// How far a unit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// What it needs is not ready yet.
    Pending,
    /// It runs, or prepares to, and does not answer yet.
    Starting,
    /// It answers and is not in step with the world yet.
    Up,
    /// All that its probe asks for.
    Ready,
    /// It was ready, still runs, and is not ready now.
    Degraded,
    /// It ended by itself and waits for its next start.
    Backoff,
    /// It was asked to stop and still runs.
    Stopping,
    /// It stopped because it was asked to.
    Stopped,
    /// It will not run again.
    Failed,
}

/// One run of a unit's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The command with this index among those that run first.
    Prepare(usize),
    /// The unit itself.
    Main,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExitReason {
    /// By itself, with this code.
    Exited {
        /// Exit code.
        code: i32,
    },
    /// By this signal.
    Signaled {
        /// Signal number.
        signal: i32,
        /// True where a core was made.
        core: bool,
    },
    /// Killed by the kernel for want of memory.
    OomKilled,
    /// Stopped by us: it did not come up in time.
    StartTimeout,
    /// Stopped by us: its probe found it dead.
    ProbeFailed,
    /// It never ran.
    NotStarted {
        /// Why, without secrets.
        reason: String,
    },
}

// === impl UnitState ===

impl UnitState {
    /// The word that stands in console lines and status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Backoff => "backoff",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Step ===

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepare(index) => write!(f, "prepare {index}"),
            Self::Main => f.write_str("main"),
        }
    }
}

// === impl ExitReason ===

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exit code {code}"),
            Self::Signaled {
                signal,
                core: false,
            } => write!(f, "signal {signal}"),
            Self::Signaled { signal, core: true } => write!(f, "signal {signal}, core made"),
            Self::OomKilled => f.write_str("out of memory"),
            Self::StartTimeout => f.write_str("did not come up in time"),
            Self::ProbeFailed => f.write_str("did not answer its probe"),
            Self::NotStarted { reason } => write!(f, "could not be started: {reason}"),
        }
    }
}
