//! Only holders of authorized keys may ask.

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::tezos::Curve;

/// Somebody with a key of their own.
pub(super) struct Client {
    secret: SigningKey,
    pub(super) public: PublicKey,
}

impl Client {
    pub(super) fn new(seed: u8) -> Self {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let point = secret.verifying_key().to_bytes();
        let public = PublicKey::from_point(Curve::Ed25519, &point).unwrap();
        Self { secret, public }
    }

    /// What authorizes the signing of `payload` with `key`, made from the protocol's definition.
    pub(super) fn authorize(&self, key: PublicKeyHash, payload: &[u8]) -> Signature {
        let mut bytes = vec![0x04, 0x01];
        bytes.extend(key.to_tagged());
        bytes.extend(payload);
        let digest = blake2b_256(&bytes);
        let raw = self.secret.sign(digest.as_bytes()).to_bytes();
        self.public.accept(&digest, &raw).unwrap()
    }
}

async fn ask(bench: &Bench, payload: &[u8], authentication: Option<String>) -> Answer {
    let query = authentication.map_or_else(String::new, |text| format!("?authentication={text}"));
    let path = format!("{}{query}", bench.path());
    bench.post(&path, json_hex(payload)).await
}

fn counted(bench: &Bench, line: &str) -> bool {
    let text = bench.service.metrics.render(&bench.health.readiness());
    text.unwrap().lines().any(|known| known == line)
}

#[tokio::test]
async fn who_must_sign_is_told_and_their_signature_opens() {
    let clients = [Client::new(1), Client::new(2)];
    let bench = Bench::authorizing(&clients.each_ref().map(|c| c.public.clone())).await;
    let told = bench.get("/authorized_keys").await.json();
    let hashes = clients.each_ref().map(|c| c.public.hash().to_string());
    assert_eq!(told, json!({ "authorized_keys": hashes }));
    let key = bench.backend.key().hash();
    for (client, level) in clients.iter().zip(HEAD + 3..) {
        let payload = attestation(level, 1);
        let proof = client.authorize(key, &payload);
        let first = ask(&bench, &payload, Some(proof.to_string())).await;
        let again = ask(&bench, &payload, Some(proof.to_generic())).await;
        assert_eq!(first.signature(), again.signature());
    }
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn everything_else_is_refused_before_the_watermark_hears_of_it() {
    let client = Client::new(1);
    let bench = Bench::authorizing(std::slice::from_ref(&client.public)).await;
    let key = bench.backend.key().hash();
    let payload = attestation(HEAD + 3, 1);
    let stranger = Client::new(9).authorize(key, &payload);
    let other_data = client.authorize(key, &attestation(HEAD + 3, 2));
    let other_key = client.authorize(client.public.hash(), &payload);
    let cases = [
        (None, 401, "authentication_missing"),
        (Some(stranger), 403, "authentication_wrong"),
        (Some(other_data), 403, "authentication_wrong"),
        (Some(other_key), 403, "authentication_wrong"),
    ];
    for (proof, status, code) in cases {
        let answer = ask(&bench, &payload, proof.map(|proof| proof.to_string())).await;
        assert_eq!(answer.status, status);
        assert!(answer.trace().starts_with(code), "{}", answer.trace());
    }
    let malformed = ask(&bench, &payload, Some("edsigNonsense".to_owned())).await;
    assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    let twice = format!("{}?authentication=a&authentication=b", bench.path());
    let twice = bench.post(&twice, json_hex(&payload)).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 0);
    let line = "authentication_failure_total{status=\"403\",auth_method=\"authorized_keys\",client_ip=\"loopback\"} 3";
    assert!(counted(&bench, line));
    // The level is still free.
    let proof = client.authorize(key, &attestation(HEAD + 3, 7));
    let answer = ask(&bench, &attestation(HEAD + 3, 7), Some(proof.to_string())).await;
    answer.signature();
}

#[tokio::test]
async fn who_has_no_key_learns_nothing_about_a_key_by_asking_to_sign() {
    let client = Client::new(1);
    let bench = Bench::authorizing(std::slice::from_ref(&client.public)).await;
    let path = format!("/keys/{}", client.public.hash());
    let payload = json_hex(&attestation(HEAD + 3, 1));
    assert_eq!(bench.post(&path, payload).await.status, 401);
}

#[tokio::test]
async fn the_list_of_keys_is_there_for_those_who_opted_in() {
    let bench = Bench::authorizing(&[Client::new(1).public]).await;
    let known = bench.get("/known_keys").await;
    let hash = bench.backend.key().hash().to_string();
    assert_eq!(known.status, StatusCode::OK);
    assert_eq!(known.json(), json!({ "known_keys": [hash] }));
}
