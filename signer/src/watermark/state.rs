//! The marks in memory: decisions are taken here, under one short lock that no I/O is ever done under.
//!
//! Memory is never behind the disk: a mark is advanced here first and its write queued under the same lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::error::{Refusal, WriteError};
use super::flight::{Outcome, Pending, Ticket};
use super::rule::{Answer, Mark, Verdict, judge};
use super::store::{Stored, Write};
use super::writer::Queue;
use super::{Judged, MarkView};
use crate::request::{Class, Consensus};
use crate::tezos::{ChainId, PublicKeyHash, Signature};

/// What a mark belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SlotKey {
    pub(super) chain: ChainId,
    pub(super) key: PublicKeyHash,
    pub(super) class: Class,
}

/// Shared by the watermark and the requests in flight.
#[derive(Debug)]
pub(super) struct Shared {
    chains: BTreeSet<ChainId>,
    floors: BTreeMap<PublicKeyHash, i32>,
    state: Mutex<State>,
    queue: Queue,
}

#[derive(Debug, Default)]
struct State {
    slots: BTreeMap<SlotKey, Slot>,
    /// The chains that are armed, and head + 2 of each.
    armed: BTreeMap<ChainId, i32>,
}

#[derive(Debug, Default)]
struct Slot {
    mark: Option<Mark>,
    signature: Option<Signature>,
    flight: Option<watch::Receiver<Option<Outcome>>>,
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(
        chains: Vec<ChainId>,
        floors: BTreeMap<PublicKeyHash, i32>,
        marks: Vec<Stored>,
        queue: Queue,
    ) -> Self {
        let chains: BTreeSet<_> = chains.into_iter().collect();
        let mut state = State::default();
        for Stored {
            slot,
            mark,
            signature,
        } in marks
        {
            if chains.contains(&slot.chain) && floors.contains_key(&slot.key) {
                state.slots.insert(
                    slot,
                    Slot {
                        mark: Some(mark),
                        signature,
                        flight: None,
                    },
                );
            }
        }
        Self {
            chains,
            floors,
            state: Mutex::new(state),
            queue,
        }
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// A panic under the lock may have left half a change: nothing is signed any more.
    fn lock(&self) -> Result<MutexGuard<'_, State>, Refusal> {
        self.state.lock().map_err(|_| Refusal::Internal)
    }

    /// Head + 2 of the chain, if it is armed.
    pub(super) fn armed_at(&self, chain: ChainId) -> Result<Option<i32>, Refusal> {
        if !self.chains.contains(&chain) {
            return Err(Refusal::ChainUnknown(chain));
        }
        Ok(self.lock()?.armed.get(&chain).copied())
    }

    pub(super) fn set_armed(&self, chain: ChainId, floor: i32) -> Result<i32, Refusal> {
        Ok(*self.lock()?.armed.entry(chain).or_insert(floor))
    }

    pub(super) fn all_armed(&self) -> bool {
        self.lock().is_ok_and(|state| {
            self.chains
                .iter()
                .all(|chain| state.armed.contains_key(chain))
        })
    }

    /// Raises all marks of a chain to `floor` or the contract's, whichever is higher; the future ends when that is on disk.
    pub(super) fn raise(
        &self,
        chain: ChainId,
        floor: i32,
    ) -> Result<impl Future<Output = Result<(), WriteError>> + use<>, Refusal> {
        let mut state = self.lock()?;
        let mut writes = Vec::new();
        for (key, contract_floor) in &self.floors {
            let mark = Mark::floor(floor.max(*contract_floor));
            for class in Class::ALL {
                let slot_key = SlotKey {
                    chain,
                    key: *key,
                    class,
                };
                let slot = state.slots.entry(slot_key).or_default();
                if slot.mark.is_none_or(|stored| stored.height < mark.height) {
                    *slot = Slot {
                        mark: Some(mark),
                        signature: None,
                        flight: None,
                    };
                }
                // Written even where memory did not change: an earlier write of this floor may have failed.
                writes.push(Write::Mark {
                    slot: slot_key,
                    mark,
                });
            }
        }
        Ok(self.queue.write(writes))
    }

    /// Operations have no level; they only need a signer that is armed and knows the key.
    pub(super) fn check_operation(&self, key: PublicKeyHash) -> Result<(), Refusal> {
        if !self.floors.contains_key(&key) {
            return Err(Refusal::KeyUnknown(key));
        }
        let state = self.lock()?;
        match self
            .chains
            .iter()
            .find(|chain| !state.armed.contains_key(*chain))
        {
            Some(chain) => Err(Refusal::Unarmed(*chain)),
            None => Ok(()),
        }
    }

    /// Decides on a consensus message and does what the decision says: the mark is advanced and its write queued.
    pub(super) fn judge(
        this: &Arc<Self>,
        key: PublicKeyHash,
        request: &Consensus,
    ) -> Result<Judged, Refusal> {
        if !this.floors.contains_key(&key) {
            return Err(Refusal::KeyUnknown(key));
        }
        if this.armed_at(request.chain)?.is_none() {
            return Err(Refusal::Unarmed(request.chain));
        }
        let slot_key = SlotKey {
            chain: request.chain,
            key,
            class: request.class(),
        };
        let mut state = this.lock()?;
        let slot = state.slots.entry(slot_key).or_default();
        match judge(slot.mark.as_ref(), slot.answer(), request, key.curve())? {
            Verdict::Advance | Verdict::Again => {
                let mark = Mark::of(request);
                let (outcome, waiters) = watch::channel(None);
                *slot = Slot {
                    mark: Some(mark),
                    signature: None,
                    flight: Some(waiters),
                };
                let written = this.queue.enqueue(vec![Write::Mark {
                    slot: slot_key,
                    mark,
                }]);
                let ticket = Ticket::new(Arc::clone(this), slot_key, mark, outcome);
                Ok(Judged::Sign(Pending::of_mark(ticket, written)))
            }
            Verdict::Replay(signature) => Ok(Judged::Replay(signature)),
            Verdict::Wait => match &slot.flight {
                Some(flight) => Ok(Judged::Wait(flight.clone())),
                None => Err(Refusal::Internal),
            },
        }
    }

    /// A flight has ended, with or without a signature. A mark that has moved on since is left alone.
    pub(super) fn land(&self, slot_key: SlotKey, mark: Mark, signature: Option<Signature>) {
        let Ok(mut state) = self.lock() else { return };
        let Some(slot) = state.slots.get_mut(&slot_key) else {
            return;
        };
        if slot.mark == Some(mark) {
            slot.flight = None;
            slot.signature = signature;
            if let Some(signature) = signature {
                // Nobody waits for this write; without it a crash costs a retry, not the rule.
                drop(self.queue.enqueue(vec![Write::Signature {
                    slot: slot_key,
                    mark,
                    signature,
                }]));
            }
        }
    }

    pub(super) fn marks(&self) -> Vec<MarkView> {
        let Ok(state) = self.lock() else {
            return Vec::new();
        };
        let view = |(at, slot): (&SlotKey, &Slot)| {
            let mark = slot.mark?;
            Some(MarkView {
                chain: at.chain,
                key: at.key,
                class: at.class,
                height: mark.height,
                digest: mark.digest,
                signed: slot.signature.is_some(),
            })
        };
        state.slots.iter().filter_map(view).collect()
    }
}

// === impl Slot ===

impl Slot {
    fn answer(&self) -> Answer {
        match (&self.signature, &self.flight) {
            (Some(signature), _) => Answer::Stored(*signature),
            (None, Some(_)) => Answer::InFlight,
            (None, None) => Answer::Lost,
        }
    }
}
