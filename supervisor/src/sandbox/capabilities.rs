//! Capability sets of the calling thread, only ever made smaller.

use rustix::io::Errno;
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities,
    capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
};

use super::SandboxError;

/// Permitted and effective capabilities.
pub(crate) fn held() -> Result<CapabilitySet, SandboxError> {
    let sets = capabilities(None).map_err(SandboxError::at("capget"))?;
    Ok(sets.permitted & sets.effective)
}

/// Holds exactly these capabilities, and lets programs inherit only those of `inheritable`. Ambient ones are cleared.
pub(crate) fn confine_to(
    kept: CapabilitySet,
    inheritable: CapabilitySet,
) -> Result<(), SandboxError> {
    clear_ambient_capability_set().map_err(SandboxError::at("ambient capabilities"))?;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable,
    };
    set_capabilities(None, sets).map_err(SandboxError::at("capset"))
}

/// Takes every capability that the kernel knows but these out of the bounding set.
pub(crate) fn empty_bounding_set_but(kept: CapabilitySet) -> Result<(), SandboxError> {
    for capability in known() {
        let bounded = capability_is_in_bounding_set(capability);
        if !kept.contains(capability) && bounded.map_err(SandboxError::at("bounding set"))? {
            remove_capability_from_bounding_set(capability)
                .map_err(SandboxError::at("bounding set"))?;
        }
    }
    Ok(())
}

/// Locks the secure bits: uid 0 means nothing to exec, dropping ids drops capabilities, nothing is ever raised again.
pub(crate) fn lock_secure_bits() -> Result<(), SandboxError> {
    type Bits = CapabilitiesSecureBits;
    let bits = Bits::NO_ROOT
        | Bits::NO_ROOT_LOCKED
        | Bits::NO_SETUID_FIXUP_LOCKED
        | Bits::KEEP_CAPS_LOCKED
        | Bits::NO_CAP_AMBIENT_RAISE
        | Bits::NO_CAP_AMBIENT_RAISE_LOCKED;
    set_capabilities_secure_bits(bits).map_err(SandboxError::at("secure bits"))
}

/// True when the calling thread has no capability in any set and none in its bounding set.
pub(crate) fn powers_are_gone() -> Result<bool, Errno> {
    let sets = capabilities(None)?;
    let any = sets.effective | sets.permitted | sets.inheritable;
    for capability in known() {
        if capability_is_in_bounding_set(capability)? {
            return Ok(false);
        }
    }
    Ok(any.is_empty())
}

/// The capabilities that the running kernel knows: their numbers have no gaps.
fn known() -> impl Iterator<Item = CapabilitySet> {
    (0..u64::BITS)
        .map(|bit| CapabilitySet::from_bits_retain(1 << bit))
        .take_while(|capability| capability_is_in_bounding_set(*capability).is_ok())
}
