//! The tables, how they are made, checked and read.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, TransactionBehavior};

use super::Stored;
use crate::request::{Class, Height};
use crate::tezos::{ChainId, Digest, PublicKeyHash, Signature};
use crate::watermark::error::StoreError;
use crate::watermark::rule::Mark;
use crate::watermark::state::SlotKey;

/// "BHwm": marks the file as a watermark of Bakehouse.
const APPLICATION: i64 = 0x4248_776d;
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE chain (id BLOB PRIMARY KEY CHECK (length(id) = 4)) STRICT, WITHOUT ROWID;
CREATE TABLE key (hash BLOB PRIMARY KEY CHECK (length(hash) = 21)) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE mark (
    chain     BLOB NOT NULL REFERENCES chain,
    key       BLOB NOT NULL REFERENCES key,
    class     INTEGER NOT NULL CHECK (class IN (17, 18, 19)),
    level     INTEGER NOT NULL CHECK (level BETWEEN 0 AND 2147483647),
    round     INTEGER NOT NULL CHECK (round BETWEEN 0 AND 2147483647),
    digest    BLOB CHECK (digest IS NULL OR length(digest) = 32),
    signature BLOB CHECK (signature IS NULL OR (length(signature) = 64 AND digest IS NOT NULL)),
    PRIMARY KEY (chain, key, class)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER mark_is_never_lowered BEFORE UPDATE ON mark
WHEN (NEW.level, NEW.round) < (OLD.level, OLD.round)
BEGIN SELECT RAISE(ABORT, 'a mark is never lowered'); END;
CREATE TRIGGER mark_is_never_changed BEFORE UPDATE ON mark
WHEN (NEW.level, NEW.round) = (OLD.level, OLD.round)
 AND (NEW.digest IS NOT OLD.digest OR (OLD.signature IS NOT NULL AND NEW.signature IS NOT OLD.signature))
BEGIN SELECT RAISE(ABORT, 'a mark is never changed in place'); END;
CREATE TRIGGER mark_is_never_moved BEFORE UPDATE OF chain, key, class ON mark
BEGIN SELECT RAISE(ABORT, 'a mark is never moved'); END;
CREATE TRIGGER mark_is_never_deleted BEFORE DELETE ON mark
BEGIN SELECT RAISE(ABORT, 'a mark is never deleted'); END;
INSERT INTO meta VALUES ('opened', 0), ('probes', 0);
";

pub(super) const WRITE_MARK: &str = "
INSERT INTO mark (chain, key, class, level, round, digest, signature)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)
ON CONFLICT (chain, key, class) DO UPDATE
SET level = excluded.level, round = excluded.round, digest = excluded.digest, signature = NULL
WHERE (excluded.level, excluded.round) > (mark.level, mark.round)";

pub(super) const WRITE_SIGNATURE: &str = "
UPDATE mark SET signature = ?7
WHERE chain = ?1 AND key = ?2 AND class = ?3 AND level = ?4 AND round = ?5 AND digest = ?6
  AND signature IS NULL";

pub(super) const PROBE: &str = "UPDATE meta SET value = value + 1 WHERE name = 'probes'";

