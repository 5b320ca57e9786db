//! What a baker sees of the signer.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use serde_json::json;

use crate::http;
use crate::payload::{attestation, block, preattestation, transaction};
use crate::support::{Bench, TestKey, try_sign};

const HEAD: i32 = 1000;

fn kinds(bench: &Bench) -> [TestKey; 3] {
    ["tz1", "tz2", "tz3"].map(|kind| bench.create(kind))
}

#[test]
fn keys_of_all_curves_sign_what_a_baker_sends_and_every_signature_verifies() {
    let bench = Bench::new();
    let keys = kinds(&bench);
    let rows: Vec<_> = keys
        .iter()
        .map(|key| (key, "consensus", &[] as &[&str]))
        .collect();
    let signer = bench.serve(&bench.config(&rows), HEAD);
    for key in &keys {
        let told = signer.get(&key.path()).json();
        assert_eq!(told, json!({ "public_key": key.public_key }));
        for level in HEAD + 3..HEAD + 8 {
            for payload in [
                preattestation(level, 1),
                attestation(level, 1),
                block(level, 1),
            ] {
                let first = signer.sign(key, &payload);
                let signature = first.signature().unwrap_or_else(|| panic!("{first:?}"));
                assert!(key.verifies(&payload, &signature), "{}", key.address);
                assert_eq!(
                    signer.sign(key, &payload).signature(),
                    Some(signature),
                    "replayed"
                );
            }
        }
    }
    // 3 keys, 5 levels, 3 payloads: a replay costs no call.
    let calls = bench.hsm.signed_digests().len();
    assert_eq!(
        calls,
        3 * (5 * 3 + self_tests_per_key()),
        "each payload was signed once"
    );
    assert!(signer.terminate().success());
}

/// `keys create` and the start of the signer each sign one test text per key.
fn self_tests_per_key() -> usize {
    2
}

#[test]
fn an_unarmed_signer_refuses_and_says_why() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench
        .spawn(&bench.config(&[(&key, "consensus", &[])]))
        .serving();
    signer.await_ready(true);
    let report = signer.get("/readyz").json();
    assert_eq!(
        (&report["ready"], &report["armed"]),
        (&json!(true), &json!(false))
    );
    let before = bench.hsm.signed_digests().len();
    let answer = signer.sign(&key, &attestation(2_000_000, 1));
    assert_eq!(answer.status, 403);
    assert!(answer.trace().starts_with("unarmed"), "{answer:?}");
    assert_eq!(
        bench.hsm.signed_digests().len(),
        before,
        "the HSM was not asked"
    );

    signer.arm(HEAD);
    let at_head = signer.sign(&key, &attestation(HEAD + 2, 1));
    assert_eq!(at_head.status, 409, "the floor is head + 2");
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 1)).status, 200);
    let marks = &signer.status()["keys"][0]["marks"][crate::payload::CHAIN];
    assert_eq!(marks["attestation"]["level"], HEAD + 3, "{marks}");
    assert_eq!(marks["block"]["level"], HEAD + 2);
}

#[test]
fn of_64_different_payloads_for_one_level_exactly_one_is_signed() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    for level in HEAD + 3..HEAD + 8 {
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |branch| {
                let (key, address) = (&key, signer.address);
                scope.spawn(move || try_sign(address, key, &attestation(level, branch)).unwrap())
            };
            let asked: Vec<_> = (0..64).map(ask).collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let winners: Vec<_> = (0..64).filter(|n| answers[*n].status == 200).collect();
        assert_eq!(winners.len(), 1, "level {level}");
        let winner = u8::try_from(winners[0]).unwrap();
        let signature = answers[winners[0]].signature().unwrap();
        assert!(key.verifies(&attestation(level, winner), &signature));
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer.status, 200 | 409))
        );
    }
}

#[test]
fn concurrent_retries_of_one_payload_all_get_the_same_signature() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    let payload = block(HEAD + 3, 1);
    let signatures: BTreeSet<_> = thread::scope(|scope| {
        let ask = |_| {
            scope.spawn(|| {
                try_sign(signer.address, &key, &payload)
                    .unwrap()
                    .signature()
            })
        };
        let asked: Vec<_> = (0..32).map(ask).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(signatures.len(), 1);
    assert!(signatures.first().unwrap().is_some());
}

#[test]
fn operations_are_signed_only_for_a_key_whose_policy_names_them() {
    let bench = Bench::new();
    let keys = kinds(&bench);
    let [manager, other, consensus] = &keys;
    let config = bench.config(&[
        (manager, "manager", &["transaction"]),
        (other, "manager", &["reveal"]),
        (consensus, "consensus", &[]),
    ]);
    let signer = bench.serve(&config, HEAD);
    let payload = |key: &TestKey| [&[3][..], &transaction(key.tagged_hash())].concat();
    let allowed = signer.sign(manager, &payload(manager));
    assert!(manager.verifies(&payload(manager), &allowed.signature().unwrap()));
    for key in [other, consensus] {
        let refused = signer.sign(key, &payload(key));
        assert_eq!(refused.status, 403, "{refused:?}");
        assert!(!refused.trace().is_empty());
    }
    assert_eq!(
        signer.sign(manager, &attestation(HEAD + 3, 1)).status,
        403,
        "not a baker's key"
    );
}

#[test]
fn a_rule_of_the_policy_is_named_when_it_refuses() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let mut config = bench.config(&[(&key, "manager", &["transaction"])]);
    // One mutez below the amount of the transaction, which goes to the key itself.
    config["keys"][0]["policy"]["max_amount"] = json!(999_999);
    config["keys"][0]["policy"]["destinations"] = json!([key.address]);
    let signer = bench.serve(&config, HEAD);
    let payload = [&[3][..], &transaction(key.tagged_hash())].concat();
    let refused = signer.sign(&key, &payload);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.trace().contains("`max_amount`"), "{refused:?}");
    let event = signer.event("sign.refused").unwrap();
    assert_eq!(event["code"], "policy_amount", "{event}");
    assert!(!signer.log().contains("999999"), "no limit is told");
}

#[test]
fn the_admin_socket_is_for_its_uids_and_closed_to_others() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let mut config = bench.config(&[(&key, "consensus", &[])]);
    config["admin_uids"] = json!([4_000_000]);
    let signer = bench.spawn(&config).serving();
    let mode = std::fs::metadata(signer.admin())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    assert!(
        http::admin_get(signer.admin(), "/status").is_err(),
        "hung up on"
    );
    assert!(signer.event("admin.refused").is_some());
}

#[test]
fn the_admin_socket_refuses_what_it_does_not_understand() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench
        .spawn(&bench.config(&[(&key, "consensus", &[])]))
        .serving();
    let cases = [
        (json!({}), 400),
        (json!({ "chain_id": "NetX", "head_level": 1 }), 400),
        (
            json!({ "chain_id": crate::payload::CHAIN, "head_level": -1 }),
            400,
        ),
        (
            json!({ "chain_id": crate::payload::CHAIN, "head_level": 1, "more": 1 }),
            400,
        ),
        (
            json!({ "chain_id": "NetXsqzbfFenSTS", "head_level": 1 }),
            403,
        ),
    ];
    for (body, expected) in cases {
        let answer = http::admin_post(signer.admin(), "/arm", &body).unwrap();
        assert_eq!(answer.status, expected, "{body}: {answer:?}");
    }
    assert_eq!(signer.status()["armed"], false);
}
