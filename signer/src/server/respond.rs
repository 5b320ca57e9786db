//! Answers as Octez's clients expect them.
//!
//! Refusals carry an Octez error trace, so that the baker prints the real message. 502 is never sent: the client would
//! post the same bytes ten times more.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::tezos::Signature;

/// A refusal with an error trace.
pub(super) fn trace(status: StatusCode, code: &str, message: &str) -> Response {
    let text = if message.starts_with(code) {
        message.to_owned()
    } else {
        format!("{code}: {message}")
    };
    let body = json!([{ "kind": "temporary", "id": "failure", "msg": text }]);
    (status, Json(body)).into_response()
}

/// A trace whose text is exactly octez-signer's.
pub(super) fn octez_trace(message: &str) -> Response {
    let body = json!([{ "kind": "temporary", "id": "failure", "msg": message }]);
    (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
}

/// 400 with a plain text, as octez-signer says it.
pub(super) fn bad_request(text: String) -> Response {
    (
        StatusCode::BAD_REQUEST,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        text,
    )
        .into_response()
}

/// 200 with a signature.
pub(super) fn signature(signature: &Signature) -> Response {
    Json(json!({ "signature": signature.to_string() })).into_response()
}

/// 404 with nothing.
pub(super) fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}
