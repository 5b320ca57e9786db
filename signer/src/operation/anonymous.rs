//! Contents that are not manager operations: no fee, and at most one in an operation.

use super::{Content, OperationError, OperationKind};
use crate::tezos::binary::{BinaryError, Reader};

pub(super) fn content(tag: u8, reader: &mut Reader<'_>) -> Result<Content, OperationError> {
    let mut source = None;
    let kind = match tag {
        1 => {
            reader.natural_i32("level")?;
            reader.slice("nonce", 32)?;
            OperationKind::SeedNonceRevelation
        }
        2 => {
            reader.u16("slot")?;
            reader.dynamic("first operation")?;
            reader.dynamic("second operation")?;
            OperationKind::DoubleConsensusOperationEvidence
        }
        3 => {
            reader.dynamic("first header")?;
            reader.dynamic("second header")?;
            OperationKind::DoubleBakingEvidence
        }
        4 => {
            reader.slice("address", 20)?;
            reader.slice("secret", 20)?;
            OperationKind::ActivateAccount
        }
        5 => {
            source = Some(reader.public_key_hash("source")?);
            proposals(reader)?;
            OperationKind::Proposals
        }
        6 => {
            source = Some(reader.public_key_hash("source")?);
            ballot(reader)?;
            OperationKind::Ballot
        }
        8 => {
            reader.slice("solution", 200)?;
            OperationKind::VdfRevelation
        }
        9 => {
            source = Some(reader.public_key_hash("consensus key")?);
            reader.public_key_hash("delegate")?;
            reader.public_key_hash("destination")?;
            OperationKind::DrainDelegate
        }
        17 => {
            reader.dynamic("arbitrary bytes")?;
            OperationKind::FailingNoop
        }
        24 => {
            entrapment(reader)?;
            OperationKind::DalEntrapmentEvidence
        }
        other => return Err(OperationError::Tag(other)),
    };
    Ok(Content {
        kind,
        source,
        fee: None,
    })
}

fn proposals(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.natural_i32("period")?;
    let at = reader.clone();
    let hashes = reader.dynamic("proposals")?;
    if hashes.len() % 32 == 0 && hashes.len() <= 20 * 32 {
        Ok(())
    } else {
        Err(at.malformed("proposals"))
    }
}

fn ballot(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.natural_i32("period")?;
    reader.slice("proposal", 32)?;
    let at = reader.clone();
    match reader.u8("ballot")? {
        0..=2 => Ok(()),
        _ => Err(at.malformed("ballot")),
    }
}

fn entrapment(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.dynamic("attestation")?;
    reader.u16("consensus slot")?;
    reader.u8("slot index")?;
    reader.optional("lag index", |reader| reader.u8("lag index"))?;
    reader.natural_i32("shard index")?;
    reader.dynamic("shard")?;
    reader.slice("proof", 48)?;
    Ok(())
}
