//! `record`, against what openssl makes and checks by the steps that IBM publishes for its users, and against IBM's record.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/chain.rs"]
mod chain;
#[path = "tools/openssl.rs"]
mod openssl;
#[path = "record/refused.rs"]
mod refused;
#[path = "tools/run.rs"]
mod run;

use std::path::Path;

use bakehouse_contract::certificate::{Certificate, Chain};
use bakehouse_contract::record::{
    Evidence, Expectations, Hash, LineState, Record, Report, sha256, sign, verify,
};
use bakehouse_contract::signature::Signer;
use bakehouse_contract::{ContractDocument, Limits};
use bakehouse_interop::ibm::Repository::ContractGo;
use serde_json::Value;

use crate::chain::{chain, json, shell};
use crate::run::run;

const TOKEN: &str = "hyper-protect-basic.AAEC.AwQF";
const VERIFY: &str = "record verify --signature out/se-signature.bin --certificate leaf.pem --intermediate intermediate.pem \
                      --ca root.pem --ca authority.pem --crl intermediate.crl --crl authority.crl --crl root.crl";
const GIVEN: &str = "--contract cidata/user-data --cidata cidata --file root.tar.gz=root.pem";

/// A chain, a contract with plain and encrypted sections, a cidata directory, and the record that was written of them.
fn files() -> Option<tempfile::TempDir> {
    let dir = chain()?;
    let path = dir.path();
    shell(
        path,
        "mkdir cidata out
         printf 'local-hostname: baker\\n' > cidata/meta-data
         printf '#cloud-config\\n' > cidata/vendor-data
         openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out mine.key
         openssl pkey -in mine.key -pubout -out mine.pem",
    );
    let key = std::fs::read_to_string(path.join("mine.pem")).unwrap();
    let key = key.replace('\n', "\n  ");
    let contract = format!(
        "workload: {TOKEN}\nenv: |\n  type: env\nattestationPublicKey: |\n  {}\nenvWorkloadSignature: c2ln\n",
        key.trim_end()
    );
    std::fs::write(path.join("cidata/user-data"), contract).unwrap();
    let args = "record write --version 26.7.1 --contract cidata/user-data --cidata cidata --signing-key leaf.key --out out \
                --file root.tar.gz=root.pem";
    let (code, out, err) = run(path, args);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, "out/se-checksums.txt.enc\nout/se-signature.bin\n");
    Some(dir)
}

/// The steps of IBM's documentation: the password through a shell variable, then the signature over the text.
fn by_openssl(dir: &Path, record: &str, key: &str) -> String {
    shell(
        dir,
        &format!(
            "PASSWORD=$(cut -d. -f2 {record} | base64 -d | openssl pkeyutl -decrypt -inkey {key} -pkeyopt rsa_padding_mode:pkcs1)
             cut -d. -f3 {record} | base64 -d | openssl enc -d -aes-256-cbc -pbkdf2 -pass \"pass:$PASSWORD\""
        ),
    )
}

/// The names of the lines in a state.
fn lines(found: &Value, state: &str) -> Vec<String> {
    let lines = found["lines"].as_array().unwrap().iter();
    lines
        .filter(|line| line["state"] == state)
        .map(|line| format!("{} {}", line["line"], line["name"].as_str().unwrap()))
        .collect()
}

#[test]
fn the_steps_that_ibm_publishes_open_and_verify_what_is_written_here() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let token = std::fs::read_to_string(dir.join("out/se-checksums.txt.enc")).unwrap();
    assert!(token.starts_with("hyper-protect-basic.") && !token.ends_with('\n'));
    assert_eq!(
        std::fs::metadata(dir.join("out/se-signature.bin"))
            .unwrap()
            .len(),
        512
    );

    let text = by_openssl(dir, "out/se-checksums.txt.enc", "mine.key");
    std::fs::write(dir.join("se-checksums.txt"), &text).unwrap();
    let verified = shell(
        dir,
        "openssl x509 -pubkey -noout -in leaf.pem > public
         openssl sha256 -verify public -signature out/se-signature.bin se-checksums.txt",
    );
    assert_eq!(verified, "Verified OK\n");

    let sums = shell(
        dir,
        &format!(
            "sum() {{ sha256sum | cut -d' ' -f1 | sed \"s|$| $1|\"; }}
             echo 26.7.1
             sum root.tar.gz < root.pem
             for it in meta-data user-data vendor-data; do sum cidata/$it < cidata/$it; done
             printf %s {TOKEN} | sum contract:workload
             printf 'type: env\\n' | sum contract:env
             sum contract:attestationPublicKey < mine.pem
             printf c2ln | sum contract:envWorkloadSignature"
        ),
    );
    assert_eq!(text, sums);
}

