//! The command line: reading files, calling the library, saying what came of it.
//!
//! Secrets come from files and never from arguments. Exit codes are those of sysexits: 0 done, 64 wrong usage, 65 the contract
//! is refused, 66 a file can't be read, 74 a file can't be written.

mod commands;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use bakehouse_contract::ContractError;
use bakehouse_contract::envelope::{KeyError, SealError};
use clap::{Parser, Subcommand, ValueEnum};

/// Lints, encrypts and decrypts contracts.
#[derive(Parser)]
#[command(name = "bakehouse-contract", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Encrypt the sections and write the document that a guest is given (user-data)
    Encrypt {
        /// Encryption certificate of the image, or its public key (PEM)
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// Text of the workload section; a token is taken as it is
        #[arg(long, value_name = "FILE")]
        workload: PathBuf,
        /// Text of the env section; a token is taken as it is
        #[arg(long, value_name = "FILE")]
        env: PathBuf,
        /// Public key that attestation records are to be encrypted for (PEM)
        #[arg(long, value_name = "FILE")]
        attestation_public_key: Option<PathBuf>,
        /// What the tokens begin with; guests older than June 2026 know only the default
        #[arg(long, value_enum, default_value_t)]
        prefix: PrefixName,
        /// Where to write; standard output if not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Decrypt a contract, or a single token, to standard output
    Decrypt {
        /// Private key of the image (PEM, PKCS#8 or PKCS#1); several may stand in it
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// File with the passphrase of the key, if it has one
        #[arg(long, value_name = "FILE")]
        passphrase: Option<PathBuf>,
        /// The contract or the token
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Check a contract as a guest would, and say what is wrong and where
    Lint {
        /// Private key of the image, to look into encrypted sections
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// File with the passphrase of the key, if it has one
        #[arg(long, value_name = "FILE", requires = "key")]
        passphrase: Option<PathBuf>,
        /// The contract
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum PrefixName {
    #[default]
    HyperProtectBasic,
    ContractBasic,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{path}: can't be read: {reason}")]
    Read { path: String, reason: String },
    #[error("{path}: can't be written: {reason}")]
    Write { path: String, reason: String },
    #[error("{path}: {source}")]
    Key { path: String, source: KeyError },
    #[error("{path}: {source}")]
    Certificate { path: String, source: SealError },
    #[error("{}: {source}\n  remedy: {}", source.code(), source.remedy())]
    Contract {
        #[from]
        source: ContractError,
    },
}

// === impl CliError ===

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Contract { .. } | Self::Key { .. } | Self::Certificate { .. } => 65,
            Self::Read { .. } => 66,
            Self::Write { .. } => 74,
        }
    }
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
    let done = match cli.command {
        Command::Encrypt {
            certificate,
            workload,
            env,
            attestation_public_key,
            prefix,
            out: to,
        } => {
            let files = commands::Sections {
                workload,
                env,
                attestation_public_key,
            };
            commands::encrypt(&certificate, &files, prefix.into(), to.as_deref(), out)
        }
        Command::Decrypt {
            key,
            passphrase,
            file,
        } => commands::decrypt(&commands::KeyFiles { key, passphrase }, &file, out),
        Command::Lint {
            key,
            passphrase,
            file,
        } => {
            let keys = key.map(|key| commands::KeyFiles { key, passphrase });
            commands::lint(keys.as_ref(), &file, out)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(err, "{error}").unwrap_or_default();
            ExitCode::from(error.exit_code())
        }
    }
}
