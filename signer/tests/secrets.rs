//! No secret in a log, an error or a core.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::payload::attestation;
use crate::support::Bench;

const HEAD: i32 = 1000;

/// Every line of a PEM file that is not its frame.
fn canaries(pem: &str) -> Vec<String> {
    pem.lines()
        .filter(|line| !line.starts_with('-'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_credential_is_in_a_log_or_an_answer() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    let mut said = signer.sign(&key, &attestation(HEAD + 3, 1)).body;
    bench.line.cut();
    said += &signer.sign(&key, &attestation(HEAD + 4, 1)).body;
    signer.await_ready(false);
    said += &signer.get("/readyz").body;
    said += &signer.status().to_string();
    said += &signer.log();
    let environment = fs::read(format!("/proc/{}/environ", signer.pid())).unwrap_or_default();
    said += &String::from_utf8_lossy(&environment);
    let arguments = fs::read(format!("/proc/{}/cmdline", signer.pid())).unwrap();
    said += &String::from_utf8_lossy(&arguments);
    let mut canaries = canaries(&fs::read_to_string(bench.file("client.key")).unwrap());
    canaries.push(key.blob.clone());
    assert!(canaries.len() >= 3);
    for canary in canaries {
        assert!(!said.contains(&canary), "{canary} was told");
    }
    for line in signer.log().lines() {
        serde_json::from_str::<serde_json::Value>(line)
            .unwrap_or_else(|_| panic!("no JSON: {line}"));
    }
}

#[test]
fn the_process_cannot_be_dumped() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench
        .spawn(&bench.config(&[(&key, "consensus", &[])]))
        .serving();
    let limits = fs::read_to_string(format!("/proc/{}/limits", signer.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let words: Vec<_> = core.split_whitespace().collect();
    assert_eq!(&words[4..6], &["0", "0"], "{core}");
    // The files of an undumpable process belong to root, whoever runs it; that shows only for others than root.
    let owner = std::os::unix::fs::MetadataExt::uid(
        &fs::metadata(format!("/proc/{}/environ", signer.pid())).unwrap(),
    );
    assert_eq!(owner, 0);
}

#[test]
fn broken_credentials_are_typed_errors_that_quote_nothing() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let good = bench.config(&[(&key, "consensus", &[])]);
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(bench.file(name), text).unwrap();
        fs::set_permissions(bench.file(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let pem =
        |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let own = fs::read_to_string(bench.file("client.key")).unwrap();
    write("canary.key", &pem("Q0FOQVJZ"), 0o600);
    write("canary-text.key", "CANARY", 0o600);
    write("open.key", &own, 0o644);
    let cases = [
        ("key_file", "server.key", "credentials_mismatch"),
        ("key_file", "canary.key", "credentials_invalid"),
        ("key_file", "canary-text.key", "credentials_invalid"),
        ("key_file", "open.key", "credentials_invalid"),
        ("key_file", "missing.key", "credentials_invalid"),
        ("certificate_file", "canary-text.key", "credentials_invalid"),
        ("ca_file", "canary-text.key", "credentials_invalid"),
    ];
    for (field, file, code) in cases {
        let mut config = good.clone();
        config["grep11"][field] = json!(bench.file(file));
        let mut signer = bench.spawn(&config);
        assert_eq!(signer.wait().code(), Some(78), "{field} {file}");
        let failed = signer.event("signer.failed").unwrap();
        assert_eq!(failed["code"], code, "{field} {file}: {failed}");
        assert!(!signer.log().contains("CANARY") && !signer.log().contains("Q0FOQVJZ"));
    }
}

#[test]
fn a_broken_configuration_is_a_typed_error_that_quotes_nothing() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let good = bench.config(&[(&key, "consensus", &[])]);
    let cases = [
        ("/listen", json!("CANARY")),
        ("/listen", json!("0.0.0.0:0")),
        ("/chains", json!(["CANARY"])),
        ("/keys/0/public_key", json!("CANARY")),
        ("/keys/0/blob", json!("CANARY")),
        ("/keys/0/role", json!("CANARY")),
        ("/keys/0/policy/operations", json!([1])),
        ("/keys/0/policy/operations", json!(["CANARY"])),
        ("/keys/0/policy", json!({ "destinations": ["CANARY"] })),
        ("/keys/0/policy", json!({ "chains": ["CANARY"] })),
        ("/keys/0/policy", json!({ "CANARY": [] })),
        ("/grep11/endpoints/0/address", json!("CANARY")),
        ("/grep11/endpoints/0/pin_sha256", json!("CANARY")),
    ];
    for (place, bad) in cases {
        let mut config = good.clone();
        *config.pointer_mut(place).unwrap() = bad;
        let mut signer = bench.spawn(&config);
        assert_eq!(signer.wait().code(), Some(65), "{place}");
        assert_eq!(
            signer.event("signer.failed").unwrap()["code"],
            "config_invalid",
            "{place}"
        );
        assert!(
            !signer.log().contains("CANARY"),
            "{place}: {}",
            signer.log()
        );
    }
}
