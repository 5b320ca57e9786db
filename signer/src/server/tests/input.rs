//! What comes in and is not what it should be.

use rstest::rstest;

use super::super::http::MAX_BODY_BYTES;
use super::*;

#[rstest]
#[case("")]
#[case("03aabb")]
#[case("{\"bytes\":\"03aabb\"}")]
#[case("\"0x03aabb\"")]
#[case("\"03aab\"")]
#[case("\"zz\"")]
#[case("\"\"")]
#[case("\"13\"")]
#[case("\"03aabb\" ,")]
#[tokio::test]
async fn a_body_that_is_no_payload_is_a_bad_request(#[case] body: &'static str) {
    let bench = Bench::armed(&["transaction"]).await;
    let answer = bench.post(&bench.path(), body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.content_type.starts_with("text/plain"));
    assert!(
        answer
            .body
            .starts_with(b"Failed to parse the request body: ")
    );
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_trailing_byte_is_a_bad_request() {
    let bench = Bench::armed(&[]).await;
    let mut payload = attestation(HEAD + 3, 1);
    payload.push(0);
    assert_eq!(bench.sign(&payload).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_bad_request() {
    let bench = Bench::armed(&[]).await;
    let answer = bench
        .post(
            &bench.path(),
            format!("\"{}\"", "00".repeat(MAX_BODY_BYTES)),
        )
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[rstest]
#[case("version=0", StatusCode::OK)]
#[case("version=3", StatusCode::OK)]
#[case("&version=2&", StatusCode::OK)]
#[case("later=thing", StatusCode::OK)]
#[case("version=4", StatusCode::BAD_REQUEST)]
#[case("version=", StatusCode::BAD_REQUEST)]
#[case("version", StatusCode::BAD_REQUEST)]
#[case("version=2&version=3", StatusCode::BAD_REQUEST)]
#[case("authentication=edsig", StatusCode::FORBIDDEN)]
#[case("version=3&authentication=", StatusCode::FORBIDDEN)]
#[tokio::test]
async fn the_query_is_understood(#[case] query: &str, #[case] expected: StatusCode) {
    let bench = Bench::armed(&[]).await;
    let path = format!("{}?{query}", bench.path());
    let answer = bench.post(&path, json_hex(&attestation(HEAD + 3, 1))).await;
    assert_eq!(answer.status, expected);
}

#[rstest]
#[case("application/json", StatusCode::OK)]
#[case("Application/JSON; charset=utf-8", StatusCode::OK)]
#[case("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE)]
#[case("application/bson", StatusCode::UNSUPPORTED_MEDIA_TYPE)]
#[tokio::test]
async fn only_json_is_taken(#[case] kind: &str, #[case] expected: StatusCode) {
    let bench = Bench::armed(&[]).await;
    let body = json_hex(&attestation(HEAD + 3, 1));
    let answer = bench.ask(Method::POST, &bench.path(), kind, body).await;
    assert_eq!(answer.status, expected);
}
