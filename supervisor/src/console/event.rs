//! The events, their stable names and their two forms. `docs/events.md` has the table.

mod beat;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::boot::Phase;
use crate::error::Halt;
use crate::host::utc;
use crate::unit::{ExitReason, Step};

pub use beat::Beat;

/// Something worth telling.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A phase began.
    Phase(Phase),
    /// Nothing passes but loopback.
    FirewallLocked,
    /// The rules of the plan stand.
    FirewallApplied,
    /// The rules were not ours any more.
    FirewallDrift {
        /// What differed.
        what: String,
        /// True when they are ours again.
        repaired: bool,
    },
    /// The world may connect.
    PortOpened {
        /// The port.
        port: u16,
    },
    /// The world may not connect any more.
    PortClosed {
        /// The port.
        port: u16,
        /// Why.
        reason: String,
    },
    /// A step of a unit started.
    UnitStarting {
        /// The unit.
        unit: String,
        /// The step.
        step: Step,
        /// Process id.
        pid: i32,
    },
    /// A unit answers.
    UnitUp {
        /// The unit.
        unit: String,
    },
    /// A unit is all that its probe asks for.
    UnitReady {
        /// The unit.
        unit: String,
    },
    /// A unit is no longer ready.
    UnitDegraded {
        /// The unit.
        unit: String,
        /// What is missing.
        reason: String,
    },
    /// A unit ended by itself.
    UnitExited {
        /// The unit.
        unit: String,
        /// The step.
        step: Step,
        /// How.
        reason: ExitReason,
    },
    /// A unit waits for its next start.
    UnitBackoff {
        /// The unit.
        unit: String,
        /// How long.
        delay: Duration,
        /// Deaths since the boot.
        deaths: u64,
    },
    /// A unit will not run again.
    UnitFailed {
        /// The unit.
        unit: String,
        /// Why.
        halt: Halt,
    },
    /// A unit stopped as asked.
    UnitStopped {
        /// The unit.
        unit: String,
        /// How its last run ended, if it ran.
        reason: Option<ExitReason>,
        /// True for success.
        clean: bool,
    },
    /// One of the last lines of a unit that ended.
    UnitLog {
        /// The unit.
        unit: String,
        /// `stdout` or `stderr`.
        stream: &'static str,
        /// The line, without known secrets.
        line: String,
    },
    /// Something outside is waited for.
    HsmWaiting {
        /// What is missing.
        reason: String,
        /// So far.
        waited: Duration,
        /// Until the boot halts.
        left: Duration,
    },
    /// The signer may sign.
    SignerArmed {
        /// The node's head.
        head: i64,
        /// Nothing at or below this level is signed.
        floor: i64,
    },
    /// The contract waives a power.
    PowerWaived {
        /// Which.
        power: String,
        /// What that means now.
        detail: String,
    },
    /// Something about the contract is odd.
    ContractWarning {
        /// What, without values.
        message: String,
    },
    /// This kernel or container gives units less isolation than it should.
    IsolationReduced {
        /// `proc` or `credentials`.
        what: &'static str,
        /// What that means.
        detail: &'static str,
    },
    /// Still here.
    Heartbeat(Beat),
    /// The way down began.
    DrainStarted {
        /// Why.
        reason: String,
    },
    /// The end.
    Halted(Halt),
}

// === impl Event ===

