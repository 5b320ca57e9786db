//! IBM's own fixtures, 1 to 6: tokens that IBM's tools made, opened with the keys published beside them.
//!
//! They are IBM's and hold private keys, so they are not kept here. They come from the Go module proxy (`go mod download`), or
//! from a directory named by `IBM_FIXTURES` that holds the two repositories. Where neither gives a file, its test says
//! SKIPPED, and what was missing, on standard error.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use bakehouse_contract::envelope::{DecryptionKey, Token, TokenError, decrypted_pkcs8, open};
use bakehouse_contract::{Limits, pem, secret::Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const CONTRACT_GO: &str = "github.com/ibm-hyper-protect/contract-go/v2@v2.41.1";
const TERRAFORM: &str = "github.com/ibm-hyper-protect/terraform-provider-hpcr@v1.10.9";

/// Where a module's files are, or why they are nowhere.
fn module(name: &'static str) -> Result<PathBuf, String> {
    if let Some(dir) = std::env::var_os("IBM_FIXTURES") {
        let repository = if name == CONTRACT_GO {
            "contract-go"
        } else {
            "terraform-provider-hpcr"
        };
        return Ok(Path::new(&dir).join(repository));
    }
    // `go mod download` wants to stand in no module.
    let output = Command::new("go")
        .args(["mod", "download", "-json", name])
        .current_dir(std::env::temp_dir())
        .output()
        .map_err(|_| "there is no go program on this machine".to_owned())?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| "go mod download gave no answer".to_owned())?;
    match answer["Dir"].as_str() {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => Err(format!(
            "go mod download {name} failed: {}",
            answer["Error"].as_str().unwrap_or("no reason given")
        )),
    }
}

/// The bytes of a file of IBM's. Each module is asked for once.
fn fetch(name: &'static str, path: &str) -> Option<Vec<u8>> {
    static MODULES: OnceLock<[Result<PathBuf, String>; 2]> = OnceLock::new();
    let modules = MODULES.get_or_init(|| [module(CONTRACT_GO), module(TERRAFORM)]);
    let found = match &modules[usize::from(name == TERRAFORM)] {
        Ok(dir) => std::fs::read(dir.join(path)).map_err(|error| error.to_string()),
        Err(reason) => Err(reason.clone()),
    };
    match found {
        Ok(bytes) => Some(bytes),
        Err(reason) => {
            // Written past the harness, which keeps the output of a test that passes to itself.
            let line = format!("SKIPPED: {path}: {}\n", reason.trim());
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            None
        }
    }
}

fn text(name: &'static str, path: &str) -> Option<String> {
    fetch(name, path).map(|bytes| String::from_utf8(bytes).unwrap())
}

fn opened(name: &'static str, token: &str, key: &str) -> Option<Vec<u8>> {
    let token = Token::parse(&text(name, token)?, &Limits::default()).unwrap();
    let key = DecryptionKey::from_pem(&text(name, key)?).unwrap();
    Some(open(&token, &[key]).unwrap().expose().clone())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn fixture_1_a_password_with_a_line_feed() {
    let Some(plain) = opened(
        CONTRACT_GO,
        "samples/decrypt/encrypt.txt",
        "samples/decrypt/private.key",
    ) else {
        return;
    };
    assert_eq!(plain, b"hello-world");
}

#[test]
fn fixture_2_an_attestation_record_of_24_3_3() {
    let (token, key) = (
        "samples/attestation/se-checksums.txt.enc",
        "samples/attestation/private.pem",
    );
    let Some(plain) = opened(CONTRACT_GO, token, key) else {
        return;
    };
    assert_eq!(plain.len(), 768);
    assert_eq!(
        sha256(&plain),
        "aabe448aaf7ad456baee9b6bb19f0c34476eba773b760afe80b85c991eccfb14"
    );
}

const CERT: &str = "examples/datasources/hpcr_attestation/cert";

#[test]
fn fixture_3_an_attestation_record_of_0_0_0() {
    let (token, key) = (
        format!("{CERT}/se-checksums.txt.enc"),
        format!("{CERT}/private.pem"),
    );
    let Some(plain) = opened(TERRAFORM, &token, &key) else {
        return;
    };
    assert_eq!(plain.len(), 797);
    assert_eq!(
        sha256(&plain),
        "c88b1304b2039b1b1d2998a96a58a15cc9d592d0c2e0466254b44669e3283949"
    );
}

#[test]
fn fixture_4_the_signature_of_an_attestation_record() {
    let files = ["attestation.crt", "se-checksums.txt", "se-signature.bin"]
        .map(|name| fetch(TERRAFORM, &format!("{CERT}/{name}")));
    let [Some(certificate), Some(record), Some(signature)] = files else {
        return;
    };
    let blocks = pem::blocks(std::str::from_utf8(&certificate).unwrap()).unwrap();
    let (_, certificate) = X509Certificate::from_der(blocks[0].der.expose()).unwrap();
    let key = &certificate.public_key().subject_public_key.data;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.as_ref());
    assert!(key.verify(&record, &signature).is_ok());
    assert!(key.verify(&record[1..], &signature).is_err());
}

#[test]
fn fixture_5_an_encrypted_key_and_a_bare_ciphertext() {
    let key = text(CONTRACT_GO, "samples/decrypt/private_encrypted.key");
    let ciphertext = text(CONTRACT_GO, "samples/decrypt/encrypt_encrypted.txt");
    let (Some(key), Some(ciphertext)) = (key, ciphertext) else {
        return;
    };
    let passphrase = Secret::new("decryptpass".to_owned());
    assert!(DecryptionKey::from_encrypted_pem(&key, &passphrase).is_ok());
    assert!(DecryptionKey::from_encrypted_pem(&key, &Secret::new("other".to_owned())).is_err());

    // It is no token: the ciphertext is RSA's alone.
    let der = decrypted_pkcs8(&key, &passphrase).unwrap();
    let rsa =
        Pkcs1PrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(der.expose()).unwrap())
            .unwrap();
    let mut plain = vec![0; rsa.min_output_size()];
    let plain = rsa
        .decrypt(&STANDARD.decode(ciphertext.trim()).unwrap(), &mut plain)
        .unwrap();
    assert_eq!(plain, b"Test encrypted data\n");
}

#[test]
fn fixture_6_a_damaged_token() {
    let Some(token) = text(CONTRACT_GO, "samples/decrypt/encrypt.invalid.txt") else {
        return;
    };
    assert_eq!(
        Token::parse(&token, &Limits::default()),
        Err(TokenError::Damaged)
    );
}
