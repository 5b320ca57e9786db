//! A tiny HTTP/1.1 client for the units on this machine: one request, one connection, one deadline, a bounded answer.
//!
//! It follows no redirect, reads no proxy setting and speaks no TLS; it is used over loopback and Unix sockets only.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The longest body that is read.
const BODY_LIMIT: usize = 256 * 1024;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Of whom.
    pub target: Target,
    /// The route.
    pub path: String,
    /// A JSON body makes it a POST.
    pub body: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Body, at most 256 KiB.
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Nobody listens, or the connection broke.
    #[error("nobody answers")]
    Unreachable,
    /// No answer in time.
    #[error("no answer in time")]
    Late,
    /// Not HTTP, or too long.
    #[error("the answer is not usable")]
    Unusable,
}

// === impl Ask ===

impl Ask {
    /// A GET.
    pub fn get(target: Target, path: impl Into<String>) -> Self {
        Self {
            target,
            path: path.into(),
            body: None,
        }
    }

    /// A POST of JSON.
    pub fn post(target: Target, path: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            target,
            path: path.into(),
            body: Some(body.into()),
        }
    }
}

// === impl Answer ===

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Asks once; the answer is whole or there is none.
pub async fn ask(ask: &Ask, timeout: Duration) -> Result<Answer, HttpError> {
    let exchange = async {
        match &ask.target {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address)
                    .await
                    .map_err(|_| HttpError::Unreachable)?;
                exchange(stream, ask).await
            }
            Target::Unix(path) => {
                let stream = UnixStream::connect(path)
                    .await
                    .map_err(|_| HttpError::Unreachable)?;
                exchange(stream, ask).await
            }
        }
    };
    tokio::time::timeout(timeout, exchange)
        .await
        .map_err(|_| HttpError::Late)?
}

async fn exchange<S>(stream: S, ask: &Ask) -> Result<Answer, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let unreachable = |_| HttpError::Unreachable;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    let host = match &ask.target {
        Target::Tcp(address) => address.to_string(),
        Target::Unix(_) => "localhost".to_owned(),
    };
    let method = if ask.body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let request = Request::builder()
        .method(method)
        .uri(&ask.path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(ask.body.clone().unwrap_or_default())))
        .map_err(|_| HttpError::Unusable)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| {
            if error.is_parse() {
                HttpError::Unusable
            } else {
                HttpError::Unreachable
            }
        })?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_LIMIT)
            .collect()
            .await;
        let body = body.map_err(|_| HttpError::Unusable)?.to_bytes().to_vec();
        Ok(Answer { status, body })
    };
    // The connection is driven here, beside the request: nothing is spawned for it.
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, UnixListener};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn serve(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = vec![0; 4096];
            let read = stream.read(&mut seen).await.unwrap();
            seen.truncate(read);
            stream.write_all(answer).await.unwrap();
            seen
        });
        (address, server)
    }

    #[tokio::test]
    async fn a_get_brings_status_and_body() {
        let (address, server) = serve(b"HTTP/1.1 503 no\r\ncontent-length: 2\r\n\r\n{}").await;
        let answer = ask(&Ask::get(Target::Tcp(address), "/readyz"), SECOND)
            .await
            .unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (503, b"{}".as_slice())
        );
        assert!(
            server
                .await
                .unwrap()
                .starts_with(b"GET /readyz HTTP/1.1\r\n")
        );
    }

    #[tokio::test]
    async fn a_body_is_posted_over_a_unix_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = vec![0; 4096];
            let read = stream.read(&mut seen).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            String::from_utf8_lossy(&seen[..read]).into_owned()
        };
        let post = Ask::post(Target::Unix(path), "/arm", "{\"head_level\":7}");
        let (seen, answer) = tokio::join!(server, ask(&post, SECOND));
        assert_eq!(answer.unwrap().status, 200);
        assert!(
            seen.starts_with("POST /arm") && seen.ends_with("{\"head_level\":7}"),
            "{seen}"
        );
    }

    #[tokio::test]
    async fn nobody_late_and_nonsense_are_told_apart() {
        let free = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let nobody = ask(&Ask::get(Target::Tcp(free), "/"), SECOND).await;
        assert_eq!(nobody, Err(HttpError::Unreachable));

        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let get = Ask::get(Target::Tcp(silent.local_addr().unwrap()), "/");
        assert_eq!(
            ask(&get, Duration::from_millis(50)).await,
            Err(HttpError::Late)
        );

        let (address, _server) = serve(b"SSH-2.0-nonsense\r\n\r\n").await;
        let nonsense = ask(&Ask::get(Target::Tcp(address), "/"), SECOND).await;
        assert_eq!(nonsense, Err(HttpError::Unusable));
    }

    #[tokio::test]
    async fn a_body_without_end_is_refused() {
        let (address, _server) =
            serve(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n").await;
        let answer = ask(&Ask::get(Target::Tcp(address), "/"), SECOND).await;
        assert_eq!(answer, Err(HttpError::Unusable));
    }
}
