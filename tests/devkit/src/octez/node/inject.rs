//! What is injected into the toy chain: baked blocks and consensus operations, each checked before it is taken.
//!
//! A block must be the next one (or the current one, a little late), well formed, and signed by the key that the baker
//! names; so must an operation. The same slot is never taken twice with different bytes.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::octez::chain::{Chain, PROTO};
use crate::tezos::base58;
use crate::tezos::hash::blake2b_256;
use crate::tezos::key::{KeyError, PublicKey};

/// Bytes of a signature at the end of what is injected.
const SIGNATURE: usize = 64;
/// Blocks remembered, to see a second one at the same level.
const REMEMBERED: usize = 64;

/// Why something is not taken.
#[derive(Debug, Error)]
pub(super) enum InjectError {
    #[error("not hexadecimal")]
    Hex,
    #[error("not of a form that the toy chain knows: {0}")]
    Form(&'static str),
    #[error("level {level} does not fit the head at level {head}")]
    Level { level: i32, head: i32 },
    #[error("an unknown predecessor or branch")]
    Branch,
    #[error("a key of the stand-in's own parameter stand_in_public_key: {0}")]
    Key(KeyError),
    #[error("wrong signature: {0}")]
    Signature(KeyError),
    #[error("a second, different message for level {0}: this would be slashed")]
    Double(i32),
}

/// What was taken so far.
#[derive(Debug, Default)]
pub(super) struct Pool {
    seen: BTreeMap<(i32, u8, String), [u8; 32]>,
    /// Blocks taken.
    pub(super) blocks: u64,
    /// Operations taken.
    pub(super) operations: u64,
}

/// Reads forward through bytes.
struct Reader<'a>(&'a [u8]);

// === impl Pool ===

impl Pool {
    /// Takes a signed block header (without magic byte and chain id); gives its hash.
    pub(super) fn block(
        &mut self,
        chain: &Chain,
        head: i32,
        data: &str,
        key: &str,
    ) -> Result<String, InjectError> {
        let bytes = hex::decode(data).map_err(|_| InjectError::Hex)?;
        let (header, signature) = split(&bytes)?;
        let level = check_header(chain, head, header)?;
        let key = PublicKey::parse(key).map_err(InjectError::Key)?;
        let message = [&[0x11][..], &chain.network.chain_id, header].concat();
        key.verify(&message, signature)
            .map_err(InjectError::Signature)?;
        self.remember(level, 0x11, &key, header)?;
        self.blocks += 1;
        Ok(base58::encode(base58::BLOCK, &blake2b_256(&[&bytes])))
    }

    /// Takes a signed preattestation or attestation; gives its hash.
    pub(super) fn operation(
        &mut self,
        chain: &Chain,
        head: i32,
        data: &str,
        key: &str,
    ) -> Result<String, InjectError> {
        let bytes = hex::decode(data).map_err(|_| InjectError::Hex)?;
        let (operation, signature) = split(&bytes)?;
        let mut reader = Reader(operation);
        let branch = reader.take(32)?;
        let magic = match reader.byte()? {
            20 => 0x12,
            21 => 0x13,
            _ => return Err(InjectError::Form("kind")),
        };
        reader.take(2)?;
        let level = reader.i32()?;
        reader.i32()?;
        reader.take(32)?;
        reader.end()?;
        if (level - head).abs() > 1 {
            return Err(InjectError::Level { level, head });
        }
        if branch != chain.hash(level.saturating_sub(1)) {
            return Err(InjectError::Branch);
        }
        let key = PublicKey::parse(key).map_err(InjectError::Key)?;
        let message = [&[magic][..], &chain.network.chain_id, operation].concat();
        key.verify(&message, signature)
            .map_err(InjectError::Signature)?;
        self.remember(level, magic, &key, operation)?;
        self.operations += 1;
        Ok(base58::encode(base58::OPERATION, &blake2b_256(&[&bytes])))
    }

    fn remember(
        &mut self,
        level: i32,
        class: u8,
        key: &PublicKey,
        bytes: &[u8],
    ) -> Result<(), InjectError> {
        let digest = blake2b_256(&[bytes]);
        let slot = (level, class, key.hash().to_string());
        if self.seen.get(&slot).is_some_and(|other| *other != digest) {
            return Err(InjectError::Double(level));
        }
        self.seen.insert(slot, digest);
        while self.seen.len() > REMEMBERED {
            self.seen.pop_first();
        }
        Ok(())
    }
}

/// Checks each field of a Tenderbake header of round 0; gives its level.
fn check_header(chain: &Chain, head: i32, header: &[u8]) -> Result<i32, InjectError> {
    let mut reader = Reader(header);
    let level = reader.i32()?;
    if level != head && level != head.saturating_add(1) {
        return Err(InjectError::Level { level, head });
    }
    let expected = chain.block(level);
    if reader.byte()? != PROTO {
        return Err(InjectError::Form("protocol level"));
    }
    if reader.take(32)? != expected.predecessor {
        return Err(InjectError::Branch);
    }
    if reader.take(8)? != expected.seconds().to_be_bytes() {
        return Err(InjectError::Form("timestamp"));
    }
    if reader.byte()? != 4 {
        return Err(InjectError::Form("validation passes"));
    }
    reader.take(32)?;
    let fitness = [
        &[0, 0, 0, 33, 0, 0, 0, 1, 2, 0, 0, 0, 4][..],
        &level.to_be_bytes(),
        &[
            0, 0, 0, 0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4, 0, 0, 0, 0,
        ],
    ]
    .concat();
    if reader.take(fitness.len())? != fitness {
        return Err(InjectError::Form("fitness"));
    }
    reader.take(32 + 32)?;
    if reader.i32()? != 0 {
        return Err(InjectError::Form("payload round"));
    }
    reader.take(8)?;
    match reader.byte()? {
        0 => {}
        0xff => {
            reader.take(32)?;
        }
        _ => return Err(InjectError::Form("seed nonce hash")),
    }
    reader.byte()?;
    reader.end()?;
    Ok(level)
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8; SIGNATURE]), InjectError> {
    bytes
        .split_last_chunk()
        .ok_or(InjectError::Form("too short"))
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], InjectError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(InjectError::Form("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, InjectError> {
        let (byte, rest) = self.0.split_first().ok_or(InjectError::Form("too short"))?;
        self.0 = rest;
        Ok(*byte)
    }

    fn i32(&mut self) -> Result<i32, InjectError> {
        let (bytes, rest) = self
            .0
            .split_first_chunk()
            .ok_or(InjectError::Form("too short"))?;
        self.0 = rest;
        Ok(i32::from_be_bytes(*bytes))
    }

    fn end(&self) -> Result<(), InjectError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(InjectError::Form("too long"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octez::chain::Network;
    use proptest::prelude::*;
    use std::time::Duration;

    const KEY: &str = "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk";

    proptest! {
        #[test]
        fn unsigned_noise_is_never_taken(bytes: Vec<u8>, head in 0_i32..1000) {
            let chain = Chain::new(Network::parse("shadownet").unwrap(), Duration::from_secs(1));
            let mut pool = Pool::default();
            prop_assert!(pool.block(&chain, head, &hex::encode(&bytes), KEY).is_err());
            prop_assert!(pool.operation(&chain, head, &hex::encode(&bytes), KEY).is_err());
        }
    }
}
