//! Stand-ins for octez-node, octez-baker, octez-accuser and octez-dal-node: one program under four names.
//!
//! They take the real command lines and refuse what the real programs refuse, read and write the real files where another
//! program sees them, answer the health RPCs, and end with Octez's exit codes; the chain behind them is a toy that everybody
//! computes from the clock. Nothing is read from the environment, and the working directory does not matter (but for a
//! baker's `per_block_votes.json`, as in Octez). Each says on start that it is a stand-in.

pub mod accuser;
pub mod args;
pub mod baker;
pub mod chain;
pub mod dal;
pub mod exit;
pub mod http;
pub mod listen;
pub mod monitor;
pub mod node;
pub mod say;

use std::path::Path;

use exit::Failure;

/// Version that all stand-ins claim, so that the baker's check against the node passes.
pub const VERSION: (u32, u32) = (25, 1);

/// Runs the role that the file name in `argv[0]` (or `--as NAME` in front) asks for; gives the exit code.
pub fn main(argv: &[String]) -> u8 {
    exit::guard(|| dispatch(argv))
}

fn dispatch(argv: &[String]) -> Result<exit::End, Failure> {
    let (program, rest) = match argv {
        [_, flag, name, rest @ ..] if flag == "--as" => (name.as_str(), rest),
        [program, rest @ ..] => (program.as_str(), rest),
        [] => ("", argv),
    };
    let name = Path::new(program)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    match name {
        "octez-node" => node::main(rest),
        "octez-baker" => baker::main(rest),
        "octez-accuser" => accuser::main(rest),
        "octez-dal-node" => dal::main(rest),
        node::helper::NAME => Ok(node::helper::main()),
        other => Err(Failure::usage(
            2,
            format!(
                "{other}: this stand-in is octez-node, octez-baker, octez-accuser or octez-dal-node, \
                 by the name it is called under or by --as NAME"
            ),
        )),
    }
}
