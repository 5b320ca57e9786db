//! Stand-ins.
pub mod image_key;
pub mod certs;
pub mod hsm;
pub mod octez;
pub mod prober;
pub mod tezos;
