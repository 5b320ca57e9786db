//! taquito's `RemoteSigner`, a client that nobody here wrote, gets valid signatures.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::payload::{attestation, block, preattestation, transaction};
use crate::support::{Bench, TestKey};

const HEAD: i32 = 1000;

/// Installs taquito by its lock file into `dir`; `None` where there is no node or npm.
fn install(dir: &Path) -> Option<PathBuf> {
    for tool in ["node", "npm"] {
        let found = Command::new(tool).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            eprintln!(
                "SKIPPED: taquito_gets_valid_signatures needs {tool}, which this machine does not have"
            );
            return None;
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop/taquito");
    for file in ["package.json", "package-lock.json", "sign.js"] {
        fs::copy(source.join(file), dir.join(file)).unwrap();
    }
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "npm ci: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(dir.join("sign.js"))
}

fn run(script: &Path, url: &str, jobs: &[Value]) -> Vec<Value> {
    let mut node = Command::new("node")
        .arg(script)
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = Value::from(jobs.to_vec()).to_string();
    node.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn job(key: &TestKey, payload: &[u8]) -> Value {
    json!({ "address": key.address, "watermark": payload[0], "bytes": hex::encode(&payload[1..]) })
}

#[test]
fn taquito_gets_valid_signatures() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let Some(script) = install(folder.path()) else {
        return;
    };
    let bakers = ["tz1", "tz2", "tz3"].map(|kind| bench.create(kind));
    let managers = ["tz1", "tz2", "tz3"].map(|kind| bench.create(kind));
    let mut rows: Vec<(&TestKey, &str, &[&str])> = Vec::new();
    rows.extend(bakers.iter().map(|key| (key, "consensus", &[] as &[&str])));
    rows.extend(
        managers
            .iter()
            .map(|key| (key, "manager", &["transaction"] as &[&str])),
    );
    let signer = bench.serve(&bench.config(&rows), HEAD);

    let mut asked: Vec<(&TestKey, Vec<u8>)> = Vec::new();
    for key in &bakers {
        for payload in [
            preattestation(HEAD + 3, 1),
            attestation(HEAD + 3, 1),
            block(HEAD + 3, 1),
        ] {
            asked.push((key, payload));
        }
    }
    for key in &managers {
        asked.push((key, [&[3][..], &transaction(key.tagged_hash())].concat()));
    }
    let mut jobs: Vec<Value> = asked
        .iter()
        .map(|(key, payload)| job(key, payload))
        .collect();
    let forbidden = [&[3][..], &transaction(bakers[0].tagged_hash())].concat();
    jobs.push(job(&bakers[0], &forbidden));
    jobs.push(job(&bakers[0], &[0x13, 0]));

    let url = format!("http://{}", signer.address);
    let results = run(&script, &url, &jobs);
    assert_eq!(results.len(), jobs.len());
    for ((key, payload), result) in asked.iter().zip(&results) {
        let signature = result["signature"]
            .as_str()
            .unwrap_or_else(|| panic!("{result}"));
        assert!(key.verifies(payload, signature), "{result}");
        assert!(result["generic"].as_str().unwrap().starts_with("sig"));
    }
    assert_eq!(
        results[results.len() - 2]["error"],
        "OperationNotAuthorized"
    );
    assert_eq!(results[results.len() - 1]["error"], "BadSigningData");
}
