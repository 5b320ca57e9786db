//! The node's RPC: the routes that probes, bakers and accusers use, in their real shapes.
//!
//! Fields that Octez does not have begin with `stand_in_`.

mod blocks;
mod heads;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::octez::VERSION;
use crate::octez::chain::Chain;

use super::config::HistoryMode;
use super::inject::{InjectError, Pool};
use super::p2p::Peers;

/// How long after its start the node says that it is bootstrapped.
const BOOTSTRAP: Duration = Duration::from_secs(1);

/// What the routes tell about.
pub(super) struct Rpc {
    pub(super) chain: Chain,
    pub(super) history_mode: HistoryMode,
    pub(super) peer_id: String,
    pub(super) started: Instant,
    pub(super) peers: Peers,
    pub(super) pool: Mutex<Pool>,
    pub(super) stop: CancellationToken,
}

type Shared = State<Arc<Rpc>>;

/// The parameter that the toy chain needs to check a signature: it has no accounts.
#[derive(serde::Deserialize)]
struct Injection {
    #[serde(default)]
    stand_in_public_key: String,
}

/// All routes of the RPC server.
pub(super) fn router(rpc: Arc<Rpc>) -> Router {
    Router::new()
        .route("/health/ready", get(async || Json(json!({"ready": true}))))
        .route("/version", get(version))
        .route("/config/history_mode", get(history_mode))
        .route(
            "/config/network/dal",
            get(async || Json(json!({"activated": true}))),
        )
        .route("/network/connections", get(connections))
        .route("/network/points", get(points))
        .route(
            "/network/self",
            get(async |State(rpc): Shared| Json(json!(rpc.peer_id))),
        )
        .route("/monitor/bootstrapped", get(bootstrapped))
        .route("/monitor/heads/{chain}", get(monitor_heads))
        .route("/chains/{chain}/is_bootstrapped", get(is_bootstrapped))
        .route("/chains/{chain}/chain_id", get(chain_id))
        .route("/chains/{chain}/blocks/{block}", get(blocks::block))
        .route("/chains/{chain}/blocks/{block}/hash", get(blocks::hash))
        .route("/chains/{chain}/blocks/{block}/header", get(blocks::header))
        .route(
            "/chains/{chain}/blocks/{block}/context/constants",
            get(blocks::constants),
        )
        .route("/injection/block", post(inject_block))
        .route("/injection/operation", post(inject_operation))
        .with_state(rpc)
}

/// The metrics server.
pub(super) fn metrics(rpc: Arc<Rpc>) -> Router {
    Router::new()
        .route("/metrics", get(render_metrics))
        .with_state(rpc)
}

/// An Octez error trace.
pub(super) fn trace(status: StatusCode, id: &str, message: &str) -> Response {
    let trace = json!([{"kind": "temporary", "id": id, "msg": message}]);
    (status, Json(trace)).into_response()
}

// === impl Rpc ===

impl Rpc {
    /// True if `name` means this node's chain.
    pub(super) fn is_main(&self, name: &str) -> bool {
        name == "main" || name == self.chain.network.chain_id_text()
    }

    fn is_bootstrapped(&self) -> bool {
        self.started.elapsed() >= BOOTSTRAP
    }
}

async fn version(State(rpc): Shared) -> Json<Value> {
    let (major, minor) = VERSION;
    Json(json!({
        "version": {"product": "octez", "major": major, "minor": minor, "build": 0, "additional_info": "release"},
        "network_version": {
            "chain_name": rpc.chain.network.chain_name,
            "distributed_db_version": 2,
            "p2p_version": 1,
        },
        "commit_info": {"commit_hash": "bakehouse-stand-in", "commit_date": "2025-11-01 00:00:00 +0000"},
    }))
}

async fn history_mode(State(rpc): Shared) -> Json<Value> {
    let cycles = |n: Option<u32>| json!({"additional_cycles": n.unwrap_or(1)});
    Json(json!({"history_mode": match rpc.history_mode {
        HistoryMode::Archive => json!("archive"),
        HistoryMode::Full(n) => json!({"full": cycles(n)}),
        HistoryMode::Rolling(n) => json!({"rolling": cycles(n)}),
    }}))
}

