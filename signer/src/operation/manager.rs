//! Manager operations: those with a source, a fee and a counter, which may be batched.

use super::{Content, OperationError, OperationKind};
use crate::tezos::PublicKeyHash;
use crate::tezos::binary::{BinaryError, Reader};

/// How a transaction ends: where to, and by which entrypoint.
struct Call {
    /// The destination, if it is an implicit account.
    implicit: Option<PublicKeyHash>,
    entrypoint: u8,
}

const DEFAULT: u8 = 0;
const STAKE: u8 = 6;
const UNSTAKE: u8 = 7;
const FINALIZE_UNSTAKE: u8 = 8;
const SET_DELEGATE_PARAMETERS: u8 = 9;
const NAMED: u8 = 255;

pub(super) fn content(tag: u8, reader: &mut Reader<'_>) -> Result<Content, OperationError> {
    let source = reader.public_key_hash("source")?;
    let fee = reader.mutez("fee")?;
    reader.natural("counter")?;
    reader.natural("gas limit")?;
    reader.natural("storage limit")?;
    let kind = match tag {
        200..=207 => rollup(tag, reader)?,
        _ => plain(tag, reader, source)?,
    };
    Ok(Content {
        kind,
        source: Some(source),
        fee: Some(fee),
    })
}

fn plain(
    tag: u8,
    reader: &mut Reader<'_>,
    source: PublicKeyHash,
) -> Result<OperationKind, OperationError> {
    let kind = match tag {
        107 => {
            public_key(reader)?;
            OperationKind::Reveal
        }
        108 => transaction(reader)?.kind(source),
        109 => {
            reader.mutez("balance")?;
            reader.optional("delegate", |reader| reader.public_key_hash("delegate"))?;
            reader.dynamic("code")?;
            reader.dynamic("storage")?;
            OperationKind::Origination
        }
        110 => {
            reader.optional("delegate", |reader| reader.public_key_hash("delegate"))?;
            OperationKind::Delegation
        }
        111 => {
            reader.dynamic("value")?;
            OperationKind::RegisterGlobalConstant
        }
        112 => {
            reader.optional("limit", |reader| reader.mutez("limit"))?;
            OperationKind::SetDepositsLimit
        }
        113 => {
            reader.integer("amount")?;
            originated(reader, "destination")?;
            OperationKind::IncreasePaidStorage
        }
        114 => {
            public_key(reader)?;
            OperationKind::UpdateConsensusKey
        }
        115 => {
            public_key(reader)?;
            OperationKind::UpdateCompanionKey
        }
        158 => {
            ticket(reader)?;
            OperationKind::TransferTicket
        }
        230 => {
            reader.u8("slot index")?;
            reader.slice("commitment", 48)?;
            reader.slice("commitment proof", 48)?;
            OperationKind::DalPublishCommitment
        }
        other => return Err(OperationError::Tag(other)),
    };
    Ok(kind)
}

fn transaction(reader: &mut Reader<'_>) -> Result<Call, BinaryError> {
    reader.mutez("amount")?;
    let implicit = contract(reader, "destination")?;
    let entrypoint = reader.optional("parameters", |reader| {
        let entrypoint = entrypoint(reader)?;
        reader.dynamic("parameters")?;
        Ok(entrypoint)
    })?;
    Ok(Call {
        implicit,
        entrypoint: entrypoint.unwrap_or(DEFAULT),
    })
}

fn entrypoint(reader: &mut Reader<'_>) -> Result<u8, BinaryError> {
    let at = reader.clone();
    let tag = reader.u8("entrypoint")?;
    match tag {
        0..=9 => Ok(tag),
        NAMED => {
            let length = reader.u8("entrypoint")?;
            if length > 31 {
                return Err(at.malformed("entrypoint"));
            }
            // A name written out that has a tag of its own means the same as the tag.
            match reader.slice("entrypoint", usize::from(length))? {
                b"stake" => Ok(STAKE),
                b"unstake" => Ok(UNSTAKE),
                b"finalize_unstake" => Ok(FINALIZE_UNSTAKE),
                b"set_delegate_parameters" => Ok(SET_DELEGATE_PARAMETERS),
                _ => Ok(NAMED),
            }
        }
        _ => Err(at.malformed("entrypoint")),
    }
}

