//! The types through which a signature must pass to leave.
//!
//! [`Permit`] is the right to ask the HSM once (to sign these bytes with this key); [`Pending`] is the mark on its way to
//! disk; only [`Pending::durable`] makes a [`Durable`], and only that completes a signature. Dropping any of them on the
//! way lets nothing out, lowers nothing, and wakes whoever waits for the same bytes.

use std::sync::Arc;

use tokio::sync::watch;

use super::error::WriteError;
use super::rule::Mark;
use super::state::{Shared, SlotKey};
use super::writer::Written;
use crate::tezos::{Digest, PublicKeyHash, Signature};

/// The right to have these bytes signed by this key, once. Only an admission makes it; a backend consumes it.
#[derive(Debug)]
#[must_use = "a permit that is not used costs a level"]
pub struct Permit {
    key: PublicKeyHash,
    digest: Digest,
    name: &'static str,
}

/// A mark on its way to disk.
#[derive(Debug)]
#[must_use = "the signature may not leave before the mark is durable"]
pub struct Pending {
    /// None for operations, which have no mark.
    flight: Option<(Ticket, Written)>,
}

/// Proof that the mark is on disk.
#[derive(Debug)]
#[must_use = "a signature that is not completed is not stored"]
pub struct Durable {
    ticket: Option<Ticket>,
}

/// What became of a call to the HSM, for those who wait for the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Signed(Signature),
    Failed,
}

/// A call in flight. It lands when dropped: failed, unless a signature came first.
#[derive(Debug)]
pub(super) struct Ticket {
    shared: Arc<Shared>,
    slot: SlotKey,
    mark: Mark,
    outcome: watch::Sender<Option<Outcome>>,
    signature: Option<Signature>,
}

// === impl Permit ===

impl Permit {
    pub(super) fn new(key: PublicKeyHash, digest: Digest, name: &'static str) -> Self {
        Self { key, digest, name }
    }

    /// The key that signs.
    pub fn key(&self) -> PublicKeyHash {
        self.key
    }

    /// What is signed.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it is, for logs and metrics: `block`, `attestation`, `operation`, …
    pub fn name(&self) -> &'static str {
        self.name
    }
}

// === impl Pending ===

impl Pending {
    pub(super) fn of_operation() -> Self {
        Self { flight: None }
    }

    pub(super) fn of_mark(ticket: Ticket, written: Written) -> Self {
        Self {
            flight: Some((ticket, written)),
        }
    }

    /// Waits until the mark's commit is on disk. The write is under way whether or not anyone waits.
    pub async fn durable(self) -> Result<Durable, WriteError> {
        match self.flight {
            None => Ok(Durable { ticket: None }),
            Some((ticket, written)) => {
                written.wait().await?;
                Ok(Durable {
                    ticket: Some(ticket),
                })
            }
        }
    }
}

// === impl Durable ===

impl Durable {
    /// Takes the verified signature; it may leave now. It is stored in the next commit, which nobody waits for.
    pub fn complete(self, signature: Signature) -> Signature {
        if let Some(mut ticket) = self.ticket {
            ticket.signature = Some(signature);
        }
        signature
    }
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new(
        shared: Arc<Shared>,
        slot: SlotKey,
        mark: Mark,
        outcome: watch::Sender<Option<Outcome>>,
    ) -> Self {
        Self {
            shared,
            slot,
            mark,
            outcome,
            signature: None,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.land(self.slot, self.mark, self.signature);
        let outcome = self.signature.map_or(Outcome::Failed, Outcome::Signed);
        self.outcome.send_replace(Some(outcome));
    }
}
