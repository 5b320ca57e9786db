//! What the engine does to the world, each act a task, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{CLOSING, Engine};
use crate::console::Event;
use crate::error::{Code, Halt};
use crate::firewall::AllReady;
use crate::host::Start;
use crate::probe::{Finding, Prober};
use crate::unit::Step;
use crate::unit::machine::Event as UnitEvent;
use crate::unit::table::ProbeOrder;

/// The spawner answers in milliseconds; one that does not within this time is taken for lost.
const SPAWNER_PATIENCE: Duration = Duration::from_secs(30);

/// Looking at the live rules takes tens of milliseconds, and tells of a lost firewall when it takes this long.
const DRIFT_PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
pub(super) enum Effect {
    /// Nothing to say.
    Nothing,
    /// A probe.
    Probed {
        unit: usize,
        run: u64,
        began: Instant,
        prober: Prober,
        finding: Finding,
    },
    /// A start.
    Started {
        unit: usize,
        step: Step,
        run: u64,
        outcome: Result<Start, Halt>,
    },
    /// A signal.
    Signalled(Result<(), Halt>),
    /// A re-arm.
    Rearmed {
        era: u64,
        asked: Instant,
        outcome: Result<bool, Halt>,
    },
    /// A closing.
    Closed(Result<(), Halt>),
    /// A look at the live rules.
    Drift(Result<Option<String>, Halt>),
}

// === impl Engine ===

impl Engine {
    pub(super) fn probe(&mut self, order: &ProbeOrder, now: Instant) {
        let ProbeOrder { unit, run, timeout } = *order;
        let Some(spec) = self.table.spec(unit) else {
            return;
        };
        let Some(slot) = self.probers.get_mut(unit) else {
            return;
        };
        let kept = slot
            .take()
            .filter(|(of, _)| *of == run)
            .map(|(_, prober)| prober);
        let mut prober = kept.unwrap_or_else(|| Prober::new(&spec.probe, spec.probe_interval, now));
        let world = self.world.clone();
        self.crew.spawn("probe", async move {
            let finding = prober.probe(&world, timeout).await;
            Effect::Probed {
                unit,
                run,
                began: now,
                prober,
                finding,
            }
        });
    }

    pub(super) fn start(&mut self, unit: usize, step: Step, run: u64) {
        let units = Arc::clone(&self.context.host.units);
        self.crew.spawn("start", async move {
            let outcome = patiently(units.start(unit, step)).await;
            Effect::Started {
                unit,
                step,
                run,
                outcome,
            }
        });
    }

    pub(super) fn signal(&mut self, unit: usize, kill: bool) {
        let units = Arc::clone(&self.context.host.units);
        self.crew.spawn("signal", async move {
            Effect::Signalled(patiently(units.signal(unit, kill)).await)
        });
    }

    pub(super) fn rearm(&mut self, proof: AllReady, era: u64, asked: Instant) {
        let wall = Arc::clone(&self.wall);
        self.crew.spawn("rearm", async move {
            let outcome = wall.rearm(proof).await;
            Effect::Rearmed {
                era,
                asked,
                outcome,
            }
        });
    }

    pub(super) fn close(&mut self) {
        let wall = Arc::clone(&self.wall);
        self.crew.spawn("close", async move {
            let closed = tokio::time::timeout(CLOSING, wall.close()).await;
            let hangs = |_| Halt::new(Code::FirewallFailed, "closing the port hangs");
            Effect::Closed(closed.map_err(hangs).and_then(|closed| closed))
        });
    }

    pub(super) fn check_drift(&mut self) {
        let wall = Arc::clone(&self.wall);
        self.crew.spawn("drift", async move {
            let looked = tokio::time::timeout(DRIFT_PATIENCE, wall.check_drift()).await;
            let hangs = |_| Halt::new(Code::FirewallFailed, "looking at the rules hangs");
            Effect::Drift(looked.map_err(hangs).and_then(|found| found))
        });
    }

    /// Takes in what came back.
    pub(super) fn settle(&mut self, effect: Effect) {
        match effect {
            Effect::Nothing | Effect::Signalled(Ok(())) => {}
            Effect::Probed {
                unit,
                run,
                began,
                prober,
                finding,
            } => {
                if let Some(slot) = self.probers.get_mut(unit) {
                    *slot = Some((run, prober));
                }
                if let Some((head, floor)) = finding.armed {
                    self.context
                        .console
                        .emit(Event::SignerArmed { head, floor });
                }
                let now = Instant::now();
                let actions = self.table.probed(unit, run, finding.verdict, began, now);
                self.guard(now);
                self.act(actions);
            }
            Effect::Started {
                unit,
                step,
                run,
                outcome,
            } => {
                self.started(unit, step, run, outcome);
            }
            Effect::Rearmed {
                era,
                asked,
                outcome,
            } => self.rearmed(era, asked, outcome),
            Effect::Closed(outcome) => self.closed(outcome),
            Effect::Drift(outcome) => self.looked(outcome),
            Effect::Signalled(Err(halt)) => self.lose(halt),
        }
    }

    fn started(&mut self, unit: usize, step: Step, run: u64, outcome: Result<Start, Halt>) {
        let event = match outcome {
            Ok(Start::Skipped) => UnitEvent::Skipped { run },
            Ok(Start::Running {
                pid,
                stdout,
                stderr,
            }) => {
                self.import
                    .started(unit, step, &self.plan, self.table.spec(unit));
                let capture = self.logs.capture(unit, stdout, stderr);
                self.crew.spawn("log", async move {
                    capture.await;
                    Effect::Nothing
                });
                let name = self.table.view(unit).map(|view| view.name.to_owned());
                let unit_name = name.unwrap_or_default();
                self.context.console.emit(Event::UnitStarting {
                    unit: unit_name,
                    step,
                    pid,
                });
                UnitEvent::Started { run }
            }
            Err(halt) if halt.code == Code::SpawnerLost => return self.lose(halt),
            Err(halt) => UnitEvent::NotStarted {
                run,
                reason: halt.message,
            },
        };
        self.feed(unit, event);
    }
}

async fn patiently<T>(answer: impl Future<Output = Result<T, Halt>>) -> Result<T, Halt> {
    let lost = |_| Halt::new(Code::SpawnerLost, "the spawner process does not answer");
    tokio::time::timeout(SPAWNER_PATIENCE, answer)
        .await
        .map_err(lost)?
}
