//! Who runs, and who has ended.
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

/// How long the rest of a killed group may take to disappear before the end is reported all the same.
const GROUP_GONE_WITHIN: Duration = Duration::from_secs(2);

/// The running steps, at most one for each unit.
#[derive(Debug, Default)]
pub(super) struct Running(Vec<Run>);

#[derive(Debug)]
struct Run {
    unit: usize,
    step: Step,
    pid: Pid,
    account: Account,
    ended: Option<(ExitReason, Instant)>,
}

// === impl Running ===

impl Running {
    pub(super) fn holds(&self, unit: usize) -> bool {
        self.0.iter().any(|run| run.unit == unit)
    }

    pub(super) fn insert(&mut self, unit: usize, step: Step, pid: Pid, account: Account) {
        self.0.push(Run {
            unit,
            step,
            pid,
            account,
            ended: None,
        });
    }

    /// Signals a unit; false when nothing of it runs.
    pub(super) fn signal(&self, unit: usize, signal: UnitSignal) -> Result<bool, Errno> {
        let Some(run) = self.0.iter().find(|run| run.unit == unit) else {
            return Ok(false);
        };
        let result = match (signal, &run.ended) {
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
                .0
                .iter()
                .position(|run| run.pid == pid && run.ended.is_none());
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
            if let Some(run) = place.and_then(|place| self.0.get_mut(place)) {
                run.ended = Some((reason, Instant::now() + GROUP_GONE_WITHIN));
                let account = run.account.clone();
                self.sweep(&account)?;
            }
        }
        Ok(())
    }

    /// The steps of which nothing is left any more.
    pub(super) fn take_gone(&mut self) -> Vec<Exited> {
        let now = Instant::now();
        let mut gone = Vec::new();
        self.0.retain(|run| match &run.ended {
            Some((reason, until)) if now >= *until || group_is_empty(run.pid) => {
                gone.push(Exited {
                    unit: run.unit,
                    step: run.step,
                    reason: *reason,
                });
                false
            }
            _ => true,
        });
        gone
    }

    /// When [`take_gone`](Self::take_gone) must be asked again even if nothing happens.
    pub(super) fn wake_in(&self) -> Option<Duration> {
        let earliest = self
            .0
            .iter()
            .filter_map(|run| run.ended.as_ref())
            .map(|(_, at)| *at)
            .min();
        earliest.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Kills what is left of an account, unless another step still runs as it. Only the account itself can name all its processes
    /// at once, so a child takes it on.
    fn sweep(&self, account: &Account) -> io::Result<()> {
        let in_use = |run: &Run| run.ended.is_none() && run.account.uid == account.uid;
        if self.0.iter().any(in_use) {
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
