//! What happened to one sign request: the one event that is logged about it, and what is counted.
//!
//! A course knows the kind, chain and height of a request, the keys involved and how long each part took. It never
//! holds the payload or a signature, so neither can get into a log or a metric.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tracing::{info, warn};

use super::Transport;
use super::sign::SignError;
use crate::keyring::Key;
use crate::metrics::{Metrics, Phase, Signing};
use crate::request::{Height, SigningRequest};
use crate::tezos::{ChainId, PublicKeyHash, Signature};

/// The address in metrics of a request for a key that is not ours.
const UNKNOWN: &str = "unknown";
/// The parts whose time a course notes.
const PHASES: [Phase; 5] = [
    Phase::Decode,
    Phase::Authenticate,
    Phase::Policy,
    Phase::Watermark,
    Phase::Hsm,
];

/// One sign request from its last byte to its outcome.
#[derive(Debug)]
pub(super) struct Course {
    transport: Transport,
    began: Instant,
    address: PublicKeyHash,
    key: Option<Arc<Key>>,
    client: Option<PublicKeyHash>,
    about: Option<About>,
    replayed: bool,
    took: [Option<Duration>; PHASES.len()],
}

/// What the request is.
#[derive(Debug)]
struct About {
    name: &'static str,
    class: &'static str,
    kinds: Vec<&'static str>,
    chain: Option<ChainId>,
    height: Option<Height>,
}

// === impl Course ===

impl Course {
    /// A request for this key, complete since `began`.
    pub(super) fn new(transport: Transport, address: PublicKeyHash, began: Instant) -> Self {
        Self {
            transport,
            began,
            address,
            key: None,
            client: None,
            about: None,
            replayed: false,
            took: [None; PHASES.len()],
        }
    }

    /// A part took so long, in addition to what it took before.
    pub(super) fn took(&mut self, phase: Phase, time: Duration) {
        for (known, slot) in PHASES.iter().zip(&mut self.took) {
            if *known == phase {
                *slot = Some(slot.unwrap_or_default() + time);
            }
        }
    }

    /// The key is one of ours.
    pub(super) fn found(&mut self, key: &Arc<Key>) {
        self.key = Some(Arc::clone(key));
    }

    /// Who authorized it, where somebody had to.
    pub(super) fn authorized(&mut self, client: Option<PublicKeyHash>) {
        self.client = client;
    }

    /// The request was decoded.
    pub(super) fn understood(&mut self, request: &SigningRequest) {
        self.about = Some(About::of(request));
    }

    /// The stored signature was the answer.
    pub(super) fn replayed(&mut self) {
        self.replayed = true;
    }

    /// The outcome is known: it is logged and counted.
    pub(super) fn close(&self, metrics: &Metrics, outcome: &Result<Signature, SignError>) {
        self.count(metrics, outcome);
        let (key, address) = (self.key.as_ref().map(|key| key.name()), self.address);
        let client = self.client.map(|client| client.to_string());
        let about = self.about.as_ref();
        let request = about.map_or("undecodable", |about| about.name);
        let kinds = about.map(|about| about.kinds.join(","));
        let chain = about.and_then(|about| about.chain).map(|c| c.to_string());
        let height = about.and_then(|about| about.height);
        let (level, round) = (height.map(|at| at.level), height.map(|at| at.round));
        let micros = micros(self.began.elapsed());
        let [decode, authenticate, policy, watermark, hsm] = self.took.map(|t| t.map(self::micros));
        let transport = self.transport.name();
        match outcome {
            Ok(_) => info!(
                event = "sign.done", transport, key, %address, client, request, kinds, chain, level, round,
                replayed = self.replayed, micros, decode, authenticate, policy, watermark, hsm
            ),
            Err(error) => warn!(
                event = "sign.refused", transport, key, %address, client, request, kinds, chain, level, round,
                micros, decode, authenticate, policy, watermark, hsm,
                status = error.status().as_u16(), code = error.code(), reason = %error
            ),
        }
    }

    fn count(&self, metrics: &Metrics, outcome: &Result<Signature, SignError>) {
        for (phase, time) in PHASES.iter().zip(self.took) {
            if let Some(time) = time {
                metrics.phase(*phase, time);
            }
        }
        let address = match &self.key {
            Some(key) => key.hash().to_string(),
            None => UNKNOWN.to_owned(),
        };
        let status = outcome
            .as_ref()
            .err()
            .map_or(StatusCode::OK, SignError::status);
        metrics.handled(&address, status.as_u16(), self.began.elapsed());
        if let Err(SignError::Authentication(_)) = outcome {
            metrics.unauthenticated(self.transport.name(), status.as_u16());
        }
        let Some(about) = &self.about else { return };
        let chain = about
            .chain
            .map_or_else(String::new, |chain| chain.to_string());
        let signing = Signing {
            address: &address,
            class: about.class,
            kinds: &about.kinds,
            chain: &chain,
            round: about.height.map(|height| height.round),
        };
        self.count_signing(metrics, &signing, outcome);
    }

    fn count_signing(
        &self,
        metrics: &Metrics,
        signing: &Signing<'_>,
        outcome: &Result<Signature, SignError>,
    ) {
        let [.., watermark, hsm] = self.took;
        if let Some(time) = watermark {
            let (result, reason) = match outcome {
                Err(SignError::Watermark(refusal)) => ("rejected", Some(refusal.code())),
                Err(SignError::Write(_)) => ("error", None),
                _ => ("success", None),
            };
            metrics.decided(signing, time, result, reason);
        }
        if let Some(time) = hsm {
            let failed = match outcome {
                Err(SignError::Backend(error)) => Some(error.code()),
                _ => None,
            };
            metrics.called(signing, time, failed);
        }
        match outcome {
            Ok(_) => metrics.signed(signing),
            Err(SignError::Policy(refusal)) => metrics.violation(signing, refusal.code()),
            Err(_) => {}
        }
    }
}

// === impl About ===

impl About {
    fn of(request: &SigningRequest) -> Self {
        let name = request.name();
        match request {
            SigningRequest::Consensus(consensus) => Self {
                name,
                class: consensus.class().name(),
                kinds: vec![name],
                chain: Some(consensus.chain),
                height: Some(consensus.height),
            },
            SigningRequest::Operation(request) => {
                let contents = &request.operation.contents;
                let kinds: BTreeSet<_> =
                    contents.iter().map(|content| content.kind.name()).collect();
                Self {
                    name,
                    class: "generic",
                    kinds: kinds.into_iter().collect(),
                    chain: None,
                    height: None,
                }
            }
        }
    }
}

/// A sign request that was not understood far enough to be one: logged and counted all the same.
pub(super) fn unreadable(
    metrics: &Metrics,
    transport: Transport,
    began: Instant,
    status: StatusCode,
    reason: &str,
) {
    let status = status.as_u16();
    metrics.handled(UNKNOWN, status, began.elapsed());
    warn!(
        event = "sign.refused",
        transport = transport.name(),
        request = "unreadable",
        micros = micros(began.elapsed()),
        status,
        code = "request_unreadable",
        reason
    );
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
