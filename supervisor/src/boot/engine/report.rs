//! What the engine tells: events, heartbeats, status.

use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use crate::boot::provisioned::PROGRESS;
use crate::console::Event;
use crate::console::event::Beat;
use crate::plan::spec::ProbeSpec;
use crate::status::UnitStatus;
use crate::unit::UnitState;
use crate::unit::machine::Notice;

/// A signer that is up sooner than this was not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

// === impl Engine ===

impl Engine {
    pub(super) fn is_delegated(&self) -> bool {
        self.port_word() == "delegated"
    }

    pub(super) fn tell_closed(&self, reason: String) {
        if !self.is_delegated() {
            let port = self.plan.firewall.port;
            self.context
                .console
                .emit(Event::PortClosed { port, reason });
        }
    }

    /// An HSM that is late is waited for, and everybody can see it.
    pub(super) fn tell_waiting(&mut self, now: Instant) {
        let mut waiting = None;
        for (index, view) in self.table.views().enumerate() {
            let Some(spec) = self.table.spec(index) else {
                continue;
            };
            let late = view.state == UnitState::Starting && !view.reason.is_empty();
            let waited = view
                .since
                .map_or(Duration::ZERO, |since| now.duration_since(since));
            let late = late && waited >= PATIENCE;
            if late && matches!(spec.probe, ProbeSpec::Signer { .. }) {
                let left = spec.up_deadline.saturating_sub(waited);
                waiting = Some((view.reason.to_owned(), waited, left));
            }
        }
        let Some((reason, waited, left)) = waiting else {
            self.hsm_told = None;
            return;
        };
        if self.hsm_told.is_none_or(|told| now >= told + PROGRESS) {
            self.hsm_told = Some(now);
            self.context.console.emit(Event::HsmWaiting {
                reason,
                waited,
                left,
            });
        }
    }

    pub(super) fn beat(&self) {
        let status = self.context.board.read();
        let units = self
            .table
            .views()
            .map(|view| (view.name.to_owned(), view.state))
            .collect();
        self.context.console.emit(Event::Heartbeat(Beat {
            phase: status.phase,
            port: self.port_word(),
            units,
            waived: self.plan.waived.clone(),
            plan: self.digest.clone(),
            dropped: (self.context.console.dropped(), self.logs.dropped()),
        }));
    }

    /// Brings the status up to date.
    pub(super) fn report(&self) {
        let port = self.port_word();
        let units = self.table.views().map(|view| UnitStatus {
            name: view.name.to_owned(),
            state: view.state,
            reason: view.reason.to_owned(),
            deaths: view.deaths,
            last_exit: view.last_exit.cloned(),
        });
        let units = units.collect();
        self.context.board.update(|status| {
            status.port = port;
            status.units = units;
        });
    }

    fn port_word(&self) -> &'static str {
        match (self.context.board.port(), self.may_be_open()) {
            ("delegated", _) => "delegated",
            (_, true) => "open",
            (_, false) => "shut",
        }
    }
}

/// The console's event for a machine's notice. Starts are told with their process id, by whoever started them.
pub(super) fn event(unit: String, notice: Notice) -> Option<Event> {
    Some(match notice {
        Notice::Starting(_) => return None,
        Notice::Up => Event::UnitUp { unit },
        Notice::Ready => Event::UnitReady { unit },
        Notice::Degraded(reason) => Event::UnitDegraded { unit, reason },
        Notice::Exited(step, reason) => Event::UnitExited { unit, step, reason },
        Notice::Backoff(delay, deaths) => Event::UnitBackoff {
            unit,
            delay,
            deaths,
        },
        Notice::Stopped(reason, clean) => Event::UnitStopped {
            unit,
            reason,
            clean,
        },
        Notice::Failed(halt) => Event::UnitFailed { unit, halt },
    })
}
