//! The supervisor.
pub mod plan;
