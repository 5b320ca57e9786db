//! How the signer finds, checks and changes the servers of its HSM.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bakehouse_devkit::certs::{Authority, ServerNames, Validity};
use serde_json::{Value, json};

use crate::hsm::Hsm;
use crate::line::Line;
use crate::payload::attestation;
use crate::support::{Bench, eventually};

const HEAD: i32 = 1000;

/// SHA-256 of the only certificate in a PEM file, in hex.
fn fingerprint(pem: &std::path::Path) -> String {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let certificate = CertificateDer::from_pem_file(pem).unwrap();
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        &certificate,
    ))
}

/// Waits until the HSM is not reached because of this.
fn assert_refused(bench: &Bench, config: &Value, because: &str) {
    let signer = bench.spawn(config).serving();
    eventually(because, || {
        let (ok, reason) = signer.check("hsm");
        assert!(!ok, "reached");
        (reason.starts_with("hsm_unreachable") && reason.contains(because)).then_some(())
    });
}

#[test]
fn another_endpoint_takes_over_within_the_same_request() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let second = Hsm::start_another(bench.dir.path());
    let spare = Line::to(second.address());
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    let mut endpoint = config["grep11"]["endpoints"][0].clone();
    endpoint["address"] = json!(spare.address.to_string());
    config["grep11"]["endpoints"]
        .as_array_mut()
        .unwrap()
        .push(endpoint);
    let signer = bench.serve(&config, HEAD);

    let before = bench.hsm.signed_digests().len();
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 1)).status, 200);
    assert_eq!(
        bench.hsm.signed_digests().len(),
        before + 1,
        "the first endpoint is preferred"
    );

    bench.line.cut();
    let answer = signer.sign(&key, &attestation(HEAD + 4, 1));
    assert!(key.verifies(&attestation(HEAD + 4, 1), &answer.signature().unwrap()));
    assert_eq!(second.signed_digests().len(), 1);
    signer.await_ready(true);

    bench.line.mend();
    spare.cut();
    signer.await_ready(true);
    assert_eq!(
        signer.sign(&key, &attestation(HEAD + 5, 1)).status,
        200,
        "and back"
    );
}

#[test]
fn a_frozen_endpoint_costs_at_most_one_slow_signature() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let second = Hsm::start_another(bench.dir.path());
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    let mut endpoint = config["grep11"]["endpoints"][0].clone();
    endpoint["address"] = json!(second.address().to_string());
    config["grep11"]["endpoints"]
        .as_array_mut()
        .unwrap()
        .push(endpoint);
    let signer = bench.serve(&config, HEAD);
    bench.line.freeze();
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 1)).status, 200);
    let began = std::time::Instant::now();
    assert_eq!(signer.sign(&key, &attestation(HEAD + 4, 1)).status, 200);
    assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
}

#[test]
fn an_endpoint_that_refuses_does_not_stop_the_next_and_is_asked_last() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let foreign = Hsm::start_foreign(bench.dir.path());
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    let mut endpoint = config["grep11"]["endpoints"][0].clone();
    endpoint["address"] = json!(foreign.address().to_string());
    config["grep11"]["endpoints"]
        .as_array_mut()
        .unwrap()
        .insert(0, endpoint);
    let signer = bench.serve(&config, HEAD);
    assert_eq!(foreign.refusals(), 1, "the self-test asked it first");
    for level in HEAD + 3..HEAD + 13 {
        let payload = attestation(level, 1);
        let answer = signer.sign(&key, &payload);
        assert!(key.verifies(&payload, &answer.signature().unwrap()));
    }
    assert_eq!(foreign.refusals(), 1, "then it was asked last");

    bench.line.cut();
    let answer = signer.sign(&key, &attestation(HEAD + 13, 1));
    assert_eq!(answer.status, 500);
    assert!(
        answer.trace().starts_with("hsm_refused"),
        "the refusal tells more than the silence: {answer:?}"
    );
    let (ok, reason) = signer.check("keys");
    assert!(!ok && reason.contains("hsm_refused"), "{reason}");
    assert!(signer.check("hsm").0, "the other domain answers");

    bench.line.mend();
    signer.await_ready(true);
    let answer = signer.sign(&key, &attestation(HEAD + 14, 1));
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn a_server_of_another_authority_or_name_is_refused_by_name() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let good = bench.config(&[(&key, "consensus", &[])]);

    let mut other_name = good.clone();
    other_name["grep11"]["endpoints"][0]["server_name"] = json!("grep12.svc.net");
    assert_refused(&bench, &other_name, "invalid peer certificate");

    let stranger = Authority::new("stranger").unwrap();
    fs::write(bench.file("stranger.pem"), stranger.certificate_pem()).unwrap();
    let mut other_authority = good.clone();
    other_authority["grep11"]["ca_file"] = json!(bench.file("stranger.pem"));
    assert_refused(&bench, &other_authority, "invalid peer certificate");
}

