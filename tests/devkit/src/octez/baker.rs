//! octez-baker's stand-in: asks a remote signer for what a baker signs, at the pace of the toy chain.
//!
//! For each new head it makes the exact bytes of a preattestation and an attestation of that head and of the next block's
//! header, sends each to the signer as Octez does, verifies what comes back, injects it, and writes one journal line. What
//! is not signed within the block time is a missed slot; nothing is asked twice.

mod bake;
pub(super) mod cli;
pub mod journal;
mod marks;
pub mod payload;
mod run;
pub mod signer;
mod votes;
mod wallet;

use super::exit::{self, End, Failure};
use super::say;
use cli::BakerArgs;

/// Runs octez-baker's command line (without `argv[0]`).
pub(super) fn main(args: &[String]) -> Result<End, Failure> {
    if args.first().is_some_and(|arg| arg == "--version") {
        let (major, minor) = super::VERSION;
        say::line(&format!(
            "bakehouse-stand-in (Octez {major}.{minor} is claimed) octez-baker"
        ));
        return Ok(End::Done);
    }
    say::banner("octez-baker");
    let args = BakerArgs::parse(args)?;
    let baker = run::Prepared::new(args)?;
    exit::daemon(|stop| baker.run(stop))
}
