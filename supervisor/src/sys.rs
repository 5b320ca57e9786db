//! The only unsafe code of the workspace: what no safe library offers.
//!
//! Everything here is small enough to be read in one sitting. Each function says what the kernel does and why the call is
//! sound; everything that rustix or nix offer safely is used from there directly.
#![allow(
    unsafe_code,
    reason = "fork, clone3, close_range, waitid with a pid and registering a descriptor have no safe wrapper"
)]

mod fd;
mod fork;
mod signal;
mod wait;
mod watched;

pub(crate) use self::fd::{adopt, close_all_except, close_on_exec_from};
pub(crate) use self::fork::{Forked, exit_now, fork, fork_into_namespaces, is_single_threaded};
pub(crate) use self::signal::reset_signals;
pub(crate) use self::wait::peek_ended_child;
pub(crate) use self::watched::Watched;
