//! From contract to plan.
pub mod spec;
