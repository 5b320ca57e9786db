//! The words a machine is spoken to with, and answers in.

use std::time::Duration;

use super::Verdict;
use crate::error::Halt;
use crate::unit::{ExitReason, Step};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Everything it needs is ready.
    NeedsMet,
    /// The step of this run need not be done.
    Skipped {
        /// The run.
        run: u64,
    },
    /// The step of this run was started.
    Started {
        /// The run.
        run: u64,
    },
    /// The step of this run could not be started.
    NotStarted {
        /// The run.
        run: u64,
        /// Why.
        reason: String,
    },
    /// What ran has ended.
    Exited(ExitReason),
    /// A probe of this run came back.
    Probed {
        /// The run.
        run: u64,
        /// What it found.
        verdict: Verdict,
    },
    /// Time went by.
    Tick,
    /// Stop, and do not start again.
    Stop,
    /// No more grace.
    KillNow,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start this step; answer with the run's number.
    Start {
        /// Which.
        step: Step,
        /// The run.
        run: u64,
    },
    /// Send SIGTERM.
    Terminate,
    /// Send SIGKILL to all of it.
    Kill,
    /// Tell the console.
    Announce(Notice),
    /// This unit is lost: drain and halt.
    Escalate(Halt),
}

/// What the console is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A step starts.
    Starting(Step),
    /// It is up.
    Up,
    /// It is ready.
    Ready,
    /// It is no longer ready.
    Degraded(String),
    /// A step ended, unasked.
    Exited(Step, ExitReason),
    /// It starts again after this time; so many deaths since the boot.
    Backoff(Duration, u64),
    /// It stopped as asked; true when with success.
    Stopped(Option<ExitReason>, bool),
    /// It is lost.
    Failed(Halt),
}
