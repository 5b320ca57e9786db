//! Whether this signer could sign now, and if not, why.
//!
//! Three checks: the HSM answers, every key is proven, the watermark can be written. They are measured by the background
//! tasks of this module and only read by the routes, so that a probe of the supervisor never waits for the HSM. A
//! measurement that is too old counts as a failure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::backend::{Backend, BackendError};
use crate::keyring::{Key, Keyring, Proof};
use crate::tezos::PublicKeyHash;
use crate::watermark::Watermark;

/// Time between two probes of the HSM.
const HSM_INTERVAL: Duration = Duration::from_millis(200);
/// A probe that takes longer has failed, whatever deadline the backend has.
const HSM_DEADLINE: Duration = Duration::from_millis(900);
/// An answer that is older says nothing about now.
const HSM_FRESH: Duration = Duration::from_millis(1500);
/// Time between two attempts to prove keys that are not proven.
const PROVE_INTERVAL: Duration = Duration::from_millis(500);
/// A proven key is tested again after this time.
const PROOF_FRESH: Duration = Duration::from_secs(30);
/// Time between two test writes of the watermark.
const WATERMARK_INTERVAL: Duration = Duration::from_secs(5);
/// The same, while they fail.
const WATERMARK_RETRY: Duration = Duration::from_millis(500);

/// One line of the readiness report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `hsm`, `keys` or `watermark`.
    pub name: &'static str,
    /// Whether it is well.
    pub ok: bool,
    /// A stable code of what is wrong; empty if nothing is.
    pub code: &'static str,
    /// The same for people, its place included.
    pub reason: String,
}

/// What `GET /readyz` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Every check is ok.
    pub ready: bool,
    /// Information, not part of `ready`.
    pub armed: bool,
    /// The checks.
    pub checks: Vec<Check>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    code: &'static str,
    reason: String,
}

/// The last answer of the HSM.
#[derive(Debug, Clone)]
struct HsmState {
    outcome: Result<(), Trouble>,
    at: Instant,
}

/// Measures and reports readiness.
pub struct Health {
    keyring: Arc<Keyring>,
    watermark: Arc<Watermark>,
    hsm: watch::Sender<HsmState>,
}

// === impl Check ===

impl Check {
    fn new(name: &'static str, outcome: Result<(), Trouble>) -> Self {
        let ok = outcome.is_ok();
        let (code, reason) = match outcome {
            Ok(()) => ("", String::new()),
            Err(Trouble { code, reason }) => (code, reason),
        };
        Self {
            name,
            ok,
            code,
            reason,
        }
    }
}

// === impl Trouble ===

impl Trouble {
    fn new(code: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { code, reason }
    }
}

// === impl Health ===

impl Health {
    /// Nothing is known yet, so nothing is ready.
    pub fn new(keyring: Arc<Keyring>, watermark: Arc<Watermark>) -> Self {
        let unknown = HsmState {
            outcome: Err(Trouble::new("hsm_unknown", "not probed yet")),
            at: Instant::now(),
        };
        Self {
            keyring,
            watermark,
            hsm: watch::Sender::new(unknown),
        }
    }

    /// The report of this moment.
    pub fn readiness(&self) -> Readiness {
        let checks = vec![
            Check::new("hsm", self.hsm()),
            Check::new("keys", self.keys()),
            Check::new("watermark", self.writable()),
        ];
        let ready = checks.iter().all(|check| check.ok);
        Readiness {
            ready,
            armed: self.watermark.armed(),
            checks,
        }
    }

    fn hsm(&self) -> Result<(), Trouble> {
        let state = self.hsm.borrow();
        match &state.outcome {
            Ok(()) if state.at.elapsed() > HSM_FRESH => {
                let reason = "hsm_unreachable: the last answer is too old";
                Err(Trouble::new("hsm_unreachable", reason))
            }
            outcome => outcome.clone(),
        }
    }

    fn keys(&self) -> Result<(), Trouble> {
        match self.keyring.unproven() {
            None => Ok(()),
            Some((key, reason)) => {
                let reason = format!("{}: {reason}", key.hash());
                Err(Trouble::new("key_unproven", reason))
            }
        }
    }

    fn writable(&self) -> Result<(), Trouble> {
        if self.watermark.writable() {
            return Ok(());
        }
        let reason = "state_unwritable: the last write of the watermark failed or hangs";
        Err(Trouble::new("state_unwritable", reason))
    }

