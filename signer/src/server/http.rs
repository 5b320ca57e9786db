//! The protocol over HTTP, on loopback, and health.
//!
//! octez-client asks `GET /authorized_keys` before *every* signature, so that answer is made without I/O or locks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::time::timeout;
use tracing::debug;

use super::authentication::{AuthenticationError, Presented};
use super::sign::SignError;
use super::{Asked, NO_LIST, NO_PROOF, Service, Transport, reply, respond};
use crate::health::Health;
use crate::tezos::PublicKeyHash;

/// An operation has at most 32 KiB; in hex, with quotes and room.
pub(super) const MAX_BODY_BYTES: usize = 128 * 1024;
/// A body must be complete within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The route of sign requests, in logs and metrics.
const SIGN: &str = "sign";

struct Shared {
    service: Arc<Service>,
    health: Arc<Health>,
}

/// What the query of a sign request says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query<'a> {
    authentication: Option<&'a str>,
}

/// Why a request is none.
enum Unreadable {
    /// 400, with this text.
    Bad(String),
    /// 415.
    MediaType,
}

/// The routes.
pub fn router(service: Arc<Service>, health: Arc<Health>) -> Router {
    let shared = Arc::new(Shared { service, health });
    Router::new()
        .route("/keys/{hash}", get(public_key).post(sign_payload))
        .route("/authorized_keys", get(authorized_keys))
        .route("/known_keys", get(known_keys))
        .route(
            "/bls_prove_possession/{hash}",
            get(async || respond::octez_trace(NO_PROOF)),
        )
        .route("/healthz", get(async || Json(json!({ "serving": true }))))
        .route("/readyz", get(readiness))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), observe))
        .with_state(shared)
}

/// Counts every answer, and logs those that are not about a signature, which have an event of their own.
async fn observe(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = route(request.method(), request.uri().path());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let metrics = &shared.service.metrics;
    metrics.answered(Transport::Http.name(), route, status);
    if route == SIGN {
        return reply::timed(response, Arc::clone(metrics));
    }
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let transport = Transport::Http.name();
    debug!(event = "request.answered", transport, route, status, micros);
    response
}

fn route(method: &Method, path: &str) -> &'static str {
    match path {
        "/authorized_keys" => "authorized_keys",
        "/known_keys" => "known_keys",
        "/healthz" => "healthz",
        "/readyz" => "readyz",
        _ if path.starts_with("/keys/") && method == Method::POST => SIGN,
        _ if path.starts_with("/keys/") => "public_key",
        _ if path.starts_with("/bls_prove_possession/") => "bls_prove_possession",
        _ => "other",
    }
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

async fn authorized_keys(State(shared): State<Arc<Shared>>) -> Response {
    match shared.service.authorized_keys() {
        None => Json(json!({})).into_response(),
        Some(keys) => Json(json!({ "authorized_keys": texts(&keys) })).into_response(),
    }
}

async fn known_keys(State(shared): State<Arc<Shared>>) -> Response {
    match shared.service.known_keys() {
        None => respond::octez_trace(NO_LIST),
        Some(keys) => Json(json!({ "known_keys": texts(&keys) })).into_response(),
    }
}

fn texts(keys: &[PublicKeyHash]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

async fn public_key(
    State(shared): State<Arc<Shared>>,
    hash: Result<Path<String>, PathRejection>,
) -> Response {
    match parse_hash(hash) {
        Err(unreadable) => unreadable.into_response(),
        Ok(hash) => match shared.service.key(&hash) {
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
    let came = Instant::now();
    let query = query.as_deref().unwrap_or("");
    match read(hash, query, request).await {
        Ok((asked, query)) => {
            let presented = query.authentication.map(Presented::Text);
            match shared.service.sign(asked, presented).await {
                Ok(signature) => respond::signature(&signature),
                Err(error) => refusal(&error),
            }
        }
        Err(unreadable) => {
            let (status, reason) = (unreadable.status(), unreadable.reason());
            (shared.service).unreadable(Transport::Http, came, status, reason);
            unreadable.into_response()
        }
    }
}

async fn read(
    hash: Result<Path<String>, PathRejection>,
    query: &str,
    request: Request,
) -> Result<(Asked, Query<'_>), Unreadable> {
    let key = parse_hash(hash)?;
    let query = Query::parse(query)?;
    check_content_type(request.headers())?;
    let body = read_body(request.into_body()).await?;
    let began = Instant::now();
    let asked = Asked {
        transport: Transport::Http,
        key,
        payload: parse_body(&body)?,
        began,
    };
    Ok((asked, query))
}

fn refusal(error: &SignError) -> Response {
    let part = match error {
        SignError::Authentication(AuthenticationError::Malformed) => "query string",
        _ => "request body",
    };
    match error.status() {
        StatusCode::BAD_REQUEST => respond::bad_request(format!(
            "Failed to parse the {part}: {}: {error}",
            error.code()
        )),
        status => respond::trace(status, error.code(), &error.to_string()),
    }
}

fn parse_hash(hash: Result<Path<String>, PathRejection>) -> Result<PublicKeyHash, Unreadable> {
    hash.ok()
        .and_then(|Path(hash)| hash.parse().ok())
        .ok_or_else(|| {
            Unreadable::bad("Failed to parsed an argument in path: not a public key hash")
        })
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Unreadable> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Unreadable::MediaType)
}

async fn read_body(body: Body) -> Result<Bytes, Unreadable> {
    match timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Unreadable::body("it is cut short or longer than 128 KiB")),
        Err(_) => Err(Unreadable::body("it took longer than 10 s")),
    }
}

/// A JSON string of hex.
fn parse_body(body: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let text: String =
        serde_json::from_slice(body).map_err(|_| Unreadable::body("not a JSON string"))?;
    hex::decode(text).map_err(|_| Unreadable::body("not hex"))
}

// === impl Query ===

impl<'a> Query<'a> {
    /// `version` (0 to 3) says which signature library the protocol uses and changes nothing for tz1, tz2 and tz3;
    /// `authentication` is the signature of an authorized key. What else there is, is for others.
    fn parse(query: &'a str) -> Result<Self, Unreadable> {
        let refuse =
            |why: &str| Unreadable::bad(&format!("Failed to parse the query string: {why}"));
        let mut parsed = Self::default();
        let mut versions = 0;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("version", "0" | "1" | "2" | "3") if versions == 0 => versions += 1,
                ("version", _) => return Err(refuse("version must be 0, 1, 2 or 3, once")),
                ("authentication", text) if parsed.authentication.is_none() => {
                    parsed.authentication = Some(text);
                }
                ("authentication", _) => return Err(refuse("authentication must be there once")),
                _ => {}
            }
        }
        Ok(parsed)
    }
}

// === impl Unreadable ===

impl Unreadable {
    fn bad(text: &str) -> Self {
        Self::Bad(text.to_owned())
    }

    fn body(why: &str) -> Self {
        Self::bad(&format!("Failed to parse the request body: {why}"))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Bad(text) => text,
            Self::MediaType => "the content type is not JSON",
        }
    }

    fn into_response(self) -> Response {
        match self {
            Self::Bad(text) => respond::bad_request(text),
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
        }
    }
}
