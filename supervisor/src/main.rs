//! `bakehouse`: brings up a Tezos baker from one contract.
//!
//! Everything is in the library; what happens here must happen before anything else: the environment is left behind, so
//! that nothing outside the contract can change what follows.

use std::process::ExitCode;

use bakehouse_supervisor::{cli, process};

fn main() -> ExitCode {
    let exit = match process::shed_environment() {
        Ok(()) => cli::main(std::env::args_os()),
        Err(error) => cli::unshed(&error.to_string()),
    };
    ExitCode::from(exit as u8)
}
