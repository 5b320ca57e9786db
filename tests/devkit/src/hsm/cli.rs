//! The command line of `soft-grep11`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::{Config, HsmError, MasterKey, Tls};

/// A software stand-in for a grep11 server. It keeps keys in files: never use it for real ones.
#[derive(Debug, Parser)]
#[command(name = "soft-grep11", version, args_conflicts_with_subcommands = true)]
#[command(subcommand_negates_reqs = true)]
pub struct Cli {
    /// Without a subcommand it serves.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How it serves.
    #[command(flatten)]
    pub serve: Option<Serve>,
}

/// What else it can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a CA, a server and an X.509 v1 client certificate.
    Certs {
        /// The folder to write to.
        #[arg(long)]
        out: PathBuf,
        /// An address of the server; may be given several times.
        #[arg(long, required = true)]
        ip: Vec<IpAddr>,
        /// A further DNS name of the server; may be given several times.
        #[arg(long)]
        name: Vec<String>,
        /// The server's port, which deployed certificates name.
        #[arg(long, default_value_t = 9876)]
        port: u16,
    },
}

/// How it serves.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 takes a free one.
    #[arg(long)]
    listen: SocketAddr,
    /// The server's certificate (PEM).
    #[arg(long, required_unless_present = "plaintext")]
    certificate: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, required_unless_present = "plaintext")]
    key: Option<PathBuf>,
    /// The CA of the clients (PEM).
    #[arg(long, required_unless_present = "plaintext")]
    client_ca: Option<PathBuf>,
    /// The master key's file; made if it is missing.
    #[arg(long)]
    master_key: PathBuf,
    /// The master key that `RewrapKeyBlob` goes over to; made if it is missing.
    #[arg(long)]
    next_master_key: Option<PathBuf>,
    /// What each call takes at least, such as `23ms`.
    #[arg(long, default_value = "0ms", value_parser = milliseconds)]
    latency: Duration,
    /// The file that the call journal is appended to.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// No TLS, for IBM's own examples.
    #[arg(long, hide = true, conflicts_with_all = ["certificate", "key", "client_ca"])]
    plaintext: bool,
}

// === impl Serve ===

impl Serve {
    /// Reads the files that the arguments name.
    pub fn config(self) -> Result<Config, HsmError> {
        let tls = match (self.certificate, self.key, self.client_ca) {
            (Some(certificate), Some(key), Some(client_ca)) => Some(Tls {
                certificate: read(certificate)?,
                key: read(key)?,
                client_ca: read(client_ca)?,
            }),
            // The parser lets this through with --plaintext only.
            _ => None,
        };
        let next = self
            .next_master_key
            .as_deref()
            .map(MasterKey::load_or_create);
        Ok(Config {
            listen: self.listen,
            tls,
            master: MasterKey::load_or_create(&self.master_key)?,
            next_master: next.transpose()?,
            latency: self.latency,
            journal: self.journal,
            keep_journal: false,
        })
    }
}

fn read(path: PathBuf) -> Result<String, HsmError> {
    std::fs::read_to_string(&path).map_err(|error| HsmError::Read(path, error))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix("ms").unwrap_or(text);
    number
        .parse()
        .map(Duration::from_millis)
        .map_err(|_| "a number of milliseconds, such as 23ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_can_be_left_out_only_on_purpose() {
        let base = [
            "soft-grep11",
            "--listen",
            "127.0.0.1:0",
            "--master-key",
            "m",
        ];
        assert!(Cli::try_parse_from(base).is_err());
        assert!(Cli::try_parse_from(base.iter().chain(&["--certificate", "c"])).is_err());
        assert!(Cli::try_parse_from(base.iter().chain(&["--plaintext"])).is_ok());
        let files = ["--certificate", "c", "--key", "k", "--client-ca", "a"];
        assert!(Cli::try_parse_from(base.iter().chain(&files)).is_ok());
        let both = files.iter().chain(&["--plaintext"]);
        assert!(Cli::try_parse_from(base.iter().chain(both)).is_err());
    }

    #[test]
    fn certificates_need_no_serving_arguments() {
        let cli = Cli::try_parse_from(["soft-grep11", "certs", "--out", "d", "--ip", "10.78.0.2"]);
        assert!(matches!(
            cli.unwrap().command,
            Some(Command::Certs { port: 9876, .. })
        ));
    }

    #[test]
    fn a_latency_is_milliseconds() {
        assert_eq!(milliseconds("23ms"), Ok(Duration::from_millis(23)));
        assert_eq!(milliseconds("5"), Ok(Duration::from_millis(5)));
        assert!(milliseconds("23s").is_err());
    }
}
