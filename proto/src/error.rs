//! An HSM's refusal, read from and written to a gRPC status.
//!
//! grep11 answers a failed call with status 2 (UNKNOWN), the CKR name as message and, in
//! `grpc-status-details-bin`, a `google.rpc.Status` with exactly one `grep11.Grep11Error`. Older
//! servers and proxies give only the text. [`Grep11Error::from_status`] reads both and always gives
//! an answer; its [`class`](Grep11Error::class) says whether another try can help.

use prost::Message;
use tonic::{Code, Status};

use crate::constants::Ckr;
use crate::grep11;

const TYPE_URL: &str = "type.googleapis.com/grep11.Grep11Error";

/// Whether another try can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The same request fails anywhere: wrong key, mechanism, template, permission.
    Permanent,
    /// Another endpoint, or the same one later, may do it.
    Transient,
    /// Not a failure but an answer: the signature does not verify.
    Verification,
}

/// What made the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOrigin {
    /// The HSM: the return code is its own.
    Hsm,
    /// The channel or a server that named no return code; the code is `CKR_GENERAL_ERROR`.
    Channel(Code),
}

/// A failed grep11 call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}", self.note())]
pub struct Grep11Error {
    /// The return code.
    pub code: Ckr,
    /// The server's text; often the code's name again.
    pub detail: String,
    /// The server's hint that another try may help.
    pub retry: bool,
    /// Who says so.
    pub origin: ErrorOrigin,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

// === impl Ckr ===

impl Ckr {
    /// The class of a return code; `None` for one that no table has.
    pub fn class(self) -> Option<ErrorClass> {
        match self {
            Self::SIGNATURE_INVALID | Self::SIGNATURE_LEN_RANGE => Some(ErrorClass::Verification),
            Self::HOST_MEMORY
            | Self::GENERAL_ERROR
            | Self::FUNCTION_FAILED
            | Self::DEVICE_ERROR
            | Self::DEVICE_MEMORY
            | Self::DEVICE_REMOVED
            | Self::SESSION_CLOSED
            | Self::TOKEN_NOT_PRESENT
            | Self::IBM_INTERNAL_ERROR
            | Self::IBM_TRANSPORT_ERROR
            | Self::IBM_REQ_TIMEOUT
            | Self::IBM_TRANSPORT_LIMIT
            | Self::IBM_ERROR_STATE => Some(ErrorClass::Transient),
            known if known.name().is_some() => Some(ErrorClass::Permanent),
            _ => None,
        }
    }
}

// === impl Grep11Error ===

impl Grep11Error {
    /// An error of this code, as a server makes it; `retry` follows the code's class.
    pub fn new(code: Ckr) -> Self {
        Self {
            code,
            detail: code.to_string(),
            retry: code.class() == Some(ErrorClass::Transient),
            origin: ErrorOrigin::Hsm,
        }
    }

    /// Whether another try can help.
    pub fn class(&self) -> ErrorClass {
        let hint = if self.retry {
            ErrorClass::Transient
        } else {
            ErrorClass::Permanent
        };
        match self.origin {
            ErrorOrigin::Hsm => self.code.class().unwrap_or(hint),
            ErrorOrigin::Channel(_) => hint,
        }
    }

    /// Reads a status: the details first, then the text, then the gRPC code.
    pub fn from_status(status: &Status) -> Self {
        from_details(status.details())
            .or_else(|| from_message(status.message()))
            .unwrap_or_else(|| from_code(status))
    }

    /// Writes the status that a grep11 server sends.
    pub fn to_status(&self) -> Status {
        let message = self.code.to_string();
        let error = grep11::Grep11Error {
            code: self.code.0,
            detail: self.detail.clone(),
            retry: self.retry,
        };
        let details = RpcStatus {
            code: Code::Unknown.into(),
            message: message.clone(),
            details: vec![Any {
                type_url: TYPE_URL.to_owned(),
                value: error.encode_to_vec(),
            }],
        };
        Status::with_details(Code::Unknown, message, details.encode_to_vec().into())
    }

    fn note(&self) -> String {
        match self.origin {
            ErrorOrigin::Channel(code) => format!(" ({code:?}: {})", self.detail),
            ErrorOrigin::Hsm if self.detail.is_empty() || self.detail == self.code.to_string() => {
                String::new()
            }
            ErrorOrigin::Hsm => format!(" ({})", self.detail),
        }
    }
}

impl From<Ckr> for Grep11Error {
    fn from(code: Ckr) -> Self {
        Self::new(code)
    }
}

impl From<Status> for Grep11Error {
    fn from(status: Status) -> Self {
        Self::from_status(&status)
    }
}

impl From<Grep11Error> for Status {
    fn from(error: Grep11Error) -> Self {
        error.to_status()
    }
}

fn from_details(details: &[u8]) -> Option<Grep11Error> {
    if details.is_empty() {
        return None;
    }
    let status = RpcStatus::decode(details).ok()?;
    let [any] = status.details.as_slice() else {
        return None;
    };
    if any.type_url != TYPE_URL {
        return None;
    }
    let error = grep11::Grep11Error::decode(any.value.as_slice()).ok()?;
    Some(Grep11Error {
        code: Ckr(error.code),
        detail: error.detail,
        retry: error.retry,
        origin: ErrorOrigin::Hsm,
    })
}

fn from_message(message: &str) -> Option<Grep11Error> {
    let code = message
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .find_map(Ckr::from_name)?;
    Some(Grep11Error {
        detail: message.to_owned(),
        ..Grep11Error::new(code)
    })
}

fn from_code(status: &Status) -> Grep11Error {
    let hopeless = matches!(
        status.code(),
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Unimplemented
            | Code::InvalidArgument
            | Code::OutOfRange
    );
    Grep11Error {
        code: Ckr::GENERAL_ERROR,
        detail: status.message().to_owned(),
        retry: !hopeless,
        origin: ErrorOrigin::Channel(status.code()),
    }
}

#[cfg(test)]
mod tests;
