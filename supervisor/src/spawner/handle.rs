//! The supervisor's side, for the many tasks that use it.

use std::os::fd::OwnedFd;

use tokio::sync::{mpsc, oneshot};

use super::channel::Packet;
use super::driver::{Command, SpawnerDriver};
use super::wire::{Answer, Ask};
use super::{
    Exited, LoadSpec, Loaded, Spawner, SpawnerError, StartOutcome, Started, Step, UnitSignal, Wiped,
};

/// Asks the spawner. Cheap to clone; the spawner ends with the driver.
#[derive(Debug, Clone)]
pub struct SpawnerHandle {
    pid: i32,
    commands: mpsc::Sender<Command>,
}

/// Ends of steps, as they happen.
#[derive(Debug)]
pub struct SpawnerEvents(mpsc::UnboundedReceiver<Exited>);

/// Requests that may wait for the driver.
const BACKLOG: usize = 16;

// === impl Spawner ===

impl Spawner {
    /// Splits it into the handle, the driver that the caller must run as a task of its own, and the events. Inside a runtime.
    ///
    /// # Errors
    /// The descriptors could not be registered with the runtime.
    pub fn into_async(self) -> Result<(SpawnerHandle, SpawnerDriver, SpawnerEvents), SpawnerError> {
        let (commands, requests) = mpsc::channel(BACKLOG);
        // bounded by the starts that the supervisor itself asks for
        let (sender, events) = mpsc::unbounded_channel();
        let pid = self.pid();
        let driver = SpawnerDriver::new(self, requests, sender)?;
        Ok((
            SpawnerHandle { pid, commands },
            driver,
            SpawnerEvents(events),
        ))
    }
}

// === impl SpawnerEvents ===

impl SpawnerEvents {
    /// The next end of a step; `None` when the spawner is gone.
    pub async fn next(&mut self) -> Option<Exited> {
        self.0.recv().await
    }
}

// === impl SpawnerHandle ===

impl SpawnerHandle {
    /// The spawner's pid, as the supervisor sees it.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Has the plan carried out: folders, credentials, files, executables. Once.
    ///
    /// # Errors
    /// What the spawner refused, by type.
    pub async fn load(&self, spec: LoadSpec) -> Result<Loaded, SpawnerError> {
        let carrier = spec.pack().map_err(SpawnerError::system("load"))?;
        match self.ask(Ask::Load, Some(carrier)).await?.0 {
            Answer::Loaded(loaded) => Ok(loaded),
            _ => Err(SpawnerError::Protocol),
        }
    }

    /// Executes a step of a unit. Answered when the program runs, or when it is known why not; that is at once, unless something is
    /// left of the unit's last step, which is waited for, for two seconds at most.
    ///
    /// # Errors
    /// [`SpawnerError::StartFailed`], or a refusal, as for a start that was still waiting when the unit was signalled.
    pub async fn start(&self, unit: usize, step: Step) -> Result<StartOutcome, SpawnerError> {
        let (answer, packet) = self.ask(Ask::Start { unit, step }, None).await?;
        match answer {
            Answer::Skipped => Ok(StartOutcome::Skipped),
            Answer::Started => Started::from_packet(packet).map(StartOutcome::Running),
            _ => Err(SpawnerError::Protocol),
        }
    }

    /// Signals a unit; false when nothing of it runs.
    ///
    /// # Errors
    /// The index is not in the plan, or the spawner is gone.
    pub async fn signal(&self, unit: usize, signal: UnitSignal) -> Result<bool, SpawnerError> {
        match self.ask(Ask::Signal { unit, signal }, None).await?.0 {
            Answer::Signaled(signaled) => Ok(signaled),
            _ => Err(SpawnerError::Protocol),
        }
    }

    /// Kills every process but the spawner. The ends follow as events.
    ///
    /// # Errors
    /// The spawner is gone.
    pub async fn kill_all(&self) -> Result<(), SpawnerError> {
        self.ask(Ask::KillAll, None).await.map(drop)
    }

    /// Overwrites and removes all secrets and takes their file system away. A second time does nothing; starts are refused from then on.
    ///
    /// # Errors
    /// The first file that could not be wiped; the others are wiped all the same.
    pub async fn wipe(&self) -> Result<Wiped, SpawnerError> {
        match self.ask(Ask::Wipe, None).await?.0 {
            Answer::Wiped(wiped) => Ok(wiped),
            _ => Err(SpawnerError::Protocol),
        }
    }

    /// Kills everybody, wipes, and ends the spawner. The driver returns when all of them are dead.
    ///
    /// # Errors
    /// As [`wipe`](Self::wipe); the spawner ends all the same.
    pub async fn quit(&self) -> Result<(), SpawnerError> {
        self.ask(Ask::Quit, None).await.map(drop)
    }

    async fn ask(
        &self,
        what: Ask,
        carrier: Option<OwnedFd>,
    ) -> Result<(Answer, Packet), SpawnerError> {
        let (reply, answer) = oneshot::channel();
        let command = Command {
            what,
            carrier,
            reply,
        };
        self.commands
            .send(command)
            .await
            .map_err(|_| SpawnerError::Lost)?;
        answer.await.map_err(|_| SpawnerError::Lost)?
    }
}

// === impl Started ===

impl Started {
    fn from_packet(packet: Packet) -> Result<Self, SpawnerError> {
        let pid = packet.pid.ok_or(SpawnerError::Protocol)?;
        let mut fds = packet.fds.into_iter();
        match (fds.next(), fds.next(), fds.next()) {
            (Some(stdout), Some(stderr), None) => Ok(Self {
                pid,
                stdout,
                stderr,
            }),
            _ => Err(SpawnerError::Protocol),
        }
    }
}
