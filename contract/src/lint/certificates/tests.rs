use std::path::Path;
use std::process::Command;

use rstest::rstest;

use super::*;
use crate::limits::Limits;
use crate::node::{Node, Origin};
use crate::time::DAY;

/// Runs openssl and returns the file that it wrote.
fn openssl(dir: &Path, out: &str, args: &[&str]) -> String {
    let done = Command::new("openssl")
        .current_dir(dir)
        .args(args)
        .args(["-out", out])
        .output()
        .unwrap();
    assert!(done.status.success(), "{args:?}: {done:?}");
    std::fs::read_to_string(dir.join(out)).unwrap()
}

/// A key as openssl makes it, and a certificate for it.
fn pair_of(key: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let key = openssl(dir.path(), "key.pem", key);
    let request = [
        "req", "-x509", "-key", "key.pem", "-subj", "/CN=a", "-days", "300",
    ];
    (openssl(dir.path(), "certificate.pem", &request), key)
}

fn judge(certificate: &str, key: &str) -> Option<String> {
    let text = serde_json::json!({ "certificate": certificate, "key": key }).to_string();
    let tree = Node::parse(&text, &Limits::default(), Origin::Document).unwrap();
    pair(&View::new(&tree, "x", Origin::Document)).map(|warning| warning.to_string())
}

// Emulated s390x can't start a program of its own kind.
#[cfg(not(target_arch = "s390x"))]
#[rstest]
#[case(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])]
#[case(&["ecparam", "-name", "prime256v1", "-genkey"])]
#[case(&["ecparam", "-name", "secp384r1", "-genkey", "-noout"])]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"])]
#[case(&["genpkey", "-algorithm", "ED25519"])]
fn keys_of_every_kind_match_their_own_certificates_only(#[case] key: &[&str]) {
    let ((certificate, key), (other_certificate, other_key)) = (pair_of(key), pair_of(key));
    assert_eq!(judge(&certificate, &key), None);
    assert_eq!(judge(&other_certificate, &other_key), None);
    let words = judge(&certificate, &other_key).unwrap();
    assert!(words.starts_with("x.key (line 1, column"), "{words}");
    assert!(words.contains("not the key of the certificate"), "{words}");
    assert!(judge(&other_certificate, &key).is_some());
}

#[cfg(not(target_arch = "s390x"))]
#[test]
fn rsa_keys_of_the_old_form_match_too() {
    let (certificate, key) = pair_of(&["genpkey", "-algorithm", "RSA"]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key.pem"), key).unwrap();
    let old = openssl(
        dir.path(),
        "old.pem",
        &["rsa", "-in", "key.pem", "-traditional"],
    );
    assert!(old.starts_with("-----BEGIN RSA PRIVATE KEY"));
    assert_eq!(judge(&certificate, &old), None);
}

#[cfg(not(target_arch = "s390x"))]
#[test]
fn keys_that_tls_can_not_use_are_said_to_be_so() {
    let (certificate, _) = pair_of(&["genpkey", "-algorithm", "ED25519"]);
    let dir = tempfile::tempdir().unwrap();
    let short = openssl(
        dir.path(),
        "k",
        &[
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:1024",
        ],
    );
    assert!(
        judge(&certificate, &short)
            .unwrap()
            .contains("2048 bits or more")
    );
}

#[cfg(not(target_arch = "s390x"))]
#[test]
fn certificates_are_warned_of_before_their_end_and_after_it() {
    let (certificate, _) = pair_of(&["genpkey", "-algorithm", "ED25519"]);
    let tree = Node::parse("x", &Limits::default(), Origin::Document).unwrap();
    let view = View::new(&tree, "x", Origin::Document);
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let said = |now| {
        let mut found = validity(&view, &certificate, now);
        assert!(found.len() < 2);
        found.pop().map(|warning| warning.message().to_owned())
    };
    assert_eq!(said(now + 60), None);
    assert_eq!(said(now + 119 * DAY), None);
    let soon = said(now + 200 * DAY + 60).unwrap();
    assert!(soon.contains("expires in 99 days, on 20"), "{soon}");
    let late = said(now + 301 * DAY).unwrap();
    assert!(late.contains("expired on 20"), "{late}");
    let early = said(now - 2 * DAY).unwrap();
    assert!(early.contains("valid only from 20"), "{early}");
}
