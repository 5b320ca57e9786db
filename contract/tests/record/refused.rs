//! Records that are turned down: by signature, by certificate, or because they can't be read.

use super::{TOKEN, VERIFY, by_openssl, files};
use crate::chain::{json, shell};
use crate::run::run;

#[test]
fn a_record_of_another_key_or_text_or_chain_is_refused() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let text = by_openssl(dir, "out/se-checksums.txt.enc", "mine.key");
    std::fs::write(dir.join("clear"), &text).unwrap();
    std::fs::write(dir.join("changed"), text.replacen("26.7.1", "26.7.2", 1)).unwrap();
    std::fs::write(dir.join("returns"), text.replace('\n', "\r\n")).unwrap();
    shell(
        dir,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -subj /CN=other -days 9 -out other.pem
         openssl dgst -sha256 -sign other.key -out other.bin clear
         openssl dgst -sha512 -sign leaf.key -out sha512.bin clear
         openssl dgst -sha256 -sign leaf.key -out good.bin clear; : > empty; head -c 511 good.bin > short.bin",
    );
    let judged = |record: &str, signature: &str| {
        let args = format!(
            "record verify --record {record} --signature {signature} --certificate leaf.pem"
        );
        let (code, found) = json(dir, &args);
        (code, found["signature"].as_str().unwrap().to_owned())
    };
    assert_eq!(judged("clear", "good.bin"), (Some(0), "valid".to_owned()));
    for (record, signature) in [
        ("changed", "good.bin"),
        ("returns", "good.bin"),
        ("clear", "other.bin"),
        ("clear", "sha512.bin"),
        ("clear", "short.bin"),
        ("clear", "empty"),
    ] {
        assert_eq!(
            judged(record, signature),
            (Some(65), "invalid".to_owned()),
            "{record} {signature}"
        );
    }
    // The signature holds and the certificate is nobody's.
    let args = "record verify --record clear --signature other.bin --certificate other.pem --intermediate intermediate.pem";
    let (code, found) = json(dir, args);
    assert_eq!((code, &found["signature"]), (Some(65), &"valid".into()));
    let (code, found) = json(dir, &format!("{VERIFY} --record clear --at 2020-01-01"));
    assert_eq!((code, &found["signature"]), (Some(65), &"valid".into()));
}

#[test]
fn what_can_not_be_read_is_refused_by_code_and_never_quoted() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    std::fs::write(dir.join("none"), "canary canary\n").unwrap();
    std::fs::write(
        dir.join("twice"),
        format!(
            "1\n{0} canary\n{1} canary\n",
            "00".repeat(32),
            "01".repeat(32)
        ),
    )
    .unwrap();
    let token = std::fs::read_to_string(dir.join("out/se-checksums.txt.enc")).unwrap();
    std::fs::write(dir.join("cut"), &token[..token.len() - 24]).unwrap();
    let write = "record write --version 26.7.1 --contract sealed --signing-key leaf.key --out out";
    std::fs::write(
        dir.join("sealed"),
        format!("workload: x\nenv: x\nattestationPublicKey: {TOKEN}\n"),
    )
    .unwrap();
    let verify = |rest: &str| format!("{VERIFY} --record {rest}");
    for (args, exit, word) in [
        (verify("none"), 65, "record_version: line 1"),
        (verify("twice"), 65, "record_duplicate: line 3"),
        (verify("cut --key mine.key"), 65, "contract_decrypt: "),
        (
            verify("out/se-checksums.txt.enc --key leaf.key"),
            65,
            "contract_decrypt: ",
        ),
        (
            verify("out/se-checksums.txt.enc"),
            64,
            "attestation_key_missing: ",
        ),
        (
            verify("out/se-checksums.txt.enc --key mine.pem"),
            65,
            "mine.pem: the key is not",
        ),
        (verify("nowhere"), 66, "nowhere: can't be read"),
        (verify("none --expect root.tar.gz=12"), 64, "error: "),
        (verify("none --file root.tar.gz"), 64, "error: "),
        (write.to_owned(), 64, "attestation_key_missing: "),
        (
            format!("{write} --attestation-public-key leaf.key"),
            65,
            "leaf.key: the encryption certificate",
        ),
        (
            format!(
                "{write} --attestation-public-key mine.pem --hash workload={}",
                "00".repeat(32)
            ),
            65,
            "record_name: ",
        ),
        (
            format!("{write} --attestation-public-key mine.pem --version two,words"),
            64,
            "error: ",
        ),
        (
            write.replace("leaf.key", "mine.pem --attestation-public-key mine.pem"),
            65,
            "mine.pem: the key is not",
        ),
    ] {
        let (code, out, err) = run(dir, &args);
        assert_eq!((code, out.as_str()), (Some(exit), ""), "{args}: {err}");
        assert!(
            err.starts_with(word) && !err.contains("canary"),
            "{args}: {err}"
        );
    }
    assert!(!dir.join("out/se-checksums.txt").exists());
    let (_, found) = json(dir, &verify("twice"));
    assert_eq!(
        (&found["error"]["code"], &found["error"]["line"]),
        (&"record_duplicate".into(), &3.into())
    );
}
