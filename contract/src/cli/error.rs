//! Why a command failed, and its exit code.
//!
//! Exit codes are those of sysexits: 0 done, 64 wrong usage, 65 the input is refused, 66 a file can't be read, 74 a file can't
//! be written.

use bakehouse_contract::ContractError;
use bakehouse_contract::envelope::{KeyError, SealError};
use bakehouse_contract::pins::DeployerError;
use bakehouse_contract::signature::SigningKeyError;
use serde_json::{Value, json};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error("{path}: can't be read: {reason}")]
    Read { path: String, reason: String },
    #[error("{path}: can't be written: {reason}")]
    Write { path: String, reason: String },
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
            Self::Contract { .. }
            | Self::Key { .. }
            | Self::Certificate { .. }
            | Self::SigningKey { .. }
            | Self::Deployer { .. } => 65,
            Self::Read { .. } => 66,
            Self::Write { .. } => 74,
        }
    }

    /// A stable name of the failure.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Contract { source } => source.code().as_str(),
            Self::Key { .. } => "key_unusable",
            Self::Certificate { .. } => "certificate_unusable",
            Self::SigningKey { .. } => "signing_key_unusable",
            Self::Deployer { .. } => "deployer_unusable",
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
            _ => {
                fields.insert("message".to_owned(), json!(self.to_string()));
            }
        }
        json!({ "error": error })
    }
}
