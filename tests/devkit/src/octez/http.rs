//! The HTTP client of the stand-ins: HTTP/1.1, each request on a new connection, bodies chunked, as Octez does it.
//!
//! No task is detached: the connection is driven by the call that needs it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

/// What Octez' client accepts, seen on the wire.
const ACCEPT: &str =
    "application/json;q=1,application/bson;q=0.100,application/octet-stream;q=0.200";
/// No reply of a node or signer is longer.
const MAX_BODY: usize = 1 << 20;

/// Why a call gave no reply.
#[derive(Debug, Error)]
pub enum HttpError {
    /// Not `http://HOST[:PORT][/PREFIX]`.
    #[error("'{0}' is not an http:// address")]
    Url(String),
    /// No connection.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    /// The connection broke, or what came is not HTTP.
    #[error("the exchange with {0} failed: {1}")]
    Exchange(String, hyper::Error),
    /// The request cannot be made.
    #[error("not a request: {0}")]
    Request(#[from] hyper::http::Error),
    /// The reply does not end.
    #[error("the reply of {0} is too long")]
    TooLong(String),
    /// A stream that did not begin.
    #[error("{0} refused with status {1}")]
    Refused(String, u16),
    /// Nothing came in time.
    #[error("{0} did not answer in time")]
    Late(String),
}

/// Where a service is: `http://HOST:PORT/PREFIX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    authority: String,
    prefix: String,
}

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// All of the body.
    pub body: Bytes,
}

/// A reply that goes on: one JSON document per line.
pub struct Lines {
    authority: String,
    connection: Option<Connection>,
    body: Incoming,
    buffer: Vec<u8>,
}

type Connection = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// A body that does not tell its length, so that it goes out chunked.
struct Chunked(Option<Bytes>);

// === impl Chunked ===

impl Body for Chunked {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

// === impl Base ===

impl Base {
    /// Reads `http://HOST[:PORT][/PREFIX]`.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let bad = || HttpError::Url(text.to_owned());
        let rest = text.strip_prefix("http://").ok_or_else(bad)?;
        let (host, prefix) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if host.is_empty() || host.contains(['@', '?', '#', ' ']) {
            return Err(bad());
        }
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        Ok(Self {
            authority,
            prefix: prefix.trim_end_matches('/').to_owned(),
        })
    }

    /// `HOST:PORT`
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// GET on a new connection.
    pub async fn get(&self, path: &str) -> Result<Reply, HttpError> {
        self.call(Method::GET, path, None).await
    }

    /// GET on a new connection, given up after a while.
    pub async fn get_within(&self, path: &str, time: Duration) -> Result<Reply, HttpError> {
        match tokio::time::timeout(time, self.get(path)).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::Late(self.authority.clone())),
        }
    }

    /// POST of a JSON text on a new connection.
    pub async fn post(&self, path: &str, json: String) -> Result<Reply, HttpError> {
        self.call(Method::POST, path, Some(json)).await
    }

    /// GET of a stream on a new connection.
    pub async fn lines(&self, path: &str) -> Result<Lines, HttpError> {
        let (mut connection, response) = self.open(Method::GET, path, None).await?;
        let (parts, mut body) = response.into_parts();
        if parts.status.as_u16() != 200 {
            // Reads the reason away, so that the peer sees an orderly end.
            drop(drive(&mut connection, body.frame()).await);
            let what = format!("{}{path}", self.authority);
            return Err(HttpError::Refused(what, parts.status.as_u16()));
        }
        Ok(Lines {
            authority: self.authority.clone(),
            connection,
            body,
            buffer: Vec::new(),
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        json: Option<String>,
    ) -> Result<Reply, HttpError> {
        let (mut connection, response) = self.open(method, path, json).await?;
        let (parts, mut incoming) = response.into_parts();
        let mut body = Vec::new();
        while let Some(frame) = drive(&mut connection, incoming.frame()).await {
            let frame = frame.map_err(|error| self.broken(error))?;
            body.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
            if body.len() > MAX_BODY {
                return Err(HttpError::TooLong(self.authority.clone()));
            }
        }
        Ok(Reply {
            status: parts.status.as_u16(),
            body: body.into(),
        })
    }

    async fn open(
        &self,
        method: Method,
        path: &str,
        json: Option<String>,
    ) -> Result<(Option<Connection>, Response<Incoming>), HttpError> {
        let stream = TcpStream::connect(&self.authority)
            .await
            .map_err(|error| HttpError::Connect(self.authority.clone(), error))?;
        stream
            .set_nodelay(true)
            .map_err(|e| HttpError::Connect(self.authority.clone(), e))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(error))?;
        let mut connection: Option<Connection> = Some(Box::pin(connection));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header("host", &self.authority)
            .header("accept", ACCEPT)
            .header("connection", "close");
        if json.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Chunked(json.map(Bytes::from)))?;
        let response = drive(&mut connection, sender.send_request(request))
            .await
            .map_err(|error| self.broken(error))?;
        Ok((connection, response))
    }

    fn broken(&self, error: hyper::Error) -> HttpError {
        HttpError::Exchange(self.authority.clone(), error)
    }
}

