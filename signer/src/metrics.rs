//! What this signer does, in numbers: Prometheus metrics, under Signatory's names where the meaning is the same.
//!
//! Labels are bounded: an address is one of our keys or `unknown`, rounds end at [`LAST_ROUND`], codes are the stable
//! codes of errors. No label and no value holds anything of a payload beyond what its kind, chain and round are.

use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::health::Readiness;
use labels::{
    Answered, Check, Decision, Failure, Handled, Made, Phased, Rejection, Round, Store, VaultCall,
    VaultError, Violation,
};

mod labels;

/// The media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Later rounds count as this one: a label must not have a value for everything that a client may ask.
pub const LAST_ROUND: i32 = 15;
/// Where the marks are, as Signatory names its stores.
const STORE: &str = "sqlite";
/// Where the keys are, as Signatory names its vaults.
const VAULT: &str = "grep11";

/// Upper bounds in milliseconds.
const MILLISECONDS: [f64; 14] = [
    0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0,
];
/// Upper bounds in seconds, from the decoding of a vote to an HSM that is late.
const SECONDS: [f64; 18] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// A part of the way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// From bytes to a request that is understood.
    Decode,
    /// The check of the client's signature, where it must have one.
    Authenticate,
    /// The rules of the key.
    Policy,
    /// The decision of the watermark, and its mark's way to disk.
    Watermark,
    /// The call to the HSM, beside the mark's way to disk.
    Hsm,
    /// From the outcome to the last byte given to the connection.
    Reply,
}

/// A sign request as the metrics see it, when its outcome is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signing<'a> {
    /// One of our addresses, or `unknown`.
    pub(crate) address: &'a str,
    /// `block`, `preattestation`, `attestation`, `generic`, or nothing if it was not understood.
    pub(crate) class: &'static str,
    /// Its exact kinds: one, or those of an operation's contents.
    pub(crate) kinds: &'a [&'static str],
    /// `Net…`, or nothing for operations.
    pub(crate) chain: &'a str,
    /// For consensus messages.
    pub(crate) round: Option<i32>,
}

/// All metrics of a signer.
pub struct Metrics {
    registry: Registry,
    theirs: Signatorys,
    ours: Ours,
}

/// Those that Signatory has too.
struct Signatorys {
    handled: Family<Handled, Counter>,
    handling: Family<Handled, Histogram>,
    made: Family<Made, Counter>,
    vault_calls: Family<VaultCall, Histogram>,
    vault_errors: Family<VaultError, Counter>,
    rounds: Family<Round, Counter>,
    violations: Family<Violation, Counter>,
    rejections: Family<Rejection, Counter>,
    failures: Family<Failure, Counter>,
    decisions: Family<Decision, Counter>,
    deciding: Family<Store, Histogram>,
}

/// Those that it has not.
struct Ours {
    phases: Family<Phased, Histogram>,
    requests: Family<Answered, Counter>,
    ready: Gauge,
    armed: Gauge,
    checks: Family<Check, Gauge>,
}

// === impl Phase ===

impl Phase {
    /// The value of the label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Authenticate => "authenticate",
            Self::Policy => "policy",
            Self::Watermark => "watermark",
            Self::Hsm => "hsm",
            Self::Reply => "reply",
        }
    }
}

// === impl Metrics ===

