//! The HSM and the disk fail in the middle of a signature.

use super::*;
use crate::backend::BackendError;
use crate::watermark::tests::bench::slow;

fn check(report: &Value, name: &str) -> bool {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    check["ok"].as_bool().unwrap()
}

#[tokio::test]
async fn a_refused_signature_ends_readiness_and_the_next_costs_no_mark() {
    let refused = BackendError::Refused {
        name: "CKR_IBM_WKID_MISMATCH".to_owned(),
        transient: false,
    };
    let wrong = BackendError::WrongSignature("it does not verify".to_owned());
    for error in [refused, wrong] {
        let bench = Bench::armed(&[]).await;
        let code = error.code();
        bench.backend.refuse(Some(error));
        let answer = bench.sign(&attestation(HEAD + 3, 1)).await;
        assert!(answer.trace().starts_with(code), "{}", answer.trace());
        assert!(!check(&bench.get("/readyz").await.json(), "keys"));
        let answer = bench.sign(&attestation(HEAD + 4, 1)).await;
        assert!(answer.trace().starts_with("key_unproven"));
        assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 1);

        bench.backend.refuse(None);
        bench.backend.key().note(Ok(()));
        bench.sign(&attestation(HEAD + 4, 2)).await.signature();
    }
}

#[tokio::test]
async fn a_passing_failure_leaves_the_key_proven() {
    let bench = Bench::armed(&[]).await;
    bench.backend.refuse(Some(BackendError::Deadline(1000)));
    let answer = bench.sign(&attestation(HEAD + 3, 1)).await;
    assert!(answer.trace().starts_with("hsm_unreachable"));
    assert!(check(&bench.get("/readyz").await.json(), "keys"));
}

#[tokio::test]
async fn a_stalled_disk_answers_state_unwritable_and_the_mark_stays() {
    let backend = Fake::new(&[]);
    let config = Bench::config(std::path::Path::new(""), &backend);
    let (watermark, disk) = slow(&config);
    let bench = Bench::over(watermark, backend, None);
    let chain = ChainId::from_bytes(CHAIN);
    bench.watermark.arm(chain, HEAD).await.unwrap();
    disk.stall();
    tokio::time::pause();
    let answer = bench.sign(&attestation(HEAD + 3, 1)).await;
    tokio::time::resume();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let trace = answer.trace();
    assert!(trace.starts_with("state_unwritable"), "{trace}");
    let other = bench.sign(&attestation(HEAD + 3, 2)).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    while check(&bench.get("/readyz").await.json(), "watermark") {
        tokio::task::yield_now().await;
    }
    disk.mend();
    bench.sign(&attestation(HEAD + 3, 1)).await.signature();
    assert!(check(&bench.get("/readyz").await.json(), "watermark"));
}
