//! Block headers, preattestations and attestations, field by field.
//!
//! A vote's form is told by its kind byte (the first after chain and branch), never by the key's type: a tz4 key signs
//! the forms with a slot too where the protocol does not aggregate.

use super::{Consensus, Height, Kind, RequestError};
use crate::tezos::binary::{BinaryError, Reader};
use crate::tezos::{ChainId, Digest};

const BLOCK: &str = "block header";

/// The fitness that belongs to a header: its round, once everything in it agrees.
struct Fitness {
    level: i32,
    round: i32,
}

/// A block header after its magic byte.
pub(super) fn block(body: &[u8], digest: Digest) -> Result<Consensus, RequestError> {
    let form = |source| RequestError::Form {
        name: BLOCK,
        source,
    };
    let mut reader = Reader::new(body);
    let chain = ChainId::from_bytes(reader.array("chain id").map_err(form)?);
    let level = reader.natural_i32("level").map_err(form)?;
    shell(&mut reader).map_err(form)?;
    let fitness = fitness(reader.dynamic("fitness").map_err(form)?)?;
    if fitness.level != level {
        return Err(RequestError::Header(
            "the level of the fitness is not that of the header",
        ));
    }
    let payload_round = rest_of_header(&mut reader).map_err(form)?;
    reader.finish().map_err(form)?;
    if payload_round > fitness.round {
        return Err(RequestError::Header(
            "the payload's round is above the round",
        ));
    }
    let height = Height {
        level,
        round: fitness.round,
    };
    Ok(Consensus {
        kind: Kind::Block,
        chain,
        height,
        digest,
    })
}

/// From the level to the fitness.
fn shell(reader: &mut Reader<'_>) -> Result<(), BinaryError> {
    reader.u8("protocol level")?;
    reader.slice("predecessor", 32)?;
    reader.slice("timestamp", 8)?;
    reader.u8("validation passes")?;
    reader.slice("operations hash", 32)?;
    Ok(())
}

/// From the fitness to the end; gives the payload's round.
fn rest_of_header(reader: &mut Reader<'_>) -> Result<i32, BinaryError> {
    reader.slice("context", 32)?;
    reader.slice("payload hash", 32)?;
    let payload_round = reader.natural_i32("payload round")?;
    reader.slice("proof of work nonce", 8)?;
    reader.optional("seed nonce hash", |reader| {
        reader.slice("seed nonce hash", 32)
    })?;
    reader.u8("per-block votes")?;
    Ok(payload_round)
}

/// Tenderbake's fitness: version 2, level, locked round if any, predecessor's round as −1−round, round.
fn fitness(bytes: &[u8]) -> Result<Fitness, RequestError> {
    let form = |source| RequestError::Form {
        name: BLOCK,
        source,
    };
    let refuse = |reason| Err(RequestError::Header(reason));
    let mut reader = Reader::new(bytes);
    if reader.dynamic("fitness version").map_err(form)? != [2] {
        return refuse("the fitness is not of version 2 (Tenderbake)");
    }
    let level = element(&mut reader, "fitness level").map_err(form)?;
    let mut ahead = reader.clone();
    let locked = if ahead.dynamic("locked round").map_err(form)?.is_empty() {
        reader = ahead;
        None
    } else {
        Some(element(&mut reader, "locked round").map_err(form)?)
    };
    let predecessor = element(&mut reader, "predecessor round").map_err(form)?;
    let round = element(&mut reader, "round").map_err(form)?;
    reader.finish().map_err(form)?;
    if predecessor >= 0 {
        return refuse("the predecessor's round is not encoded as a negative number");
    }
    if round < 0 {
        return refuse("the round is negative");
    }
    if locked.is_some_and(|locked| locked < 0 || locked >= round) {
        return refuse("the locked round is not below the round");
    }
    Ok(Fitness { level, round })
}

/// A list element that holds exactly one i32.
fn element(reader: &mut Reader<'_>, field: &'static str) -> Result<i32, BinaryError> {
    let at = reader.clone();
    match reader.dynamic(field)? {
        [a, b, c, d] => Ok(i32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(at.malformed(field)),
    }
}

/// A preattestation after its magic byte.
pub(super) fn preattestation(body: &[u8], digest: Digest) -> Result<Consensus, RequestError> {
    vote(body, digest, "preattestation", |kind| match kind {
        20 => Some(Kind::Preattestation),
        40 => Some(Kind::BlsPreattestation),
        _ => None,
    })
}

/// An attestation after its magic byte.
pub(super) fn attestation(body: &[u8], digest: Digest) -> Result<Consensus, RequestError> {
    vote(body, digest, "attestation", |kind| match kind {
        21 => Some(Kind::Attestation),
        23 => Some(Kind::AttestationWithDal),
        41 => Some(Kind::BlsAttestation),
        _ => None,
    })
}

fn vote(
    body: &[u8],
    digest: Digest,
    name: &'static str,
    known: fn(u8) -> Option<Kind>,
) -> Result<Consensus, RequestError> {
    let form = |source| RequestError::Form { name, source };
    let mut reader = Reader::new(body);
    let chain = ChainId::from_bytes(reader.array("chain id").map_err(form)?);
    reader.slice("branch", 32).map_err(form)?;
    let byte = reader.u8("kind").map_err(form)?;
    let kind = known(byte).ok_or(RequestError::Kind { kind: byte, name })?;
    let height = vote_content(&mut reader, kind).map_err(form)?;
    reader.finish().map_err(form)?;
    Ok(Consensus {
        kind,
        chain,
        height,
        digest,
    })
}

fn vote_content(reader: &mut Reader<'_>, kind: Kind) -> Result<Height, BinaryError> {
    if !kind.is_bls() {
        reader.u16("slot")?;
    }
    let level = reader.natural_i32("level")?;
    let round = reader.natural_i32("round")?;
    reader.slice("payload hash", 32)?;
    if kind == Kind::AttestationWithDal {
        reader.bit_set("DAL attestation")?;
    }
    Ok(Height { level, round })
}
