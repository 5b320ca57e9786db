//! What `GET /readyz` says.

use super::*;

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let bench = Bench::unarmed(&[]);
    assert_eq!(bench.get("/healthz").await.status, StatusCode::OK);
    let answer = bench.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let report = answer.json();
    assert_eq!(report["ready"], false);
    assert_eq!(report["armed"], false);
    assert_eq!(report["checks"][0]["name"], "hsm");
    assert_eq!(report["checks"][0]["ok"], false);
    assert_eq!(report["checks"][0]["code"], "hsm_unknown");
    assert_eq!(report["checks"][1]["ok"], true);
    assert_eq!(report["checks"][2]["ok"], true);

    let stop = tokio_util::sync::CancellationToken::new();
    let watch = tokio::spawn({
        let (health, backend, stop) = (bench.health.clone(), bench.backend.clone(), stop.clone());
        async move { health.watch_hsm(&*backend, &stop).await }
    });
    while bench.get("/readyz").await.status != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    bench.backend.down.store(true, Ordering::SeqCst);
    while bench.get("/readyz").await.status == StatusCode::OK {
        tokio::task::yield_now().await;
    }
    let report = bench.get("/readyz").await.json();
    let reason = report["checks"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("hsm_unreachable"), "{reason}");
    assert_eq!(report["checks"][0]["code"], "hsm_unreachable");
    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test]
async fn each_check_has_a_code_of_its_own() {
    let bench = Bench::unarmed(&[]);
    let codes = |report: &Value| -> Vec<String> {
        let checks = report["checks"].as_array().unwrap().iter();
        checks
            .map(|check| check["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let report = bench.get("/readyz").await.json();
    assert_eq!(codes(&report), ["hsm_unknown", "", ""]);
    bench.backend.key().note(Err("the HSM refused".to_owned()));
    let report = bench.get("/readyz").await.json();
    assert_eq!(codes(&report), ["hsm_unknown", "key_unproven", ""]);
    let reason = report["checks"][1]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("tz3") && reason.ends_with(": the HSM refused"),
        "{reason}"
    );
}
