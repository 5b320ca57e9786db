//! `soft-grep11`: a software stand-in for a grep11 server, for tests and the demo. Not an HSM.
//!
//! It behaves as the real one where a client could tell: mutual TLS that accepts X.509 v1 client
//! certificates; both wire generations (keys are read from `KeyBlob.KeyBlobs[0]`, else from the v1
//! bytes, and answered in both forms); blobs in EP11's shape, bound to a master key by their WKID;
//! `ecPublicKey` SPKIs with a MAC trailer for every curve; ECDSA with random nonces and unnormalised
//! `s`; EP11's error codes in gRPC status and details.
//!
//! Curves: Ed25519, secp256k1 and P-256. BLS12-381 is refused with `CKR_CURVE_NOT_SUPPORTED`, its
//! mechanism is not listed. Calls beyond what a Tezos signer needs (digests, multi-part operations,
//! Login …) are refused with `CKR_FUNCTION_NOT_SUPPORTED`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bakehouse_proto::Ckr;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

mod blob;
pub mod cli;
mod engine;
mod journal;
mod keys;
mod master;
mod pkcs8;
mod server;
mod service;
mod slip10;
mod tls;

pub use journal::{JournalEntry, fingerprint};
pub use master::MasterKey;
pub use tls::Tls;

use engine::Engine;
use journal::Journal;
use service::Shared;

/// Why the stand-in does not run.
#[derive(Debug, thiserror::Error)]
pub enum HsmError {
    /// The system's cryptography failed.
    #[error("cannot make the {0}")]
    Crypto(&'static str),
    /// The master-key file cannot be used.
    #[error("the master key in {0} cannot be used: {1}")]
    MasterKey(PathBuf, String),
    /// PEM input cannot be read.
    #[error("{0} is not valid PEM or is missing")]
    Pem(&'static str),
    /// A file cannot be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The journal cannot be opened.
    #[error("cannot open the journal {0}")]
    Journal(PathBuf, #[source] std::io::Error),
}

/// How the stand-in runs.
#[derive(Debug)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Mutual TLS; `None` means plain text, for IBM's own examples only.
    pub tls: Option<Tls>,
    /// What blobs are sealed under.
    pub master: MasterKey,
    /// What `RewrapKeyBlob` goes over to; without one it seals anew under the same key.
    pub next_master: Option<MasterKey>,
    /// What each call takes at least.
    pub latency: Duration,
    /// Where the journal is appended.
    pub journal: Option<PathBuf>,
    /// Whether [`SoftHsm::journal`] has entries: for tests, as they are never forgotten.
    pub keep_journal: bool,
}

/// A running stand-in; dropping it ends it at once.
pub struct SoftHsm {
    address: SocketAddr,
    shared: Arc<Shared>,
    end: CancellationToken,
    tasks: JoinSet<()>,
}

// === impl Config ===

impl Config {
    /// For tests: loopback, a free port, a fresh master key, no latency, the journal kept.
    pub fn for_tests(tls: Tls) -> Result<Self, HsmError> {
        Ok(Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: Some(tls),
            master: MasterKey::random()?,
            next_master: None,
            latency: Duration::ZERO,
            journal: None,
            keep_journal: true,
        })
    }
}

// === impl SoftHsm ===

impl SoftHsm {
    /// Starts to listen; connections are accepted when this returns.
    pub async fn start(config: Config) -> Result<Self, HsmError> {
        let acceptor = match &config.tls {
            Some(tls) => Some(TlsAcceptor::from(Arc::new(tls.server_config()?))),
            None => None,
        };
        let journal = open_journal(config.journal.as_deref(), config.keep_journal)?;
        let failed = |error| HsmError::Listen(config.listen, error);
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let engine = Engine {
            master: config.master,
            next: config.next_master,
        };
        let shared = Arc::new(Shared::new(engine, journal, config.latency));
        let end = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(
            listener,
            acceptor,
            Arc::clone(&shared),
            end.clone(),
        ));
        Ok(Self {
            address,
            shared,
            end,
            tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The calls so far, if the journal is kept.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.shared.journal.entries()
    }

    /// The WKID of its blobs.
    pub fn wkid(&self) -> [u8; 16] {
        self.shared.engine.master.wkid()
    }

    /// From now on each call takes at least this long.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.set_latency(latency);
    }

    /// The next call fails with this code; called again, the one after it, and so on.
    pub fn fail_next(&self, code: Ckr) {
        self.shared.fail_next(code);
    }

    /// Ends: no new connection, calls under way may finish within three seconds.
    pub async fn stop(mut self) {
        self.end.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Waits until the server ends by itself, which is a failure.
    pub async fn ended(&mut self) {
        self.tasks.join_next().await;
    }
}

fn open_journal(path: Option<&Path>, keep: bool) -> Result<Journal, HsmError> {
    Journal::open(path, keep)
        .map_err(|error| HsmError::Journal(path.unwrap_or(Path::new("")).to_owned(), error))
}
