//! The loop that runs the units and guards the port.
//!
//! It waits for one thing only, the next event, and does nothing itself that could take long: probes, starts, signals and
//! firewall calls are tasks whose ends come back as events. So the end of a unit closes the port at once, whatever else is
//! under way.

mod effect;
mod import;
mod port;
mod report;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::gate::Gate;
use crate::error::{Code, Halt};
use crate::host::{Exit, Wall};
use crate::logs::Logs;
use crate::plan::spec::Plan;
use crate::probe::{Chain, Prober, World};
use crate::task::{Crew, Ended};
use crate::unit::Table;
use crate::unit::machine::{Action, Event as UnitEvent, Notice};
use effect::Effect;
use import::Import;
use port::Closing;

/// Between two looks at the firewall's live rules.
const DRIFT: Duration = Duration::from_secs(5);

/// Between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How long the port's closing may take before the drain goes on; the dead-man closes it in any case.
const CLOSING: Duration = Duration::from_secs(1);

/// After the drain's deadline everything was sent SIGKILL; what has not ended then is left to the end of the namespace.
const LEFTOVERS: Duration = Duration::from_secs(5);

/// The running guest.
pub(super) struct Engine {
    context: Arc<Context>,
    plan: Plan,
    digest: String,
    table: Table,
    gate: Gate,
    logs: Logs,
    wall: Arc<dyn Wall>,
    world: World,
    crew: Crew<Effect>,
    /// The prober of each unit's run; away while it asks.
    probers: Vec<Option<(u64, Prober)>>,
    lost: Option<Halt>,
    import: Import,
    /// What is to be told once the port is closed; nothing is opened before.
    closing: Option<Closing>,
    /// The kernel refused a change of the port; a look at the live rules shall say why.
    suspect: Option<Halt>,
    /// Refusals in a row that no difference of the rules explains.
    refusals: u32,
    /// When to look at the live rules; nothing while somebody looks.
    drift_at: Option<Instant>,
    /// Look once more when the look that is under way has ended: it began too early.
    look_again: bool,
    beat_at: Instant,
    hsm_told: Option<Instant>,
    spawner_gone: bool,
    draining: bool,
}

// === impl Engine ===

impl Engine {
    pub(super) fn new(
        context: Arc<Context>,
        plan: Plan,
        digest: String,
        table: Table,
        logs: Logs,
        wall: Arc<dyn Wall>,
    ) -> Self {
        let world = World {
            net: Arc::clone(&context.host.net),
            clock: Arc::clone(&context.host.clock),
            chain: Chain::default(),
            chain_id: plan.chain_id.clone(),
        };
        let now = Instant::now();
        let probers = table.views().map(|_| None).collect();
        let gate = Gate::new(plan.firewall.dead_man);
        Self {
            context,
            plan,
            digest,
            table,
            gate,
            logs,
            wall,
            world,
            crew: Crew::default(),
            probers,
            lost: None,
            import: Import::default(),
            closing: None,
            suspect: None,
            refusals: 0,
            drift_at: Some(now + DRIFT),
            look_again: false,
            beat_at: now,
            hsm_told: None,
            spawner_gone: false,
            draining: false,
        }
    }

    /// Why this guest can't go on, if so.
    pub(super) fn lost(&self) -> Option<Halt> {
        self.lost.clone()
    }

    /// True while the port is open.
    pub(super) fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Does what is due, and then waits for one event.
    pub(super) async fn step(&mut self) {
        let now = Instant::now();
        self.advance(now);
        let deadline = self.deadline(now);
        let units = Arc::clone(&self.context.host.units);
        let stop = self.context.stop.clone();
        tokio::select! {
            biased;
            exit = units.next(), if !self.spawner_gone => self.exited(exit),
            () = stop.cancelled(), if self.lost.is_none() => self.lose(Halt::drained()),
            Some(ended) = self.crew.next(), if !self.crew.is_empty() => self.effect(ended),
            () = tokio::time::sleep_until(deadline) => {}
        }
        // The state that this event made is seen by the port before anything else is done.
        self.guard(Instant::now());
    }

