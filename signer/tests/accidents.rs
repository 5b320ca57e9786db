//! What must hold when something breaks.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::payload::{attestation, block};
use crate::support::{Bench, eventually, try_sign};

const HEAD: i32 = 1000;

#[test]
fn no_level_is_signed_twice_over_sigkill_and_restart() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let config = bench.config(&[(&key, "consensus", &[])]);
    // Level → the one branch whose signature left, over all lives of the signer.
    let left: Mutex<BTreeMap<i32, (u8, String)>> = Mutex::default();
    for life in 0..4_u8 {
        let signer = bench.spawn(&config).serving();
        signer.await_ready(true);
        let early = signer.sign(&key, &attestation(HEAD + 500, life));
        assert_eq!(early.status, 403, "unarmed again after every start");
        signer.arm(HEAD);
        let stop = AtomicBool::new(false);
        let address = signer.address;
        thread::scope(|scope| {
            for worker in 0..4_u8 {
                let (left, key, stop) = (&left, &key, &stop);
                scope.spawn(move || {
                    for level in HEAD + 3..HEAD + 400 {
                        let branch = 10 * life + worker;
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let Ok(answer) = try_sign(address, key, &attestation(level, branch)) else {
                            return;
                        };
                        let Some(signature) = answer.signature() else {
                            continue;
                        };
                        let mut left = left.lock().unwrap();
                        if let Some((first, _)) = left.insert(level, (branch, signature)) {
                            panic!("level {level} left for {first} and {branch}");
                        }
                    }
                });
            }
            let wanted = left.lock().unwrap().len() + 8;
            eventually("some signatures", || {
                (left.lock().unwrap().len() >= wanted).then_some(())
            });
            signer.kill();
            stop.store(true, Ordering::Relaxed);
        });
    }
    // Where a signature left, no other payload gets one; the same vote may be signed again.
    let signer = bench.serve(&config, HEAD);
    let left = left.into_inner().unwrap();
    for (level, (branch, _)) in &left {
        let other = signer.sign(&key, &attestation(*level, branch + 100));
        assert_eq!(other.status, 409, "level {level}");
    }
    let (top, (branch, _)) = left.last_key_value().unwrap();
    let payload = attestation(*top, *branch);
    let again = signer.sign(&key, &payload);
    let verifies = |signature: String| key.verifies(&payload, &signature);
    assert!(
        again.status == 409 || again.signature().is_some_and(verifies),
        "{again:?}"
    );
}

#[test]
fn a_lost_hsm_shows_within_a_second_and_its_mark_is_never_lowered() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 1)).status, 200);

    bench.line.cut();
    let lost = signer.await_ready(false);
    assert!(lost < Duration::from_millis(1200), "{lost:?}");
    let (ok, reason) = signer.check("hsm");
    assert!(!ok && reason.starts_with("hsm_unreachable"), "{reason}");
    assert_eq!(signer.get("/healthz").status, 200, "it still serves");
    let answer = signer.sign(&key, &block(HEAD + 4, 1));
    assert_eq!(answer.status, 500);
    assert!(answer.trace().starts_with("hsm_unreachable"), "{answer:?}");

    bench.line.mend();
    let found = signer.await_ready(true);
    assert!(found < Duration::from_millis(1200), "{found:?}");
    assert_eq!(
        signer.sign(&key, &block(HEAD + 4, 2)).status,
        409,
        "the mark stayed"
    );
    let same = signer.sign(&key, &block(HEAD + 4, 1));
    assert_eq!(
        same.status, 409,
        "an ECDSA block whose signature may be lost is not signed again"
    );
    assert!(same.trace().starts_with("signature_lost"), "{same:?}");
    assert_eq!(signer.sign(&key, &block(HEAD + 5, 1)).status, 200);
}

#[test]
fn a_frozen_network_shows_within_a_second_and_heals_within_two() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    bench.line.freeze();
    let lost = signer.await_ready(false);
    assert!(lost < Duration::from_millis(1500), "{lost:?}");
    let answer = signer.sign(&key, &attestation(HEAD + 3, 1));
    assert_eq!(answer.status, 500, "{answer:?}");
    bench.line.mend();
    let found = signer.await_ready(true);
    assert!(found < Duration::from_secs(2), "{found:?}");
    let again = signer.sign(&key, &attestation(HEAD + 3, 1));
    assert_eq!(again.status, 200, "a vote is signed again: {again:?}");
}

