//! The supervisor's way in: a Unix socket on which it arms the signer and asks for its marks.
//!
//! Who speaks is known from the kernel (`SO_PEERCRED`), not from a token: a peer whose uid is not on the list is hung up
//! on before a byte is read.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::{UnixListener, UnixStream};
use tracing::{info, warn};

use crate::health::Health;
use crate::keyring::{Key, Keyring, Proof};
use crate::server::listen::Accept;
use crate::tezos::ChainId;
use crate::watermark::{ArmError, MarkView, Watermark};

/// No request of the supervisor is longer.
const MAX_BODY_BYTES: usize = 4096;

/// Why the admin socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Something that is no socket lies at its path.
    #[error("the admin socket's path is taken by something that is not a socket")]
    NotASocket,
    /// Another process answers there.
    #[error("another process listens on the admin socket")]
    Taken,
    /// The system refused.
    #[error("the admin socket cannot be opened: {0}")]
    Io(#[from] io::Error),
}

/// A Unix socket that answers only some uids.
pub(crate) struct AdminListener {
    socket: UnixListener,
    uids: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmRequest {
    chain_id: String,
    head_level: i32,
}

struct Shared {
    keyring: Arc<Keyring>,
    watermark: Arc<Watermark>,
    health: Arc<Health>,
}

// === impl AdminListener ===

impl AdminListener {
    /// Binds the socket, in place of one that a dead process left. The umask must hide it until its mode is set.
    ///
    /// The mode is 0660 where the socket has the group of its folder. Where it could not get it (the folder is not
    /// set-group-id), whoever may enter the folder must still be able to knock: the supervisor has uid 0 but no
    /// capability that passes over file modes. The uid is checked for every connection in both cases.
    pub(crate) fn bind(path: &Path, uids: Vec<u32>) -> Result<Self, AdminError> {
        remove_stale(path)?;
        let socket = UnixListener::bind(path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let same_group = std::fs::metadata(path)?.gid() == std::fs::metadata(folder)?.gid();
        let mode = if same_group { 0o660 } else { 0o666 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self { socket, uids })
    }
}

impl Accept for AdminListener {
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.socket.accept().await?;
            let uid = stream.peer_cred()?.uid();
            if self.uids.contains(&uid) {
                return Ok(stream);
            }
            warn!(event = "admin.refused", uid);
        }
    }
}

/// Removes a socket that nobody listens on any more.
fn remove_stale(path: &Path) -> Result<(), AdminError> {
    let meta = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !meta.file_type().is_socket() {
        return Err(AdminError::NotASocket);
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(AdminError::Taken),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The admin routes.
pub fn router(keyring: Arc<Keyring>, watermark: Arc<Watermark>, health: Arc<Health>) -> Router {
    Router::new()
        .route("/arm", post(arm))
        .route("/status", get(status))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(Shared {
            keyring,
            watermark,
            health,
        }))
}

async fn arm(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<ArmRequest>(&body) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "request_invalid",
            "chain_id and head_level are needed",
        );
    };
    let Ok(chain) = ChainId::from_str(&request.chain_id) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "request_invalid",
            "the chain id does not decode",
        );
    };
    match shared.watermark.arm(chain, request.head_level).await {
        Ok(floor) => {
            let head = request.head_level;
            info!(event = "signer.armed", chain = %chain, head, floor);
            Json(json!({ "armed": shared.watermark.armed(), "floor": floor })).into_response()
        }
        Err(error) => {
            warn!(event = "signer.not_armed", reason = %error);
            let (status, code) = match &error {
                ArmError::Chain(refusal) => (StatusCode::FORBIDDEN, refusal.code()),
                ArmError::Head(_) => (StatusCode::BAD_REQUEST, "request_invalid"),
                ArmError::Write(_) => (StatusCode::INTERNAL_SERVER_ERROR, "state_unwritable"),
            };
            refuse(status, code, &error.to_string())
        }
    }
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    let readiness = shared.health.readiness();
    let marks = shared.watermark.marks();
    let keys: Vec<Value> = shared
        .keyring
        .iter()
        .map(|key| describe(key, &marks))
        .collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "armed": readiness.armed,
        "ready": readiness.ready,
        "checks": readiness.checks,
        "keys": keys,
    }))
    .into_response()
}

fn describe(key: &Key, marks: &[MarkView]) -> Value {
    let mut chains: Map<String, Value> = Map::new();
    for mark in marks.iter().filter(|mark| mark.key == key.hash()) {
        let chain = chains
            .entry(mark.chain.to_string())
            .or_insert_with(|| json!({}));
        if let Some(classes) = chain.as_object_mut() {
            let height = json!({
                "level": mark.height.level, "round": mark.height.round, "signed": mark.signed,
            });
            classes.insert(mark.class.name().to_owned(), height);
        }
    }
    json!({
        "name": key.name(),
        "public_key_hash": key.hash().to_string(),
        "public_key": key.public_key().to_string(),
        "role": key.role().to_string(),
        "proven": key.proof() == Proof::Proven,
        "marks": chains,
    })
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "code": code, "message": message }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        drop(AdminListener::bind(&path, vec![0]).unwrap());
        assert!(path.exists(), "a dead process leaves its socket");
        let living = AdminListener::bind(&path, vec![0]).unwrap();
        assert!(matches!(
            AdminListener::bind(&path, vec![0]),
            Err(AdminError::Taken)
        ));
        drop(living);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(
            AdminListener::bind(&path, vec![0]),
            Err(AdminError::NotASocket)
        ));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        let link = dir.path().join("link.sock");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(
            AdminListener::bind(&link, vec![0]),
            Err(AdminError::NotASocket)
        ));
    }
}
