//! Contents of zero-knowledge rollups, an experiment of the protocol that no network has enabled.

use super::manager::contract;
use super::{OperationError, OperationKind, micheline};
use crate::tezos::binary::{BinaryError, Reader};

/// What follows the manager's header.
pub(super) fn content(tag: u8, reader: &mut Reader<'_>) -> Result<OperationKind, OperationError> {
    match tag {
        250 => {
            originate(reader)?;
            Ok(OperationKind::ZkRollupOrigination)
        }
        251 => {
            reader.slice("rollup", 20)?;
            reader.list("operations", operation)?;
            Ok(OperationKind::ZkRollupPublish)
        }
        252 => {
            reader.slice("rollup", 20)?;
            update(reader)?;
            Ok(OperationKind::ZkRollupUpdate)
        }
        other => Err(OperationError::Tag(other)),
    }
}

fn originate(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.dynamic("public parameters")?;
    reader.list("circuits", |reader| {
        reader.dynamic("name of a circuit")?;
        reader.choice("kind of circuit", 2).map(drop)
    })?;
    scalars(reader, "initial state")?;
    reader.int31("number of operations")
}

/// An operation of the second layer, and the ticket that it is about if there is one.
fn operation(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.int31("operation code")?;
    reader.slice("id of the price", 32)?;
    reader.integer("amount of the price")?;
    reader.public_key_hash("destination")?;
    reader.slice("rollup", 20)?;
    scalars(reader, "payload")?;
    // Not the usual option: a choice of 0 and 1.
    if reader.choice("ticket", 1)? == 1 {
        micheline::expression(reader, "ticket contents")?;
        micheline::expression(reader, "ticket type")?;
        contract(reader, "ticketer")?;
    }
    Ok(())
}

fn update(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.list("pending inputs", |reader| {
        inputs(reader)?;
        reader.boolean("exit validity")
    })?;
    reader.list("private inputs", inputs)?;
    scalars(reader, "fee input")?;
    reader.dynamic("proof")?;
    Ok(())
}

/// The name of a circuit, and its public inputs.
fn inputs(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.dynamic("name of a circuit")?;
    scalars(reader, "new state")?;
    reader.slice("fee", 32)?;
    Ok(())
}

/// A list of elements of 32 bytes.
fn scalars(reader: &mut Reader<'_>, field: &'static str) -> Result<(), BinaryError> {
    reader.list(field, |reader| reader.slice(field, 32).map(drop))
}