async fn connections(State(rpc): Shared) -> Json<Value> {
    let peer = |peer: std::net::SocketAddr| {
        json!({
            "incoming": true,
            "peer_id": "idrtestnetstandinpeer000000000",
            "id_point": {"addr": peer.ip().to_string(), "port": peer.port()},
            "remote_socket_port": peer.port(),
            "private": false,
        })
    };
    Json(rpc.peers.list().into_iter().map(peer).collect())
}

async fn points(State(rpc): Shared) -> Json<Value> {
    let point = |peer: std::net::SocketAddr| json!([peer.to_string(), {"trusted": false}]);
    Json(rpc.peers.list().into_iter().map(point).collect())
}

async fn is_bootstrapped(State(rpc): Shared, Path(chain): Path<String>) -> Response {
    if !rpc.is_main(&chain) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let done = rpc.is_bootstrapped();
    let state = if done { "synced" } else { "unsynced" };
    Json(json!({"bootstrapped": done, "sync_state": state})).into_response()
}

async fn chain_id(State(rpc): Shared, Path(chain): Path<String>) -> Response {
    if !rpc.is_main(&chain) {
        return StatusCode::NOT_FOUND.into_response();
    }
    Json(json!(rpc.chain.network.chain_id_text())).into_response()
}

/// Answers once the node is bootstrapped, with the block that made it so.
async fn bootstrapped(State(rpc): Shared) -> Json<Value> {
    tokio::time::sleep(BOOTSTRAP.saturating_sub(rpc.started.elapsed())).await;
    let head = rpc.chain.head();
    Json(json!({
        "block": blocks::hash_text(&head.hash),
        "timestamp": crate::octez::chain::rfc3339(head.time_ms),
    }))
}

async fn monitor_heads(State(rpc): Shared, Path(chain): Path<String>) -> Response {
    if !rpc.is_main(&chain) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let body = axum::body::Body::new(heads::Heads::new(&rpc));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn inject_block(
    State(rpc): Shared,
    Query(query): Query<Injection>,
    body: axum::body::Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(data) = body.get("data").and_then(Value::as_str) else {
        return (
            StatusCode::BAD_REQUEST,
            "Failed to parse the request body: no data",
        )
            .into_response();
    };
    let head = rpc.chain.head().level;
    let mut pool = rpc.pool.lock().unwrap_or_else(PoisonError::into_inner);
    injected(pool.block(&rpc.chain, head, data, &query.stand_in_public_key))
}

async fn inject_operation(
    State(rpc): Shared,
    Query(query): Query<Injection>,
    body: axum::body::Bytes,
) -> Response {
    let Ok(data) = serde_json::from_slice::<String>(&body) else {
        return (
            StatusCode::BAD_REQUEST,
            "Failed to parse the request body: no string",
        )
            .into_response();
    };
    let head = rpc.chain.head().level;
    let mut pool = rpc.pool.lock().unwrap_or_else(PoisonError::into_inner);
    injected(pool.operation(&rpc.chain, head, &data, &query.stand_in_public_key))
}

fn injected(result: Result<String, InjectError>) -> Response {
    match result {
        Ok(hash) => Json(json!(hash)).into_response(),
        Err(error) => trace(
            StatusCode::INTERNAL_SERVER_ERROR,
            "stand_in.injection",
            &error.to_string(),
        ),
    }
}

async fn render_metrics(State(rpc): Shared) -> String {
    let (major, minor) = VERSION;
    let (blocks, operations) = {
        let pool = rpc.pool.lock().unwrap_or_else(PoisonError::into_inner);
        (pool.blocks, pool.operations)
    };
    format!(
        "# TYPE octez_version gauge\n\
         octez_version{{version=\"{major}.{minor}\",chain_name=\"{name}\"}} 0\n\
         # TYPE octez_validator_chain_head_level gauge\n\
         octez_validator_chain_head_level {level}\n\
         # TYPE octez_validator_chain_is_bootstrapped gauge\n\
         octez_validator_chain_is_bootstrapped {synced}\n\
         # TYPE octez_p2p_connections_active gauge\n\
         octez_p2p_connections_active {peers}\n\
         # TYPE stand_in_injected_blocks_total counter\n\
         stand_in_injected_blocks_total {blocks}\n\
         # TYPE stand_in_injected_operations_total counter\n\
         stand_in_injected_operations_total {operations}\n",
        name = rpc.chain.network.chain_name,
        level = rpc.chain.head().level,
        synced = u8::from(rpc.is_bootstrapped()),
        peers = rpc.peers.list().len(),
    )
}
