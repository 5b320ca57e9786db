//! IBM's own fixtures, 1 to 6: tokens that IBM's tools made, opened with the keys published beside them.
//!
//! They are IBM's and hold private keys, so they are not kept here: `bakehouse_interop::ibm` fetches them. Where a file is not
//! to be had, its test says SKIPPED, what was missing and how many were skipped so far, on standard error. What can be tried
//! without them is, here and in the unit tests of `envelope`, which know what is published of fixtures 1 to 3.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use aws_lc_rs::rsa::{
    KeySize, Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use bakehouse_contract::envelope::{DecryptionKey, Token, TokenError, decrypted_pkcs8, open};
use bakehouse_contract::{Limits, pem, secret::Secret};
use bakehouse_interop::ibm::Repository::{self, ContractGo, Terraform};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What was in a token of IBM's.
struct Opened {
    plain: Vec<u8>,
    password: Vec<u8>,
    salt: String,
}

fn opened(what: &str, from: Repository, token: &str, key: &str) -> Option<Opened> {
    let text_of_token = from.text(what, token)?;
    let pem = from.text(what, key)?;
    let token = Token::parse(&text_of_token, &Limits::default()).unwrap();
    let key = DecryptionKey::from_pem(&pem).unwrap();
    let fields: Vec<&str> = text_of_token.trim().split('.').collect();
    let block = &pem::blocks(&pem).unwrap()[0];
    Some(Opened {
        plain: open(&token, "env", &[key]).unwrap().expose().clone(),
        password: rsa_decrypt(block.der.expose(), &STANDARD.decode(fields[1]).unwrap()),
        salt: hex::encode(&STANDARD.decode(fields[2]).unwrap()[8..16]),
    })
}

/// What a PKCS#8 key makes of a bare ciphertext.
fn rsa_decrypt(der: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let rsa =
        Pkcs1PrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(der).unwrap()).unwrap();
    let mut plain = vec![0; rsa.min_output_size()];
    rsa.decrypt(ciphertext, &mut plain).unwrap().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn fixture_1_a_password_with_a_line_feed() {
    let Some(opened) = opened(
        "fixture 1",
        ContractGo,
        "samples/decrypt/encrypt.txt",
        "samples/decrypt/private.key",
    ) else {
        return;
    };
    assert_eq!(opened.plain, b"hello-world");
    assert_eq!(
        hex::encode(opened.password),
        "9ef7c61fd1db490f8269faa1f8320a9a8976d28c21a86f31c6c4ecab6d22f49a"
    );
    assert_eq!(opened.salt, "fa0014382c0a854a");
}

#[test]
fn fixture_2_an_attestation_record_of_24_3_3() {
    let (token, key) = (
        "samples/attestation/se-checksums.txt.enc",
        "samples/attestation/private.pem",
    );
    let Some(opened) = opened("fixture 2", ContractGo, token, key) else {
        return;
    };
    assert_eq!(opened.password, b"g8:*c1qb^^Jr)ey2kNLdrL_R,u~anI$Y");
    assert_eq!(opened.plain.len(), 768);
    assert_eq!(
        sha256(&opened.plain),
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
    let Some(opened) = opened("fixture 3", Terraform, &token, &key) else {
        return;
    };
    assert_eq!(opened.salt, "0cddf767f3d2cdd4");
    assert_eq!(opened.plain.len(), 797);
    assert_eq!(
        sha256(&opened.plain),
        "c88b1304b2039b1b1d2998a96a58a15cc9d592d0c2e0466254b44669e3283949"
    );
}

#[test]
fn fixture_4_the_signature_of_an_attestation_record() {
    let files = ["attestation.crt", "se-checksums.txt", "se-signature.bin"]
        .map(|name| Terraform.file("fixture 4", &format!("{CERT}/{name}")));
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
    let key = ContractGo.text("fixture 5", "samples/decrypt/private_encrypted.key");
    let ciphertext = ContractGo.text("fixture 5", "samples/decrypt/encrypt_encrypted.txt");
    let (Some(key), Some(ciphertext)) = (key, ciphertext) else {
        return;
    };
    let passphrase = Secret::new("decryptpass".to_owned());
    assert!(DecryptionKey::from_encrypted_pem(&key, &passphrase).is_ok());
    assert!(DecryptionKey::from_encrypted_pem(&key, &Secret::new("other".to_owned())).is_err());

    // It is no token: the ciphertext is RSA's alone.
    let der = decrypted_pkcs8(&key, &passphrase).unwrap();
    let plain = rsa_decrypt(der.expose(), &STANDARD.decode(ciphertext.trim()).unwrap());
    assert_eq!(plain, b"Test encrypted data\n");
}

#[test]
fn fixture_6_a_damaged_token() {
    let Some(token) = ContractGo.text("fixture 6", "samples/decrypt/encrypt.invalid.txt") else {
        return;
    };
    assert_eq!(
        Token::parse(&token, &Limits::default()),
        Err(TokenError::Damaged)
    );
}

/// A DER element of less than 64 KiB.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, high, low], content.as_slice()].concat()
}