impl Event {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Phase(_) => "phase.entered",
            Self::FirewallLocked => "firewall.locked",
            Self::FirewallApplied => "firewall.applied",
            Self::FirewallDrift { .. } => "firewall.drift",
            Self::PortOpened { .. } => "port.opened",
            Self::PortClosed { .. } => "port.closed",
            Self::UnitStarting { .. } => "unit.starting",
            Self::UnitUp { .. } => "unit.up",
            Self::UnitReady { .. } => "unit.ready",
            Self::UnitDegraded { .. } => "unit.degraded",
            Self::UnitExited { .. } => "unit.exited",
            Self::UnitBackoff { .. } => "unit.backoff",
            Self::UnitFailed { .. } => "unit.failed",
            Self::UnitStopped { .. } => "unit.stopped",
            Self::UnitLog { .. } => "unit.log",
            Self::HsmWaiting { .. } => "hsm.waiting",
            Self::SignerArmed { .. } => "signer.armed",
            Self::PowerWaived { .. } => "power.waived",
            Self::ContractWarning { .. } => "contract.warning",
            Self::IsolationReduced { .. } => "isolation.reduced",
            Self::Heartbeat(_) => "heartbeat",
            Self::DrainStarted { .. } => "drain.started",
            Self::Halted(_) => "halted",
        }
    }

    /// Both lines, each with its end.
    pub(super) fn lines(&self, wall: SystemTime, uptime: Duration) -> String {
        let ts = utc::format(wall);
        // Neither a time nor a name needs escaping. Written out, so that they come first.
        let (uptime_ms, name) = (millis(uptime), self.name());
        let head = format!("{{\"ts\":\"{ts}\",\"uptime_ms\":{uptime_ms},\"event\":\"{name}\"");
        let fields = self.fields().to_string();
        let rest = match fields.strip_prefix('{') {
            None | Some("}") => "}".to_owned(),
            Some(rest) => format!(",{rest}"),
        };
        format!("{ts}  {}\n{head}{rest}\n", self.text(uptime))
    }

    /// The readable line after its time, without control characters.
    pub fn text(&self, uptime: Duration) -> String {
        let kind = self.name().split('.').next().unwrap_or_default();
        let since = match self {
            Self::Phase(_) => format!("  (+{} ms)", millis(uptime)),
            _ => String::new(),
        };
        let text = format!("{kind:<10} {}{since}", self.words());
        text.chars()
            .map(|c| if c.is_control() { '\u{b7}' } else { c })
            .collect()
    }

    fn words(&self) -> String {
        match self {
            Self::Phase(phase) => phase.as_str().to_owned(),
            Self::FirewallLocked => "locked: nothing passes but loopback".to_owned(),
            Self::FirewallApplied => "applied: the plan's rules stand".to_owned(),
            Self::FirewallDrift {
                what,
                repaired: true,
            } => format!("drift, repaired: {what}"),
            Self::FirewallDrift {
                what,
                repaired: false,
            } => format!("drift, NOT repaired: {what}"),
            Self::PortOpened { port } => format!("{port} open"),
            Self::PortClosed { port, reason } => format!("{port} closed: {reason}"),
            Self::HsmWaiting {
                reason,
                waited,
                left,
            } => format!(
                "waiting since {} s, {} s left: {reason}",
                waited.as_secs(),
                left.as_secs()
            ),
            Self::SignerArmed { head, floor } => {
                format!("armed at head {head}: nothing at or below {floor} is signed")
            }
            Self::PowerWaived { power, detail } => format!("{power} waived by contract: {detail}"),
            Self::ContractWarning { message } => format!("warning: {message}"),
            Self::IsolationReduced { what, detail } => format!("{what} reduced: {detail}"),
            Self::Heartbeat(beat) => beat.words(),
            Self::DrainStarted { reason } => format!("started: {reason}"),
            Self::Halted(halt) => format!("{halt}. Remedy: {}", halt.code.remedy()),
            _ => self.unit_words(),
        }
    }

    fn unit_words(&self) -> String {
        match self {
            Self::UnitStarting { unit, step, pid } => {
                format!("{unit:<8} starting {step}, pid {pid}")
            }
            Self::UnitUp { unit } => format!("{unit:<8} up"),
            Self::UnitReady { unit } => format!("{unit:<8} ready"),
            Self::UnitDegraded { unit, reason } => format!("{unit:<8} degraded: {reason}"),
            Self::UnitExited { unit, step, reason } => format!("{unit:<8} {step} ended: {reason}"),
            Self::UnitBackoff {
                unit,
                delay,
                deaths,
            } => {
                format!(
                    "{unit:<8} starts again in {} ms (death {deaths})",
                    millis(*delay)
                )
            }
            Self::UnitFailed { unit, halt } => format!("{unit:<8} failed: {halt}"),
            Self::UnitStopped {
                unit,
                reason: Some(reason),
                clean: true,
            } => {
                format!("{unit:<8} stopped ({reason})")
            }
            Self::UnitStopped {
                unit, reason: None, ..
            } => format!("{unit:<8} stopped"),
            Self::UnitStopped {
                unit,
                reason: Some(reason),
                clean: false,
            } => {
                format!("{unit:<8} stopped, not cleanly: {reason}")
            }
            Self::UnitLog { unit, line, .. } => format!("{unit:<8} | {line}"),
            _ => String::new(),
        }
    }

    fn fields(&self) -> Value {
        match self {
            Self::Phase(phase) => json!({ "phase": phase.as_str() }),
            Self::FirewallLocked | Self::FirewallApplied => json!({}),
            Self::FirewallDrift { what, repaired } => json!({ "what": what, "repaired": repaired }),
            Self::PortOpened { port } => json!({ "port": port }),
            Self::PortClosed { port, reason } => json!({ "port": port, "reason": reason }),
            Self::HsmWaiting {
                reason,
                waited,
                left,
            } => json!({
                "reason": reason, "waited_ms": millis(*waited), "left_ms": millis(*left),
            }),
            Self::SignerArmed { head, floor } => json!({ "head": head, "floor": floor }),
            Self::PowerWaived { power, detail } => json!({ "power": power, "detail": detail }),
            Self::ContractWarning { message } => json!({ "message": message }),
            Self::IsolationReduced { what, detail } => json!({ "what": what, "detail": detail }),
            Self::Heartbeat(beat) => beat.fields(),
            Self::DrainStarted { reason } => json!({ "reason": reason }),
            Self::Halted(halt) => json!({
                "code": halt.code, "message": halt.message,
                "remedy": halt.code.remedy(), "exit_code": halt.exit() as u8,
            }),
            _ => self.unit_fields(),
        }
    }

    fn unit_fields(&self) -> Value {
        match self {
            Self::UnitStarting { unit, step, pid } => {
                json!({ "unit": unit, "step": step.to_string(), "pid": pid })
            }
            Self::UnitUp { unit } | Self::UnitReady { unit } => json!({ "unit": unit }),
            Self::UnitDegraded { unit, reason } => json!({ "unit": unit, "reason": reason }),
            Self::UnitExited { unit, step, reason } => {
                json!({ "unit": unit, "step": step.to_string(), "reason": reason })
            }
            Self::UnitBackoff {
                unit,
                delay,
                deaths,
            } => {
                json!({ "unit": unit, "delay_ms": millis(*delay), "deaths": deaths })
            }
            Self::UnitFailed { unit, halt } => {
                json!({ "unit": unit, "code": halt.code, "message": halt.message })
            }
            Self::UnitStopped {
                unit,
                reason,
                clean,
            } => {
                json!({ "unit": unit, "reason": reason, "clean": clean })
            }
            Self::UnitLog { unit, stream, line } => {
                json!({ "unit": unit, "stream": stream, "line": line })
            }
            _ => json!({}),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
