//! The mark below which nothing is signed: what stands between a baker and a slashing.
//!
//! Promises, for each (chain, key, class of message):
//!
//! * At most one message is signed per level and round, whatever crashes, retries or fails. A retry of the same bytes
//!   gets the signature that was made, and while it is being made, waits for it.
//! * The mark is on disk before the signature leaves. The write runs beside the HSM's call and is shared by all that
//!   wait (one commit for many), so it costs a signature next to nothing.
//! * The mark is never lowered, least of all when the HSM or the disk fails: a failed call may have signed.
//! * After every start nothing is signed until [`Watermark::arm`] has heard the head of the chain. A store that is missing,
//!   corrupt or cut short never counts as a fresh start; it is kept aside for people to look at.
//! * Marks outlive the configuration: those of keys and chains that left it are kept, and hold again when they come back.
//! * No clock decides what is signed; one only ends the wait for a disk that stalls.
//!
//! ```text
//! Approved ──admit──▶ Permit (for the HSM) + Pending (for the mark)
//!                     backend.sign(permit) ║ pending.durable()  ──▶  Durable::complete(signature) ──▶ may leave
//! ```

mod error;
mod flight;
mod rule;
mod state;
mod store;
mod writer;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::{ArmError, Refusal, StoreError, WatermarkError, WriteError};
pub use flight::{Durable, Pending, Permit};
pub use store::Provenance;

use crate::policy::Approved;
use crate::request::{Class, Height, SigningRequest};
use crate::tezos::{ChainId, Digest, PublicKeyHash, Signature};
use flight::Outcome;
use state::Shared;
use store::{Opened, SqliteStore, Store, Stored, Write};
use writer::Writer;

/// How far above the chain's head the first mark stands after a start: what may have been signed and not yet be seen.
const HEAD_MARGIN: i32 = 2;

/// What the watermark is for and where it lives.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the store and its lock.
    pub dir: PathBuf,
    /// The only chains that are signed for.
    pub chains: Vec<ChainId>,
    /// The only keys that sign.
    pub keys: Vec<KeyFloor>,
}

/// A key and the contract's floor for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFloor {
    /// The key.
    pub key: PublicKeyHash,
    /// Nothing at or below this level is ever signed. 0 where the contract gives none.
    pub floor: i32,
}

/// A mark, for status pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkView {
    /// The chain.
    pub chain: ChainId,
    /// The key.
    pub key: PublicKeyHash,
    /// The class of messages.
    pub class: Class,
    /// Nothing below this is signed.
    pub height: Height,
    /// What was signed at this height; none for a floor.
    pub digest: Option<Digest>,
    /// Whether the signature is stored.
    pub signed: bool,
}

/// What to do with a request that may be signed.
#[derive(Debug)]
pub enum Admission {
    /// Sign it, and let the signature leave when the mark is durable too.
    Sign(Permit, Pending),
    /// It was signed before; this is the signature.
    Replay(Signature),
}

/// The marks of all keys. Dropping it writes what is queued and waits for the writer's thread, though not for ever.
#[derive(Debug)]
pub struct Watermark {
    shared: Arc<Shared>,
    provenance: Provenance,
    // Its thread holds the lock.
    _writer: Writer,
}

// === impl Watermark ===

impl Watermark {
    /// Opens the store in `config.dir`, which exists, and locks it until the watermark is dropped. Blocks; for start-up only.
    pub fn open(config: Config) -> Result<Self, WatermarkError> {
        let Config { dir, chains, keys } = config;
        let lock = lock(&dir)?;
        let hashes: Vec<_> = keys.iter().map(|key| key.key).collect();
        let Opened {
            store,
            marks,
            provenance,
        } = SqliteStore::open(&dir, &chains, &hashes)?;
        let (shared, writer) = Self::start(chains, &keys, Box::new(store), marks, Some(lock))?;
        Ok(Self {
            shared,
            provenance,
            _writer: writer,
        })
    }

