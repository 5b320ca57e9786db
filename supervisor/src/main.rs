//! `bakehouse`: brings up a Tezos baker from one contract.
//!
//! Everything is in the library; what happens here must happen before anything else: the environment is left behind, so
//! that nothing outside the contract can change what follows.

use std::alloc::System;
use std::process::ExitCode;

use bakehouse_supervisor::{cli, process};
use zeroizing_alloc::ZeroAlloc;

/// What is freed is wiped: parsers and libraries make copies of secrets that nobody else can reach.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let exit = match process::shed_environment() {
        Ok(()) => cli::main(std::env::args_os()),
        Err(error) => cli::unshed(&error.to_string()),
    };
    ExitCode::from(exit as u8)
}
