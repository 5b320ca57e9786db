//! `Boot<Provisioned>` → `Boot<Running>` → `Boot<Exposed>` → `Boot<Draining>` → the reason of the end.
//!
//! The phases share one [`Engine`]; what differs is what they wait for, and that nothing but a fresh proof opens the port.

use super::engine::Engine;
use super::{Boot, Phase, Provisioned};
use crate::error::{Code, Halt};
use crate::host::fetch;
use crate::logs::Logs;
use crate::unit::Table;

/// Units run; the port is shut.
pub struct Running(Engine);

/// Everything was ready once, and the port was opened.
pub struct Exposed(Engine);

/// The way down.
pub struct Draining {
    engine: Engine,
    why: Halt,
}

// === impl Boot ===

impl Boot<Provisioned> {
    /// Fetches the snapshot where one is due, and lets the units start.
    pub async fn start(self) -> Result<Boot<Running>, Halt> {
        let Boot { context, state } = self;
        fetch_snapshot(&context, &state).await?;
        let names = state.units.iter().map(|unit| unit.name.0.clone()).collect();
        let table = Table::new(state.units, context.host.seed)
            .map_err(|error| Halt::new(Code::Internal, error.to_string()))?;
        let logs = Logs::new(names, state.redactor, context.journal.clone());
        let engine = Engine::new(
            context.clone(),
            state.plan,
            state.digest,
            table,
            logs,
            state.wall,
        );
        context.enter(Phase::Running);
        Ok(Boot {
            context,
            state: Running(engine),
        })
    }
}

impl Boot<Running> {
    /// Waits until the port has been opened for the first time.
    pub async fn until_ready(self) -> Result<Boot<Exposed>, Boot<Draining>> {
        let Boot {
            context,
            state: Running(mut engine),
        } = self;
        loop {
            if let Some(why) = engine.lost() {
                return Err(Boot {
                    context,
                    state: Draining { engine, why },
                });
            }
            if engine.is_open() {
                context.enter(Phase::Exposed);
                return Ok(Boot {
                    context,
                    state: Exposed(engine),
                });
            }
            engine.step().await;
        }
    }
}

impl Boot<Exposed> {
    /// Goes on until a unit is lost for good, or we are asked to stop. The port opens and closes meanwhile.
    pub async fn until_lost(self) -> Boot<Draining> {
        let Boot {
            context,
            state: Exposed(mut engine),
        } = self;
        loop {
            if let Some(why) = engine.lost() {
                return Boot {
                    context,
                    state: Draining { engine, why },
                };
            }
            engine.step().await;
        }
    }
}

impl Boot<Draining> {
    /// The port first, then the units in reverse order.
    pub async fn drain(self) -> Halt {
        let Boot {
            context,
            state: Draining { mut engine, why },
        } = self;
        engine.shut(&why).await;
        context.enter(Phase::Draining);
        engine.drain(&why).await;
        why
    }
}

/// Fetches the snapshot, unless one was imported before: the mark that the engine leaves after an import says so.
async fn fetch_snapshot(context: &super::Context, state: &Provisioned) -> Result<(), Halt> {
    let Some(snapshot) = &state.plan.snapshot else {
        return Ok(());
    };
    let fs = &context.host.fs;
    if fs.exists(&snapshot.unless_exists) {
        return Ok(());
    }
    let host = fetch::host(&snapshot.url).unwrap_or_default();
    let from = state.addresses.get(&host).cloned().unwrap_or_default();
    context.host.net.fetch(snapshot.clone(), from).await
}
