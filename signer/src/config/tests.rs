use super::*;
use proptest::prelude::*;

fn sample() -> serde_json::Value {
    serde_json::json!({
        "listen": "127.0.0.1:6732", "admin_socket": "/run/bakehouse/signer/admin.sock", "admin_uids": [0],
        "state_dir": "/var/lib/bakehouse/signer", "chains": ["NetXsqzbfFenSTS"],
        "grep11": {
            "endpoints": [{"address": "10.78.0.2:9876", "server_name": "grep11.svc.net", "pin_sha256": null}],
            "ca_file": "/c/ca.pem", "certificate_file": "/c/client.pem", "key_file": "/c/client.key",
            "timeout_ms": 2000
        },
        "keys": [{"name": "baker", "role": "consensus", "public_key": "p2pk", "blob": "00", "floor": 0,
                  "policy": {"operations": []}}]
    })
}

fn parse(value: &serde_json::Value) -> Result<Config, ConfigError> {
    Config::parse(value.to_string().as_bytes())
}

#[test]
fn the_agreed_file_is_read() {
    let config = parse(&sample()).unwrap();
    assert_eq!(config.grep11.timeout(), Duration::from_secs(2));
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!(
        config.grep11.endpoints[0].server_name.as_deref(),
        Some("grep11.svc.net")
    );
}

#[test]
fn unknown_fields_are_refused_everywhere() {
    for place in [
        "",
        "/grep11",
        "/grep11/endpoints/0",
        "/keys/0",
        "/keys/0/policy",
    ] {
        let mut value = sample();
        value.pointer_mut(place).unwrap()["surprise"] = true.into();
        assert!(
            matches!(parse(&value), Err(ConfigError::Syntax { .. })),
            "{place}"
        );
    }
}

#[test]
fn a_blob_is_never_printed() {
    let mut value = sample();
    value["keys"][0]["blob"] = "c0ffee".into();
    let config = parse(&value).unwrap();
    assert_eq!(config.keys[0].blob.expose(), "c0ffee");
    assert!(!format!("{config:?}").contains("c0ffee"));
}

#[test]
fn error_text_never_holds_a_value() {
    let mut value = sample();
    value["keys"][0]["floor"] = "canary".into();
    let error = parse(&value).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn impossible_values_are_refused() {
    let cases = [
        ("/listen", serde_json::json!("0.0.0.0:6732"), "listen"),
        ("/admin_uids", serde_json::json!([]), "admin_uids"),
        ("/chains", serde_json::json!([]), "chains"),
        ("/keys", serde_json::json!([]), "keys"),
        ("/keys/0/floor", serde_json::json!(-1), "keys.floor"),
        (
            "/keys/0/policy",
            serde_json::json!({"chains": ["NetXdQprcVkpaWU"]}),
            "keys.policy.chains",
        ),
        (
            "/grep11/endpoints",
            serde_json::json!([]),
            "grep11.endpoints",
        ),
        (
            "/grep11/timeout_ms",
            serde_json::json!(0),
            "grep11.timeout_ms",
        ),
        (
            "/state_dir",
            serde_json::json!("state"),
            "admin_socket and state_dir",
        ),
    ];
    for (place, bad, expected) in cases {
        let mut value = sample();
        *value.pointer_mut(place).unwrap() = bad;
        match parse(&value) {
            Err(ConfigError::Value { field, .. }) => assert_eq!(field, expected),
            other => panic!("{place}: {other:?}"),
        }
    }
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(MAX_CONFIG_BYTES + 1).unwrap();
    assert!(matches!(
        Config::load(file.path()),
        Err(ConfigError::TooLarge)
    ));
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        prop_assert!(Config::parse(&bytes).is_err());
    }
}
