//! grep11.
