//! Tezos remote signer with its keys in an HSM.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// What is freed is wiped: parsers and libraries make copies of secrets that nobody else can reach.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    bakehouse_signer::cli::Cli::main()
}
