//! Consensus messages as they stand in operations: never signed there, but held by evidence, with their signatures.

use crate::tezos::binary::{BinaryError, Reader};

/// The lengths of a signature: of tz1 to tz3, and of tz4. Keys of other kinds take no part in consensus.
const SIGNATURES: [usize; 2] = [64, 96];

/// Decodes a consensus content after its tag, and says what it is. None for other tags.
pub(super) fn content(
    tag: u8,
    reader: &mut Reader<'_>,
) -> Option<Result<&'static str, BinaryError>> {
    let (name, decoded) = match tag {
        20 => ("preattestation", with_slot(reader)),
        21 => ("attestation", with_slot(reader)),
        23 => (
            "attestation_with_dal",
            with_slot(reader).and_then(|()| reader.bit_set("DAL attestation")),
        ),
        30 => (
            "preattestations_aggregate",
            aggregate(reader, |reader| reader.u16("slot").map(drop)),
        ),
        31 => ("attestations_aggregate", aggregate(reader, member)),
        40 => ("bls_mode_preattestation", height_and_payload(reader)),
        41 => ("bls_mode_attestation", height_and_payload(reader)),
        _ => return None,
    };
    Some(decoded.map(|()| name))
}

/// A whole consensus operation, wrapped in its length: branch, one content, and its signature if there is one.
pub(super) fn inlined(reader: &mut Reader<'_>, field: &'static str) -> Result<(), BinaryError> {
    reader.nested(field, |reader| {
        reader.slice("branch", 32)?;
        let at = reader.clone();
        // The forms without a slot are signed, but never sent.
        match reader.u8("content tag")? {
            40 | 41 => return Err(at.malformed("content tag")),
            tag => content(tag, reader).ok_or_else(|| at.malformed("content tag"))??,
        };
        if reader.is_at_end() {
            Ok(())
        } else {
            signature(reader)
        }
    })
}

/// A signed block header without its chain id, wrapped in its length.
pub(super) fn header(reader: &mut Reader<'_>, field: &'static str) -> Result<(), BinaryError> {
    reader.nested(field, |reader| {
        reader.natural_i32("level")?;
        reader.u8("protocol level")?;
        reader.slice("predecessor", 32)?;
        reader.slice("timestamp", 8)?;
        reader.u8("validation passes")?;
        reader.slice("operations hash", 32)?;
        reader.list("fitness", |reader| reader.dynamic("fitness").map(drop))?;
        reader.slice("context", 32)?;
        reader.slice("payload hash", 32)?;
        reader.natural_i32("payload round")?;
        reader.slice("proof of work nonce", 8)?;
        reader.optional("seed nonce hash", |reader| {
            reader.slice("seed nonce hash", 32)
        })?;
        reader.u8("per-block votes")?;
        signature(reader)
    })
}

fn with_slot(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.u16("slot")?;
    height_and_payload(reader)
}

fn height_and_payload(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.natural_i32("level")?;
    reader.natural_i32("round")?;
    reader.slice("payload hash", 32)?;
    Ok(())
}

fn aggregate(
    reader: &mut Reader<'_>,
    member: impl FnMut(&mut Reader<'_>) -> Result<(), BinaryError>,
) -> Result<(), BinaryError> {
    height_and_payload(reader)?;
    reader.list("committee", member)
}

fn member(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.u16("slot")?;
    reader.optional("DAL attestation", |reader| {
        reader.bit_set("DAL attestation")
    })?;
    Ok(())
}

/// What is left, if it is as long as a signature.
fn signature(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    let length = reader.left();
    if !SIGNATURES.contains(&length) {
        return Err(reader.malformed("signature"));
    }
    reader.slice("signature", length)?;
    Ok(())
}
