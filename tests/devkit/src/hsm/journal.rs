//! The call journal: one line per finished call, written before the answer leaves.
//!
//! So an answer that a client holds is always in the journal, and a signature can be matched with
//! the one call that made it. Data is recorded for signing and verifying only: what is encrypted or
//! unwrapped is a secret.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use bakehouse_proto::Ckr;
use serde::{Deserialize, Serialize};

/// One finished call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When the call was done, in milliseconds since 1970.
    pub ts_ms: u64,
    /// The RPC's name, such as `SignSingle`.
    pub rpc: String,
    /// The number of its mechanism, if it has one.
    pub mechanism: Option<u64>,
    /// The signed or verified data in hexadecimal; empty for other calls.
    pub data: String,
    /// The first 16 hexadecimal letters of the SHA-256 of the key's blob; empty without a key.
    pub key: String,
    /// `ok` or the name of the return code.
    pub result: String,
}

/// What a call says about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Call<'a> {
    pub(super) rpc: &'static str,
    pub(super) mechanism: Option<u64>,
    pub(super) data: &'a [u8],
    pub(super) key: &'a [u8],
}

/// The journal: a file, if one is wanted, and what is kept for tests.
#[derive(Debug)]
pub(super) struct Journal {
    file: Option<Mutex<File>>,
    kept: Option<Mutex<Vec<JournalEntry>>>,
}

// === impl JournalEntry ===

impl JournalEntry {
    fn new(call: &Call<'_>, result: Result<(), Ckr>) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            ts_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            rpc: call.rpc.to_owned(),
            mechanism: call.mechanism,
            data: hex::encode(call.data),
            key: fingerprint(call.key),
            result: result.map_or_else(|code| code.to_string(), |()| "ok".to_owned()),
        }
    }
}

// === impl Journal ===

impl Journal {
    /// A journal that appends to a file and, for tests, keeps its entries.
    pub(super) fn open(file: Option<&Path>, keep: bool) -> std::io::Result<Self> {
        let file = file
            .map(|path| OpenOptions::new().append(true).create(true).open(path))
            .transpose()?
            .map(Mutex::new);
        Ok(Self {
            file,
            kept: keep.then(Mutex::default),
        })
    }

    /// Records a finished call; an error means that the answer must not leave.
    pub(super) fn record(&self, call: &Call<'_>, result: Result<(), Ckr>) -> std::io::Result<()> {
        let entry = JournalEntry::new(call, result);
        if let Some(file) = &self.file {
            let mut line = serde_json::to_vec(&entry)?;
            line.push(b'\n');
            // One write per line, so that a reader never sees half of one.
            locked(file).write_all(&line)?;
        }
        if let Some(kept) = &self.kept {
            locked(kept).push(entry);
        }
        Ok(())
    }

    /// What was kept.
    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        self.kept
            .as_ref()
            .map(|kept| locked(kept).clone())
            .unwrap_or_default()
    }
}

/// How the journal names a key.
pub fn fingerprint(blob: &[u8]) -> String {
    if blob.is_empty() {
        return String::new();
    }
    let mut name = hex::encode(digest::digest(&digest::SHA256, blob));
    name.truncate(16);
    name
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_agreed_fields() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let journal = Journal::open(Some(&path), true).unwrap();
        let call = Call {
            rpc: "SignSingle",
            mechanism: Some(4161),
            data: &[1, 2],
            key: b"abc",
        };
        journal.record(&call, Ok(())).unwrap();
        journal
            .record(
                &Call {
                    rpc: "Sign",
                    ..Call::default()
                },
                Err(Ckr::DATA_INVALID),
            )
            .unwrap();

        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<JournalEntry> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, journal.entries());
        let rest = text
            .lines()
            .next()
            .unwrap()
            .split_once(",\"rpc\"")
            .unwrap()
            .1;
        assert_eq!(
            rest,
            r#":"SignSingle","mechanism":4161,"data":"0102","key":"ba7816bf8f01cfea","result":"ok"}"#
        );
        assert_eq!(lines[1].result, "CKR_DATA_INVALID");
        assert_eq!((lines[1].mechanism, lines[1].key.as_str()), (None, ""));
    }

    #[test]
    fn a_second_journal_appends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        for _ in 0..2 {
            let journal = Journal::open(Some(&path), false).unwrap();
            journal.record(&Call::default(), Ok(())).unwrap();
            assert!(journal.entries().is_empty());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
