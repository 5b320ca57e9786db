//! The baker's journal: what it asked for and what it got, for whoever judges a run afterwards.
//!
//! One JSON object per line in `stand-in-journal.jsonl` in the base directory, flushed at once, never rewritten.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::octez::chain::now_ms;

/// Name of the file.
pub const FILE: &str = "stand-in-journal.jsonl";

/// How a slot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Signed, verified and taken by the node.
    Signed,
    /// Anything else.
    Missed,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unix time of the line, in milliseconds.
    pub ts_ms: u64,
    /// `block`, `preattestation` or `attestation`.
    pub class: String,
    /// Level.
    pub level: i32,
    /// Round: always 0.
    pub round: i32,
    /// Which key: its address.
    pub key: String,
    /// BLAKE2b-256 of the message, hex; empty for a slot whose head was never seen (`reason` says so).
    pub digest: String,
    /// The signature, once it was verified.
    pub signature: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was missed.
    pub reason: String,
}

/// The open file.
#[derive(Debug)]
pub struct Journal {
    file: Mutex<File>,
}

// === impl Journal ===

impl Journal {
    /// Opens the journal of a base directory, to append.
    pub fn open(base_dir: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o640)
            .open(base_dir.join(FILE))?;
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Appends a line, with its time set to now.
    pub fn write(&self, mut entry: Entry) -> std::io::Result<()> {
        entry.ts_ms = now_ms();
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)?;
        file.flush()
    }

    /// Reads the journal of a base directory; a torn last line is left out.
    pub fn read(base_dir: &Path) -> std::io::Result<Vec<Entry>> {
        let text = std::fs::read_to_string(base_dir.join(FILE))?;
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}
