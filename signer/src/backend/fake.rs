//! A backend of software keys for the tests of what lies above it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use tokio::sync::Semaphore;

use super::{Backend, BackendError, BackendFuture};
use crate::config::KeyConfig;
use crate::keyring::{Key, Keyring};
use crate::tezos::{Curve, PublicKey, Signature};
use crate::watermark::Permit;

/// One P-256 key, and switches for what can happen to it.
pub(crate) struct Fake {
    secret: SigningKey,
    keyring: Arc<Keyring>,
    /// The HSM cannot be reached.
    pub(crate) down: AtomicBool,
    /// What signatures and self-tests end with, though the HSM can be reached.
    pub(crate) refusal: Mutex<Option<BackendError>>,
    /// Self-tests that were begun.
    pub(crate) proofs: AtomicUsize,
    /// Calls that were begun.
    pub(crate) calls: AtomicUsize,
    /// A call waits for a permit of this.
    pub(crate) gate: Semaphore,
}

// === impl Fake ===

impl Fake {
    pub(crate) fn new(operations: &[&str]) -> Arc<Self> {
        let secret = SigningKey::from_slice(&[7; 32]).unwrap();
        let point = secret.verifying_key().to_sec1_point(true);
        let public_key = PublicKey::from_point(Curve::P256, point.as_bytes()).unwrap();
        let config: KeyConfig = serde_json::from_value(serde_json::json!({
            "name": "baker", "role": "consensus", "public_key": public_key.to_string(),
            "blob": blob(), "policy": { "operations": operations },
        }))
        .unwrap();
        Arc::new(Self {
            secret,
            keyring: Arc::new(Keyring::parse(&[config]).unwrap()),
            down: AtomicBool::new(false),
            refusal: Mutex::new(None),
            proofs: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    pub(crate) fn key(&self) -> &Arc<Key> {
        self.keyring.iter().next().unwrap()
    }

    /// From now on signatures and self-tests end like this.
    pub(crate) fn refuse(&self, refusal: Option<BackendError>) {
        *self.refusal.lock().unwrap() = refusal;
    }

    fn usable(&self) -> Result<(), BackendError> {
        self.check()?;
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn check(&self) -> Result<(), BackendError> {
        if self.down.load(Ordering::SeqCst) {
            Err(BackendError::Unreachable("connection refused".to_owned()))
        } else {
            Ok(())
        }
    }
}

impl Backend for Fake {
    fn sign(&self, permit: Permit) -> BackendFuture<'_, Signature> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            self.usable()?;
            let digest = *permit.digest();
            let raw: p256::ecdsa::Signature = self.secret.sign_prehash(digest.as_bytes()).unwrap();
            Ok(self
                .key()
                .public_key()
                .accept(&digest, &raw.to_bytes())
                .unwrap())
        })
    }

    fn prove<'a>(&'a self, _: &'a Key) -> BackendFuture<'a, ()> {
        self.proofs.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { self.usable() })
    }

    fn probe(&self) -> BackendFuture<'_, ()> {
        Box::pin(async { self.check() })
    }
}

fn blob() -> String {
    let head = [
        "00".repeat(32),
        "5a".repeat(16),
        "0000000000400126".to_owned(),
    ]
    .concat();
    head + &[
        "0000000000000001",
        "1234",
        &"11".repeat(14),
        &"22".repeat(96),
    ]
    .concat()
}
