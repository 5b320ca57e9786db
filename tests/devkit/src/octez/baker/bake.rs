//! One head's work: each delegate's messages, one after the other, within the block time.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::octez::chain::Chain;
use crate::octez::monitor::Node;
use crate::octez::node::data_dir;
use crate::octez::say;

use super::journal::{Entry, Journal, Outcome};
use super::marks::HighWatermarks;
use super::payload::{Class, Header, Message, vote};
use super::signer::RemoteKey;

/// A key that bakes, with its place in the committee.
#[derive(Debug, Clone)]
pub(super) struct Delegate {
    pub(super) name: String,
    pub(super) key: RemoteKey,
    pub(super) slot: u16,
}

/// What one run has come to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) blocks: u64,
    pub(super) signed: u64,
    pub(super) missed: u64,
}

/// A baker that is connected and knows its keys.
#[derive(Debug)]
pub(super) struct Baker {
    pub(super) chain: Chain,
    pub(super) node: Node,
    pub(super) node_dir: PathBuf,
    pub(super) delegates: Vec<Delegate>,
    pub(super) journal: Journal,
    pub(super) marks: HighWatermarks,
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, other: Tally) {
        self.blocks += other.blocks;
        self.signed += other.signed;
        self.missed += other.missed;
    }
}

// === impl Baker ===

impl Baker {
    /// Does all that is due at a head. Requests that were begun are finished; none is begun after `stop`.
    pub(super) async fn head(
        self: &Arc<Self>,
        level: i32,
        votes: u8,
        deadline: Instant,
        stop: &CancellationToken,
        tally: &mut Tally,
    ) {
        // The real baker reads the context of the block that it builds on.
        let readable = data_dir::read_head(&self.node_dir);
        let unreadable = readable.err().map(|error| error.to_string());
        let mut work = JoinSet::new();
        for (index, delegate) in self.delegates.iter().enumerate() {
            let messages = self.due(level, votes, index, delegate);
            let (baker, delegate) = (Arc::clone(self), delegate.clone());
            let (unreadable, stop) = (unreadable.clone(), stop.clone());
            work.spawn(async move {
                let mut tally = Tally::default();
                for message in messages {
                    if stop.is_cancelled() {
                        break;
                    }
                    tally.add(
                        baker
                            .message(&delegate, &message, unreadable.clone(), deadline)
                            .await,
                    );
                }
                tally
            });
        }
        while let Some(done) = work.join_next().await {
            match done {
                Ok(part) => tally.add(part),
                // Shows a bug of the stand-in as what it is.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }

    /// Writes down the slots of heads that were never seen: from `from` up to, not including, `to`.
    pub(super) fn unseen(&self, from: i32, to: i32, tally: &mut Tally) {
        for level in from..to {
            for (index, delegate) in self.delegates.iter().enumerate() {
                let mut slots = vec![(Class::Preattestation, level), (Class::Attestation, level)];
                if self.proposes(index, level.saturating_add(1)) {
                    slots.push((Class::Block, level.saturating_add(1)));
                }
                for (class, level) in slots {
                    let entry = entry(delegate, class, level, String::new());
                    self.missed(entry, "its head was never seen", tally);
                }
            }
        }
    }

    fn due(&self, level: i32, votes: u8, index: usize, delegate: &Delegate) -> Vec<Message> {
        let mut messages = vec![
            vote(&self.chain, Class::Preattestation, level, delegate.slot),
            vote(&self.chain, Class::Attestation, level, delegate.slot),
        ];
        let next = level.saturating_add(1);
        if self.proposes(index, next) {
            let key = delegate.key.hash.to_string();
            let header = Header::propose(&self.chain, next, &key, votes);
            messages.push(header.message(self.chain.network.chain_id));
        }
        messages
    }

    /// Delegates take turns.
    fn proposes(&self, index: usize, level: i32) -> bool {
        let turn = usize::try_from(level)
            .unwrap_or(0)
            .checked_rem(self.delegates.len());
        turn == Some(index)
    }

    async fn message(
        &self,
        delegate: &Delegate,
        message: &Message,
        unreadable: Option<String>,
        deadline: Instant,
    ) -> Tally {
        let mut tally = Tally::default();
        let mut entry = entry(
            delegate,
            message.class,
            message.level,
            hex::encode(message.digest()),
        );
        let result = match unreadable {
            Some(reason) => Err(reason),
            None => self.sign(delegate, message, deadline, &mut entry).await,
        };
        if let Err(reason) = result {
            self.missed(entry, &reason, &mut tally);
            return tally;
        }
        tally.signed += 1;
        self.log(entry);
        if message.class == Class::Block {
            tally.blocks += 1;
            say::line(&format!(
                "baked level {} for {}",
                message.level, delegate.name
            ));
        }
        tally
    }

    async fn sign(
        &self,
        delegate: &Delegate,
        message: &Message,
        deadline: Instant,
        entry: &mut Entry,
    ) -> Result<(), String> {
        if Instant::now() >= deadline {
            return Err("too late to ask".to_owned());
        }
        self.marks
            .admit(message.class, &entry.key, message.level)
            .map_err(|error| error.to_string())?;
        let signed = match timeout_at(deadline, delegate.key.sign(&message.bytes)).await {
            Ok(signed) => signed.map_err(|error| error.to_string())?,
            Err(_) => return Err("no signature within the block time".to_owned()),
        };
        entry.signature = Some(signed.text);
        let injection = self.inject(message, &signed.raw, &delegate.key);
        match timeout_at(deadline, injection).await {
            Ok(result) => result.map_err(|reason| format!("injection: {reason}")),
            Err(_) => Err("not injected within the block time".to_owned()),
        }
    }

    async fn inject(
        &self,
        message: &Message,
        signature: &[u8; 64],
        key: &RemoteKey,
    ) -> Result<(), String> {
        let data = hex::encode(message.signed(signature));
        let (route, body) = match message.class {
            Class::Block => (
                "block",
                serde_json::json!({"data": data, "operations": [[], [], [], []]}),
            ),
            Class::Preattestation | Class::Attestation => ("operation", serde_json::json!(data)),
        };
        let path = format!(
            "/injection/{route}?chain=main&stand_in_public_key={}",
            key.key
        );
        match self.node.base().post(&path, body.to_string()).await {
            Ok(reply) if reply.status == 200 => Ok(()),
            Ok(reply) => Err(reply.reason()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn missed(&self, mut entry: Entry, reason: &str, tally: &mut Tally) {
        tally.missed += 1;
        say::line(&format!(
            "missed {} at level {}: {reason}",
            entry.class, entry.level
        ));
        entry.outcome = Outcome::Missed;
        reason.clone_into(&mut entry.reason);
        self.log(entry);
    }

    fn log(&self, entry: Entry) {
        if let Err(error) = self.journal.write(entry) {
            say::error(&format!("the journal cannot be written: {error}"));
        }
    }
}

fn entry(delegate: &Delegate, class: Class, level: i32, digest: String) -> Entry {
    Entry {
        ts_ms: 0,
        class: class.name().to_owned(),
        level,
        round: 0,
        key: delegate.key.hash.to_string(),
        digest,
        signature: None,
        outcome: Outcome::Signed,
        reason: String::new(),
    }
}
