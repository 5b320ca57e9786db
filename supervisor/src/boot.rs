//! The way from a sealed contract to an open port, and down again, as types.
//!
//! ```text
//! Boot<Sealed> → Boot<Opened> → Boot<Planned> → Boot<Provisioned> → Boot<Running> → Boot<Exposed> → Boot<Draining> → Halted
//! ```
//!
//! Each arrow is one function that consumes what came before; its one error type is [`Halt`]. Whatever fails, and wherever,
//! ends in [`finish`]: port shut, units dead, secrets wiped, the reason on the console and in the status.

mod engine;
mod gate;
mod opened;
mod planned;
mod provisioned;
mod running;
mod shut;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio_util::sync::CancellationToken;

use crate::console::{Console, Event};
use crate::error::{Code, Halt};
use crate::host::{Host, Input, Job, Mode, Source};
use crate::logs::journal::Journal;
use crate::status::Board;

pub use opened::Opened;
pub(crate) use opened::input;
pub use planned::Planned;
pub use provisioned::Provisioned;
pub use running::{Draining, Exposed, Running};

/// How long each act of cleaning up may take before the next one is tried all the same.
const CLEANUP: Duration = Duration::from_secs(10);

/// How long a sealed guest that halted stays readable before it powers off.
const SEALED_REST: Duration = Duration::from_mins(1);

/// Where the boot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The contract has not been read.
    Sealed,
    /// The contract is open.
    Opened,
    /// What will be done is known.
    Planned,
    /// Firewall, folders and credentials are in place.
    Provisioned,
    /// Units run; the port is shut.
    Running,
    /// Everything was ready, and the port was opened.
    Exposed,
    /// On the way down; the port is shut.
    Draining,
    /// The end.
    Halted,
}

/// What every phase knows.
pub struct Context {
    /// The world.
    pub host: Host,
    /// Where to read and write.
    pub places: Places,
    /// What the operator sees.
    pub console: Console,
    /// What status shows.
    pub board: Board,
    /// The journal.
    pub journal: Journal,
    /// Cancelled when somebody asks us to stop.
    pub stop: CancellationToken,
}

/// Where things lie; given by flags, which only locate.
#[derive(Debug)]
pub struct Places {
    /// How this process was started.
    pub mode: Mode,
    /// The contract.
    pub contract: ContractPlace,
    /// The key that opens it.
    pub key: Option<Source>,
    /// What the image was built with.
    pub pins: Option<Source>,
    /// Sockets and credentials.
    pub runtime_dir: PathBuf,
}

/// Where the contract is.
#[derive(Debug)]
pub enum ContractPlace {
    /// A document, to be read after the firewall is locked.
    Document(Source),
    /// Already in memory, opened by IBM's runtime.
    Given(std::sync::Mutex<Option<Input>>),
}

/// A boot in one of its phases.
pub struct Boot<S> {
    context: Arc<Context>,
    state: S,
}

/// The first phase.
#[derive(Debug)]
pub struct Sealed;

// === impl Phase ===

impl Phase {
    /// The word that stands in console lines and status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "Sealed",
            Self::Opened => "Opened",
            Self::Planned => "Planned",
            Self::Provisioned => "Provisioned",
            Self::Running => "Running",
            Self::Exposed => "Exposed",
            Self::Draining => "Draining",
            Self::Halted => "Halted",
        }
    }
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

// === impl Context ===

impl Context {
    fn enter(&self, phase: Phase) {
        self.board.update(|status| status.phase = phase);
        self.console.emit(Event::Phase(phase));
    }
}

// === impl Boot ===

impl Boot<Sealed> {
    /// The beginning.
    pub fn new(context: Arc<Context>) -> Self {
        context.enter(Phase::Sealed);
        Self {
            context,
            state: Sealed,
        }
    }

    /// All the way up, and down again when something is lost or we are asked to stop. The reason is returned; nothing has
    /// been cleaned up yet: that is [`finish`]'s.
    pub async fn run(self) -> Halt {
        let stop = self.context.stop.clone();
        let up = async {
            let planned = self.open().await?.plan()?;
            planned.provision().await?.start().await
        };
        let running = tokio::select! {
            biased;
            () = stop.cancelled() => return Halt::drained(),
            running = up => running,
        };
        match running {
            Err(halt) => halt,
            Ok(running) => {
                let draining = match running.until_ready().await {
                    Ok(exposed) => exposed.until_lost().await,
                    Err(draining) => draining,
                };
                draining.drain().await
            }
        }
    }
}

/// The one end of every boot: port shut, units dead, secrets wiped, the reason told. Returns the reason that counts.
pub async fn finish(context: &Context, halt: Halt) -> Halt {
    let host = &context.host;
    let closing: Job<'_, _> = Box::pin(shut::close(host.wall.as_ref(), &context.console));
    let cleanups = [closing, host.units.wipe(), host.units.quit()];
    let mut failed = None;
    for cleanup in cleanups {
        // One that fails or hangs keeps none of the others from being done.
        match tokio::time::timeout(CLEANUP, cleanup).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed = failed.or(Some(error)),
            Err(_) => failed = failed.or(Some(Halt::new(Code::Internal, "cleaning up hangs"))),
        }
    }
    let halt = match failed {
        // A drain that left something behind was not clean.
        Some(error) if halt == Halt::drained() => error,
        _ => halt,
    };
    context.board.update(|status| {
        if status.port == "open" {
            status.port = "shut";
        }
    });
    context.console.emit(Event::Phase(Phase::Halted));
    context.board.halt(&halt);
    context.console.emit(Event::Halted(halt.clone()));
    halt
}

/// What a sealed guest does after its end: readable for a minute, then off.
pub async fn power_off(context: &Context) -> Result<(), Halt> {
    nix::unistd::sync();
    tokio::time::sleep(SEALED_REST).await;
    context.host.power.off()
}