#[test]
fn a_client_certificate_of_another_authority_is_refused_by_the_server() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let stranger = Authority::new("stranger").unwrap();
    let client = stranger.client("stranger", Validity::days(1)).unwrap();
    fs::write(bench.file("stranger.pem"), client.certificate_pem).unwrap();
    fs::write(bench.file("stranger.key"), client.key_pem).unwrap();
    let owner_only = fs::Permissions::from_mode(0o600);
    fs::set_permissions(bench.file("stranger.key"), owner_only).unwrap();
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    config["grep11"]["certificate_file"] = json!(bench.file("stranger.pem"));
    config["grep11"]["key_file"] = json!(bench.file("stranger.key"));
    assert_refused(&bench, &config, "received fatal alert");
}

#[test]
fn a_pin_takes_the_place_of_the_name_and_only_of_the_name() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    config["grep11"]["endpoints"][0]["server_name"] = json!("elsewhere.example");
    config["grep11"]["endpoints"][0]["pin_sha256"] = json!(fingerprint(&bench.file("server.pem")));
    let signer = bench.serve(&config, HEAD);
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 1)).status, 200);
    assert!(signer.terminate().success());

    let mut wrong_pin = config.clone();
    wrong_pin["grep11"]["endpoints"][0]["pin_sha256"] = json!("00".repeat(32));
    assert_refused(&bench, &wrong_pin, "invalid peer certificate");

    let stranger = Authority::new("stranger").unwrap();
    fs::write(bench.file("stranger.pem"), stranger.certificate_pem()).unwrap();
    config["grep11"]["ca_file"] = json!(bench.file("stranger.pem"));
    assert_refused(&bench, &config, "invalid peer certificate");
}

#[test]
fn a_server_whose_only_name_holds_a_port_needs_a_pin() {
    let bench = Bench::new();
    let authority = Authority::new("Old CA").unwrap();
    let names = ServerNames {
        dns: vec!["grep11.svc.net:9876".to_owned()],
        addresses: vec![],
    };
    let server = authority.server(&names, Validity::days(1)).unwrap();
    let client = authority.client("bakehouse", Validity::days(1)).unwrap();
    let key = bench.create("tz1");
    for (name, text) in [
        ("ca.pem", authority.certificate_pem()),
        ("server.pem", server.certificate_pem),
        ("server.key", server.key_pem),
        ("client.pem", client.certificate_pem),
        ("client.key", client.key_pem),
    ] {
        fs::write(bench.file(name), text).unwrap();
    }
    let old = Hsm::start_another(bench.dir.path());
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    config["grep11"]["endpoints"][0]["address"] = json!(old.address().to_string());
    assert_refused(&bench, &config, "invalid peer certificate");
    config["grep11"]["endpoints"][0]["pin_sha256"] = json!(fingerprint(&bench.file("server.pem")));
    let signer = bench.serve(&config, HEAD);
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 1)).status, 200);
}