#[test]
fn a_record_is_decrypted_and_every_line_verified() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let encrypted = format!("{VERIFY} --record out/se-checksums.txt.enc --key mine.key");
    let (code, found) = json(dir, &format!("{encrypted} {GIVEN}"));
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(
        (&found["verified"], &found["signature"]),
        (&true.into(), &"valid".into())
    );
    assert_eq!(
        (&found["encrypted"], &found["version"]),
        (&true.into(), &"26.7.1".into())
    );
    assert_eq!(
        lines(&found, "matched"),
        [
            "2 root.tar.gz",
            "3 cidata/meta-data",
            "4 cidata/user-data",
            "5 cidata/vendor-data",
            "6 contract:workload",
            "7 contract:env",
            "8 contract:attestationPublicKey",
            "9 contract:envWorkloadSignature",
        ]
    );
    // Without the operator's files the signature holds, and that is said to be all.
    let (code, found) = json(dir, &encrypted);
    assert_eq!((code, lines(&found, "not_checked").len()), (Some(0), 8));
    let (_, out, _) = run(dir, &encrypted);
    assert!(
        out.ends_with("nothing wrong in what was checked: 0 matched, 0 wrong, 8 not checked\n"),
        "{out}"
    );

    // An encrypted key; the record in clear; the same hashes by hand, in the style of old.
    shell(
        dir,
        "openssl pkcs8 -topk8 -in mine.key -v2 aes-256-cbc -passout pass:pw -out locked.key; echo pw > pw",
    );
    let locked = encrypted.replace("mine.key", "locked.key --passphrase pw");
    assert_eq!(json(dir, &locked).0, Some(0));
    let text = by_openssl(dir, "out/se-checksums.txt.enc", "mine.key");
    std::fs::write(dir.join("clear"), &text).unwrap();
    let digest = sha256(b"type: env\n");
    let clear = format!("{VERIFY} --record clear --expect env={digest}");
    let (code, found) = json(dir, &clear);
    assert_eq!((code, &found["encrypted"]), (Some(0), &false.into()));
    assert_eq!(lines(&found, "matched"), ["7 contract:env"]);
}

#[test]
fn the_line_that_differs_is_said() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let args = format!("{VERIFY} --record out/se-checksums.txt.enc --key mine.key {GIVEN}");
    let given = std::fs::read_to_string(dir.join("cidata/user-data")).unwrap();
    let change = |from: &str, to: &str, changed: &str| {
        std::fs::write(dir.join("cidata/user-data"), given.replace(from, to)).unwrap();
        let (code, found) = json(dir, &args);
        assert_eq!(
            (code, &found["verified"]),
            (Some(65), &false.into()),
            "{changed}"
        );
        assert_eq!(lines(&found, "differing").last().unwrap(), changed);
        found
    };
    change("AwQF", "AwQG", "6 contract:workload");
    change("type: env", "type: envy", "7 contract:env");
    change("c2ln", "c2lo", "9 contract:envWorkloadSignature");
    change("workload:", "# new\nworkload:", "4 cidata/user-data");
    let found = change("envWorkloadSignature: c2ln\n", "", "4 cidata/user-data");
    assert_eq!(
        lines(&found, "unexpected"),
        ["9 contract:envWorkloadSignature"]
    );
}

#[test]
fn files_of_the_disk_that_differ_are_missing_or_are_not_there_are_said() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let args = format!("{VERIFY} --record out/se-checksums.txt.enc --key mine.key {GIVEN}");
    std::fs::write(dir.join("cidata/vendor-data"), "").unwrap();
    std::fs::write(dir.join("cidata/network-config"), "network: {}\n").unwrap();
    std::fs::remove_file(dir.join("cidata/meta-data")).unwrap();
    let zeros = "00".repeat(32);
    let (code, found) = json(
        dir,
        &format!("{args} --expect baseimage={zeros} --expect root.tar.gz={zeros}"),
    );
    assert_eq!(code, Some(65));
    assert_eq!(
        lines(&found, "differing"),
        ["2 root.tar.gz", "5 cidata/vendor-data"]
    );
    assert_eq!(lines(&found, "unexpected"), ["3 cidata/meta-data"]);
    assert_eq!(
        lines(&found, "missing"),
        ["null cidata/network-config", "null baseimage"]
    );
    let (code, out, err) = run(dir, &args);
    assert_eq!(
        (code, err.as_str()),
        (
            Some(65),
            "record_refused: see the answer for what is wrong\n"
        )
    );
    assert!(out.contains(&format!(
        "line 5   DIFFERS      cidata/vendor-data: the record has {}",
        sha256(b"#cloud-config\n")
    )));
    assert!(
        out.ends_with("NOT VERIFIED: 6 matched, 3 wrong, 0 not checked\n"),
        "{out}"
    );
}

