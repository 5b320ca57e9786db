//! The command line. Flags only locate things; none changes what the contract says.

mod offline;
mod run;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::fd::RawFd;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::console;
use crate::error::{Code, Exit, Halt};
use crate::host::{Mode, Source};
use crate::status;

const RUNTIME_DIR: &str = "/run/bakehouse";

/// Where a sealed image has its pins, if it was built with any.
const SEALED_PINS: &str = "/etc/bakehouse/pins.yaml";

/// Brings up a Tezos baker from one contract, inside a confidential guest.
#[derive(Debug, Parser)]
#[command(name = "bakehouse", version, about)]
struct Cli {
    /// Where the contract's sections were put when the environment was left behind.
    #[arg(long, hide = true)]
    sections_fd: Option<RawFd>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the guest: lock, open, plan, provision, run, expose, and drain when asked to.
    Run(RunArgs),
    /// Check a contract without doing anything.
    Check(OfflineArgs),
    /// Print the plan of a contract, without secrets.
    Plan(OfflineArgs),
    /// Print the status of a running guest.
    Status(StatusArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The contract (cloud-init user-data).
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// Folder of the units' programs.
    #[arg(long, value_name = "DIR")]
    units: PathBuf,
    #[command(flatten)]
    places: PlaceArgs,
}

#[derive(Debug, Args)]
struct OfflineArgs {
    /// The contract (cloud-init user-data).
    contract: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// Folder of the units' programs, to compare their digests.
    #[arg(long, value_name = "DIR")]
    units: Option<PathBuf>,
    #[command(flatten)]
    places: PlaceArgs,
}

#[derive(Debug, Args)]
struct KeyArgs {
    /// Private key that opens the contract's sections (PEM).
    #[arg(long, value_name = "FILE", conflicts_with = "key_fd")]
    key: Option<PathBuf>,
    /// Open descriptor to read that key from.
    #[arg(long, value_name = "N")]
    key_fd: Option<RawFd>,
}

#[derive(Debug, Args)]
struct PlaceArgs {
    /// How this guest was started.
    #[arg(long, value_enum, default_value = "bench")]
    host: HostArg,
    /// Pins of the image: whose contracts it takes. A sealed image has them in /etc/bakehouse/pins.yaml, if at all.
    #[arg(long, value_name = "FILE")]
    pins: Option<PathBuf>,
    /// Folder of sockets and credentials.
    #[arg(long, value_name = "DIR", default_value = RUNTIME_DIR)]
    runtime_dir: PathBuf,
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// One line of JSON.
    #[arg(long)]
    json: bool,
    /// Folder of sockets and credentials.
    #[arg(long, value_name = "DIR", default_value = RUNTIME_DIR)]
    runtime_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum HostArg {
    /// A laptop.
    Bench,
    /// A container of IBM's runtime.
    Workload,
    /// Our own Secure Execution image.
    Sealed,
}

// === impl HostArg ===

impl From<HostArg> for Mode {
    fn from(host: HostArg) -> Self {
        match host {
            HostArg::Bench => Self::Bench,
            HostArg::Workload => Self::Workload,
            HostArg::Sealed => Self::Sealed,
        }
    }
}

// === impl KeyArgs ===

impl KeyArgs {
    fn source(&self) -> Option<Source> {
        let file = self.key.clone().map(Source::File);
        file.or(self.key_fd.map(Source::Descriptor))
    }
}

// === impl PlaceArgs ===

impl PlaceArgs {
    /// The pins that were named, or those that a sealed image was built with: whatever is there must be readable pins.
    fn pins(&self) -> Option<Source> {
        let named = self.pins.clone();
        let sealed = || {
            let path = PathBuf::from(SEALED_PINS);
            // What can't be looked at counts as there, and is then refused as unreadable.
            let absent = path
                .symlink_metadata()
                .is_err_and(|error| error.kind() == ErrorKind::NotFound);
            (Mode::from(self.host) == Mode::Sealed && !absent).then_some(path)
        };
        named.or_else(sealed).map(Source::File)
    }
}

/// Does what the command line says, in a process that has left its environment behind.
pub fn main(arguments: impl Iterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows which stream is right for which.
            drop(error.print());
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Drained
            };
        }
    };
    match cli.command {
        Command::Run(args) => run::run(&args, cli.sections_fd),
        Command::Check(args) => finish(offline::check(&args)),
        Command::Plan(args) => finish(offline::plan(&args)),
        Command::Status(args) => print_status(&args),
    }
}

/// The end of a process that could not leave its environment behind.
pub fn unshed(message: &str) -> Exit {
    let halt = Halt::new(Code::Internal, message);
    if std::env::args_os().nth(1).is_some_and(|word| word == "run") {
        console::say_halted(&halt);
        return halt.exit();
    }
    complain(halt.exit(), message)
}

/// Says why not, on standard error.
pub fn complain(exit: Exit, message: &str) -> Exit {
    use std::io::Write;
    // Without a standard error there is the exit code.
    drop(writeln!(std::io::stderr(), "bakehouse: {message}"));
    exit
}

fn finish(outcome: Result<String, Halt>) -> Exit {
    match outcome {
        Ok(text) => print(&text),
        Err(halt) => complain(
            halt.exit(),
            &format!("{halt}. Remedy: {}", halt.code.remedy()),
        ),
    }
}

fn print(text: &str) -> Exit {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => Exit::Drained,
        Err(_) => Exit::Internal,
    }
}

fn print_status(args: &StatusArgs) -> Exit {
    match status::ask(&args.runtime_dir) {
        Ok(status) if args.json => print(&status.to_string()),
        Ok(status) => print(&offline::readable(&status)),
        Err(error) => complain(
            Exit::Unavailable,
            &format!(
                "no guest answers in {}: {error}",
                args.runtime_dir.display()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_command_line_is_a_usage_error() {
        let given = |words: &[&str]| main(words.iter().map(OsString::from));
        assert_eq!(given(&["bakehouse", "bake"]), Exit::Usage);
        let both = ["bakehouse", "check", "c", "--key", "k", "--key-fd", "3"];
        assert_eq!(given(&both), Exit::Usage);
        assert_eq!(given(&["bakehouse", "--version"]), Exit::Drained);
    }
}
