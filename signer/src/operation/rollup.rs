//! Contents of smart rollups, the moves of their refutation games among them.

use super::{OperationError, OperationKind, micheline};
use crate::tezos::binary::{BinaryError, Reader};

/// The most bytes that a revealed preimage has.
const MAX_RAW_DATA: u16 = 4096;

/// What follows the manager's header.
pub(super) fn content(tag: u8, reader: &mut Reader<'_>) -> Result<OperationKind, OperationError> {
    match tag {
        200 => originate(reader)?,
        201 => reader.list("messages", |reader| reader.dynamic("message").map(drop))?,
        _ => of_a_rollup(tag, reader)?,
    }
    Ok(match tag {
        200 => OperationKind::SmartRollupOriginate,
        201 => OperationKind::SmartRollupAddMessages,
        202 => OperationKind::SmartRollupCement,
        203 => OperationKind::SmartRollupPublish,
        204 => OperationKind::SmartRollupRefute,
        205 => OperationKind::SmartRollupTimeout,
        206 => OperationKind::SmartRollupExecuteOutboxMessage,
        207 => OperationKind::SmartRollupRecoverBond,
        other => return Err(OperationError::Tag(other)),
    })
}

fn originate(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.choice("kind of rollup", 2)?;
    reader.dynamic("kernel")?;
    micheline::wrapped(reader, "parameters type")?;
    reader.optional("whitelist", |reader| {
        reader.list("whitelist", |reader| {
            reader.public_key_hash("member of the whitelist").map(drop)
        })
    })?;
    Ok(())
}

/// Contents that begin with the rollup they are about.
fn of_a_rollup(tag: u8, reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.slice("rollup", 20)?;
    match tag {
        203 => {
            reader.slice("state", 32)?;
            reader.natural_i32("inbox level")?;
            reader.slice("predecessor", 32)?;
            reader.slice("number of ticks", 8)?;
        }
        204 => {
            reader.public_key_hash("opponent")?;
            refutation(reader)?;
        }
        205 => {
            reader.public_key_hash("first staker")?;
            reader.public_key_hash("second staker")?;
        }
        206 => {
            reader.slice("commitment", 32)?;
            reader.dynamic("output proof")?;
        }
        207 => {
            reader.public_key_hash("staker")?;
        }
        _ => {}
    }
    Ok(())
}

/// The start of a game, or a move in it.
fn refutation(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    if reader.choice("refutation", 1)? == 0 {
        reader.slice("commitments", 64)?;
        return Ok(());
    }
    reader.natural("choice")?;
    if reader.choice("step", 1)? == 0 {
        return reader.list("dissection", |reader| {
            reader.optional("state", |reader| reader.slice("state", 32))?;
            reader.natural("tick")
        });
    }
    reader.dynamic("step of the machine")?;
    reader.optional("input proof", input_proof)?;
    Ok(())
}

fn input_proof(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    match reader.choice("input proof", 2)? {
        0 => {
            reader.natural_i32("level")?;
            reader.natural("message counter")?;
            reader.dynamic("inbox proof")?;
            Ok(())
        }
        1 => reveal_proof(reader),
        // The first input needs no proof.
        _ => Ok(()),
    }
}

fn reveal_proof(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    match reader.choice("reveal proof", 3)? {
        0 => {
            let at = reader.clone();
            let length = reader.u16("raw data")?;
            if length > MAX_RAW_DATA {
                return Err(at.malformed("raw data"));
            }
            reader.slice("raw data", usize::from(length))?;
        }
        2 => {
            reader.natural_i32("published level")?;
            reader.u8("slot index")?;
            reader.u16("page index")?;
            reader.dynamic("page proof")?;
        }
        // Metadata and DAL parameters are known without a proof.
        _ => {}
    }
    Ok(())
}
