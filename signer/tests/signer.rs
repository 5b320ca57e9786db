//! The real signer process before a software HSM over real mutual TLS.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests; the exemption for tests does not reach functions beside them"
)]

mod accidents;
mod endpoints;
mod hsm;
mod http;
mod keys;
mod line;
mod observe;
mod octez;
mod payload;
mod secrets;
mod socket;
mod support;
mod taquito;
