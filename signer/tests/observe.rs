//! What an operator sees of the signer's work: one event per request, and metrics.

use serde_json::{Value, json};

use crate::http;
use crate::payload::{attestation, block, transaction};
use crate::support::{Bench, Signer};

const HEAD: i32 = 1000;

fn metrics(signer: &Signer) -> String {
    let answer = http::admin_get(signer.admin(), "/metrics").unwrap();
    assert_eq!(answer.status, 200);
    answer.body
}

/// The value of the series whose line begins so.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(series));
    let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn events(signer: &Signer) -> Vec<Value> {
    let log = signer.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| {
            ["sign.done", "sign.refused"]
                .iter()
                .any(|name| line["event"] == *name)
        })
        .collect()
}

#[test]
fn every_sign_request_leaves_one_event_that_holds_no_payload() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    let operation = [&[3][..], &transaction(key.tagged_hash())].concat();
    let payloads = [
        attestation(HEAD + 3, 0xc1),
        attestation(HEAD + 3, 0xc1),
        attestation(HEAD + 3, 0xc2),
        block(HEAD + 4, 0xc3),
        operation,
        vec![0x13, 0xc4, 0xc4, 0xc4, 0xc4, 0xc4],
    ];
    let answers: Vec<_> = payloads
        .iter()
        .map(|bytes| signer.sign(&key, bytes))
        .collect();
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 409, 200, 403, 400]);
    let unknown = "/keys/tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
    let unknown = http::post_chunked(signer.address, unknown, "03").unwrap();
    let garbled = http::post_chunked(signer.address, &key.path(), "c5c5c5c").unwrap();
    assert_eq!((unknown.status, garbled.status), (404, 400));

    let events = events(&signer);
    let codes: Vec<_> = events
        .iter()
        .map(|event| event["code"].as_str().unwrap_or(""))
        .collect();
    let expected = [
        "",
        "",
        "different_data",
        "",
        "policy_operation",
        "request_malformed",
        "key_unknown",
        "request_unreadable",
    ];
    assert_eq!(codes, expected);
    let first = &events[0];
    assert_eq!(first["transport"], "http");
    assert_eq!(first["request"], "attestation");
    assert_eq!(
        (&first["level"], &first["round"]),
        (&json!(HEAD + 3), &json!(0))
    );
    assert_eq!(first["chain"], crate::payload::CHAIN);
    assert_eq!(first["address"], json!(key.address));
    assert_eq!(first["replayed"], false);
    for part in ["micros", "decode", "policy", "watermark", "hsm"] {
        assert!(first[part].is_u64(), "{part}: {first}");
    }
    assert_eq!(events[1]["replayed"], true);
    assert!(events[1]["hsm"].is_null(), "a replay costs no call");
    assert_eq!(events[4]["kinds"], "transaction");

    let log = signer.log();
    for secret in ["c1c1c1", "c2c2c2", "c3c3c3", "c4c4c4", "c5c5c5"] {
        assert!(!log.contains(secret), "{secret}");
    }
    for signature in answers.iter().filter_map(http::Answer::signature) {
        assert!(!log.contains(&signature) && !metrics(&signer).contains(&signature));
    }
}

#[test]
fn metrics_tell_what_was_done_and_how_long_it_took() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    config["metrics_listen"] = json!("127.0.0.1:0");
    let signer = bench.serve(&config, HEAD);
    for level in HEAD + 3..HEAD + 8 {
        assert_eq!(signer.sign(&key, &attestation(level, 1)).status, 200);
    }
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 2)).status, 409);
    let text = metrics(&signer);
    let address = &key.address;
    let chain = crate::payload::CHAIN;
    let counts = [
        (format!("sign_handler_requests_total{{address=\"{address}\",status=\"200\"}}"), 5.0),
        (format!("sign_handler_requests_total{{address=\"{address}\",status=\"409\"}}"), 1.0),
        (format!("signing_ops_total{{address=\"{address}\",vault=\"grep11\",op=\"attestation\",kind=\"attestation\",chain_id=\"{chain}\"}}"), 5.0),
        (format!("consensus_round_total{{address=\"{address}\",operation_type=\"attestation\",chain_id=\"{chain}\",round=\"0\"}}"), 5.0),
        (format!("watermark_rejection_total{{address=\"{address}\",operation_type=\"attestation\",chain_id=\"{chain}\",reason=\"below_mark\"}}"), 1.0),
        ("bakehouse_signer_requests_total{transport=\"http\",route=\"authorized_keys\",status=\"200\"}".to_owned(), 6.0),
        ("bakehouse_signer_ready".to_owned() + " ", 1.0),
        ("bakehouse_signer_armed".to_owned() + " ", 1.0),
    ];
    for (series, expected) in counts {
        assert!(
            (value(&text, &series) - expected).abs() < 0.5,
            "{series}\n{text}"
        );
    }
    for (phase, expected) in [
        ("decode", 6.0),
        ("policy", 6.0),
        ("watermark", 6.0),
        ("hsm", 5.0),
        ("reply", 6.0),
    ] {
        let count = format!("bakehouse_signer_phase_duration_seconds_count{{phase=\"{phase}\"}}");
        assert!(
            (value(&text, &count) - expected).abs() < 0.5,
            "{phase}\n{text}"
        );
    }
    let sum = |phase: &str| {
        value(
            &text,
            &format!("bakehouse_signer_phase_duration_seconds_sum{{phase=\"{phase}\"}}"),
        )
    };
    assert!(
        sum("hsm") > 0.0 && sum("watermark") > 0.0,
        "both were waited for"
    );

    let log = signer.event("signer.listening").unwrap();
    let port = log["address"].as_str().unwrap().parse().unwrap();
    let answer = http::get(port, "/metrics").unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.ends_with("# EOF\n"));
    assert_eq!(
        http::get(port, "/status").unwrap().status,
        404,
        "metrics alone"
    );
}
