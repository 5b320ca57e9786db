//! When the port is open.
//!
//! Closing follows at once from any unit leaving Ready. Opening and staying open take a fresh proof each time; whoever
//! cannot show one in time finds that the kernel has closed the port.

use std::time::Duration;

use tokio::time::Instant;

use crate::firewall::AllReady;
use crate::unit::{Table, UnitState};

/// After a failed re-arm, the next is tried this much later.
const RETRY: Duration = Duration::from_millis(250);

/// The port, as the supervisor knows it.
#[derive(Debug)]
pub(super) struct Gate {
    dead_man: Duration,
    armed: Option<Instant>,
    ready_since: Option<Instant>,
    /// A re-arm is under way.
    busy: bool,
    /// Counts closings, so that a re-arm that a closing overtook opens nothing.
    era: u64,
    not_before: Option<Instant>,
}

/// What is to be done with the port.
#[derive(Debug)]
pub(super) enum Order {
    /// Open it, or keep it open. The number goes back to [`Gate::rearmed`].
    Rearm(AllReady, u64),
    /// Close it.
    Close {
        /// Why.
        reason: String,
        /// True when it was open until now, as far as we know.
        was_open: bool,
    },
}

// === impl Gate ===

impl Gate {
    /// A port that is shut.
    pub(super) fn new(dead_man: Duration) -> Self {
        let (armed, ready_since, not_before) = (None, None, None);
        Self {
            dead_man,
            armed,
            ready_since,
            busy: false,
            era: 0,
            not_before,
        }
    }

    /// True while the port is open, as far as we know.
    pub(super) fn is_open(&self) -> bool {
        self.armed.is_some()
    }

    /// What the units' states ask for now.
    pub(super) fn step(&mut self, table: &Table, now: Instant) -> Option<Order> {
        if !table.all_in_ready() {
            self.ready_since = None;
            let open = self.armed.is_some() || self.busy;
            return open.then(|| self.close(why(table)));
        }
        let since = *self.ready_since.get_or_insert(now);
        if self.armed.is_some_and(|armed| now >= armed + self.dead_man) {
            let late = self.dead_man.as_millis();
            let order = self.close(format!(
                "no fresh proof for {late} ms: the kernel closed it"
            ));
            self.ready_since = Some(now);
            return Some(order);
        }
        let due = self
            .armed
            .map_or(since + table.settle(), |armed| armed + self.dead_man / 4);
        if self.busy || now < due || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        let proof = table.all_ready(now)?;
        self.busy = true;
        Some(Order::Rearm(proof, self.era))
    }

    /// Shuts it, whatever the units say.
    pub(super) fn close(&mut self, reason: String) -> Order {
        self.era += 1;
        self.busy = false;
        // Opening again takes a whole interval of proofs that are newer than this.
        self.ready_since = None;
        let was_open = self.armed.take().is_some();
        Order::Close { reason, was_open }
    }

    /// A re-arm that was ordered at `asked` came back; true when the port opened by it.
    pub(super) fn rearmed(&mut self, era: u64, asked: Instant, done: bool, now: Instant) -> bool {
        if era != self.era {
            return false;
        }
        self.busy = false;
        self.not_before = (!done).then(|| now + RETRY);
        if !done {
            return false;
        }
        // The kernel counts from when it was told, which is not before it was asked.
        self.armed.replace(asked).is_none()
    }

    /// When [`Self::step`] will next have something to say, if nothing else happens.
    pub(super) fn deadline(&self, table: &Table, now: Instant) -> Option<Instant> {
        let lapse = self.armed.map(|armed| armed + self.dead_man);
        let rearm = self.armed.map(|armed| armed + self.dead_man / 4);
        let open = self
            .ready_since
            .filter(|_| self.armed.is_none())
            .map(|at| at + table.settle());
        // What is past waits for a proof, and a proof comes with an event.
        let later = [rearm, open, self.not_before]
            .into_iter()
            .flatten()
            .filter(|at| *at > now);
        later.chain(lapse).min()
    }
}

fn why(table: &Table) -> String {
    table.first_unready().map_or_else(
        || "draining".to_owned(),
        |view| match (view.state, view.last_exit) {
            (UnitState::Backoff | UnitState::Failed, Some(exit)) => {
                format!("{} ended: {exit}", view.name)
            }
            (state, _) if view.reason.is_empty() => format!("{} is {state}", view.name),
            (state, _) => format!("{} is {state}: {}", view.name, view.reason),
        },
    )
}

#[cfg(test)]
mod tests;
