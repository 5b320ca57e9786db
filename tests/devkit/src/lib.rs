//! Stand-ins.
pub mod certs;
pub mod hsm;
pub mod image_key;
pub mod octez;
pub mod prober;
pub mod tezos;
