//! Signatures and pins, by the operator's tool and by the `openssl` program, each checking what the other one made.
//!
//! Skipped, loudly, where there is no `openssl`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/openssl.rs"]
mod openssl;
#[path = "tools/run.rs"]
mod run;

use std::path::Path;

use bakehouse_contract::{ContractDocument, Limits};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::openssl::openssl;
use crate::run::run;

const ENV: &str = "type: env\nlogging:\n  syslog: {hostname: logs.example}\n";

/// An image's key, a deployer's key in all its forms, a stranger's key, an authority and its certificate for the deployer.
fn files() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    for key in ["image", "deployer", "stranger", "ca"] {
        openssl(path, &format!("genrsa -out {key}.pem 2048"), b"")?;
        openssl(
            path,
            &format!("pkey -in {key}.pem -pubout -out {key}.pub"),
            b"",
        )?;
    }
    for args in [
        "rsa -in deployer.pem -traditional -out pkcs1.pem",
        "pkcs8 -topk8 -in deployer.pem -v2 aes-256-cbc -passout pass:pw -out locked.pem",
        "req -x509 -new -key ca.pem -subj /CN=authority -days 30 -out ca.crt",
        "req -new -key deployer.pem -subj /CN=deployer -out deployer.csr",
        // As IBM's tools make it: version 1, no extensions.
        "x509 -req -in deployer.csr -CA ca.crt -CAkey ca.pem -CAcreateserial -days 20 -out deployer.crt",
    ] {
        openssl(path, args, b"")?;
    }
    std::fs::write(path.join("pw"), "pw\n").unwrap();
    std::fs::write(path.join("workload.yaml"), "type: workload\n").unwrap();
    std::fs::write(
        path.join("env.yaml"),
        format!("{ENV}bakehouse: {{serial: 4}}\n"),
    )
    .unwrap();
    Some(dir)
}

fn done(dir: &Path, args: &str) -> String {
    let (code, out, err) = run(dir, args);
    assert_eq!(code, Some(0), "{args}: {out}{err}");
    out
}

/// The error's code, as a program reads it.
fn refused(dir: &Path, args: &str) -> String {
    let (code, out, _) = run(dir, &format!("--json {args}"));
    assert_eq!(code, Some(65), "{args}: {out}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    answer["error"]["code"].as_str().unwrap().to_owned()
}

fn json(dir: &Path, args: &str) -> Value {
    serde_json::from_str(&done(dir, &format!("--json {args}"))).unwrap()
}

fn document(dir: &Path, name: &str) -> ContractDocument {
    ContractDocument::parse(&std::fs::read(dir.join(name)).unwrap(), &Limits::default()).unwrap()
}

/// Leaves what was signed and the signature in files.
fn take_apart(dir: &Path, name: &str) {
    let document = document(dir, name);
    let signature = STANDARD
        .decode(document.env_workload_signature().unwrap())
        .unwrap();
    std::fs::write(dir.join("sig"), signature).unwrap();
    let message = [document.workload(), document.env()].concat();
    std::fs::write(dir.join("message"), message).unwrap();
}

const ENCRYPT: &str =
    "encrypt --certificate image.pub --workload workload.yaml --env env.yaml --out user-data";

#[test]
fn openssl_verifies_what_is_signed_here() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    for key in [
        "--signing-key deployer.pem",
        "--signing-key pkcs1.pem",
        "--signing-key locked.pem --signing-passphrase pw",
        "--signing-key deployer.pem --signing-certificate deployer.crt",
    ] {
        done(dir, &format!("{ENCRYPT} {key}"));
        take_apart(dir, "user-data");
        openssl(
            dir,
            "dgst -sha256 -verify deployer.pub -signature sig message",
            b"",
        )
        .unwrap();

        // The key that a guest finds inside is base64 of PEM, and the rest of env is as it was.
        let plain = done(dir, "decrypt --key image.pem user-data");
        std::fs::write(dir.join("plain"), plain).unwrap();
        let plain = document(dir, "plain");
        let (first, rest) = plain.env().split_once('\n').unwrap();
        assert_eq!(rest, std::fs::read_to_string(dir.join("env.yaml")).unwrap());
        let named = first.strip_prefix("signingKey: ").unwrap();
        std::fs::write(dir.join("named"), STANDARD.decode(named).unwrap()).unwrap();
        if key.contains("certificate") {
            openssl(dir, "verify -CAfile ca.crt named", b"").unwrap();
        } else {
            openssl(
                dir,
                "dgst -sha256 -verify named -signature sig message",
                b"",
            )
            .unwrap();
        }
    }
    // The same contract, signed once more with `sign`, has the same signature: there is nothing random in it.
    let once = document(dir, "user-data");
    done(dir, "sign --key pkcs1.pem user-data --out again");
    let again = document(dir, "again");
    assert_eq!(
        once.env_workload_signature(),
        again.env_workload_signature()
    );
}

