//! Tezos' notations and signatures, written for the stand-ins alone.
//!
//! The baker stand-in judges what the signer returns, so nothing here may share code with the signer: a mistake made on both
//! sides would cancel out. Promises: base58check in and out, `BLAKE2b`, and verification of tz1, tz2 and tz3 signatures that
//! refuses a high `s`.

pub mod base58;
pub mod hash;
pub mod key;
