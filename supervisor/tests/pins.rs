//! Pins, by the real program: what an image does not take ends a boot, and what it was built with is part of the plan.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test; clippy knows only functions marked #[test]"
)]

use std::path::Path;
use std::process::{Command, Output};

use bakehouse_contract::pins::{Deployer, Pins};
use bakehouse_contract::signature::{Signer, with_signing_key};
use bakehouse_contract::{ContractDocument, Limits};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::Value;

const BAKEHOUSE: &str = env!("CARGO_BIN_EXE_bakehouse");

fn workload() -> String {
    let (blob, digest) = ("ab".repeat(120), "0f".repeat(32));
    format!(
        "type: workload\nbakehouse:\n  network: shadownet\n  chain_id: NetXsqzbfFenSTS\n  node: {{history_mode: rolling}}\n  \
         baker: {{liquidity_baking_toggle_vote: pass}}\n  dal: none\n  accuser: false\n  keys:\n    - name: baker\n      \
         role: consensus\n      public_key: p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk\n      blob: {blob}\n  \
         executables:\n    bakehouse-signer: {digest}\n    octez-node: {digest}\n    octez-baker: {digest}\n"
    )
}

fn env() -> String {
    let pem =
        |label: &str| format!("\"-----BEGIN {label}-----\\nAAAA\\n-----END {label}-----\\n\"");
    let (certificate, key) = (pem("CERTIFICATE"), pem("PRIVATE KEY"));
    format!(
        "type: env\nbakehouse:\n  serial: 4\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials:\n      ca: {certificate}\n      certificate: {certificate}\n      key: {key}\n"
    )
}

/// `signed`, `unsigned`, and the pins `mine`, `newer` and `others` in files.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let [mine, other] = [(); 2].map(|()| {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        Signer::from_pem(&key.serialize_pem()).unwrap()
    });
    let public = mine.public().unwrap();
    let named = with_signing_key(&env(), &public, &Limits::default()).unwrap();
    let document = ContractDocument::new(workload(), named.expose().clone());
    let signed = mine.sign(document).unwrap().to_yaml();
    let unsigned = ContractDocument::new(workload(), env()).to_yaml();
    let pins = |signer: &Signer, serial| {
        let deployer = Deployer::from_pem(&signer.public().unwrap().to_pem()).unwrap();
        Pins::new(vec![deployer], Some(serial), 0).to_yaml()
    };
    for (name, text) in [
        ("signed", signed),
        ("unsigned", unsigned),
        ("mine", pins(&mine, 4)),
        ("newer", pins(&mine, 5)),
        ("others", pins(&other, 4)),
        ("damaged", "deployers: []\n".to_owned()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn plan(folder: &Path, words: &[&str]) -> Output {
    Command::new(BAKEHOUSE)
        .arg("plan")
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Contract, pins, and the code that they end in.
const REFUSED: [(&str, &str, &str); 6] = [
    ("unsigned", "mine", "contract_unsigned"),
    ("signed", "newer", "contract_too_old"),
    ("signed", "others", "signer_unpinned"),
    ("signed", "damaged", "pins_invalid"),
    ("signed", "missing", "pins_invalid"),
    ("signed", ".", "pins_invalid"),
];

#[test]
fn pins_are_part_of_the_plan() {
    let folder = files();
    let made = |words: &[&str]| -> Value {
        let output = plan(folder.path(), words);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let pinned = made(&["signed", "--pins", "mine"]);
    let pins = Pins::parse(&std::fs::read(folder.path().join("mine")).unwrap()).unwrap();
    assert_eq!(pinned["plan"]["pins"], pins.digest());
    let free = made(&["signed"]);
    assert_eq!(free["plan"]["pins"], Value::Null);
    assert_ne!(pinned["digest"], free["digest"]);
    made(&["unsigned"]);
}

#[test]
fn a_contract_that_the_pins_refuse_has_no_plan() {
    let folder = files();
    for (contract, pins, code) in REFUSED {
        let output = plan(folder.path(), &[contract, "--pins", pins]);
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(
            words.starts_with(&format!("bakehouse: {code}: ")),
            "{words}"
        );
    }
}

#[test]
fn what_another_runtime_opened_satisfies_pins_only_by_its_own_text() {
    let folder = files();
    let runtime = ["--host", "workload"];
    let with = |contract: &str, more: &[&str]| {
        plan(folder.path(), &[&[contract][..], &runtime, more].concat())
    };
    assert!(with("signed", &["--pins", "mine"]).status.success());
    // The signature that the runtime verified was over tokens.
    let path = folder.path().join("signed");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("serial: 4", "serial: 5")).unwrap();
    assert!(with("signed", &[]).status.success());
    let output = with("signed", &["--pins", "mine"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("signature_unverifiable: "), "{words}");
    // Outside of that runtime nobody has verified it.
    let output = plan(folder.path(), &["signed"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("signature_invalid: "), "{words}");
}

#[test]
fn a_boot_ends_at_what_the_pins_refuse() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: not root, so no namespaces");
        return;
    }
    let folder = files();
    for (contract, pins, code) in REFUSED {
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--", BAKEHOUSE, "run", "--contract"]);
        command.arg(folder.path().join(contract));
        command.arg("--pins").arg(folder.path().join(pins));
        command.arg("--units").arg(folder.path());
        command.arg("--runtime-dir").arg(folder.path().join("run"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["event"], &last["code"]),
            (&"halted".into(), &code.into()),
            "{text}"
        );
        assert!(!text.contains("port.opened"));
    }
}
