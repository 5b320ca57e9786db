//! How a unit stops: one SIGTERM, a grace, SIGKILL.

use std::time::Duration;

use tokio::time::Instant;

use super::{Action, Machine, Notice, Stage};
use crate::error::Halt;
use crate::unit::{ExitReason, Step};

/// Grace of a unit that is stopped because it hangs.
pub(super) const HUNG_GRACE: Duration = Duration::from_secs(30);

/// The signal number of SIGTERM, on every Linux.
const SIGTERM: i32 = 15;

#[derive(Debug, Clone)]
pub(super) struct Stopping {
    pub(super) step: Step,
    pub(super) cause: Cause,
    pub(super) ran: Duration,
    /// The start is under way: there is nothing to signal yet.
    pub(super) launching: bool,
    pub(super) kill_at: Instant,
    pub(super) killed: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Cause {
    Asked,
    Restart(ExitReason),
    Fail(Halt),
}

// === impl Machine ===

impl Machine {
    /// Nothing of it runs any more, and nothing shall.
    pub(super) fn over(&mut self, reason: Option<ExitReason>) -> Vec<Action> {
        if let Stage::Stopping(Stopping {
            cause: Cause::Fail(halt),
            ..
        }) = &self.stage
        {
            let notice = Notice::Failed(halt.clone());
            self.stage = Stage::Failed;
            return vec![Action::Announce(notice)];
        }
        let clean = match &reason {
            None | Some(ExitReason::NotStarted { .. }) => true,
            Some(ExitReason::Exited { code }) => *code == 0 || self.policy.success.contains(code),
            Some(ExitReason::Signaled { signal, .. }) => *signal == SIGTERM,
            Some(_) => false,
        };
        self.stage = Stage::Stopped;
        vec![Action::Announce(Notice::Stopped(reason, clean))]
    }

    pub(super) fn fail(&mut self, halt: Halt, now: Instant) -> Vec<Action> {
        let mut actions = self.terminate(Cause::Fail(halt.clone()), HUNG_GRACE, now);
        actions.push(Action::Escalate(halt));
        actions
    }

    pub(super) fn stop(&mut self, now: Instant) -> Vec<Action> {
        match &mut self.stage {
            Stage::Pending | Stage::Backoff { .. } => self.over(None),
            Stage::Stopping(stopping) => {
                if matches!(stopping.cause, Cause::Restart(_)) {
                    stopping.cause = Cause::Asked;
                }
                Vec::new()
            }
            Stage::Stopped | Stage::Failed => Vec::new(),
            _ => self.terminate(Cause::Asked, self.policy.grace, now),
        }
    }

    /// The one SIGTERM of this run; while the start is under way it is sent as soon as there is somebody to get it.
    pub(super) fn terminate(&mut self, cause: Cause, grace: Duration, now: Instant) -> Vec<Action> {
        let (step, since, launching) = match &self.stage {
            Stage::Launching { step, since } => (*step, *since, true),
            Stage::Preparing { index, since } => (Step::Prepare(*index), *since, false),
            Stage::Running(life) => (Step::Main, life.since, false),
            _ => return Vec::new(),
        };
        let ran = now.duration_since(since);
        let kill_at = now + grace.min(self.policy.grace);
        let stopping = Stopping {
            step,
            cause,
            ran,
            launching,
            kill_at,
            killed: false,
        };
        self.stage = Stage::Stopping(stopping);
        if launching {
            Vec::new()
        } else {
            vec![Action::Terminate]
        }
    }

    pub(super) fn kill_now(&mut self) -> Vec<Action> {
        match &mut self.stage {
            Stage::Stopping(stopping) if !stopping.killed => {
                stopping.killed = true;
                if stopping.launching {
                    Vec::new()
                } else {
                    vec![Action::Kill]
                }
            }
            _ => Vec::new(),
        }
    }
}
