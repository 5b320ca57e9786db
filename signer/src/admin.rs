//! The supervisor's way in: a Unix socket on which it arms the signer and asks for its marks and metrics.
//!
//! Who speaks is known from the kernel, not from a token: [`crate::unix`] hangs up on everybody else.

use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::health::Health;
use crate::keyring::{Key, Keyring, Proof};
use crate::metrics::{self, Metrics};
use crate::tezos::ChainId;
use crate::watermark::{ArmError, MarkView, Watermark};

/// No request of the supervisor is longer.
const MAX_BODY_BYTES: usize = 4096;

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

/// What the metrics need.
struct Measured {
    health: Arc<Health>,
    metrics: Arc<Metrics>,
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

/// `GET /metrics`, for the admin socket and for a port of its own.
pub fn metrics_router(health: Arc<Health>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(metrics_text))
        .with_state(Arc::new(Measured { health, metrics }))
}

async fn metrics_text(State(measured): State<Arc<Measured>>) -> Response {
    match measured.metrics.render(&measured.health.readiness()) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
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
