//! Why a command failed, and its exit code.
//!
//! Exit codes are those of sysexits: 0 done, 64 wrong usage, 65 the input is refused, 66 a file can't be read, 73 a file is
//! there already, 74 a file can't be written. `diff` has 1 for different.

use bakehouse_contract::disk::DiskError;
use bakehouse_contract::envelope::{KeyError, SealError};
use bakehouse_contract::{ContractError, Place};
use serde_json::{Value, json};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error("{message}")]
    Usage { message: String },
    #[error("{path}: can't be read: {reason}")]
    Read { path: String, reason: String },
    #[error("{path}: can't be written: {reason}")]
    Write { path: String, reason: String },
    #[error("{path}: {source}")]
    Key { path: String, source: KeyError },
    #[error("{path}: {source}")]
    Certificate { path: String, source: SealError },
    #[error("{}", unfilled(places))]
    Unfilled { places: Vec<Place> },
    #[error("the network must be mainnet, ghostnet, shadownet, sandbox or an https:// address")]
    Network,
    #[error("{path}: is there already, and nothing is overwritten")]
    Exists { path: String },
    #[error("{source}")]
    Disk {
        #[from]
        source: DiskError,
    },
    #[error("{}: {source}\n  remedy: {}", source.code(), source.remedy())]
    Contract {
        #[from]
        source: ContractError,
    },
}

// === impl CliError ===

impl CliError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. }
            | Self::Network
            | Self::Disk {
                source: DiskError::HostName,
            } => 64,
            Self::Contract { .. }
            | Self::Key { .. }
            | Self::Certificate { .. }
            | Self::Disk { .. }
            | Self::Unfilled { .. } => 65,
            Self::Read { .. } => 66,
            Self::Exists { .. } => 73,
            Self::Write { .. } => 74,
        }
    }

    /// A stable name of the failure.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Contract { source } => source.code().as_str(),
            Self::Key { .. } => "key_unusable",
            Self::Certificate { .. } => "certificate_unusable",
            Self::Disk {
                source: DiskError::HostName,
            } => "host_name_invalid",
            Self::Disk { .. } => "disk_too_large",
            Self::Unfilled { .. } => "placeholder_left",
            Self::Usage { .. } => "usage",
            Self::Network => "network_invalid",
            Self::Exists { .. } => "file_exists",
            Self::Read { .. } => "file_unreadable",
            Self::Write { .. } => "file_unwritable",
        }
    }

    /// The failure as a program reads it.
    pub(super) fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code(), "exit_code": self.exit_code() });
        let Some(fields) = error.as_object_mut() else {
            return error;
        };
        match self {
            Self::Contract { source } => {
                let place = source.place();
                fields.insert("message".to_owned(), json!(source.message()));
                fields.insert("path".to_owned(), json!(place.path));
                fields.insert("line".to_owned(), json!(place.line));
                fields.insert("column".to_owned(), json!(place.column));
                fields.insert("section".to_owned(), json!(place.section));
                fields.insert("remedy".to_owned(), json!(source.remedy()));
            }
            Self::Unfilled { places } => {
                let places: Vec<String> = places.iter().map(ToString::to_string).collect();
                fields.insert("message".to_owned(), json!("still to be filled in"));
                fields.insert("places".to_owned(), json!(places));
            }
            _ => {
                fields.insert("message".to_owned(), json!(self.to_string()));
            }
        }
        json!({ "error": error })
    }
}

/// A line for each place.
fn unfilled(places: &[Place]) -> String {
    let lines = places
        .iter()
        .map(|place| format!("placeholder_left: {place}: still to be filled in\n"));
    lines.collect::<String>() + "  remedy: Replace each \"<to do: …>\" by a value."
}

#[cfg(test)]
mod tests;
