//! What the probes have said about one run of a unit.

use std::time::Duration;

use tokio::time::Instant;

use super::Policy;
use crate::error::{Code, Halt};
use crate::plan::spec::Level;
use crate::unit::{ExitReason, UnitState};

/// A unit that once answered is stopped after giving no answer at all for this long.
pub const SILENCE_LIMIT: Duration = Duration::from_mins(1);

/// One probe without an answer in time changes no state (its proof goes stale all the same); this many in a row do.
const LATE_LIMIT: u32 = 2;

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No answer in time.
    Late {
        /// What was asked.
        reason: String,
    },
    /// Nobody there.
    Silent {
        /// What was asked.
        reason: String,
    },
    /// It answers that it is not up.
    Unready {
        /// What is missing.
        reason: String,
        /// The code to halt with, should it stay so.
        code: Option<Code>,
    },
    /// It is up, and not in step with the world.
    Up {
        /// What is missing.
        reason: String,
    },
    /// All is well.
    Synced,
    /// It must not run on.
    Fatal(Halt),
}

/// What must be done about a unit that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Stop it and start it again.
    Restart(ExitReason),
    /// Stop it for good.
    Fail(Halt),
}

/// One run of a unit, as its probes see it.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) since: Instant,
    pub(super) reason: String,
    up: bool,
    ready: bool,
    was_ready: bool,
    not_up_since: Instant,
    unsynced_since: Instant,
    silent_since: Option<Instant>,
    late: u32,
    code: Option<Code>,
}

// === impl Life ===

impl Life {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            reason: String::new(),
            up: false,
            ready: false,
            was_ready: false,
            not_up_since: now,
            unsynced_since: now,
            silent_since: None,
            late: 0,
            code: None,
        }
    }

    pub(super) fn state(&self) -> UnitState {
        match (self.ready, self.was_ready, self.up) {
            (true, _, _) => UnitState::Ready,
            (false, true, _) => UnitState::Degraded,
            (false, false, true) => UnitState::Up,
            (false, false, false) => UnitState::Starting,
        }
    }

    pub(super) fn level(&self) -> Option<Level> {
        match (self.ready, self.up) {
            (true, _) => Some(Level::Synced),
            (false, true) => Some(Level::Up),
            (false, false) => None,
        }
    }

    /// Takes in a verdict that is not fatal.
    pub(super) fn hear(&mut self, verdict: Verdict, now: Instant) {
        let (answered, up, ready, reason, code) = match verdict {
            Verdict::Late { reason } => {
                self.late += 1;
                if self.late < LATE_LIMIT {
                    return;
                }
                (false, false, false, reason, None)
            }
            Verdict::Silent { reason } => (false, false, false, reason, None),
            Verdict::Unready { reason, code } => (true, false, false, reason, code),
            Verdict::Fatal(halt) => (true, false, false, halt.message, Some(halt.code)),
            Verdict::Up { reason } => (true, true, false, reason, None),
            Verdict::Synced => (true, true, true, String::new(), None),
        };
        if answered {
            self.silent_since = None;
            self.late = 0;
        } else {
            self.silent_since.get_or_insert(now);
        }
        if self.up && !up {
            self.not_up_since = now;
        }
        if (self.ready && !ready) || (!self.up && up) {
            self.unsynced_since = now;
        }
        (self.up, self.ready) = (up, ready);
        self.was_ready |= ready;
        (self.reason, self.code) = (reason, code);
    }

    /// What has lasted too long. `proven` says that an earlier run was ready.
    pub(super) fn overdue(&self, policy: &Policy, proven: bool, now: Instant) -> Option<Overdue> {
        let (deadline, overdue) = self.limit(policy, proven)?;
        (now >= deadline).then_some(overdue)
    }

    /// When [`Self::overdue`] will next have something to say, if nothing changes.
    pub(super) fn deadline(&self, policy: &Policy) -> Option<Instant> {
        self.limit(policy, false).map(|(deadline, _)| deadline)
    }

    fn limit(&self, policy: &Policy, proven: bool) -> Option<(Instant, Overdue)> {
        if self.ready {
            return None;
        }
        let silent = self.silent_since.filter(|_| self.was_ready).map(|since| {
            (
                since + SILENCE_LIMIT,
                Overdue::Restart(ExitReason::ProbeFailed),
            )
        });
        let unsynced = (self.up || self.was_ready).then(|| {
            let overdue = if self.was_ready {
                Overdue::Restart(ExitReason::ProbeFailed)
            } else {
                self.too_late(
                    policy,
                    proven,
                    "in step with the world",
                    policy.synced_deadline,
                )
            };
            (self.unsynced_since + policy.synced_deadline, overdue)
        });
        let not_up = (!self.up && !self.was_ready).then(|| {
            let overdue = self.too_late(policy, proven, "up", policy.up_deadline);
            (self.not_up_since + policy.up_deadline, overdue)
        });
        [silent, unsynced, not_up]
            .into_iter()
            .flatten()
            .min_by_key(|(deadline, _)| *deadline)
    }

    /// A first start that fails is a fault of the contract or the place; a later one may be a passing trouble.
    fn too_late(&self, policy: &Policy, proven: bool, what: &str, after: Duration) -> Overdue {
        if proven {
            return Overdue::Restart(ExitReason::StartTimeout);
        }
        Overdue::Fail(self.timeout(policy, what, after))
    }

    fn timeout(&self, policy: &Policy, what: &str, after: Duration) -> Halt {
        let why = if self.reason.is_empty() {
            "no answer"
        } else {
            &self.reason
        };
        Halt::new(
            self.code.unwrap_or(Code::UnitStartTimeout),
            format!(
                "{} is not {what} after {} s: {why}",
                policy.name,
                after.as_secs()
            ),
        )
    }
}
