//! `bakehouse-contract`, the operator's tool: lint, encrypt and decrypt contracts, on any machine.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(
        std::env::args_os(),
        &mut std::io::stdout().lock(),
        &mut std::io::stderr().lock(),
    )
}
