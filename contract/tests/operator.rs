//! The operator's commands as a program: `disk`, `new`, `explain`, `diff`, `completion`, `man` and the page that describes
//! them all.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "operator/diff.rs"]
mod diff;
#[path = "operator/disk.rs"]
mod disk;
#[path = "operator/explain.rs"]
mod explain;
#[path = "operator/new.rs"]
mod new;
#[path = "operator/page.rs"]
mod page;
#[path = "operator/pages.rs"]
mod pages;
#[path = "tools/pem.rs"]
mod pem;
#[path = "tools/run.rs"]
mod run;
#[path = "tools/sections.rs"]
mod sections;
#[path = "operator/support.rs"]
mod support;
