//! The messages of the binary protocol, to the byte as Octez's data-encoding has them.

use axum::http::StatusCode;

use crate::tezos::binary::{BinaryError, Reader};
use crate::tezos::{Curve, PublicKey, PublicKeyHash, Signature};

/// The name of sign requests in logs and metrics.
pub(super) const SIGN: &str = "sign";
/// Longer texts of refusals are cut: a frame must hold them.
const MAX_TEXT: usize = 4096;
/// In front of an answer that is one.
const OK: u8 = 0;
/// In front of a refusal.
const ERROR: u8 = 1;

type Parsed<T> = Result<T, BinaryError>;

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// 0
    Sign(Sign<'a>),
    /// 1
    PublicKey(PublicKeyHash),
    /// 2
    AuthorizedKeys,
    /// 3 and 4: a nonce, or its hash.
    Nonce,
    /// 5
    SupportsNonces(PublicKeyHash),
    /// 6
    KnownKeys,
    /// 7
    ProvePossession(PublicKeyHash),
}

/// A request to sign.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sign<'a> {
    pub(super) key: PublicKeyHash,
    pub(super) data: &'a [u8],
    /// The signature of an authorized key, of whatever length.
    pub(super) authentication: Option<&'a [u8]>,
}

/// An answer.
#[derive(Debug)]
pub(super) enum Answer {
    Signature(Signature),
    PublicKey(PublicKey),
    AuthorizedKeys(Option<Vec<PublicKeyHash>>),
    KnownKeys(Vec<PublicKeyHash>),
    Bool(bool),
    Refusal(Refusal),
}

/// Why there is no answer, with the status that HTTP would give it.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

/// The name of what a frame asks for, in logs and metrics.
pub(super) fn route(frame: &[u8]) -> &'static str {
    match frame.first() {
        Some(0) => SIGN,
        Some(1) => "public_key",
        Some(2) => "authorized_keys",
        Some(3) => "deterministic_nonce",
        Some(4) => "deterministic_nonce_hash",
        Some(5) => "supports_deterministic_nonces",
        Some(6) => "known_keys",
        Some(7) => "bls_prove_possession",
        _ => "other",
    }
}

// === impl Message ===

impl<'a> Message<'a> {
    /// Reads a frame to its last byte.
    pub(super) fn parse(frame: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(frame);
        let at = reader.clone();
        let message = match reader.u8("request tag")? {
            0 => return Self::sign(reader).map(Self::Sign),
            1 => Self::PublicKey(reader.public_key_hash("public key hash")?),
            2 => Self::AuthorizedKeys,
            3 | 4 => return Self::sign(reader).map(|_| Self::Nonce),
            5 => Self::SupportsNonces(reader.public_key_hash("public key hash")?),
            6 => Self::KnownKeys,
            7 => {
                let key = reader.public_key_hash("public key hash")?;
                reader.optional("override", override_key)?;
                Self::ProvePossession(key)
            }
            _ => return Err(at.malformed("request tag")),
        };
        reader.finish()?;
        Ok(message)
    }

    fn sign(mut reader: Reader<'a>) -> Parsed<Sign<'a>> {
        let key = versioned_hash(&mut reader)?;
        let data = reader.dynamic("data")?;
        let at = reader.clone();
        // Encoders of Octez's format write an optional field at the end as `ff` and its bytes or as its bytes alone.
        let authentication = match reader.rest() {
            [] => None,
            [0xff, bytes @ ..] if matches!(bytes.len(), 64 | 96) => Some(bytes),
            bytes if matches!(bytes.len(), 64 | 96) => Some(bytes),
            _ => return Err(at.malformed("signature")),
        };
        Ok(Sign {
            key,
            data,
            authentication,
        })
    }
}

/// A hash that for tz4 is nested and followed by the version of the signature library (0 to 3).
fn versioned_hash(reader: &mut Reader<'_>) -> Parsed<PublicKeyHash> {
    let field = "public key hash";
    let at = reader.clone();
    if reader.clone().u8(field)? != Curve::Bls12_381.tag() {
        return reader.public_key_hash(field);
    }
    reader.u8(field)?;
    let hash = reader.public_key_hash(field)?;
    let version = reader.u8("signature version")?;
    if hash.curve() == Curve::Bls12_381 && version <= 3 {
        Ok(hash)
    } else {
        Err(at.malformed(field))
    }
}

fn override_key(reader: &mut Reader<'_>) -> Parsed<()> {
    let at = reader.clone();
    if reader.u8("override")? != Curve::Bls12_381.tag() {
        return Err(at.malformed("override"));
    }
    reader.array::<48>("override").map(|_| ())
}

// === impl Answer ===

impl Answer {
    /// A refusal as HTTP says it.
    pub(super) fn refuse(status: StatusCode, code: &str, message: &str) -> Self {
        let text = if message.starts_with(code) {
            message.to_owned()
        } else {
            format!("{code}: {message}")
        };
        Self::Refusal(Refusal::new(status, text))
    }

    /// The status that HTTP would give it.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Refusal(refusal) => refusal.status,
            _ => StatusCode::OK,
        }
    }

    /// Length and message.
    pub(super) fn to_frame(&self) -> Vec<u8> {
        let mut message = vec![OK];
        match self {
            Self::Signature(signature) => message.extend(signature.to_bytes()),
            Self::PublicKey(key) => {
                message.push(key.curve().tag());
                message.extend(key.to_bytes());
            }
            Self::AuthorizedKeys(None) => message.push(0),
            Self::AuthorizedKeys(Some(keys)) => {
                message.push(1);
                append_keys(&mut message, keys);
            }
            Self::KnownKeys(keys) => append_keys(&mut message, keys),
            Self::Bool(value) => message.push(if *value { 0xff } else { 0 }),
            Self::Refusal(refusal) => message = refusal.to_message(),
        }
        framed(&message)
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    if let Ok(length) = u16::try_from(message.len()) {
        return [&length.to_be_bytes()[..], message].concat();
    }
    // Only the list of more than three thousand keys is so long.
    let text = "answer_too_long: the answer does not fit into a frame".to_owned();
    framed(&Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text).to_message())
}

fn append_keys(message: &mut Vec<u8>, keys: &[PublicKeyHash]) {
    let bytes: Vec<u8> = keys.iter().flat_map(PublicKeyHash::to_tagged).collect();
    message.extend(length(&bytes));
    message.extend(bytes);
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn new(status: StatusCode, mut text: String) -> Self {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        Self { status, text }
    }

    /// A trace of one error, which is a BSON document: `{"kind": "generic", "error": text}`.
    fn to_message(&self) -> Vec<u8> {
        let document = bson(&[("kind", "generic"), ("error", &self.text)]);
        let item = [&length(&document)[..], &document].concat();
        [&[ERROR][..], &length(&item), &item].concat()
    }
}

/// A document of strings. BSON is little-endian.
fn bson(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in fields {
        body.push(2);
        body.extend(name.as_bytes());
        body.push(0);
        body.extend(small(text.len() + 1).to_le_bytes());
        // A zero within would end the text early.
        body.extend(text.bytes().map(|byte| if byte == 0 { b'?' } else { byte }));
        body.push(0);
    }
    body.push(0);
    let mut document = small(body.len() + 4).to_le_bytes().to_vec();
    document.extend(body);
    document
}

fn length(bytes: &[u8]) -> [u8; 4] {
    small(bytes.len()).to_be_bytes()
}

/// Nothing here is longer than a frame by much.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
