//! The port in the engine: opened by proof, closed at once, and told closed only when it is.
//!
//! When the kernel refuses a change of the port, the live rules are looked at before anything else: a table that somebody
//! removed lets everything pass, and looking puts it back, closed. Only a refusal that no difference explains is counted.

use tokio::time::Instant;

use super::{DRIFT, Engine};
use crate::boot::gate::Order;
use crate::boot::shut;
use crate::console::Event;
use crate::error::Halt;

/// This many refusals in a row that no difference of the rules explains mean that the firewall is lost.
const REFUSALS: u32 = 3;

/// A closing that the kernel has not confirmed yet.
pub(super) struct Closing {
    reason: String,
    was_open: bool,
}

// === impl Engine ===

impl Engine {
    /// The port follows the units' states.
    pub(super) fn guard(&mut self, now: Instant) {
        if self.draining || self.closing.is_some() {
            return;
        }
        match self.gate.step(&self.table, now) {
            None => {}
            Some(Order::Rearm(proof, era)) => self.rearm(proof, era, now),
            Some(Order::Close { reason, was_open }) => self.order_close(reason, was_open),
        }
    }

    /// True unless the kernel has confirmed that the port is closed.
    pub(super) fn may_be_open(&self) -> bool {
        let closing = self
            .closing
            .as_ref()
            .is_some_and(|closing| closing.was_open);
        self.gate.is_open() || closing
    }

    /// Closes the port and waits until it is. What is not closed then is tried again while the units stop.
    pub(in crate::boot) async fn shut(&mut self, why: &Halt) {
        self.draining = true;
        let Order::Close { reason, was_open } = self.gate.close(why.message.clone()) else {
            return;
        };
        let closing = self.closing.take().unwrap_or(Closing { reason, was_open });
        let was_open = closing.was_open || was_open;
        self.closing = Some(Closing {
            was_open,
            ..closing
        });
        match shut::close(self.wall.as_ref(), &self.context.console).await {
            Ok(()) => self.confirm_closed(),
            Err(halt) => self.refused(halt),
        }
        let reason = why.to_string();
        self.context.console.emit(Event::DrainStarted { reason });
    }

    /// A closing came back.
    pub(super) fn closed(&mut self, outcome: Result<(), Halt>) {
        match outcome {
            Ok(()) => self.confirm_closed(),
            Err(halt) => self.refused(halt),
        }
    }

    /// A re-arm came back.
    pub(super) fn rearmed(&mut self, era: u64, asked: Instant, outcome: Result<bool, Halt>) {
        let done = matches!(outcome, Ok(true));
        match outcome {
            Ok(_) => self.refusals = 0,
            Err(halt) => self.refused(halt),
        }
        if self.gate.rearmed(era, asked, done, Instant::now()) && !self.is_delegated() {
            let port = self.plan.firewall.port;
            self.context.console.emit(Event::PortOpened { port });
        }
    }

    /// A look at the live rules came back.
    pub(super) fn looked(&mut self, outcome: Result<Option<String>, Halt>) {
        let now = Instant::now();
        let too_early = std::mem::take(&mut self.look_again);
        self.drift_at = Some(if too_early { now } else { now + DRIFT });
        let suspect = if too_early { None } else { self.suspect.take() };
        match outcome {
            Ok(None) => {
                if let Some(halt) = suspect {
                    self.refusals += 1;
                    if self.refusals >= REFUSALS {
                        self.lose(halt);
                    }
                }
                if self.closing.is_some() {
                    self.close();
                }
            }
            Ok(Some(what)) => {
                self.refusals = 0;
                let repaired = true;
                self.context
                    .console
                    .emit(Event::FirewallDrift { what, repaired });
                // The repair shut the port, but a re-arm may have come between: it is closed here too, and opened again
                // by proofs that are newer than this.
                let reason = "the firewall's rules were repaired".to_owned();
                if let Order::Close { reason, was_open } = self.gate.close(reason) {
                    self.order_close(reason, was_open);
                }
            }
            Err(halt) => {
                let (what, repaired) = (halt.message.clone(), false);
                self.context
                    .console
                    .emit(Event::FirewallDrift { what, repaired });
                self.refusals += 1;
                self.lose(halt);
                if self.closing.is_some() {
                    self.close();
                }
            }
        }
    }

    /// Has the port closed; it is told closed when it is. The first reason stands.
    fn order_close(&mut self, reason: String, was_open: bool) {
        match &mut self.closing {
            Some(closing) => closing.was_open |= was_open,
            None => self.closing = Some(Closing { reason, was_open }),
        }
        self.close();
    }

    fn confirm_closed(&mut self) {
        if let Some(Closing {
            reason,
            was_open: true,
        }) = self.closing.take()
        {
            self.tell_closed(reason);
        }
    }

    /// The kernel refused a change of the port: somebody looks at once, not at the next turn.
    fn refused(&mut self, halt: Halt) {
        self.suspect = Some(halt);
        if self.refusals >= REFUSALS {
            // The firewall is lost already; the looks go on at their own pace.
            return;
        }
        if self.drift_at.is_some() {
            self.drift_at = Some(Instant::now());
        } else {
            self.look_again = true;
        }
    }
}