fn ticket(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.dynamic("ticket contents")?;
    reader.dynamic("ticket type")?;
    contract(reader, "ticketer")?;
    reader.natural("ticket amount")?;
    contract(reader, "destination")?;
    reader.dynamic("entrypoint")?;
    Ok(())
}

fn rollup(tag: u8, reader: &mut Reader<'_>) -> Result<OperationKind, OperationError> {
    if tag == 200 {
        reader.u8("kind of rollup")?;
        reader.dynamic("kernel")?;
        reader.dynamic("parameters type")?;
        reader.optional("whitelist", whitelist)?;
        return Ok(OperationKind::SmartRollupOriginate);
    }
    if tag == 201 {
        let mut messages = Reader::new(reader.dynamic("messages")?);
        while !messages.is_at_end() {
            messages.dynamic("message")?;
        }
        return Ok(OperationKind::SmartRollupAddMessages);
    }
    reader.slice("rollup", 20)?;
    match tag {
        202 => Ok(OperationKind::SmartRollupCement),
        203 => {
            reader.slice("state", 32)?;
            reader.natural_i32("inbox level")?;
            reader.slice("predecessor", 32)?;
            reader.slice("number of ticks", 8)?;
            Ok(OperationKind::SmartRollupPublish)
        }
        204 => {
            reader.public_key_hash("opponent")?;
            match reader.u8("refutation")? {
                0 => reader.slice("commitments", 64)?,
                _ => return Err(OperationError::Unsupported("a move of a refutation game")),
            };
            Ok(OperationKind::SmartRollupRefute)
        }
        205 => {
            reader.public_key_hash("first staker")?;
            reader.public_key_hash("second staker")?;
            Ok(OperationKind::SmartRollupTimeout)
        }
        206 => {
            reader.slice("commitment", 32)?;
            reader.dynamic("output proof")?;
            Ok(OperationKind::SmartRollupExecuteOutboxMessage)
        }
        207 => {
            reader.public_key_hash("staker")?;
            Ok(OperationKind::SmartRollupRecoverBond)
        }
        other => Err(OperationError::Tag(other)),
    }
}

fn whitelist(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    let mut members = Reader::new(reader.dynamic("whitelist")?);
    while !members.is_at_end() {
        members.public_key_hash("member of the whitelist")?;
    }
    Ok(())
}

/// A public key of any curve, and its proof of possession if there is one.
fn public_key(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    let at = reader.clone();
    let length = match reader.u8("public key")? {
        0 => 32,
        1 | 2 => 33,
        3 => 48,
        4 => 1312,
        _ => return Err(at.malformed("public key")),
    };
    reader.slice("public key", length)?;
    reader.optional("proof of possession", |reader| {
        let at = reader.clone();
        match reader.dynamic("proof of possession")?.len() {
            96 => Ok(()),
            _ => Err(at.malformed("proof of possession")),
        }
    })?;
    Ok(())
}

/// An implicit account (given) or an originated contract (none).
fn contract(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Option<PublicKeyHash>, BinaryError> {
    let at = reader.clone();
    match reader.clone().u8(field)? {
        0 => {
            reader.u8(field)?;
            reader.public_key_hash(field).map(Some)
        }
        1 => originated(reader, field).map(|()| None),
        _ => Err(at.malformed(field)),
    }
}

/// `01`, 20 bytes, `00`.
fn originated(reader: &mut Reader<'_>, field: &'static str) -> Result<(), BinaryError> {
    let at = reader.clone();
    match reader.array::<22>(field)? {
        [1, .., 0] => Ok(()),
        _ => Err(at.malformed(field)),
    }
}

// === impl Call ===

impl Call {
    /// The stake kinds are transactions of an account to itself; only finalizing may name another account.
    fn kind(&self, source: PublicKeyHash) -> OperationKind {
        let to_itself = self.implicit == Some(source);
        match self.entrypoint {
            STAKE if to_itself => OperationKind::Stake,
            UNSTAKE if to_itself => OperationKind::Unstake,
            SET_DELEGATE_PARAMETERS if to_itself => OperationKind::SetDelegateParameters,
            FINALIZE_UNSTAKE if self.implicit.is_some() => OperationKind::FinalizeUnstake,
            _ => OperationKind::Transaction,
        }
    }
}
