//! The command line: reading files, calling the library, saying what came of it.
//!
//! Secrets come from files and never from arguments. Each command is a module with its arguments and a `run`; what it has to
//! say is an [`console::Answer`], which people read as text and programs, with `--json`, as one JSON object.

mod console;
mod decrypt;
mod encrypt;
mod error;
mod files;
mod lint;
mod seal;
mod sign;
mod verify;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::console::Console;

/// Makes, checks and explains the contract of a guest.
#[derive(Parser)]
#[command(name = "bakehouse-contract", version, about)]
struct Cli {
    /// Answer with one JSON object, errors too
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Encrypt the sections and write the document that a guest is given (user-data)
    Encrypt(encrypt::Args),
    /// Decrypt a contract, or a single token, to standard output
    Decrypt(decrypt::Args),
    /// Check a contract as a guest would, and say what is wrong and where
    Lint(lint::Args),
    /// Sign a contract that is made already, the last thing that is done to it
    Sign(sign::Args),
    /// Verify the signature of a contract, and say what was verified
    Verify(verify::Args),
    /// Write the pins of an image: whose contracts it takes, and from which serial on
    Seal(seal::Args),
}

/// Runs a command line.
pub(crate) fn run(
    args: impl IntoIterator<Item = OsString>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 64 } else { 0 };
            // Nothing is left to be done if the terminal is gone.
            error.print().unwrap_or_default();
            return ExitCode::from(code);
        }
    };
    let mut console = Console::new(out, err, cli.json);
    let done = match cli.command {
        Command::Encrypt(args) => encrypt::run(&args, &mut console),
        Command::Decrypt(args) => decrypt::run(&args, &mut console),
        Command::Lint(args) => lint::run(&args, &mut console),
        Command::Sign(args) => sign::run(&args, &mut console),
        Command::Verify(args) => verify::run(&args, &mut console),
        Command::Seal(args) => seal::run(&args, &mut console),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.fail(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
