//! Where marks are kept: one `SQLite` database, in WAL mode, synced at every commit.
//!
//! The database guards the rule a second time: a mark that would be lowered, changed in place or deleted aborts the commit.

mod schema;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::error::StoreError;
use super::rule::Mark;
use super::state::SlotKey;
use crate::tezos::{ChainId, PublicKeyHash, Signature};

/// Something to be made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// A mark; it replaces a lower one.
    Mark { slot: SlotKey, mark: Mark },
    /// The signature of a mark, if the mark still stands.
    Signature {
        slot: SlotKey,
        mark: Mark,
        signature: Signature,
    },
    /// Nothing of meaning.
    Probe,
}

/// A mark that was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) slot: SlotKey,
    pub(super) mark: Mark,
    pub(super) signature: Option<Signature>,
}

/// A place for marks. All of a batch is durable when `commit` returns, or the commit failed.
pub(super) trait Store: Send {
    fn commit(&mut self, batch: &[Write]) -> Result<(), StoreError>;
}

/// Where the marks came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// A whole store, of whatever chains and keys.
    Found,
    /// There was none. That is no fresh start: nothing is signed before the head of the chain is known.
    Created,
    /// There was one that can't be used. It is kept, and a new one was made, armed by the head of the chain only.
    Replaced {
        /// Where the old one is now.
        kept: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The database.
#[derive(Debug)]
pub(super) struct SqliteStore {
    connection: Connection,
}

/// A database that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) store: SqliteStore,
    pub(super) marks: Vec<Stored>,
    pub(super) provenance: Provenance,
}

/// The database's file in the state folder.
pub(super) const FILE: &str = "watermark.db";

// === impl SqliteStore ===

impl SqliteStore {
    /// Opens the database, or makes one; one that can't be used is moved aside.
    pub(super) fn open(
        dir: &Path,
        chains: &[ChainId],
        keys: &[PublicKeyHash],
    ) -> Result<Opened, StoreError> {
        let path = dir.join(FILE);
        let mut provenance = Provenance::Created;
        if path.try_exists()? {
            match Self::open_existing(&path, chains, keys) {
                Ok((store, marks)) => {
                    return Ok(Opened {
                        store,
                        marks,
                        provenance: Provenance::Found,
                    });
                }
                Err(error) => {
                    let reason = unusable(error)?;
                    provenance = Provenance::Replaced {
                        kept: move_aside(dir)?,
                        reason,
                    };
                }
            }
        }
        let mut store = Self {
            connection: connect(&path, true)?,
        };
        schema::create(&mut store.connection)?;
        schema::bind(&mut store.connection, chains, keys)?;
        sync(dir)?;
        Ok(Opened {
            store,
            marks: Vec::new(),
            provenance,
        })
    }

    fn open_existing(
        path: &Path,
        chains: &[ChainId],
        keys: &[PublicKeyHash],
    ) -> Result<(Self, Vec<Stored>), StoreError> {
        let mut connection = connect(path, false)?;
        schema::check(&connection)?;
        let marks = schema::read(&connection)?;
        schema::bind(&mut connection, chains, keys)?;
        Ok((Self { connection }, marks))
    }
}

impl Store for SqliteStore {
    fn commit(&mut self, batch: &[Write]) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for write in batch {
            match write {
                Write::Mark { slot, mark } => {
                    let digest = mark
                        .digest
                        .as_ref()
                        .map(|digest| digest.as_bytes().as_slice());
                    transaction
                        .prepare_cached(schema::WRITE_MARK)?
                        .execute(params![
                            slot.chain.as_bytes(),
                            slot.key.to_tagged(),
                            schema::class_number(slot.class),
                            mark.height.level,
                            mark.height.round,
                            digest,
                        ])?
                }
                Write::Signature {
                    slot,
                    mark,
                    signature,
                } => {
                    let digest = mark
                        .digest
                        .as_ref()
                        .map(|digest| digest.as_bytes().as_slice());
                    transaction
                        .prepare_cached(schema::WRITE_SIGNATURE)?
                        .execute(params![
                            slot.chain.as_bytes(),
                            slot.key.to_tagged(),
                            schema::class_number(slot.class),
                            mark.height.level,
                            mark.height.round,
                            digest,
                            signature.to_bytes(),
                        ])?
                }
                Write::Probe => transaction.prepare_cached(schema::PROBE)?.execute([])?,
            };
        }
        transaction.commit()?;
        Ok(())
    }
}

fn connect(path: &Path, create: bool) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    schema::configure(&connection)?;
    Ok(connection)
}

/// Why the file itself is of no use. What is the machine's fault (no space, no right, a disk that fails) is passed on:
/// moving the marks aside would not mend it.
fn unusable(error: StoreError) -> Result<String, StoreError> {
    let source = match error {
        StoreError::Unusable(reason) => return Ok(reason),
        StoreError::Sqlite(source) => source,
        other => return Err(other),
    };
    let cut_short = source
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ);
    match source.sqlite_error_code() {
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) if !cut_short => Err(StoreError::Sqlite(source)),
        _ => Ok(source.to_string()),
    }
}

/// Renames the database and what belongs to it to the first free name.
fn move_aside(dir: &Path) -> Result<PathBuf, StoreError> {
    let mut number = 1_u32;
    let kept = loop {
        let candidate = dir.join(format!("{FILE}.unusable-{number}"));
        if !candidate.try_exists()? {
            break candidate;
        }
        number = number.saturating_add(1);
    };
    // The log goes first: a crash in between must not leave an old log beside a new database.
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let from = dir.join(format!("{FILE}{suffix}"));
        if from.try_exists()? {
            let mut to = kept.clone().into_os_string();
            to.push(suffix);
            std::fs::rename(from, to)?;
        }
    }
    sync(dir)?;
    Ok(kept)
}

/// Makes names in a folder durable.
fn sync(dir: &Path) -> Result<(), StoreError> {
    Ok(File::open(dir)?.sync_all()?)
}
