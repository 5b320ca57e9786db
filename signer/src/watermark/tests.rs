//! The rule as a table, the promises as properties, the disk as an enemy.

mod arming;
pub(crate) mod bench;
mod concurrency;
mod model;
mod promises;
mod rules;
mod stall;
mod storage;