/// A PKCS#8 key encrypted as OpenSSL does it: PBES2 of PBKDF2 with HMAC-SHA256, and AES-256-CBC.
fn locked(pkcs8: &[u8], passphrase: &[u8]) -> String {
    let iterations = [0x08, 0x00];
    let (salt, iv) = ([5; 16], [6; 16]);
    let mut key = [0; 32];
    let count = NonZeroU32::new(0x0800).unwrap();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        count,
        &salt,
        passphrase,
        &mut key,
    );
    let key = UnboundCipherKey::new(&AES_256, &key).unwrap();
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
    let mut body = pkcs8.to_vec();
    key.less_safe_encrypt(&mut body, EncryptionContext::Iv128(FixedLength::from(iv)))
        .unwrap();

    let oid = |digits: &str| der(6, &[&hex::decode(digits).unwrap()]);
    let function = der(0x30, &[&oid("2a864886f70d0209"), &[5, 0]]);
    let derivation = der(
        0x30,
        &[&der(4, &[&salt]), &der(2, &[&iterations]), &function],
    );
    let derivation = der(0x30, &[&oid("2a864886f70d01050c"), &derivation]);
    let encryption = der(0x30, &[&oid("60864801650304012a"), &der(4, &[&iv])]);
    let schemes = der(0x30, &[&derivation, &encryption]);
    let algorithm = der(0x30, &[&oid("2a864886f70d01050d"), &schemes]);
    let whole = der(0x30, &[&algorithm, &der(4, &[&body])]);
    format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n",
        STANDARD.encode(whole)
    )
}

/// What fixture 5 is, with a key of our own: it needs no file of IBM's and no openssl.
#[test]
fn like_fixture_5_an_encrypted_key_and_a_bare_ciphertext() {
    let rsa = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'static> = rsa.as_der().unwrap();
    let public = Pkcs1PublicEncryptingKey::new(rsa.public_key()).unwrap();
    let mut ciphertext = vec![0; public.ciphertext_size()];
    public
        .encrypt(b"Test encrypted data\n", &mut ciphertext)
        .unwrap();

    let key = locked(pkcs8.as_ref(), b"decryptpass");
    let passphrase = Secret::new("decryptpass".to_owned());
    assert!(DecryptionKey::from_encrypted_pem(&key, &passphrase).is_ok());
    assert!(DecryptionKey::from_encrypted_pem(&key, &Secret::new("other".to_owned())).is_err());
    assert!(DecryptionKey::from_pem(&key).is_err());
    let der = decrypted_pkcs8(&key, &passphrase).unwrap();
    assert_eq!(der.expose(), pkcs8.as_ref());
    assert_eq!(
        rsa_decrypt(der.expose(), &ciphertext),
        b"Test encrypted data\n"
    );
}

/// What fixture 6 is, with tokens of our own.
#[test]
fn like_fixture_6_damaged_tokens() {
    let parse = |text: &str| Token::parse(text, &Limits::default());
    let (password, blob) = (STANDARD.encode([1; 256]), STANDARD.encode([2; 48]));
    let sound = format!("hyper-protect-basic.{password}.{blob}");
    assert!(parse(&sound).is_ok());
    for (from, to) in [
        ("A", "*"),
        ("A", ""),
        ("=", ""),
        ("=", "=="),
        ("basic.", "basic.-"),
    ] {
        let damaged = sound.replacen(from, to, 1);
        assert_eq!(parse(&damaged), Err(TokenError::Damaged), "{from} {to}");
    }
}
