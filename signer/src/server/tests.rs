use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::*;
use crate::backend::fake::Fake;
use crate::health::Health;
use crate::task::Crew;
use crate::tezos::{ChainId, PublicKey, blake2b_256};
use crate::watermark;

mod authorization;
mod failure;
mod input;
mod readiness;
mod socket;

const CHAIN: [u8; 4] = [0x7a, 0x06, 0xa7, 0x70];
const HEAD: i32 = 100;

struct Bench {
    router: Router,
    service: Arc<Service>,
    backend: Arc<Fake>,
    watermark: Arc<Watermark>,
    health: Arc<Health>,
    _dir: Option<TempDir>,
}

struct Answer {
    status: StatusCode,
    content_type: String,
    body: Vec<u8>,
}

impl Bench {
    fn unarmed(operations: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend = Fake::new(operations);
        let config = Self::config(dir.path(), &backend);
        let watermark = Watermark::open(config).unwrap();
        Self::over(watermark, backend, Some(dir))
    }

    fn config(dir: &std::path::Path, backend: &Fake) -> watermark::Config {
        watermark::Config {
            dir: dir.to_owned(),
            chains: vec![ChainId::from_bytes(CHAIN)],
            keys: backend.keyring().floors(),
        }
    }

    fn over(watermark: Watermark, backend: Arc<Fake>, dir: Option<TempDir>) -> Self {
        Self::offering(watermark, backend, dir, AuthorizedKeys::default(), false)
    }

    fn offering(
        watermark: Watermark,
        backend: Arc<Fake>,
        dir: Option<TempDir>,
        authorized: AuthorizedKeys,
        list_known_keys: bool,
    ) -> Self {
        let keyring = backend.keyring();
        backend.key().note(Ok(()));
        let watermark = Arc::new(watermark);
        let health = Arc::new(Health::new(keyring, Arc::clone(&watermark)));
        let (crew, handle) = Crew::new("test", 8);
        tokio::spawn(crew.work());
        let mut parts = parts(&backend, &watermark, handle);
        parts.authorized = authorized;
        parts.list_known_keys = list_known_keys;
        let service = Arc::new(Service::new(parts));
        let router = router(Arc::clone(&service), Arc::clone(&health));
        Self {
            router,
            service,
            backend,
            watermark,
            health,
            _dir: dir,
        }
    }

    async fn armed(operations: &[&str]) -> Self {
        Self::unarmed(operations).arm().await
    }

    /// Armed, for clients with these keys; whoever can connect may have the list of keys.
    async fn authorizing(keys: &[PublicKey]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend = Fake::new(&[]);
        let watermark = Watermark::open(Self::config(dir.path(), &backend)).unwrap();
        let texts: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let authorized = AuthorizedKeys::parse(Some(&texts)).unwrap();
        Self::offering(watermark, backend, Some(dir), authorized, true)
            .arm()
            .await
    }

    async fn arm(self) -> Self {
        let chain = ChainId::from_bytes(CHAIN);
        self.watermark.arm(chain, HEAD).await.unwrap();
        self
    }

    fn path(&self) -> String {
        format!("/keys/{}", self.backend.key().hash())
    }

    async fn ask(&self, method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(body.into())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let content_type = response
            .headers()
            .get("content-type")
            .map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
        let body = response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec();
        Answer {
            status,
            content_type,
            body,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "application/json", Body::empty())
            .await
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.ask(Method::POST, path, "application/json", body).await
    }

    async fn sign(&self, payload: &[u8]) -> Answer {
        self.post(&self.path(), json_hex(payload)).await
    }
}

fn parts(backend: &Arc<Fake>, watermark: &Arc<Watermark>, crew: CrewHandle) -> Parts {
    Parts {
        keyring: backend.keyring(),
        watermark: Arc::clone(watermark),
        backend: backend.clone(),
        crew,
        metrics: Arc::new(Metrics::new()),
        authorized: AuthorizedKeys::default(),
        list_known_keys: false,
    }
}

