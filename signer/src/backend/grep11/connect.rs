//! Makes the TLS connections of one endpoint's channel.
//!
//! tonic's own TLS refuses X.509 v1 client certificates, so the channel gets ready TLS streams from here. The reason of
//! the last failure is kept: by the time a call fails, tonic has made "transport error" of it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Uri;
use tower::Service;

use super::tls::Target;

/// Why the last connection could not be made; empty after one that could.
#[derive(Clone, Default)]
pub(super) struct LastFailure(Arc<Mutex<Option<String>>>);

/// Connects to one endpoint.
#[derive(Clone)]
pub(super) struct Connector {
    target: Target,
    failure: LastFailure,
}

// === impl LastFailure ===

impl LastFailure {
    fn note(&self, failure: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// The reason, if the last attempt failed.
    pub(super) fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

// === impl Connector ===

impl Connector {
    pub(super) fn new(target: Target, failure: LastFailure) -> Self {
        Self { target, failure }
    }

    async fn connect(self) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let attempt = async {
            let tcp = TcpStream::connect(&self.target.address).await?;
            tcp.set_nodelay(true)?;
            TlsConnector::from(self.target.tls)
                .connect(self.target.name, tcp)
                .await
        };
        let outcome = attempt.await;
        self.failure
            .note(outcome.as_ref().err().map(ToString::to_string));
        outcome.map(TokioIo::new)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The channel's address is for show: a connector has one target.
    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}
