//! The client side of the remote-signer protocol, as the real baker speaks it.
//!
//! Before each signature `GET /authorized_keys`, then `POST /keys/<pkh>?version=3` with the message as a JSON string of hex
//! digits, each on a connection of its own. What comes back is verified here, with code that the signer does not share.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::octez::http::{Base, HttpError, Reply};
use crate::tezos::key::{KeyError, PublicKey, PublicKeyHash};

/// Octez's client asks again when a gateway says 502, this many times.
const BAD_GATEWAY_RETRIES: u32 = 10;

/// Why there is no good signature.
#[derive(Debug, Error)]
pub enum SignError {
    /// No reply.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The signer refused; its status and words.
    #[error("{0}")]
    Refused(String),
    /// The signer wants authentication, and there is no key for it.
    #[error("the signer wants requests to be authenticated")]
    Authentication,
    /// 200, but no signature in it.
    #[error("the signer's reply is not understood")]
    Reply,
    /// A signature that does not verify.
    #[error("Signer_output_mismatch: {0}")]
    Mismatch(#[from] KeyError),
}

/// A key behind a signer.
#[derive(Debug, Clone)]
pub struct RemoteKey {
    /// Where.
    pub signer: Base,
    /// Which.
    pub hash: PublicKeyHash,
    /// Its public key.
    pub key: PublicKey,
}

/// A signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// As the signer wrote it.
    pub text: String,
    /// Its bytes.
    pub raw: [u8; 64],
}

/// Asks a signer for a public key.
pub async fn public_key(signer: &Base, hash: &PublicKeyHash) -> Result<PublicKey, SignError> {
    let reply = signer.get(&format!("/keys/{hash}")).await?;
    let key = PublicKey::parse(&field(&reply, "public_key")?)?;
    if key.hash() == *hash {
        Ok(key)
    } else {
        Err(SignError::Reply)
    }
}

// === impl RemoteKey ===

impl RemoteKey {
    /// Has a message signed and checks the signature.
    pub async fn sign(&self, message: &[u8]) -> Result<Signed, SignError> {
        let authorized = self.signer.get("/authorized_keys").await?;
        if authorized.status != 200 {
            return Err(SignError::Refused(authorized.reason()));
        }
        match authorized.json() {
            Some(Value::Object(object)) if object.get("authorized_keys").is_none() => {}
            Some(Value::Object(_)) => return Err(SignError::Authentication),
            _ => return Err(SignError::Reply),
        }
        let path = format!("/keys/{}?version=3", self.hash);
        let mut attempt = 0;
        let reply = loop {
            let reply = self
                .signer
                .post(&path, format!("\"{}\"", hex::encode(message)))
                .await?;
            if reply.status != 502 || attempt == BAD_GATEWAY_RETRIES {
                break reply;
            }
            tokio::time::sleep(Duration::from_millis(100) * attempt).await;
            attempt += 1;
        };
        let text = field(&reply, "signature")?;
        let raw = self.key.parse_signature(&text)?;
        self.key.verify(message, &raw)?;
        Ok(Signed { text, raw })
    }
}

fn field(reply: &Reply, name: &str) -> Result<String, SignError> {
    if reply.status != 200 {
        return Err(SignError::Refused(reply.reason()));
    }
    let value = reply.json().ok_or(SignError::Reply)?;
    value
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or(SignError::Reply)
}