impl Answer {
    fn json(&self) -> Value {
        assert!(
            self.content_type.starts_with("application/json"),
            "{}",
            self.content_type
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    fn trace(&self) -> String {
        let trace = self.json();
        assert_eq!(trace[0]["kind"], "temporary");
        assert_eq!(trace[0]["id"], "failure");
        trace[0]["msg"].as_str().unwrap().to_owned()
    }

    fn signature(&self) -> Signature {
        assert_eq!(
            self.status,
            StatusCode::OK,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        self.json()["signature"].as_str().unwrap().parse().unwrap()
    }
}

fn json_hex(payload: &[u8]) -> String {
    format!("\"{}\"", hex::encode(payload))
}

fn attestation(level: i32, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0x13];
    bytes.extend(CHAIN);
    bytes.extend([seed; 32]);
    bytes.extend([21, 0, 0]);
    bytes.extend(level.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend([9; 32]);
    bytes
}

#[tokio::test]
async fn the_public_key_is_told() {
    let bench = Bench::unarmed(&[]);
    let answer = bench.get(&bench.path()).await;
    assert_eq!(
        answer.json()["public_key"],
        bench.backend.key().public_key().to_string()
    );
    let unknown = bench
        .get("/keys/tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx")
        .await;
    assert_eq!(
        (unknown.status, unknown.body.len()),
        (StatusCode::NOT_FOUND, 0)
    );
    let malformed = bench.get("/keys/tz3nonsense").await;
    assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    assert!(malformed.content_type.starts_with("text/plain"));
}

#[tokio::test]
async fn fixed_answers_are_those_of_octez_signer() {
    let bench = Bench::unarmed(&[]);
    assert_eq!(bench.get("/authorized_keys").await.body, b"{}");
    let known = bench.get("/known_keys").await;
    assert_eq!(known.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(known.trace(), "List known keys request not allowed.");
    let prove = bench
        .get("/bls_prove_possession/tz4RzMkzuihTXjknoL2hqePPCuDqEP5iXHtA")
        .await;
    assert_eq!(prove.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(prove.trace(), "Request to prove possession is not allowed.");
    assert_eq!(bench.get("/elsewhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_is_signed_while_unarmed() {
    let bench = Bench::unarmed(&[]);
    let answer = bench.sign(&attestation(1_000_000, 1)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.trace().starts_with("unarmed"), "{}", answer.trace());
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_signature_verifies_and_its_retry_is_the_same() {
    let bench = Bench::armed(&[]).await;
    let payload = attestation(HEAD + 3, 1);
    let first = bench.sign(&payload).await.signature();
    bench
        .backend
        .key()
        .public_key()
        .verify(&blake2b_256(&payload), &first.to_bytes())
        .unwrap();
    assert_eq!(bench.sign(&payload).await.signature(), first);
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn other_data_at_the_same_height_and_lower_heights_are_conflicts() {
    let bench = Bench::armed(&[]).await;
    bench.sign(&attestation(HEAD + 5, 1)).await.signature();
    for (level, seed) in [(HEAD + 5, 2), (HEAD + 4, 1), (HEAD + 2, 1)] {
        let answer = bench.sign(&attestation(level, seed)).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{level}");
        assert!(answer.trace().contains("level") || answer.trace().contains("at"));
    }
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn mark_never_lowered_on_sign_failure() {
    let bench = Bench::armed(&[]).await;
    bench.backend.down.store(true, Ordering::SeqCst);
    let answer = bench.sign(&attestation(HEAD + 3, 1)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.trace().starts_with("hsm_unreachable"),
        "{}",
        answer.trace()
    );
    bench.backend.down.store(false, Ordering::SeqCst);
    let other = bench.sign(&attestation(HEAD + 3, 2)).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    bench.sign(&attestation(HEAD + 4, 2)).await.signature();
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_the_signature() {
    let bench = Bench::armed(&[]).await;
    let payload = attestation(HEAD + 3, 1);
    bench.backend.gate.forget_permits(Semaphore::MAX_PERMITS);
    let mut asked = Box::pin(bench.sign(&payload));
    while bench.backend.calls.load(Ordering::SeqCst) == 0 {
        tokio::select! {
            biased;
            _ = &mut asked => panic!("the gate is closed"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(asked);
    bench.backend.gate.add_permits(1);
    bench.sign(&payload).await.signature();
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn operations_are_forbidden_unless_the_policy_names_them() {
    let bench = Bench::armed(&[]).await;
    // A ballot: branch, source, period 73, proposal, yay.
    let ballot = format!(
        "03{}0600{}00000049{}00",
        "05".repeat(32),
        "8c".repeat(20),
        "06".repeat(32)
    );
    let answer = bench.sign(&hex::decode(ballot).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(!answer.trace().is_empty());
}

#[tokio::test]
async fn another_chain_is_forbidden() {
    let bench = Bench::armed(&[]).await;
    let mut payload = attestation(HEAD + 3, 1);
    payload[1] ^= 1;
    let answer = bench.sign(&payload).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.trace().starts_with("chain_unknown"),
        "{}",
        answer.trace()
    );
}

#[tokio::test]
async fn an_unknown_key_is_not_found_with_a_trace() {
    let bench = Bench::armed(&[]).await;
    let path = "/keys/tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
    let answer = bench.post(path, json_hex(&attestation(HEAD + 3, 1))).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.trace().starts_with("key_unknown"));
}

#[tokio::test]
async fn a_key_that_is_not_proven_signs_nothing() {
    let bench = Bench::armed(&[]).await;
    let fresh = Fake::new(&[]);
    let (crew, handle) = Crew::new("test", 8);
    tokio::spawn(crew.work());
    let service = Arc::new(Service::new(parts(&fresh, &bench.watermark, handle)));
    let router = router(service, Arc::clone(&bench.health));
    let bench = Bench { router, ..bench };
    let answer = bench.sign(&attestation(HEAD + 3, 1)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.trace().starts_with("key_unproven"),
        "{}",
        answer.trace()
    );
    assert_eq!(fresh.calls.load(Ordering::SeqCst), 0);
}
