//! Every place where this signer listens.
//!
//! HTTP and the admin socket are always there; the binary protocol's sockets and the metrics' port only where the
//! configuration names them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Tasks;
use crate::config::Config;
use crate::error::Error;
use crate::server::listen::{self, Accept, Converse};
use crate::server::socket::Binary;
use crate::server::{Service, Transport};
use crate::unix::UidListener;

/// Sockets that are bound and not served yet.
pub(super) struct Listeners {
    http: TcpListener,
    admin: UidListener,
    tcp: Option<TcpListener>,
    unix: Option<UidListener>,
    metrics: Option<TcpListener>,
}

/// What is spoken on them.
pub(super) struct Protocols {
    pub(super) service: Arc<Service>,
    pub(super) http: Router,
    pub(super) admin: Router,
    pub(super) metrics: Router,
}

// === impl Listeners ===

impl Listeners {
    /// Binds them all.
    pub(super) async fn bind(config: &Config) -> Result<Self, Error> {
        let uids = config.admin_uids.clone();
        let admin = UidListener::bind(&config.admin_socket, uids, "admin.refused")?;
        let http = bind(config.listen).await?;
        let tcp = bind_if(config.protocol.tcp).await?;
        let metrics = bind_if(config.metrics_listen).await?;
        let unix = match &config.protocol.unix {
            None => None,
            Some(unix) => {
                let socket = UidListener::bind(&unix.path, unix.uids.clone(), "socket.refused")?;
                Some(socket.removed_at_end(&unix.path))
            }
        };
        let listeners = Self {
            http,
            admin,
            tcp,
            unix,
            metrics,
        };
        listeners.announce(config)?;
        Ok(listeners)
    }

    fn announce(&self, config: &Config) -> Result<(), Error> {
        for (name, socket) in [("tcp", &self.tcp), ("metrics", &self.metrics)] {
            if let Some(socket) = socket {
                let address = socket.local_addr().map_err(Error::Listen)?;
                info!(event = "signer.listening", name, address = %address);
            }
        }
        if let Some(unix) = &config.protocol.unix {
            let path = unix.path.display();
            info!(event = "signer.listening", name = "unix", path = %path);
        }
        let address = self.http.local_addr().map_err(Error::Listen)?;
        info!(event = "signer.serving", address = %address);
        Ok(())
    }

    /// Serves them all, each in a task, until `stop`.
    pub(super) fn spawn(self, protocols: Protocols, tasks: &mut Tasks, stop: &CancellationToken) {
        let Protocols {
            service,
            http,
            admin,
            metrics,
        } = protocols;
        spawn("http", self.http, http, tasks, stop);
        spawn("admin", self.admin, admin, tasks, stop);
        if let Some(socket) = self.tcp {
            let binary = Binary::new(Arc::clone(&service), Transport::Tcp);
            spawn("tcp", socket, binary, tasks, stop);
        }
        if let Some(socket) = self.unix {
            let binary = Binary::new(service, Transport::Unix);
            spawn("unix", socket, binary, tasks, stop);
        }
        if let Some(socket) = self.metrics {
            spawn("metrics", socket, metrics, tasks, stop);
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(Error::Listen)
}

async fn bind_if(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Error> {
    match address {
        None => Ok(None),
        Some(address) => bind(address).await.map(Some),
    }
}

fn spawn<L: Accept + Sync, C: Converse + Sync>(
    name: &'static str,
    listener: L,
    protocol: C,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) {
    let serving = listen::serve(name, listener, protocol, stop.clone());
    tasks.spawn(async move { (name, serving.await) });
}
