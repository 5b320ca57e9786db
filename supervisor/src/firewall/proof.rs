//! The proof that the port may be open.
//!
//! Re-arming takes an [`AllReady`] by value. Only the table of units makes one, out of probes that all succeeded, so no
//! task can keep the port open that has not just seen every unit ready.

use std::time::Instant;

/// Every unit is ready, by probes that are all young enough. Used up by one re-arm.
#[derive(Debug)]
pub struct AllReady {
    made: Instant,
    until: Instant,
}

// === impl AllReady ===

impl AllReady {
    /// A proof that holds until `until`: the time of the oldest probe plus the age that it may reach.
    ///
    /// For the table of units only.
    pub(crate) fn new(until: Instant) -> Self {
        Self {
            made: Instant::now(),
            until,
        }
    }

    /// Uses the proof up. Gives until when it holds; `None` when it does not hold now, or when the port has been closed
    /// since the units were looked at.
    pub(super) fn spend(self, closed: Option<Instant>) -> Option<Instant> {
        let newer = closed.is_none_or(|closed| self.made > closed);
        (newer && Instant::now() <= self.until).then_some(self.until)
    }
}
