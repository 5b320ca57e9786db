//! Config → build → App → spawn → drain.
//!
//! [`App::build`] takes what must be there (credentials, state, sockets) and fails if it is not. [`App::run`] owns every
//! task until SIGTERM or SIGINT; the end of a task that should go on, by panic too, ends the process with an error. The
//! HSM is not needed to start: readiness waits for it, the process does not.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::admin;
use crate::backend::Backend;
use crate::backend::grep11::{Client, Grep11};
use crate::config::Config;
use crate::error::Error;
use crate::health::Health;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::server::authentication::AuthorizedKeys;
use crate::server::{self, Parts, Service};
use crate::task::{Crew, TaskPanicked};
use crate::tezos::ChainId;
use crate::watermark::{self, Watermark};
use listeners::{Listeners, Protocols};

mod listeners;

/// Signatures being made at one time; more wait.
const MAX_SIGNING: usize = 256;
/// Requests in flight end within this time; their own deadlines are shorter.
const DRAIN: Duration = Duration::from_secs(30);

/// A signer that is ready to run.
pub struct App {
    listeners: Listeners,
    protocols: Protocols,
    crew: Crew,
    health: Arc<Health>,
    backend: Arc<dyn Backend>,
    watermark: Arc<Watermark>,
    terminate: Signal,
    interrupt: Signal,
}

type Tasks = JoinSet<(&'static str, Result<(), TaskPanicked>)>;

// === impl App ===

impl App {
    /// Takes everything that the configuration names.
    pub async fn build(config: &Config) -> Result<Self, Error> {
        let keyring = Arc::new(Keyring::parse(&config.keys)?);
        for key in keyring.iter().filter(|key| key.is_extractable()) {
            warn!(event = "key.extractable", key = key.name(), address = %key.hash());
        }
        let client = Client::new(&config.grep11)?;
        let backend: Arc<dyn Backend> = Arc::new(Grep11::new(client, Arc::clone(&keyring)));
        Self::with_backend(config, keyring, backend).await
    }

    async fn with_backend(
        config: &Config,
        keyring: Arc<Keyring>,
        backend: Arc<dyn Backend>,
    ) -> Result<Self, Error> {
        let authorized = AuthorizedKeys::parse(config.protocol.authorized_keys.as_deref())?;
        let watermark = Arc::new(open_watermark(config, &keyring)?);
        info!(event = "watermark.opened", provenance = ?watermark.provenance());
        let health = Arc::new(Health::new(Arc::clone(&keyring), Arc::clone(&watermark)));
        let metrics = Arc::new(Metrics::new());
        let (crew, handle) = Crew::new("signing", MAX_SIGNING);
        let service = Arc::new(Service::new(Parts {
            keyring: Arc::clone(&keyring),
            watermark: Arc::clone(&watermark),
            backend: Arc::clone(&backend),
            crew: handle,
            metrics: Arc::clone(&metrics),
            authorized,
            list_known_keys: config.protocol.list_known_keys,
        }));
        let measured = admin::metrics_router(Arc::clone(&health), metrics);
        let admin = admin::router(keyring, Arc::clone(&watermark), Arc::clone(&health));
        let protocols = Protocols {
            http: server::router(Arc::clone(&service), Arc::clone(&health)),
            admin: admin.merge(measured.clone()),
            metrics: measured,
            service,
        };
        Ok(Self {
            listeners: Listeners::bind(config).await?,
            protocols,
            crew,
            health,
            backend,
            watermark,
            terminate: signal(SignalKind::terminate()).map_err(Error::Runtime)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Error::Runtime)?,
        })
    }

    /// Serves until a signal, then lets the requests in flight end.
    pub async fn run(mut self) -> Result<(), Error> {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new();
        self.spawn_watchers(&mut tasks, &stop);
        let Self {
            listeners,
            protocols,
            crew,
            watermark,
            ..
        } = self;
        listeners.spawn(protocols, &mut tasks, &stop);
        tasks.spawn(async move { ("signing", crew.work().await) });
        let reason = tokio::select! {
            _ = self.terminate.recv() => Ok("SIGTERM"),
            _ = self.interrupt.recv() => Ok("SIGINT"),
            error = first_failure(&mut tasks) => Err(error),
        };
        stop.cancel();
        let drained = timeout(DRAIN, drain(&mut tasks))
            .await
            .unwrap_or(Err(Error::DrainTimeout));
        // Its writer thread finishes what is queued when the last owner lets go.
        drop(watermark);
        let reason = reason?;
        drained?;
        info!(event = "signer.stopped", reason);
        Ok(())
    }

    fn spawn_watchers(&self, tasks: &mut Tasks, stop: &CancellationToken) {
        let (health, backend, token) = self.watcher(stop);
        tasks.spawn(async move {
            health.watch_hsm(&*backend, &token).await;
            ("hsm", Ok(()))
        });
        let (health, backend, token) = self.watcher(stop);
        tasks.spawn(async move {
            health.prove_keys(&*backend, &token).await;
            ("keys", Ok(()))
        });
        let (health, _, token) = self.watcher(stop);
        tasks.spawn(async move {
            health.watch_watermark(&token).await;
            ("watermark", Ok(()))
        });
    }

    fn watcher(
        &self,
        stop: &CancellationToken,
    ) -> (Arc<Health>, Arc<dyn Backend>, CancellationToken) {
        (
            Arc::clone(&self.health),
            Arc::clone(&self.backend),
            stop.clone(),
        )
    }
}

fn open_watermark(config: &Config, keyring: &Keyring) -> Result<Watermark, Error> {
    let chains = config
        .chains
        .iter()
        .map(|chain| chain.parse::<ChainId>())
        .collect::<Result<_, _>>()
        .map_err(Error::Chain)?;
    let dir = config.state_dir.clone();
    Ok(Watermark::open(watermark::Config {
        dir,
        chains,
        keys: keyring.floors(),
    })?)
}

/// Waits until a task ends; while nobody has asked them to, none may.
async fn first_failure(tasks: &mut Tasks) -> Error {
    match tasks.join_next().await {
        Some(Ok((_, Err(panicked)))) => panicked.into(),
        Some(Ok((name, Ok(())))) => Error::TaskEnded(name),
        Some(Err(_)) => TaskPanicked("a watcher").into(),
        None => Error::TaskEnded("all"),
    }
}

async fn drain(tasks: &mut Tasks) -> Result<(), Error> {
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((_, Ok(()))) => {}
            Ok((_, Err(panicked))) => outcome = Err(panicked.into()),
            Err(_) => outcome = Err(TaskPanicked("a watcher").into()),
        }
    }
    outcome
}
