//! Manager operations: those with a source, a fee and a counter, which may be batched.

use super::{Content, Effect, OperationError, OperationKind, micheline, rollup, zk_rollup};
use crate::tezos::binary::{BinaryError, Reader};
use crate::tezos::{Address, Curve, PublicKeyHash};

/// A transaction: how much, where to, and by which entrypoint.
struct Call {
    amount: u64,
    destination: Address,
    entrypoint: u8,
}

const DEFAULT: u8 = 0;
const STAKE: u8 = 6;
const UNSTAKE: u8 = 7;
const FINALIZE_UNSTAKE: u8 = 8;
const SET_DELEGATE_PARAMETERS: u8 = 9;
const NAMED: u8 = 255;

/// The most bytes in the name of an entrypoint.
const MAX_NAME: usize = 31;

/// A kind, and what it does.
type Body = (OperationKind, Effect);

pub(super) fn content(tag: u8, reader: &mut Reader<'_>) -> Result<Content, OperationError> {
    let source = reader.public_key_hash("source")?;
    let fee = reader.mutez("fee")?;
    reader.natural("counter")?;
    reader.natural("gas limit")?;
    reader.natural("storage limit")?;
    let (kind, effect) = match tag {
        107..=109 | 111..=113 => account(tag, reader, source)?,
        110 | 114 | 115 => delegate(tag, reader)?,
        200..=207 => (rollup::content(tag, reader)?, Effect::None),
        250..=252 => (zk_rollup::content(tag, reader)?, Effect::None),
        _ => other(tag, reader)?,
    };
    Ok(Content {
        kind,
        source: Some(source),
        fee: Some(fee),
        effect,
    })
}

fn account(
    tag: u8,
    reader: &mut Reader<'_>,
    source: PublicKeyHash,
) -> Result<Body, OperationError> {
    Ok(match tag {
        107 => {
            public_key(reader)?;
            (OperationKind::Reveal, Effect::None)
        }
        108 => transaction(reader)?.body(source),
        109 => {
            let balance = reader.mutez("balance")?;
            let delegate = optional_delegate(reader)?;
            micheline::wrapped(reader, "code")?;
            micheline::wrapped(reader, "storage")?;
            let effect = Effect::Originate { balance, delegate };
            (OperationKind::Origination, effect)
        }
        111 => {
            micheline::wrapped(reader, "value")?;
            (OperationKind::RegisterGlobalConstant, Effect::None)
        }
        112 => {
            reader.optional("limit", |reader| reader.mutez("limit"))?;
            (OperationKind::SetDepositsLimit, Effect::None)
        }
        113 => {
            reader.integer("amount")?;
            originated(reader, "destination")?;
            (OperationKind::IncreasePaidStorage, Effect::None)
        }
        unknown => return Err(OperationError::Tag(unknown)),
    })
}

fn delegate(tag: u8, reader: &mut Reader<'_>) -> Result<Body, OperationError> {
    Ok(match tag {
        110 => (
            OperationKind::Delegation,
            Effect::Delegate(optional_delegate(reader)?),
        ),
        114 => (
            OperationKind::UpdateConsensusKey,
            Effect::NewKey(public_key(reader)?),
        ),
        115 => (
            OperationKind::UpdateCompanionKey,
            Effect::NewKey(public_key(reader)?),
        ),
        unknown => return Err(OperationError::Tag(unknown)),
    })
}

fn other(tag: u8, reader: &mut Reader<'_>) -> Result<Body, OperationError> {
    Ok(match tag {
        158 => (OperationKind::TransferTicket, ticket(reader)?),
        230 => {
            reader.u8("slot index")?;
            reader.slice("commitment", 48)?;
            // A point of G2, unlike the commitment.
            reader.slice("commitment proof", 96)?;
            (OperationKind::DalPublishCommitment, Effect::None)
        }
        unknown => return Err(OperationError::Tag(unknown)),
    })
}

