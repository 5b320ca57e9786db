//! The operator's tool as a program: its exit codes, its words, and what it never says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::path::Path;
use std::process::{Command, Output};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn run(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bakehouse-contract"))
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap()
}

fn words(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

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
    let certificate = STANDARD.encode(pem("CERTIFICATE", &[7; 90]));
    let key = STANDARD.encode(pem("PRIVATE KEY", &[9; 90]));
    format!(
        "type: env\nbakehouse:\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials: {{ca: {certificate}, certificate: {certificate}, key: {key}}}\n"
    )
}

/// Sections, a key and its public half, in files.
fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'static> = key.as_der().unwrap();
    let public: PublicKeyX509Der<'static> = key.public_key().as_der().unwrap();
    for (name, text) in [
        ("key.pem", pem("PRIVATE KEY", private.as_ref())),
        ("public.pem", pem("PUBLIC KEY", public.as_ref())),
        ("workload.yaml", workload()),
        ("env.yaml", env()),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn encrypt(dir: &Path) {
    let args = [
        "--certificate",
        "public.pem",
        "--workload",
        "workload.yaml",
        "--env",
        "env.yaml",
        "--out",
        "user-data",
    ];
    let output = run(
        dir,
        &[
            &["encrypt"][..],
            &args,
            &["--attestation-public-key", "public.pem"],
        ]
        .concat(),
    );
    assert_eq!(words(&output), (Some(0), String::new(), String::new()));
}

#[test]
fn a_contract_is_encrypted_linted_and_decrypted() {
    let dir = files();
    encrypt(dir.path());
    let sealed = std::fs::read_to_string(dir.path().join("user-data")).unwrap();
    assert_eq!(
        sealed.matches("hyper-protect-basic.").count(),
        3,
        "{sealed}"
    );

    let (code, out, err) = words(&run(dir.path(), &["lint", "user-data"]));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("workload is encrypted") && out.contains("env is encrypted"),
        "{out}"
    );
    let (code, out, err) = words(&run(dir.path(), &["lint", "--key", "key.pem", "user-data"]));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.starts_with("warning: envWorkloadSignature: the contract is not signed")
            && out.contains("\nuser-data: sound (digest "),
        "{out}"
    );

    let output = run(dir.path(), &["decrypt", "--key", "key.pem", "user-data"]);
    std::fs::write(dir.path().join("plain"), &output.stdout).unwrap();
    let plain = String::from_utf8(output.stdout).unwrap();
    assert!(
        plain.contains("\nworkload: |\n  type: workload\n  bakehouse:\n    network: shadownet\n"),
        "{plain}"
    );
    assert_eq!(words(&run(dir.path(), &["lint", "plain"])).0, Some(0));

    let token = sealed
        .lines()
        .find_map(|line| line.strip_prefix("env: "))
        .unwrap();
    std::fs::write(dir.path().join("token"), format!("{token}\n")).unwrap();
    let output = run(dir.path(), &["decrypt", "--key", "key.pem", "token"]);
    assert_eq!(output.stdout, env().as_bytes());
}

#[test]
fn lint_says_what_where_and_how_to_mend_it() {
    let dir = files();
    std::fs::write(
        dir.path().join("workload.yaml"),
        workload().replace("accuser: false", "acuser: false"),
    )
    .unwrap();
    encrypt(dir.path());
    let (code, out, err) = words(&run(dir.path(), &["lint", "--key", "key.pem", "user-data"]));
    assert_eq!((code, out.as_str()), (Some(65), ""));
    assert_eq!(
        err,
        "key_unknown: workload.bakehouse (line 8, column 3 of the text of workload): unknown key `acuser`: did you mean \
         `accuser`?\n  remedy: Remove the key or correct its name.\n"
    );
}

#[test]
fn exit_codes_tell_usage_contract_and_files_apart() {
    let dir = files();
    std::fs::write(
        dir.path().join("bad"),
        "workload: x\nenv: contract-basic.AAAA.AAAA\n",
    )
    .unwrap();
    std::fs::write(dir.path().join("large"), vec![b'a'; 300 * 1024]).unwrap();
    std::fs::write(dir.path().join("empty"), "").unwrap();
    for (args, expected, word) in [
        (&["lint"][..], 64, "Usage"),
        (&["bake"], 64, "Usage"),
        (&["lint", "none"], 66, "none: can't be read"),
        (&["lint", "bad"], 65, "value_invalid: workload"),
        (&["lint", "--key", "key.pem", "bad"], 65, "contract_decrypt"),
        (&["lint", "large"], 65, "contract_too_large"),
        (&["lint", "empty"], 65, "contract_missing"),
        (
            &["lint", "--key", "env.yaml", "bad"],
            65,
            "env.yaml: the key is not PEM",
        ),
        (
            &["decrypt", "--key", "public.pem", "bad"],
            65,
            "PRIVATE KEY",
        ),
        (&["lint", "--passphrase", "env.yaml", "bad"], 64, "--key"),
        (&["--help"], 0, ""),
        (&["--version"], 0, ""),
    ] {
        let (code, _, err) = words(&run(dir.path(), args));
        assert_eq!(code, Some(expected), "{args:?}: {err}");
        assert!(err.contains(word), "{args:?}: {err}");
    }
}

#[test]
fn a_signed_contract_is_decrypted_without_its_signature_and_says_so() {
    let dir = files();
    encrypt(dir.path());
    let sealed = std::fs::read_to_string(dir.path().join("user-data")).unwrap();
    let signed = format!("{sealed}envWorkloadSignature: c2ln\n");
    std::fs::write(dir.path().join("signed"), signed).unwrap();
    let plain = run(dir.path(), &["decrypt", "--key", "key.pem", "user-data"]).stdout;
    let (code, out, err) = words(&run(dir.path(), &["decrypt", "--key", "key.pem", "signed"]));
    assert_eq!((code, out.as_bytes()), (Some(0), &plain[..]));
    assert!(
        err.starts_with("note: envWorkloadSignature was left out"),
        "{err}"
    );
    let args = ["--json", "decrypt", "--key", "key.pem", "signed"];
    let (code, out, err) = words(&run(dir.path(), &args));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(
        answer["note"].as_str().unwrap().contains("was left out"),
        "{out}"
    );
}

#[test]
fn sections_that_no_guest_would_read_are_refused_and_never_cut() {
    let dir = files();
    let limit = 256 * 1024;
    // A section over its limit; one whose token is over the document's.
    for (bytes, word) in [
        (limit + 1, "contract_too_large: workload: "),
        (limit, "contract_too_large: contract: "),
    ] {
        // Characters of two bytes, so that a cut would be in one.
        let text = format!("{}{}", "é".repeat(bytes / 2), "a".repeat(bytes % 2));
        std::fs::write(dir.path().join("workload.yaml"), text).unwrap();
        let args =
            "encrypt --certificate public.pem --workload workload.yaml --env env.yaml --out out";
        let args: Vec<&str> = args.split(' ').collect();
        let (code, _, err) = words(&run(dir.path(), &args));
        assert_eq!(code, Some(65), "{err}");
        assert!(err.starts_with(word), "{err}");
        assert!(!dir.path().join("out").exists());
    }
}
