//! The contents of an operation (0x03), decoded to the last byte, so that a policy can name what it allows.
//!
//! It promises: every content of a decoded [`Operation`] is of a known kind of protocol 025 and nothing is left over,
//! neither in it nor in the operations, headers and Micheline that it holds; what has a meaning to the cryptography
//! alone (kernels, proofs, shards) is read by its length. Consensus kinds are refused here, for they have their own
//! magic bytes and watermarks.

mod anonymous;
mod consensus;
mod kind;
mod manager;
mod micheline;
mod rollup;
mod zk_rollup;

pub use anonymous::Ballot;
pub use kind::OperationKind;

use crate::tezos::binary::{BinaryError, Reader};
use crate::tezos::{Address, ProtocolHash, PublicKeyHash};

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
    #[error("{0} is a consensus message")]
    Consensus(&'static str),
    /// The tag is unknown or reserved.
    #[error("content tag {0} is unknown")]
    Tag(u8),
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it does.
    pub kind: OperationKind,
    /// Who it speaks for: the address whose key must sign it. None for anonymous contents.
    pub source: Option<PublicKeyHash>,
    /// The fee in mutez, for manager operations.
    pub fee: Option<u64>,
    /// What a policy may bound beyond the kind.
    pub effect: Effect,
}

/// What a content does with money, votes and keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that a policy can bound. Staking is of this kind: what is staked stays the account's.
    None,
    /// Mutez go to an address.
    Transfer {
        /// Where to.
        destination: Address,
        /// How many mutez.
        amount: u64,
    },
    /// Something that is not counted in mutez here goes to an address: a ticket, or all that a delegate can spend.
    Send {
        /// Where to.
        destination: Address,
    },
    /// A contract is made.
    Originate {
        /// Its first balance in mutez.
        balance: u64,
        /// Its delegate.
        delegate: Option<PublicKeyHash>,
    },
    /// The account gets another delegate, or none.
    Delegate(Option<PublicKeyHash>),
    /// A delegate gets another consensus or companion key. None for a key of a kind that has no address here.
    NewKey(Option<PublicKeyHash>),
    /// Protocols are proposed.
    Proposals(Vec<ProtocolHash>),
    /// A vote on a protocol.
    Ballot {
        /// The protocol.
        proposal: ProtocolHash,
        /// The vote.
        ballot: Ballot,
    },
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
    if let Some(decoded) = consensus::content(tag, reader) {
        return Err(OperationError::Consensus(decoded?));
    }
    match tag {
        1..=6 | 8 | 9 | 17 | 24 => anonymous::content(tag, reader),
        107..=115 | 158 | 200..=207 | 230 | 250..=252 => manager::content(tag, reader),
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

// === impl Effect ===

impl Effect {
    /// The mutez that leave the account, if their number is written in the content.
    pub fn amount(&self) -> Option<u64> {
        match self {
            Self::Transfer { amount, .. } => Some(*amount),
            Self::Originate { balance, .. } => Some(*balance),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
