//! The public HTTP routes: Tezos's remote-signer protocol on loopback, and health.
//!
//! octez-client asks `GET /authorized_keys` before *every* signature, so that answer is constant. A signature is made in
//! a task of the signing crew, so that a client that hangs up cannot stop it half way.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::time::timeout;

use crate::backend::Backend;
use crate::health::Health;
use crate::keyring::Keyring;
use crate::task::CrewHandle;
use crate::tezos::{PublicKeyHash, Signature};
use crate::watermark::Watermark;
use sign::{Desk, SignError};

pub(crate) mod listen;
mod respond;
mod sign;

/// An operation has at most 32 KiB; in hex, with quotes and room.
const MAX_BODY_BYTES: usize = 128 * 1024;
/// A body must be complete within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

struct Shared {
    keyring: Arc<Keyring>,
    health: Arc<Health>,
    desk: Arc<Desk>,
    crew: CrewHandle,
}

/// The routes.
pub fn router(
    keyring: Arc<Keyring>,
    watermark: Arc<Watermark>,
    backend: Arc<dyn Backend>,
    health: Arc<Health>,
    crew: CrewHandle,
) -> Router {
    let desk = Arc::new(Desk { watermark, backend });
    Router::new()
        .route("/keys/{hash}", get(public_key).post(sign_payload))
        .route("/authorized_keys", get(async || Json(json!({}))))
        .route(
            "/known_keys",
            get(async || respond::octez_trace("List known keys request not allowed.")),
        )
        .route(
            "/bls_prove_possession/{hash}",
            get(async || respond::octez_trace("Request to prove possession is not allowed.")),
        )
        .route("/healthz", get(async || Json(json!({ "serving": true }))))
        .route("/readyz", get(readiness))
        .with_state(Arc::new(Shared {
            keyring,
            health,
            desk,
            crew,
        }))
}

async fn readiness(State(shared): State<Arc<Shared>>) -> Response {
    let report = shared.health.readiness();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn public_key(
    State(shared): State<Arc<Shared>>,
    hash: Result<Path<String>, PathRejection>,
) -> Response {
    match parse_hash(hash) {
        Err(refusal) => *refusal,
        Ok(hash) => match shared.keyring.get(&hash) {
            Some(key) => {
                Json(json!({ "public_key": key.public_key().to_string() })).into_response()
            }
            None => respond::not_found(),
        },
    }
}

async fn sign_payload(
    State(shared): State<Arc<Shared>>,
    hash: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    match try_sign(shared, hash, query.as_deref().unwrap_or(""), request).await {
        Ok(signature) => Json(json!({ "signature": signature.to_string() })).into_response(),
        Err(refusal) => *refusal,
    }
}

async fn try_sign(
    shared: Arc<Shared>,
    hash: Result<Path<String>, PathRejection>,
    query: &str,
    request: Request,
) -> Result<Signature, Box<Response>> {
    let hash = parse_hash(hash)?;
    parse_query(query)?;
    check_content_type(request.headers())?;
    let payload = parse_body(&read_body(request.into_body()).await?)?;
    let key = shared.keyring.get(&hash).cloned().ok_or_else(|| {
        let message = "this signer does not hold the key";
        Box::new(respond::trace(
            StatusCode::NOT_FOUND,
            "key_unknown",
            message,
        ))
    })?;
    let desk = Arc::clone(&shared.desk);
    let job = async move { desk.sign(&key, &payload).await };
    let outcome = shared
        .crew
        .run(job)
        .await
        .map_err(SignError::from)
        .and_then(|signed| signed);
    outcome.map_err(|error| Box::new(refusal(&error)))
}

fn refusal(error: &SignError) -> Response {
    match error.status() {
        StatusCode::BAD_REQUEST => respond::bad_request(format!(
            "Failed to parse the request body: {}: {error}",
            error.code()
        )),
        status => respond::trace(status, error.code(), &error.to_string()),
    }
}

fn parse_hash(hash: Result<Path<String>, PathRejection>) -> Result<PublicKeyHash, Box<Response>> {
    hash.ok()
        .and_then(|Path(hash)| hash.parse().ok())
        .ok_or_else(|| {
            let text = "Failed to parsed an argument in path: not a public key hash";
            Box::new(respond::bad_request(text.to_owned()))
        })
}

/// `version` (0 to 3) says which signature library the protocol uses and changes nothing for tz1, tz2 and tz3. A
/// signature in `authentication` is refused: nobody here would check it, and ignoring it would look like checking.
fn parse_query(query: &str) -> Result<(), Box<Response>> {
    let mut versions = 0;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("version", "0" | "1" | "2" | "3") if versions == 0 => versions += 1,
            ("version", _) => {
                let text = "Failed to parse the query string: version must be 0, 1, 2 or 3, once";
                return Err(Box::new(respond::bad_request(text.to_owned())));
            }
            ("authentication", _) => {
                let message = "this signer has no authorized keys, so it cannot check the authentication of a request";
                let status = StatusCode::FORBIDDEN;
                return Err(Box::new(respond::trace(
                    status,
                    "authentication_not_configured",
                    message,
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Box<Response>> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or("")
        .split(';')
        .next()
        .unwrap_or("")
        .trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Box::new(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()))
    }
}

async fn read_body(body: Body) -> Result<Bytes, Box<Response>> {
    let refuse = |why: &str| {
        Box::new(respond::bad_request(format!(
            "Failed to parse the request body: {why}"
        )))
    };
    match timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(refuse("it is cut short or longer than 128 KiB")),
        Err(_) => Err(refuse("it took longer than 10 s")),
    }
}

/// A JSON string of hex.
fn parse_body(body: &[u8]) -> Result<Vec<u8>, Box<Response>> {
    let refuse = |why: &str| {
        Box::new(respond::bad_request(format!(
            "Failed to parse the request body: {why}"
        )))
    };
    let text: String = serde_json::from_slice(body).map_err(|_| refuse("not a JSON string"))?;
    hex::decode(text).map_err(|_| refuse("not hex"))
}

#[cfg(test)]
mod tests;
