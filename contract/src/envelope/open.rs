//! Opening a token.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::kdf::{self, BLOCK, MAGIC, SALT};
use super::{DecryptionKey, Token, TokenError, Work};
use crate::limits::Limits;
use crate::secret::Secret;

/// A token can't be opened. There is nothing more to it, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token can't be opened")]
pub struct DecryptError;

/// Opens a token with the first of the keys that does it. Every key is tried, whichever it is.
pub fn open(token: &Token, keys: &[DecryptionKey]) -> Result<Secret<Vec<u8>>, DecryptError> {
    open_counted(token, keys).0
}

/// Opens a text that is meant to be a token, at the same cost if it is none.
pub(crate) fn open_text(
    text: &str,
    keys: &[DecryptionKey],
    limits: &Limits,
) -> Result<Secret<Vec<u8>>, TokenError> {
    let token = Token::parse(text, limits);
    let opened = open(token.as_ref().unwrap_or(&Token::stand_in()), keys);
    token.and_then(|_| opened.map_err(|DecryptError| TokenError::Damaged))
}

pub(super) fn open_counted(
    token: &Token,
    keys: &[DecryptionKey],
) -> (Result<Secret<Vec<u8>>, DecryptError>, Work) {
    let mut work = Work::default();
    let candidates: Vec<_> = keys
        .iter()
        .flat_map(|key| attempt(token, key, &mut work))
        .collect();
    (
        prefer(candidates).map(Secret::new).ok_or(DecryptError),
        work,
    )
}

/// One key's attempt: one RSA operation, one MAC, two derivations, two decryptions, whatever happens.
///
/// Whether RSA yielded the password is not asked afterwards: a ciphertext that it turns down must look, for every blob that
/// comes with it, like one that holds a password which does not fit.
fn attempt(token: &Token, key: &DecryptionKey, work: &mut Work) -> [Option<Zeroizing<Vec<u8>>>; 2] {
    let password = key.password(&token.password, work);
    let (salt, body, well_formed) = split(&token.blob);
    let cut = decrypt(password.cut(), salt, &body, work);
    let whole = decrypt(password.whole(), salt, &body, work);
    [cut, whole].map(|plain| plain.filter(|_| well_formed))
}

/// Salt and ciphertext, or stand-ins of the least size.
fn split(blob: &[u8]) -> ([u8; SALT], Vec<u8>, bool) {
    let parts = blob
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_first_chunk::<SALT>())
        .filter(|(_, body)| !body.is_empty() && body.len().is_multiple_of(BLOCK));
    match parts {
        Some((salt, body)) => (*salt, body.to_vec(), true),
        None => ([0; SALT], vec![0; BLOCK], false),
    }
}

fn decrypt(
    password: &[u8],
    salt: [u8; SALT],
    body: &[u8],
    work: &mut Work,
) -> Option<Zeroizing<Vec<u8>>> {
    work.kdf = work.kdf.saturating_add(1);
    let derived = kdf::derive(password, salt);
    work.cipher = work.cipher.saturating_add(1);
    let key = UnboundCipherKey::new(&AES_256, &*derived.key).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut buffer = Zeroizing::new(body.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(derived.iv));
    key.decrypt(&mut buffer, context)
        .ok()
        .map(|plain| Zeroizing::new(plain.to_vec()))
}

/// The first text, in the order of keys and with the cut password first, as that is the usual one. A wrong password passes
/// the padding check once in 256 times, and then yields no text; hence text goes before bytes.
fn prefer(candidates: Vec<Option<Zeroizing<Vec<u8>>>>) -> Option<Vec<u8>> {
    let mut found: Vec<_> = candidates.into_iter().flatten().collect();
    found.sort_by_key(|plain| std::str::from_utf8(plain).is_err());
    found.first_mut().map(|plain| std::mem::take(&mut **plain))
}
