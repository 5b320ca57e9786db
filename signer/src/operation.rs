//! The contents of an operation (0x03), decoded to the last byte, so that a policy can name what it allows.
//!
//! It promises: every content of a decoded [`Operation`] is of a known kind and nothing is left over; Micheline and
//! proofs are skipped by their length. Consensus kinds are refused here, for they have their own magic bytes and
//! watermarks; so is what no key of ours has a reason to sign and whose layout has no test vector (moves of a
//! refutation game, zero-knowledge rollups).

mod anonymous;
mod kind;
mod manager;

pub use kind::OperationKind;

use crate::tezos::PublicKeyHash;
use crate::tezos::binary::{BinaryError, Reader};

/// Why an operation is refused as malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The bytes are cut short, too long or malformed.
    #[error(transparent)]
    Form(#[from] BinaryError),
    /// There is no content after the branch.
    #[error("there is no content")]
    Empty,
    /// The tag is of a consensus message, which is never signed as an operation.
    #[error("content tag {0} is of a consensus message")]
    Consensus(u8),
    /// The tag is unknown, reserved or of a kind that is not supported.
    #[error("content tag {0} is unknown or not supported")]
    Tag(u8),
    /// Part of a content is of a form that is not supported.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// Only manager operations may be together in one operation.
    #[error("a batch with {0}, which is not a manager operation")]
    Batch(OperationKind),
    /// The contents of a batch have different sources.
    #[error("a batch with more than one source")]
    Sources,
}

/// An operation as it is signed: no signature, no chain id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The block that it builds on; the only thing that binds it to a chain.
    pub branch: [u8; 32],
    /// At least one.
    pub contents: Vec<Content>,
}

/// One content of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// What it does.
    pub kind: OperationKind,
    /// Who it speaks for: the address whose key must sign it. None for anonymous contents.
    pub source: Option<PublicKeyHash>,
    /// The fee in mutez, for manager operations.
    pub fee: Option<u64>,
}

// === impl Operation ===

impl Operation {
    /// Decodes what follows the magic byte: a branch and contents until the end.
    pub fn decode(bytes: &[u8]) -> Result<Self, OperationError> {
        let mut reader = Reader::new(bytes);
        let branch = reader.array("branch")?;
        let mut contents = Vec::new();
        while !reader.is_at_end() {
            contents.push(content(&mut reader)?);
        }
        check(&contents)?;
        Ok(Self { branch, contents })
    }
}

fn content(reader: &mut Reader<'_>) -> Result<Content, OperationError> {
    let tag = reader.u8("content tag")?;
    match tag {
        20 | 21 | 23 | 30 | 31 | 40 | 41 => Err(OperationError::Consensus(tag)),
        1..=6 | 8 | 9 | 17 | 24 => anonymous::content(tag, reader),
        107..=115 | 158 | 200..=207 | 230 => manager::content(tag, reader),
        _ => Err(OperationError::Tag(tag)),
    }
}

/// One content of any kind, or a batch of manager operations of one source.
fn check(contents: &[Content]) -> Result<(), OperationError> {
    let (first, others) = contents.split_first().ok_or(OperationError::Empty)?;
    if others.is_empty() {
        return Ok(());
    }
    if let Some(content) = contents.iter().find(|content| content.fee.is_none()) {
        return Err(OperationError::Batch(content.kind));
    }
    if others.iter().any(|content| content.source != first.source) {
        return Err(OperationError::Sources);
    }
    Ok(())
}

// === impl Content ===

impl Content {
    /// The name that a policy uses.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }
}

#[cfg(test)]
mod tests;