/// The library alone: a record of these hashes, signed by the leaf's key, and what it says of a contract.
fn of_contract(dir: &Path, contract: &str, hashes: &[(&str, &[u8])]) -> Report {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let hashes = hashes.iter().map(|(name, bytes)| Hash {
        name: (*name).to_owned(),
        digest: sha256(bytes),
    });
    let record = Record::new("26.7.1", Vec::new(), hashes.collect()).unwrap();
    let signer = Signer::from_pem(&read("leaf.key")).unwrap();
    let evidence = Evidence {
        text: &record.to_string(),
        signature: &sign(&record, &signer).unwrap(),
        certificate: &Certificate::from_pem(&read("leaf.pem")).unwrap(),
        chain: &Chain::default(),
        now: 1_800_000_000,
    };
    let mut expectations = Expectations::default();
    let document = ContractDocument::parse(contract.as_bytes(), &Limits::default()).unwrap();
    expectations.contract(&document, contract.as_bytes());
    verify(&evidence, &expectations).unwrap()
}

#[test]
fn a_string_may_have_been_hashed_without_its_last_line_break() {
    let Some(dir) = chain() else { return };
    let contract = format!("workload: |\n  {TOKEN}\nenv: |\n  type: env\n");
    let long = format!("{TOKEN}\n");
    for (workload, env, shortened) in [(TOKEN, "type: env", 2), (&long, "type: env\n", 0)] {
        let hashes = [
            ("contract:workload", workload.as_bytes()),
            ("contract:env", env.as_bytes()),
        ];
        let found = of_contract(dir.path(), &contract, &hashes);
        assert!(found.passed(), "{found}");
        let remarks = found.to_string().matches("without the line break").count();
        assert_eq!(remarks, shortened);
    }
}

#[test]
fn the_file_is_compared_if_it_is_listed_and_strings_that_are_not_there_are_not_expected() {
    use LineState::{Differing, Matched, Missing, NotChecked, Unexpected};

    let Some(dir) = chain() else { return };
    let contract = "workload: x\nenv: y\n";
    let states = |hashes: &[(&str, &[u8])]| -> Vec<LineState> {
        let lines = of_contract(dir.path(), contract, hashes).lines;
        lines.iter().map(|line| line.state).collect()
    };
    assert_eq!(
        states(&[
            ("contract:env", b"y\n"),
            ("cidata/user-data", contract.as_bytes())
        ]),
        [Matched, Differing, Missing]
    );
    assert_eq!(
        states(&[
            ("contract:attestationPublicKey", b""),
            ("cidata/user-data", b""),
            ("sbom", b"")
        ]),
        [NotChecked, Differing, Unexpected, Missing, Missing]
    );
}

/// The record of a guest of 24.3.3, encrypted; its signature is not published.
#[test]
fn ibms_own_record_is_decrypted_and_read() {
    let (Some(ibm), Some(dir)) = (ContractGo.folder_for("IBM's record"), chain()) else {
        return;
    };
    let dir = dir.path();
    shell(dir, ": > none.bin");
    let samples = ibm.join("samples/attestation");
    let samples = samples.display();
    let args = format!(
        "record verify --record {samples}/se-checksums.txt.enc --key {samples}/private.pem --signature none.bin \
         --certificate leaf.pem --file attestationPublicKey={samples}/public.pem"
    );
    let (code, found) = json(dir, &args);
    assert_eq!(
        (code, &found["signature"], &found["version"]),
        (Some(65), &"invalid".into(), &"24.3.3".into())
    );
    assert_eq!(
        found["notes"][0],
        "Machine Type/Plant/Serial: 8562/02/4C598"
    );
    assert_eq!(
        lines(&found, "matched"),
        ["9 contract:attestationPublicKey"]
    );
    assert_eq!(lines(&found, "not_checked").len(), 8);
    let text = by_openssl(
        dir,
        &format!("{samples}/se-checksums.txt.enc"),
        &format!("{samples}/private.pem"),
    );
    let record = Record::parse(&text).unwrap();
    let again = record.to_string();
    assert_eq!(again.replace(" contract:", " "), text);
}
