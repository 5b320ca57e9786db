//! All units and the graph between them.
//!
//! The table starts each unit when what it needs is ready, stops in reverse, says which probes are due, and is the only
//! maker of the proof that opens the port: [`Table::all_ready`], given while every unit is Ready by a probe that began
//! less than one interval ago.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Jitter;
use super::machine::{Action, Event, Machine, Verdict};
use super::{ExitReason, UnitState};
use crate::firewall::AllReady;
use crate::plan::spec::{Level, UnitSpec};

/// All units of a plan.
#[derive(Debug)]
pub struct Table {
    units: Vec<Unit>,
    jitter: Jitter,
    draining: Option<Drain>,
}

#[derive(Debug)]
struct Drain {
    deadline: Instant,
    forced: bool,
}

#[derive(Debug)]
struct Unit {
    spec: UnitSpec,
    machine: Machine,
    /// Indexes of the units that need this one.
    needed_by: Vec<usize>,
    needs: Vec<(usize, Level)>,
    /// When the last probe that found it Synced began.
    proved: Option<Instant>,
    /// When the last probe began.
    asked: Option<(u64, Instant)>,
    probing: bool,
}

/// A graph that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unit {unit} needs {needs}, which is not before it")]
pub struct GraphError {
    unit: String,
    needs: String,
}

/// A probe that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeOrder {
    /// The unit.
    pub unit: usize,
    /// Its run.
    pub run: u64,
    /// The longest it may take.
    pub timeout: Duration,
}

/// A unit as status shows it.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Its name.
    pub name: &'a str,
    /// How far it has come.
    pub state: UnitState,
    /// What its last probe found missing.
    pub reason: &'a str,
    /// Deaths since the boot.
    pub deaths: u64,
    /// How its last run ended.
    pub last_exit: Option<&'a ExitReason>,
    /// When the last probe that found it ready began.
    pub proved: Option<Instant>,
    /// When its current run began.
    pub since: Option<Instant>,
}

// === impl Table ===

impl Table {
    /// A table of these units, each of which needs only units before it: acyclic by construction.
    pub fn new(specs: Vec<UnitSpec>, seed: u64) -> Result<Self, GraphError> {
        let names: Vec<_> = specs.iter().map(|spec| spec.name.clone()).collect();
        let mut units: Vec<Unit> = Vec::with_capacity(specs.len());
        for (index, spec) in specs.into_iter().enumerate() {
            let mut needs = Vec::new();
            for (name, level) in &spec.needs {
                let before = names.iter().take(index).position(|other| other == name);
                let needed = before.ok_or_else(|| GraphError {
                    unit: spec.name.0.clone(),
                    needs: name.0.clone(),
                })?;
                if let Some(unit) = units.get_mut(needed) {
                    unit.needed_by.push(index);
                }
                needs.push((needed, *level));
            }
            let machine = Machine::new(&spec);
            units.push(Unit {
                spec,
                machine,
                needed_by: Vec::new(),
                needs,
                proved: None,
                asked: None,
                probing: false,
            });
        }
        Ok(Self {
            units,
            jitter: Jitter::new(seed),
            draining: None,
        })
    }

    /// Takes in one event of one unit, and what follows from it in others.
    pub fn handle(&mut self, unit: usize, event: Event, now: Instant) -> Vec<(usize, Action)> {
        let mut actions = self.pass(unit, event, now);
        actions.extend(self.follow(now));
        actions
    }

    /// Lets time do its part.
    pub fn tick(&mut self, now: Instant) -> Vec<(usize, Action)> {
        let mut actions = Vec::new();
        for unit in 0..self.units.len() {
            actions.extend(self.pass(unit, Event::Tick, now));
        }
        if let Some(drain) = &mut self.draining
            && now >= drain.deadline
        {
            drain.forced = true;
            for unit in 0..self.units.len() {
                actions.extend(self.pass(unit, Event::Stop, now));
                actions.extend(self.pass(unit, Event::KillNow, now));
            }
        }
        actions.extend(self.follow(now));
        actions
    }

    /// From now on nothing starts, and everything stops in reverse order, within this time.
    pub fn drain(&mut self, within: Duration, now: Instant) -> Vec<(usize, Action)> {
        self.draining.get_or_insert(Drain {
            deadline: now + within,
            forced: false,
        });
        self.follow(now)
    }

    /// A probe came back. `began` is when it was sent.
    pub fn probed(
        &mut self,
        unit: usize,
        run: u64,
        verdict: Verdict,
        began: Instant,
        now: Instant,
    ) -> Vec<(usize, Action)> {
        let synced = verdict == Verdict::Synced;
        let actions = self.handle(unit, Event::Probed { run, verdict }, now);
        if let Some(unit) = self.units.get_mut(unit) {
            unit.probing = false;
            let alive = unit
                .machine
                .running()
                .is_some_and(|(current, _)| current == run);
            if synced && alive && unit.machine.state() == UnitState::Ready {
                unit.proved = Some(began);
            }
        }
        actions
    }

