//! Why a command failed, and its exit code.
//!
//! Exit codes are those of sysexits: 0 done, 64 wrong usage, 65 the input is refused, 66 a file can't be read, 70 the
//! cryptographic library failed, 73 a file is there already, 74 a file can't be written. `diff` has 1 for different.

use bakehouse_contract::certificate::CertificateError;
use bakehouse_contract::disk::DiskError;
use bakehouse_contract::envelope::{KeyError, SealError};
use bakehouse_contract::pins::DeployerError;
use bakehouse_contract::record::RecordError;
use bakehouse_contract::signature::SigningKeyError;
use bakehouse_contract::{ContractError, Place};
use serde_json::{Value, json};

const USAGE: u8 = 64;
const REFUSED: u8 = 65;
const UNREADABLE: u8 = 66;
const LIBRARY: u8 = 70;
const EXISTS: u8 = 73;
const UNWRITABLE: u8 = 74;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error("{message}")]
    Usage { message: String },
    #[error("{path}: can't be read: {reason}")]
    Read { path: String, reason: String },
    #[error("{path}: can't be written: {reason}")]
    Write { path: String, reason: String },
    #[error("{path}: is there already, and nothing is overwritten")]
    Exists { path: String },
    #[error("{path}: {source}")]
    Key { path: String, source: KeyError },
    #[error("{path}: {source}")]
    Certificate { path: String, source: SealError },
    #[error("{path}: {source}")]
    SigningKey {
        path: String,
        source: SigningKeyError,
    },
    #[error("{path}: {source}")]
    Deployer { path: String, source: DeployerError },
    #[error("{path}: {source}")]
    Seed { path: String, source: SealError },
    #[error("the serial {reason}")]
    Serial { reason: &'static str },
    #[error("{path}: {source}")]
    Chain {
        path: String,
        source: CertificateError,
    },
    #[error("{}: {source}\n  remedy: {}", source.code(), source.remedy())]
    Record {
        #[from]
        source: RecordError,
    },
    #[error("record_unsignable: the cryptographic library can't sign the record")]
    Sign,
    #[error("attestation_key_missing: {reason}")]
    AttestationKey { reason: &'static str },
    /// The answer on standard output says all: a check failed.
    #[error("{code}: see the answer for what is wrong")]
    Failed { code: &'static str },
    #[error("{}", unfilled(places))]
    Unfilled { places: Vec<Place> },
    #[error("the network must be mainnet, ghostnet, shadownet, sandbox or an https:// address")]
    Network,
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
        self.kind().1
    }

    /// A stable name of the failure.
    pub(super) fn code(&self) -> &'static str {
        self.kind().0
    }

    fn kind(&self) -> (&'static str, u8) {
        match self {
            Self::Usage { .. } => ("usage", USAGE),
            Self::Network => ("network_invalid", USAGE),
            Self::AttestationKey { .. } => ("attestation_key_missing", USAGE),
            Self::Disk {
                source: DiskError::HostName,
            } => ("host_name_invalid", USAGE),
            Self::Disk { .. } => ("disk_too_large", REFUSED),
            Self::Contract { source } => (source.code().as_str(), REFUSED),
            Self::Record { source } => (source.code(), REFUSED),
            Self::Failed { code } => (code, REFUSED),
            Self::Key { .. } => ("key_unusable", REFUSED),
            Self::Certificate { .. } => ("certificate_unusable", REFUSED),
            Self::SigningKey { .. } => ("signing_key_unusable", REFUSED),
            Self::Deployer { .. } => ("deployer_unusable", REFUSED),
            Self::Seed { .. } => ("seed_unusable", REFUSED),
            Self::Serial { .. } => ("serial_unusable", REFUSED),
            Self::Chain { .. } => ("certificate_unreadable", REFUSED),
            Self::Unfilled { .. } => ("placeholder_left", REFUSED),
            Self::Sign => ("record_unsignable", LIBRARY),
            Self::Read { .. } => ("file_unreadable", UNREADABLE),
            Self::Exists { .. } => ("file_exists", EXISTS),
            Self::Write { .. } => ("file_unwritable", UNWRITABLE),
        }
    }

    /// The failure as a program reads it.
    pub(super) fn to_json(&self) -> Value {
        let details = match self {
            Self::Contract { source } => {
                let place = source.place();
                json!({
                    "message": source.message(),
                    "path": place.path,
                    "line": place.line,
                    "column": place.column,
                    "section": place.section,
                    "remedy": source.remedy(),
                })
            }
            Self::Record { source } => json!({
                "message": source.to_string(),
                "line": source.line(),
                "remedy": source.remedy(),
            }),
            Self::Unfilled { places } => json!({
                "message": "still to be filled in",
                "places": places.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
            _ => json!({ "message": self.to_string() }),
        };
        let mut error = json!({ "code": self.code(), "exit_code": self.exit_code() });
        if let (Some(error), Value::Object(details)) = (error.as_object_mut(), details) {
            error.extend(details);
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
