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
    give_up_all_but(CapabilitySet::NET_ADMIN)
}

/// As [`drop_supervisor_capabilities`], for the first process of a sealed guest: it keeps `CAP_SYS_BOOT` for itself, for it must
/// be able to turn the machine off.
///
/// # Errors
/// The restriction that the kernel refused.
pub fn drop_init_capabilities() -> Result<SupervisorPowers, SandboxError> {
    give_up_all_but(CapabilitySet::NET_ADMIN | CapabilitySet::SYS_BOOT)
}

fn give_up_all_but(wanted: CapabilitySet) -> Result<SupervisorPowers, SandboxError> {
    let kept = held()? & wanted;
    let inheritable = kept & CapabilitySet::NET_ADMIN;
    empty_bounding_set_but(CapabilitySet::NET_ADMIN)?;
    confine_to(kept, inheritable)?;
    rustix::thread::set_no_new_privs(true).map_err(SandboxError::at("no_new_privs"))?;
    Ok(SupervisorPowers {
        net_admin: !inheritable.is_empty(),
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
