//! What a process may no longer do.
//!
//! Promise: after [`drop_supervisor_capabilities`] this process and its threads can change the firewall and nothing else that
//! takes a power; after `assume` a unit is its account and can never be anything else.

mod capabilities;
mod identity;

use rustix::thread::CapabilitySet;

pub(crate) use self::capabilities::{
    confine_to, empty_bounding_set_but, held, lock_secure_bits, powers_are_gone,
};
pub(crate) use self::identity::{IdentityStep, assume};

/// A restriction that the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct SandboxError {
    /// What was being given up.
    pub step: &'static str,
    /// The kernel's answer.
    pub source: std::io::Error,
}

/// What the supervisor keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupervisorPowers {
    /// It may change the firewall. Absent in a guest whose contract waives that.
    pub net_admin: bool,
}

/// Gives up every capability but `CAP_NET_ADMIN`, for ever and for all programs that this process will execute.
///
/// Call it in the main thread before any other exists: threads inherit, they are not reached afterwards. `CAP_NET_ADMIN` stays
/// inheritable and bounding, so that the `nft` process has it.
///
/// # Errors
/// The restriction that the kernel refused.
pub fn drop_supervisor_capabilities() -> Result<SupervisorPowers, SandboxError> {
    let kept = held()? & CapabilitySet::NET_ADMIN;
    empty_bounding_set_but(CapabilitySet::NET_ADMIN)?;
    confine_to(kept, kept)?;
    rustix::thread::set_no_new_privs(true).map_err(SandboxError::at("no_new_privs"))?;
    Ok(SupervisorPowers {
        net_admin: !kept.is_empty(),
    })
}

// === impl SandboxError ===

impl SandboxError {
    pub(crate) fn at(step: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self {
            step,
            source: errno.into(),
        }
    }
}
