use super::*;
use crate::health::Check as ReadyCheck;

const SIGNING: Signing<'static> = Signing {
    address: "tz1",
    class: "attestation",
    kinds: &["attestation_with_dal"],
    chain: "Net",
    round: Some(2),
};

fn readiness(ok: bool) -> Readiness {
    let check = ReadyCheck {
        name: "hsm",
        ok,
        code: "",
        reason: String::new(),
    };
    Readiness {
        ready: ok,
        armed: !ok,
        checks: vec![check],
    }
}

fn text(metrics: &Metrics) -> String {
    metrics.render(&readiness(true)).unwrap()
}

#[track_caller]
fn assert_line(text: &str, line: &str) {
    assert!(
        text.lines().any(|known| known == line),
        "no {line} in\n{text}"
    );
}

#[test]
fn a_signature_is_counted_under_signatorys_names() {
    let metrics = Metrics::new();
    metrics.handled("tz1", 200, Duration::from_millis(3));
    metrics.signed(&SIGNING);
    metrics.called(&SIGNING, Duration::from_millis(23), None);
    metrics.decided(&SIGNING, Duration::from_millis(1), "success", None);
    let text = text(&metrics);
    for line in [
        r#"sign_handler_requests_total{address="tz1",status="200"} 1"#,
        r#"sign_handler_request_duration_milliseconds_bucket{le="2.5",address="tz1",status="200"} 0"#,
        r#"sign_handler_request_duration_milliseconds_bucket{le="5.0",address="tz1",status="200"} 1"#,
        r#"signing_ops_total{address="tz1",vault="grep11",op="attestation",kind="attestation_with_dal",chain_id="Net"} 1"#,
        r#"vault_sign_request_duration_milliseconds_sum{vault="grep11",address="tz1",op="attestation",chain_id="Net"} 23.0"#,
        r#"consensus_round_total{address="tz1",operation_type="attestation",chain_id="Net",round="2"} 1"#,
        r#"watermark_operations_total{result="success",backend="sqlite",request_type="attestation"} 1"#,
        r#"watermark_operation_duration_seconds_count{backend="sqlite"} 1"#,
    ] {
        assert_line(&text, line);
    }
    assert!(!text.contains("watermark_rejection_total{"));
    assert!(!text.contains("vault_sign_request_error_total{"));
}

#[test]
fn refusals_are_counted_by_reason() {
    let metrics = Metrics::new();
    metrics.violation(&SIGNING, "policy_operation");
    metrics.called(&SIGNING, Duration::ZERO, Some("hsm_unreachable"));
    metrics.decided(&SIGNING, Duration::ZERO, "rejected", Some("below_mark"));
    metrics.unauthenticated("unix", 401);
    let text = text(&metrics);
    for line in [
        r#"policy_violation_total{violation_type="policy_operation",address="tz1",operation_type="attestation"} 1"#,
        r#"vault_sign_request_error_total{vault="grep11",code="hsm_unreachable",chain_id="Net"} 1"#,
        r#"watermark_operations_total{result="rejected",backend="sqlite",request_type="attestation"} 1"#,
        r#"watermark_rejection_total{address="tz1",operation_type="attestation",chain_id="Net",reason="below_mark"} 1"#,
        r#"authentication_failure_total{status="401",auth_method="authorized_keys",client_ip="unix"} 1"#,
    ] {
        assert_line(&text, line);
    }
}

#[test]
fn a_client_cannot_make_a_label_for_every_round() {
    let metrics = Metrics::new();
    for round in [LAST_ROUND, 16, 1000, i32::MAX] {
        let round = Some(round);
        metrics.signed(&Signing { round, ..SIGNING });
    }
    let text = text(&metrics);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("consensus_round_total{"))
        .collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with(r#"round="15"} 4"#), "{lines:?}");
}

#[test]
fn readiness_is_that_of_the_moment() {
    let metrics = Metrics::new();
    for (ok, ready, armed) in [(true, 1, 0), (false, 0, 1)] {
        let text = metrics.render(&readiness(ok)).unwrap();
        assert_line(&text, &format!("bakehouse_signer_ready {ready}"));
        assert_line(&text, &format!("bakehouse_signer_armed {armed}"));
        let check = format!("bakehouse_signer_check{{name=\"hsm\"}} {ready}");
        assert_line(&text, &check);
    }
}

#[test]
fn every_phase_has_a_histogram_of_its_own() {
    let metrics = Metrics::new();
    let phases = [
        Phase::Decode,
        Phase::Authenticate,
        Phase::Policy,
        Phase::Watermark,
        Phase::Hsm,
        Phase::Reply,
    ];
    for phase in phases {
        metrics.phase(phase, Duration::from_micros(20));
    }
    let text = text(&metrics);
    for phase in phases {
        let name = phase.name();
        let of = "bakehouse_signer_phase_duration_seconds";
        assert_line(&text, &format!("{of}_count{{phase=\"{name}\"}} 1"));
        assert_line(
            &text,
            &format!("{of}_bucket{{le=\"0.00001\",phase=\"{name}\"}} 0"),
        );
        assert_line(
            &text,
            &format!("{of}_bucket{{le=\"0.000025\",phase=\"{name}\"}} 1"),
        );
    }
    assert!(text.ends_with("# EOF\n"));
}
