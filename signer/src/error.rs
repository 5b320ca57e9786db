//! How a run of the program fails, and with which exit code.

use std::process::ExitCode;

use crate::backend::grep11::Grep11SetupError;
use crate::backend::grep11::credentials::CredentialsError;
use crate::config::ConfigError;
use crate::keyring::KeyringError;
use crate::keys::CreateError;
use crate::process::HardenError;
use crate::task::TaskPanicked;
use crate::tezos::TezosError;
use crate::unix::UnixError;
use crate::watermark::WatermarkError;

/// Exit codes, after `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command line is wrong.
    Usage = 64,
    /// The configuration is refused.
    Configuration = 65,
    /// The HSM or an address is not to be had.
    Unavailable = 69,
    /// Our own fault.
    Internal = 70,
    /// The state or an output file cannot be used.
    State = 73,
    /// The credentials do not work.
    Credentials = 78,
}

/// Why the program ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process could not be hardened.
    #[error(transparent)]
    Harden(#[from] HardenError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key of the configuration.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A chain id of the configuration.
    #[error("a chain id of the configuration is refused: {0}")]
    Chain(#[source] TezosError),
    /// The way to the HSM.
    #[error(transparent)]
    Grep11(#[from] Grep11SetupError),
    /// The watermark.
    #[error(transparent)]
    Watermark(#[from] WatermarkError),
    /// A Unix socket.
    #[error(transparent)]
    Unix(#[from] UnixError),
    /// The public address.
    #[error("the listening address cannot be used: {0}")]
    Listen(#[source] std::io::Error),
    /// The runtime or its signals.
    #[error("the runtime cannot be set up: {0}")]
    Runtime(#[source] std::io::Error),
    /// A task panicked.
    #[error(transparent)]
    Panicked(#[from] TaskPanicked),
    /// A task ended that must not.
    #[error("the task `{0}` ended by itself")]
    TaskEnded(&'static str),
    /// Requests in flight did not end in time.
    #[error("requests in flight did not end in time")]
    DrainTimeout,
    /// `keys create`.
    #[error(transparent)]
    Create(#[from] CreateError),
}

// === impl Exit ===

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

// === impl Error ===

impl Error {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Grep11(Grep11SetupError::Credentials(error)) => error.code(),
            Self::Config(_) | Self::Keyring(_) | Self::Chain(_) | Self::Grep11(_) => {
                "config_invalid"
            }
            Self::Watermark(WatermarkError::Locked { .. }) => "state_locked",
            Self::Watermark(_) => "state_unwritable",
            Self::Unix(_) | Self::Listen(_) => "listen_failed",
            Self::Create(error) => error.code(),
            Self::Harden(_)
            | Self::Runtime(_)
            | Self::Panicked(_)
            | Self::TaskEnded(_)
            | Self::DrainTimeout => "internal",
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Grep11(Grep11SetupError::Credentials(_)) => Exit::Credentials,
            Self::Config(_) | Self::Keyring(_) | Self::Chain(_) | Self::Grep11(_) => {
                Exit::Configuration
            }
            Self::Watermark(_) => Exit::State,
            Self::Unix(_) | Self::Listen(_) => Exit::Unavailable,
            Self::Create(error) => error.exit(),
            Self::Harden(_)
            | Self::Runtime(_)
            | Self::Panicked(_)
            | Self::TaskEnded(_)
            | Self::DrainTimeout => Exit::Internal,
        }
    }
}

impl From<CredentialsError> for Error {
    fn from(error: CredentialsError) -> Self {
        Self::Grep11(error.into())
    }
}