impl Metrics {
    /// Metrics of which nothing has been counted.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        Self {
            theirs: Signatorys::new(&mut registry),
            ours: Ours::new(&mut registry),
            registry,
        }
    }

    /// All of them in the text format of `OpenMetrics`, with what `readiness` says.
    pub fn render(&self, readiness: &Readiness) -> Result<String, fmt::Error> {
        self.ours.ready.set(readiness.ready.into());
        self.ours.armed.set(readiness.armed.into());
        for check in &readiness.checks {
            let label = Check { name: check.name };
            self.ours.checks.get_or_create(&label).set(check.ok.into());
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// A part of the way of a request took so long.
    pub(crate) fn phase(&self, phase: Phase, took: Duration) {
        let label = Phased {
            phase: phase.name(),
        };
        let histogram = self.ours.phases.get_or_create(&label);
        histogram.observe(took.as_secs_f64());
    }

    /// A request of any kind was answered.
    pub(crate) fn answered(&self, transport: &'static str, route: &'static str, status: u16) {
        let label = Answered {
            transport,
            route,
            status,
        };
        self.ours.requests.get_or_create(&label).inc();
    }

    /// A sign request has its outcome.
    pub(crate) fn handled(&self, address: &str, status: u16, took: Duration) {
        let label = Handled {
            address: address.to_owned(),
            status,
        };
        self.theirs.handled.get_or_create(&label).inc();
        let histogram = self.theirs.handling.get_or_create(&label);
        histogram.observe(took.as_secs_f64() * 1000.0);
    }

    /// A signature leaves.
    pub(crate) fn signed(&self, signing: &Signing<'_>) {
        for kind in signing.kinds {
            let label = Made {
                address: signing.address.to_owned(),
                vault: VAULT,
                op: signing.class,
                kind,
                chain_id: signing.chain.to_owned(),
            };
            self.theirs.made.get_or_create(&label).inc();
        }
        if let Some(round) = signing.round {
            let label = Round {
                address: signing.address.to_owned(),
                operation_type: signing.class,
                chain_id: signing.chain.to_owned(),
                round: round.min(LAST_ROUND),
            };
            self.theirs.rounds.get_or_create(&label).inc();
        }
    }

    /// The policy refused.
    pub(crate) fn violation(&self, signing: &Signing<'_>, code: &'static str) {
        let label = Violation {
            violation_type: code,
            address: signing.address.to_owned(),
            operation_type: signing.class,
        };
        self.theirs.violations.get_or_create(&label).inc();
    }

    /// The watermark decided: success, rejected (for this reason) or error.
    pub(crate) fn decided(
        &self,
        signing: &Signing<'_>,
        took: Duration,
        result: &'static str,
        reason: Option<&'static str>,
    ) {
        let label = Decision {
            result,
            backend: STORE,
            request_type: signing.class,
        };
        self.theirs.decisions.get_or_create(&label).inc();
        let store = Store { backend: STORE };
        let histogram = self.theirs.deciding.get_or_create(&store);
        histogram.observe(took.as_secs_f64());
        if let Some(reason) = reason {
            let label = Rejection {
                address: signing.address.to_owned(),
                operation_type: signing.class,
                chain_id: signing.chain.to_owned(),
                reason,
            };
            self.theirs.rejections.get_or_create(&label).inc();
        }
    }

    /// The HSM was called: `failed` has the code of what went wrong.
    pub(crate) fn called(
        &self,
        signing: &Signing<'_>,
        took: Duration,
        failed: Option<&'static str>,
    ) {
        let label = VaultCall {
            vault: VAULT,
            address: signing.address.to_owned(),
            op: signing.class,
            chain_id: signing.chain.to_owned(),
        };
        let histogram = self.theirs.vault_calls.get_or_create(&label);
        histogram.observe(took.as_secs_f64() * 1000.0);
        if let Some(code) = failed {
            let label = VaultError {
                vault: VAULT,
                code,
                chain_id: signing.chain.to_owned(),
            };
            self.theirs.vault_errors.get_or_create(&label).inc();
        }
    }

    /// A client could not show that it may ask.
    pub(crate) fn unauthenticated(&self, transport: &'static str, status: u16) {
        let label = Failure {
            status,
            auth_method: "authorized_keys",
            client_ip: if transport == "unix" {
                "unix"
            } else {
                "loopback"
            },
        };
        self.theirs.failures.get_or_create(&label).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

// === impl Signatorys ===

impl Signatorys {
    /// The client appends `_total` to the names of counters.
    #[rustfmt::skip]
    fn new(to: &mut Registry) -> Self {
        Self {
            handled: add(to, "sign_handler_requests", "Sign requests answered", Family::default()),
            handling: add(to, "sign_handler_request_duration_milliseconds", "Time from a sign request to its outcome", in_milliseconds()),
            made: add(to, "signing_ops", "Signatures given out", Family::default()),
            vault_calls: add(to, "vault_sign_request_duration_milliseconds", "Time of a call to the HSM", in_milliseconds()),
            vault_errors: add(to, "vault_sign_request_error", "Calls to the HSM that gave no signature", Family::default()),
            rounds: add(to, "consensus_round", "Consensus messages signed, by round", Family::default()),
            violations: add(to, "policy_violation", "Requests that the key's policy refused", Family::default()),
            rejections: add(to, "watermark_rejection", "Requests that the watermark refused", Family::default()),
            failures: add(to, "authentication_failure", "Requests that no authorized key has signed", Family::default()),
            decisions: add(to, "watermark_operations", "Decisions of the watermark", Family::default()),
            deciding: add(to, "watermark_operation_duration_seconds", "Time of a decision of the watermark, the way of the mark to disk included", in_seconds()),
        }
    }
}

// === impl Ours ===

impl Ours {
    #[rustfmt::skip]
    fn new(to: &mut Registry) -> Self {
        Self {
            phases: add(to, "bakehouse_signer_phase_duration_seconds", "Parts of the way of a sign request", in_seconds()),
            requests: add(to, "bakehouse_signer_requests", "Requests answered, of every kind", Family::default()),
            ready: add(to, "bakehouse_signer_ready", "Whether every check of /readyz is ok", Gauge::default()),
            armed: add(to, "bakehouse_signer_armed", "Whether the head of every chain is known", Gauge::default()),
            checks: add(to, "bakehouse_signer_check", "Whether a check of /readyz is ok", Family::default()),
        }
    }
}

fn add<M: Metric + Clone>(to: &mut Registry, name: &str, help: &str, metric: M) -> M {
    to.register(name, help, metric.clone());
    metric
}

fn in_milliseconds<S: Clone + Eq + Hash>() -> Family<S, Histogram> {
    Family::new_with_constructor(|| Histogram::new(MILLISECONDS))
}

fn in_seconds<S: Clone + Eq + Hash>() -> Family<S, Histogram> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}

#[cfg(test)]
mod tests;
