//! Both directions against the `openssl` program, which is what IBM's own tools call.
//!
//! Skipped, loudly, where there is no `openssl`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/openssl.rs"]
mod openssl;

use std::path::Path;

use bakehouse_contract::envelope::{
    DecryptionKey, Prefix, Recipient, Sealing, Seed, Token, open, seal,
};
use bakehouse_contract::{Limits, pem, secret::Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::openssl::openssl;

const TEXT: &str = "type: env\nbakehouse: {}\n";

/// A key pair and a self-signed certificate, made by openssl.
fn files() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    openssl(
        path,
        "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=image -days 1",
        b"",
    )?;
    openssl(path, "rsa -in key.pem -traditional -out pkcs1.pem", b"")?;
    openssl(path, "pkey -in key.pem -pubout -out public.pem", b"")?;
    openssl(
        path,
        "pkcs8 -topk8 -in key.pem -v2 aes-256-cbc -passout pass:pw -out locked.pem",
        b"",
    )?;
    Some(dir)
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}

#[test]
fn openssl_opens_what_is_sealed_here() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let seed = Seed::new(&[7; 32]).unwrap();
    for (recipient, seed) in [
        ("cert.pem", None),
        ("public.pem", None),
        ("cert.pem", Some(&seed)),
    ] {
        let recipient = Recipient::from_pem(&read(dir, recipient)).unwrap();
        let sealing = Sealing {
            seed,
            ..Sealing::default()
        };
        let token = sealing
            .seal(TEXT.as_bytes(), &recipient)
            .unwrap()
            .to_string();
        let fields: Vec<&str> = token.split('.').collect();
        let rsa = STANDARD.decode(fields[1]).unwrap();
        let password = openssl(
            dir,
            "pkeyutl -decrypt -inkey key.pem -pkeyopt rsa_padding_mode:pkcs1",
            &rsa,
        )
        .unwrap();
        assert_eq!(password.len(), 32);
        std::fs::write(dir.join("pw"), &password).unwrap();
        let blob = STANDARD.decode(fields[2]).unwrap();
        let plain = openssl(dir, "enc -d -aes-256-cbc -pbkdf2 -pass file:pw", &blob).unwrap();
        assert_eq!(plain, TEXT.as_bytes());
    }
}

#[test]
fn what_openssl_seals_is_opened_here() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let keys: Vec<DecryptionKey> = ["key.pem", "pkcs1.pem"]
        .map(|name| DecryptionKey::from_pem(&read(dir, name)).unwrap())
        .into();
    let passwords: [&[u8]; 6] = [
        b"0123456789abcdef0123456789abcdef",
        b"0123456789abc\nef0123456789abcdef",
        b"0123456789abc\0ef0123456789abcdef",
        b"0123\r56789abcdef\n",
        b"\n123456789",
        b"\xff\xfe\x80",
    ];
    for password in passwords {
        std::fs::write(dir.join("pw"), password).unwrap();
        let rsa = openssl(
            dir,
            "pkeyutl -encrypt -certin -inkey cert.pem -pkeyopt rsa_padding_mode:pkcs1 -in pw",
            b"",
        )
        .unwrap();
        let blob = openssl(
            dir,
            "enc -aes-256-cbc -pbkdf2 -pass file:pw",
            TEXT.as_bytes(),
        )
        .unwrap();
        let text = format!(
            "hyper-protect-basic.{}.{}",
            STANDARD.encode(rsa),
            STANDARD.encode(blob)
        );
        let token = Token::parse(&text, &Limits::default()).unwrap();
        for key in &keys {
            let plain = open(&token, "env", std::slice::from_ref(key)).unwrap();
            assert_eq!(plain.expose(), TEXT.as_bytes(), "{password:?}");
        }
    }
}

#[test]
fn keys_that_openssl_locks_are_unlocked_here() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    let sealed = Recipient::from_pem(&read(dir, "cert.pem")).unwrap();
    let token = seal(TEXT.as_bytes(), &sealed, Prefix::ContractBasic).unwrap();
    let locked = read(dir, "locked.pem");
    let key = DecryptionKey::from_encrypted_pem(&locked, &Secret::new("pw".into())).unwrap();
    assert_eq!(
        open(&token, "env", &[key]).unwrap().expose(),
        TEXT.as_bytes()
    );
    assert!(DecryptionKey::from_encrypted_pem(&locked, &Secret::new("other".into())).is_err());
    assert!(DecryptionKey::from_pem(&locked).is_err());
    assert!(pem::normalise(&locked, &["PRIVATE KEY"]).is_err());
}

#[test]
fn x25519_keys_are_read_as_openssl_writes_them() {
    let Some(dir) = files() else { return };
    let dir = dir.path();
    for name in ["x1", "x2"] {
        openssl(
            dir,
            &format!("genpkey -algorithm X25519 -out {name}.pem"),
            b"",
        )
        .unwrap();
        openssl(
            dir,
            &format!("pkey -in {name}.pem -pubout -out {name}.pub"),
            b"",
        )
        .unwrap();
    }
    openssl(
        dir,
        "pkcs8 -topk8 -in x1.pem -v2 aes-256-cbc -passout pass:pw -out x1.locked",
        b"",
    )
    .unwrap();
    // All in one file, as an image has them.
    let file = ["x2.pem", "key.pem", "x1.pem"]
        .map(|name| read(dir, name))
        .concat();
    let all = DecryptionKey::all_from_pem(&file).unwrap();
    assert_eq!(all.len(), 3);
    let locked =
        DecryptionKey::from_encrypted_pem(&read(dir, "x1.locked"), &Secret::new("pw".into()));
    let recipient = Recipient::from_pem(&read(dir, "x1.pub")).unwrap();
    let sealing = Sealing {
        section: "env",
        serial: Some(1),
        ..Sealing::default()
    };
    let token = sealing.seal(TEXT.as_bytes(), &recipient).unwrap();
    for keys in [all, vec![locked.unwrap()]] {
        assert_eq!(
            open(&token, "env", &keys).unwrap().expose(),
            TEXT.as_bytes()
        );
    }
    let other = DecryptionKey::from_pem(&read(dir, "x2.pem")).unwrap();
    assert!(open(&token, "env", &[other]).is_err());
    // Keys of another curve are refused, not misread.
    openssl(dir, "genpkey -algorithm ED25519 -out ed.pem", b"").unwrap();
    openssl(dir, "pkey -in ed.pem -pubout -out ed.pub", b"").unwrap();
    assert!(DecryptionKey::from_pem(&read(dir, "ed.pem")).is_err());
    assert!(Recipient::from_pem(&read(dir, "ed.pub")).is_err());
}
