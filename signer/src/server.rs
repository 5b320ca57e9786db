//! Tezos's remote-signer protocol, over HTTP and over Octez's binary sockets, with one way to a signature.
//!
//! What a client may ask is answered here, in [`Service`]; the modules below only read and write the two forms of the protocol. So
//! authorization, policy, watermark, log and metrics are the same whichever way a request comes. A signature is made in a task of the
//! signing crew, so that a client that hangs up cannot stop it half way.

use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;

use crate::backend::Backend;
use crate::keyring::{Key, Keyring};
use crate::metrics::{Metrics, Phase};
use crate::task::CrewHandle;
use crate::tezos::{PublicKeyHash, Signature};
use crate::watermark::Watermark;
use authentication::{AuthorizedKeys, Presented};
use course::Course;
use sign::{Desk, SignError};

pub mod authentication;
mod course;
mod deadline;
mod http;
pub(crate) mod listen;
mod reply;
mod respond;
mod sign;
pub(crate) mod socket;

pub use http::router;

/// What octez-signer says to who asks for the list of keys and may not have it.
const NO_LIST: &str = "List known keys request not allowed.";
/// What octez-signer says to who asks for a proof of possession and may not have it.
const NO_PROOF: &str = "Request to prove possession is not allowed.";

/// The way on which a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTP on loopback.
    Http,
    /// The binary protocol on loopback.
    Tcp,
    /// The binary protocol on a Unix socket.
    Unix,
}

/// What a [`Service`] needs.
pub struct Parts {
    /// The keys that are served.
    pub keyring: Arc<Keyring>,
    /// The marks.
    pub watermark: Arc<Watermark>,
    /// Where signatures are made.
    pub backend: Arc<dyn Backend>,
    /// Who makes them.
    pub crew: CrewHandle,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who may ask.
    pub authorized: AuthorizedKeys,
    /// Whether everybody may know the list of keys.
    pub list_known_keys: bool,
}

/// Answers requests, whichever way they came.
pub struct Service {
    keyring: Arc<Keyring>,
    desk: Arc<Desk>,
    crew: CrewHandle,
    metrics: Arc<Metrics>,
    authorized: AuthorizedKeys,
    list_known_keys: bool,
}

/// A request to sign, as far as every client must say it.
#[derive(Debug)]
struct Asked {
    transport: Transport,
    key: PublicKeyHash,
    payload: Vec<u8>,
    /// When its last byte had come.
    began: Instant,
}

// === impl Transport ===

impl Transport {
    /// The name in logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Unix => "unix",
        }
    }
}

// === impl Service ===

impl Service {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            keyring,
            watermark,
            backend,
            crew,
            metrics,
            authorized,
            list_known_keys,
        } = parts;
        Self {
            keyring,
            desk: Arc::new(Desk { watermark, backend }),
            crew,
            metrics,
            authorized,
            list_known_keys,
        }
    }

    fn key(&self, hash: &PublicKeyHash) -> Option<&Arc<Key>> {
        self.keyring.get(hash)
    }

    /// Whose signatures are asked for, if anybody's. Clients ask this before every signature.
    fn authorized_keys(&self) -> Option<Vec<PublicKeyHash>> {
        self.authorized.hashes()
    }

    /// All keys, if clients may know them.
    fn known_keys(&self) -> Option<Vec<PublicKeyHash>> {
        let list = || self.keyring.iter().map(|key| key.hash()).collect();
        self.list_known_keys.then(list)
    }

    /// Signs, or says why not; logged and counted either way, once.
    async fn sign(
        &self,
        asked: Asked,
        presented: Option<Presented<'_>>,
    ) -> Result<Signature, SignError> {
        let mut course = Course::new(asked.transport, asked.key, asked.began);
        course.took(Phase::Decode, asked.began.elapsed());
        let key = match self.admit(&asked, presented, &mut course) {
            Ok(key) => key,
            Err(error) => {
                let outcome = Err(error);
                course.close(&self.metrics, &outcome);
                return outcome;
            }
        };
        let (desk, metrics) = (Arc::clone(&self.desk), Arc::clone(&self.metrics));
        let job = async move {
            let outcome = desk.sign(&key, &asked.payload, &mut course).await;
            course.close(&metrics, &outcome);
            outcome
        };
        self.crew.run(job).await?
    }

    fn admit(
        &self,
        asked: &Asked,
        presented: Option<Presented<'_>>,
        course: &mut Course,
    ) -> Result<Arc<Key>, SignError> {
        let began = Instant::now();
        let client = (self.authorized).check(asked.key, &asked.payload, presented);
        if presented.is_some() {
            course.took(Phase::Authenticate, began.elapsed());
        }
        course.authorized(client?);
        let key = self.key(&asked.key).ok_or(SignError::KeyUnknown)?;
        course.found(key);
        Ok(Arc::clone(key))
    }

    /// A sign request was not even one.
    fn unreadable(&self, transport: Transport, began: Instant, status: StatusCode, reason: &str) {
        course::unreadable(&self.metrics, transport, began, status, reason);
    }
}

#[cfg(test)]
mod tests;
