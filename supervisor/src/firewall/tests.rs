//! Tests against the kernel of this machine, each in network namespaces of its own that end with it.

mod dead_man;
mod drift;
mod egress;
mod lock;
mod loopback;
pub(crate) mod specs;
mod world;
