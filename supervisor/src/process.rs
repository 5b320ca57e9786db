//! This process itself: how it starts clean, and how processes end.
//!
//! Promise: after [`shed_environment`] and [`sanitise`] nothing of the outside is left in the process but what the command line names.
//! No environment variable, no inherited descriptor, no loose file mode, no core dump.

mod core_pattern;
mod environment;
mod error;
mod exit;
pub(crate) mod sealed;
mod start;

pub use self::core_pattern::probe_core_pattern;
pub use self::environment::{Sections, shed_environment, take_sections};
pub use self::error::ProcessError;
pub use self::exit::ExitReason;
pub use self::start::sanitise;
pub(crate) use self::start::{forbid_cores, null_device};
