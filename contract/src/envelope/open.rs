//! Opening a token.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::hpke::Message;
use super::kdf::{self, BLOCK, MAGIC, SALT};
use super::password::RsaKey;
use super::{Basic, DecryptionKey, Token, TokenError, Work};
use crate::limits::Limits;
use crate::secret::Secret;

/// A token can't be opened. There is nothing more to it, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token can't be opened")]
pub struct DecryptError;

/// What a key made of a token, if anything.
type Plain = Option<Zeroizing<Vec<u8>>>;

/// Opens a token with the first of the keys that does it. Every key of the token's kind is tried, whichever it is.
///
/// `section` is the name of the section that the token stands in: `workload`, `env` or `attestationPublicKey`.
pub fn open(
    token: &Token,
    section: &str,
    keys: &[DecryptionKey],
) -> Result<Secret<Vec<u8>>, DecryptError> {
    open_counted(token, section, keys).0
}

/// Opens a text that is meant to be a token and to hold text, at the same cost if it does not.
pub(crate) fn open_text(
    text: &str,
    section: &str,
    keys: &[DecryptionKey],
    limits: &Limits,
) -> Result<Secret<String>, TokenError> {
    open_text_counted(text, section, keys, limits).0
}

pub(super) fn open_text_counted(
    text: &str,
    section: &str,
    keys: &[DecryptionKey],
    limits: &Limits,
) -> (Result<Secret<String>, TokenError>, Work) {
    let token = Token::parse(text, limits);
    let (opened, work) = match &token {
        Ok(token) => best_of(token, section, keys),
        Err(_) => best_of(&Token::stand_in(text), section, keys),
    };
    // Bytes that are no text come from a wrong password that passed the padding check: the same error, then.
    let opened = token.and_then(|_| opened.and_then(into_text).ok_or(TokenError::Damaged));
    (opened, work)
}

pub(super) fn open_counted(
    token: &Token,
    section: &str,
    keys: &[DecryptionKey],
) -> (Result<Secret<Vec<u8>>, DecryptError>, Work) {
    let (best, work) = best_of(token, section, keys);
    let opened = best.map(|mut plain| Secret::new(std::mem::take(&mut *plain)));
    (opened.ok_or(DecryptError), work)
}

fn best_of(token: &Token, section: &str, keys: &[DecryptionKey]) -> (Plain, Work) {
    let mut work = Work::default();
    let mut best = None;
    match token {
        Token::Basic(token) => {
            for key in keys.iter().filter_map(DecryptionKey::as_rsa) {
                best = attempt(token, key, best, &mut work);
            }
        }
        Token::Hpke(token) => {
            let message = Message::new(token, section, &mut work);
            for key in keys.iter().filter_map(DecryptionKey::as_x25519) {
                best = better(best, key.open(&message, &mut work));
            }
        }
    }
    (best, work)
}

/// One key's attempt: one RSA operation, one MAC, two derivations, two decryptions, whatever happens.
///
/// Whether RSA yielded the password is not asked afterwards: a ciphertext that it turns down must look, for every blob that
/// comes with it, like one that holds a password which does not fit.
fn attempt(token: &Basic, key: &RsaKey, best: Plain, work: &mut Work) -> Plain {
    let password = key.password(&token.password, work);
    let (salt, body, well_formed) = split(&token.blob);
    // The cut password goes first, as that is the usual one.
    [password.cut(), password.whole()]
        .into_iter()
        .fold(best, |best, password| {
            let plain = decrypt(password, salt, body, work);
            better(best, plain.filter(|_| well_formed))
        })
}

/// Salt and ciphertext, or stand-ins of the least size.
fn split(blob: &[u8]) -> ([u8; SALT], &[u8], bool) {
    let parts = blob
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_first_chunk::<SALT>())
        .filter(|(_, body)| !body.is_empty() && body.len().is_multiple_of(BLOCK));
    match parts {
        Some((salt, body)) => (*salt, body, true),
        None => ([0; SALT], &[0; BLOCK], false),
    }
}

fn decrypt(password: &[u8], salt: [u8; SALT], body: &[u8], work: &mut Work) -> Plain {
    work.kdf = work.kdf.saturating_add(1);
    let derived = kdf::derive(password, salt);
    work.cipher = work.cipher.saturating_add(1);
    let key = UnboundCipherKey::new(&AES_256, &*derived.key).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut buffer = Zeroizing::new(body.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(derived.iv));
    let len = key.decrypt(&mut buffer, context).ok()?.len();
    buffer.truncate(len);
    Some(buffer)
}

/// The first text. A wrong password passes the padding check once in 256 times, and then yields no text; hence text goes
/// before bytes.
fn better(best: Plain, other: Plain) -> Plain {
    let is_text =
        |plain: &Plain| matches!(plain, Some(plain) if std::str::from_utf8(plain).is_ok());
    if best.is_none() || (is_text(&other) && !is_text(&best)) {
        other
    } else {
        best
    }
}

fn into_text(mut plain: Zeroizing<Vec<u8>>) -> Option<Secret<String>> {
    match String::from_utf8(std::mem::take(&mut *plain)) {
        Ok(text) => Some(Secret::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            None
        }
    }
}
