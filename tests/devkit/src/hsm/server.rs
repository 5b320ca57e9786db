//! The listener: accepts, shakes hands apart from other connections, serves, ends in order.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bakehouse_proto::grep11::crypto_server::CryptoServer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use super::service::{Service, Shared};

/// A client that does not finish its handshake in this time is dropped.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What open connections get after the server was told to end.
const GRACE: Duration = Duration::from_secs(3);

/// A connection, with TLS or (for tests of IBM's examples) without.
pub(super) enum Connection {
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
}

/// Serves until told to end, then lets calls under way finish.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    end: CancellationToken,
) {
    let (sender, receiver) = mpsc::channel(16);
    let incoming = ReceiverStream::new(receiver);
    let mut accepting = JoinSet::new();
    accepting.spawn(accept(listener, tls, sender, end.clone()));

    let server = Server::builder()
        .add_service(CryptoServer::new(Service(shared)))
        .serve_with_incoming_shutdown(incoming, end.clone().cancelled_owned());
    let bounded = async {
        end.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ended = server => {}
        () = bounded => {}
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    sender: mpsc::Sender<io::Result<Connection>>,
    end: CancellationToken,
) {
    let mut handshakes = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => return,
            Some(_) = handshakes.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        // A failed accept (such as too many open files) concerns that client alone.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        handshakes.spawn(shake_hands(stream, tls.clone(), sender.clone()));
    }
}

/// Hands over a connection once its handshake is done; a refused client is simply gone.
async fn shake_hands(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let connection = match tls {
        None => Connection::Plain(stream),
        Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Connection::Tls(Box::new(stream)),
            _ => return,
        },
    };
    // An error means that the server has ended, and the connection ends with it.
    drop(sender.send(Ok(connection)).await);
}

// === impl Connection ===

impl Connected for Connection {
    type ConnectInfo = Option<SocketAddr>;

    fn connect_info(&self) -> Self::ConnectInfo {
        match self {
            Self::Tls(stream) => stream.get_ref().0.peer_addr().ok(),
            Self::Plain(stream) => stream.peer_addr().ok(),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
