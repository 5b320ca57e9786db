//! The loop that accepts connections, for TCP and Unix sockets alike.
//!
//! Every connection is a task of one set: a panic in it is an error of the server, and stopping lets the requests in
//! flight end. Heads are bounded in size, number and time, and so is the number of connections.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::deadline::Deadline;
use crate::task::TaskPanicked;

/// Connections at one time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;
/// A head must be complete within this time, and an idle connection is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Lines of a head.
const MAX_HEADERS: usize = 64;
/// Bytes of a head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Pause after a failed accept (no descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Something that accepts connections.
pub(crate) trait Accept: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection that may speak to us.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// Something that speaks a protocol on a connection.
pub(crate) trait Converse: Clone + Send + 'static {
    /// Speaks until the other side has enough or breaks a limit, or until `stop` and the end of the request in flight.
    fn converse<I>(self, io: I, stop: CancellationToken) -> impl Future<Output = ()> + Send
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}

// === impl Accept ===

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Speaks on every connection until `stop`, then lets the requests in flight end.
pub(crate) async fn serve<L: Accept, C: Converse>(
    name: &'static str,
    listener: L,
    protocol: C,
    stop: CancellationToken,
) -> Result<(), TaskPanicked> {
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < MAX_CONNECTIONS;
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => check(name, &ended)?,
            accepted = listener.accept(), if room => match accepted {
                Ok(io) => { connections.spawn(protocol.clone().converse(Deadline::new(io), stop.clone())); }
                Err(error) => {
                    warn!(event = "accept.failed", server = name, reason = %error);
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        check(name, &ended)?;
    }
    Ok(())
}

fn check(name: &'static str, ended: &Result<(), JoinError>) -> Result<(), TaskPanicked> {
    match ended {
        Err(error) if error.is_panic() => Err(TaskPanicked(name)),
        _ => Ok(()),
    }
}

// === impl Converse ===

impl Converse for Router {
    async fn converse<I>(self, io: I, stop: CancellationToken)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(io), TowerToHyperService::new(self));
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(event = "connection.broken", reason = %error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    async fn serving(
        router: Router,
    ) -> (
        TcpStream,
        CancellationToken,
        JoinHandle<Result<(), TaskPanicked>>,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve("test", listener, router, stop.clone()));
        (TcpStream::connect(address).await.unwrap(), stop, task)
    }

    async fn exchange(client: &mut TcpStream, head: &str) -> String {
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn panicking_handler_is_an_error_of_the_server() {
        let router = Router::new().route(
            "/",
            get(async || -> &'static str { panic!("for the test") }),
        );
        let (mut client, _stop, task) = serving(router).await;
        assert_eq!(
            exchange(&mut client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await,
            ""
        );
        let ended = timeout(Duration::from_secs(10), task)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(ended, Err(TaskPanicked("test")));
    }

    #[tokio::test]
    async fn a_head_with_too_many_lines_or_bytes_is_refused() {
        let lines = "x: y\r\n".repeat(MAX_HEADERS + 1);
        let bytes = format!("x: {}\r\n", "y".repeat(2 * MAX_HEAD_BYTES));
        for extra in [lines, bytes] {
            let (mut client, stop, task) = serving(Router::new()).await;
            let answer = exchange(&mut client, &format!("GET / HTTP/1.1\r\n{extra}\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
            stop.cancel();
            assert_eq!(task.await.unwrap(), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_hung_up_on() {
        let (mut client, stop, task) = serving(Router::new()).await;
        client.write_all(b"GET / HT").await.unwrap();
        let mut answer = Vec::new();
        // With a paused clock, this returns as soon as nothing but the timeout is left to wait for.
        drop(client.read_to_end(&mut answer).await);
        stop.cancel();
        assert_eq!(task.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn stopping_closes_idle_connections_at_once() {
        let (mut client, stop, task) = serving(Router::new()).await;
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 12];
        client.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 404");
        stop.cancel();
        assert_eq!(task.await.unwrap(), Ok(()));
    }
}
