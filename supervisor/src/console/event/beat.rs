//! The heartbeat: the state of everything, once in a while.

use serde_json::{Map, Value, json};

use crate::boot::Phase;
use crate::unit::UnitState;

/// The state of everything, once in a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// Phase.
    pub phase: Phase,
    /// `open`, `shut` or `delegated`.
    pub port: &'static str,
    /// Units with their states.
    pub units: Vec<(String, UnitState)>,
    /// Waived powers.
    pub waived: Vec<String>,
    /// Digest of the plan.
    pub plan: String,
    /// Console lines and child lines lost so far.
    pub dropped: (u64, u64),
}

// === impl Beat ===

impl Beat {
    pub(super) fn words(&self) -> String {
        let mut words = vec![
            self.phase.as_str().to_owned(),
            format!("port {}", self.port),
        ];
        words.extend(
            self.units
                .iter()
                .map(|(unit, state)| format!("{unit} {state}")),
        );
        if !self.waived.is_empty() {
            words.push(format!("WAIVED by contract: {}", self.waived.join(" ")));
        }
        words.join(", ")
    }

    pub(super) fn fields(&self) -> Value {
        let units: Map<_, _> = self
            .units
            .iter()
            .map(|(unit, state)| (unit.clone(), json!(state)))
            .collect();
        let (console, units_lines) = self.dropped;
        json!({
            "phase": self.phase.as_str(), "port": self.port, "units": units,
            "waived": self.waived, "plan": self.plan,
            "dropped": { "console": console, "units": units_lines },
        })
    }
}
