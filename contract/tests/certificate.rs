//! `certificate`, against chains and revocation lists that openssl makes, and against IBM's own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/chain.rs"]
mod chain;
#[path = "tools/openssl.rs"]
mod openssl;
#[path = "tools/run.rs"]
mod run;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bakehouse_contract::time;
use bakehouse_interop::ibm::Repository::ContractGo;
use serde_json::Value;

use crate::chain::{chain, shell};
use crate::openssl::openssl;
use crate::run::run;

const WHOLE: &str =
    "--certificate leaf.pem --intermediate intermediate.pem --ca root.pem --ca authority.pem";
const LISTS: &str = "--crl root.crl --crl authority.crl.der --crl intermediate.crl.der";

/// A time some days from now.
fn in_days(days: u64) -> String {
    let time = SystemTime::now() + Duration::from_secs(days * 86_400);
    time::format(time.duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// The exit code, and what was found, as a program reads it.
fn json(dir: &Path, args: &str) -> (Option<i32>, Value) {
    chain::json(dir, &format!("certificate {args}"))
}

/// The checks that have an outcome, as `role name`.
fn with(found: &Value, outcome: &str) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["outcome"] == outcome)
        .map(|check| format!("{} {}", word(&check["role"]), word(&check["name"])))
        .collect()
}

#[track_caller]
fn refused(dir: &Path, args: &str, failed: &[&str]) {
    let (code, found) = json(dir, args);
    assert_eq!(
        (code, &found["passed"]),
        (Some(65), &Value::Bool(false)),
        "{args}"
    );
    assert_eq!(with(&found, "failed"), failed, "{args}");
}

#[test]
fn a_chain_like_ibms_is_sound_and_what_was_not_given_is_said() {
    let Some(dir) = chain() else { return };
    let dir = dir.path();
    let verified = shell(
        dir,
        "openssl verify -CAfile root.pem -untrusted authority.pem intermediate.pem",
    );
    assert_eq!(verified, "intermediate.pem: OK\n");

    let (code, found) = json(dir, &format!("{WHOLE} {LISTS}"));
    assert_eq!(
        (code, &found["passed"], &found["complete"]),
        (Some(0), &true.into(), &true.into())
    );
    assert_eq!(with(&found, "passed").len(), 10, "{found}");
    assert_eq!(found["certificates"].as_array().unwrap().len(), 4);
    assert_eq!(found["certificates"][0]["serial"], "C0FFEE01");
    let left = found["certificates"][0]["days_left"].as_i64().unwrap();
    assert!((999..=1000).contains(&left), "{left}");

    let (code, found) = json(dir, WHOLE);
    assert_eq!((code, &found["complete"]), (Some(0), &false.into()));
    assert_eq!(
        with(&found, "not_checked"),
        [
            "leaf revocation",
            "intermediate revocation",
            "authority revocation"
        ]
    );
    let (code, found) = json(
        dir,
        "--certificate leaf.pem --intermediate intermediate.pem",
    );
    assert_eq!(
        (code, with(&found, "not_checked")),
        (
            Some(0),
            vec!["leaf revocation".into(), "intermediate path".into()]
        )
    );
    let (code, out, _) = run(dir, "certificate --certificate leaf.pem");
    assert_eq!(code, Some(0));
    assert!(
        out.ends_with("no intermediate certificate was given\nnothing wrong in what was checked\n"),
        "{out}"
    );
}

#[test]
fn the_leaf_is_held_against_the_intermediate() {
    let Some(dir) = chain() else { return };
    let dir = dir.path();
    shell(
        dir,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -subj '/O=Maker/CN=Intermediate' -days 9 -out twin.pem
         openssl req -x509 -key intermediate.key -subj '/O=Maker/CN=Other' -days 9 -out renamed.pem
         for md in sha1 sha256 sha384; do openssl x509 -req -in leaf.csr -CA intermediate.pem -CAkey intermediate.key \
           -set_serial 7 -days 9 -$md -out $md.pem; done",
    );
    for md in ["sha256", "sha384"] {
        let (code, _) = json(dir, &WHOLE.replace("leaf.pem", &format!("{md}.pem")));
        assert_eq!(code, Some(0), "{md}");
    }
    refused(
        dir,
        &WHOLE.replace("leaf.pem", "sha1.pem"),
        &["leaf signature"],
    );
    let with = |name: &str| format!("--certificate leaf.pem --intermediate {name} --ca {name}");
    refused(dir, &with("twin.pem"), &["leaf signature"]);
    refused(dir, &with("renamed.pem"), &["leaf issuer"]);
    refused(dir, &with("root.pem"), &["leaf signature", "leaf issuer"]);
}

