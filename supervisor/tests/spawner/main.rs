//! Real processes, namespaces, uids and mounts, seen from outside.
//!
//! The spawner is forked before any thread exists and libtest has threads; so each scene runs in a process of its own, made by this
//! runner. It takes name filters and `--list` as libtest does. Without root the scenes are skipped, loudly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test; clippy knows only functions marked #[test]"
)]

mod accounts;
mod credentials;
mod deaths;
mod ends;
mod powers;
mod probe;
mod refusals;
mod restarts;
mod runner;
mod stage;
mod start;

fn main() -> std::process::ExitCode {
    let scenes = [
        accounts::SCENES,
        credentials::SCENES,
        deaths::SCENES,
        ends::SCENES,
        powers::SCENES,
        refusals::SCENES,
        restarts::SCENES,
        start::SCENES,
    ]
    .concat();
    let roles = [deaths::ROLES, powers::ROLES, start::ROLES].concat();
    runner::run(&scenes, &roles)
}
