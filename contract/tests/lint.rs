//! What `lint` says of broken contracts: each of `tests/broken` has one thing wrong, and a snapshot of the words for it.
//!
//! Keys and certificates are made here and thrown away. The files hold their names between `@`; those marked below are
//! encrypted before they are looked at, so that only the one thing is wrong with them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/pem.rs"]
mod pem;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rsa::KeySize;
use bakehouse_contract::ContractDocument;
use bakehouse_contract::Limits;
use bakehouse_contract::envelope::{Prefix, Recipient, seal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};

use crate::pem::rsa_pair;

/// What stands in the files between `@`.
struct Material {
    values: Vec<(&'static str, String)>,
    image_key: String,
    recipient: Recipient,
}

fn certificate(key: &KeyPair, ends: SystemTime) -> String {
    let mut params = CertificateParams::new(vec!["hsm.example".to_owned()]).unwrap();
    params.not_before = (SystemTime::UNIX_EPOCH + Duration::from_hours(400_000)).into();
    params.not_after = ends.into();
    params.self_signed(key).unwrap().pem()
}

fn material() -> &'static Material {
    static MADE: OnceLock<Material> = OnceLock::new();
    MADE.get_or_init(|| {
        let now = SystemTime::now();
        let days = |days: u64| now + Duration::from_hours(days * 24 + 12);
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(444_444);
        let (image_key, public) = rsa_pair(KeySize::Rsa2048);
        let base64 = |text: String| STANDARD.encode(text);
        Material {
            values: vec![
                ("@BLOB@", "ab".repeat(120)),
                ("@CA@", base64(certificate(&other, days(400)))),
                ("@CERTIFICATE@", base64(certificate(&key, days(400)))),
                ("@EXPIRED@", base64(certificate(&key, long_ago))),
                ("@EXPIRING@", base64(certificate(&key, days(30)))),
                ("@KEY@", base64(key.serialize_pem())),
                ("@OTHER_KEY@", base64(other.serialize_pem())),
            ],
            image_key,
            recipient: Recipient::from_pem(&public).unwrap(),
        }
    })
}

fn broken() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

fn filled(name: &str) -> String {
    let text = std::fs::read_to_string(broken().join(name)).unwrap();
    let values = &material().values;
    values
        .iter()
        .fold(text, |text, (mark, value)| text.replace(mark, value))
}

/// What `lint` prints and its exit code, with what differs from run to run left out.
fn lint(text: &str, key: bool, json: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("contract.yaml"), text).unwrap();
    std::fs::write(dir.path().join("image.key"), &material().image_key).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bakehouse-contract"));
    command
        .current_dir(dir.path())
        .args(["lint", "contract.yaml"]);
    if key {
        command.args(["--key", "image.key"]);
    }
    if json {
        command.arg("--json");
    }
    let output = command.output().unwrap();
    let shown = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8(shown).unwrap();
    for (mark, value) in &material().values {
        assert!(!shown.contains(value), "{mark} is shown: {shown}");
    }
    let code = output.status.code().unwrap();
    format!("exit code {code}\n{}", constant(&shown))
}

/// The digest and the day on which a certificate ends are new in every run.
fn constant(shown: &str) -> String {
    let mut out = String::new();
    for line in shown.lines() {
        let line = match line.split_once("(digest ") {
            Some((before, _)) => format!("{before}(digest …)"),
            None => line.to_owned(),
        };
        let line = match line.split_once("expires in 30 days, on ") {
            Some((before, day)) => {
                assert_eq!(day.len(), "2027-01-31".len(), "{day}");
                format!("{before}expires in 30 days, on …")
            }
            None => line,
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// The same contract with both sections encrypted.
fn sealed(text: &str) -> String {
    let document = ContractDocument::parse(text.as_bytes(), &Limits::default()).unwrap();
    let token = |text: &str| {
        seal(text.as_bytes(), &material().recipient, Prefix::default())
            .unwrap()
            .to_string()
    };
    ContractDocument::new(token(document.workload()), token(document.env())).to_yaml()
}

#[test]
fn each_broken_contract_is_told_of_with_place_and_remedy() {
    let mut names: Vec<String> = std::fs::read_dir(broken())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        let text = filled(&name);
        // What is warned of here has nothing to do with who can read it.
        let in_the_clear = !["00", "13", "14", "16"]
            .iter()
            .any(|it| name.starts_with(it));
        let shown = if in_the_clear {
            lint(&text, false, false)
        } else {
            lint(&sealed(&text), true, false)
        };
        if !name.starts_with("00") {
            assert!(shown.contains("remedy: "), "{name}: {shown}");
        }
        insta::assert_snapshot!(name.trim_end_matches(".yaml"), shown);
    }
}

#[test]
fn a_warning_is_an_object_for_programs() {
    let shown = lint(&filled("12-secrets-in-the-clear.yaml"), false, true);
    let (_, json) = shown.split_once('\n').unwrap();
    let json = json.replace("(digest …)", "");
    let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
    let warnings = answer["warnings"].as_array().unwrap();
    assert!(warnings.len() >= 6, "{warnings:?}");
    for warning in warnings {
        if warning["path"] == "envWorkloadSignature" {
            continue;
        }
        assert!(warning["line"].is_u64() && warning["column"].is_u64());
        assert!(warning["remedy"].is_string(), "{warning}");
    }
}
