//! The firewall of a guest whose contract says that somebody else guards its port.
//!
//! It does nothing, and says so in status and heartbeat through the plan's list of waived powers.

use super::{Job, Wall};
use crate::error::Halt;
use crate::firewall::AllReady;
use crate::plan::spec::FirewallSpec;

/// No firewall of ours.
#[derive(Debug, Clone, Copy)]
pub struct Delegated;

// === impl Delegated ===

impl Wall for Delegated {
    fn lock(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async { Ok(()) })
    }

    fn apply(&self, _: FirewallSpec) -> Job<'_, Result<(), Halt>> {
        Box::pin(async { Ok(()) })
    }

    fn rearm(&self, _: AllReady) -> Job<'_, Result<bool, Halt>> {
        Box::pin(async { Ok(true) })
    }

    fn close(&self) -> Job<'_, Result<(), Halt>> {
        Box::pin(async { Ok(()) })
    }

    fn check_drift(&self) -> Job<'_, Result<Option<String>, Halt>> {
        Box::pin(async { Ok(None) })
    }
}
