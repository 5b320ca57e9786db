//! The prober's journal: one JSON object per line, flushed at once.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What a target has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Connections are made.
    Open,
    /// They are not.
    Closed,
    /// On the held connection, data comes (again).
    HeldOpen,
    /// On the held connection, data has stopped; the time is that of the last data.
    HeldSilent,
    /// The held connection was closed by the other side, or broke.
    HeldClosed,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Unix time in milliseconds, with fractions.
    pub ts_ms: f64,
    /// The TCP address.
    pub target: String,
    /// What it has become.
    pub state: State,
}

/// The open file, if one was asked for.
#[derive(Debug, Clone)]
pub(super) struct Journal(Option<Arc<Mutex<File>>>);

// === impl Event ===

impl Event {
    /// Reads a journal; a torn last line is left out.
    pub fn read(path: &Path) -> std::io::Result<Vec<Event>> {
        let text = std::fs::read_to_string(path)?;
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}

// === impl Journal ===

impl Journal {
    pub(super) fn open(path: Option<&Path>) -> std::io::Result<Self> {
        let open = |path| OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(
            path.map(open)
                .transpose()?
                .map(|file| Arc::new(Mutex::new(file))),
        ))
    }

    pub(super) fn write(&self, event: &Event) -> std::io::Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)?;
        file.flush()
    }
}
