//! What can go wrong with a watermark, and what it says to whom.

use std::path::PathBuf;
use std::sync::Arc;

use crate::request::{Class, Height};
use crate::tezos::{ChainId, PublicKeyHash};

/// Why a watermark can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum WatermarkError {
    /// Another process holds the lock.
    #[error("another signer is using this state ({})", path.display())]
    Locked {
        /// The lock's file.
        path: PathBuf,
    },
    /// A file of the state can't be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The database can't be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no chain or no key to have marks for.
    #[error("a watermark needs at least one chain and one key")]
    Nothing,
    /// The same key was configured twice.
    #[error("a key is configured more than once")]
    TwiceTheKey,
}

/// Why the database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An answer of `SQLite`.
    #[error("the watermark's database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// An answer of the system.
    #[error("the watermark's files: {0}")]
    Io(#[from] std::io::Error),
    /// The file is not a whole watermark of ours.
    #[error("the watermark's database is unusable: {0}")]
    Unusable(String),
    /// The file was written by a newer version.
    #[error("the watermark's database has schema version {0}, which is newer than this signer")]
    TooNew(i64),
}

/// Why a mark did not get to disk. Nothing that depends on it leaves.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The commit failed.
    #[error("the watermark can't be written: {0}")]
    Failed(#[source] Arc<StoreError>),
    /// The disk stalls. The write stands, and may still happen.
    #[error("the watermark's write was not on disk within {0} s")]
    Late(u64),
    /// The writer has ended.
    #[error("the watermark's writer has ended")]
    Ended,
}

/// Why a chain could not be armed.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// The chain is not configured.
    #[error(transparent)]
    Chain(#[from] Refusal),
    /// The head can't be that of a chain.
    #[error("{0} can't be the level of a chain's head")]
    Head(i32),
    /// The marks could not be written; nothing is armed.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Why a request is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The head of the chain is not known yet.
    #[error("unarmed: the signer waits for the head of {0} before it signs anything")]
    Unarmed(ChainId),
    /// The chain is not among the configured ones.
    #[error("chain {0} is not one that this signer signs for")]
    ChainUnknown(ChainId),
    /// The key is not among the configured ones.
    #[error("key {0} has no watermark here")]
    KeyUnknown(PublicKeyHash),
    /// Something at or above this height was signed, or a floor stands there.
    #[error("{class} at {asked} is not above the watermark ({mark})")]
    BelowMark {
        /// The class of message.
        class: Class,
        /// Where the request is.
        asked: Height,
        /// Where the mark is.
        mark: Height,
    },
    /// Other bytes were signed, or were about to be, at this height.
    #[error("{class} at {asked} already signed with different data")]
    DifferentData {
        /// The class of message.
        class: Class,
        /// Where the request and the mark are.
        asked: Height,
    },
    /// These bytes were given to the HSM before, the answer is lost, and another signature would be another block.
    #[error(
        "signature_lost: the block at {0} may have been signed before, and its signature is not stored"
    )]
    SignatureLost(Height),
    /// A lock was poisoned: a bug. Nothing is signed any more.
    #[error("internal: the watermark's state is not usable")]
    Internal,
}

// === impl Refusal ===

impl Refusal {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unarmed(_) => "unarmed",
            Self::ChainUnknown(_) => "chain_unknown",
            Self::KeyUnknown(_) => "key_unknown",
            Self::BelowMark { .. } => "below_mark",
            Self::DifferentData { .. } => "different_data",
            Self::SignatureLost(_) => "signature_lost",
            Self::Internal => "internal",
        }
    }
}
