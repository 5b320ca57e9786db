//! How a unit's state is read from outside.
//!
//! One [`Prober`] lives as long as one run of its unit and is asked again and again; each answer is a [`Verdict`]. The
//! node's probe publishes the head that the signer's probe arms with, so the signer signs nothing before the node is
//! bootstrapped, and nothing at or below the floor that arming gave.

mod node;
mod signer;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::time::Instant;

use crate::console::WallClock;
use crate::host::Net;
use crate::http::{Answer, Ask, HttpError, Target};
use crate::plan::spec::ProbeSpec;
use crate::unit::machine::Verdict;
use node::NodeProbe;
use signer::SignerProbe;

/// What probes need of the world.
#[derive(Clone)]
pub struct World {
    /// Connections.
    pub net: Arc<dyn Net>,
    /// The time of day.
    pub clock: WallClock,
    /// The head of the chain, as the node's probe last saw it.
    pub chain: Chain,
    /// The one chain.
    pub chain_id: String,
}

/// The head of a node that is synced; nothing while it is not.
#[derive(Debug, Clone, Default)]
pub struct Chain(Arc<Mutex<Option<Head>>>);

/// A head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its level.
    pub level: i64,
    /// Its own time.
    pub timestamp: SystemTime,
    /// The chain's time between blocks.
    pub block_time: Duration,
    /// When it was read.
    pub read: Instant,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// The signer was armed now, at this head and with this floor.
    pub armed: Option<(i64, i64)>,
}

/// The probe of one run of a unit.
#[derive(Debug)]
pub enum Prober {
    /// Of the signer.
    Signer(SignerProbe),
    /// Of the node.
    Node(NodeProbe),
    /// Of anything with a health route.
    Http(SocketAddr, String),
    /// Of anything without.
    Alive(Instant, Duration),
}

/// One probe's time, shared by all its questions.
struct Questions<'a> {
    world: &'a World,
    until: Instant,
}

// === impl Chain ===

impl Chain {
    /// The head, if the node is synced.
    pub fn head(&self) -> Option<Head> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what the node's head is, or that there is none to go by.
    pub fn publish(&self, head: Option<Head>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }
}

// === impl Head ===

impl Head {
    /// Its age by this clock; or how far it is ahead, where that is more than clocks may differ.
    fn age(&self, clock: SystemTime) -> Result<Duration, Duration> {
        match clock.duration_since(self.timestamp) {
            Ok(age) => Ok(age),
            Err(ahead) if ahead.duration() <= self.block_time => Ok(Duration::ZERO),
            Err(ahead) => Err(ahead.duration()),
        }
    }
}

// === impl Prober ===

impl Prober {
    /// The probe of a run that began at `since`.
    pub fn new(spec: &ProbeSpec, interval: Duration, since: Instant) -> Self {
        match spec {
            ProbeSpec::Signer { http, admin } => {
                Self::Signer(SignerProbe::new(*http, admin.clone()))
            }
            ProbeSpec::Node { rpc, chain_id } => {
                Self::Node(NodeProbe::new(*rpc, chain_id.clone(), interval))
            }
            ProbeSpec::Http { address, path } => Self::Http(*address, path.clone()),
            ProbeSpec::Alive { stable_for } => Self::Alive(since, *stable_for),
        }
    }

    /// Asks, within this time.
    pub async fn probe(&mut self, world: &World, within: Duration) -> Finding {
        let questions = Questions {
            world,
            until: Instant::now() + within,
        };
        let (verdict, armed) = match self {
            Self::Signer(signer) => signer.probe(&questions).await,
            Self::Node(node) => (node.probe(&questions).await, None),
            Self::Http(address, path) => {
                let found = questions.get(Target::Tcp(*address), path).await;
                let verdict = match found {
                    Ok(answer) if answer.status == 200 => Verdict::Synced,
                    Ok(answer) => unready(format!("{path} answers {}", answer.status)),
                    Err(verdict) => verdict,
                };
                (verdict, None)
            }
            Self::Alive(since, stable_for) => {
                let stable = since.elapsed() >= *stable_for;
                let young = || unready(format!("runs for less than {} s", stable_for.as_secs()));
                (if stable { Verdict::Synced } else { young() }, None)
            }
        };
        Finding { verdict, armed }
    }
}

// === impl Questions ===

impl Questions<'_> {
    async fn get(&self, target: Target, path: &str) -> Result<Answer, Verdict> {
        self.ask(Ask::get(target, path)).await
    }

    /// Asks within what is left of the probe's time.
    async fn ask(&self, ask: Ask) -> Result<Answer, Verdict> {
        let what = ask.path.clone();
        let left = self.until.saturating_duration_since(Instant::now());
        self.world.net.ask(ask, left).await.map_err(|error| {
            let reason = format!("{what}: {error}");
            match error {
                HttpError::Late => Verdict::Late { reason },
                HttpError::Unreachable => Verdict::Silent { reason },
                HttpError::Unusable => unready(reason),
            }
        })
    }
}

/// A field of a JSON object; null where there is none.
fn field<'a>(object: &'a Value, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&Value::Null)
}

fn unready(reason: String) -> Verdict {
    Verdict::Unready { reason, code: None }
}