#[test]
fn a_connection_that_leads_nowhere_is_replaced() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    bench.line.lose_connections();
    let lost = signer.await_ready(false);
    assert!(lost < Duration::from_millis(1500), "{lost:?}");
    let found = signer.await_ready(true);
    assert!(found < Duration::from_secs(2), "{found:?}");
    assert_eq!(signer.sign(&key, &attestation(HEAD + 3, 1)).status, 200);
}

#[test]
fn a_signer_starts_without_its_hsm_and_waits_for_it() {
    let bench = Bench::new();
    let key = bench.create("tz2");
    bench.line.cut();
    let signer = bench
        .spawn(&bench.config(&[(&key, "consensus", &[])]))
        .serving();
    let (ok, reason) = eventually("a probe", || {
        let check = signer.check("hsm");
        (check.1 != "not probed yet").then_some(check)
    });
    assert!(!ok && reason.starts_with("hsm_unreachable"), "{reason}");
    assert!(!signer.check("keys").0);
    signer.arm(HEAD);
    let answer = signer.sign(&key, &attestation(HEAD + 3, 1));
    assert_eq!(answer.status, 500);
    assert!(answer.trace().starts_with("key_unproven"), "{answer:?}");
    bench.line.mend();
    signer.await_ready(true);
    assert_eq!(
        signer.sign(&key, &attestation(HEAD + 3, 2)).status,
        200,
        "no mark was spent"
    );
}

#[test]
fn a_public_key_of_another_blob_never_gives_a_signature() {
    let bench = Bench::new();
    let (mine, other) = (bench.create("tz3"), bench.create("tz3"));
    let mut config = bench.config(&[(&mine, "consensus", &[])]);
    config["keys"][0]["blob"] = other.blob.clone().into();
    let signer = bench.spawn(&config).serving();
    let reason = eventually("the self-test", || {
        let (ok, reason) = signer.check("keys");
        assert!(!ok);
        reason.contains("signature_wrong").then_some(reason)
    });
    assert!(reason.contains(&mine.address), "{reason}");
    signer.arm(HEAD);
    let answer = signer.sign(&mine, &attestation(HEAD + 3, 1));
    assert_eq!(answer.status, 500);
    assert_eq!(signer.get("/readyz").status, 503);
}

#[test]
fn a_second_signer_on_the_same_state_is_refused() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let config = bench.config(&[(&key, "consensus", &[])]);
    let first = bench.serve(&config, HEAD);
    let mut second = bench.spawn(&config);
    assert_eq!(second.wait().code(), Some(73));
    let failed = second.event("signer.failed").unwrap();
    assert_eq!(failed["code"], "state_locked");
    assert_eq!(first.sign(&key, &attestation(HEAD + 3, 1)).status, 200);
    assert_eq!(
        first.status()["armed"],
        true,
        "its admin socket is still there"
    );
}

#[test]
fn stop_is_graceful_and_leaves_no_socket_in_the_way() {
    let bench = Bench::new();
    // Of a curve whose signatures differ each time, so that a stored one can be told from a new one.
    let key = bench.create("tz3");
    let config = bench.config(&[(&key, "consensus", &[])]);
    let signer = bench.serve(&config, HEAD);
    let (address, payload) = (signer.address, attestation(HEAD + 3, 1));
    bench.line.freeze();
    thread::scope(|scope| {
        let in_flight = scope.spawn(|| try_sign(address, &key, &payload).unwrap());
        eventually("the call", || {
            let marks = signer.status();
            let mark = &marks["keys"][0]["marks"][crate::payload::CHAIN]["attestation"]["level"];
            (*mark == HEAD + 3).then_some(())
        });
        bench.line.mend();
        assert!(signer.terminate().success());
        let answer = in_flight.join().unwrap();
        assert!(
            answer.signature().is_some(),
            "a request in flight ends first: {answer:?}"
        );
        let next = bench.serve(&config, HEAD);
        let stored = next.sign(&key, &payload).signature();
        assert_eq!(
            stored,
            answer.signature(),
            "a retry after the restart gets what was stored"
        );
    });
    // A signer that was killed leaves its socket behind; the next one takes the path over.
    bench.spawn(&config).serving().kill();
    let next = bench.serve(&config, HEAD);
    assert_eq!(next.status()["armed"], true);
}
