//! Contents that are not manager operations: no fee, and at most one in an operation.

use super::consensus::{header, inlined};
use super::{Content, Effect, OperationError, OperationKind};
use crate::tezos::binary::{BinaryError, Reader};
use crate::tezos::{Address, ProtocolHash};

/// The most proposals in one operation.
const MAX_PROPOSALS: usize = 20;

/// A vote on a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ballot {
    /// For it.
    Yay,
    /// Against it.
    Nay,
    /// Neither.
    Pass,
}

pub(super) fn content(tag: u8, reader: &mut Reader<'_>) -> Result<Content, OperationError> {
    match tag {
        5 | 6 | 9 => Ok(of_a_key(tag, reader)?),
        _ => Ok(Content {
            kind: of_nobody(tag, reader)?,
            source: None,
            fee: None,
            effect: Effect::None,
        }),
    }
}

/// Contents that speak for a key.
fn of_a_key(tag: u8, reader: &mut Reader<'_>) -> Result<Content, BinaryError> {
    let source = reader.public_key_hash("source")?;
    let (kind, effect) = match tag {
        5 => (OperationKind::Proposals, proposals(reader)?),
        6 => (OperationKind::Ballot, ballot(reader)?),
        _ => {
            reader.public_key_hash("delegate")?;
            let destination = Address::Implicit(reader.public_key_hash("destination")?);
            (OperationKind::DrainDelegate, Effect::Send { destination })
        }
    };
    Ok(Content {
        kind,
        source: Some(source),
        fee: None,
        effect,
    })
}

fn of_nobody(tag: u8, reader: &mut Reader<'_>) -> Result<OperationKind, OperationError> {
    match tag {
        1 => {
            reader.natural_i32("level")?;
            reader.slice("nonce", 32)?;
            Ok(OperationKind::SeedNonceRevelation)
        }
        2 => {
            reader.u16("slot")?;
            inlined(reader, "first operation")?;
            inlined(reader, "second operation")?;
            Ok(OperationKind::DoubleConsensusOperationEvidence)
        }
        3 => {
            header(reader, "first header")?;
            header(reader, "second header")?;
            Ok(OperationKind::DoubleBakingEvidence)
        }
        4 => {
            reader.slice("address", 20)?;
            reader.slice("secret", 20)?;
            Ok(OperationKind::ActivateAccount)
        }
        8 => {
            reader.slice("solution", 200)?;
            Ok(OperationKind::VdfRevelation)
        }
        17 => {
            reader.dynamic("arbitrary bytes")?;
            Ok(OperationKind::FailingNoop)
        }
        24 => {
            inlined(reader, "attestation")?;
            entrapment(reader)?;
            Ok(OperationKind::DalEntrapmentEvidence)
        }
        other => Err(OperationError::Tag(other)),
    }
}

fn proposals(reader: &mut Reader<'_>) -> Result<Effect, BinaryError> {
    reader.natural_i32("period")?;
    let at = reader.clone();
    let mut hashes = Vec::new();
    reader.list("proposals", |reader| {
        if hashes.len() == MAX_PROPOSALS {
            return Err(at.malformed("proposals"));
        }
        hashes.push(ProtocolHash::from_bytes(reader.array("proposal")?));
        Ok(())
    })?;
    Ok(Effect::Proposals(hashes))
}

fn ballot(reader: &mut Reader<'_>) -> Result<Effect, BinaryError> {
    reader.natural_i32("period")?;
    let proposal = ProtocolHash::from_bytes(reader.array("proposal")?);
    let ballot = match reader.choice("ballot", 2)? {
        0 => Ballot::Yay,
        1 => Ballot::Nay,
        _ => Ballot::Pass,
    };
    Ok(Effect::Ballot { proposal, ballot })
}

fn entrapment(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.u16("consensus slot")?;
    reader.u8("slot index")?;
    reader.optional("lag index", |reader| reader.u8("lag index"))?;
    reader.natural_i32("shard index")?;
    reader.list("shard", |reader| reader.slice("shard", 32).map(drop))?;
    reader.slice("proof", 48)?;
    Ok(())
}

// === impl Ballot ===

impl Ballot {
    /// All votes.
    pub const ALL: [Self; 3] = [Self::Yay, Self::Nay, Self::Pass];

    /// `yay`, `nay` or `pass`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yay => "yay",
            Self::Nay => "nay",
            Self::Pass => "pass",
        }
    }
}
