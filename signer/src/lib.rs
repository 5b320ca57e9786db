//! The signer.
