//! The way of one signature.
//!
//! parse → policy → admit → (mark durable ∥ HSM call) → reply. Each arrow takes what only the arrow before it makes. The
//! mark is never lowered, least of all when the HSM call fails: a failed call may have signed. A key that the HSM refuses
//! signs nothing more, and costs no more marks, until a self-test has proven it again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::authentication::AuthenticationError;
use super::course::Course;
use crate::backend::{Backend, BackendError};
use crate::health;
use crate::keyring::{Key, Proof};
use crate::metrics::Phase;
use crate::policy::PolicyRefusal;
use crate::request::{RequestError, SigningRequest};
use crate::task::JobLost;
use crate::tezos::Signature;
use crate::watermark::{Admission, Refusal, Watermark, WriteError};

/// Why a request got no signature.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    /// No authorized key has signed it.
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    /// There is no such key.
    #[error("this signer does not hold the key")]
    KeyUnknown,
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
            Self::Authentication(error) => error.code(),
            Self::KeyUnknown => "key_unknown",
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
            Self::Authentication(AuthenticationError::Missing) => StatusCode::UNAUTHORIZED,
            Self::Authentication(AuthenticationError::Malformed) | Self::Request(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Authentication(_) | Self::Policy(_) => StatusCode::FORBIDDEN,
            Self::KeyUnknown => StatusCode::NOT_FOUND,
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
    /// Signs one payload with one key, or says why not; `course` notes what happens on the way.
    pub(super) async fn sign(
        &self,
        key: &Key,
        payload: &[u8],
        course: &mut Course,
    ) -> Result<Signature, SignError> {
        let began = Instant::now();
        let request = SigningRequest::parse(payload);
        course.took(Phase::Decode, began.elapsed());
        let request = request?;
        course.understood(&request);
        let began = Instant::now();
        let approved = key.rule().approve(request);
        course.took(Phase::Policy, began.elapsed());
        let approved = approved?;
        if let Proof::Missing(reason) = key.proof() {
            return Err(SignError::Unproven(reason));
        }
        let (admission, admitting) = timed(self.watermark.admit(approved)).await;
        course.took(Phase::Watermark, admitting);
        match admission? {
            Admission::Replay(signature) => {
                course.replayed();
                Ok(signature)
            }
            Admission::Sign(permit, pending) => {
                let call = timed(self.backend.sign(permit));
                let ((signed, calling), (durable, writing)) =
                    tokio::join!(call, timed(pending.durable()));
                course.took(Phase::Hsm, calling);
                course.took(Phase::Watermark, writing);
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

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let done = work.await;
    (done, began.elapsed())
}
