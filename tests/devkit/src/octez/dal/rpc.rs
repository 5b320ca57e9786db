//! The DAL node's health routes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::octez::VERSION;
use crate::octez::exit::Failure;

use super::config::Config;

/// The last head seen; none while the node is away.
#[derive(Debug, Clone)]
pub(super) struct Status(Arc<AtomicI32>);

// === impl Status ===

impl Default for Status {
    fn default() -> Self {
        Self(Arc::new(AtomicI32::new(-1)))
    }
}

impl Status {
    pub(super) fn saw(&self, level: i32) {
        self.0.store(level, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) {
        self.0.store(-1, Ordering::Relaxed);
    }

    fn head(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|level| *level >= 0)
    }
}

pub(super) fn routes(config: &Config, status: &Status) -> Router {
    let profile = |address: &String| json!({"kind": "attester", "public_key_hash": address});
    let profiles: Vec<Value> = config.attester_profiles.iter().map(profile).collect();
    let profiles = json!({"kind": "controller", "controller_profiles": profiles});
    let (major, minor) = VERSION;
    let version = json!({
        "version": {"product": "octez", "major": major, "minor": minor, "build": 0, "additional_info": "release"},
        "commit_info": {"commit_hash": "bakehouse-stand-in", "commit_date": "2025-11-01 00:00:00 +0000"},
    });
    Router::new()
        .route("/health", get(health))
        .route("/synchronized", get(synchronized))
        .route("/version", get(async move || Json(version)))
        .route("/profiles", get(async move || Json(profiles)))
        .route("/p2p/points/info", get(async || Json(json!([]))))
        .route("/p2p/gossipsub/topics", get(async || Json(json!([]))))
        .with_state(status.clone())
}

pub(super) fn metrics(status: &Status) -> Router {
    Router::new()
        .route(
            "/metrics",
            get(async |State(status): State<Status>| {
                format!("dal_node_new_layer1_head {}\n", status.head().unwrap_or(0))
            }),
        )
        .with_state(status.clone())
}

pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Failure> {
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| Failure::new(format!("RPC server: {error}")))
}

/// Nobody is connected, so it is never better than degraded.
async fn health(State(status): State<Status>) -> Json<Value> {
    let l1 = if status.head().is_some() {
        "up"
    } else {
        "down"
    };
    Json(json!({
        "status": "degraded",
        "checks": [
            {"name": "p2p", "status": "up"},
            {"name": "topics", "status": "ko"},
            {"name": "gossipsub", "status": "ko"},
            {"name": "stand_in_l1", "status": l1},
        ],
    }))
}

async fn synchronized(State(status): State<Status>) -> Json<Value> {
    Json(json!(if status.head().is_some() {
        "synced"
    } else {
        "unknown"
    }))
}