#[test]
fn the_path_must_end_at_a_root_that_was_given() {
    let Some(dir) = chain() else { return };
    let dir = dir.path();
    shell(
        dir,
        "sub() { openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -days 9 -set_serial 5 -out $3.pem \
           ${4:+-extfile openssl.cnf -extensions $4}; }
         sub authority root plain; sub intermediate authority deep authority; sub authority root narrow narrow
         openssl req -x509 -newkey rsa:2048 -nodes -keyout evil.key -subj '/O=Test/CN=Root' -days 9 -out evil.pem",
    );
    let base = "--certificate leaf.pem --intermediate intermediate.pem";
    for authorities in [
        "--ca root.pem",
        "--ca authority.pem",
        "--ca evil.pem --ca authority.pem",
        "--ca root.pem --ca plain.pem",
        "--ca leaf.pem",
    ] {
        refused(
            dir,
            &format!("{base} {authorities}"),
            &["intermediate path"],
        );
    }
    // An authority below one that allows none below itself, and one whose critical limits are not understood.
    let deep = "--certificate leaf.pem --intermediate deep.pem --ca root.pem --ca authority.pem";
    refused(dir, deep, &["intermediate path"]);
    let narrow = format!("{base} --ca root.pem --ca narrow.pem");
    refused(dir, &narrow, &["authority extensions"]);
    // A root among others, and the true authority among false ones.
    let many = format!(
        "{base} --ca evil.pem --ca plain.pem --ca root.pem --ca leaf.pem --ca authority.pem"
    );
    assert_eq!(json(dir, &many).0, Some(0));
}

