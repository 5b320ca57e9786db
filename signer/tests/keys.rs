//! `keys create`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bakehouse_proto::blob::BlobAudit;
use bakehouse_signer::tezos::PublicKey;

use crate::support::Bench;

#[test]
fn a_new_key_has_its_files_cannot_be_extracted_and_is_the_curve_asked_for() {
    let bench = Bench::new();
    for (kind, prefix) in [("tz1", "edpk"), ("tz2", "sppk"), ("tz3", "p2pk")] {
        let key = bench.create(kind);
        assert!(key.address.starts_with(kind) && key.public_key.starts_with(prefix));
        let blob = bench.file(&format!("{}.sk.hex", key.address));
        let mode = fs::metadata(&blob).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let audit = BlobAudit::parse(&hex::decode(&key.blob).unwrap()).unwrap();
        assert!(!audit.extractable() && audit.can_sign());
        let der = fs::read(bench.file(&format!("{}.der", key.address))).unwrap();
        assert_eq!(
            der.len(),
            usize::from(der[1]) + 2,
            "the SPKI and nothing after it"
        );
        assert_eq!(
            PublicKey::from_spki(&der).unwrap().to_string(),
            key.public_key
        );
    }
}

#[test]
fn the_umask_decides_neither_mode() {
    let bench = Bench::new();
    for umask in ["000", "077"] {
        let out = bench.file(umask);
        fs::create_dir(&out).unwrap();
        let command = bench.keys_create("tz1", &out);
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", "umask $0; exec \"$@\"", umask])
            .arg(command.get_program())
            .args(command.get_args())
            .status()
            .unwrap();
        assert!(status.success());
        for entry in fs::read_dir(&out).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let expected = if path.extension().unwrap() == "der" {
                0o644
            } else {
                0o600
            };
            assert_eq!(mode, expected, "{}", path.display());
        }
    }
}

#[test]
fn two_lines_are_printed_and_no_more() {
    let bench = Bench::new();
    let output = bench.keys_create("tz2", bench.dir.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("public_key: sppk") && lines[1].starts_with("address: tz2"));
    assert!(output.stderr.is_empty());
}

#[test]
fn what_cannot_be_written_is_an_error_and_an_unknown_kind_a_usage_error() {
    let bench = Bench::new();
    let nowhere = bench.file("nowhere");
    let output = bench.keys_create("tz1", &nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(73));
    assert!(String::from_utf8_lossy(&output.stderr).contains("output_unwritable"));
    let output = bench.keys_create("tz4", bench.dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn an_hsm_that_is_away_is_an_error() {
    let bench = Bench::new();
    bench.line.cut();
    let output = bench.keys_create("tz1", bench.dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("hsm_unreachable"));
}
