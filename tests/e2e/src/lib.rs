//! The whole house, end to end, on real processes, namespaces and volumes.
//!
//! This crate plays everything around the guest: the operator who makes a contract, the host that boots the guest, the HSM
//! on its own network and the world outside. It holds no guest code.

pub mod bench;
pub mod demo;
pub mod journal;
pub mod net;
pub mod process;
pub mod scan;
pub mod secrets;
pub mod volume;
