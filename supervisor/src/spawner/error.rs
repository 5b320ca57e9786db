//! What the spawner refuses, and what can go wrong with it.

use std::io;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// An error of the spawner, as the supervisor sees it.
#[derive(Debug, thiserror::Error)]
pub enum SpawnerError {
    /// The process has more than one thread, so it cannot be forked safely.
    #[error("the spawner must be forked before any thread is started")]
    Threaded,
    /// A system call of the supervisor's side failed.
    #[error("{step}: {source}")]
    System {
        /// What was being done.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The spawner said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A program could not be executed.
    #[error("start: {step}: {}", io::Error::from_raw_os_error(*errno))]
    StartFailed {
        /// The step before or at exec that failed.
        step: String,
        /// The kernel's answer.
        errno: i32,
    },
    /// The spawner is gone.
    #[error("the spawner is gone")]
    Lost,
    /// The spawner answered something else than was asked.
    #[error("the spawner's answer does not fit the request")]
    Protocol,
}

/// A typed no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Refusal {
    /// What kind of refusal.
    pub code: RefusalCode,
    /// What exactly; names paths and units, never contents.
    pub detail: String,
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Namespaces cannot be made.
    PowerNamespaces,
    /// Capabilities are missing.
    PowerCapabilities,
    /// Ids cannot be set or given to files.
    PowerUids,
    /// No file system for credentials can be mounted.
    PowerCredentials,
    /// A credential could not be stored as planned.
    CredentialsInvalid,
    /// A folder or a file could not be made as planned.
    StateUnwritable,
    /// An executable is not there.
    ExecutableMissing,
    /// An executable is not the one of the plan.
    ExecutableMismatch,
    /// The request makes no sense: an unknown index, a second load, a unit that runs already.
    Request,
    /// The kernel refused something that always works.
    Internal,
}

// === impl SpawnerError ===

impl SpawnerError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code.as_str(),
            Self::StartFailed { .. } => "unit_failed",
            Self::Lost => "spawner_lost",
            Self::Threaded | Self::System { .. } | Self::Protocol => "internal",
        }
    }

    /// The power whose lack caused this: `namespaces`, `capabilities`, `uids` or `credentials`.
    pub fn power(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => refusal.code.power(),
            _ => None,
        }
    }

    pub(super) fn system(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { step, source }
    }
}

// === impl RefusalCode ===

impl RefusalCode {
    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PowerNamespaces
            | Self::PowerCapabilities
            | Self::PowerUids
            | Self::PowerCredentials => "power_missing",
            Self::CredentialsInvalid => "credentials_invalid",
            Self::StateUnwritable => "state_unwritable",
            Self::ExecutableMissing => "executable_missing",
            Self::ExecutableMismatch => "executable_mismatch",
            Self::Request | Self::Internal => "internal",
        }
    }

    /// The missing power, for `power_missing`.
    pub fn power(self) -> Option<&'static str> {
        match self {
            Self::PowerNamespaces => Some("namespaces"),
            Self::PowerCapabilities => Some("capabilities"),
            Self::PowerUids => Some("uids"),
            Self::PowerCredentials => Some("credentials"),
            _ => None,
        }
    }
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    pub(super) fn request(detail: impl Into<String>) -> Self {
        Self::new(RefusalCode::Request, detail)
    }

    pub(super) fn internal(step: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::new(RefusalCode::Internal, format!("{step}: {errno}"))
    }
}
