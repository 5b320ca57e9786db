//! `encrypt` and `decrypt` with tokens of our own, and with a seed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/pem.rs"]
mod pem;
#[path = "tools/run.rs"]
mod run;
#[path = "tools/x25519.rs"]
mod x25519;

use aws_lc_rs::rsa::KeySize;
use rstest::rstest;

use crate::pem::rsa_pair;
use crate::run::run;
use crate::x25519::x25519_pair;

const WORKLOAD: &str = "type: workload\nbakehouse: {network: none}\n";
const ENV: &str = "type: env\nbakehouse:\n  serial: 41\n";

/// Sections, a seed and two keys of the image, in files.
fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let mut keys = String::new();
    for (name, private) in [("other.pem", [5; 32]), ("public.pem", [3; 32])] {
        let (private, public) = x25519_pair(&private);
        keys += &private;
        write(name, &public);
    }
    write("keys.pem", &keys);
    write("workload.yaml", WORKLOAD);
    write("env.yaml", ENV);
    write("plain-env.yaml", "type: env\n");
    write("seed", &"5".repeat(64));
    write("short", &"5".repeat(31));
    dir
}

const ENCRYPT: &str = "encrypt --certificate public.pem --workload workload.yaml";

#[test]
fn a_contract_for_an_x25519_key_is_encrypted_and_decrypted() {
    let dir = files();
    let dir = dir.path();
    let args = format!("{ENCRYPT} --env env.yaml --attestation-public-key public.pem --out sealed");
    assert_eq!(run(dir, &args), (Some(0), String::new(), String::new()));
    let sealed = std::fs::read_to_string(dir.join("sealed")).unwrap();
    assert_eq!(
        sealed.matches(": bakehouse-hpke.41.").count(),
        3,
        "{sealed}"
    );

    let (code, out, err) = run(dir, "decrypt --key keys.pem sealed");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for part in ["serial: 41", "type: workload", "BEGIN PUBLIC KEY"] {
        assert!(out.contains(part), "{out}");
    }
    // A lone token does not say which section it is of.
    for (section, plain) in [("workload", WORKLOAD), ("env", ENV)] {
        let token = sealed
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{section}: ")));
        std::fs::write(dir.join("token"), token.unwrap()).unwrap();
        let expected = (Some(0), plain.to_owned(), String::new());
        assert_eq!(run(dir, "decrypt --key keys.pem token"), expected);
    }
    // The sections change places: neither opens.
    let swapped = sealed
        .replace("workload:", "x:")
        .replace("env:", "workload:")
        .replace("x:", "env:");
    std::fs::write(dir.join("swapped"), swapped).unwrap();
    let (code, _, err) = run(dir, "decrypt --key keys.pem swapped");
    assert_eq!(code, Some(65));
    assert!(
        err.starts_with("contract_decrypt: contract: can't be decrypted\n"),
        "{err}"
    );
}

#[rstest]
#[case::from_env("--env env.yaml", Ok(41))]
#[case::the_same("--env env.yaml --serial 41", Ok(41))]
#[case::another("--env env.yaml --serial 42", Err((65, "serial_unusable", "not the same")))]
#[case::not_in_env("--env plain-env.yaml --serial 41", Err((65, "serial_unusable", "must stand in env")))]
#[case::nowhere("--env plain-env.yaml", Err((65, "certificate_unusable", "need the contract's serial")))]
#[case::zero("--env env.yaml --serial 0", Err((64, "", "")))]
#[case::none("--env env.yaml --serial x", Err((64, "", "")))]
fn the_serial_is_one(#[case] args: &str, #[case] expected: Result<u64, (i32, &str, &str)>) {
    let dir = files();
    let (code, out, _) = run(dir.path(), &format!("--json {ENCRYPT} {args}"));
    match expected {
        Ok(serial) => {
            assert_eq!(code, Some(0), "{out}");
            let tokens = out.matches(&format!("bakehouse-hpke.{serial}.")).count();
            assert_eq!(tokens, 2, "{out}");
        }
        Err((exit, name, words)) => {
            assert_eq!(code, Some(exit));
            assert!(out.contains(name) && out.contains(words), "{out}");
        }
    }
}

#[test]
fn tokens_that_are_given_must_be_of_the_same_contract() {
    let dir = files();
    let dir = dir.path();
    let (_, sealed, _) = run(dir, &format!("{ENCRYPT} --env env.yaml"));
    let token = |section: &str| {
        let line = sealed.lines().find_map(|line| line.strip_prefix(section));
        line.unwrap().to_owned()
    };
    std::fs::write(dir.join("workload.yaml"), token("workload: ")).unwrap();
    let (code, out, _) = run(dir, &format!("{ENCRYPT} --env env.yaml"));
    assert_eq!(code, Some(0));
    assert!(out.contains(&token("workload: ")), "{out}");
    // env is sealed too: its token names the serial.
    std::fs::write(dir.join("token"), token("env: ")).unwrap();
    assert_eq!(run(dir, &format!("{ENCRYPT} --env token")).1, sealed);
    std::fs::write(dir.join("env.yaml"), ENV.replace("41", "42")).unwrap();
    let (code, _, err) = run(dir, &format!("{ENCRYPT} --env env.yaml"));
    assert_eq!(code, Some(65));
    assert_eq!(err, "the serial of a token is not the contract's\n");
}

#[test]
fn the_same_seed_and_inputs_give_the_same_bytes() {
    let dir = files();
    let dir = dir.path();
    let (_, public) = rsa_pair(KeySize::Rsa2048);
    std::fs::write(dir.join("rsa.pem"), public).unwrap();
    for certificate in ["public.pem", "rsa.pem"] {
        let args = ENCRYPT.replace("public.pem", certificate);
        let made = |seed: &str| run(dir, &format!("{args} --env env.yaml {seed}")).1;
        let first = made("--deterministic seed");
        assert!(first.contains("workload: "), "{first}");
        assert_eq!(first, made("--deterministic seed"));
        assert_ne!(first, made(""));
        // Any other bytes are another seed.
        assert_ne!(first, made("--deterministic workload.yaml"));
    }
    let (code, _, err) = run(
        dir,
        &format!("{ENCRYPT} --env env.yaml --deterministic short"),
    );
    assert_eq!(
        (code, err.as_str()),
        (Some(65), "short: the seed has fewer than 32 bytes\n")
    );
}
