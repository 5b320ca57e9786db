//! The Octez stand-ins and the prober as processes: what they refuse, how they end, what they put on the wire.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests: clippy.toml exempts only the test functions themselves"
)]

#[path = "octez_stand_ins/baker.rs"]
mod baker;
#[path = "octez_stand_ins/cli.rs"]
mod cli;
#[path = "octez_stand_ins/payload.rs"]
mod payload;
#[path = "octez_stand_ins/prober.rs"]
mod prober;
#[path = "octez_stand_ins/process.rs"]
mod process;
#[path = "octez_stand_ins/signer.rs"]
mod signer;
#[path = "octez_stand_ins/support.rs"]
mod support;
