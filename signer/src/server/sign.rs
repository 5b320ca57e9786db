//! The way of one signature.
//!
//! parse → policy → admit → (mark durable ∥ HSM call) → reply. Each arrow takes what only the arrow before it makes. The
//! mark is never lowered, least of all when the HSM call fails: a failed call may have signed. A key that the HSM refuses
//! signs nothing more, and costs no more marks, until a self-test has proven it again.

use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use tracing::{info, warn};

use crate::backend::{Backend, BackendError};
use crate::health;
use crate::keyring::{Key, Proof};
use crate::policy::PolicyRefusal;
use crate::request::{RequestError, SigningRequest};
use crate::task::JobLost;
use crate::tezos::Signature;
use crate::watermark::{Admission, Refusal, Watermark, WriteError};

/// Why a request got no signature.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    /// It does not decode to the last byte.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The policy forbids it.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// Nobody has shown yet that blob and public key belong together.
    #[error("the key is not usable: {0}")]
    Unproven(String),
    /// The watermark forbids it.
    #[error(transparent)]
    Watermark(#[from] Refusal),
    /// The HSM gave no good signature.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The mark could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The signer stops.
    #[error(transparent)]
    Lost(#[from] JobLost),
}

/// What signing needs.
pub(super) struct Desk {
    pub(super) watermark: Arc<Watermark>,
    pub(super) backend: Arc<dyn Backend>,
}

// === impl SignError ===

impl SignError {
    /// The stable code of this error.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Request(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Unproven(_) => "key_unproven",
            Self::Watermark(error) => error.code(),
            Self::Backend(error) => error.code(),
            Self::Write(_) => "state_unwritable",
            Self::Lost(_) => "internal",
        }
    }

    /// The HTTP status that tells an Octez client the kind of the failure.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::Policy(_) => StatusCode::FORBIDDEN,
            Self::Watermark(error) => match error.code() {
                "unarmed" | "chain_unknown" => StatusCode::FORBIDDEN,
                "key_unknown" => StatusCode::NOT_FOUND,
                "below_mark" | "different_data" | "signature_lost" => StatusCode::CONFLICT,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Unproven(_) | Self::Backend(_) | Self::Write(_) | Self::Lost(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

// === impl Desk ===

impl Desk {
    /// Signs one payload with one key, or says why not. Logged either way.
    pub(super) async fn sign(&self, key: &Key, payload: &[u8]) -> Result<Signature, SignError> {
        let began = Instant::now();
        let request = SigningRequest::parse(payload);
        let (name, level, round) = request.as_ref().map_or(("undecodable", None, None), about);
        let outcome = match request {
            Ok(request) => self.decide(key, request).await,
            Err(error) => Err(error.into()),
        };
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let key = key.name();
        match &outcome {
            Ok(_) => info!(
                event = "sign.done",
                key,
                request = name,
                level,
                round,
                micros
            ),
            Err(error) => {
                let (code, reason) = (error.code(), error.to_string());
                warn!(
                    event = "sign.refused",
                    key,
                    request = name,
                    level,
                    round,
                    micros,
                    code,
                    reason
                );
            }
        }
        outcome
    }

    async fn decide(&self, key: &Key, request: SigningRequest) -> Result<Signature, SignError> {
        let approved = key.rule().approve(request)?;
        if let Proof::Missing(reason) = key.proof() {
            return Err(SignError::Unproven(reason));
        }
        match self.watermark.admit(approved).await? {
            Admission::Replay(signature) => Ok(signature),
            Admission::Sign(permit, pending) => {
                let (signed, durable) = tokio::join!(self.backend.sign(permit), pending.durable());
                if let Err(error) = &signed
                    && !error.is_transient()
                {
                    health::note_failure(key, error);
                }
                let (signature, durable) = (signed?, durable?);
                Ok(durable.complete(signature))
            }
        }
    }
}

fn about(request: &SigningRequest) -> (&'static str, Option<i32>, Option<i32>) {
    match request {
        SigningRequest::Consensus(consensus) => (
            request.name(),
            Some(consensus.height.level),
            Some(consensus.height.round),
        ),
        SigningRequest::Operation(_) => (request.name(), None, None),
    }
}