/// Locked for us alone, written ahead, synced at every commit.
pub(super) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Unusable(format!(
            "journal mode {mode} instead of wal"
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

/// Makes the tables, all or none.
pub(super) fn create(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Whether the file is a whole watermark of ours, of this version.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION {
        return Err(StoreError::Unusable(
            "not a watermark of this signer".to_owned(),
        ));
    }
    match pragma("user_version")? {
        VERSION => {}
        newer if newer > VERSION => return Err(StoreError::TooNew(newer)),
        other => return Err(StoreError::Unusable(format!("schema version {other}"))),
    }
    let found: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if found != "ok" {
        return Err(StoreError::Unusable(found));
    }
    if schema_of(connection)? != expected_schema()? {
        return Err(StoreError::Unusable(
            "the tables are not those of this version".to_owned(),
        ));
    }
    Ok(())
}

/// The text of all tables and triggers.
fn schema_of(connection: &Connection) -> Result<BTreeSet<String>, StoreError> {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let texts = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(texts)
}

fn expected_schema() -> Result<BTreeSet<String>, StoreError> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(TABLES)?;
    schema_of(&fresh)
}

/// Adds the chains and keys of the configuration, beside those of other times, whose marks stay for their return; shows at
/// start that the store can be written.
pub(super) fn bind(
    connection: &mut Connection,
    chains: &[ChainId],
    keys: &[PublicKeyHash],
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for chain in chains {
        transaction.execute(
            "INSERT OR IGNORE INTO chain VALUES (?1)",
            [chain.as_bytes()],
        )?;
    }
    for key in keys {
        transaction.execute("INSERT OR IGNORE INTO key VALUES (?1)", [key.to_tagged()])?;
    }
    transaction.execute(
        "UPDATE meta SET value = value + 1 WHERE name = 'opened'",
        [],
    )?;
    transaction.commit()?;
    Ok(())
}

/// All marks, each value checked.
pub(super) fn read(connection: &Connection) -> Result<Vec<Stored>, StoreError> {
    let mut statement = connection
        .prepare("SELECT chain, key, class, level, round, digest, signature FROM mark")?;
    let mut rows = statement.query([])?;
    let mut marks = Vec::new();
    while let Some(row) = rows.next()? {
        let mark = stored(row).ok_or_else(|| {
            StoreError::Unusable("a mark has a value that it can't have".to_owned())
        })?;
        marks.push(mark);
    }
    Ok(marks)
}

fn stored(row: &Row<'_>) -> Option<Stored> {
    let key = PublicKeyHash::from_tagged(&row.get(1).ok()?).ok()?;
    let slot = SlotKey {
        chain: ChainId::from_bytes(row.get(0).ok()?),
        key,
        class: class_of(row.get(2).ok()?)?,
    };
    let digest: Option<[u8; 32]> = row.get(5).ok()?;
    let level = row.get(3).ok().filter(|level| *level >= 0)?;
    let round = row.get(4).ok().filter(|round| *round >= 0)?;
    let mark = Mark {
        height: Height { level, round },
        digest: digest.map(Digest::from_bytes),
    };
    let signature = match row.get::<_, Option<[u8; 64]>>(6).ok()? {
        None => None,
        Some(bytes) => Some(Signature::from_stored(key.curve(), bytes).ok()?),
    };
    Some(Stored {
        slot,
        mark,
        signature,
    })
}

/// Classes are stored by their magic byte.
pub(super) fn class_number(class: Class) -> u8 {
    match class {
        Class::Block => 0x11,
        Class::Preattestation => 0x12,
        Class::Attestation => 0x13,
    }
}

fn class_of(number: u8) -> Option<Class> {
    Class::ALL
        .into_iter()
        .find(|class| class_number(*class) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_is_synced_and_nobody_else_can_open_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let connection = Connection::open(dir.path().join("db")).unwrap();
        configure(&connection).unwrap();
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let text = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
        // 2 is FULL: the log is synced before a commit returns.
        assert_eq!(number("synchronous").unwrap(), 2);
        assert_eq!(number("foreign_keys").unwrap(), 1);
        assert_eq!(number("trusted_schema").unwrap(), 0);
        assert_eq!(text("journal_mode").unwrap(), "wal");
        assert_eq!(text("locking_mode").unwrap(), "exclusive");
    }

    #[test]
    fn classes_are_stored_as_their_magic_bytes() {
        let numbers = Class::ALL.map(class_number);
        assert_eq!(numbers, [0x11, 0x12, 0x13]);
        assert_eq!(numbers.map(class_of), Class::ALL.map(Some));
        assert_eq!(class_of(0x10), None);
    }
}
