//! Fetches the snapshot that the contract names by digest.
//!
//! What counts is the SHA-256 from the contract: it is checked before the file gets its name, so neither the server nor
//! anybody in between is trusted. For that reason the server's certificate is not checked, and no list of authorities has to
//! be carried. Redirections are not followed: the firewall knows one host.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::plan::spec::SnapshotSpec;

mod unchecked;

/// A server that says nothing for this long has gone.
const STALL: Duration = Duration::from_mins(1);

/// Why there is no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Neither `https://` nor `file://`.
    #[error("the snapshot's address is neither https:// nor file:///")]
    Address,
    /// Cannot be had.
    #[error("the snapshot cannot be fetched: {0}")]
    Unreachable(String),
    /// Cannot be kept.
    #[error("the snapshot cannot be written below the state path")]
    Unwritable,
    /// Another file.
    #[error("the snapshot has another SHA-256 than the contract says: {0}")]
    Digest(String),
}

/// Fetches, checks, and only then gives the file its name.
pub async fn fetch(snapshot: &SnapshotSpec, from: &[IpAddr]) -> Result<(), FetchError> {
    let part = part(&snapshot.file);
    let mut target = Target::create(&part).await?;
    let fetched = match snapshot.url.strip_prefix("file://") {
        Some(path) => copy(Path::new(path), &mut target).await,
        None => download(&snapshot.url, from, &mut target).await,
    };
    let digest = match fetched {
        Ok(()) => target.finish().await?,
        Err(error) => {
            drop(tokio::fs::remove_file(&part).await);
            return Err(error);
        }
    };
    if digest != snapshot.sha256.to_ascii_lowercase() {
        drop(tokio::fs::remove_file(&part).await);
        return Err(FetchError::Digest(digest));
    }
    tokio::fs::rename(&part, &snapshot.file)
        .await
        .map_err(|_| FetchError::Unwritable)
}

fn part(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// A file that is hashed while it is written.
struct Target {
    file: File,
    hash: Sha256,
}

// === impl Target ===

impl Target {
    async fn create(path: &Path) -> Result<Self, FetchError> {
        // The node's account reads it; a snapshot is public.
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o644);
        let file = options
            .open(path)
            .await
            .map_err(|_| FetchError::Unwritable)?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.set_permissions(readable)
            .await
            .map_err(|_| FetchError::Unwritable)?;
        Ok(Self {
            file,
            hash: Sha256::new(),
        })
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.hash.update(bytes);
        self.file
            .write_all(bytes)
            .await
            .map_err(|_| FetchError::Unwritable)
    }

    async fn finish(mut self) -> Result<String, FetchError> {
        self.file
            .flush()
            .await
            .map_err(|_| FetchError::Unwritable)?;
        self.file
            .sync_all()
            .await
            .map_err(|_| FetchError::Unwritable)?;
        Ok(hex::encode(self.hash.finalize()))
    }
}

async fn copy(path: &Path, target: &mut Target) -> Result<(), FetchError> {
    let unreadable = |_| FetchError::Unreachable("the file cannot be read".to_owned());
    let mut file = File::open(path).await.map_err(unreadable)?;
    let mut chunk = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut chunk).await.map_err(unreadable)?;
        if count == 0 {
            return Ok(());
        }
        target.write(chunk.get(..count).unwrap_or_default()).await?;
    }
}

async fn download(url: &str, from: &[IpAddr], target: &mut Target) -> Result<(), FetchError> {
    let (host, port, path) = parts(url).ok_or(FetchError::Address)?;
    let failed = |what: &str| FetchError::Unreachable(what.to_owned());
    let name = ServerName::try_from(host.clone()).map_err(|_| FetchError::Address)?;
    let addresses: Vec<_> = from.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let stream = within(TcpStream::connect(addresses.as_slice())).await?;
    let stream = stream.map_err(|_| failed("nobody answers"))?;
    let connector = TlsConnector::from(Arc::new(unchecked::config().ok_or(FetchError::Address)?));
    let stream = within(connector.connect(name, stream)).await?;
    let stream = stream.map_err(|_| failed("no TLS"))?;
    let http = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = http.map_err(|_| failed("no HTTP"))?;
    let request = hyper::Request::get(path)
        .header(HOST, host)
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|_| FetchError::Address)?;
    let body = async {
        let response = within(sender.send_request(request)).await?;
        let response = response.map_err(|_| failed("no HTTP answer"))?;
        if response.status() != 200 {
            return Err(failed(&format!("status {}", response.status().as_u16())));
        }
        let mut body = response.into_body();
        while let Some(frame) = within(body.frame()).await? {
            let frame = frame.map_err(|_| failed("the connection broke"))?;
            if let Ok(bytes) = frame.into_data() {
                target.write(&bytes).await?;
            }
        }
        Ok(())
    };
    tokio::pin!(body, connection);
    tokio::select! {
        done = &mut body => done,
        _ = &mut connection => body.await,
    }
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, FetchError> {
    let stalled = |_| FetchError::Unreachable("the server says nothing".to_owned());
    tokio::time::timeout(STALL, work).await.map_err(stalled)
}

/// The host of an `https://` address.
pub fn host(url: &str) -> Option<String> {
    parts(url).map(|(host, ..)| host)
}

/// Host, port and path of an `https://` address.
fn parts(url: &str) -> Option<(String, u16, String)> {
    let rest = url.strip_prefix("https://")?;
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, "/".to_owned()),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port, path))
}

#[cfg(test)]
mod tests;
