//! The contract: opening, checking and making it.
//!
//! A contract is the one document that an operator gives to a guest. This crate turns its bytes into [`settings::Settings`],
//! or into one [`ContractError`] that names the place and the remedy and never a value. It is pure: no clock, no network, no
//! file, no environment; random bytes are drawn only to seal.
//!
//! ```text
//! bytes ── ContractDocument::parse ──▶ original strings ── Contract::open(keys, pins) ──▶ Settings, digest, warnings
//! ```

pub mod certificate;
mod contract;
pub mod digest;
pub mod disk;
mod document;
pub mod envelope;
pub mod error;
pub mod limits;
mod node;
pub mod outline;
pub mod pem;
pub mod pins;
mod reader;
pub mod record;
pub mod secret;
mod sections;
pub mod settings;
pub mod signature;
pub mod template;
#[cfg(test)]
mod testing;
pub mod time;

pub use contract::{Contract, Opening, look, verify};
pub use digest::ContractDigest;
pub use document::ContractDocument;
pub use error::{Code, ContractError, Place, Warning};
pub use limits::Limits;
pub use pins::Pins;
pub use sections::serial_of;
