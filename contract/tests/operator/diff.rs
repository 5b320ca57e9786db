//! `diff`: what it shows, what it masks, and its exit codes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pem::pem;
use crate::run::run;
use crate::sections::{SECRET_DER, env, workload};
use crate::support::{document, encrypt, folder};

#[test]
fn equal_contracts_exit_with_0_and_say_how_equal_they_are() {
    let dir = folder();
    encrypt(dir.path(), "one");
    encrypt(dir.path(), "two");
    let remark = format!(
        "# a remark\n{}",
        document(&workload(), &(env() + "# another\n"))
    );
    std::fs::write(dir.path().join("remark.yaml"), remark).unwrap();
    for (args, code, last) in [
        ("diff plain.yaml plain.yaml", 0, "the same, to the byte\n"),
        ("diff one one", 0, "the same, to the byte\n"),
        (
            "diff --key image.key one two",
            0,
            "only tokens differ: what is in them is the same\n",
        ),
        (
            "diff --key image.key plain.yaml two",
            0,
            "only tokens differ: what is in them is the same\n",
        ),
        (
            "diff plain.yaml remark.yaml",
            0,
            "only the wording differs: the values are the same\n",
        ),
    ] {
        let said = run(dir.path(), args);
        assert_eq!(said, (Some(code), last.to_owned(), String::new()), "{args}");
    }
    let (code, out, err) = run(dir.path(), "diff one two");
    assert_eq!((code, err.as_str()), (Some(1), ""));
    let line = "? env: encrypted, and the tokens differ; give --key to compare what is in them\n? workload: encrypted";
    assert!(out.starts_with(line), "{out}");
}

#[test]
fn differences_are_typed_and_secrets_masked() {
    let dir = folder();
    encrypt(dir.path(), "old");
    let newer = document(
        &workload()
            .replace("network: shadownet", "network: ghostnet")
            .replace("NetXsqzbfFenSTS", "NetXnHfVqm9iesp")
            .replace(&"c5".repeat(120), &"c6".repeat(120)),
        &(env().replace(
            "bakehouse:\n",
            "env: {TOKEN: CANARY-token}\nbakehouse:\n  egress: {dns: [192.0.2.53]}\n",
        )),
    );
    std::fs::write(dir.path().join("new"), newer).unwrap();
    let (code, out, err) = run(dir.path(), "diff --key image.key old new");
    assert_eq!((code, err.as_str()), (Some(1), ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "+ env.bakehouse.egress.dns[0]: 192.0.2.53",
            "+ env.env.TOKEN: (secret)",
            "~ workload.bakehouse.chain_id: NetXsqzbfFenSTS → NetXnHfVqm9iesp",
            "~ workload.bakehouse.keys[baker].blob: secret changed",
            "~ workload.bakehouse.network: shadownet → ghostnet",
        ]
    );
    assert!(lines[5].starts_with("different (digest "), "{out}");

    let (code, out, _) = run(dir.path(), "--json diff --key image.key old new");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!(answer["verdict"], "different");
    assert_eq!(
        answer["differences"][3],
        json!({"path": "workload.bakehouse.keys[baker].blob", "change": "changed", "secret": true})
    );
    assert_eq!(answer["differences"][4]["new"], "ghostnet");
    assert!(!out.contains("CANARY") && !out.contains("c6c6"), "{out}");
}

#[test]
fn long_public_values_are_named_by_their_digest() {
    let dir = folder();
    let of = |byte| STANDARD.encode(pem("CERTIFICATE", &[byte; 90]));
    let other = env().replacen(&of(7), &of(8), 1);
    let secret = STANDARD.encode(pem("PRIVATE KEY", SECRET_DER));
    let other = other.replace(&secret, "none");
    std::fs::write(dir.path().join("new"), document(&workload(), &other)).unwrap();
    let (code, out, _) = run(dir.path(), "diff plain.yaml new");
    assert_eq!(code, Some(1));
    let line = "~ env.bakehouse.grep11.credentials.ca: (";
    assert!(
        out.lines()
            .any(|it| it.starts_with(line) && it.contains(", sha256 ")),
        "{out}"
    );
    assert!(out.contains("credentials.key: secret changed"), "{out}");
}

#[test]
fn what_can_not_be_read_is_an_error_and_no_difference() {
    let dir = folder();
    encrypt(dir.path(), "one");
    std::fs::write(
        dir.path().join("bad"),
        "workload: contract-basic.AAAA.AAAA\nenv: x\n",
    )
    .unwrap();
    for (args, code, word) in [
        ("diff plain.yaml none", 66, "none: can't be read"),
        (
            "diff --key image.key plain.yaml bad",
            65,
            "contract_decrypt: ",
        ),
        ("diff plain.yaml", 64, "Usage"),
    ] {
        let (found, _, err) = run(dir.path(), args);
        assert_eq!(found, Some(code), "{args}: {err}");
        assert!(err.contains(word), "{args}: {err}");
    }
}
