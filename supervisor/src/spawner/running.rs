//! Who runs, and who has ended.
//!
//! The end of a step is told as soon as its first process has ended, for the port hangs on it. What is left of its group is killed
//! at the same time but may take longer to disappear; until then the unit keeps its place, so that its next step does not run beside
//! the old one.
//!
//! As PID 1 and the only one who waits, the spawner reaps everybody: its own children by name, strangers in passing. A pid in this
//! table is valid until it is reaped here, so signals never reach somebody else.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, kill_process_group, test_kill_process_group, waitpid,
};

use super::{Exited, Step, UnitSignal};
use crate::plan::spec::Account;
use crate::process::ExitReason;
use crate::sandbox::assume;
use crate::sys::{self, Forked};

/// How long the rest of a killed group may take to disappear before the unit's next step is started all the same.
const GROUP_GONE_WITHIN: Duration = Duration::from_secs(2);

/// The running steps, at most one for each unit.
#[derive(Debug, Default)]
pub(super) struct Running {
    runs: Vec<Run>,
    /// Ends that are not told yet.
    ends: Vec<Exited>,
}

/// What there is of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing.
    Absent,
    /// A step runs.
    Runs,
    /// Its step has ended, and something is left of that step's group.
    Lingers,
}

#[derive(Debug)]
struct Run {
    unit: usize,
    step: Step,
    pid: Pid,
    account: Account,
    /// Set when its first process has ended: until when the rest of its group is waited for.
    lingers_until: Option<Instant>,
}

// === impl Running ===

impl Running {
    pub(super) fn presence(&self, unit: usize) -> Presence {
        match self.runs.iter().find(|run| run.unit == unit) {
            None => Presence::Absent,
            Some(run) if run.lingers_until.is_some() => Presence::Lingers,
            Some(_) => Presence::Runs,
        }
    }

    pub(super) fn insert(&mut self, unit: usize, step: Step, pid: Pid, account: Account) {
        self.runs.push(Run {
            unit,
            step,
            pid,
            account,
            lingers_until: None,
        });
    }

    /// Signals a unit; false when nothing of it runs.
    pub(super) fn signal(&self, unit: usize, signal: UnitSignal) -> Result<bool, Errno> {
        let Some(run) = self.runs.iter().find(|run| run.unit == unit) else {
            return Ok(false);
        };
        let result = match (signal, &run.lingers_until) {
            // its number may be somebody else's by now
            (UnitSignal::Terminate, Some(_)) => return Ok(false),
            (UnitSignal::Terminate, None) => kill_process(run.pid, Signal::TERM),
            (UnitSignal::Kill, _) => kill_process_group(run.pid, Signal::KILL),
        };
        match result {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Takes note of everybody who has ended. What is left of a group whose first process ended is killed, and so is whoever of that
    /// account left the group.
    pub(super) fn reap(&mut self) -> io::Result<()> {
        while let Some(pid) = sys::peek_ended_child()? {
            let place = self
                .runs
                .iter()
                .position(|run| run.pid == pid && run.lingers_until.is_none());
            if place.is_some() {
                // while the first process is not reaped, its group's number is its own
                ignore_gone(kill_process_group(pid, Signal::KILL))?;
            }
            let Some((_, status)) = waitpid(Some(pid), WaitOptions::NOHANG)? else {
                continue;
            };
            let Some(reason) = ExitReason::from_wait(status) else {
                continue;
            };
            if let Some(run) = place.and_then(|place| self.runs.get_mut(place)) {
                run.lingers_until = Some(Instant::now() + GROUP_GONE_WITHIN);
                self.ends.push(Exited {
                    unit: run.unit,
                    step: run.step,
                    reason,
                });
                let account = run.account.clone();
                self.sweep(&account)?;
            }
        }
        Ok(())
    }

    /// The ends that were not asked for before.
    pub(super) fn take_ends(&mut self) -> Vec<Exited> {
        std::mem::take(&mut self.ends)
    }

    /// Forgets the ended steps of which nothing is left any more, or for which there was time enough.
    pub(super) fn forget_gone(&mut self) {
        let now = Instant::now();
        self.runs.retain(|run| {
            run.lingers_until
                .is_none_or(|until| now < until && !group_is_empty(run.pid))
        });
    }

    /// When [`forget_gone`](Self::forget_gone) must be asked again even if nothing happens.
    pub(super) fn wake_in(&self) -> Option<Duration> {
        let earliest = self.runs.iter().filter_map(|run| run.lingers_until).min();
        earliest.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Kills what is left of an account, unless another step still runs as it. Only the account itself can name all its processes
    /// at once, so a child takes it on.
    fn sweep(&self, account: &Account) -> io::Result<()> {
        let in_use = |run: &Run| run.lingers_until.is_none() && run.account.uid == account.uid;
        if self.runs.iter().any(in_use) {
            return Ok(());
        }
        match sys::fork()? {
            Forked::Parent(pid) => {
                waitpid(Some(pid), WaitOptions::empty())?;
                Ok(())
            }
            Forked::Child => {
                let everybody = nix::unistd::Pid::from_raw(-1);
                let swept = assume(account).is_ok()
                    && nix::sys::signal::kill(everybody, nix::sys::signal::SIGKILL).is_ok();
                sys::exit_now(i32::from(!swept))
            }
        }
    }
}

/// Kills everybody in the PID namespace but PID 1, who is the caller.
pub(super) fn kill_everybody() -> Result<(), Errno> {
    let everybody = nix::unistd::Pid::from_raw(-1);
    match nix::sys::signal::kill(everybody, nix::sys::signal::SIGKILL) {
        Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
        Err(errno) => Err(Errno::from_raw_os_error(errno as i32)),
    }
}

fn group_is_empty(leader: Pid) -> bool {
    matches!(test_kill_process_group(leader), Err(Errno::SRCH))
}

fn ignore_gone(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::SRCH) => Ok(()),
        other => other,
    }
}