    fn start(
        chains: Vec<ChainId>,
        keys: &[KeyFloor],
        store: Box<dyn Store>,
        marks: Vec<Stored>,
        lock: Option<File>,
    ) -> Result<(Arc<Shared>, Writer), WatermarkError> {
        let floors: BTreeMap<_, _> = keys.iter().map(|key| (key.key, key.floor)).collect();
        if chains.is_empty() || floors.is_empty() {
            return Err(WatermarkError::Nothing);
        }
        if floors.len() != keys.len() {
            return Err(WatermarkError::TwiceTheKey);
        }
        let (writer, queue) = Writer::start(store, lock)?;
        let shared = Shared::new(chains, floors, marks, queue);
        Ok((Arc::new(shared), writer))
    }

    /// Where the marks came from, for the log.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Lets a chain be signed for, from three levels above its head on: all marks are brought to the greatest of what is
    /// stored, the contract's floor and head + 2, durably, before this returns. Gives head + 2. Arming again changes
    /// nothing and gives the first answer.
    pub async fn arm(&self, chain: ChainId, head_level: i32) -> Result<i32, ArmError> {
        let head = Some(head_level).filter(|head| *head >= 0);
        let floor = head
            .and_then(|head| head.checked_add(HEAD_MARGIN))
            .ok_or(ArmError::Head(head_level))?;
        if let Some(floor) = self.shared.armed_at(chain)? {
            return Ok(floor);
        }
        self.shared.raise(chain, floor)?.await?;
        Ok(self.shared.set_armed(chain, floor)?)
    }

    /// Whether every configured chain is armed.
    pub fn armed(&self) -> bool {
        self.shared.all_armed()
    }

    /// Decides on a request, at once unless the same bytes are being signed right now; then it waits for that.
    /// The mark has been advanced and its write queued when this returns.
    pub async fn admit(&self, approved: Approved) -> Result<Admission, Refusal> {
        let (key, digest) = (approved.key(), *approved.request().digest());
        let permit = |name| Permit::new(key, digest, name);
        let consensus = match approved.request() {
            SigningRequest::Operation(_) => {
                self.shared.check_operation(key)?;
                let name = approved.request().name();
                return Ok(Admission::Sign(permit(name), Pending::of_operation()));
            }
            SigningRequest::Consensus(consensus) => consensus,
        };
        loop {
            match Shared::judge(&self.shared, key, consensus)? {
                Judged::Sign(pending) => {
                    return Ok(Admission::Sign(permit(consensus.kind.name()), pending));
                }
                Judged::Replay(signature) => return Ok(Admission::Replay(signature)),
                Judged::Wait(mut outcome) => {
                    // A call that failed, or a task that ended, leaves the decision to be taken anew.
                    if let Ok(signed) = outcome.wait_for(Option::is_some).await
                        && let Some(Outcome::Signed(signature)) = *signed
                    {
                        return Ok(Admission::Replay(signature));
                    }
                }
            }
        }
    }

    /// Whether the last write succeeded and none is stuck. False after a failed write, until one succeeds again.
    pub fn writable(&self) -> bool {
        self.shared.queue().writable()
    }

    /// Ends when the writer's thread has ended, which nothing but a bug makes it do while the watermark is in use.
    pub async fn ended(&self) {
        self.shared.queue().ended().await;
    }

    /// Writes something of no meaning, durably, to know whether the store can be written.
    pub async fn probe(&self) -> Result<(), WriteError> {
        self.shared.queue().write(vec![Write::Probe]).await
    }

    /// All marks that are set, in order.
    pub fn marks(&self) -> Vec<MarkView> {
        self.shared.marks()
    }
}

/// What [`Shared::judge`] came to.
enum Judged {
    Sign(Pending),
    Replay(Signature),
    Wait(tokio::sync::watch::Receiver<Option<Outcome>>),
}

/// Locks `<dir>/lock` for as long as the file is open.
fn lock(dir: &Path) -> Result<File, WatermarkError> {
    let path = dir.join("lock");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| WatermarkError::Io {
            path: path.clone(),
            source,
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(WatermarkError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(WatermarkError::Io { path, source }),
    }
}

#[cfg(test)]
pub(crate) mod tests;