#[test]
fn dates_are_judged_by_the_time_given() {
    let Some(dir) = chain() else { return };
    let dir = dir.path();
    let all = [
        "leaf dates",
        "intermediate dates",
        "authority dates",
        "authority dates",
    ];
    refused(dir, &format!("{WHOLE} --at 2020-01-01"), &all);
    refused(dir, &format!("{WHOLE} --at {}", in_days(1001)), &all[..3]);
    for (days, warnings) in [(800, 0), (830, 3)] {
        let (code, found) = json(dir, &format!("{WHOLE} --at {}", in_days(days)));
        let expiring = |it: &&Value| it.as_str().unwrap().contains("expires in");
        let found = found["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(expiring)
            .count();
        assert_eq!((code, found), (Some(0), warnings), "{days}");
    }
    assert_eq!(
        run(dir, &format!("certificate {WHOLE} --at tomorrow")).0,
        Some(64)
    );
}

#[test]
fn revocation_lists_are_believed_only_if_they_are_sound_and_current() {
    let Some(dir) = chain() else { return };
    let dir = dir.path();
    shell(
        dir,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout twin.key -subj '/O=Maker/CN=Intermediate' -days 9 -out twin.pem
         : > twin.index; echo 01 > twin.number
         SELF=twin openssl ca -gencrl -name ca -crldays 30 -out forged.crl
         SELF=intermediate openssl ca -name ca -revoke leaf.pem
         SELF=intermediate openssl ca -gencrl -name ca -crldays 30 -out revoked.crl
         SELF=root openssl ca -name ca -revoke authority.pem
         SELF=root openssl ca -gencrl -name ca -crldays 30 -out revoked-authority.crl
         SELF=leaf; : > leaf.index; echo 01 > leaf.number; openssl ca -gencrl -name ca -crldays 30 -out stray.crl",
    );
    let with = |list: &str| format!("{WHOLE} --crl {list}");
    refused(dir, &with("revoked.crl"), &["leaf revocation"]);
    refused(
        dir,
        &with("intermediate.crl --crl revoked.crl"),
        &["leaf revocation"],
    );
    refused(dir, &with("forged.crl"), &["leaf revocation"]);
    refused(
        dir,
        &with("intermediate.crl --crl forged.crl"),
        &["leaf revocation"],
    );
    refused(
        dir,
        &with("revoked-authority.crl"),
        &["authority revocation"],
    );
    let all = [
        "leaf revocation",
        "intermediate revocation",
        "authority revocation",
    ];
    refused(dir, &format!("{WHOLE} {LISTS} --at {}", in_days(60)), &all);
    let (code, found) = json(dir, &with("stray.crl"));
    assert_eq!(code, Some(0));
    assert!(
        found["warnings"]
            .to_string()
            .contains("revocation list 1 is of no issuer"),
        "{found}"
    );
    let (_, out, err) = run(dir, &format!("certificate {}", with("revoked.crl")));
    assert!(
        out.contains("FAILED       certificate: revoked since 20"),
        "{out}"
    );
    assert!(
        out.ends_with("REFUSED\n") && err.starts_with("certificate_refused: "),
        "{err}"
    );
}

#[test]
fn files_that_are_something_else_are_refused_by_name() {
    let Some(dir) = chain() else { return };
    let dir = dir.path();
    std::fs::write(dir.join("junk"), "canary").unwrap();
    std::fs::write(
        dir.join("junk.pem"),
        "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    std::fs::write(dir.join("junk.der"), b"0\x03abc").unwrap();
    shell(dir, "cat root.pem authority.pem > both.pem");
    for (args, word) in [
        ("--certificate junk", "junk: the file is not PEM"),
        (
            "--certificate junk.pem",
            "junk.pem: the certificate can't be read",
        ),
        (
            "--certificate leaf.key",
            "leaf.key: the file has a PEM block of another kind",
        ),
        (
            "--certificate both.pem",
            "both.pem: the file has more than one certificate",
        ),
        (
            "--certificate leaf.pem --intermediate leaf.pem --crl junk.der",
            "junk.der: the revocation list can't be read",
        ),
        (
            "--certificate leaf.pem --intermediate leaf.pem --crl leaf.pem",
            "leaf.pem: the file has a PEM block of another",
        ),
    ] {
        let (code, out, err) = run(dir, &format!("certificate {args}"));
        assert_eq!((code, out.as_str()), (Some(65), ""), "{args}: {err}");
        assert!(
            err.starts_with(word) && !err.contains("canary"),
            "{args}: {err}"
        );
    }
}

#[test]
fn ibms_own_chains_are_judged_as_their_names_say() {
    let Some(ibm) = ContractGo.folder_for("IBM's certificates") else {
        return;
    };
    let chains = ibm.join("samples/certificate-chain");
    let judge = |args: &str| json(&chains, &format!("{args} --at 2026-06-01"));
    let (code, found) = judge(
        "--certificate valid-chain/encryption.crt --intermediate valid-chain/intermediate.crt --ca valid-chain/root.crt",
    );
    assert_eq!((code, with(&found, "failed")), (Some(0), Vec::new()));
    let (code, found) = judge(
        "--certificate expired-chain/expired_encryption.crt --intermediate expired-chain/intermediate.crt --ca expired-chain/root.crt",
    );
    assert_eq!(
        (code, with(&found, "failed")),
        (Some(65), vec!["leaf dates".to_owned()])
    );
    let (code, found) = judge(
        "--certificate invalid-chain/encryption.crt --intermediate invalid-chain/wrong_intermediate.crt --ca invalid-chain/root.crt",
    );
    assert_eq!(code, Some(65));
    assert_eq!(
        with(&found, "failed"),
        ["leaf signature", "leaf issuer", "intermediate path"]
    );
}

#[test]
fn ibms_encryption_certificates_are_read_as_openssl_reads_them() {
    let Some(ibm) = ContractGo.folder_for("IBM's certificates") else {
        return;
    };
    let dir = ibm.join("encryption");
    if openssl(&dir, "version", b"").is_none() {
        return;
    }
    let mut seen = 0;
    for product in ["hpvs", "ccrt", "ccrv", "ccco"] {
        for entry in std::fs::read_dir(dir.join(product)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display();
            let (_, found) = json(&dir, &format!("--certificate {name} --at 2026-08-01"));
            let leaf = &found["certificates"][0];
            let args = format!("x509 -noout -serial -enddate -dateopt iso_8601 -in {name}");
            let words = openssl(&dir, &args, b"").unwrap();
            let text = format!(
                "serial={}\nnotAfter={}\n",
                leaf["serial"].as_str().unwrap(),
                leaf["not_after"].as_str().unwrap().replace('T', " ")
            );
            assert_eq!(String::from_utf8(words).unwrap(), text, "{name}");
            assert!(
                leaf["issuer"]
                    .as_str()
                    .unwrap()
                    .contains("O=International Business Machines Corporation")
            );
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen}");
}
