//! The life of one unit as a pure machine: events in, actions out.
//!
//! It promises that a run gets at most one SIGTERM, that a unit is Ready only by a probe of the run that is alive, that
//! nothing starts while something of it runs, and that a unit that failed or was told to stop never starts again.

mod event;
mod life;
mod stop;

use std::time::Duration;

use tokio::time::Instant;

pub use event::{Action, Event, Notice};
pub use life::{SILENCE_LIMIT, Verdict};

use super::backoff::{AfterDeath, Jitter, Tally};
use super::{ExitReason, Step, UnitState};
use crate::error::{Code, Halt};
use crate::plan::spec::{Level, UnitSpec};
use life::{Life, Overdue};
use stop::{Cause, HUNG_GRACE, Stopping};

/// What a machine knows of its unit.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) name: String,
    prepare: Vec<Duration>,
    pub(super) up_deadline: Duration,
    pub(super) synced_deadline: Duration,
    grace: Duration,
    success: Vec<i32>,
}

#[derive(Debug, Clone)]
enum Stage {
    Pending,
    Launching { step: Step, since: Instant },
    Preparing { index: usize, since: Instant },
    Running(Life),
    Stopping(Stopping),
    Backoff { until: Instant },
    Stopped,
    Failed,
}

/// One unit.
#[derive(Debug, Clone)]
pub struct Machine {
    policy: Policy,
    stage: Stage,
    tally: Tally,
    run: u64,
    last_exit: Option<ExitReason>,
    /// It was ready once in this boot: what it cannot do now, it could do then.
    proven: bool,
}

// === impl Machine ===

impl Machine {
    /// A unit that waits for what it needs.
    pub fn new(spec: &UnitSpec) -> Self {
        Self {
            policy: Policy {
                name: spec.name.0.clone(),
                prepare: spec.prepare.iter().map(|step| step.deadline).collect(),
                up_deadline: spec.up_deadline,
                synced_deadline: spec.synced_deadline,
                grace: spec.stop.grace,
                success: spec.stop.success.clone(),
            },
            stage: Stage::Pending,
            tally: Tally::new(spec.restart.clone()),
            run: 0,
            last_exit: None,
            proven: false,
        }
    }

    /// How far it has come.
    pub fn state(&self) -> UnitState {
        match &self.stage {
            Stage::Pending => UnitState::Pending,
            Stage::Launching { .. } | Stage::Preparing { .. } => UnitState::Starting,
            Stage::Running(life) => life.state(),
            Stage::Stopping(_) => UnitState::Stopping,
            Stage::Backoff { .. } => UnitState::Backoff,
            Stage::Stopped => UnitState::Stopped,
            Stage::Failed => UnitState::Failed,
        }
    }

    /// The level that others may build on.
    pub fn level(&self) -> Option<Level> {
        match &self.stage {
            Stage::Running(life) => life.level(),
            _ => None,
        }
    }

    /// The run and its start, while there is something to probe.
    pub fn running(&self) -> Option<(u64, Instant)> {
        match &self.stage {
            Stage::Running(life) => Some((self.run, life.since)),
            _ => None,
        }
    }

    /// The command that runs before the unit, while one does.
    pub fn preparing(&self) -> Option<usize> {
        match &self.stage {
            Stage::Preparing { index, .. }
            | Stage::Launching {
                step: Step::Prepare(index),
                ..
            } => Some(*index),
            _ => None,
        }
    }

    /// What its last probe found missing.
    pub fn reason(&self) -> &str {
        match &self.stage {
            Stage::Running(life) => &life.reason,
            _ => "",
        }
    }

    /// How its last run ended.
    pub fn last_exit(&self) -> Option<&ExitReason> {
        self.last_exit.as_ref()
    }

    /// Deaths since the boot.
    pub fn deaths(&self) -> u64 {
        self.tally.total()
    }

