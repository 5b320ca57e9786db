//! Why a process ended.

use std::fmt;

use rustix::process::{WaitIdStatus, WaitStatus};
use serde::{Deserialize, Serialize};

/// Why a unit is no longer running. The first two come from the kernel, the others from whoever gave up on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// It ended by itself with this code.
    Exited(i32),
    /// A signal ended it; the number is kept.
    Signaled {
        /// Number of the signal.
        signal: i32,
        /// True when a core was dumped.
        core: bool,
    },
    /// It was not up before its deadline and was killed.
    StartTimeout,
    /// It ran but did not answer any more and was killed.
    ProbeFailed,
    /// The kernel ended it for want of memory.
    OomKilled,
}

const CORE_FLAG: i32 = 0x80;

// === impl ExitReason ===

impl ExitReason {
    /// True when it ended by itself, with 0 or one of these codes.
    pub fn is_success(&self, success: &[i32]) -> bool {
        matches!(self, Self::Exited(code) if *code == 0 || success.contains(code))
    }

    /// Reads the status of `waitpid`; `None` when the process merely stopped or continued.
    pub(crate) fn from_wait(status: WaitStatus) -> Option<Self> {
        if let Some(code) = status.exit_status() {
            return Some(Self::Exited(code));
        }
        let signal = status.terminating_signal()?;
        Some(Self::Signaled {
            signal,
            core: status.as_raw() & CORE_FLAG != 0,
        })
    }

    /// Reads the status of `waitid`; `None` when the process merely stopped or continued.
    pub(crate) fn from_waitid(status: &WaitIdStatus) -> Option<Self> {
        if let Some(code) = status.exit_status() {
            return Some(Self::Exited(code));
        }
        let signal = status.terminating_signal()?;
        Some(Self::Signaled {
            signal,
            core: status.dumped(),
        })
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signaled { signal, core } => {
                match nix::sys::signal::Signal::try_from(*signal) {
                    Ok(name) => write!(f, "signal {signal} ({name})")?,
                    Err(_) => write!(f, "signal {signal}")?,
                }
                if *core {
                    f.write_str(", core dumped")
                } else {
                    Ok(())
                }
            }
            Self::StartTimeout => f.write_str("not up in time"),
            Self::ProbeFailed => f.write_str("stopped answering"),
            Self::OomKilled => f.write_str("out of memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_keep_their_wire_form() {
        for (reason, json) in [
            (ExitReason::Exited(127), r#"{"exited":127}"#),
            (
                ExitReason::Signaled {
                    signal: 34,
                    core: false,
                },
                r#"{"signaled":{"signal":34,"core":false}}"#,
            ),
            (ExitReason::StartTimeout, r#""start_timeout""#),
            (ExitReason::ProbeFailed, r#""probe_failed""#),
            (ExitReason::OomKilled, r#""oom_killed""#),
        ] {
            assert_eq!(serde_json::to_string(&reason).unwrap(), json);
            assert_eq!(serde_json::from_str::<ExitReason>(json).unwrap(), reason);
        }
    }

    #[test]
    fn only_an_exit_with_a_listed_code_is_success() {
        assert!(ExitReason::Exited(0).is_success(&[]));
        assert!(ExitReason::Exited(127).is_success(&[127]));
        assert!(!ExitReason::Exited(127).is_success(&[]));
        assert!(
            !ExitReason::Signaled {
                signal: 15,
                core: false
            }
            .is_success(&[15])
        );
    }

    #[test]
    fn signals_are_shown_by_number_and_name() {
        let named = ExitReason::Signaled {
            signal: 9,
            core: true,
        };
        assert_eq!(named.to_string(), "signal 9 (SIGKILL), core dumped");
        let unnamed = ExitReason::Signaled {
            signal: 40,
            core: false,
        };
        assert_eq!(unnamed.to_string(), "signal 40");
    }
}
