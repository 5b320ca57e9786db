//! The operator's tool as a program: its exit codes, its words, and what it never says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/pem.rs"]
mod pem;
#[path = "tools/run.rs"]
mod run;
#[path = "tools/sections.rs"]
mod sections;

use std::path::Path;

use aws_lc_rs::rsa::KeySize;

use crate::pem::rsa_pair;
use crate::run::run;
use crate::sections::{env, workload};

/// Sections, a key and its public half, in files.
fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (private, public) = rsa_pair(KeySize::Rsa2048);
    for (name, text) in [
        ("key.pem", private),
        ("public.pem", public),
        ("workload.yaml", workload()),
        ("env.yaml", env()),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn encrypt(dir: &Path) {
    let args = "encrypt --certificate public.pem --workload workload.yaml --env env.yaml --out user-data \
                --attestation-public-key public.pem";
    assert_eq!(run(dir, args), (Some(0), String::new(), String::new()));
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

    let (code, out, err) = run(dir.path(), "lint user-data");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("workload is encrypted") && out.contains("env is encrypted"),
        "{out}"
    );
    let (code, out, err) = run(dir.path(), "lint --key key.pem user-data");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("warning: envWorkloadSignature: the contract is not signed")
            && out.contains("\nuser-data: sound (digest "),
        "{out}"
    );

    let (_, plain, _) = run(dir.path(), "decrypt --key key.pem user-data");
    std::fs::write(dir.path().join("plain"), &plain).unwrap();
    assert!(
        plain.contains("\nworkload: |\n  type: workload\n  bakehouse:\n    network: shadownet\n"),
        "{plain}"
    );
    assert_eq!(run(dir.path(), "lint plain").0, Some(0));

    let token = sealed
        .lines()
        .find_map(|line| line.strip_prefix("env: "))
        .unwrap();
    std::fs::write(dir.path().join("token"), format!("{token}\n")).unwrap();
    let (_, out, _) = run(dir.path(), "decrypt --key key.pem token");
    assert_eq!(out, env());
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
    let (code, out, err) = run(dir.path(), "lint --key key.pem user-data");
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
        ("lint", 64, "Usage"),
        ("bake", 64, "Usage"),
        ("lint none", 66, "none: can't be read"),
        ("lint bad", 65, "value_invalid: workload"),
        ("lint --key key.pem bad", 65, "contract_decrypt"),
        ("lint large", 65, "contract_too_large"),
        ("lint empty", 65, "contract_missing"),
        (
            "lint --key env.yaml bad",
            65,
            "env.yaml: the key is not PEM",
        ),
        ("decrypt --key public.pem bad", 65, "PRIVATE KEY"),
        ("lint --passphrase env.yaml bad", 64, "--key"),
        ("--help", 0, ""),
        ("--version", 0, ""),
    ] {
        let (code, _, err) = run(dir.path(), args);
        assert_eq!(code, Some(expected), "{args}: {err}");
        assert!(err.contains(word), "{args}: {err}");
    }
}

#[test]
fn a_signed_contract_is_decrypted_without_its_signature_and_says_so() {
    let dir = files();
    encrypt(dir.path());
    let sealed = std::fs::read_to_string(dir.path().join("user-data")).unwrap();
    let signed = format!("{sealed}envWorkloadSignature: c2ln\n");
    std::fs::write(dir.path().join("signed"), signed).unwrap();
    let (_, plain, _) = run(dir.path(), "decrypt --key key.pem user-data");
    let (code, out, err) = run(dir.path(), "decrypt --key key.pem signed");
    assert_eq!((code, out), (Some(0), plain));
    assert!(
        err.starts_with("note: envWorkloadSignature was left out"),
        "{err}"
    );
    let (code, out, err) = run(dir.path(), "--json decrypt --key key.pem signed");
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
        let (code, _, err) = run(dir.path(), args);
        assert_eq!(code, Some(65), "{err}");
        assert!(err.starts_with(word), "{err}");
        assert!(!dir.path().join("out").exists());
    }
}
