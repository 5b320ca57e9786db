//! Tezos remote signer with its keys in an HSM.

use std::process::ExitCode;

fn main() -> ExitCode {
    bakehouse_signer::cli::Cli::main()
}