    /// Probes that are due; each is taken as begun now.
    pub fn due_probes(&mut self, now: Instant) -> Vec<ProbeOrder> {
        let mut due = Vec::new();
        if self.draining.is_some() {
            return due;
        }
        for (index, unit) in self.units.iter_mut().enumerate() {
            let Some((run, _)) = unit.machine.running() else {
                continue;
            };
            if !unit.probing && unit.next_probe().is_some_and(|at| now >= at) {
                unit.probing = true;
                unit.asked = Some((run, now));
                due.push(ProbeOrder {
                    unit: index,
                    run,
                    timeout: unit.spec.probe_interval,
                });
            }
        }
        due
    }

    /// The proof that everything is ready, good until the first probe turns one interval old.
    pub fn all_ready(&self, now: Instant) -> Option<AllReady> {
        let mut until: Option<Instant> = None;
        for unit in &self.units {
            if unit.machine.state() != UnitState::Ready {
                return None;
            }
            let stale = unit.proved? + unit.spec.probe_interval;
            if stale <= now {
                return None;
            }
            until = Some(until.map_or(stale, |until| until.min(stale)));
        }
        until
            .filter(|_| self.draining.is_none())
            .map(|until| AllReady::new(until.into_std()))
    }

    /// True while every unit is in state Ready, whatever the age of its proof.
    pub fn all_in_ready(&self) -> bool {
        self.draining.is_none()
            && self
                .units
                .iter()
                .all(|u| u.machine.state() == UnitState::Ready)
    }

    /// The first unit that is not Ready, for the reason of a closed port.
    pub fn first_unready(&self) -> Option<View<'_>> {
        self.views().find(|view| view.state != UnitState::Ready)
    }

    /// The longest probe interval: how long all must have been ready before the port opens.
    pub fn settle(&self) -> Duration {
        self.units
            .iter()
            .map(|unit| unit.spec.probe_interval)
            .max()
            .unwrap_or_default()
    }

    /// True when no unit runs or will.
    pub fn is_over(&self) -> bool {
        self.units.iter().all(|unit| unit.machine.is_over())
    }

    /// When [`Self::tick`] or [`Self::due_probes`] will next have something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let ticks = self.units.iter().filter_map(|unit| unit.machine.deadline());
        // While draining nothing is probed.
        let idle = self
            .units
            .iter()
            .filter(|unit| !unit.probing && self.draining.is_none());
        let probes = idle.filter_map(Unit::next_probe);
        let drain = self
            .draining
            .iter()
            .filter(|drain| !drain.forced)
            .map(|drain| drain.deadline);
        ticks.chain(probes).chain(drain).min()
    }

    /// All units, in start order.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.units.iter().map(Unit::view)
    }

    /// One unit.
    pub fn view(&self, unit: usize) -> Option<View<'_>> {
        self.units.get(unit).map(Unit::view)
    }

    /// The command that runs before this unit, while one does.
    pub fn preparing(&self, unit: usize) -> Option<usize> {
        self.units.get(unit)?.machine.preparing()
    }

    /// The plan of one unit.
    pub fn spec(&self, unit: usize) -> Option<&UnitSpec> {
        self.units.get(unit).map(|unit| &unit.spec)
    }

    fn pass(&mut self, index: usize, event: Event, now: Instant) -> Vec<(usize, Action)> {
        let Some(unit) = self.units.get_mut(index) else {
            return Vec::new();
        };
        let actions = unit.machine.handle(event, now, &mut self.jitter);
        if unit.machine.state() != UnitState::Ready {
            unit.proved = None;
        }
        actions.into_iter().map(|action| (index, action)).collect()
    }

    /// What the graph asks for now: starts, or while draining stops. Repeats until nothing more follows.
    fn follow(&mut self, now: Instant) -> Vec<(usize, Action)> {
        let mut all = Vec::new();
        loop {
            let ready: Vec<usize> = (0..self.units.len()).filter(|i| self.is_next(*i)).collect();
            let event = if self.draining.is_some() {
                Event::Stop
            } else {
                Event::NeedsMet
            };
            if ready.is_empty() {
                return all;
            }
            for unit in ready {
                all.extend(self.pass(unit, event.clone(), now));
            }
        }
    }

    fn is_next(&self, index: usize) -> bool {
        let Some(unit) = self.units.get(index) else {
            return false;
        };
        if self.draining.is_some() {
            let state = unit.machine.state();
            let over = |i: &usize| self.units.get(*i).is_none_or(|unit| unit.machine.is_over());
            return !unit.machine.is_over()
                && state != UnitState::Stopping
                && unit.needed_by.iter().all(over);
        }
        let met = |(i, level): &(usize, Level)| {
            self.units.get(*i).and_then(|unit| unit.machine.level()) >= Some(*level)
        };
        unit.machine.state() == UnitState::Pending && unit.needs.iter().all(met)
    }
}

// === impl Unit ===

impl Unit {
    /// Twice in each interval, so that there is always a proof younger than one.
    fn next_probe(&self) -> Option<Instant> {
        let (run, since) = self.machine.running()?;
        match self.asked {
            Some((of, at)) if of == run => Some(at + self.spec.probe_interval / 2),
            _ => Some(since),
        }
    }

    fn view(&self) -> View<'_> {
        View {
            name: &self.spec.name.0,
            state: self.machine.state(),
            reason: self.machine.reason(),
            deaths: self.machine.deaths(),
            last_exit: self.machine.last_exit(),
            proved: self.proved,
            since: self.machine.running().map(|(_, since)| since),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