    /// True when nothing of it runs or will run again.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Stopped | Stage::Failed)
    }

    /// When it next wants a [`Event::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Preparing { index, since } => Some(*since + self.prepare_deadline(*index)),
            Stage::Running(life) => life.deadline(&self.policy),
            Stage::Stopping(stopping) if !stopping.killed && !stopping.launching => {
                Some(stopping.kill_at)
            }
            Stage::Backoff { until } => Some(*until),
            _ => None,
        }
    }

    /// Takes in one event.
    pub fn handle(&mut self, event: Event, now: Instant, jitter: &mut Jitter) -> Vec<Action> {
        match event {
            Event::NeedsMet if matches!(self.stage, Stage::Pending) => self.begin(0, now),
            Event::Skipped { run } if run == self.run => self.skipped(now),
            Event::Started { run } if run == self.run => self.started(now),
            Event::NotStarted { run, reason } if run == self.run => {
                self.ended(ExitReason::NotStarted { reason }, now, jitter)
            }
            Event::Exited(reason) => self.ended(reason, now, jitter),
            Event::Probed { run, verdict } if run == self.run => self.probed(verdict, now),
            Event::Tick => self.tick(now),
            Event::Stop => self.stop(now),
            Event::KillNow => self.kill_now(),
            _ => Vec::new(),
        }
    }

    fn prepare_deadline(&self, index: usize) -> Duration {
        self.policy.prepare.get(index).copied().unwrap_or_default()
    }

    /// Starts the step at this place: the commands that run first, then the unit.
    fn begin(&mut self, place: usize, now: Instant) -> Vec<Action> {
        let step = if place < self.policy.prepare.len() {
            Step::Prepare(place)
        } else {
            Step::Main
        };
        self.run += 1;
        self.stage = Stage::Launching { step, since: now };
        vec![Action::Start {
            step,
            run: self.run,
        }]
    }

    fn skipped(&mut self, now: Instant) -> Vec<Action> {
        match &self.stage {
            Stage::Launching {
                step: Step::Prepare(index),
                ..
            } => {
                let next = index + 1;
                self.begin(next, now)
            }
            Stage::Stopping(stopping) if stopping.launching => self.over(None),
            _ => Vec::new(),
        }
    }

    fn started(&mut self, now: Instant) -> Vec<Action> {
        match &mut self.stage {
            Stage::Launching { step, .. } => {
                let step = *step;
                self.stage = match step {
                    Step::Prepare(index) => Stage::Preparing { index, since: now },
                    Step::Main => Stage::Running(Life::new(now)),
                };
                vec![Action::Announce(Notice::Starting(step))]
            }
            Stage::Stopping(stopping) if stopping.launching => {
                stopping.launching = false;
                vec![if stopping.killed {
                    Action::Kill
                } else {
                    Action::Terminate
                }]
            }
            _ => Vec::new(),
        }
    }

    fn ended(&mut self, reason: ExitReason, now: Instant, jitter: &mut Jitter) -> Vec<Action> {
        let (step, ran) = match &self.stage {
            Stage::Preparing { index, .. } if reason == (ExitReason::Exited { code: 0 }) => {
                let next = index + 1;
                self.last_exit = Some(reason);
                return self.begin(next, now);
            }
            Stage::Launching {
                step: Step::Prepare(index),
                ..
            } if reason == (ExitReason::Exited { code: 0 }) => {
                // So short a run that its end came before the answer to its start.
                let next = index + 1;
                self.last_exit = Some(reason);
                return self.begin(next, now);
            }
            Stage::Launching { step, .. } => (*step, Duration::ZERO),
            Stage::Preparing { index, .. } => (Step::Prepare(*index), Duration::ZERO),
            Stage::Running(life) => (Step::Main, now.duration_since(life.since)),
            Stage::Stopping(stopping) => {
                let (step, ran) = (stopping.step, stopping.ran);
                self.last_exit = Some(reason.clone());
                return match &stopping.cause {
                    Cause::Restart(why) => {
                        let why = why.clone();
                        // A run that never came up wipes no slate, however long it took.
                        let late = why == ExitReason::StartTimeout;
                        let ran = if late { Duration::ZERO } else { ran };
                        self.died(step, &why, ran, now, jitter)
                    }
                    Cause::Asked | Cause::Fail(_) => self.over(Some(reason)),
                };
            }
            Stage::Pending | Stage::Backoff { .. } | Stage::Stopped | Stage::Failed => {
                return Vec::new();
            }
        };
        self.last_exit = Some(reason.clone());
        self.died(step, &reason, ran, now, jitter)
    }

    fn died(
        &mut self,
        step: Step,
        reason: &ExitReason,
        ran: Duration,
        now: Instant,
        jitter: &mut Jitter,
    ) -> Vec<Action> {
        let exited = Action::Announce(Notice::Exited(step, reason.clone()));
        match self.tally.died(ran, now, jitter) {
            AfterDeath::Retry(delay) => {
                self.stage = Stage::Backoff { until: now + delay };
                vec![
                    exited,
                    Action::Announce(Notice::Backoff(delay, self.tally.total())),
                ]
            }
            AfterDeath::GiveUp => {
                self.stage = Stage::Failed;
                let halt = Halt::new(
                    Code::UnitFailed,
                    format!(
                        "{} died too often; the last time: {reason}",
                        self.policy.name
                    ),
                );
                let failed = Action::Announce(Notice::Failed(halt.clone()));
                vec![exited, failed, Action::Escalate(halt)]
            }
        }
    }

    fn probed(&mut self, verdict: Verdict, now: Instant) -> Vec<Action> {
        if let (Stage::Running(_), Verdict::Fatal(halt)) = (&self.stage, &verdict) {
            let halt = halt.clone();
            return self.fail(halt, now);
        }
        let Stage::Running(life) = &mut self.stage else {
            return Vec::new();
        };
        let before = life.state();
        life.hear(verdict, now);
        self.proven |= life.state() == UnitState::Ready;
        let notice = match (before, life.state()) {
            (before, after) if before == after => return Vec::new(),
            (UnitState::Starting, UnitState::Ready) => {
                return [Notice::Up, Notice::Ready].map(Action::Announce).to_vec();
            }
            (_, UnitState::Up) => Notice::Up,
            (_, UnitState::Ready) => Notice::Ready,
            _ => Notice::Degraded(life.reason.clone()),
        };
        vec![Action::Announce(notice)]
    }

    fn tick(&mut self, now: Instant) -> Vec<Action> {
        match &mut self.stage {
            Stage::Backoff { until } if now >= *until => {
                self.stage = Stage::Pending;
                Vec::new()
            }
            Stage::Preparing { index, since } => {
                let (index, since) = (*index, *since);
                let deadline = self.prepare_deadline(index);
                if now < since + deadline {
                    return Vec::new();
                }
                let name = &self.policy.name;
                let halt = Halt::new(
                    Code::UnitStartTimeout,
                    format!(
                        "prepare {index} of {name} ran longer than {} s",
                        deadline.as_secs()
                    ),
                );
                let mut actions = self.fail(halt, now);
                actions.extend(self.kill_now());
                actions.retain(|action| *action != Action::Terminate);
                actions
            }
            Stage::Running(life) => match life.overdue(&self.policy, self.proven, now) {
                None => Vec::new(),
                Some(Overdue::Fail(halt)) => self.fail(halt, now),
                Some(Overdue::Restart(reason)) => {
                    self.terminate(Cause::Restart(reason), HUNG_GRACE, now)
                }
            },
            Stage::Stopping(stopping) if now >= stopping.kill_at => self.kill_now(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
