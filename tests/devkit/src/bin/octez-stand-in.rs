//! octez-node, octez-baker, octez-accuser and octez-dal-node as stand-ins, by the name it is called under.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    ExitCode::from(bakehouse_devkit::octez::main(&argv))
}
