//! What a baker asks to have signed, decoded to the last byte.
//!
//! A signer that signs what it does not understand can be made to sign anything, so this module promises: a
//! [`SigningRequest`] exists only for bytes of a known form, of exactly the right length, whose fields agree with each
//! other. Block headers, preattestations and attestations are those of Tenderbake (protocols 023 to 025); operations
//! are decoded by [`crate::operation`]. Everything else is refused.

mod consensus;

use crate::operation::{Operation, OperationError};
use crate::tezos::binary::BinaryError;
use crate::tezos::{ChainId, Digest, blake2b_256};

/// Why bytes are not signed, whatever the policy says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There are no bytes.
    #[error("the request is empty")]
    Empty,
    /// The first byte names something that is never signed here.
    #[error("a request of kind 0x{magic:02x} ({name}) is never signed")]
    Magic {
        /// The first byte.
        magic: u8,
        /// What it is.
        name: &'static str,
    },
    /// The kind byte of a vote does not belong to its magic byte.
    #[error("kind {kind} is not one of a {name}")]
    Kind {
        /// The byte at offset 37.
        kind: u8,
        /// `preattestation` or `attestation`.
        name: &'static str,
    },
    /// The bytes are cut short, too long or malformed.
    #[error("not a {name}: {source}")]
    Form {
        /// What the magic byte promised.
        name: &'static str,
        /// Where and why.
        source: BinaryError,
    },
    /// The fields of a block header contradict each other.
    #[error("not a block header that can be signed: {0}")]
    Header(&'static str),
    /// The operation does not decode.
    #[error("not an operation that can be signed: {0}")]
    Operation(#[from] OperationError),
}

/// A class of messages of which a key may sign one per level and round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Block headers.
    Block,
    /// Preattestations.
    Preattestation,
    /// Attestations, with or without DAL content, with or without a slot.
    Attestation,
}

/// The exact form of a consensus message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 0x11.
    Block,
    /// 0x12, kind 20.
    Preattestation,
    /// 0x13, kind 21.
    Attestation,
    /// 0x13, kind 23.
    AttestationWithDal,
    /// 0x12, kind 40: without a slot, for tz4 keys.
    BlsPreattestation,
    /// 0x13, kind 41: without a slot, for tz4 keys.
    BlsAttestation,
}

/// A place in the chain, ordered by level, then round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height {
    /// The level, not negative.
    pub level: i32,
    /// The round, not negative.
    pub round: i32,
}

/// A consensus message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consensus {
    /// Its form.
    pub kind: Kind,
    /// The chain that it binds itself to.
    pub chain: ChainId,
    /// Its level and round.
    pub height: Height,
    /// The hash of all its bytes.
    pub digest: Digest,
}

/// An operation (0x03).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRequest {
    /// What it does.
    pub operation: Operation,
    /// The hash of all its bytes, the magic byte included.
    pub digest: Digest,
}

/// A request that has been understood. Whether it is signed is for [`crate::policy`] and [`crate::watermark`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningRequest {
    /// A block header, preattestation or attestation.
    Consensus(Consensus),
    /// An operation.
    Operation(OperationRequest),
}

// === impl SigningRequest ===

impl SigningRequest {
    /// Decodes a request, magic byte first.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        let (magic, body) = bytes.split_first().ok_or(RequestError::Empty)?;
        let digest = blake2b_256(bytes);
        let refuse = |name| {
            Err(RequestError::Magic {
                magic: *magic,
                name,
            })
        };
        match magic {
            0x03 => {
                let operation = Operation::decode(body)?;
                Ok(Self::Operation(OperationRequest { operation, digest }))
            }
            0x11 => consensus::block(body, digest).map(Self::Consensus),
            0x12 => consensus::preattestation(body, digest).map(Self::Consensus),
            0x13 => consensus::attestation(body, digest).map(Self::Consensus),
            0x01 => refuse("a block of before Tenderbake"),
            0x02 => refuse("an endorsement of before Tenderbake"),
            0x04 => refuse("an authenticated signing request"),
            0x05 => refuse("packed Michelson data"),
            _ => refuse("unknown"),
        }
    }

    /// The hash that is signed.
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Consensus(consensus) => &consensus.digest,
            Self::Operation(request) => &request.digest,
        }
    }

    /// What it is: `block`, `attestation_with_dal`, `operation`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::Consensus(consensus) => consensus.kind.name(),
            Self::Operation(_) => "operation",
        }
    }
}

// === impl RequestError ===

impl RequestError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "request_empty",
            Self::Magic { .. } => "magic_refused",
            Self::Kind { .. } | Self::Form { .. } | Self::Header(_) => "request_malformed",
            Self::Operation(_) => "operation_malformed",
        }
    }
}

// === impl Class ===

impl Class {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Block, Self::Preattestation, Self::Attestation];

    /// `block`, `preattestation` or `attestation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Preattestation => "preattestation",
            Self::Attestation => "attestation",
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Kind ===

impl Kind {
    /// The class whose mark it advances.
    pub fn class(self) -> Class {
        match self {
            Self::Block => Class::Block,
            Self::Preattestation | Self::BlsPreattestation => Class::Preattestation,
            Self::Attestation | Self::AttestationWithDal | Self::BlsAttestation => {
                Class::Attestation
            }
        }
    }

    /// Whether only a tz4 key may sign it.
    pub fn is_bls(self) -> bool {
        matches!(self, Self::BlsPreattestation | Self::BlsAttestation)
    }

    /// A stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Preattestation => "preattestation",
            Self::Attestation => "attestation",
            Self::AttestationWithDal => "attestation_with_dal",
            Self::BlsPreattestation => "bls_preattestation",
            Self::BlsAttestation => "bls_attestation",
        }
    }
}

// === impl Height ===

impl std::fmt::Display for Height {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "level {}, round {}", self.level, self.round)
    }
}

// === impl Consensus ===

impl Consensus {
    /// The class whose mark it advances.
    pub fn class(&self) -> Class {
        self.kind.class()
    }
}

#[cfg(test)]
mod tests;