#[test]
fn what_openssl_signs_is_verified_here() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    // Base64 twice over, as one of IBM's tools leaves certificates.
    let certificate = std::fs::read(dir.join("deployer.crt")).unwrap();
    let named = STANDARD.encode(STANDARD.encode(certificate));
    let env = format!("{ENV}signingKey: {named}\n");
    std::fs::write(dir.join("env.yaml"), env).unwrap();
    done(dir, ENCRYPT);
    let made = document(dir, "user-data");
    let message = [made.workload(), made.env()].concat();
    std::fs::write(dir.join("message"), message).unwrap();
    openssl(dir, "dgst -sha256 -sign deployer.pem -out sig message", b"").unwrap();
    openssl(dir, "base64 -in sig -out sig.b64", b"").unwrap();
    // Lines of 64 characters, which IBM's schema allows.
    let lines = std::fs::read_to_string(dir.join("sig.b64")).unwrap();
    let signed = made.with_env_workload_signature(lines).to_yaml();
    std::fs::write(dir.join("signed"), signed).unwrap();

    let answer = json(dir, "verify --key image.pem signed");
    assert_eq!(
        (&answer["form"], &answer["pinned"]),
        (&"raw".into(), &false.into())
    );
    openssl(
        dir,
        "pkey -pubin -in deployer.pub -outform DER -out deployer.der",
        b"",
    )
    .unwrap();
    openssl(dir, "dgst -sha256 -hex -r -out digest deployer.der", b"").unwrap();
    let digest = std::fs::read_to_string(dir.join("digest")).unwrap();
    assert!(
        digest.starts_with(answer["signer"].as_str().unwrap()),
        "{digest}"
    );
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 1, "{answer}");
    let warning = answer["warnings"][0].as_str().unwrap();
    // Twenty, if no second has passed since.
    assert!(
        ["in 19 days", "in 20 days"]
            .iter()
            .any(|left| warning.ends_with(left)),
        "{warning}"
    );

    let expires = answer["expires"].as_str().unwrap();
    done(
        dir,
        &format!("verify --key image.pem --at {expires} signed"),
    );
    let later = expires.replacen("20", "21", 1);
    let late = format!("verify --key image.pem --at {later} signed");
    assert_eq!(refused(dir, &late), "contract_expired");
    for deployer in ["deployer.pub", "ca.crt"] {
        let args = format!("verify --key image.pem --deployer {deployer} signed");
        assert_eq!(json(dir, &args)["pinned"], true);
    }
    let args = "verify --key image.pem --deployer stranger.pub signed";
    assert_eq!(refused(dir, args), "signer_unpinned");
    let args = "verify --key image.pem --deployer deployer.crt signed";
    assert_eq!(refused(dir, args), "deployer_unusable");
    assert_eq!(
        refused(dir, "verify --key stranger.pem signed"),
        "contract_decrypt"
    );

    let text = done(dir, "verify --key image.pem --deployer ca.crt signed");
    assert!(
        text.contains(
            "signed: the signature is good\n  over     workload and env as they stand (raw)\n"
        ),
        "{text}"
    );
    let (_, out, _) = run(dir, "decrypt --key image.pem signed");
    assert!(!out.contains("envWorkloadSignature"), "{out}");
}

