//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::runtime::{Builder, Runtime};
use tracing::error;

use crate::app::App;
use crate::config::{Config, EndpointConfig, Grep11Config};
use crate::error::{Error, Exit};
use crate::keys::{self, CreateError};
use crate::tezos::Curve;
use crate::{logging, process};

/// Threads of the runtime: said here, so that no environment variable says it.
const WORKERS: usize = 4;
/// Deadline of a call when there is no configuration, in milliseconds.
const CREATE_TIMEOUT_MS: u64 = 10_000;

/// Tezos remote signer. The private keys stay in an HSM that speaks grep11; a watermark that is never lowered sees to
/// it that no level is signed twice.
#[derive(Debug, Parser)]
#[command(name = "bakehouse-signer", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve sign requests on loopback until SIGTERM.
    ///
    /// The signer starts unarmed and signs nothing until the supervisor tells it the level of the chain's head over the
    /// admin socket. An HSM that cannot be reached is waited for; GET /readyz says what is missing.
    Serve {
        /// The configuration, in JSON. Nothing outside this file changes what the signer does.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Work with keys in the HSM.
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key pair that can never leave the HSM.
    ///
    /// Prints the public key and the address, and writes <address>.sk.hex (the blob that only this HSM's master key
    /// opens, mode 0600) and <address>.der (the public key). Existing files are never overwritten.
    Create(CreateArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// Kind of the address: tz1 (Ed25519), tz2 (secp256k1) or tz3 (P-256).
    #[arg(value_name = "tz1|tz2|tz3")]
    kind: Kind,
    /// Address of the HSM's grep11 server.
    #[arg(long, value_name = "HOST:PORT")]
    endpoint: String,
    /// Name that the server's certificate must have, if it is not the host of the endpoint.
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// SHA-256 of the server's certificate in hex, where its name cannot be checked.
    #[arg(long, value_name = "HEX")]
    pin_sha256: Option<String>,
    /// Certificate authority of the server, PEM.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Client certificate, PEM; X.509 v1 will do.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Private key of the client certificate, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Folder for the two files.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Tz1,
    Tz2,
    Tz3,
}

// === impl Cli ===

impl Cli {
    /// Parses the command line, runs it, and says how it ended.
    pub fn main() -> ExitCode {
        let command = match Self::try_parse() {
            Ok(cli) => cli.command,
            Err(error) => {
                let failed = error.use_stderr();
                // Nothing more can be done if even this cannot be printed.
                drop(error.print());
                return if failed {
                    Exit::Usage.into()
                } else {
                    ExitCode::SUCCESS
                };
            }
        };
        match command.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.exit().into(),
        }
    }
}

// === impl Command ===

impl Command {
    fn run(self) -> Result<(), Error> {
        match self {
            Self::Serve { config } => serve(&config).inspect_err(|error| {
                logging::start(crate::config::LogLevel::Error);
                error!(event = "signer.failed", code = error.code(), reason = %error);
            }),
            Self::Keys(KeysCommand::Create(args)) => create(args).inspect_err(|error| {
                eprintln!("bakehouse-signer: {}: {error}", error.code());
            }),
        }
    }
}

fn serve(config: &std::path::Path) -> Result<(), Error> {
    process::harden()?;
    let config = Config::load(config)?;
    logging::start(config.log_level);
    runtime()?.block_on(async { App::build(&config).await?.run().await })
}

fn create(args: CreateArgs) -> Result<(), Error> {
    process::harden()?;
    let curve = match args.kind {
        Kind::Tz1 => Curve::Ed25519,
        Kind::Tz2 => Curve::Secp256k1,
        Kind::Tz3 => Curve::P256,
    };
    let grep11 = Grep11Config {
        endpoints: vec![EndpointConfig {
            address: args.endpoint,
            server_name: args.server_name,
            pin_sha256: args.pin_sha256,
        }],
        ca_file: args.ca,
        certificate_file: args.certificate,
        key_file: args.key,
        timeout_ms: CREATE_TIMEOUT_MS,
    };
    let created = runtime()?.block_on(keys::create(&grep11, curve))?;
    created.write(&args.out).map_err(CreateError::Write)?;
    println!(
        "public_key: {}\naddress: {}",
        created.public_key(),
        created.public_key().hash()
    );
    Ok(())
}

fn runtime() -> Result<Runtime, Error> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(Error::Runtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
