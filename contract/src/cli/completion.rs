//! `completion`: a shell's script, from the definition of the command line itself.

use std::fmt;

use clap::Command;
use clap_complete::Shell;
use serde::Serialize;

use super::console::Console;
use super::error::CliError;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// The script.
#[derive(Serialize)]
struct Script {
    shell: String,
    script: String,
}

pub(super) fn run(
    args: &Args,
    command: &mut Command,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, command, &name, &mut script);
    console.answer(&Script {
        shell: args.shell.to_string(),
        script: mended(&String::from_utf8_lossy(&script), &name),
    })
}

/// Bash's script spells the state of a tool with a hyphen in its name in two ways, so that no option is ever completed
/// (clap issue 6421, open as of `clap_complete` 4.6.11). Where there is nothing to mend, this does nothing.
fn mended(script: &str, name: &str) -> String {
    const SEPARATOR: &str = "__subcmd__";
    let [wrong, right] = [SEPARATOR, "__"].map(|hyphen| name.replace('-', hyphen) + SEPARATOR);
    script.replace(&wrong, &right)
}

// === impl Script ===

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.script)
    }
}
