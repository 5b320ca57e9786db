//! IBM's own contract-go, both ways: it encrypts and signs, we open and verify; we encrypt, it opens.
//!
//! contract-go runs the `openssl` program for its cryptography and has two faults of its own in doing so (`faults`). No test
//! here lets it fail as it likes: which tokens it cannot make or open is foretold from their bytes and their password, and
//! exactly those must fail. Skipped, loudly, where there is no Go, no module or no `openssl`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "contract_go/contracts.rs"]
mod contracts;
#[path = "contract_go/crafted.rs"]
mod crafted;
#[path = "contract_go/faults.rs"]
mod faults;
#[path = "contract_go/keys.rs"]
mod keys;
#[path = "tools/openssl.rs"]
mod openssl;
#[path = "contract_go/records.rs"]
mod records;
#[path = "contract_go/samples.rs"]
mod samples;
#[path = "contract_go/sections.rs"]
mod sections;
#[path = "contract_go/texts.rs"]
mod texts;

use bakehouse_interop::contract_go::ContractGo;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

/// How many of a kind each test tries at least.
const ENOUGH: usize = 100;

/// contract-go, or a word on standard error that there is none.
fn contract_go(test: &str) -> Option<ContractGo> {
    ContractGo::start()
        .map_err(|reason| bakehouse_interop::skipped(test, &reason))
        .ok()
}

/// One value of a strategy.
fn draw<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}
