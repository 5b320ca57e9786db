//! Passwords that chance seldom brings: with a line feed or a NUL at each place, and none at all.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use aws_lc_rs::rand;
use bakehouse_interop::contract_go::{self, ContractGo};
use serde_json::json;

use super::contract_go;
use super::faults::{Fault, foretold};
use super::keys::Pair;

const TEXT: &str = "type: env\nbakehouse: {}\n";

/// Passwords of 32 bytes with a stop at each place, one with both, and some that are short.
fn passwords() -> Vec<Vec<u8>> {
    let mut passwords = Vec::new();
    for stop in [0, b'\n'] {
        for at in 0..32 {
            let mut password = vec![0; 32];
            rand::fill(&mut password).unwrap();
            for byte in &mut password {
                *byte |= 0x40;
            }
            password[at] = stop;
            passwords.push(password);
        }
    }
    passwords.extend([&b"a\n\0b"[..], b"a\0\nb", b"\r\n", b"", b"x"].map(<[u8]>::to_vec));
    passwords
}

/// What openssl reads of a password.
fn cut(password: &[u8]) -> &[u8] {
    let end = password.iter().position(|b| matches!(b, 0 | b'\n'));
    &password[..end.unwrap_or(password.len())]
}

#[test]
fn passwords_that_openssl_cuts_open_here_in_both_forms_and_there_in_one() {
    let test = "passwords_that_openssl_cuts";
    let Some(mut go) = contract_go(test) else {
        return;
    };
    let image = Pair::image();
    let mut outcomes: BTreeMap<Option<Fault>, usize> = BTreeMap::new();
    for password in passwords() {
        for whole in [false, true] {
            let from = if whole { &password } else { cut(&password) };
            let token = image.craft(TEXT.as_bytes(), &password, from);
            assert_eq!(
                image.open(&token).as_deref(),
                Some(TEXT.as_bytes()),
                "{password:?} {whole}"
            );
            let job = json!({ "do": "decrypt-text", "text": token, "key": image.key });
            let plain = go.ask(&job);
            let fault = foretold(&token, &password, whole);
            assert_eq!(
                plain == Ok(TEXT.to_owned()),
                fault.is_none(),
                "{fault:?} {password:?} {whole} {plain:?}"
            );
            if fault == Some(Fault::NoLine) {
                let reason = plain.unwrap_err();
                assert!(reason.contains("reading password"), "{reason}");
            }
            *outcomes.entry(fault).or_default() += 1;
        }
    }
    for outcome in [None, Some(Fault::NoLine), Some(Fault::Cut)] {
        assert!(outcomes.contains_key(&outcome), "{outcome:?}");
    }
    println!("contract-go, by reason of failure: {outcomes:?}");
}

/// An `openssl` that draws the password of our choice.
fn rigged(password: &str) -> Option<(tempfile::TempDir, ContractGo)> {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("openssl");
    let script =
        format!("#!/bin/sh\n[ \"$1\" != rand ] || exec printf '{password}'\nexec openssl \"$@\"\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let go = ContractGo::start_with_openssl(&program)
        .map_err(|reason| bakehouse_interop::skipped("a rigged openssl", &reason))
        .ok()?;
    Some((dir, go))
}

#[test]
fn the_passwords_that_contract_go_draws_are_cut_where_it_cuts_them() {
    let image = Pair::image();
    for (written, password) in [
        (r"\nafter the line feed", &b"\nafter the line feed"[..]),
        (r"before\nafter", b"before\nafter"),
        (r"before\000after", b"before\0after"),
        (r"before\000\n", b"before\0\n"),
        (r"\377\376\200", b"\xff\xfe\x80"),
    ] {
        let Some((_dir, mut go)) = rigged(written) else {
            return;
        };
        let job = json!({
            "do": "encrypt-text", "text": TEXT, "os": "ccrt", "certificate": image.certificate,
        });
        let token = go.ask(&job).unwrap();
        assert_eq!(image.password(&token), password);
        assert_eq!(
            image.open(&token).as_deref(),
            Some(TEXT.trim().as_bytes()),
            "{written}"
        );
    }
    let Some((_dir, mut go)) = rigged(r"\000after") else {
        return;
    };
    let job = json!({
        "do": "encrypt-text", "text": TEXT, "os": "ccrt", "certificate": image.certificate,
    });
    let reason = go.ask(&job).unwrap_err();
    assert!(reason.contains("reading password"), "{reason}");
    assert!(contract_go::version().unwrap().starts_with("v2."));
}