    /// Stops everything, in reverse order, within the plan's time.
    pub(super) async fn drain(&mut self, why: &Halt) {
        self.lost.get_or_insert_with(|| why.clone());
        let now = Instant::now();
        let actions = self.table.drain(self.plan.drain, now);
        self.act(actions);
        let end = now + self.plan.drain + LEFTOVERS;
        while !self.spawner_gone && !self.table.is_over() && Instant::now() < end {
            self.step().await;
        }
        // Last lines, and answers of probes, that are still on their way.
        let rest = async { while self.crew.next().await.is_some() {} };
        drop(tokio::time::timeout(CLOSING, rest).await);
        self.report();
    }

    fn advance(&mut self, now: Instant) {
        let actions = self.table.tick(now);
        self.act(actions);
        for order in self.table.due_probes(now) {
            self.probe(&order, now);
        }
        self.guard(now);
        if self.drift_at.is_some_and(|at| now >= at) {
            self.drift_at = None;
            self.check_drift();
        }
        self.tell_waiting(now);
        if now >= self.beat_at {
            self.beat_at = now + HEARTBEAT;
            self.beat();
        }
        self.report();
    }

    fn deadline(&self, now: Instant) -> Instant {
        let gate = if self.draining {
            None
        } else {
            self.gate.deadline(&self.table, now)
        };
        let all = [gate, self.table.deadline(), self.drift_at];
        all.into_iter().flatten().fold(self.beat_at, Instant::min)
    }

    fn exited(&mut self, exit: Option<Exit>) {
        let Some(Exit { unit, reason }) = exit else {
            self.spawner_gone = true;
            self.lose(Halt::new(
                Code::SpawnerLost,
                "the spawner process ended, and all units",
            ));
            return;
        };
        self.note_import(unit, &reason);
        self.feed(unit, UnitEvent::Exited(reason));
    }

    fn feed(&mut self, unit: usize, event: UnitEvent) {
        let now = Instant::now();
        let actions = self.table.handle(unit, event, now);
        self.guard(now);
        self.act(actions);
    }

    /// The first loss is the reason; later ones follow from it.
    fn lose(&mut self, halt: Halt) {
        self.lost.get_or_insert(halt);
    }

    fn act(&mut self, actions: Vec<(usize, Action)>) {
        for (unit, action) in actions {
            match action {
                Action::Start { step, run } => self.start(unit, step, run),
                Action::Terminate => self.signal(unit, false),
                Action::Kill => self.signal(unit, true),
                Action::Announce(notice) => self.announce(unit, notice),
                Action::Escalate(halt) => self.lose(self.import.amend(unit, halt)),
            }
        }
    }

    fn announce(&mut self, unit: usize, notice: Notice) {
        let Some(spec) = self.table.spec(unit) else {
            return;
        };
        let name = spec.name.0.clone();
        let ended = matches!(
            notice,
            Notice::Exited(..) | Notice::Stopped(Some(_), _) | Notice::Failed(_)
        );
        let notice = match notice {
            Notice::Failed(halt) => Notice::Failed(self.import.amend(unit, halt)),
            notice => notice,
        };
        if let Some(event) = report::event(name, notice) {
            self.context.console.emit(event);
        }
        if ended {
            let last_words = self.logs.last_words(unit, self.context.console.clone());
            self.crew.spawn("last words", async move {
                last_words.await;
                Effect::Nothing
            });
        }
    }

    fn effect(&mut self, ended: Ended<Effect>) {
        match ended {
            Ended::Panicked(name) => {
                self.lose(Halt::new(
                    Code::Internal,
                    format!("the task `{name}` panicked"),
                ));
            }
            Ended::Done(_, effect) => self.settle(effect),
        }
    }
}
