//! The spawner and its children.

use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::error::{Code, Halt};
use crate::host::{Exit, Job, Start, Units};
use crate::logs::Pipe;
use crate::process;
use crate::spawner::{
    LoadSpec, Loaded, SpawnerError, SpawnerEvents, SpawnerHandle, StartOutcome,
    Step as SpawnerStep, UnitSignal,
};
use crate::unit::{ExitReason, Step};

/// How long the spawner may take to end after it was told to.
const END: Duration = Duration::from_secs(5);

/// The spawner of this process.
#[derive(Debug)]
pub struct RealUnits {
    handle: SpawnerHandle,
    events: Mutex<SpawnerEvents>,
    /// Cancelled when the spawner has ended, and with it everything it started.
    ended: CancellationToken,
}

/// No spawner: it could not be made, for this reason, which comes out when it is needed.
#[derive(Debug)]
pub struct NoUnits(pub Halt);

// === impl RealUnits ===

impl RealUnits {
    /// `ended` is cancelled by whoever runs the spawner's driver, when that returns.
    pub fn new(handle: SpawnerHandle, events: SpawnerEvents, ended: CancellationToken) -> Self {
        Self {
            handle,
            events: Mutex::new(events),
            ended,
        }
    }
}

impl Units for RealUnits {
    fn load(&self, spec: LoadSpec) -> Job<'_, Result<Loaded, Halt>> {
        Box::pin(async move { self.handle.load(spec).await.map_err(Halt::from) })
    }

    fn start(&self, unit: usize, step: Step) -> Job<'_, Result<Start, Halt>> {
        Box::pin(async move {
            let step = match step {
                Step::Prepare(index) => SpawnerStep::Prepare(index),
                Step::Main => SpawnerStep::Main,
            };
            match self.handle.start(unit, step).await.map_err(Halt::from)? {
                StartOutcome::Skipped => Ok(Start::Skipped),
                StartOutcome::Running(started) => Ok(Start::Running {
                    pid: started.pid,
                    stdout: pipe(started.stdout)?,
                    stderr: pipe(started.stderr)?,
                }),
            }
        })
    }

    fn signal(&self, unit: usize, kill: bool) -> Job<'_, Result<(), Halt>> {
        Box::pin(async move {
            let signal = if kill {
                UnitSignal::Kill
            } else {
                UnitSignal::Terminate
            };
            // Nobody left to signal is as good: its end is on the way.
            self.handle
                .signal(unit, signal)
                .await
                .map(drop)
                .map_err(Halt::from)
        })
    }

    fn next(&self) -> Job<'_, Option<Exit>> {
        Box::pin(async move {
            let exited = self.events.lock().await.next().await?;
            Some(Exit {
                unit: exited.unit,
                reason: reason(exited.reason),
            })
        })
    }

    fn wipe(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async move {
            match self.handle.wipe().await {
                // Its mount namespace went with it, and the secrets with that.
                Ok(_) | Err(SpawnerError::Lost) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn quit(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async move {
            match self.handle.quit().await {
                Ok(()) | Err(SpawnerError::Lost) => {}
                Err(error) => return Err(error.into()),
            }
            let late = |_| Halt::new(Code::SpawnerLost, "the spawner process does not end");
            tokio::time::timeout(END, self.ended.cancelled())
                .await
                .map_err(late)
        })
    }
}

// === impl NoUnits ===

impl Units for NoUnits {
    fn load(&self, _: LoadSpec) -> Job<'_, Result<Loaded, Halt>> {
        Box::pin(async { Err(self.0.clone()) })
    }

    fn start(&self, _: usize, _: Step) -> Job<'_, Result<Start, Halt>> {
        Box::pin(async { Err(self.0.clone()) })
    }

    fn signal(&self, _: usize, _: bool) -> Job<'_, Result<(), Halt>> {
        Box::pin(async { Err(self.0.clone()) })
    }

    fn next(&self) -> Job<'_, Option<Exit>> {
        Box::pin(std::future::pending())
    }

    fn wipe(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async { Ok(()) })
    }

    fn quit(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async { Ok(()) })
    }
}

fn pipe(fd: OwnedFd) -> Result<Pipe, Halt> {
    match pipe::Receiver::from_owned_fd(fd) {
        Ok(receiver) => Ok(Box::new(receiver)),
        Err(_) => Err(Halt::new(Code::Internal, "a pipe of a unit cannot be read")),
    }
}

fn reason(reason: process::ExitReason) -> ExitReason {
    match reason {
        process::ExitReason::Exited(code) => ExitReason::Exited { code },
        process::ExitReason::Signaled { signal, core } => ExitReason::Signaled { signal, core },
        process::ExitReason::StartTimeout => ExitReason::StartTimeout,
        process::ExitReason::ProbeFailed => ExitReason::ProbeFailed,
        process::ExitReason::OomKilled => ExitReason::OomKilled,
    }
}

// === impl Halt ===

impl From<SpawnerError> for Halt {
    fn from(error: SpawnerError) -> Self {
        Self::new(Code::of(error.code()), error.to_string())
    }
}
