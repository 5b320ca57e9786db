//! The supervisor.
pub mod credentials;
pub mod plan;
