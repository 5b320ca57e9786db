//! Private keys that lie encrypted in a file: PKCS#8 with PBES2, as OpenSSL writes them.
//!
//! For the operator's desk; a guest's key is inside its own encrypted image. PBKDF2 with HMAC-SHA256 and AES-CBC of 128 or 256
//! bits, which is what OpenSSL has written since 1.1; older schemes are refused.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use x509_parser::asn1_rs::{FromDer as _, OctetString, Oid, Sequence};
use zeroize::Zeroizing;

use super::KeyError;
use super::kdf::BLOCK;

const PBES2: &str = "1.2.840.113549.1.5.13";
const PBKDF2: &str = "1.2.840.113549.1.5.12";
const HMAC_SHA256: &str = "1.2.840.113549.2.9";
const AES_128_CBC: &str = "2.16.840.1.101.3.4.1.2";
const AES_256_CBC: &str = "2.16.840.1.101.3.4.1.42";
/// More would be a way to keep a tool busy.
const MOST_ITERATIONS: u32 = 10_000_000;

/// What the head of an encrypted key says about how to open it.
struct Scheme<'a> {
    salt: &'a [u8],
    iterations: NonZeroU32,
    cipher: &'static Algorithm,
    key_len: usize,
    iv: [u8; BLOCK],
}

/// Opens an `EncryptedPrivateKeyInfo` and returns the `PrivateKeyInfo` in it.
pub(super) fn open(der: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (scheme, body) = parse(der).ok_or(KeyError::Scheme)?;
    let mut key = Zeroizing::new(vec![0; scheme.key_len]);
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(
        algorithm,
        scheme.iterations,
        scheme.salt,
        passphrase.as_bytes(),
        &mut key,
    );
    let key = UnboundCipherKey::new(scheme.cipher, &key).map_err(|_| KeyError::Scheme)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| KeyError::Scheme)?;
    let mut buffer = Zeroizing::new(body.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(scheme.iv));
    let plain = key
        .decrypt(&mut buffer, context)
        .map_err(|_| KeyError::Passphrase)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

fn parse(der: &[u8]) -> Option<(Scheme<'_>, &[u8])> {
    let (rest, outer) = sequence(der)?;
    let (body, algorithm) = sequence(outer)?;
    let (parameters, oid) = identifier(algorithm)?;
    let (_, parameters) = sequence(parameters).filter(|_| rest.is_empty() && oid == PBES2)?;
    let (encryption, derivation) = sequence(parameters)?;
    let (_, encryption) = sequence(encryption)?;

    let (derivation, oid) = identifier(derivation)?;
    let (_, derivation) = sequence(derivation).filter(|_| oid == PBKDF2)?;
    let (derivation, salt) = octets(derivation)?;
    let (derivation, iterations) = u32::from_der(derivation).ok()?;
    let iterations = NonZeroU32::new(iterations).filter(|it| it.get() <= MOST_ITERATIONS)?;
    // A key length may be said in between; the cipher says it too.
    let derivation = u32::from_der(derivation).map_or(derivation, |(rest, _)| rest);
    let (_, function) = sequence(derivation)?;
    identifier(function).filter(|(_, oid)| oid == HMAC_SHA256)?;

    let (iv, oid) = identifier(encryption)?;
    let (cipher, key_len): (&'static Algorithm, usize) = match oid.as_str() {
        AES_128_CBC => (&AES_128, 16),
        AES_256_CBC => (&AES_256, 32),
        _ => return None,
    };
    let iv = octets(iv)?.1.try_into().ok()?;
    let (_, body) = octets(body)?;
    Some((
        Scheme {
            salt,
            iterations,
            cipher,
            key_len,
            iv,
        },
        body,
    ))
}

/// What follows a sequence, and its content.
fn sequence(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, sequence) = Sequence::from_der(der).ok()?;
    match sequence.content {
        std::borrow::Cow::Borrowed(content) => Some((rest, content)),
        std::borrow::Cow::Owned(_) => None,
    }
}

fn identifier(der: &[u8]) -> Option<(&[u8], String)> {
    let (rest, oid) = Oid::from_der(der).ok()?;
    Some((rest, oid.to_id_string()))
}

fn octets(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, octets) = OctetString::from_der(der).ok()?;
    match octets.into_cow() {
        std::borrow::Cow::Borrowed(content) => Some((rest, content)),
        std::borrow::Cow::Owned(_) => None,
    }
}
