//! The command line: reading files, calling the library, saying what came of it.
//!
//! Secrets come from files and never from arguments. Each command is a module with its arguments and a `run`; what it has to
//! say is an [`console::Answer`], which people read as text and programs, with `--json`, as one JSON object.

mod certificate;
mod completion;
mod console;
mod decrypt;
mod diff;
mod disk;
mod encrypt;
mod error;
mod explain;
mod files;
mod lint;
mod man;
mod new;
mod record;
mod seal;
mod sign;
mod verify;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::console::Console;
use self::error::CliError;

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
    /// Write the sections of a new contract, with a remark for every key and a mark where a value is to be filled in
    New(new::Args),
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
    /// Check an encryption or attestation certificate: signature, chain, revocation lists, days left
    Certificate(certificate::Args),
    /// Verify an attestation record, or write one
    Record(Box<record::Args>),
    /// Say what a guest will do with a contract, secrets masked
    Explain(explain::Args),
    /// Compare two contracts, secrets masked; the exit code is 1 if they differ
    Diff(diff::Args),
    /// Make the cidata disk that brings a contract into a guest
    Disk(disk::Args),
    /// Print what makes a shell complete this tool's command lines
    Completion(completion::Args),
    /// Write the manual pages, one for each command
    Man(man::Args),
}

/// Runs a command line.
pub(crate) fn run(
    args: impl IntoIterator<Item = OsString>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && args.iter().any(|arg| arg == "--json") => {
            let message = error.to_string();
            let error = CliError::Usage { message };
            Console::new(out, err, true).fail(&error);
            return ExitCode::from(error.exit_code());
        }
        Err(error) => {
            let code = if error.use_stderr() { 64 } else { 0 };
            // Nothing is left to be done if the terminal is gone.
            error.print().unwrap_or_default();
            return ExitCode::from(code);
        }
    };
    let mut console = Console::new(out, err, cli.json);
    let done = match cli.command {
        Command::New(args) => new::run(&args, &mut console),
        Command::Encrypt(args) => encrypt::run(&args, &mut console),
        Command::Decrypt(args) => decrypt::run(&args, &mut console),
        Command::Lint(args) => lint::run(&args, &mut console),
        Command::Sign(args) => sign::run(&args, &mut console),
        Command::Verify(args) => verify::run(&args, &mut console),
        Command::Seal(args) => seal::run(&args, &mut console),
        Command::Certificate(args) => certificate::run(&args, &mut console),
        Command::Record(args) => record::run(&args, &mut console),
        Command::Explain(args) => explain::run(&args, &mut console),
        Command::Diff(args) => match diff::run(&args, &mut console) {
            Ok(false) => return ExitCode::from(1),
            done => done.map(drop),
        },
        Command::Disk(args) => disk::run(&args, &mut console),
        Command::Completion(args) => completion::run(&args, &mut Cli::command(), &mut console),
        Command::Man(args) => man::run(&args, Cli::command(), &mut console),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.fail(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
