//! The contract.
pub mod secret;
pub mod settings;
