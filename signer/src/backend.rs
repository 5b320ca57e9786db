//! Where signatures are made.
//!
//! A [`Backend`] signs only against a [`Permit`], which only the watermark hands out and which signing consumes. What
//! it returns has been normalised (low-s) and verified with the key's public half; anything else stays inside.

use std::future::Future;
use std::pin::Pin;

use crate::keyring::Key;
use crate::tezos::Signature;
use crate::watermark::Permit;

#[cfg(test)]
pub(crate) mod fake;
pub mod grep11;

/// A future of a backend.
pub type BackendFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send + 'a>>;

/// Something that holds private keys.
pub trait Backend: Send + Sync + 'static {
    /// Signs the digest of the permit with its key.
    fn sign(&self, permit: Permit) -> BackendFuture<'_, Signature>;

    /// Shows that private and public half of a key belong together, by a signature over a text that is no Tezos payload.
    fn prove<'a>(&'a self, key: &'a Key) -> BackendFuture<'a, ()>;

    /// Whether the keys could be used now.
    fn probe(&self) -> BackendFuture<'_, ()>;
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// No connection, or it broke.
    #[error("the HSM cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("the HSM did not answer within {0} ms")]
    Deadline(u128),
    /// The HSM refused.
    #[error("the HSM refused: {name}")]
    Refused {
        /// `CKR_…`, as far as it is known.
        name: String,
        /// Whether the same call may succeed later by itself.
        transient: bool,
    },
    /// The answer is no signature of this key over this digest.
    #[error("the HSM's answer is not a signature of this key: {0}")]
    WrongSignature(String),
    /// The permit is for a key that this backend does not hold, or cannot use.
    #[error("the key is not one of this signer's")]
    UnknownKey,
}

// === impl BackendError ===

impl BackendError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Deadline(_) => "hsm_unreachable",
            Self::Refused { .. } => "hsm_refused",
            Self::WrongSignature(_) => "signature_wrong",
            Self::UnknownKey => "key_unknown",
        }
    }

    /// Of two failures the one that tells more: a wrong signature before a refusal, that before silence; of two alike the
    /// later.
    #[must_use]
    pub fn or_worse(self, later: Self) -> Self {
        let weight = |error: &Self| match error {
            Self::Unreachable(_) => 0,
            Self::Deadline(_) => 1,
            Self::Refused {
                transient: true, ..
            } => 2,
            Self::Refused { .. } => 3,
            Self::UnknownKey => 4,
            Self::WrongSignature(_) => 5,
        };
        if weight(&later) >= weight(&self) {
            later
        } else {
            self
        }
    }

    /// Whether the same call may succeed later by itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Deadline(_) => true,
            Self::Refused { transient, .. } => *transient,
            Self::WrongSignature(_) | Self::UnknownKey => false,
        }
    }
}