// === impl Reply ===

impl Reply {
    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The status and what the service says about it: the messages of an Octez error trace, or the text.
    pub fn reason(&self) -> String {
        let messages = self.json().and_then(|trace| {
            let texts = trace
                .as_array()?
                .iter()
                .filter_map(|error| error.get("msg").or_else(|| error.get("id"))?.as_str())
                .collect::<Vec<_>>()
                .join("; ");
            Some(texts)
        });
        let text = messages.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        format!(
            "{}: {}",
            self.status,
            text.chars().take(200).collect::<String>()
        )
    }
}

// === impl Lines ===

impl Lines {
    /// The next document; none when the stream has ended.
    pub async fn next(&mut self) -> Result<Option<serde_json::Value>, HttpError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if let Ok(value) = serde_json::from_slice(&line) {
                    return Ok(Some(value));
                }
                continue;
            }
            match drive(&mut self.connection, self.body.frame()).await {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(HttpError::Exchange(self.authority.clone(), error));
                }
                Some(Ok(frame)) => {
                    let data = frame.data_ref().map_or(&[][..], |data| data.as_ref());
                    self.buffer.extend_from_slice(data);
                }
            }
            if self.buffer.len() > MAX_BODY {
                return Err(HttpError::TooLong(self.authority.clone()));
            }
        }
    }
}

/// Awaits `work` while the connection under it moves.
async fn drive<T>(connection: &mut Option<Connection>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Some(running) = connection.as_mut() {
        tokio::select! {
            result = &mut work => return result,
            // Its error reaches `work` as well.
            ended = running => drop(ended),
        }
        *connection = None;
    }
    work.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    #[test]
    fn bases_are_read_with_their_prefix() {
        let base = Base::parse("http://127.0.0.1:6732/bucket/").unwrap();
        assert_eq!(
            (base.authority.as_str(), base.prefix.as_str()),
            ("127.0.0.1:6732", "/bucket")
        );
        assert_eq!(
            Base::parse("http://localhost").unwrap().authority,
            "localhost:80"
        );
        for text in [
            "https://x",
            "127.0.0.1:1",
            "http://",
            "http:///x",
            "http://a@b",
        ] {
            assert!(Base::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_trace_is_told_in_its_own_words() {
        let reply = Reply {
            status: 403,
            body: r#"[{"kind":"temporary","id":"failure","msg":"unarmed"}]"#.into(),
        };
        assert_eq!(reply.reason(), "403: unarmed");
        assert_eq!(
            Reply {
                status: 404,
                body: Bytes::new()
            }
            .reason(),
            "404: "
        );
    }

    #[tokio::test]
    async fn a_post_goes_out_chunked_with_octez_headers() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Base::parse(&format!("http://{}", server.local_addr().unwrap())).unwrap();
        let serve = async {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"0\r\n\r\n") {
                let mut chunk = [0; 1024];
                let count = stream.read(&mut chunk).await.unwrap();
                seen.extend_from_slice(&chunk[..count]);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .await
                .unwrap();
            String::from_utf8(seen).unwrap()
        };
        let (reply, seen) =
            tokio::join!(base.post("/keys/x?version=3", "\"11\"".to_owned()), serve);
        assert_eq!(reply.unwrap().status, 200);
        assert!(
            seen.starts_with("POST /keys/x?version=3 HTTP/1.1\r\n"),
            "{seen}"
        );
        assert!(seen.contains("transfer-encoding: chunked\r\n"), "{seen}");
        assert!(
            seen.contains("content-type: application/json\r\n"),
            "{seen}"
        );
        assert!(seen.contains("\r\n4\r\n\"11\"\r\n0\r\n"), "{seen}");
    }
}
