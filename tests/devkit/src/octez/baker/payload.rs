//! The exact bytes that a baker sends to be signed: magic byte, chain id, and the unsigned encoding.
//!
//! Everything is of round 0. Blocks have a Tenderbake header of 198 bytes, or 230 where a seed nonce is committed to (each
//! 112th level); preattestations and attestations are the 80-byte forms of tz1, tz2 and tz3 keys, kinds 20 and 21.

use crate::octez::chain::{Chain, Hash, PROTO};
use crate::tezos::hash::blake2b_256;

/// A block each so many levels commits to a seed nonce.
pub const BLOCKS_PER_COMMITMENT: i32 = 112;

/// The three kinds of message, each with a high watermark of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 0x11
    Block,
    /// 0x12
    Preattestation,
    /// 0x13
    Attestation,
}

/// A message of the toy chain's round 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its class.
    pub class: Class,
    /// Its level.
    pub level: i32,
    /// All bytes, magic byte first.
    pub bytes: Vec<u8>,
}

/// Fields of a block header that a baker fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Level.
    pub level: i32,
    /// Hash of the block before.
    pub predecessor: Hash,
    /// Unix time, in seconds.
    pub timestamp: i64,
    /// Hash of the operations' lists.
    pub operations: Hash,
    /// Context hash.
    pub context: Hash,
    /// Payload hash.
    pub payload: Hash,
    /// Proof-of-work nonce.
    pub nonce: [u8; 8],
    /// Commitment to a seed nonce.
    pub seed_nonce_hash: Option<Hash>,
    /// Per-block votes.
    pub votes: u8,
}

// === impl Class ===

impl Class {
    /// As the journal names it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Block => "block",
            Class::Preattestation => "preattestation",
            Class::Attestation => "attestation",
        }
    }
}

// === impl Header ===

impl Header {
    /// The header that a baker proposes for a level of the toy chain.
    pub fn propose(chain: &Chain, level: i32, delegate: &str, votes: u8) -> Self {
        let block = chain.block(level);
        let commits = level % BLOCKS_PER_COMMITMENT == 0;
        let seed = || {
            blake2b_256(&[
                b"seed nonce of a stand-in",
                delegate.as_bytes(),
                &level.to_be_bytes(),
            ])
        };
        let work = blake2b_256(&[b"proof of work", &block.hash]);
        Self {
            level,
            predecessor: block.predecessor,
            timestamp: block.seconds(),
            operations: chain.operations(level),
            context: chain.context(level),
            payload: block.payload,
            nonce: work.first_chunk().copied().unwrap_or_default(),
            seed_nonce_hash: commits.then(seed),
            votes,
        }
    }

    /// The bytes to sign.
    pub fn message(&self, chain_id: [u8; 4]) -> Message {
        let mut bytes = vec![0x11];
        bytes.extend_from_slice(&chain_id);
        bytes.extend_from_slice(&self.level.to_be_bytes());
        bytes.push(PROTO);
        bytes.extend_from_slice(&self.predecessor);
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.push(4);
        bytes.extend_from_slice(&self.operations);
        let fitness = fitness(self.level);
        bytes.extend_from_slice(&length(&fitness));
        bytes.extend_from_slice(&fitness);
        bytes.extend_from_slice(&self.context);
        bytes.extend_from_slice(&self.payload);
        bytes.extend_from_slice(&0_i32.to_be_bytes());
        bytes.extend_from_slice(&self.nonce);
        match &self.seed_nonce_hash {
            None => bytes.push(0),
            Some(hash) => {
                bytes.push(0xff);
                bytes.extend_from_slice(hash);
            }
        }
        bytes.push(self.votes);
        Message {
            class: Class::Block,
            level: self.level,
            bytes,
        }
    }
}

/// A preattestation or attestation of a level's block.
pub fn vote(chain: &Chain, class: Class, level: i32, slot: u16) -> Message {
    let (magic, kind) = match class {
        Class::Attestation => (0x13, 21),
        Class::Block | Class::Preattestation => (0x12, 20),
    };
    let block = chain.block(level);
    let bytes = [
        &[magic][..],
        &chain.network.chain_id,
        &block.predecessor,
        &[kind],
        &slot.to_be_bytes(),
        &level.to_be_bytes(),
        &0_i32.to_be_bytes(),
        &block.payload,
    ]
    .concat();
    Message {
        class,
        level,
        bytes,
    }
}

// === impl Message ===

impl Message {
    /// BLAKE2b-256 of the bytes: what is signed.
    pub fn digest(&self) -> Hash {
        blake2b_256(&[&self.bytes])
    }

    /// The bytes without magic byte and chain id, with a signature: what is injected.
    pub fn signed(&self, signature: &[u8; 64]) -> Vec<u8> {
        [self.bytes.get(5..).unwrap_or_default(), signature].concat()
    }
}

/// Version, level, locked round (none), predecessor's round 0, round 0; each with its length.
fn fitness(level: i32) -> Vec<u8> {
    let level = level.to_be_bytes();
    let parts: [&[u8]; 5] = [&[2], &level, &[], &[0xff; 4], &[0; 4]];
    parts
        .iter()
        .flat_map(|part| [&length(part)[..], part].concat())
        .collect()
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}
