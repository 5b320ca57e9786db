//! The one file that says what this signer is.
//!
//! The supervisor's plan makes it (mode 0400). Unknown fields are errors, nothing outside the file changes behaviour,
//! and an error names the place in the file but never what stands there: the file is next to secrets and its errors
//! are logged.

mod policy;
mod protocol;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

pub use policy::PolicyConfig;
pub use protocol::{ProtocolConfig, UnixConfig};

/// No configuration is longer.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// The file is longer than 1 MiB.
    #[error("the configuration is longer than 1 MiB")]
    TooLarge,
    /// Not JSON, or not the fields of a configuration.
    #[error("the configuration has a {problem} at line {line}, column {column}")]
    Syntax {
        /// What kind of mistake it is.
        problem: &'static str,
        /// Line of the mistake, from 1.
        line: usize,
        /// Column of the mistake.
        column: usize,
    },
    /// A field has a value that cannot be.
    #[error("the configuration's `{field}` {problem}")]
    Value {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it, without the value.
        problem: &'static str,
    },
}

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Loopback address of the public HTTP routes.
    pub listen: SocketAddr,
    /// Path of the admin Unix socket.
    pub admin_socket: PathBuf,
    /// The uids that may use the admin socket.
    pub admin_uids: Vec<u32>,
    /// Folder of the watermark; locked while the signer runs.
    pub state_dir: PathBuf,
    /// Chain ids (`Net…`) that may be signed for.
    pub chains: Vec<String>,
    /// How to reach the HSM.
    pub grep11: Grep11Config,
    /// The keys that are served.
    pub keys: Vec<KeyConfig>,
    /// What the protocol offers beyond plain HTTP.
    #[serde(default)]
    pub protocol: ProtocolConfig,
    /// Loopback address where `GET /metrics` answers too; none unless named. The admin socket always answers it.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// Least severe events that are logged.
    #[serde(default)]
    pub log_level: LogLevel,
}

/// How to reach the HSM over grep11.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grep11Config {
    /// The HSM's endpoints, in the order in which they are tried.
    pub endpoints: Vec<EndpointConfig>,
    /// PEM file with the certificate authority that signs the server's certificates.
    pub ca_file: PathBuf,
    /// PEM file with the client certificate, X.509 v1 or v3.
    pub certificate_file: PathBuf,
    /// PEM file with the client's private key.
    pub key_file: PathBuf,
    /// Deadline of each call, in milliseconds (100 to 30000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// One grep11 endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// `host:port`.
    pub address: String,
    /// Name that the server's certificate must have; the host of `address` if absent.
    #[serde(default)]
    pub server_name: Option<String>,
    /// SHA-256 of the server's certificate (DER), in hex. It takes the place of the check of the name.
    #[serde(default)]
    pub pin_sha256: Option<String>,
}

/// One key of the HSM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Name for people.
    pub name: String,
    /// `consensus`, `companion` or `manager`.
    pub role: String,
    /// `edpk…`, `sppk…` or `p2pk…`.
    pub public_key: String,
    /// The EP11 blob of the private key, in hex.
    pub blob: SealedHex,
    /// The mark is never below (this level, last round).
    #[serde(default)]
    pub floor: i32,
    /// What the key may sign.
    #[serde(default)]
    pub policy: PolicyConfig,
}

/// A key's blob in hex. It is never printed, and wiped when dropped.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct SealedHex(Zeroizing<String>);

/// Least severe events that are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// And what should not happen.
    Warn,
    /// And what happens.
    #[default]
    Info,
    /// And how.
    Debug,
}

fn default_timeout_ms() -> u64 {
    2000
}

// === impl Config ===

impl Config {
    /// Reads and checks a configuration file. The process must be undumpable by now.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&read_limited(path)?)
    }

    /// Parses and checks a configuration.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = serde_json::from_slice(text).map_err(|error| ConfigError::Syntax {
            problem: problem_of(&error),
            line: error.line(),
            column: error.column(),
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |field, problem| Err(ConfigError::Value { field, problem });
        if !self.listen.ip().is_loopback() {
            return refuse("listen", "is not a loopback address");
        }
        if !self.admin_socket.is_absolute() || !self.state_dir.is_absolute() {
            return refuse("admin_socket and state_dir", "must be absolute paths");
        }
        if self.admin_uids.is_empty() {
            return refuse("admin_uids", "is empty");
        }
        if self.chains.is_empty() {
            return refuse("chains", "is empty");
        }
        if self.keys.is_empty() {
            return refuse("keys", "is empty");
        }
        if self.keys.iter().any(|key| key.floor < 0) {
            return refuse("keys.floor", "is negative");
        }
        if !self.keys.iter().all(|key| key.policy.is_of(&self.chains)) {
            return refuse(
                "keys.policy.chains",
                "names a chain that is not in `chains`",
            );
        }
        protocol::check_loopback("metrics_listen", self.metrics_listen)?;
        self.protocol.check()?;
        self.grep11.check()
    }
}

// === impl SealedHex ===

impl SealedHex {
    /// The hex digits.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SealedHex {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SealedHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedHex(..)")
    }
}

// === impl Grep11Config ===

impl Grep11Config {
    /// Deadline of each call.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.endpoints.is_empty() {
            return Err(ConfigError::Value {
                field: "grep11.endpoints",
                problem: "is empty",
            });
        }
        if !(100..=30_000).contains(&self.timeout_ms) {
            return Err(ConfigError::Value {
                field: "grep11.timeout_ms",
                problem: "is not between 100 and 30000",
            });
        }
        Ok(())
    }
}

fn read_limited(path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let file = File::open(path).map_err(ConfigError::Read)?;
    // Of the right size from the start: growing would leave copies of the blobs behind.
    let length = file.metadata().map_err(ConfigError::Read)?.len();
    let room = usize::try_from(length.min(MAX_CONFIG_BYTES)).unwrap_or(0) + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_CONFIG_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(ConfigError::Read)?;
    if text.len() as u64 > MAX_CONFIG_BYTES {
        return Err(ConfigError::TooLarge);
    }
    Ok(text)
}

fn problem_of(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "read error",
        serde_json::error::Category::Syntax => "JSON mistake",
        serde_json::error::Category::Data => "field that is unknown, missing or of the wrong type",
        serde_json::error::Category::Eof => "missing end",
    }
}
