//! Our own tokens, both directions, against Go's crypto/hpke: tests/interop/hpke.
//!
//! Skipped, loudly, where there is no Go that has it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/x25519.rs"]
mod x25519;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bakehouse_contract::Limits;
use bakehouse_contract::envelope::{DecryptionKey, Recipient, Sealing, Token, open};
use bakehouse_interop::go;
use hpke::kem::X25519HkdfSha256;
use hpke::{Kem, Serializable as _};

use crate::x25519::x25519_pair;

const SECTIONS: [&str; 3] = ["workload", "env", "attestationPublicKey"];

/// A case: which section and serial, and what the text is.
struct Case {
    section: &'static str,
    serial: u64,
    text: Vec<u8>,
}

fn cases() -> Vec<Case> {
    (0..100_usize)
        .map(|index| Case {
            section: SECTIONS[index % 3],
            serial: if index == 0 { 1 << 53 } else { index as u64 },
            text: (0..index * 37)
                .map(|at| ((at * 7 + index) % 251) as u8)
                .collect(),
        })
        .collect()
}

fn ask(program: &Path, requests: &[String]) -> Vec<String> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = requests.join("\n");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn go_opens_what_is_sealed_here_and_the_other_way_round() {
    let test = "go_opens_what_is_sealed_here_and_the_other_way_round";
    let program = match go::build("hpke") {
        Ok(program) => program,
        Err(reason) => return bakehouse_interop::skipped(test, &reason),
    };
    let (private, _) = X25519HkdfSha256::derive_keypair(&[9; 32]);
    let private = private.to_bytes();
    let (key, public) = x25519_pair(&private);
    let recipient = Recipient::from_pem(&public).unwrap();
    let keys = DecryptionKey::all_from_pem(&key).unwrap();
    let private = hex::encode(private);
    let shown = |text: &[u8]| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            hex::encode(text)
        }
    };

    // Ours for Go, each in its own section and in another.
    let mut requests = Vec::new();
    for case in cases() {
        let sealing = Sealing {
            section: case.section,
            serial: Some(case.serial),
            ..Sealing::default()
        };
        let token = sealing.seal(&case.text, &recipient).unwrap();
        for section in [case.section, SECTIONS[(case.text.len() + 1) % 3]] {
            requests.push(format!("open {private} {section} {token}"));
        }
    }
    let answers = ask(&program, &requests);
    assert_eq!(answers.len(), 200);
    for (pair, case) in answers.chunks(2).zip(cases()) {
        assert_eq!(pair[0], shown(&case.text));
        let same = SECTIONS[(case.text.len() + 1) % 3] == case.section;
        assert_eq!(pair[1] == "refused", !same);
    }
    assert!(answers.iter().filter(|answer| *answer == "refused").count() > 30);

    // Go's for us.
    let requests: Vec<String> = cases()
        .iter()
        .map(|it| {
            format!(
                "seal {private} {} {} {}",
                it.section,
                it.serial,
                shown(&it.text)
            )
        })
        .collect();
    let tokens = ask(&program, &requests);
    assert_eq!(tokens.len(), 100);
    for (text, case) in tokens.iter().zip(cases()) {
        let token = Token::parse(text, &Limits::default()).unwrap();
        assert_eq!(token.serial(), Some(case.serial));
        assert_eq!(
            open(&token, case.section, &keys).unwrap().expose(),
            &case.text
        );
        assert!(open(&token, "other", &keys).is_err());
    }
}