#[test]
fn pins_are_sealed_and_heeded() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    done(dir, &format!("{ENCRYPT} --signing-key deployer.pem"));
    let seal = |deployer: &str, serial: u64| {
        json(
            dir,
            &format!(
                "seal --deployer {deployer} --minimum-serial {serial} --built-at 2026-01-01T00:00:00Z --out pins"
            ),
        )
    };
    let verify = "verify --key image.pem --pins pins user-data";
    let made = seal("deployer.pub", 4);
    let answer = json(dir, verify);
    assert_eq!(
        (&answer["pinned"], &answer["serial"]),
        (&true.into(), &4.into())
    );
    openssl(dir, "dgst -sha256 -hex -r -out digest pins", b"").unwrap();
    let digest = std::fs::read_to_string(dir.join("digest")).unwrap();
    assert!(
        digest.starts_with(made["digest"].as_str().unwrap()),
        "{digest} {made}"
    );

    seal("stranger.pub --deployer deployer.pub", 1);
    done(dir, verify);
    seal("stranger.pub", 4);
    assert_eq!(refused(dir, verify), "signer_unpinned");
    seal("ca.crt", 4);
    assert_eq!(refused(dir, verify), "signer_unpinned");
    seal("deployer.pub", 5);
    assert_eq!(refused(dir, verify), "contract_too_old");
    assert_eq!(
        refused(dir, "lint --pins pins --key image.pem user-data"),
        "contract_too_old"
    );
    done(dir, ENCRYPT);
    assert_eq!(refused(dir, verify), "contract_unsigned");
    assert_eq!(
        refused(dir, "verify --key image.pem user-data"),
        "contract_unsigned"
    );

    // To standard output, a file of pins and nothing else.
    let text = done(dir, "seal --deployer deployer.pub --minimum-serial 4");
    std::fs::write(dir.join("pins"), text.replace("built_at", "build_at")).unwrap();
    let (code, _, err) = run(dir, verify);
    assert_eq!(code, Some(65));
    assert!(
        err.starts_with("pins_invalid: pins (line ") && err.contains("did you mean `built_at`?"),
        "{err}"
    );
    for wrong in [
        "seal --deployer deployer.pub",
        "seal --minimum-serial 1",
        "seal --deployer deployer.pub --minimum-serial 0",
        "seal --deployer deployer.pub --minimum-serial 1 --built-at yesterday",
        "verify --pins pins --deployer deployer.pub user-data",
    ] {
        assert_eq!(run(dir, wrong).0, Some(64), "{wrong}");
    }
}

#[test]
fn signing_refuses_what_no_guest_would_take() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let with = |key: &str| refused(dir, &format!("{ENCRYPT} {key}"));
    assert_eq!(
        with("--signing-key stranger.pem --signing-certificate deployer.crt"),
        "signing_key_invalid"
    );
    assert_eq!(
        with("--signing-key deployer.pem --signing-certificate deployer.pem"),
        "signing_key_unusable"
    );
    assert_eq!(with("--signing-key locked.pem"), "key_unusable");
    assert_eq!(with("--signing-key deployer.pub"), "key_unusable");
    let wrong = format!("{ENCRYPT} --signing-certificate deployer.crt");
    assert_eq!(run(dir, &wrong).0, Some(64));
    assert!(!dir.join("user-data").exists());

    // A plain env says at once whether it names the key.
    std::fs::write(
        dir.join("plain"),
        "workload: |\n  type: workload\nenv: |\n  type: env\n",
    )
    .unwrap();
    assert_eq!(
        refused(dir, "sign --key deployer.pem plain"),
        "signing_key_missing"
    );
    let named = STANDARD.encode(std::fs::read(dir.join("deployer.pub")).unwrap());
    let text = format!(
        "workload: |\n  type: workload\nenv: |\n  type: env\n  signingKey: {named}\nmore: x\n"
    );
    std::fs::write(dir.join("plain"), text).unwrap();
    assert_eq!(
        refused(dir, "sign --key stranger.pem plain"),
        "signature_invalid"
    );
    let (code, out, err) = run(dir, "sign --key deployer.pem plain");
    assert_eq!(code, Some(0), "{err}");
    // What is lost, and what else is doubtful.
    assert!(
        err.contains("note: contract (line 6, column 1): unknown key"),
        "{err}"
    );
    assert!(err.contains("note: a section is not encrypted"), "{err}");
    std::fs::write(dir.join("signed"), out).unwrap();
    done(dir, "verify signed");
}
