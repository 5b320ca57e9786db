//! `explain`: what it says, and what it must never say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::pem::pem;
use crate::run::run;
use crate::sections::{SECRET_DER, env, workload};
use crate::support::{document, encrypt, folder, foreign};

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

/// Sections full of secrets, each of which has CANARY in it.
fn secretive() -> (String, String) {
    let digest = "0f".repeat(32);
    let workload = workload()
        .replace(
            "node: {history_mode: rolling}",
            &format!(
                "node: {{history_mode: rolling, peers: [\"[2001:db8::1]:9732\"], extra_args: [--private-mode], snapshot: {{url: \
                 \"https://s.example/x?token=CANARY-url\", sha256: {digest}, block: \
                 BLockGenesisGenesisGenesisGenesisGenesisf79b5d1CoW2}}}}"
            ),
        )
        .replace(
            "type: workload\n",
            "type: workload\nvolumes: {data: {seed: CANARY-seed-of-the-workload, mount: /data}}\nenv: {A: CANARY-a}\n",
        );
    let env = env().replace(
        "type: env\n",
        "type: env\nvolumes: {data: {seed: CANARY-seed-of-the-deployer}}\nlogging: {logRouter: {hostname: logs.example, iamApiKey: \
         CANARY-api-key}}\nauths: {icr.io: {username: CANARY-user, password: CANARY-password}}\nCANARY-key: CANARY-value\n",
    );
    let env = env.replace(
        "  state:",
        "  powers: {firewall: delegated}\n  egress: {dns: [192.0.2.53], logs: [\"192.0.2.9:6514\"]}\n  state:",
    );
    (workload, env)
}

#[test]
fn it_says_what_the_guest_will_do() {
    let dir = folder();
    let (workload, env) = secretive();
    std::fs::write(dir.path().join("workload.yaml"), &workload).unwrap();
    std::fs::write(dir.path().join("env.yaml"), &env).unwrap();
    std::fs::write(dir.path().join("plain.yaml"), document(&workload, &env)).unwrap();
    encrypt(dir.path(), "user-data");
    let (code, sealed, err) = run(dir.path(), "explain --key image.key user-data");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for line in [
        "WAIVED       firewall: the guest may run without locking the network: somebody else must",
        "signature    none: whoever can encrypt can make such a contract",
        "network      shadownet, chain NetXsqzbfFenSTS",
        "node         peers: [2001:db8::1]:9732",
        "node         also with --private-mode",
        "baker        liquidity baking toggle vote pass",
        "DAL          no DAL node: the baker runs without",
        "accuser      does not run",
        "             signs above level 0; no operations but consensus",
        "HSM          hsm.example:9876, certificate for hsm.example",
        "credential   client key: (masked)",
        "egress       DNS: 192.0.2.53",
        "egress       logs: 192.0.2.9:6514",
        "state        /var/lib/bakehouse",
        "other key    env.logging.logRouter.hostname: logs.example",
        "other key    env.logging.logRouter.iamApiKey: (masked)",
        "other key    workload.volumes.data.mount: /data",
        "other key    workload.volumes.data.seed: (masked)",
        "other key    env.(unknown key 1): (masked)",
    ] {
        assert!(sealed.lines().any(|it| it == line), "{line}\n{sealed}");
    }
    assert!(!sealed.contains("name of"), "{sealed}");
    let snapshot = "snapshot     https://s.example/x?(masked), sha256 0f0f";
    assert!(sealed.contains(snapshot), "{sealed}");
    let key = "key          baker (consensus): tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA, p2pk688c";
    assert!(sealed.contains(key), "{sealed}");

    let (_, plain, _) = run(dir.path(), "explain plain.yaml");
    // But for the digest and the line that a warning is of, it is the same contract.
    let rest = |text: &str| -> Vec<String> {
        let lines = text.lines().skip(1).map(str::to_owned);
        lines.filter(|line| !line.starts_with("warning")).collect()
    };
    assert_eq!(rest(&plain), rest(&sealed));
}

#[test]
fn no_secret_is_ever_said() {
    let dir = folder();
    let (workload, env) = secretive();
    std::fs::write(dir.path().join("plain.yaml"), document(&workload, &env)).unwrap();
    std::fs::write(
        dir.path().join("other.yaml"),
        document(&self::workload(), &self::env()),
    )
    .unwrap();
    let mut said = String::new();
    for args in [
        "explain plain.yaml",
        "--json explain plain.yaml",
        "diff plain.yaml other.yaml",
        "diff other.yaml plain.yaml",
        "--json diff other.yaml plain.yaml",
        "lint plain.yaml",
        "--json lint plain.yaml",
        "disk --contract plain.yaml --hostname baker --out cidata.iso",
    ] {
        let (code, out, err) = run(dir.path(), args);
        assert!(matches!(code, Some(0 | 1)), "{args}: {err}");
        assert!(out.len() > 100, "{args}: {out}");
        said = said + &out + &err;
    }
    let secrets = [
        "CANARY".to_owned(),
        "c5c5c5c5".to_owned(),
        STANDARD.encode(SECRET_DER),
        STANDARD.encode(pem("PRIVATE KEY", SECRET_DER)),
        String::from_utf8(SECRET_DER.to_vec()).unwrap(),
    ];
    for secret in secrets {
        assert!(!said.contains(&secret), "{secret}: {said}");
    }
}

