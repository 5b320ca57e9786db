//! The prober: tells from outside when a TCP port is open, to about the interval at which it tries.
//!
//! Every `every` it starts a connection to each target, without waiting for earlier ones, and judges the attempts in the
//! order in which they were *started*. So the time of a transition is that of the first attempt with the new result:
//! `open` is the start of the first success, `closed` the start of the first failure after the last success, also when
//! failure means that nothing ever came back. One connection per open period is held, to see when its data stops.

mod journal;
mod tcp;
mod udp;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use journal::{Event, State};

/// Below the second after which the kernel sends a SYN again: a success then means that the first one passed.
pub const TIMEOUT: Duration = Duration::from_millis(900);

/// Why a prober does not run.
#[derive(Debug, Error)]
pub enum ProberError {
    /// The journal cannot be written.
    #[error("the journal: {0}")]
    Journal(std::io::Error),
    /// No thread, no event loop, no socket.
    #[error("the system: {0}")]
    System(std::io::Error),
    /// A probing task ended by a panic.
    #[error("a probe failed: {0}")]
    Task(String),
}

/// What to probe.
#[derive(Debug, Clone)]
pub struct ProberConfig {
    /// TCP addresses.
    pub targets: Vec<SocketAddr>,
    /// UDP addresses, which get a datagram each 200 ms.
    pub udp: Vec<SocketAddr>,
    /// Time between the starts of two attempts at one target.
    pub every: Duration,
    /// An attempt that takes longer has failed.
    pub timeout: Duration,
    /// Where transitions are written, one JSON object per line; appended.
    pub journal: Option<PathBuf>,
}

/// What came of one TCP target. Times are Unix times in milliseconds, with fractions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// Attempts judged.
    pub attempts: u64,
    /// Those that connected.
    pub open: u64,
    /// Those that did not.
    pub closed: u64,
    /// Start of the first attempt that connected.
    pub first_open: Option<f64>,
    /// Start of the last attempt that connected.
    pub last_open: Option<f64>,
    /// Changes between open and closed, the first finding included.
    pub transitions: u64,
    /// Longest time between the starts of two attempts: how blind the prober itself was.
    pub max_gap_ms: f64,
}

/// What came of all targets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Attempts judged, over all targets.
    pub attempts: u64,
    /// Those that connected.
    pub open: u64,
    /// Those that did not.
    pub closed: u64,
    /// Start of the first attempt at any target that connected.
    pub first_open: Option<f64>,
    /// Start of the last attempt at any target that connected.
    pub last_open: Option<f64>,
    /// Datagrams that came back, over all UDP targets.
    pub udp_replies: u64,
    /// Per TCP target.
    pub targets: BTreeMap<String, TargetSummary>,
    /// Datagrams sent, per UDP target.
    pub udp_sent: BTreeMap<String, u64>,
    /// When each of those datagrams came back, as Unix times in milliseconds.
    pub udp_reply_times: Vec<f64>,
}

/// A prober on a thread of its own, for tests.
#[derive(Debug)]
pub struct Prober {
    stop: CancellationToken,
    thread: std::thread::JoinHandle<Result<Summary, ProberError>>,
}

// === impl ProberConfig ===

impl ProberConfig {
    /// TCP targets at the usual 20 ms, no journal.
    pub fn new(targets: Vec<SocketAddr>) -> Self {
        Self {
            targets,
            udp: Vec::new(),
            every: Duration::from_millis(20),
            timeout: TIMEOUT,
            journal: None,
        }
    }
}

// === impl Prober ===

impl Prober {
    /// Starts probing, in the network namespace of the calling thread.
    pub fn start(config: ProberConfig) -> Result<Self, ProberError> {
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = std::thread::Builder::new()
            .name("prober".to_owned())
            .spawn(move || block_on(run(config, token)))
            .map_err(ProberError::System)?;
        Ok(Self { stop, thread })
    }

    /// Ends probing; attempts under way are still judged.
    pub fn stop(self) -> Result<Summary, ProberError> {
        self.stop.cancel();
        self.thread
            .join()
            .map_err(|_| ProberError::Task("panic".to_owned()))?
    }
}

/// Runs a future on an event loop of its own.
pub fn block_on<T>(work: impl Future<Output = Result<T, ProberError>>) -> Result<T, ProberError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ProberError::System)?
        .block_on(work)
}

/// Probes until told to stop; attempts under way are still judged.
pub async fn run(config: ProberConfig, stop: CancellationToken) -> Result<Summary, ProberError> {
    let journal =
        journal::Journal::open(config.journal.as_deref()).map_err(ProberError::Journal)?;
    let mut tcp = JoinSet::new();
    let mut udp = JoinSet::new();
    for target in config.targets {
        let (journal, stop) = (journal.clone(), stop.clone());
        let probe = tcp::probe(target, config.every, config.timeout, journal, stop);
        tcp.spawn(async move { (target, probe.await) });
    }
    for target in config.udp {
        let stop = stop.clone();
        udp.spawn(async move { (target, udp::probe(target, stop).await) });
    }
    let mut summary = Summary::default();
    while let Some(done) = tcp.join_next().await {
        let (target, result) = done.map_err(|error| ProberError::Task(error.to_string()))?;
        summary.add(target, result?);
    }
    while let Some(done) = udp.join_next().await {
        let (target, result) = done.map_err(|error| ProberError::Task(error.to_string()))?;
        let (sent, replies) = result?;
        summary.udp_sent.insert(target.to_string(), sent);
        summary.udp_replies += replies.len() as u64;
        summary.udp_reply_times.extend(replies);
    }
    Ok(summary)
}

// === impl Summary ===

impl Summary {
    fn add(&mut self, target: SocketAddr, result: TargetSummary) {
        self.attempts += result.attempts;
        self.open += result.open;
        self.closed += result.closed;
        let earlier = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::min);
        let later = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        self.first_open = earlier(self.first_open, result.first_open);
        self.last_open = later(self.last_open, result.last_open);
        self.targets.insert(target.to_string(), result);
    }
}

/// Unix time in milliseconds, to the microsecond.
fn now_ms() -> f64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (now.as_secs_f64() * 1e6).round() / 1e3
}