    /// Probes the HSM until told to stop.
    pub async fn watch_hsm(&self, backend: &dyn Backend, stop: &CancellationToken) {
        loop {
            let outcome = match timeout(HSM_DEADLINE, backend.probe()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(BackendError::Deadline(HSM_DEADLINE.as_millis())),
            };
            self.note_hsm(&outcome.map_err(|error| Trouble::new(error.code(), describe(&error))));
            if rest(HSM_INTERVAL, stop).await.is_err() {
                return;
            }
        }
    }

    fn note_hsm(&self, outcome: &Result<(), Trouble>) {
        let before = self.hsm.send_replace(HsmState {
            outcome: outcome.clone(),
            at: Instant::now(),
        });
        match (&before.outcome, outcome) {
            (Err(_), Ok(())) => info!(event = "hsm.reachable"),
            (Ok(()), Err(new)) => warn!(event = "hsm.unreachable", reason = new.reason),
            (Err(old), Err(new)) if old != new => {
                warn!(event = "hsm.unreachable", reason = new.reason);
            }
            _ => {}
        }
    }

    /// Proves every key, and goes on for ever: those that are not proven soon, the others now and then, while the HSM
    /// answers.
    pub async fn prove_keys(&self, backend: &dyn Backend, stop: &CancellationToken) {
        let mut hsm = self.hsm.subscribe();
        let mut doubted = BTreeSet::new();
        let mut last: Option<Instant> = None;
        loop {
            let reachable = hsm.wait_for(|state| state.outcome.is_ok());
            let Some(Ok(state)) = stop.run_until_cancelled(reachable).await else {
                return;
            };
            drop(state);
            let due = last.is_none_or(|last| last.elapsed() >= PROOF_FRESH);
            for key in self.keyring.iter() {
                if !due && key.proof() == Proof::Proven && !doubted.contains(&key.hash()) {
                    continue;
                }
                let proof = prove(backend, key, &mut doubted);
                if stop.run_until_cancelled(proof).await.is_none() {
                    return;
                }
            }
            if due {
                last = Some(Instant::now());
            }
            if rest(PROVE_INTERVAL, stop).await.is_err() {
                return;
            }
        }
    }

    /// Tests now and then that the watermark can still be written; ends early if its writer has ended.
    pub async fn watch_watermark(&self, stop: &CancellationToken) {
        tokio::select! {
            () = self.probe_watermark(stop) => {}
            () = self.watermark.ended() => error!(event = "watermark.ended"),
        }
    }

    async fn probe_watermark(&self, stop: &CancellationToken) {
        let mut well = true;
        loop {
            let Some(outcome) = stop.run_until_cancelled(self.watermark.probe()).await else {
                return;
            };
            match &outcome {
                Err(error) if well => warn!(event = "watermark.unwritable", reason = %error),
                Ok(()) if !well => info!(event = "watermark.writable"),
                _ => {}
            }
            well = outcome.is_ok();
            let interval = if well {
                WATERMARK_INTERVAL
            } else {
                WATERMARK_RETRY
            };
            if rest(interval, stop).await.is_err() {
                return;
            }
        }
    }
}

/// Tests a key. A proven one that fails for a passing reason is doubted at first, and falls when it fails again.
async fn prove(backend: &dyn Backend, key: &Key, doubted: &mut BTreeSet<PublicKeyHash>) {
    match backend.prove(key).await {
        Ok(()) => {
            doubted.remove(&key.hash());
            if key.proof() != Proof::Proven {
                info!(event = "key.proven", key = key.name(), address = %key.hash());
            }
            key.note(Ok(()));
        }
        Err(error) => {
            let proven = key.proof() == Proof::Proven;
            if proven && error.is_transient() && doubted.insert(key.hash()) {
                return;
            }
            doubted.remove(&key.hash());
            note_failure(key, &error);
        }
    }
}

/// The key could not be used: it is not proven any more.
pub(crate) fn note_failure(key: &Key, error: &BackendError) {
    let reason = describe(error);
    if key.proof() != Proof::Missing(reason.clone()) {
        warn!(event = "key.unusable", key = key.name(), address = %key.hash(), reason);
    }
    key.note(Err(reason));
}

fn describe(error: &BackendError) -> String {
    format!("{}: {error}", error.code())
}

/// Waits; `Err` if it is time to stop.
async fn rest(interval: Duration, stop: &CancellationToken) -> Result<(), ()> {
    stop.run_until_cancelled(sleep(interval)).await.ok_or(())
}

#[cfg(test)]
mod tests;