#[test]
fn certificates_are_named_and_their_days_counted() {
    let dir = folder();
    let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -days 400 -subj /CN=grep11-client/O=Example";
    if foreign(dir.path(), &["openssl"], &words(args)).is_none() {
        return;
    }
    let certificate = std::fs::read_to_string(dir.path().join("c.pem")).unwrap();
    let dummy = STANDARD.encode(pem("CERTIFICATE", &[7; 90]));
    let env = env().replace(&dummy, &STANDARD.encode(certificate));
    std::fs::write(dir.path().join("plain.yaml"), document(&workload(), &env)).unwrap();

    let (_, out, _) = run(dir.path(), "--json explain plain.yaml");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let client = &answer["asks"]["hsm"]["certificate"][0];
    assert_eq!(client["subject"], "CN=grep11-client, O=Example");
    assert_eq!(client["issuer"], client["subject"]);
    // Made a moment ago for 400 days.
    assert!(
        matches!(client["days_left"].as_i64(), Some(399 | 400)),
        "{client}"
    );
    let printed = foreign(
        dir.path(),
        &["openssl"],
        &words("x509 -in c.pem -noout -fingerprint -sha256"),
    );
    let printed = String::from_utf8(printed.unwrap().stdout)
        .unwrap()
        .replace(':', "")
        .to_lowercase();
    assert!(
        printed.trim().ends_with(client["sha256"].as_str().unwrap()),
        "{printed}"
    );

    let end = client["not_after"].as_i64().unwrap();
    for (at, word) in [
        (end - 29 * 86_400, "EXPIRES in 29 days"),
        (end - 30 * 86_400, " 30 days left"),
        (end - 1, "EXPIRES in 0 days"),
        (end + 1, "EXPIRED 1 days ago"),
    ] {
        let at = at.to_string();
        let (_, out, _) = run(dir.path(), &format!("explain --at {at} plain.yaml"));
        assert_eq!(out.matches(word).count(), 2, "{word}: {out}");
    }
}

#[test]
fn without_a_key_only_the_outside_is_explained() {
    let dir = folder();
    encrypt(dir.path(), "user-data");
    let (code, out, _) = run(dir.path(), "explain user-data");
    assert_eq!(code, Some(0));
    assert!(
        out.contains("workload     is encrypted and was not looked into; give --key\n"),
        "{out}"
    );
    assert!(!out.contains("network"), "{out}");
    let (_, out, _) = run(dir.path(), "--json explain user-data");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["encrypted"], serde_json::json!(["env", "workload"]));
    assert!(answer.get("asks").is_none());
}

#[test]
fn a_contract_that_a_guest_would_refuse_is_not_explained() {
    let dir = folder();
    let broken = document(&workload().replace("dal: none", "dal: CANARY"), &env());
    std::fs::write(dir.path().join("plain.yaml"), broken).unwrap();
    let (code, out, err) = run(dir.path(), "explain plain.yaml");
    assert_eq!((code, out.as_str()), (Some(65), ""));
    assert!(
        err.starts_with("value_invalid: workload.bakehouse.dal (line 8, column 10): "),
        "{err}"
    );
    assert!(!err.contains("CANARY"), "{err}");
}

#[test]
fn a_signature_is_called_verified_only_where_it_was() {
    let dir = folder();
    let (made, _, err) = run(
        dir.path(),
        "encrypt --certificate image.crt --workload workload.yaml --env env.yaml --signing-key image.key --out signed",
    );
    assert_eq!((made, err.as_str()), (Some(0), ""));
    let (_, sealed, _) = run(dir.path(), "explain signed");
    assert!(
        sealed.contains("signature    there is one; it can't be verified without --key\n"),
        "{sealed}"
    );
    let (_, opened, _) = run(dir.path(), "explain --key image.key signed");
    assert!(
        opened.contains("signature    verified, by the key "),
        "{opened}"
    );
    let (_, json, _) = run(dir.path(), "--json explain --key image.key signed");
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["signer"].as_str().map(str::len), Some(64), "{json}");
    assert_eq!(answer["serial"], Value::Null);
}
