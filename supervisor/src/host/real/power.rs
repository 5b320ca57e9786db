//! The machine's switch.

use nix::sys::reboot::{RebootMode, reboot};

use crate::error::{Code, Halt};
use crate::host::Power;

/// Turns this machine off.
#[derive(Debug, Clone, Copy)]
pub struct RealPower;

// === impl RealPower ===

impl Power for RealPower {
    fn off(&self) -> Result<(), Halt> {
        nix::unistd::sync();
        // A sealed guest's supervisor is its first process; anybody else would turn off somebody else's machine.
        if std::process::id() != 1 {
            return Err(Halt::new(
                Code::Internal,
                "not the first process: the machine stays on",
            ));
        }
        match reboot(RebootMode::RB_POWER_OFF) {
            Err(error) => Err(Halt::new(
                Code::Internal,
                format!("cannot power off: {error}"),
            )),
        }
    }
}
