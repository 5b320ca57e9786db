//! What the process does to itself before it reads a secret.
//!
//! Undumpable, so that neither a core file nor another process of the same uid sees its memory; no core files at all;
//! and a umask under which nothing is made readable for others. The dumpable flag resets on exec, so the parent cannot
//! do this for us.

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};

/// The kernel refused to harden the process.
#[derive(Debug, thiserror::Error)]
#[error("cannot harden the process ({step}): {source}")]
pub struct HardenError {
    step: &'static str,
    source: nix::Error,
}

/// Makes the process undumpable, forbids core files and sets the umask to 077.
pub fn harden() -> Result<(), HardenError> {
    let failed = |step| move |source| HardenError { step, source };
    prctl::set_dumpable(false).map_err(failed("PR_SET_DUMPABLE"))?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(failed("RLIMIT_CORE"))?;
    umask(Mode::from_bits_truncate(0o077));
    Ok(())
}