fn transaction(reader: &mut Reader<'_>) -> Result<Call, BinaryError> {
    let amount = reader.mutez("amount")?;
    let destination = contract(reader, "destination")?;
    let entrypoint = reader.optional("parameters", |reader| {
        let entrypoint = entrypoint(reader)?;
        micheline::wrapped(reader, "parameters")?;
        Ok(entrypoint)
    })?;
    Ok(Call {
        amount,
        destination,
        entrypoint: entrypoint.unwrap_or(DEFAULT),
    })
}

fn entrypoint(reader: &mut Reader<'_>) -> Result<u8, BinaryError> {
    let at = reader.clone();
    let tag = reader.u8("entrypoint")?;
    match tag {
        0..=9 => Ok(tag),
        NAMED => {
            let length = usize::from(reader.u8("entrypoint")?);
            if length > MAX_NAME {
                return Err(at.malformed("entrypoint"));
            }
            // A name written out that has a tag of its own means the same as the tag.
            match reader.slice("entrypoint", length)? {
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

fn ticket(reader: &mut Reader<'_>) -> Result<Effect, BinaryError> {
    micheline::wrapped(reader, "ticket contents")?;
    micheline::wrapped(reader, "ticket type")?;
    contract(reader, "ticketer")?;
    reader.natural("ticket amount")?;
    let destination = contract(reader, "destination")?;
    let at = reader.clone();
    if reader.dynamic("entrypoint")?.len() > MAX_NAME {
        return Err(at.malformed("entrypoint"));
    }
    Ok(Effect::Send { destination })
}

fn optional_delegate(reader: &mut Reader<'_>) -> Result<Option<PublicKeyHash>, BinaryError> {
    reader.optional("delegate", |reader| reader.public_key_hash("delegate"))
}

/// A public key of any curve, and its proof of possession if there is one. Gives its address, if it has one here.
fn public_key(reader: &mut Reader<'_>) -> Result<Option<PublicKeyHash>, BinaryError> {
    let at = reader.clone();
    let tag = reader.u8("public key")?;
    let length = match tag {
        0 => 32,
        1 | 2 => 33,
        3 => 48,
        4 => 1312,
        _ => return Err(at.malformed("public key")),
    };
    let key = reader.slice("public key", length)?;
    reader.optional("proof of possession", |reader| {
        reader.nested("proof of possession", |reader| {
            reader.slice("proof of possession", 96).map(drop)
        })
    })?;
    Ok(Curve::from_tag(tag)
        .ok()
        .map(|curve| PublicKeyHash::of(curve, key)))
}

/// An implicit account or an originated contract.
pub(super) fn contract(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Address, BinaryError> {
    match reader.clone().choice(field, 1)? {
        0 => {
            reader.u8(field)?;
            reader.public_key_hash(field).map(Address::Implicit)
        }
        _ => originated(reader, field).map(Address::Originated),
    }
}

/// `01`, 20 bytes, `00`.
fn originated(reader: &mut Reader<'_>, field: &'static str) -> Result<[u8; 20], BinaryError> {
    let at = reader.clone();
    reader.u8(field)?;
    let hash = reader.array(field)?;
    match (at.clone().u8(field)?, reader.u8(field)?) {
        (1, 0) => Ok(hash),
        _ => Err(at.malformed(field)),
    }
}

// === impl Call ===

impl Call {
    /// The stake kinds are transactions of an account to itself; only finalizing may name another account, and then it
    /// carries nothing.
    fn body(self, source: PublicKeyHash) -> Body {
        let to_itself = self.destination == Address::Implicit(source);
        let to_account = matches!(self.destination, Address::Implicit(_));
        let stake = match self.entrypoint {
            STAKE if to_itself => Some(OperationKind::Stake),
            UNSTAKE if to_itself => Some(OperationKind::Unstake),
            SET_DELEGATE_PARAMETERS if to_itself => Some(OperationKind::SetDelegateParameters),
            FINALIZE_UNSTAKE if to_itself || (to_account && self.amount == 0) => {
                Some(OperationKind::FinalizeUnstake)
            }
            _ => None,
        };
        match stake {
            Some(kind) => (kind, Effect::None),
            None => (
                OperationKind::Transaction,
                Effect::Transfer {
                    destination: self.destination,
                    amount: self.amount,
                },
            ),
        }
    }
}
